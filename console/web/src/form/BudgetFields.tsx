import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { MoneyField } from './Field';

export const budgetWords = messages({
  daily: 'Budget a day', lifetime: 'Budget in all', hint: 'Empty: no bound of its own.',
}, {
  daily: '每日预算', lifetime: '总预算', hint: '留空表示本级不设上限。',
});

export function BudgetFields({ currency }: { currency: string }) {
  const t = useMessages(budgetWords);
  return (
    <>
      <MoneyField name="budget.daily_nanos" label={t('daily')} currency={currency} hint={t('hint')} />
      <MoneyField name="budget.lifetime_nanos" label={t('lifetime')} currency={currency} hint={t('hint')} />
    </>
  );
}
