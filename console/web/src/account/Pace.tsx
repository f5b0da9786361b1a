import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { Bar } from '../ui/Bar';
import { rounded } from '../values/money';
import type { Plan } from './spend';
import type { Spend } from './state';

const words = messages({
  of: '{spent} of {limit} {currency} today', planned: '{spent} of {limit} {currency}; by now planned {planned}', spent: '{spent} {currency} today',
  life: '{spent} of {limit} {currency} in all',
}, {
  of: '今日 {spent} / {limit} {currency}', planned: '{spent} / {limit} {currency}；按计划应为 {planned}', spent: '今日 {spent} {currency}',
  life: '累计 {spent} / {limit} {currency}',
});

// Pace is spend against plan: of a line item by its plan, of what is above it by
// today's budget, or else the whole one.
export function Pace({ spend, plan, currency, caption }: { spend?: Spend; plan?: Plan; currency: string; caption?: boolean }) {
  const t = useMessages(words);
  if (plan && plan.limit > 0n) {
    const label = t('planned', { spent: rounded(plan.spent), limit: rounded(plan.limit), planned: rounded(plan.planned), currency });
    const behind = plan.planned > 0n && plan.spent * 100n < plan.planned * 80n;
    return <Figures label={label} part={plan.spent} whole={plan.limit} mark={plan.planned} tone={behind ? 'warn' : 'good'} caption={caption} />;
  }
  if (!spend) return null;
  const { today, lifetime } = spend;
  if (today.limit) return <Figures label={t('of', { spent: rounded(today.posted), limit: rounded(today.limit), currency })} part={today.posted} whole={today.limit} caption={caption} />;
  if (lifetime.limit) return <Figures label={t('life', { spent: rounded(lifetime.posted), limit: rounded(lifetime.limit), currency })} part={lifetime.posted} whole={lifetime.limit} caption={caption} />;
  const said = t('spent', { spent: rounded(today.posted), currency });
  return caption ? <p>{said}</p> : <span className="money" title={said}>{rounded(today.posted)}</span>;
}

interface FiguresProps {
  label: string;
  part: bigint;
  whole: bigint;
  mark?: bigint;
  tone?: 'good' | 'warn';
  caption?: boolean; // the figures in words
}

function Figures({ label, part, whole, mark, tone, caption }: FiguresProps) {
  return (
    <div className="pace">
      {caption
        ? <span aria-hidden="true">{label}</span>
        : <span className="pace-figures" aria-hidden="true"><span>{rounded(part)}</span><span className="muted">{rounded(whole)}</span></span>}
      <Bar label={label} part={part} whole={whole} mark={mark} tone={tone} />
    </div>
  );
}
