import { useQuery } from '@tanstack/react-query';
import { useMessages } from '../../i18n/language';
import { Problem } from '../../api/problem';
import { Badge, type Tone } from '../../ui/Badge';
import { LinkButton } from '../../ui/Button';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { count } from '../../values/format';
import { Brakes } from './Brakes';
import { Books } from './Books';
import { Exchanges } from './Exchanges';
import { type Live, liveOptions, recent } from './live';
import { Refused } from './Refused';
import { Traffic } from './Traffic';
import { words } from './words';

// What an operator must see at one look: does it bid, is it fast, is money safe, and
// what holds it back.
export default function OperationsPage() {
  const t = useMessages(words);
  const { data, error, refetch } = useQuery(liveOptions);
  const without = error instanceof Problem && error.status === 404;
  return (
    <Page title={t('title')} beside={data && <Verdict live={data} />} actions={<LinkButton to="/ledger">{t('statement')}</LinkButton>}>
      <div className="stack">
        {without && <p className="notice info">{t('noReports')}</p>}
        {error && !without && <Failure error={error} retry={() => void refetch()} />}
        {data && <Tiles live={data} />}
        <Brakes />
        {data && <Traffic live={data} />}
        {data && <Exchanges lag={Math.max(0, data.report_lag_seconds)} />}
        <Books />
        <Refused />
      </div>
    </Page>
  );
}

function Verdict({ live }: { live: Live }) {
  const t = useMessages(words);
  if (live.killed) return <Badge tone="bad">{t('stopped')}</Badge>;
  if (!live.ready) return <Badge tone="bad" title={live.not_ready}>{t('notReady')}{live.not_ready && `: ${live.not_ready}`}</Badge>;
  return recent(live.seconds).bids > 0 ? <Badge tone="good">{t('bidding')}</Badge> : <Badge tone="info">{t('idle')}</Badge>;
}

// Above these a tile is a warning, and then bad: half and all of what reports and
// exchanges are promised.
const LAG_SECONDS = [5, 60] as const;
const P99_US = [10_000, 50_000] as const;

const toneOf = (v: number, [warn, bad]: readonly [number, number]): Tone => (v > bad ? 'bad' : v > warn ? 'warn' : 'good');

function Tiles({ live }: { live: Live }) {
  const t = useMessages(words);
  const now = recent(live.seconds);
  const lag = Math.max(0, live.report_lag_seconds); // two clocks: it may be a hair below
  const perSecond = (n: number) => count(n < 10 ? Math.round(n * 10) / 10 : Math.round(n));
  const tiles: { label: string; value: string; hint?: string; tone: Tone }[] = [
    { label: t('requests'), value: perSecond(now.requests), hint: t('lastMinute'), tone: 'idle' },
    { label: t('bids'), value: perSecond(now.bids), hint: t('lastMinute'), tone: 'idle' },
    { label: t('p99'), value: t('ms', { n: (now.p99us / 1000).toFixed(1) }), hint: t('worstMinute'), tone: toneOf(now.p99us, P99_US) },
    { label: t('lag'), value: t('seconds', { n: lag.toFixed(1) }), tone: toneOf(lag, LAG_SECONDS) },
    { label: t('spill'), value: count(live.spill_records), tone: live.spill_records > 0 ? 'warn' : 'good' },
    { label: t('partitions'), value: count(live.ledger_partitions_stopped), tone: live.ledger_partitions_stopped > 0 ? 'bad' : 'good' },
    { label: t('leases'), value: count(live.open_leases), tone: 'idle' },
  ];
  return (
    <dl className="tiles" aria-label={t('health')}>
      {tiles.map((x) => <div key={x.label} className={`tile ${x.tone}`}><dt>{x.label}</dt><dd>{x.value}</dd>{x.hint && <dd className="hint">{x.hint}</dd>}</div>)}
    </dl>
  );
}
