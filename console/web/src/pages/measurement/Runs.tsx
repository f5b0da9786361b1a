import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { call } from '../../api/client';
import type { Advertiser } from '../../api/entities';
import type { components } from '../../api/schema';
import { FieldFrame } from '../../form/Field';
import { useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Failure } from '../../ui/Failure';
import { Money } from '../../ui/Money';
import { Panel } from '../../ui/Panel';
import { type ColumnDef, Table } from '../../ui/Table';
import { count } from '../../values/format';
import { decimal } from '../../values/money';
import { useNames } from '../reports/names';
import { type Dimension, days, DIMENSIONS } from '../reports/report';
import { MODELS } from './DefinitionDialog';
import type { Definition } from './MeasurementPage';
import { words } from './words';

type Run = components['schemas']['Run'];

const BY = ['line_item', 'campaign', 'creative', 'exchange', 'site', 'touch'] as const;

// Runs computes attribution of a past window, and shows the newest.
export function Runs({ advertiser, definitions }: { advertiser: Advertiser; definitions: Definition[] }) {
  const t = useMessages(words);
  const client = useQueryClient();
  const [span, setSpan] = useState(() => days('last_30_days', new Date(), advertiser.time_zone));
  const [definition, setDefinition] = useState(definitions[0]!.id);
  const [model, setModel] = useState('');
  const [by, setBy] = useState<(typeof BY)[number]>('line_item');
  const key = ['attribution-runs', advertiser.id];
  const runs = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => (await call('get', '/v1/attribution-runs', { query: { advertiser_id: advertiser.id, limit: 5 }, signal })).data.runs ?? [],
  });
  const compute = useMutation({
    mutationFn: () => call('post', '/v1/attribution-runs', { body: { definition_id: definition, by, ...span, ...(model && { model }) } as never }),
    onSuccess: () => client.invalidateQueries({ queryKey: key }),
  });
  return (
    <Panel title={t('runs')} lead={t('runsLead')}>
      <div className="grid small-cells">
        <FieldFrame label={t('definition')}>{({ id }) => <select id={id} name="definition" value={definition} onChange={(e) => setDefinition(Number(e.target.value))}>{definitions.map((d) => <option key={d.id} value={d.id}>{d.name}</option>)}</select>}</FieldFrame>
        <FieldFrame label={t('model')}>{({ id }) => <select id={id} name="model" value={model} onChange={(e) => setModel(e.target.value)}><option value="">{t('own')}</option>{MODELS.map((m) => <option key={m} value={m}>{t(m)}</option>)}</select>}</FieldFrame>
        <FieldFrame label={t('by')}>{({ id }) => <select id={id} name="by" value={by} onChange={(e) => setBy(e.target.value as typeof by)}>{BY.map((b) => <option key={b} value={b}>{t(b)}</option>)}</select>}</FieldFrame>
        {(['from', 'to'] as const).map((k) => (
          <FieldFrame key={k} label={t(k)}>{({ id }) => <input id={id} name={k} type="date" value={span[k]} onChange={(e) => e.target.value && setSpan({ ...span, [k]: e.target.value })} />}</FieldFrame>
        ))}
      </div>
      <div><Button look="primary" busy={compute.isPending} onClick={() => compute.mutate()}>{t('run')}</Button></div>
      {compute.error && <Failure error={compute.error} />}
      {runs.error && <Failure error={runs.error} />}
      {runs.data?.length === 0 && <p className="muted">{t('noRuns')}</p>}
      {runs.data?.map((r) => <RunTable key={r.id} run={r} />)}
    </Panel>
  );
}

interface Row {
  key: string;
  channel: string;
  conversions: bigint; // millionths
  value: bigint;
  touches?: number;
}

function RunTable({ run }: { run: Run }) {
  const t = useMessages(words);
  const dimension = (DIMENSIONS as readonly string[]).includes(run.by) ? [run.by as Dimension] : [];
  const name = useNames(dimension);
  const rows = useMemo<Row[]>(() => [
    ...(run.rows ?? []).map((r) => ({
      key: r.channel, channel: dimension.length ? name(dimension[0]!, r.channel) : r.channel, conversions: BigInt(r.conversions_millionths), value: r.value_nanos, touches: r.touches,
    })),
    { key: '\u0001', channel: t('unattributed'), conversions: BigInt(run.unattributed) * 1_000_000n, value: run.unattributed_value_nanos },
    { key: '\u0002', channel: t('whole'), conversions: BigInt(run.conversions) * 1_000_000n, value: run.value_nanos },
  ], [run, t, name]);
  const columns = useMemo<ColumnDef<Row>[]>(() => [
    { accessorKey: 'channel', header: t('channel'), enableSorting: false },
    { id: 'conversions', header: t('conversions'), meta: { number: true }, enableSorting: false, cell: (c) => decimal(c.row.original.conversions, 6, 0) },
    { id: 'value', header: t('worth'), meta: { number: true }, enableSorting: false, cell: (c) => <Money nanos={c.row.original.value} currency={run.currency} exact /> },
    { id: 'touches', header: t('touches'), meta: { number: true }, enableSorting: false, cell: (c) => (c.row.original.touches === undefined ? '' : count(c.row.original.touches)) },
  ], [t, run]);
  const title = t('computed', { model: run.model in words.en ? t(run.model as 'last') : run.model, from: run.from, to: run.to, n: run.definition_revision });
  return <section aria-label={title} className="stack"><h3>{title}</h3><Table label={title} rows={rows} columns={columns} rowId={(r) => r.key} /></section>;
}
