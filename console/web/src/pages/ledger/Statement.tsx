import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { call } from '../../api/client';
import type { Advertiser } from '../../api/entities';
import type { components } from '../../api/schema';
import { useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Failure, useExplain } from '../../ui/Failure';
import { Money } from '../../ui/Money';
import { Panel } from '../../ui/Panel';
import { type ColumnDef, Table } from '../../ui/Table';
import { useToast } from '../../ui/Toast';
import { count } from '../../values/format';
import { decimalNanos } from '../../values/money';
import { download } from '../reports/download';
import type { Days } from './LedgerPage';
import { words } from './words';

type Line = components['schemas']['StatementLine'];

const SHOWN = 300;

export function Statement({ advertiser, days }: { advertiser: Advertiser; days: Days }) {
  const t = useMessages(words);
  const explain = useExplain();
  const toast = useToast();
  const [busy, setBusy] = useState(false);
  const { data, error, refetch } = useQuery({
    queryKey: ['statement', advertiser.id, days],
    queryFn: async ({ signal }) => (await call('get', '/v1/advertisers/{id}/statement', { path: { id: advertiser.id }, query: { ...days, format: 'json' }, signal })).data,
  });
  const amount = (k: 'charge' | 'payment' | 'balance'): ColumnDef<Line> => ({
    id: k, header: t(k), meta: { number: true }, enableSorting: false, cell: (c) => <Money nanos={decimalNanos(c.row.original[k])} exact />,
  });
  const columns = useMemo<ColumnDef<Line>[]>(() => [
    { accessorKey: 'day', header: t('day') },
    { accessorKey: 'type', header: t('type') },
    { id: 'line', header: t('line'), accessorFn: (l) => l.line_item ?? '' },
    { id: 'exchange', header: t('exchange'), accessorFn: (l) => l.exchange ?? '' },
    { accessorKey: 'postings', header: t('postings'), meta: { number: true }, cell: (c) => count(c.row.original.postings) },
    amount('charge'), amount('payment'), amount('balance'),
  ], [t]);
  const csv = async () => {
    setBusy(true);
    try {
      await download(`/v1/advertisers/${advertiser.id}/statement`, new URLSearchParams({ ...days, format: 'csv' }), `statement-${advertiser.id}-${days.from}-${days.to}.csv`);
    } catch (err) {
      toast(explain(err), 'bad');
    } finally {
      setBusy(false);
    }
  };
  const lines = data?.lines ?? [];
  const sums = data && ([['opening', data.opening_balance], ['charged', data.charged], ['paid', data.paid], ['closing', data.closing_balance], ['left', data.left]] as const);
  return (
    <Panel title={`${t('statement')}: ${advertiser.name}`} lead={t('statementLead')} actions={<Button small busy={busy} onClick={() => void csv()}>{t('csv')}</Button>}>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {sums && (
        <dl className="tiles">
          {sums.map(([k, v]) => v !== undefined && <div key={k} className="tile"><dt>{t(k)}</dt><dd><Money nanos={decimalNanos(v)} currency={data.currency} exact /></dd></div>)}
        </dl>
      )}
      {data && <p><Badge tone={data.status === 'final' ? 'good' : 'info'}>{t(data.status)}</Badge> {data.lag_records > 0 && <span className="muted">{t('lag', { n: count(data.lag_records) })}</span>}</p>}
      {data && lines.length === 0 && <p className="muted">{t('none')}</p>}
      {lines.length > 0 && <Table label={`${t('statement')} (${lines.length})`} rows={lines.slice(0, SHOWN)} columns={columns} rowId={(l) => [l.day, l.type, l.line_item, l.exchange, l.payable_currency].join('|')} />}
      {lines.length > SHOWN && <p className="hint">{t('first', { n: SHOWN })}</p>}
    </Panel>
  );
}
