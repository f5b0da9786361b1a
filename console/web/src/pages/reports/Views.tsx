import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { call } from '../../api/client';
import type { components } from '../../api/schema';
import { FieldFrame } from '../../form/Field';
import { useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Failure, useExplain } from '../../ui/Failure';
import { useToast } from '../../ui/Toast';
import { ShareDialog } from './ShareDialog';
import { fromQuery, queryText, type Shown, write } from './state';
import { words } from './words';

export type View = components['schemas']['View'];

const KEY = ['report-views'];

// Views are the questions that somebody has saved: opened, shared and forgotten here.
export function Views({ shown }: { shown: Shown }) {
  const t = useMessages(words);
  const explain = useExplain();
  const toast = useToast();
  const client = useQueryClient();
  const [, open] = useSearchParams();
  const [naming, setNaming] = useState(false);
  const [sharing, share] = useState<View>();
  const views = useQuery({ queryKey: KEY, queryFn: async ({ signal }) => (await call('get', '/v1/report-views', { signal })).data.items ?? [] });
  const forget = async (v: View) => {
    try {
      await call('delete', '/v1/report-views/{id}', { path: { id: v.id } });
      await client.invalidateQueries({ queryKey: KEY });
      toast(t('viewForgotten', { name: v.name }));
    } catch (err) {
      toast(explain(err), 'bad');
    }
  };
  return (
    <section className="row views" aria-label={t('views')}>
      {views.error && <Failure error={views.error} />}
      {views.data?.map((v) => (
        <span key={v.id} className="view">
          <button type="button" className="link" onClick={() => open(write(fromQuery(v.query, new Date())))}>{v.name}</button>
          <Button small look="quiet" onClick={() => share(v)} aria-label={`${t('share')}: ${v.name}`}>{t('share')}</Button>
          <Button small look="quiet" onClick={() => void forget(v)} aria-label={`${t('forget')}: ${v.name}`}>{t('forget')}</Button>
        </span>
      ))}
      <Button small onClick={() => setNaming(true)}>{t('saveView')}</Button>
      {naming && <NameDialog query={queryText(shown)} onClose={() => setNaming(false)} />}
      {sharing && <ShareDialog view={sharing} onClose={() => share(undefined)} />}
    </section>
  );
}

function NameDialog({ query, onClose }: { query: string; onClose: () => void }) {
  const t = useMessages(words);
  const explain = useExplain();
  const toast = useToast();
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [wrong, setWrong] = useState('');
  const [busy, setBusy] = useState(false);
  const save = async () => {
    if (!name.trim()) return setWrong(t('needName'));
    setBusy(true);
    try {
      await call('post', '/v1/report-views', { body: { name: name.trim(), query } });
      await client.invalidateQueries({ queryKey: KEY });
      toast(t('viewSaved', { name: name.trim() }));
      onClose();
    } catch (err) {
      setWrong(explain(err));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={t('saveView')} onClose={onClose} actions={(
      <>
        <Button look="quiet" onClick={onClose}>{t('cancel')}</Button>
        <Button look="primary" busy={busy} onClick={() => void save()}>{t('save')}</Button>
      </>
    )}>
      <FieldFrame label={t('viewName')} error={wrong || undefined}>
        {({ id, describedBy, invalid }) => <input id={id} name="view-name" maxLength={200} value={name} aria-describedby={describedBy} aria-invalid={invalid} onChange={(e) => setName(e.target.value)} />}
      </FieldFrame>
    </Dialog>
  );
}
