import { Problem, Unreachable } from '../api/problem';
import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { Button } from './Button';

const words = messages({
  unreachable: 'The server did not answer.',
  gone: 'This does not exist, or it is not yours to see.',
  forbidden: 'Your role may not do this: {detail}',
  busy: 'Too many requests. Try again in {n} second.|Too many requests. Try again in {n} seconds.',
  broken: 'The server could not do it (error {status}).',
  again: 'Try again',
}, {
  unreachable: '服务器没有响应。',
  gone: '内容不存在，或您无权查看。',
  forbidden: '您的角色无权执行此操作：{detail}',
  busy: '请求过多，请在 {n} 秒后重试。',
  broken: '服务器无法完成操作（错误 {status}）。',
  again: '重试',
});

// useExplain says in words why a call failed.
export function useExplain(): (err: unknown) => string {
  const t = useMessages(words);
  return (err) => {
    if (err instanceof Unreachable) return t('unreachable');
    if (!(err instanceof Problem)) return err instanceof Error ? err.message : String(err);
    if (err.status === 404) return t('gone');
    if (err.status === 403) return t('forbidden', { detail: err.message });
    if (err.status === 429) return t('busy', { n: err.retryAfterSeconds || 1 });
    if (err.status >= 500) return t('broken', { status: err.status });
    return [err.message, ...err.violations.map((v) => `${v.field}: ${v.rule}`)].join('; ');
  };
}

// Failure stands where something should be that could not be loaded.
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const explain = useExplain();
  const t = useMessages(words);
  return (
    <div className="notice bad" role="alert">
      <p>{explain(error)}</p>
      {retry && <Button small onClick={retry}>{t('again')}</Button>}
    </div>
  );
}
