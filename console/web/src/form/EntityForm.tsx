import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useBeforeUnload, useBlocker } from 'react-router';
import { changed, create, type Kind, type Kinds, patch, read, type Read } from '../api/entities';
import { Problem, SignedOut } from '../api/problem';
import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { useExplain } from '../ui/Failure';
import { useToast } from '../ui/Toast';
import { useMayEdit } from '../account/may';
import { ConflictDialog } from './ConflictDialog';
import { type Form, FormContext } from './form';
import { type Conflict, diff, merge, type Plain } from './patch';

const words = messages({
  save: 'Save changes', create: 'Create', discard: 'Discard changes', saved: 'Saved.', created: 'Created.',
  merged: 'Saved. Somebody else had changed other fields meanwhile; their changes stay.',
  fix: 'Nothing was saved. {n} field needs your attention.|Nothing was saved. {n} fields need your attention.',
  unsaved: 'Unsaved changes', restored: 'These are changes that you made earlier and did not save.',
  leaveTitle: 'Leave without saving?', leaveText: 'What you changed is kept in this tab, and is there when you come back.', leave: 'Leave', stay: 'Stay',
}, {
  save: '保存更改', create: '创建', discard: '放弃更改', saved: '已保存。', created: '已创建。',
  merged: '已保存。其他人同时修改了别的字段，其更改已保留。',
  fix: '未保存。有 {n} 个字段需要修改。',
  unsaved: '有未保存的更改', restored: '以下是您之前未保存的更改。',
  leaveTitle: '不保存就离开？', leaveText: '您的更改会保留在当前标签页中，返回后可继续编辑。', leave: '离开', stay: '留下',
});

interface Props<K extends Kind> {
  kind: K;
  id?: number; // none: a new entity
  form: Form;
  labels: Record<string, string>; // of fields, for conflicts: "budget.daily_nanos" -> "Daily budget"
  currency?: string;
  zone?: string;
  prepare?: (value: Plain) => Plain; // the last touch before it is sent
  onSaved?: (saved: Read<Kinds[K]>) => void;
  readOnly?: boolean;
  children: ReactNode;
}

// EntityForm saves what was typed: a new entity whole, of another what has changed.
// A refusal appears beside its fields; where somebody else has changed the same
// fields, both versions are shown; nothing typed is lost by either.
export function EntityForm<K extends Kind>(given: Props<K>) {
  const may = useMayEdit(given.kind);
  const p = { ...given, readOnly: given.readOnly || !may };
  const { form, children } = p;
  const t = useMessages(words);
  const saving = useSave(p);
  return (
    <FormContext value={form}>
      <form className="entity-form" noValidate onSubmit={saving.submit}>
        {form.restored !== undefined && form.changed && <p className="notice info" role="status">{t('restored')}</p>}
        <fieldset disabled={p.readOnly} className="plain-fieldset">{children}</fieldset>
        {saving.problem && (
          <div className="notice bad form-errors" role="alert" tabIndex={-1}>
            <p>{saving.problem}</p>
            {form.loose.length > 0 && <ul>{form.loose.map((v) => <li key={v.field + v.rule}><code>{v.field}</code> {v.value && `“${v.value}”: `}{v.rule}</li>)}</ul>}
          </div>
        )}
        {!p.readOnly && (!p.id || form.changed || saving.busy) && (
          <div className="save-bar">
            <Button type="submit" look="primary" busy={saving.busy}>{p.id ? t('save') : t('create')}</Button>
            {p.id && <Button look="quiet" disabled={saving.busy} onClick={() => form.reset(form.base, form.etag)}>{t('discard')}</Button>}
            {p.id && <span className="muted" aria-live="polite">{t('unsaved')}</span>}
          </div>
        )}
      </form>
      {saving.conflict && (
        <ConflictDialog labels={p.labels} currency={p.currency} zone={p.zone} conflicts={saving.conflict.conflicts} merged={saving.conflict.merged}
          onChoose={saving.resolve} onClose={saving.dismiss} />
      )}
      <LeaveGuard when={form.changed && !saving.busy && !saving.done} />
    </FormContext>
  );
}

function useSave<K extends Kind>({ kind, id, form, prepare = (v) => v, onSaved }: Props<K>) {
  const t = useMessages(words);
  const explain = useExplain();
  const toast = useToast();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false);
  const [problem, setProblem] = useState('');
  const [conflict, setConflict] = useState<{ conflicts: Conflict[]; merged: Plain; theirs: Read<Kinds[K]> }>();

  const saved = (r: Read<Kinds[K]>, said: string) => {
    form.reset(r.entity as unknown as Plain, r.etag);
    client.setQueryData([kind, 'one', r.entity.id], r);
    void changed(client, kind);
    toast(r.note ? `${said} ${r.note}` : said);
    setDone(true);
    onSaved?.(r);
    setTimeout(() => setDone(false));
  };

  const send = async (base: Plain, value: Plain, etag: string, said: string): Promise<void> => {
    if (!id) return saved(await create(kind, prepare(value)), t('created'));
    const changes = diff(base, prepare(value));
    if (!changes) return form.reset(base, etag);
    try {
      saved(await patch(kind, id, changes, etag), said);
    } catch (err) {
      if (!(err instanceof Problem) || err.status !== 412) throw err;
      const theirs = await read(kind, id);
      const both = merge(base, value, theirs.entity as unknown as Plain);
      if (both.conflicts.length) return setConflict({ ...both, theirs });
      await send(theirs.entity as unknown as Plain, both.merged, theirs.etag, t('merged'));
    }
  };

  const attempt = async (work: () => Promise<void>) => {
    setBusy(true);
    setProblem('');
    form.refuse([]);
    try {
      await work();
    } catch (err) {
      if (err instanceof SignedOut) return;
      if (err instanceof Problem && err.violations.length) {
        form.refuse(err.violations.map((v) => ({ ...v, field: v.field.replace(new RegExp(`^${kind}\\.`), '') })));
        setProblem(t('fix', { n: err.violations.length }));
      } else setProblem(explain(err));
      form.focusFirstError();
    } finally {
      setBusy(false);
    }
  };

  return {
    busy, done, problem, conflict,
    submit(e: FormEvent) {
      e.preventDefault();
      if (form.blocked()) {
        setProblem(t('fix', { n: 1 }));
        return form.focusFirstError();
      }
      void attempt(() => send(form.base, form.value, form.etag, t('saved')));
    },
    resolve(value: Plain) {
      const { theirs } = conflict!;
      setConflict(undefined);
      form.reset(theirs.entity as unknown as Plain, theirs.etag, value);
      void attempt(() => send(theirs.entity as unknown as Plain, value, theirs.etag, t('saved')));
    },
    dismiss: () => setConflict(undefined),
  };
}

// LeaveGuard asks before a page with unsaved changes is left.
function LeaveGuard({ when }: { when: boolean }) {
  const t = useMessages(words);
  const blocker = useBlocker(({ currentLocation, nextLocation }) => when && currentLocation.pathname !== nextLocation.pathname);
  useBeforeUnload((e) => { if (when) e.preventDefault(); });
  if (blocker.state !== 'blocked') return null;
  return (
    <Dialog title={t('leaveTitle')} onClose={() => blocker.reset()} actions={(
      <>
        <Button look="quiet" onClick={() => blocker.proceed()}>{t('leave')}</Button>
        <Button look="primary" onClick={() => blocker.reset()}>{t('stay')}</Button>
      </>
    )}><p>{t('leaveText')}</p></Dialog>
  );
}
