import { useMemo } from 'react';
import { noBidText } from '../../bidding/nobid';
import { useLanguage, useMessages } from '../../i18n/language';
import { Bar } from '../../ui/Bar';
import { Chart } from '../../ui/Chart';
import { Panel } from '../../ui/Panel';
import { count, dateTime } from '../../values/format';
import { type Live, noBids } from './live';
import { words } from './words';

const SHOWN = 8; // reasons

// Traffic is the last two minutes, second by second.
export function Traffic({ live }: { live: Live }) {
  const t = useMessages(words);
  const { language } = useLanguage();
  const seconds = useMemo(() => live.seconds ?? [], [live.seconds]);
  const x = useMemo(() => seconds.map((s) => Date.parse(s.at) / 1000), [seconds]);
  const traffic = useMemo(() => [
    { label: t('requests'), values: seconds.map((s) => s.requests), color: 'muted' as const },
    { label: t('bids'), values: seconds.map((s) => s.bids), fill: true },
  ], [seconds, t]);
  const latency = useMemo(() => [
    { label: t('p50'), values: seconds.map((s) => s.p50_us / 1000), color: 'third' as const },
    { label: 'p99', values: seconds.map((s) => s.p99_us / 1000), color: 'second' as const },
  ], [seconds, t]);
  const at = (s: number) => dateTime(new Date(s * 1000), 'UTC', language);
  const reasons = noBids(seconds);
  const all = reasons.reduce((n, r) => n + r.count, 0);
  return (
    <div className="two-columns">
      <Panel title={t('traffic')} lead={t('perSecond')}>
        <Legend items={[['muted', t('requests')], ['first', t('bids')]]} />
        <Chart label={t('traffic')} x={x} zone="UTC" xText={at} y={(v) => count(Math.round(v))} series={traffic} />
      </Panel>
      <Panel title={t('latency')} lead={t('perSecond')}>
        <Legend items={[['third', t('p50')], ['second', 'p99']]} />
        <Chart label={t('latency')} x={x} zone="UTC" xText={at} y={(v) => t('ms', { n: v.toFixed(1) })} series={latency} />
      </Panel>
      <Panel title={t('reasons')} lead={t('reasonsLead')}>
        {reasons.length === 0 && <p className="muted">{t('noNoBids')}</p>}
        <ul className="bars">
          {reasons.slice(0, SHOWN).map((r) => (
            <li key={r.reason}>
              <span>{noBidText(r.reason, language)}</span><span className="number">{count(r.count)}</span>
              <Bar label={`${noBidText(r.reason, language)}: ${r.count}`} part={BigInt(r.count)} whole={BigInt(all)} tone="idle" />
            </li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}

export function Legend({ items }: { items: [color: string, text: string][] }) {
  return <ul className="legend" aria-hidden="true">{items.map(([color, text]) => <li key={text}><span className={`key ${color}`} />{text}</li>)}</ul>;
}
