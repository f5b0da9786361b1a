import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { changed, type Creative, patch, readOptions } from '../../api/entities';
import { FieldFrame } from '../../form/Field';
import { useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { useExplain } from '../../ui/Failure';
import { useToast } from '../../ui/Toast';
import { words } from './words';

const STATES = ['pending', 'approved', 'rejected'] as const;

// ReviewDialog keeps what an exchange's review said; operators alone may.
export function ReviewDialog({ creative, onClose }: { creative: Creative; onClose: () => void }) {
  const t = useMessages(words);
  const explain = useExplain();
  const toast = useToast();
  const client = useQueryClient();
  const stored = useQuery(readOptions('creative', creative.id));
  const names = useQuery({
    queryKey: ['targeting-vocabulary'], staleTime: 300_000,
    queryFn: async ({ signal }) => (await call('get', '/v1/targeting-vocabulary', { signal })).data,
  });
  const reviews = stored.data?.entity.exchanges ?? {};
  const [chosen, choose] = useState(Object.keys(creative.exchanges ?? {})[0] ?? '');
  const exchange = chosen || names.data?.exchanges?.[0] || '';
  const was = reviews[exchange];
  const [edit, setEdit] = useState<{ status?: string; id?: string; reason?: string }>({});
  const now = { status: edit.status ?? was?.status ?? 'pending', id: edit.id ?? was?.id ?? '', reason: edit.reason ?? was?.reason ?? '' };
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState('');
  const save = async () => {
    if (now.status === 'rejected' && !now.reason.trim()) return setWrong(t('needReason'));
    setBusy(true);
    setWrong('');
    try {
      const entry = { status: now.status, id: now.id || null, reason: now.status === 'rejected' ? now.reason : null };
      await patch('creative', creative.id, { exchanges: { [exchange]: entry } }, stored.data!.etag);
      await changed(client, 'creative');
      toast(t('saved'));
      onClose();
    } catch (err) {
      setWrong(explain(err));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={t('reviewTitle', { name: creative.name })} onClose={onClose} actions={(
      <>
        <Button look="quiet" onClick={onClose}>{t('cancel')}</Button>
        <Button look="primary" busy={busy} disabled={!stored.data || !exchange} onClick={() => void save()}>{t('save')}</Button>
      </>
    )}>
      <div className="grid small-cells">
        <FieldFrame label={t('exchange')}>
          {({ id }) => <select id={id} name="exchange" value={exchange} onChange={(e) => { choose(e.target.value); setEdit({}); }}>{(names.data?.exchanges ?? []).map((x) => <option key={x}>{x}</option>)}</select>}
        </FieldFrame>
        <FieldFrame label={t('state')}>
          {({ id }) => <select id={id} name="status" value={now.status} onChange={(e) => setEdit({ ...edit, status: e.target.value })}>{STATES.map((s) => <option key={s} value={s}>{t(s)}</option>)}</select>}
        </FieldFrame>
        <FieldFrame label={t('exchangeId')} optional>
          {({ id }) => <input id={id} name="exchange_id" maxLength={128} value={now.id} onChange={(e) => setEdit({ ...edit, id: e.target.value })} />}
        </FieldFrame>
      </div>
      {now.status === 'rejected' && (
        <FieldFrame label={t('reason')} error={wrong || undefined}>
          {({ id, describedBy, invalid }) => <input id={id} name="reason" maxLength={500} value={now.reason} aria-describedby={describedBy} aria-invalid={invalid} onChange={(e) => setEdit({ ...edit, reason: e.target.value })} />}
        </FieldFrame>
      )}
      {wrong && now.status !== 'rejected' && <p className="error" role="alert">{wrong}</p>}
    </Dialog>
  );
}
