import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { call } from '../../api/client';
import { type Kind, where } from '../../api/entities';
import { useLanguage, useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { useExplain } from '../../ui/Failure';
import { useToast } from '../../ui/Toast';
import { dateTime } from '../../values/format';
import { useLabels } from '../lineitem/labels';
import { type Change, useKindName } from './HistoryPage';
import { fieldValue } from './value';
import { words } from './words';

const SHOWN = 6;
const PAGES = new Set<string>(['agency', 'advertiser', 'campaign', 'line_item']);
const UNDOABLE = new Set<string>(['update', 'pause', 'resume', 'undo']);
// What every change moves, and nobody asks about.
const OWN = new Set(['id', 'revision', 'updated_at', 'created_at']);

// ChangeCard is one change: what it did, and the way back.
export function ChangeCard({ change }: { change: Change }) {
  const t = useMessages(words);
  const { language } = useLanguage();
  const kindName = useKindName();
  const [asking, setAsking] = useState(false);
  const { kind, entity_id: id, actor } = change;
  const name = `${kindName(kind)} ${id}`;
  const who = actor.kind === 'system' ? t('system') : `${actor.kind === 'api_key' ? `${t('key')} ` : ''}${actor.name || actor.id || ''}`;
  return (
    <li className="change">
      <header>
        <Badge tone={change.action === 'archive' ? 'bad' : change.action === 'pause' ? 'warn' : change.action === 'update' ? 'info' : 'idle'}>{t(change.action === 'undo' ? 'undo_' : change.action)}</Badge>
        {PAGES.has(kind) ? <Link to={`/${where(kind as Kind)}/${id}`}>{name}</Link> : <strong>{name}</strong>}
        <span className="muted">{who}, <time dateTime={change.at}>{dateTime(new Date(change.at), 'UTC', language)}</time>{change.undoes ? `, ${t('undoes', { id: change.undoes })}` : ''}</span>
        {UNDOABLE.has(change.action) && <Button small look="quiet" onClick={() => setAsking(true)} aria-label={`${t('undo')}: ${name}, ${change.id}`}>{t('undo')}</Button>}
      </header>
      <Fields change={change} />
      {asking && <UndoDialog change={change} onClose={() => setAsking(false)} />}
    </li>
  );
}

function Fields({ change, all }: { change: Change; all?: boolean }) {
  const t = useMessages(words);
  const labels = useLabels();
  const fields = (change.fields ?? []).filter((f) => !OWN.has(f.field));
  const shown = all ? fields : fields.slice(0, SHOWN);
  if (shown.length === 0) return null;
  const said = (field: string, v: unknown) => fieldValue(field, v) || t('none');
  return (
    <table className="diff">
      <caption className="visually-hidden">{t('what')}</caption>
      <thead><tr><th scope="col">{t('field')}</th><th scope="col">{t('before')}</th><th scope="col">{t('after')}</th></tr></thead>
      <tbody>
        {shown.map((f) => (
          <tr key={f.field}>
            <th scope="row">{labels[f.field] ?? <code>{f.field}</code>}</th>
            <td data-label={t('before')}>{change.action === 'create' ? '' : <del>{said(f.field, f.before)}</del>}</td>
            <td data-label={t('after')}><ins>{said(f.field, f.after)}</ins></td>
          </tr>
        ))}
        {fields.length > shown.length && <tr><td colSpan={3} className="muted">{t('more_fields', { n: fields.length - shown.length })}</td></tr>}
      </tbody>
    </table>
  );
}

function UndoDialog({ change, onClose }: { change: Change; onClose: () => void }) {
  const t = useMessages(words);
  const explain = useExplain();
  const toast = useToast();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState('');
  const undo = async () => {
    setBusy(true);
    setWrong('');
    try {
      await call('post', '/v1/changes/{id}/undo', { path: { id: change.id } });
      await client.invalidateQueries();
      toast(t('undone'));
      onClose();
    } catch (err) {
      setWrong(explain(err));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog wide title={t('undoTitle')} onClose={onClose} actions={(
      <>
        <Button look="quiet" onClick={onClose}>{t('cancel')}</Button>
        <Button look="primary" busy={busy} onClick={() => void undo()}>{t('undo')}</Button>
      </>
    )}>
      <p>{t('undoLead')}</p>
      <Fields change={change} all />
      {wrong && <p className="error" role="alert">{wrong}</p>}
    </Dialog>
  );
}
