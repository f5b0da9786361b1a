import { type FormEvent, useState } from 'react';
import { signInByKey } from '../api/me';
import { Problem } from '../api/problem';
import { session } from '../api/session';
import { FieldFrame } from '../form/Field';
import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { useExplain } from '../ui/Failure';
import { LanguageSwitch, ThemeSwitch } from './Preferences';

const words = messages({
  title: 'Sign in to Bidhawk',
  key: 'API key',
  keyHint: 'It starts with bhk_. Your operator issues it; it stays in this tab only.',
  signIn: 'Sign in',
  again: 'Sign in again',
  ended: 'Your session has ended ({reason}). What you have typed is still there, and goes on once you are signed in.',
  leave: 'Sign out',
  badKey: 'A key has no spaces or accents. Copy it again.',
  noKey: 'Paste the key; it starts with bhk_.',
}, {
  title: '登录 Bidhawk',
  key: 'API 密钥',
  keyHint: '以 bhk_ 开头，由运营方签发；仅保存在当前标签页中。',
  signIn: '登录',
  again: '重新登录',
  ended: '会话已失效（{reason}）。您输入的内容仍然保留，重新登录后将继续提交。',
  leave: '退出登录',
  badKey: '密钥不含空格或特殊字符，请重新复制。',
  noKey: '请粘贴密钥，以 bhk_ 开头。',
});

// useSignIn is the state of the form, on a page or in a dialog.
function useSignIn() {
  const t = useMessages(words);
  const explain = useExplain();
  const [key, setKey] = useState('');
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    const given = key.trim();
    // A header holds visible ASCII only; anything else is a slip of the clipboard.
    if (!/^[!-~]+$/.test(given)) return setError(given ? t('badKey') : t('noKey'));
    setBusy(true);
    try {
      await signInByKey(given);
    } catch (err) {
      setError(err instanceof Problem && err.status === 401 ? err.message : explain(err));
    } finally {
      setBusy(false);
    }
  };
  const field = (
    <FieldFrame label={t('key')} hint={t('keyHint')} error={error}>
      {({ id, describedBy, invalid }) => (
        <input id={id} type="password" autoComplete="current-password" autoFocus spellCheck={false} aria-describedby={describedBy} aria-invalid={invalid}
          value={key} onChange={(e) => { setKey(e.target.value); setError(''); }} />
      )}
    </FieldFrame>
  );
  return { t, submit, field, busy };
}

export function SignInPage() {
  const { t, submit, field, busy } = useSignIn();
  return (
    <main className="sign-in">
      <form onSubmit={submit} noValidate>
        <img src="/mark.svg" alt="" width="36" height="36" />
        <h1>{t('title')}</h1>
        {field}
        <Button type="submit" look="primary" busy={busy}>{t('signIn')}</Button>
      </form>
      <footer><LanguageSwitch /><ThemeSwitch /></footer>
    </main>
  );
}

// SignInDialog stands over a page whose session has ended.
export function SignInDialog({ reason }: { reason: string }) {
  const { t, submit, field, busy } = useSignIn();
  return (
    <Dialog title={t('again')} onClose={() => {}} actions={(
      <>
        <Button look="quiet" onClick={() => session.signedOut()}>{t('leave')}</Button>
        <Button type="submit" form="sign-in-again" look="primary" busy={busy}>{t('again')}</Button>
      </>
    )}>
      <p>{t('ended', { reason })}</p>
      <form id="sign-in-again" onSubmit={submit} noValidate>{field}</form>
    </Dialog>
  );
}
