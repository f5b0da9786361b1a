import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { call } from '../../api/client';
import { Problem } from '../../api/problem';
import { FieldFrame } from '../../form/Field';
import { useLanguage, useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Failure, useExplain } from '../../ui/Failure';
import { Panel } from '../../ui/Panel';
import { type ColumnDef, Table } from '../../ui/Table';
import { useToast } from '../../ui/Toast';
import { dateTime } from '../../values/format';
import { type Brake, brakesOptions } from './live';
import { words } from './words';

const SCOPES = ['all', 'exchange', 'agency', 'advertiser', 'campaign', 'line_item', 'creative'] as const;
type Scope = (typeof SCOPES)[number];

// useWhat names what a brake holds.
function useWhat() {
  const t = useMessages(words);
  return (k: { scope: string; target?: number; exchange?: string; name?: string }) =>
    k.scope === 'all' ? t('all') : `${t(k.scope as Scope)} ${k.exchange || [k.target, k.name].filter(Boolean).join(' ')}`;
}

// Brakes are what stops bidding now, with the way to release each.
export function Brakes() {
  const t = useMessages(words);
  const { language } = useLanguage();
  const what = useWhat();
  const { data, error, refetch } = useQuery(brakesOptions);
  const [asked, setAsked] = useState<Brake | 'new'>();
  const columns = useMemo<ColumnDef<Brake>[]>(() => [
    { id: 'what', header: t('what'), accessorFn: what, cell: (c) => <strong>{what(c.row.original)}</strong> },
    { id: 'reason', header: t('why'), accessorKey: 'reason' },
    { id: 'by', header: t('by'), accessorKey: 'by' },
    { id: 'at', header: t('since'), accessorKey: 'at', cell: (c) => dateTime(new Date(c.row.original.at), 'UTC', language) },
    {
      id: 'release', header: () => <span className="visually-hidden">{t('release')}</span>, enableSorting: false,
      cell: (c) => (/^configuration/.test(c.row.original.by)
        ? <span className="muted">{t('configured')}</span>
        : <Button small onClick={() => setAsked(c.row.original)} aria-label={`${t('release')}: ${what(c.row.original)}`}>{t('release')}</Button>),
    },
  ], [t, language]);
  return (
    <Panel title={t('brakes')} lead={t('brakesLead')} actions={<Button small look="danger" onClick={() => setAsked('new')}>{t('stop')}</Button>}>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data?.length === 0 && <p role="status">{t('noBrakes')}</p>}
      {data && data.length > 0 && <div className="notice bad brakes-on"><Table label={`${t('brakes')} (${data.length})`} rows={data} columns={columns} rowId={(k) => k.switch} /></div>}
      {asked && <BrakeDialog brake={asked === 'new' ? undefined : asked} onClose={() => setAsked(undefined)} />}
    </Panel>
  );
}

// BrakeDialog stops something, or releases a brake: both say why.
function BrakeDialog({ brake, onClose }: { brake?: Brake; onClose: () => void }) {
  const t = useMessages(words);
  const what = useWhat();
  const toast = useToast();
  const explain = useExplain();
  const client = useQueryClient();
  const [scope, setScope] = useState<Scope>('line_item');
  const [target, setTarget] = useState('');
  const [reason, setReason] = useState('');
  const [wrong, setWrong] = useState<{ target?: string; reason?: string; other?: string }>({});
  const { mutate, isPending } = useMutation({
    mutationFn: (body: { scope: string; target?: number; exchange?: string; on: boolean; reason: string }) => call('put', '/v1/kill-switches', { body }),
    onSuccess: (_, body) => {
      void client.invalidateQueries({ queryKey: ['brakes'] });
      toast(t(body.on ? 'killed' : 'released', { what: what(brake ?? body) }));
      onClose();
    },
    onError: (err) => {
      const said = (field: RegExp) => (err instanceof Problem ? err.violations.find((v) => field.test(v.field))?.rule : undefined);
      const found = { target: said(/target|exchange|scope/), reason: said(/reason/) };
      setWrong(found.target || found.reason ? found : { other: explain(err) });
    },
  });
  const submit = () => {
    if (reason.trim() === '') return setWrong({ reason: t('needReason') });
    if (brake) return mutate({ scope: brake.scope, target: brake.target, exchange: brake.exchange, on: false, reason });
    if (scope !== 'all' && scope !== 'exchange' && !/^[1-9]\d{0,15}$/.test(target.trim())) return setWrong({ target: t('needTarget') });
    mutate({ scope, on: true, reason, ...(scope === 'exchange' ? { exchange: target.trim() } : scope === 'all' ? {} : { target: Number(target) }) });
  };
  return (
    <Dialog title={brake ? t('sureRelease', { what: what(brake) }) : t('stop')} onClose={onClose} actions={(
      <>
        <Button look="quiet" onClick={onClose}>{t('cancel')}</Button>
        <Button look={brake ? 'primary' : 'danger'} busy={isPending} onClick={submit}>{t(brake ? 'release' : 'confirm')}</Button>
      </>
    )}>
      {brake && <p>{brake.reason}</p>}
      {!brake && (
        <div className="grid small-cells">
          <FieldFrame label={t('scope')}>
            {({ id }) => <select id={id} value={scope} onChange={(e) => setScope(e.target.value as Scope)}>{SCOPES.map((s) => <option key={s} value={s}>{t(s)}</option>)}</select>}
          </FieldFrame>
          {scope !== 'all' && (
            <FieldFrame label={scope === 'exchange' ? t('exchange') : t('target')} error={wrong.target}>
              {({ id, describedBy, invalid }) => <input id={id} name="target" value={target} aria-describedby={describedBy} aria-invalid={invalid} onChange={(e) => setTarget(e.target.value)} />}
            </FieldFrame>
          )}
        </div>
      )}
      <FieldFrame label={t('reason')} hint={t('reasonHint')} error={wrong.reason}>
        {({ id, describedBy, invalid }) => <input id={id} name="reason" maxLength={200} value={reason} aria-describedby={describedBy} aria-invalid={invalid} onChange={(e) => setReason(e.target.value)} />}
      </FieldFrame>
      {wrong.other && <p className="error" role="alert">{wrong.other}</p>}
    </Dialog>
  );
}
