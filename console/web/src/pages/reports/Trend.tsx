import { useMemo } from 'react';
import { useMessages } from '../../i18n/language';
import { Chart } from '../../ui/Chart';
import { startOfDay } from '../../values/zone';
import { plotted } from './cells';
import { kindOf, type Metric, type Row } from './report';
import { metricWords } from './words';

// seriesOf sums rows by their time; a figure that can't be summed is drawn only where
// one row has it.
export function seriesOf(rows: Row[], metric: Metric, zone: string): { x: number[]; values: (number | null)[] } {
  const at = new Map<number, number | null>();
  const summed = kindOf(metric) === 'count' || ['charge', 'value', 'media_cost', 'data_fee', 'platform_fee', 'margin'].includes(metric);
  for (const r of rows) {
    const text = String(r.hour ?? r.day ?? '');
    const ms = r.hour !== undefined ? Date.parse(text) : text ? startOfDay(text, zone).getTime() : NaN;
    if (Number.isNaN(ms)) continue;
    const v = plotted(r, metric);
    const was = at.get(ms / 1000);
    at.set(ms / 1000, was === undefined ? v : summed && v !== null ? (was ?? 0) + v : null);
  }
  const x = [...at.keys()].sort((a, b) => a - b);
  return { x, values: x.map((t) => at.get(t)!) };
}

export function Trend({ rows, metric, zone }: { rows: Row[]; metric: Metric; zone: string }) {
  const name = useMessages(metricWords);
  const { x, values } = useMemo(() => seriesOf(rows, metric, zone), [rows, metric, zone]);
  const series = useMemo(() => [{ label: name(metric), values, fill: true }], [name, metric, values]);
  const figure = new Intl.NumberFormat('en', { maximumFractionDigits: 2, notation: 'compact' });
  return <Chart label={name(metric)} x={x} zone={zone} series={series} y={(v) => figure.format(v) + (kindOf(metric) === 'share' ? '%' : '')}
    xText={(s) => new Date(s * 1000).toISOString().slice(0, 16).replace('T', ' ')} />;
}
