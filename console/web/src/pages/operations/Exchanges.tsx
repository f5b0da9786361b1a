import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { Link } from 'react-router';
import { call } from '../../api/client';
import { useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { Failure } from '../../ui/Failure';
import { Panel } from '../../ui/Panel';
import { type ColumnDef, Table } from '../../ui/Table';
import { count } from '../../values/format';
import { percent, reportOptions } from '../reports/report';
import { today } from '../../values/zone';
import { brakesOptions } from './live';
import { words } from './words';

interface Row {
  name: string;
  bids: number;
  wins: number;
  impressions: number;
  media: string;
  stopped: boolean;
}

// Exchanges are those that are configured, with what the day brought on each.
export function Exchanges({ lag }: { lag: number }) {
  const t = useMessages(words);
  const names = useQuery({
    queryKey: ['targeting-vocabulary'], staleTime: 300_000,
    queryFn: async ({ signal }) => (await call('get', '/v1/targeting-vocabulary', { signal })).data,
  });
  const day = today(new Date(), 'UTC');
  const report = useQuery({ ...reportOptions({ from: day, to: day, group_by: ['exchange'], time_zone: 'UTC' }), refetchInterval: 5_000 });
  const brakes = useQuery(brakesOptions);
  const rows = useMemo<Row[]>(() => (names.data?.exchanges ?? []).map((name) => {
    const mine = (report.data?.rows ?? []).filter((r) => r.exchange === name);
    const sum = (key: string) => mine.reduce((n, r) => n + Number(r[key] ?? 0), 0);
    return {
      name, bids: sum('bids'), wins: sum('wins'), impressions: sum('impressions'),
      media: mine.map((r) => `${String(r.media_cost ?? '')} ${String(r.currency ?? '')}`).join(' + '),
      stopped: (brakes.data ?? []).some((k) => k.scope === 'all' || (k.scope === 'exchange' && k.exchange === name)),
    };
  }), [names.data, report.data, brakes.data]);
  const columns = useMemo<ColumnDef<Row>[]>(() => [
    { accessorKey: 'name', header: t('exchange') },
    { id: 'status', header: t('status'), accessorFn: (r) => r.stopped, cell: (c) => (c.row.original.stopped ? <Badge tone="bad">{t('killedState')}</Badge> : <Badge tone="good">{t('running')}</Badge>) },
    ...(['bids', 'wins', 'impressions'] as const).map((k): ColumnDef<Row> => ({
      accessorKey: k, header: t(k === 'impressions' ? k : `${k}Today`), meta: { number: true }, cell: (c) => count(c.row.original[k]),
    })),
    { id: 'rate', header: t('winRate'), meta: { number: true }, accessorFn: (r) => (r.bids ? r.wins / r.bids : -1), cell: (c) => percent(c.row.original.wins, c.row.original.bids) },
    { accessorKey: 'media', header: t('media'), meta: { number: true }, enableSorting: false },
    { id: 'books', header: () => <span className="visually-hidden">{t('books')}</span>, enableSorting: false, cell: (c) => <Link to={`/ledger?exchange=${encodeURIComponent(c.row.original.name)}`}>{t('books')}</Link> },
  ], [t]);
  const error = names.error ?? report.error;
  return (
    <Panel title={t('exchanges')} lead={t('exchangesLead', { n: lag.toFixed(1) })}>
      {error ? <Failure error={error} /> : <Table label={`${t('exchanges')} (${rows.length})`} rows={rows} columns={columns} rowId={(r) => r.name} />}
    </Panel>
  );
}
