import { Link } from 'react-router';
import { noBidText } from '../../bidding/nobid';
import { useLanguage, useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { Panel } from '../../ui/Panel';
import { count } from '../../values/format';
import { percentPPM } from '../../values/money';
import type { ImpExplanation, LineExplanation } from './types';
import { words } from './words';

// Impression is what becomes of one impression: its bids, and why others do not bid.
export function Impression({ imp }: { imp: ImpExplanation }) {
  const t = useMessages(words);
  const { language } = useLanguage();
  const reasons = Object.entries(imp.reasons ?? {}).sort((a, b) => b[1] - a[1]);
  return (
    <Panel title={t('impression', { id: imp.id })} lead={t('offers', { what: (imp.offers ?? []).join(', ') || '–' })}>
      {imp.no_bid && <p>{t('noBid', { why: noBidText(imp.no_bid, language) })}</p>}
      {imp.bids?.length ? (
        <ul className="facts">
          {imp.bids.map((b, i) => (
            <li key={i}><strong className="money">{b.price} {b.currency}</strong> <Link to={`/line-items/${b.line_item}`}>{t('line')} {b.line_item}</Link>, {t('creative', { id: b.creative })}, {b.deal ? t('deal', { id: b.deal }) : t('open')}</li>
          ))}
        </ul>
      ) : null}
      {reasons.length > 0 && (
        <>
          <h3>{t('counts')}</h3>
          <ul className="chip-row">{reasons.map(([r, n]) => <li key={r}><Badge tone={r === 'bid' ? 'good' : 'idle'}>{noBidText(r, language)}: {count(n)}</Badge></li>)}</ul>
        </>
      )}
      {imp.line_items?.length ? <h3>{t('lines')}</h3> : null}
      <div className="stack">{(imp.line_items ?? []).map((l) => <Line key={l.line_item} line={l} />)}</div>
    </Panel>
  );
}

function Line({ line }: { line: LineExplanation }) {
  const t = useMessages(words);
  const { language } = useLanguage();
  return (
    <details className="dimension" open={line.first !== 'bid' || undefined}>
      <summary><span className="picker-name">{line.name}</span> <Badge tone={line.first === 'bid' ? 'good' : 'warn'}>{noBidText(line.first, language)}</Badge></summary>
      <div className="stack">
        <p><Link to={`/line-items/${line.line_item}`}>{t('line')} {line.line_item}</Link></p>
        {(line.reasons?.length ?? 0) > 1 && <p>{line.reasons!.map((r) => noBidText(r, language)).join('; ')}</p>}
        {line.targeting?.length ? <p>{t('targeting', { what: line.targeting.join(', ') })}</p> : null}
        {line.creatives?.some((c) => c.reasons?.length) && (
          <ul className="facts">{line.creatives.filter((c) => c.reasons?.length).map((c) => <li key={c.creative}>{t('creative', { id: c.creative })}: {c.reasons!.map((r) => noBidText(r, language)).join('; ')}</li>)}</ul>
        )}
        {(line.prices ?? []).map((p, i) => <Price key={i} price={p} />)}
      </div>
    </details>
  );
}

// Price is how a price comes about, step by step.
function Price({ price: p }: { price: NonNullable<LineExplanation['prices']>[number] }) {
  const t = useMessages(words);
  const { language } = useLanguage();
  const steps: [string, string | undefined][] = [
    [t('price'), `${p.price} (${p.pricing})`], [t('ctr'), p.expected_ctr_ppm ? percentPPM(p.expected_ctr_ppm) : undefined], [t('fee'), percentPPM(p.platform_fee_ppm)],
    [t('maxBid'), `${p.max_bid} ${p.currency}`], [t('worth'), `${p.value} ${p.currency}`], [t('paced'), percentPPM(p.pacing_multiplier_ppm)],
    [t('converted'), p.converted && `${p.converted} ${p.bid_currency}`], [t('floor'), `${p.floor} ${p.floor_currency}`], [t('bid'), p.bid && `${p.bid} ${p.bid_currency}`],
  ];
  return (
    <div>
      <h4>{t('creative', { id: p.creative })}, {p.deal ? t('deal', { id: p.deal }) : t('open')} {p.reason && <Badge tone="warn">{noBidText(p.reason, language)}</Badge>}</h4>
      <dl className="steps" aria-label={t('how')}>{steps.filter(([, v]) => v).map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{v}</dd></div>)}</dl>
      {p.cap && <p>{t('cap', { what: p.cap })}</p>}
    </div>
  );
}
