import { type ChangeEvent, type FormEvent, type InputHTMLAttributes, useState } from 'react';
import { signInByKey, signInByPassword, signOut } from '../api/me';
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
  email: 'E-mail address', password: 'Password', useKey: 'Sign in with an API key', usePassword: 'Sign in with a password',
  noPassword: 'Write your e-mail address and your password.', wrongKey: 'The key is unknown, expired or revoked.',
  wrongPassword: 'The e-mail address or the password is wrong.',
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
  email: '邮箱', password: '密码', useKey: '使用 API 密钥登录', usePassword: '使用密码登录',
  noPassword: '请输入邮箱和密码。', wrongKey: '密钥不存在、已过期或已吊销。', wrongPassword: '邮箱或密码不正确。',
});

// useSignIn is the state of the form, on a page or in a dialog: a person signs in by
// e-mail address and password, a program's holder by its key.
function useSignIn() {
  const t = useMessages(words);
  const explain = useExplain();
  const [byKey, setByKey] = useState(() => session.get().me !== undefined && session.get().key !== '');
  const [typed, setTyped] = useState({ key: '', email: '', password: '' });
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const refuse = (why: string) => {
    setError(why);
    document.getElementById('sign-in-first')?.focus();
  };
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    const key = typed.key.trim();
    // A header holds visible ASCII only; anything else is a slip of the clipboard.
    if (byKey && !/^[!-~]+$/.test(key)) return refuse(key ? t('badKey') : t('noKey'));
    if (!byKey && (!typed.email.trim() || !typed.password)) return refuse(t('noPassword'));
    setBusy(true);
    try {
      await (byKey ? signInByKey(key) : signInByPassword(typed.email.trim(), typed.password));
    } catch (err) {
      refuse(err instanceof Problem && err.status === 401 ? t(byKey ? 'wrongKey' : 'wrongPassword') : explain(err));
    } finally {
      setBusy(false);
    }
  };
  const input = (name: keyof typeof typed, more: InputHTMLAttributes<HTMLInputElement>) => ({
    ...more, value: typed[name], spellCheck: false, onChange: (e: ChangeEvent<HTMLInputElement>) => { setTyped({ ...typed, [name]: e.target.value }); setError(''); },
  });
  const fields = (
    <>
      {byKey ? (
        <FieldFrame id="sign-in-first" label={t('key')} hint={t('keyHint')} error={error}>
          {({ id, describedBy, invalid }) => <input id={id} {...input('key', { type: 'password', autoComplete: 'off', autoFocus: true })} aria-describedby={describedBy} aria-invalid={invalid} />}
        </FieldFrame>
      ) : (
        <>
          <FieldFrame id="sign-in-first" label={t('email')} error={error}>
            {({ id, describedBy, invalid }) => <input id={id} {...input('email', { type: 'email', autoComplete: 'username', autoFocus: true })} aria-describedby={describedBy} aria-invalid={invalid} />}
          </FieldFrame>
          <FieldFrame label={t('password')}>
            {({ id }) => <input id={id} {...input('password', { type: 'password', autoComplete: 'current-password' })} />}
          </FieldFrame>
        </>
      )}
      <button type="button" className="link" onClick={() => { setByKey(!byKey); setError(''); }}>{t(byKey ? 'usePassword' : 'useKey')}</button>
    </>
  );
  return { t, submit, fields, busy };
}

export function SignInPage() {
  const { t, submit, fields, busy } = useSignIn();
  return (
    <main className="sign-in">
      <form onSubmit={submit} noValidate>
        <img src="/mark.svg" alt="" width="36" height="36" />
        <h1>{t('title')}</h1>
        {fields}
        <Button type="submit" look="primary" busy={busy}>{t('signIn')}</Button>
      </form>
      <footer><LanguageSwitch /><ThemeSwitch /></footer>
    </main>
  );
}

// SignInDialog stands over a page whose session has ended.
export function SignInDialog({ reason }: { reason: string }) {
  const { t, submit, fields, busy } = useSignIn();
  return (
    <Dialog title={t('again')} onClose={() => {}} actions={(
      <>
        <Button look="quiet" onClick={() => void signOut()}>{t('leave')}</Button>
        <Button type="submit" form="sign-in-again" look="primary" busy={busy}>{t('again')}</Button>
      </>
    )}>
      <p>{t('ended', { reason })}</p>
      <form id="sign-in-again" onSubmit={submit} noValidate className="stack">{fields}</form>
    </Dialog>
  );
}
