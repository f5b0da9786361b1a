// What an advertiser's account has spent, live: from the ledger, at every level.

import { queryOptions } from '@tanstack/react-query';
import { call } from '../api/client';
import { Problem } from '../api/problem';
import { decimalNanos } from '../values/money';
import { today } from '../values/zone';
import type { Money, Spend } from './state';

export interface Plan {
  planned: bigint;
  spent: bigint;
  limit: bigint;
}

export interface Balance {
  advertiser?: Spend;
  campaigns: Map<number, Spend>;
  lines: Map<number, Spend>;
  plans: Map<number, Plan>;
  paid: bigint;
  left?: bigint; // of funded advertisers
}

const LIVE_MS = 3_000;

export const balanceOptions = (advertiser: number) => queryOptions({
  queryKey: ['balance', advertiser],
  refetchInterval: LIVE_MS,
  enabled: advertiser > 0,
  queryFn: async ({ signal }): Promise<Balance> => {
    const { data } = await call('get', '/v1/advertisers/{id}/balance', { path: { id: advertiser }, signal });
    const out: Balance = { campaigns: new Map(), lines: new Map(), plans: new Map(), paid: decimalNanos(data.paid) };
    if (data.left) out.left = decimalNanos(data.left);
    for (const a of data.accounts ?? []) {
      const of = (name: string): Money => {
        const h = a.horizons?.find((x) => x.of === 'charge' && x.horizon === name);
        return { posted: h ? decimalNanos(h.posted) : 0n, ...(h?.limit && { limit: decimalNanos(h.limit) }) };
      };
      const spend: Spend = { today: of('today'), lifetime: of('lifetime') };
      if (a.level === 'advertiser') out.advertiser = spend;
      else (a.level === 'campaign' ? out.campaigns : out.lines).set(a.id, spend);
    }
    for (const p of data.plans ?? []) {
      out.plans.set(p.line_item, { planned: decimalNanos(p.planned), spent: decimalNanos(p.spent), limit: decimalNanos(p.limit) });
    }
    return out;
  },
});

export interface Counts {
  bids: number;
  wins: number;
  impressions: number;
  clicks: number;
}

// todayOptions counts an advertiser's day so far by line item; the reports lag some seconds.
export const todayOptions = (advertiser: number, zone: string) => queryOptions({
  queryKey: ['today', advertiser],
  refetchInterval: LIVE_MS,
  enabled: advertiser > 0,
  queryFn: async ({ signal }): Promise<Map<number, Counts>> => {
    const day = today(new Date(), zone);
    try {
      const { data } = await call('get', '/v1/reports', {
        query: { from: day, to: day, group_by: ['line_item'], advertiser: [String(advertiser)] } as never, signal,
      });
      const rows = (data as { rows?: Record<string, unknown>[] }).rows ?? [];
      const n = (v: unknown) => Number(v ?? 0);
      return new Map(rows.map((r) => [n(r.line_item ?? r.line_item_id), { bids: n(r.bids), wins: n(r.wins), impressions: n(r.impressions), clicks: n(r.clicks) }]));
    } catch (err) {
      if (err instanceof Problem && err.status === 404) return new Map(); // a node without reports
      throw err;
    }
  },
});
