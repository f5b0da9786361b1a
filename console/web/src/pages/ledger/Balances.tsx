import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { call } from '../../api/client';
import type { Advertiser } from '../../api/entities';
import { useMessages } from '../../i18n/language';
import { Bar } from '../../ui/Bar';
import { Failure } from '../../ui/Failure';
import { Money } from '../../ui/Money';
import { Panel } from '../../ui/Panel';
import { type ColumnDef, Table } from '../../ui/Table';
import { decimalNanos, exactNanos } from '../../values/money';
import { words } from './words';

interface Row {
  key: string;
  level: 'advertiser' | 'campaign' | 'line_item';
  id: number;
  of: 'charge' | 'media';
  horizon: string;
  posted: bigint;
  held: bigint;
  limit?: bigint;
}

// Balances are what is posted and held against every limit, live.
export function Balances({ advertiser }: { advertiser: Advertiser }) {
  const t = useMessages(words);
  const { data, error } = useQuery({
    queryKey: ['balance-books', advertiser.id], refetchInterval: 5_000,
    queryFn: async ({ signal }) => (await call('get', '/v1/advertisers/{id}/balance', { path: { id: advertiser.id }, signal })).data,
  });
  const rows = useMemo<Row[]>(() => (data?.accounts ?? []).flatMap((a) => (a.horizons ?? []).map((h) => ({
    key: `${a.level} ${a.id} ${h.of} ${h.horizon}`, level: a.level, id: a.id, of: h.of, horizon: h.horizon,
    posted: decimalNanos(h.posted), held: decimalNanos(h.held), ...(h.limit && { limit: decimalNanos(h.limit) }),
  }))).filter((r) => r.limit !== undefined || r.posted !== 0n || r.held !== 0n), [data]);
  const columns = useMemo<ColumnDef<Row>[]>(() => [
    { id: 'level', header: t('level'), accessorFn: (r) => `${t(r.level)} ${r.id}` },
    { id: 'of', header: t('of'), accessorFn: (r) => t(r.of) },
    { id: 'horizon', header: t('horizon'), accessorFn: (r) => (r.horizon === 'today' || r.horizon === 'lifetime' ? t(r.horizon) : t('flight', { start: r.horizon.slice(0, 10) })) },
    ...(['posted', 'held'] as const).map((k): ColumnDef<Row> => ({ id: k, header: t(k), meta: { number: true }, enableSorting: false, cell: (c) => <Money nanos={c.row.original[k]} exact /> })),
    { id: 'limit', header: t('limit'), meta: { number: true }, enableSorting: false, cell: (c) => (c.row.original.limit === undefined ? <span className="muted">{t('unlimited')}</span> : <Money nanos={c.row.original.limit} exact />) },
    {
      id: 'bar', header: () => <span className="visually-hidden">{t('posted')}</span>, enableSorting: false,
      cell: ({ row: { original: r } }) => r.limit !== undefined && <Bar label={`${exactNanos(r.posted)} / ${exactNanos(r.limit)}`} part={r.posted} whole={r.limit} tone={r.posted >= r.limit ? 'warn' : 'good'} />,
    },
  ], [t]);
  if (error) return <Failure error={error} />;
  if (rows.length === 0) return null;
  return <Panel title={t('balances')} lead={`${t('balancesLead')} ${advertiser.currency}`}><Table label={`${t('balances')} (${rows.length})`} rows={rows} columns={columns} rowId={(r) => r.key} /></Panel>;
}
