import { useState } from 'react';
import { useMayEdit } from './may';
import { type Kind, useSetStatus, type Verb } from '../api/entities';
import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { useExplain } from '../ui/Failure';
import { useToast } from '../ui/Toast';

const words = messages({
  pause: 'Pause', resume: 'Resume', activate: 'Activate', archive: 'Archive', cancel: 'Cancel',
  paused: '{name} is paused.', resumed: '{name} is active.', archived: '{name} is archived.',
  sure: 'Archive {name}?', forGood: 'It stops bidding for good, with everything below it. It stays in reports; this cannot be undone here.',
}, {
  pause: '暂停', resume: '恢复', activate: '启用', archive: '归档', cancel: '取消',
  paused: '已暂停 {name}。', resumed: '已启用 {name}。', archived: '已归档 {name}。',
  sure: '归档 {name}？', forGood: '该项及其下级将永久停止竞价。报表中仍会保留；此操作无法在此撤销。',
});

interface Props {
  kind: Kind;
  id: number;
  name: string;
  status: string;
  small?: boolean;
  archive?: boolean;
}

// StatusButtons pause, resume and, once sure, archive.
export function StatusButtons({ kind, id, name, status, small, archive }: Props) {
  const t = useMessages(words);
  const explain = useExplain();
  const toast = useToast();
  const { mutate, isPending } = useSetStatus();
  const [asking, setAsking] = useState(false);
  const [refused, setRefused] = useState('');
  const may = useMayEdit(kind);
  if (status === 'archived' || !may) return null;
  const does = (verb: Verb, said: 'paused' | 'resumed' | 'archived') => {
    setRefused('');
    mutate({ kind, id, verb }, { onSuccess: () => toast(t(said, { name })), onError: (err) => setRefused(explain(err)), onSettled: () => setAsking(false) });
  };
  return (
    <>
      {status === 'active'
        ? <Button small={small} busy={isPending} onClick={() => does('pause', 'paused')} aria-label={small ? `${t('pause')}: ${name}` : undefined}>{t('pause')}</Button>
        : <Button small={small} busy={isPending} look={small ? 'plain' : 'primary'} onClick={() => does('resume', 'resumed')} aria-label={small ? `${t('activate')}: ${name}` : undefined}>{t('activate')}</Button>}
      {archive && <Button small={small} look="danger" disabled={isPending} onClick={() => setAsking(true)}>{t('archive')}</Button>}
      {refused && (
        <Dialog title={name} onClose={() => setRefused('')} actions={<Button look="primary" onClick={() => setRefused('')}>{t('cancel')}</Button>}>
          <p role="alert">{refused}</p>
        </Dialog>
      )}
      {asking && (
        <Dialog title={t('sure', { name })} onClose={() => setAsking(false)} actions={(
          <>
            <Button look="quiet" onClick={() => setAsking(false)}>{t('cancel')}</Button>
            <Button look="danger" busy={isPending} onClick={() => does('archive', 'archived')}>{t('archive')}</Button>
          </>
        )}><p>{t('forGood')}</p></Dialog>
      )}
    </>
  );
}
