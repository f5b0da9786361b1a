// What a report shows is in the address: it can be kept, sent and reloaded.

import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { type Dimension, DIMENSIONS, type FilterName, FILTERS, type Metric, METRICS, days, type Query, type Range, RANGES } from './report';

export interface Shown {
  range: Range | '';
  from: string;
  to: string;
  by: Dimension[];
  metrics: Metric[];
  filters: Partial<Record<FilterName, string[]>>;
  zone: string; // '': each advertiser's own days
}

export const FIRST_METRICS: Metric[] = ['bids', 'wins', 'win_rate', 'impressions', 'clicks', 'ctr', 'conversions', 'charge', 'ecpm'];

const among = <T extends string>(all: readonly T[], text: string | null): T[] => (text ?? '').split(',').filter((x): x is T => (all as readonly string[]).includes(x));
const DAY = /^\d{4}-\d{2}-\d{2}$/;

// read takes what an address says; what it does not say, or says wrongly, is as at first.
export function read(p: URLSearchParams, now: Date): Shown {
  const range = among(RANGES, p.get('range'))[0] ?? '';
  const [from, to] = [p.get('from') ?? '', p.get('to') ?? ''];
  const chosen = range === '' && DAY.test(from) && DAY.test(to);
  const zone = p.get('zone') ?? '';
  const named = chosen ? '' : range || 'last_7_days';
  const metrics = among(METRICS, p.get('metrics'));
  const filters: Shown['filters'] = {};
  for (const f of FILTERS) {
    const values = p.getAll(f).flatMap((v) => v.split(',')).map((v) => v.trim()).filter(Boolean);
    if (p.has(f)) filters[f] = values;
  }
  return {
    range: named, ...(named === '' ? { from, to } : days(named, now, zone || 'UTC')), by: p.has('by') ? among(DIMENSIONS, p.get('by')) : ['day'],
    metrics: metrics.length ? metrics : FIRST_METRICS, filters, zone,
  };
}

export function write(s: Shown): URLSearchParams {
  const p = new URLSearchParams();
  if (s.range) p.set('range', s.range);
  else {
    p.set('from', s.from);
    p.set('to', s.to);
  }
  p.set('by', s.by.join(','));
  if (s.metrics.join() !== FIRST_METRICS.join()) p.set('metrics', s.metrics.join(','));
  for (const [f, values] of Object.entries(s.filters)) p.set(f, values.join(','));
  if (s.zone) p.set('zone', s.zone);
  return p;
}

// queryOf is what the API is asked; a filter without a value yet asks nothing.
export function queryOf(s: Shown): Query {
  const filters = Object.fromEntries(Object.entries(s.filters).filter(([, v]) => v.length > 0));
  return { from: s.from, to: s.to, group_by: s.by, ...(s.zone && { time_zone: s.zone }), ...filters };
}

export function useShown(): [Shown, (next: Partial<Shown>) => void] {
  const [p, set] = useSearchParams();
  const shown = useMemo(() => read(p, new Date()), [p]);
  return [shown, (next) => set(write({ ...shown, ...next }), { replace: true })];
}

// queryText is the question as a saved view keeps it: the API's own parameters, with a
// range by its name, so that the view moves with the days.
export function queryText(s: Shown): string {
  const { from, to, group_by: by, ...more } = queryOf(s);
  const p = new URLSearchParams();
  if (s.range) p.set('range', s.range);
  else {
    p.set('from', String(from));
    p.set('to', String(to));
  }
  if ((by as string[]).length) p.set('group_by', (by as string[]).join(','));
  if (s.metrics.join() !== FIRST_METRICS.join()) p.set('fields', s.metrics.join(','));
  for (const [k, v] of Object.entries(more)) for (const one of [v].flat()) p.append(k, String(one));
  return p.toString();
}

// fromQuery reads what a saved view keeps; what this page can't show is left out.
export function fromQuery(query: string, now: Date): Shown {
  const p = new URLSearchParams(query);
  const own = new URLSearchParams(p);
  own.set('by', p.getAll('group_by').join(','));
  if (p.has('fields')) own.set('metrics', p.get('fields')!);
  if (p.has('time_zone')) own.set('zone', p.get('time_zone')!);
  return read(own, now);
}
