import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { call } from '../../api/client';
import { useLanguage, useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { Failure } from '../../ui/Failure';
import { Money } from '../../ui/Money';
import { Panel } from '../../ui/Panel';
import { type ColumnDef, Table } from '../../ui/Table';
import { dateTime } from '../../values/format';
import { ledgerOptions } from './live';
import { words } from './words';

interface Row {
  key: string;
  exchange: string;
  currency: string;
  owed: bigint;
  counted: bigint;
}

// Books compares what the ledger owes exchanges with what the reports count: the same
// to the nano once the reports have caught up.
export function Books() {
  const t = useMessages(words);
  const { language } = useLanguage();
  const ledger = useQuery(ledgerOptions);
  const totals = useQuery({
    queryKey: ['report-totals'], refetchInterval: 5_000, retry: false,
    queryFn: async ({ signal }) => (await call('get', '/v1/report-totals', { signal })).data,
  });
  const rows = useMemo<Row[]>(() => (ledger.data?.payables ?? []).map((p) => ({
    key: `${p.exchange} ${p.currency}`, exchange: p.exchange, currency: p.currency, owed: p.owed_nanos,
    counted: totals.data?.payables?.find((o) => o.exchange === p.exchange && o.currency === p.currency)?.owed_nanos ?? 0n,
  })), [ledger.data, totals.data]);
  const columns = useMemo<ColumnDef<Row>[]>(() => [
    { accessorKey: 'exchange', header: t('exchange') },
    { id: 'owed', header: t('owed'), meta: { number: true }, cell: (c) => <Money nanos={c.row.original.owed} currency={c.row.original.currency} exact /> },
    { id: 'counted', header: t('counted'), meta: { number: true }, cell: (c) => <Money nanos={c.row.original.counted} currency={c.row.original.currency} exact /> },
    {
      id: 'difference', header: t('difference'), meta: { number: true },
      cell: (c) => {
        const d = c.row.original.owed - c.row.original.counted;
        return <Badge tone={d === 0n ? 'good' : 'warn'}><Money nanos={d} exact /></Badge>;
      },
    },
  ], [t]);
  return (
    <Panel title={t('payables')} lead={ledger.data && t('asOf', { at: dateTime(new Date(ledger.data.as_of), 'UTC', language) })}>
      {ledger.error && <Failure error={ledger.error} />}
      {ledger.data && rows.length === 0 && <p className="muted">{t('noPayables')}</p>}
      {rows.length > 0 && <Table label={`${t('payables')} (${rows.length})`} rows={rows} columns={columns} rowId={(r) => r.key} />}
    </Panel>
  );
}
