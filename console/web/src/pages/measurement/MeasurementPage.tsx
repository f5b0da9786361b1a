import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { AdvertiserPicker, useAdvertiser } from '../../account/AdvertiserPicker';
import { toneOf, statusWords } from '../../account/words';
import { call } from '../../api/client';
import type { Advertiser } from '../../api/entities';
import type { components } from '../../api/schema';
import { useLanguage, useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Empty } from '../../ui/Empty';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { Panel } from '../../ui/Panel';
import { type ColumnDef, Table } from '../../ui/Table';
import { dateTime } from '../../values/format';
import { exactNanos, percentPPM } from '../../values/money';
import { DefinitionDialog } from './DefinitionDialog';
import { Runs } from './Runs';
import { words } from './words';

export type Definition = components['schemas']['ConversionDefinition'];
type Experiment = components['schemas']['Experiment'];

export const definitionsKey = (advertiser: number) => ['conversion-definitions', advertiser];

// Conversions of an advertiser: what counts, how it is shared, what was held out.
export default function MeasurementPage() {
  const t = useMessages(words);
  const { advertiser, all, choose, error, none } = useAdvertiser();
  const [editing, edit] = useState<Definition | 'new'>();
  const definitions = useQuery({
    queryKey: definitionsKey(advertiser?.id ?? 0), enabled: advertiser !== undefined,
    queryFn: async ({ signal }) => (await call('get', '/v1/conversion-definitions', { query: { advertiser_id: advertiser!.id, limit: 1000 } as never, signal })).data.items ?? [],
  });
  const live = (definitions.data ?? []).filter((d) => d.status !== 'archived');
  return (
    <Page title={t('title')} actions={<AdvertiserPicker advertiser={advertiser} all={all} choose={choose} />}>
      <div className="stack">
        {(error ?? definitions.error) && <Failure error={error ?? definitions.error} />}
        {none && <Empty title={t('noAdvertiser')} />}
        {advertiser && definitions.data && (
          <Panel title={t('definitions')} lead={t('definitionsLead')} actions={<Button small look="primary" onClick={() => edit('new')}>{t('new')}</Button>}>
            {live.length === 0 ? <Empty title={t('noneYet')}>{t('noneHint')}</Empty> : <Definitions rows={live} currency={advertiser.currency} onEdit={edit} />}
          </Panel>
        )}
        {advertiser && live.length > 0 && <Runs key={advertiser.id} advertiser={advertiser} definitions={live} />}
        {advertiser && <Experiments advertiser={advertiser} />}
      </div>
      {advertiser && editing && <DefinitionDialog advertiser={advertiser} definition={editing === 'new' ? undefined : editing} onClose={() => edit(undefined)} />}
    </Page>
  );
}

function Definitions({ rows, currency, onEdit }: { rows: Definition[]; currency: string; onEdit: (d: Definition) => void }) {
  const t = useMessages(words);
  const columns = useMemo<ColumnDef<Definition>[]>(() => [
    { accessorKey: 'name', header: t('name') },
    { accessorKey: 'type', header: t('type'), cell: (c) => <code>{c.row.original.type}</code> },
    { id: 'model', header: t('model'), accessorFn: (d) => t((d.model || 'last') as 'last') },
    { id: 'count', header: t('count'), accessorFn: (d) => t((d.count || 'every') as 'every') },
    { id: 'value', header: t('value'), accessorFn: (d) => (d.value === 'fixed' ? `${exactNanos(d.fixed_value_nanos ?? 0n)} ${currency}` : t((d.value || 'reported') as 'reported')) },
    { id: 'edit', header: () => <span className="visually-hidden">{t('edit')}</span>, enableSorting: false, cell: (c) => <Button small look="quiet" onClick={() => onEdit(c.row.original)} aria-label={`${t('edit')}: ${c.row.original.name}`}>{t('edit')}</Button> },
  ], [t, currency, onEdit]);
  return <Table label={`${t('definitions')} (${rows.length})`} rows={rows} columns={columns} rowId={(d) => String(d.id)} />;
}

function Experiments({ advertiser }: { advertiser: Advertiser }) {
  const t = useMessages(words);
  const status = useMessages(statusWords);
  const { language } = useLanguage();
  const { data, error } = useQuery({
    queryKey: ['experiments', advertiser.id],
    queryFn: async ({ signal }) => (await call('get', '/v1/experiments', { query: { advertiser_id: advertiser.id, limit: 1000 } as never, signal })).data.items ?? [],
  });
  const columns = useMemo<ColumnDef<Experiment>[]>(() => [
    { accessorKey: 'name', header: t('name') },
    { accessorKey: 'status', header: t('status'), cell: (c) => <Badge tone={toneOf(c.row.original.status ?? 'active')}>{status((c.row.original.status || 'active') as 'active')}</Badge> },
    { id: 'holdout', header: t('holdout'), meta: { number: true }, accessorFn: (e) => e.holdout_ppm, cell: (c) => percentPPM(c.row.original.holdout_ppm) },
    { accessorKey: 'start', header: t('start'), cell: (c) => dateTime(new Date(c.row.original.start), advertiser.time_zone, language) },
    { accessorKey: 'end', header: t('end'), cell: (c) => dateTime(new Date(c.row.original.end), advertiser.time_zone, language) },
  ], [t, status, language, advertiser]);
  return (
    <Panel title={t('experiments')} lead={t('experimentsLead')}>
      {error && <Failure error={error} />}
      {data?.length === 0 && <p className="muted">{t('noExperiments')}</p>}
      {data && data.length > 0 && <Table label={`${t('experiments')} (${data.length})`} rows={data} columns={columns} rowId={(e) => String(e.id)} />}
    </Panel>
  );
}
