import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { LinkButton } from '../ui/Button';
import { Empty } from '../ui/Empty';
import { Page } from '../ui/Page';

const words = messages({
  title: 'No such page', text: 'The address may be mistyped, or the page has moved.', home: 'To the accounts',
}, {
  title: '页面不存在', text: '地址可能有误，或页面已移动。', home: '返回账户',
});

export function NotFound() {
  const t = useMessages(words);
  return <Page title={t('title')}><Empty title={t('title')} action={<LinkButton to="/">{t('home')}</LinkButton>}>{t('text')}</Empty></Page>;
}
