// Spend of a day against its plan, hour by hour.

import type { Row } from '../reports/report';
import { startOfDay } from '../../values/zone';

export interface Spending {
  x: number[]; // Unix seconds: the end of each hour so far
  spent: number[]; // added up, in units of the currency
  rateX: number[]; // the beginning and the end of each hour
  rate: (number | null)[]; // wins of bids in it, percent
}

// spending adds up the hours of a day until now; an hour without rows spent nothing.
export function spending(rows: Row[], day: string, zone: string, now: Date): Spending {
  const start = startOfDay(day, zone).getTime();
  const hours = Math.max(1, Math.min(25, Math.ceil((now.getTime() - start) / 3_600_000)));
  const byHour = new Map(rows.map((r) => [Math.floor((Date.parse(String(r.hour)) - start) / 3_600_000), r]));
  const out: Spending = { x: [start / 1000], spent: [0], rateX: [], rate: [] };
  let sum = 0;
  for (let h = 0; h < hours; h++) {
    const r = byHour.get(h);
    sum += Number(r?.charge ?? 0);
    const bids = Number(r?.bids ?? 0);
    const end = Math.min(start + (h + 1) * 3_600_000, Math.max(now.getTime(), start + 1)) / 1000;
    out.x.push(end);
    out.spent.push(sum);
    const rate = bids ? (100 * Number(r?.wins ?? 0)) / bids : null;
    out.rateX.push(start / 1000 + h * 3600, end - 0.001);
    out.rate.push(rate, rate);
  }
  return out;
}

// plannedAt reads a plan's curve at the times of xs, as of the first of them.
export function plannedAt(curve: { x: number[]; planned: number[] } | undefined, xs: number[]): (number | null)[] {
  if (!curve) return xs.map(() => null);
  const at = (t: number) => {
    const i = curve.x.findIndex((v) => v >= t);
    if (i < 0) return curve.planned.at(-1) ?? 0;
    if (i === 0) return 0;
    const [x0, x1, y0, y1] = [curve.x[i - 1]!, curve.x[i]!, curve.planned[i - 1]!, curve.planned[i]!];
    return y0 + ((y1 - y0) * (t - x0)) / (x1 - x0);
  };
  const first = at(xs[0] ?? 0);
  return xs.map((t) => at(t) - first);
}
