// Whether a line item may bid, and if not exactly why: what an advertiser can see
// without asking the bidder. Each reason has a code; the words are beside the code.

import type { Advertiser, Agency, Campaign, Creative, LineItem } from '../api/entities';
import { wall } from '../values/zone';

export type Reason =
  | 'archived' | 'paused' | 'agency_archived' | 'agency_paused' | 'advertiser_archived' | 'advertiser_paused' | 'campaign_archived' | 'campaign_paused'
  | 'not_started' | 'ended' | 'no_flight' | 'hours' | 'no_creative' | 'creatives_stopped' | 'budget_spent_today' | 'budget_spent' | 'kill_switch';

export interface Money {
  posted: bigint;
  limit?: bigint; // none: no bound of its own
}

export interface Spend {
  today: Money;
  lifetime: Money;
}

export interface Family {
  agency?: Agency;
  advertiser: Advertiser;
  campaign: Campaign;
  line: LineItem;
  creatives: Creative[]; // of the advertiser
  spend: (Spend | undefined)[]; // of the line item, its campaign and its advertiser
  stops?: Set<string>; // kill switches, where the caller may know of them
}

// reasons are all that keep the line item from bidding at an instant; none: it bids
// wherever a request fits.
export function reasons(f: Family, now: Date): Reason[] {
  const out: Reason[] = [];
  const stopped = (status: string, paused: Reason, archived: Reason) => {
    if (status === 'archived') out.push(archived);
    else if (status !== 'active') out.push(paused);
  };
  stopped(f.line.status, 'paused', 'archived');
  stopped(f.campaign.status, 'campaign_paused', 'campaign_archived');
  stopped(f.advertiser.status, 'advertiser_paused', 'advertiser_archived');
  if (f.agency) stopped(f.agency.status, 'agency_paused', 'agency_archived');

  const switches = ['all', `line_item/${f.line.id}`, `campaign/${f.campaign.id}`, `advertiser/${f.advertiser.id}`, `agency/${f.advertiser.agency_id}`];
  if (switches.some((s) => f.stops?.has(s))) out.push('kill_switch');

  const { start, end } = dates(f.line, f.campaign);
  if (now < start) out.push('not_started');
  else if (now >= end) out.push('ended');
  else {
    const inFlight = (list: { start?: string; end?: string }[] | null | undefined) =>
      !list?.length || list.some((x) => new Date(x.start!) <= now && now < new Date(x.end!));
    if (!inFlight(f.campaign.flights) || !inFlight(f.line.flights)) out.push('no_flight');
    const hours = f.line.targeting.hours_of_week;
    if (hours?.length && !hours.includes(hourOfWeek(now, f.advertiser.time_zone))) out.push('hours');
  }

  const mine = f.creatives.filter((c) => f.line.creative_ids?.includes(c.id));
  if (!f.line.creative_ids?.length) out.push('no_creative');
  else if (mine.length && mine.every((c) => c.status !== 'active')) out.push('creatives_stopped');

  const full = (m: Money | undefined) => m?.limit !== undefined && m.limit > 0n && m.posted >= m.limit;
  if (f.spend.some((s) => full(s?.lifetime))) out.push('budget_spent');
  else if (f.spend.some((s) => full(s?.today))) out.push('budget_spent_today');
  return out;
}

// dates are the line item's own within its campaign's.
export function dates(l: LineItem, c: Campaign): { start: Date; end: Date } {
  const [cs, ce] = [new Date(c.start), new Date(c.end)];
  const start = l.start && new Date(l.start) > cs ? new Date(l.start) : cs;
  const end = l.end && new Date(l.end) < ce ? new Date(l.end) : ce;
  return { start, end };
}

// hourOfWeek is 0 on Monday at 00:00 in zone.
export function hourOfWeek(at: Date, zone: string): number {
  const clock = new Date(`${wall(at, zone)}Z`);
  return ((clock.getUTCDay() + 6) % 7) * 24 + clock.getUTCHours();
}
