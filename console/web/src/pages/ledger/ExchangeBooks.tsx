import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { call } from '../../api/client';
import type { components } from '../../api/schema';
import { FieldFrame } from '../../form/Field';
import { useMessages } from '../../i18n/language';
import { Failure } from '../../ui/Failure';
import { Money } from '../../ui/Money';
import { Panel } from '../../ui/Panel';
import { type ColumnDef, Table } from '../../ui/Table';
import { count } from '../../values/format';
import { decimalNanos } from '../../values/money';
import type { Days } from './LedgerPage';
import { words } from './words';

type Clearing = components['schemas']['ClearingDay'];
type Payable = components['schemas']['PayableDay'];

// ExchangeBooks is what one exchange is owed, and what its report is compared with.
export function ExchangeBooks({ days, first }: { days: Days; first: string }) {
  const t = useMessages(words);
  const names = useQuery({
    queryKey: ['targeting-vocabulary'], staleTime: 300_000,
    queryFn: async ({ signal }) => (await call('get', '/v1/targeting-vocabulary', { signal })).data,
  });
  const [chosen, choose] = useState(first);
  const name = chosen || names.data?.exchanges?.[0] || '';
  const payable = useQuery({
    queryKey: ['payable', name, days], enabled: name !== '',
    queryFn: async ({ signal }) => (await call('get', '/v1/exchanges/{name}/payable', { path: { name }, query: days, signal })).data,
  });
  const clearings = useQuery({
    queryKey: ['clearings', name, days], enabled: name !== '',
    queryFn: async ({ signal }) => (await call('get', '/v1/exchanges/{name}/clearings', { path: { name }, query: days, signal })).data,
  });
  const owed = useMemo<ColumnDef<Payable>[]>(() => [
    { accessorKey: 'day', header: t('day') },
    { accessorKey: 'postings', header: t('postings'), meta: { number: true }, cell: (c) => count(c.row.original.postings) },
    { id: 'payable', header: t('payable'), meta: { number: true }, enableSorting: false, cell: (c) => <Money nanos={decimalNanos(c.row.original.payable)} currency={c.row.original.currency} exact /> },
  ], [t]);
  const cleared = useMemo<ColumnDef<Clearing>[]>(() => [
    { accessorKey: 'day', header: t('day') },
    { accessorKey: 'kind', header: t('kind') },
    { id: 'deal', header: t('deal'), accessorFn: (r) => r.deal ?? '' },
    { accessorKey: 'count', header: t('count'), meta: { number: true }, cell: (c) => count(c.row.original.count) },
    { id: 'amount', header: t('amount'), meta: { number: true }, enableSorting: false, cell: (c) => <Money nanos={decimalNanos(c.row.original.amount)} currency={c.row.original.currency} exact /> },
  ], [t]);
  const error = names.error ?? payable.error ?? clearings.error;
  return (
    <Panel title={t('books')} lead={t('booksLead')} actions={(
      <FieldFrame label={t('exchange')} className="beside">
        {({ id }) => <select id={id} name="exchange" value={name} onChange={(e) => choose(e.target.value)}>{(names.data?.exchanges ?? []).map((x) => <option key={x}>{x}</option>)}</select>}
      </FieldFrame>
    )}>
      {error && <Failure error={error} />}
      <h3>{t('payable')}</h3>
      {payable.data?.days?.length ? <Table label={`${t('payable')} (${payable.data.days.length})`} rows={payable.data.days} columns={owed} rowId={(d) => `${d.day} ${d.currency}`} /> : payable.data && <p className="muted">{t('noBooks')}</p>}
      <h3>{t('clearings')}</h3>
      {clearings.data?.rows?.length ? <Table label={`${t('clearings')} (${clearings.data.rows.length})`} rows={clearings.data.rows} columns={cleared} rowId={(d) => [d.day, d.kind, d.deal, d.currency].join('|')} /> : clearings.data && <p className="muted">{t('noBooks')}</p>}
    </Panel>
  );
}
