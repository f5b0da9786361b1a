// What GET /v1/live says, in the page's words. Every field of the wire is read
// here and nowhere else; a test of cmd/node holds these names against its types.

import { nanos } from './money.js';

// live reads a body of /v1/live. What a newer or older server leaves out is
// empty, never undefined.
export function live(raw) {
  return {
    at: Date.parse(raw.at),
    ready: raw.ready === true,
    notReady: raw.not_ready ?? '',
    generation: Number(raw.generation ?? 0),
    killed: raw.killed === true,
    spill: Number(raw.spill_records ?? 0),
    leases: Number(raw.open_leases ?? 0),
    stopped: Number(raw.ledger_partitions_stopped ?? 0),
    profiles: Number(raw.profiles ?? 0),
    reportLag: Number(raw.report_lag_seconds ?? 0),
    seconds: (raw.seconds ?? []).map(second),
    lines: (raw.lines ?? []).map(line),
  };
}

function second(raw) {
  return {
    at: Date.parse(raw.at),
    requests: raw.requests ?? 0,
    answered: raw.answered ?? 0,
    bids: raw.bids ?? 0,
    noBids: raw.no_bids ?? {},
    p50: raw.p50_us ?? 0,
    p99: raw.p99_us ?? 0,
    wins: raw.wins ?? 0,
    billed: raw.billed ?? 0,
    losses: raw.losses ?? 0,
    impressions: raw.impressions ?? 0,
    clicks: raw.clicks ?? 0,
  };
}

function line(raw) {
  const l = {
    id: String(raw.line_item),
    name: raw.name ?? '',
    advertiser: raw.advertiser ?? '',
    campaign: raw.campaign ?? '',
    currency: raw.currency ?? '',
    status: raw.status ?? '',
    pricing: raw.pricing ?? '',
    pacing: raw.pacing ?? '',
    limit: nanos(raw.limit_nanos),
    planned: nanos(raw.planned_nanos),
    spent: nanos(raw.spent_nanos),
    charge: nanos(raw.charge_nanos),
    media: nanos(raw.media_nanos),
    bids: Number(raw.bids ?? 0),
    wins: Number(raw.wins ?? 0),
    impressions: Number(raw.impressions ?? 0),
    clicks: Number(raw.clicks ?? 0),
    conversions: Number(raw.conversions ?? 0),
    late: nanos(raw.house_late_nanos),
    unbilled: nanos(raw.house_unbilled_nanos),
  };
  l.margin = l.charge - l.media;
  return l;
}

// killSwitches reads a page of GET /v1/kill-switches: the switches that are on,
// by line item, the one of everything under 'all', others under 'exchange/demo'.
export function killSwitches(page) {
  const on = new Map();
  for (const k of page.items ?? []) {
    if (k.on) on.set(switchOf(k), { reason: k.reason, by: k.by, at: Date.parse(k.at) });
  }
  return on;
}

// brakes reads GET /v1/brakes: what stops bidding, that of everything first, then
// what nobody has looked at yet: breakers before people, the newest first.
export function brakes(page) {
  return (page.items ?? []).map((k) => ({
    what: `${WHAT[k.scope] ?? k.scope}${k.scope === 'all' ? '' : ` ${k.exchange || k.target}`}`,
    name: k.name ?? '',
    scope: k.scope,
    // The reason of a breaker ends with its release, which stands beside it.
    reason: String(k.reason ?? '').replace(/; to release: .*$/, ''),
    by: k.by ?? '',
    at: Date.parse(k.at),
    release: k.release ?? '',
  })).sort((a, b) => rank(a) - rank(b) || b.at - a.at);
}

const rank = (k) => (k.scope === 'all' ? 0 : k.by.startsWith('breaker/') ? 1 : 2);

const WHAT = { all: 'All bidding', exchange: 'Exchange', agency: 'Agency', advertiser: 'Advertiser', campaign: 'Campaign', line_item: 'Line item', creative: 'Creative' };

function switchOf(k) {
  if (k.scope === 'all') return 'all';
  return k.scope === 'line_item' ? String(k.target) : `${k.scope}/${k.exchange ?? k.target}`;
}
