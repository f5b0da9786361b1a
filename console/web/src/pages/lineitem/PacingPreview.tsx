import { useMemo } from 'react';
import type { Campaign, LineItem } from '../../api/entities';
import { useLanguage, useMessages } from '../../i18n/language';
import { Chart } from '../../ui/Chart';
import { dateTime } from '../../values/format';
import { rounded } from '../../values/money';
import { curve } from './plan';
import { words } from './words';

// PacingPreview draws when the budget is planned to be spent.
export function PacingPreview({ line, campaign, zone, currency }: { line: LineItem; campaign: Campaign; zone: string; currency: string }) {
  const t = useMessages(words);
  const { language } = useLanguage();
  const plan = useMemo(() => curve(line, campaign, zone), [line.budget, line.pacing, line.start, line.end, line.flights, line.targeting?.hours_of_week, campaign.start, campaign.end, zone]);
  if (!plan) return <p className="muted">{t('noPlan')}</p>;
  const figure = new Intl.NumberFormat('en', { maximumFractionDigits: 2, notation: 'compact' });
  return (
    <div>
      <p className="hint">{t(plan.cutDays ? 'planTextCut' : 'planText', { total: rounded(plan.total), currency, days: plan.cutDays ?? 0 })}</p>
      <Chart label={t('planLabel')} x={plan.x} zone={zone} height={180} y={(v) => figure.format(v)} xText={(s) => dateTime(new Date(s * 1000), zone, language)}
        series={[{ label: t('planned'), values: plan.planned, fill: true }]} />
    </div>
  );
}
