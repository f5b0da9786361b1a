import { CountField, CPMField, DecimalField, MoneyField, PercentField, SelectField } from '../../form/Field';
import { useMessages } from '../../i18n/language';
import { Panel } from '../../ui/Panel';
import { TERMS } from './fresh';
import { words } from './words';

const MODELS = ['cpm', 'dcpm', 'vcpm', 'cpc', 'cpcv', 'cpa', 'cps', 'cpd'] as const;

// Pricing asks for what the chosen model needs, and nothing else.
export function Pricing({ pricing, currency }: { pricing: string; currency: string }) {
  const t = useMessages(words);
  const has = (term: string) => TERMS[pricing]?.includes(term) ?? false;
  const model = (MODELS as readonly string[]).includes(pricing) ? (pricing as typeof MODELS[number]) : 'cpm';
  const perThousand = pricing === 'cpm' || pricing === 'vcpm';
  return (
    <Panel title={t('pricing')} lead={t(`${model}Lead`)}>
      <div className="grid">
        <SelectField name="pricing" label={t('model')} options={MODELS.map((m) => ({ value: m, text: t(m) }))} />
        {has('price_micros') && (perThousand
          ? <CPMField name="price_micros" label={t('price')} currency={currency} />
          : <DecimalField name="price_micros" label={t('price')} places={6} unit={`${currency} ${t(`per_${model}` as 'per_cpc')}`} />)}
        {has('markup_ppm') && <PercentField name="markup_ppm" label={t('markup')} hint={t('markupHint')} />}
        {has('sale_share_ppm') && <PercentField name="sale_share_ppm" label={t('saleShare')} />}
        <CPMField name="max_bid_micros" label={t('maxBid')} currency={currency} hint={t('maxBidHint')} />
        {has('expected_ctr_ppm') && <PercentField name="expected_ctr_ppm" label={t('ctr')} hint={t('priorHint')} />}
        {has('expected_view_rate_ppm') && <PercentField name="expected_view_rate_ppm" label={t('viewRate')} hint={t('priorHint')} />}
        {has('expected_completion_rate_ppm') && <PercentField name="expected_completion_rate_ppm" label={t('completion')} hint={t('priorHint')} />}
        {has('expected_cvr_ppm') && <PercentField name="expected_cvr_ppm" label={t('cvr')} hint={t('cvrHint')} />}
        {has('expected_sale_nanos') && <MoneyField name="expected_sale_nanos" label={t('sale')} currency={currency} hint={t('priorHint')} />}
        {has('learning_budget_nanos') && <MoneyField name="learning_budget_nanos" label={t('learning')} currency={currency} hint={t('learningHint')} />}
        {has('conversion_delay_hours') && <CountField name="conversion_delay_hours" label={t('delay')} unit={t('hours')} hint={t('delayHint')} />}
      </div>
    </Panel>
  );
}
