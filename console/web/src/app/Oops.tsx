import { useRouteError } from 'react-router';
import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { Button } from '../ui/Button';

const words = messages({
  title: 'This page has failed',
  text: 'What you typed and did not save is kept in this tab. The reason: {reason}',
  reload: 'Load again',
}, {
  title: '页面出错',
  text: '未保存的输入已保留在当前标签页中。原因：{reason}',
  reload: '重新加载',
});

// Oops stands where a page failed: by a fault of its own, or as its file is gone
// because the server was updated under it, which a reload mends.
export function Oops() {
  const t = useMessages(words);
  const err = useRouteError();
  return (
    <main className="notice bad" role="alert">
      <h1>{t('title')}</h1>
      <p>{t('text', { reason: err instanceof Error ? err.message : String(err) })}</p>
      <Button onClick={() => location.reload()}>{t('reload')}</Button>
    </main>
  );
}
