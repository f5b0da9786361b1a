import { useMemo } from 'react';
import { budgetWords } from '../../form/BudgetFields';
import { useMessages } from '../../i18n/language';
import { words } from './words';

// useLabels names fields as the form does, for a conflict.
export function useLabels(): Record<string, string> {
  const t = useMessages(words);
  const budget = useMessages(budgetWords);
  return useMemo(() => ({
    name: t('name'), status: t('status'), start: t('start'), end: t('end'), pricing: t('model'), price_micros: t('price'), max_bid_micros: t('maxBid'),
    'budget.daily_nanos': budget('daily'), 'budget.lifetime_nanos': budget('lifetime'), pacing: t('pacing'), creative_ids: t('creatives'),
    frequency_caps: t('caps'), flights: t('flights'), markup_ppm: t('markup'), sale_share_ppm: t('saleShare'), data_fee_micros: t('dataFee'),
    guaranteed: t('guaranteed'), unknown_users: t('unknown'), 'targeting.hours_of_week': t('schedule'), 'targeting.countries.include': t('countries'),
    'targeting.countries.exclude': t('notCountries'), 'targeting.domains.include': t('domains'), 'targeting.domains.exclude': t('notDomains'),
    'targeting.tags.any_of': t('anyOf'), 'targeting.tags.all_of': t('allOf'), 'targeting.tags.none_of': t('noneOf'), 'targeting.os': t('os'),
    'targeting.device_types': t('deviceTypes'), 'targeting.exchanges': t('exchanges'), 'targeting.deals': t('deals'), 'targeting.sizes': t('sizes'),
    expected_ctr_ppm: t('ctr'), expected_cvr_ppm: t('cvr'), expected_sale_nanos: t('sale'), learning_budget_nanos: t('learning'),
  }), [t, budget]);
}
