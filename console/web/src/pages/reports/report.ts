// A report as the API answers it, and what can be asked of it.

import { queryOptions } from '@tanstack/react-query';
import { call } from '../../api/client';
import { decimal } from '../../values/money';
import { today } from '../../values/zone';

export type Row = Record<string, string | number | boolean | null | undefined>;

export interface Report {
  as_of: string;
  status: 'preliminary' | 'final';
  time_zone?: string;
  lag_records?: number;
  rows: Row[] | null;
  totals: Row[] | null;
  rest?: Row[] | null;
}

export const DIMENSIONS = [
  'day', 'hour', 'advertiser', 'campaign', 'line_item', 'creative', 'exchange', 'deal', 'site', 'format', 'size', 'device_type', 'country', 'region', 'conversion_type',
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const METRICS = [
  'bids', 'wins', 'win_rate', 'impressions', 'viewable', 'viewability', 'clicks', 'ctr', 'starts', 'first_quartiles', 'midpoints', 'third_quartiles', 'completes', 'completion_rate',
  'conversions', 'click_conversions', 'view_conversions', 'cvr', 'value', 'charge', 'ecpm', 'ecpc', 'ecpa', 'roas', 'media_cost', 'data_fee', 'platform_fee', 'margin',
] as const;
export type Metric = (typeof METRICS)[number];

const MONEY = new Set<string>(['charge', 'value', 'media_cost', 'data_fee', 'platform_fee', 'margin', 'ecpm', 'ecpc', 'ecpa']);
const SHARE = new Set<string>(['win_rate', 'viewability', 'ctr', 'cvr', 'completion_rate']);
export const kindOf = (m: Metric): 'money' | 'share' | 'ratio' | 'count' => (MONEY.has(m) ? 'money' : SHARE.has(m) ? 'share' : m === 'roas' ? 'ratio' : 'count');

export const FILTERS = ['advertiser', 'campaign', 'line_item', 'creative', 'exchange', 'deal', 'site', 'app', 'ad_format', 'size', 'device_type', 'country', 'region', 'conversion_type'] as const;
export type FilterName = (typeof FILTERS)[number];

export interface Query {
  from?: string;
  to?: string;
  range?: string;
  group_by?: string[];
  time_zone?: string;
  compare?: string;
  top?: number;
  sort?: string;
  [filter: string]: string | string[] | number | undefined;
}

// reportOptions asks for rows; from and to are days of the report's zone.
export const reportOptions = (q: Query) => queryOptions({
  queryKey: ['report', q],
  queryFn: async ({ signal }) => (await call('get', '/v1/reports', { query: { ...q, format: 'json' } as never, signal })).data as unknown as Report,
});

// percent is part / whole with two decimals, from whole numbers.
export function percent(part: number, whole: number): string {
  return whole > 0 ? `${decimal((BigInt(part) * 10_000n + BigInt(whole) / 2n) / BigInt(whole), 2, 2)}%` : '–';
}

// ratioPercent writes a decimal of the API, such as "0.0123", as percent.
export function ratioPercent(text: string): string {
  const [whole = '0', fraction = ''] = text.split('.');
  return `${decimal(BigInt(whole + fraction.padEnd(6, '0').slice(0, 6)), 4, 2)}%`;
}

export const RANGES = ['today', 'yesterday', 'last_7_days', 'last_30_days', 'this_month', 'last_month'] as const;
export type Range = (typeof RANGES)[number];

const shift = (day: string, by: number) => new Date(Date.parse(`${day}T00:00:00Z`) + by * 86_400_000).toISOString().slice(0, 10);

// days are the first and last day of a range on the calendar of zone.
export function days(range: Range, now: Date, zone: string): { from: string; to: string } {
  const day = today(now, zone);
  switch (range) {
    case 'today': return { from: day, to: day };
    case 'yesterday': return { from: shift(day, -1), to: shift(day, -1) };
    case 'last_7_days': return { from: shift(day, -6), to: day };
    case 'last_30_days': return { from: shift(day, -29), to: day };
    case 'this_month': return { from: `${day.slice(0, 7)}-01`, to: day };
    case 'last_month': {
      const last = shift(`${day.slice(0, 7)}-01`, -1);
      return { from: `${last.slice(0, 7)}-01`, to: last };
    }
  }
}
