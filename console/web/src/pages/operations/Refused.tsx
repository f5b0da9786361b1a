import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { call } from '../../api/client';
import type { components } from '../../api/schema';
import { useLanguage, useMessages } from '../../i18n/language';
import { Failure } from '../../ui/Failure';
import { Panel } from '../../ui/Panel';
import { type ColumnDef, Table } from '../../ui/Table';
import { count, dateTime } from '../../values/format';
import { words } from './words';

type Row = components['schemas']['RefusedRequest'];

// Refused is for the talk with an exchange's engineer: which field of its requests is wrong.
export function Refused() {
  const t = useMessages(words);
  const { language } = useLanguage();
  const { data, error } = useQuery({
    queryKey: ['refused-requests'], refetchInterval: 10_000,
    queryFn: async ({ signal }) => (await call('get', '/v1/refused-requests', { signal })).data.items ?? [],
  });
  const columns = useMemo<ColumnDef<Row>[]>(() => [
    { accessorKey: 'at', header: t('at'), cell: (c) => dateTime(new Date(c.row.original.at), 'UTC', language) },
    { accessorKey: 'exchange', header: t('exchange') },
    { accessorKey: 'field', header: t('field'), cell: (c) => <code>{c.row.original.field}</code> },
    { accessorKey: 'rule', header: t('rule') },
    { accessorKey: 'bytes', header: t('bytes'), meta: { number: true }, cell: (c) => count(c.row.original.bytes) },
  ], [t, language]);
  return (
    <Panel title={t('refused')} lead={t('refusedLead')}>
      {error && <Failure error={error} />}
      {data?.length === 0 && <p className="muted">{t('noRefused')}</p>}
      {data && data.length > 0 && <Table label={`${t('refused')} (${data.length})`} rows={data} columns={columns} rowId={(r) => `${r.at} ${r.exchange} ${r.field} ${r.offset}`} />}
    </Panel>
  );
}
