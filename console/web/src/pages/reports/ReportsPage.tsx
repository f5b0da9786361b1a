import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo, useState, useSyncExternalStore } from 'react';
import { session } from '../../api/session';
import { FieldFrame } from '../../form/Field';
import { useLanguage, useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Empty } from '../../ui/Empty';
import { Failure, useExplain } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { Panel } from '../../ui/Panel';
import { useToast } from '../../ui/Toast';
import { dateTime } from '../../values/format';
import { Controls } from './Controls';
import { Figure } from './cells';
import { download } from './download';
import { type Dimension, type Metric, type Report, reportOptions } from './report';
import { ReportTable } from './ReportTable';
import { queryOf, type Shown, useShown } from './state';
import { Trend } from './Trend';
import { Views } from './Views';
import { metricWords, words } from './words';

// Reports: whatever the API can sum up, as a chart, a table and a file.
export default function ReportsPage() {
  const t = useMessages(words);
  const [shown, set] = useShown();
  const { me } = useSyncExternalStore(session.subscribe, session.get);
  const query = useMemo(() => queryOf(shown), [shown]);
  const { data, error, refetch, isFetching } = useQuery({ ...reportOptions(query), placeholderData: keepPreviousData });
  return (
    <Page title={t('title')} beside={data && <Status report={data} />} actions={<CSV shown={shown} />}>
      <div className="stack" aria-busy={isFetching || undefined}>
        <Views shown={shown} />
        <Controls shown={shown} set={set} costs={me?.role === 'operator'} />
        {error && <Failure error={error} retry={() => void refetch()} />}
        {data && !error && <Result report={data} shown={shown} />}
      </div>
    </Page>
  );
}

export function Status({ report }: { report: Report }) {
  const t = useMessages(words);
  return <Badge tone={report.status === 'final' ? 'good' : 'info'} title={report.status === 'final' ? undefined : t('preliminaryHint')}>{t(report.status === 'final' ? 'final' : 'preliminary')}</Badge>;
}

function CSV({ shown }: { shown: Shown }) {
  const t = useMessages(words);
  const explain = useExplain();
  const toast = useToast();
  const [busy, setBusy] = useState(false);
  const get = async () => {
    const q = new URLSearchParams({ format: 'csv' });
    for (const [k, v] of Object.entries(queryOf(shown))) for (const one of [v].flat()) if (one !== undefined) q.append(k, String(one));
    setBusy(true);
    try {
      await download('/v1/reports', q, `report-${shown.from}-${shown.to}.csv`);
      toast(t('downloading'));
    } catch (err) {
      toast(explain(err), 'bad');
    } finally {
      setBusy(false);
    }
  };
  return <Button busy={busy} onClick={() => void get()}>{t('csv')}</Button>;
}

// Result is a report as it is read: totals, the chart over time, the rows.
export function Result({ report, shown, names }: { report: Report; shown: Pick<Shown, 'by' | 'metrics' | 'zone'>; names?: (d: Dimension, value: unknown) => string }) {
  const t = useMessages(words);
  const { language } = useLanguage();
  const rows = report.rows ?? [];
  // Currencies without any row here would be lines of noughts.
  const totals = (report.totals ?? []).filter((x) => rows.some((r) => r.currency === x.currency));
  const timed = shown.by.some((d) => d === 'day' || d === 'hour');
  if (rows.length === 0) return <Empty title={t('nothing')}>{t('nothingHint')}</Empty>;
  return (
    <>
      <Totals totals={totals} metrics={shown.metrics} />
      {timed && <TrendPanel rows={rows} metrics={shown.metrics} zone={shown.zone || 'UTC'} currencies={totals.length} />}
      {shown.by.length > 0 && <ReportTable rows={rows} by={shown.by} metrics={shown.metrics} names={names} />}
      <p className="hint">
        {t('asOf', { at: dateTime(new Date(report.as_of), shown.zone || 'UTC', language) })} {report.status !== 'final' && t('preliminaryHint')} {totals.length > 1 && t('currencies')}
      </p>
    </>
  );
}

function Totals({ totals, metrics }: { totals: Report['totals']; metrics: Metric[] }) {
  const name = useMessages(metricWords);
  const t = useMessages(words);
  return totals?.map((r) => (
    <dl key={String(r.currency)} className="tiles" aria-label={`${t('totals')} ${String(r.currency ?? '')}`}>
      {metrics.map((m) => <div key={m} className="tile"><dt>{name(m)}</dt><dd><Figure row={r} metric={m} /></dd></div>)}
    </dl>
  ));
}

function TrendPanel({ rows, metrics, zone, currencies }: { rows: Report['rows']; metrics: Metric[]; zone: string; currencies: number }) {
  const t = useMessages(words);
  const name = useMessages(metricWords);
  const [chosen, choose] = useState<Metric>('impressions');
  const metric = metrics.includes(chosen) ? chosen : metrics[0]!;
  const first = rows![0]!.currency;
  const times = new Set(rows!.map((r) => String(r.hour ?? r.day)));
  const mine = useMemo(() => (currencies > 1 ? rows!.filter((r) => r.currency === first) : rows!), [rows, currencies, first]);
  if (times.size < 2) return null; // a point is no line
  return (
    <Panel title={t('chart')} actions={(
      <FieldFrame label={t('chartOf')} className="beside">
        {({ id }) => <select id={id} value={metric} onChange={(e) => choose(e.target.value as Metric)}>{metrics.map((m) => <option key={m} value={m}>{name(m)}{currencies > 1 ? ` (${String(first)})` : ''}</option>)}</select>}
      </FieldFrame>
    )}>
      <Trend rows={mine} metric={metric} zone={zone} />
    </Panel>
  );
}
