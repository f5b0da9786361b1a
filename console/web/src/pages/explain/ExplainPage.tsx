import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { noBidText } from '../../bidding/nobid';
import { call } from '../../api/client';
import { Problem } from '../../api/problem';
import { FieldFrame } from '../../form/Field';
import { useLanguage, useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { Panel } from '../../ui/Panel';
import { EXAMPLE } from './example';
import { Impression } from './Impression';
import type { Explanation } from './types';
import { words } from './words';

// Bid explainer: what the bidder would do with a request, and why. ?line_item=7 asks of one.
export default function ExplainPage() {
  const t = useMessages(words);
  const [p] = useSearchParams();
  const names = useQuery({
    queryKey: ['targeting-vocabulary'], staleTime: 300_000,
    queryFn: async ({ signal }) => (await call('get', '/v1/targeting-vocabulary', { signal })).data,
  });
  const exchanges = names.data?.exchanges ?? [];
  const [exchange, setExchange] = useState('');
  const [line, setLine] = useState(p.get('line_item') ?? '');
  const [text, setText] = useState('');
  const [empty, setEmpty] = useState(false);
  const chosen = exchange || exchanges[0] || '';
  const ask = useMutation({
    mutationFn: async () => (await call('post', '/v1/explain', {
      query: { exchange: chosen, ...(line.trim() && { line_item: Number(line) }) }, body: new Blob([text]), contentType: 'application/json',
    })).data as Explanation,
  });
  const violations = ask.error instanceof Problem ? ask.error.violations : [];
  const said = violations.map((v) => `${v.field}: ${v.rule}`).join('; ');
  return (
    <Page title={t('title')}>
      <div className="stack">
        <Panel title={t('ask')} lead={t('lead')} actions={<Button small look="quiet" onClick={() => setText(JSON.stringify(EXAMPLE, null, 2))}>{t('example')}</Button>}>
          <FieldFrame label={t('request')} error={empty && !text.trim() ? t('empty') : said || undefined}>
            {({ id, describedBy, invalid }) => <textarea id={id} name="request" className="code" rows={12} spellCheck={false} value={text} aria-describedby={describedBy} aria-invalid={invalid} onChange={(e) => setText(e.target.value)} />}
          </FieldFrame>
          <div className="grid small-cells">
            <FieldFrame label={t('exchange')}>
              {({ id }) => <select id={id} name="exchange" value={chosen} onChange={(e) => setExchange(e.target.value)}>{exchanges.map((x) => <option key={x}>{x}</option>)}</select>}
            </FieldFrame>
            <FieldFrame label={t('line')} hint={t('lineHint')}>
              {({ id, describedBy }) => <input id={id} name="line_item" inputMode="numeric" value={line} aria-describedby={describedBy} onChange={(e) => setLine(e.target.value.replace(/\D/g, ''))} />}
            </FieldFrame>
          </div>
          <div><Button look="primary" busy={ask.isPending} onClick={() => { setEmpty(true); if (text.trim()) ask.mutate(); }}>{t('explain')}</Button></div>
        </Panel>
        {ask.error && !said && <Failure error={ask.error} />}
        {ask.data && !ask.error && <Answer x={ask.data} />}
      </div>
    </Page>
  );
}

// Answer reads from the verdict down to each price.
function Answer({ x }: { x: Explanation }) {
  const t = useMessages(words);
  const { language } = useLanguage();
  const bids = (x.imps ?? []).some((i) => i.bids?.length);
  return (
    <>
      <section className={`notice ${bids ? 'info' : 'warn'}`} role="status">
        <h2>{bids ? t('wouldBid') : t('noBid', { why: noBidText(x.no_bid ?? '', language) })}</h2>
        <ul>
          {x.refused?.length ? <li>{t('refused')}: {x.refused.map((r) => noBidText(r, language)).join(', ')}</li> : null}
          {x.traffic && <li>{t('traffic', { what: x.traffic })}</li>}
          {x.supply?.length ? <li>{t('supply', { what: x.supply.map((r) => noBidText(r, language)).join(', ') })}</li> : null}
          {(x.privacy ?? []).map((f, i) => <li key={i}>{t('privacy')}: <code>{f.signal}</code> {[f.says, f.follows && t('follows', { what: f.follows }), f.reason].filter(Boolean).join(', ')}</li>)}
          <li>{t('user', { from: x.user })}</li>
          <li>{t('deadline', { n: Math.round(x.deadline_ns / 1e6) })}; {t('at', { n: x.generation })}</li>
          {x.cut && <li>{t('cut')}</li>}
        </ul>
      </section>
      {(x.imps ?? []).map((i) => <Impression key={i.id} imp={i} />)}
    </>
  );
}
