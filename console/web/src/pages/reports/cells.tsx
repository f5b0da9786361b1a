import { Money } from '../../ui/Money';
import { count } from '../../values/format';
import { decimalNanos } from '../../values/money';
import { kindOf, type Metric, ratioPercent, type Row } from './report';

// Figure is one cell of a report.
export function Figure({ row, metric }: { row: Row; metric: Metric }) {
  const v = row[metric];
  if (v === undefined || v === null || v === '') return <>–</>;
  switch (kindOf(metric)) {
    case 'money': return <Money nanos={decimalNanos(String(v))} currency={String(row.currency ?? '') || undefined} />;
    case 'share': return <>{ratioPercent(String(v))}</>;
    case 'ratio': return <>{String(v)}</>;
    case 'count': return <>{count(BigInt(String(v)))}</>;
  }
}

// plotted is a figure for a line on a chart, where a float is close enough.
export const plotted = (row: Row, metric: Metric): number | null => {
  const v = row[metric];
  return v === undefined || v === null || v === '' ? null : Number(v) * (kindOf(metric) === 'share' ? 100 : 1);
};
