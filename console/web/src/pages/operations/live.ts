// What the operator's pages ask again and again.

import { queryOptions } from '@tanstack/react-query';
import { call } from '../../api/client';
import type { components } from '../../api/schema';

export type Live = components['schemas']['LiveBody'];
export type Brake = components['schemas']['BrakeView'];

const LIVE_MS = 2_000;

export const liveOptions = queryOptions({
  queryKey: ['live'], refetchInterval: LIVE_MS,
  queryFn: async ({ signal }) => (await call('get', '/v1/live', { signal })).data,
});

export const brakesOptions = queryOptions({
  queryKey: ['brakes'], refetchInterval: LIVE_MS,
  queryFn: async ({ signal }) => (await call('get', '/v1/brakes', { signal })).data.items ?? [],
});

export const ledgerOptions = queryOptions({
  queryKey: ['ledger'], refetchInterval: 5_000,
  queryFn: async ({ signal }) => (await call('get', '/v1/ledger', { signal })).data,
});

export interface Recent {
  requests: number; // per second
  bids: number;
  p99us: number; // of the worst second
}

// recent sums up the last minute of the seconds, which come oldest first.
export function recent(seconds: Live['seconds']): Recent {
  const last = (seconds ?? []).slice(-60);
  const n = Math.max(1, last.length);
  return {
    requests: last.reduce((sum, s) => sum + s.requests, 0) / n,
    bids: last.reduce((sum, s) => sum + s.bids, 0) / n,
    p99us: last.reduce((max, s) => Math.max(max, s.p99_us), 0),
  };
}

// noBids are the reasons of all the seconds, the most frequent first.
export function noBids(seconds: Live['seconds']): { reason: string; count: number }[] {
  const sums = new Map<string, number>();
  for (const s of seconds ?? []) {
    for (const [reason, n] of Object.entries(s.no_bids ?? {})) sums.set(reason, (sums.get(reason) ?? 0) + n);
  }
  return [...sums].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason));
}
