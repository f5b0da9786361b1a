// The columns of the line items' table: what each shows, sorts by and adds up.

import { compare, exact, rounded } from './money.js';
import { count, percent } from './number.js';
import { standing } from './plan.js';

const text = (of) => ({ of, order: (a, b) => of(a).localeCompare(of(b), 'en', { numeric: true }) });

// Amounts of two currencies don't compare: they stand in groups.
const amount = (of) => ({
  of,
  money: true,
  order: (a, b) => compare(a.currency, b.currency) || compare(of(a), of(b)),
});
const number = (of, show = count) => ({ number: true, of, show, order: (a, b) => of(a) - of(b) });
const ratio = (part, whole) => ({
  number: true,
  of: (l) => (whole(l) ? part(l) / whole(l) : -1), // without a whole: below zero
  show: (_, l) => percent(part(l), whole(l)),
  order: (a, b) => (whole(a) ? part(a) / whole(a) : -1) - (whole(b) ? part(b) / whole(b) : -1),
});

// planOrder is by how much of the plan is kept; without one, last.
const planOrder = (l) => { const s = standing(l); return s.state === 'none' ? -1 : s.ratio ?? s.used; };

export const COLUMNS = [
  { key: 'name', label: 'Line item', ...text((l) => l.name) },
  { key: 'pricing', label: 'Pricing', ...text((l) => `${l.pricing.toUpperCase()} ${l.currency}`) },
  { key: 'pacing', label: 'Pacing', ...text((l) => ({ even: 'Even', asap: 'ASAP' })[l.pacing] ?? l.pacing) },
  { key: 'plan', label: 'Spend against plan', order: (a, b) => planOrder(a) - planOrder(b) },
  { key: 'charge', label: 'Charge', about: 'What the advertiser pays, lifetime', ...amount((l) => l.charge), first: -1 },
  { key: 'media', label: 'Media cost', about: 'What exchanges bill, lifetime', ...amount((l) => l.media), first: -1 },
  { key: 'margin', label: 'Margin', about: 'Charge less media cost', ...amount((l) => l.margin), first: -1 },
  { key: 'impressions', label: 'Impr.', about: 'Impressions shown', ...number((l) => l.impressions), first: -1 },
  { key: 'winrate', label: 'Win rate', about: 'Wins of bids', ...ratio((l) => l.wins, (l) => l.bids), first: -1 },
  { key: 'clicks', label: 'Clicks', ...number((l) => l.clicks), first: -1 },
  { key: 'ctr', label: 'CTR', about: 'Clicks of impressions', ...ratio((l) => l.clicks, (l) => l.impressions), first: -1 },
  { key: 'conversions', label: 'Conv.', about: 'Attributed conversions', ...number((l) => l.conversions), first: -1 },
  { key: 'cvr', label: 'CVR', about: 'Conversions of clicks', ...ratio((l) => l.conversions, (l) => l.clicks), first: -1 },
];

// show writes column c of l: {text, title}. all: every digit of an amount.
export function show(c, l, all) {
  const v = c.of(l);
  if (!c.money) return { text: c.show ? c.show(v, l) : v };
  return { text: all ? exact(v) : rounded(v), title: `${exact(v)} ${l.currency}`, negative: v < 0n };
}

// total adds lines of one currency up, into what show can write.
export function total(lines, currency) {
  const t = { name: '', pricing: '', pacing: '', currency, charge: 0n, media: 0n, margin: 0n, late: 0n, unbilled: 0n, bids: 0, wins: 0, impressions: 0, clicks: 0, conversions: 0 };
  for (const l of lines) {
    for (const k of ['charge', 'media', 'margin', 'late', 'unbilled', 'bids', 'wins', 'impressions', 'clicks', 'conversions']) t[k] += l[k];
  }
  return t;
}
