import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { Button } from '../ui/Button';
import { MoneyField, TimeField } from './Field';
import { useField } from './form';

const words = messages({
  none: 'No flights: it may spend at any time between its dates.', add: 'Add a flight', remove: 'Remove flight {n}', flight: 'Flight {n}',
  start: 'Starts', end: 'Ends', budget: 'Budget of this flight',
}, {
  none: '未设排期：在起止日期之间可随时投放。', add: '添加排期', remove: '删除排期 {n}', flight: '排期 {n}', start: '开始', end: '结束', budget: '本排期预算',
});

interface Flight {
  start?: string;
  end?: string;
  budget_nanos: bigint;
}

// FlightsField edits times with budgets of their own. A new one follows the last.
export function FlightsField({ currency, zone, start, end }: { currency: string; zone: string; start?: string; end?: string }) {
  const t = useMessages(words);
  const { value, set, error } = useField<Flight[] | null | undefined>('flights');
  const flights = value ?? [];
  return (
    <div className="stack">
      {error && <p className="error">{error}</p>}
      {flights.length === 0 && <p className="muted">{t('none')}</p>}
      {flights.map((_, i) => (
        <fieldset key={i} className="conflict">
          <legend>{t('flight', { n: i + 1 })}</legend>
          <div className="grid">
            <TimeField name={`flights[${i}].start`} label={t('start')} zone={zone} />
            <TimeField name={`flights[${i}].end`} label={t('end')} zone={zone} />
            <MoneyField name={`flights[${i}].budget_nanos`} label={t('budget')} currency={currency} />
          </div>
          <Button small look="quiet" onClick={() => set(flights.length > 1 ? flights.filter((__, j) => j !== i) : undefined)}>{t('remove', { n: i + 1 })}</Button>
        </fieldset>
      ))}
      <div><Button small onClick={() => set([...flights, { start: flights.at(-1)?.end ?? start, end, budget_nanos: 0n }])}>{t('add')}</Button></div>
    </div>
  );
}
