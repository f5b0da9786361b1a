import { expect, test } from 'vitest';
import type { Advertiser, Agency, Campaign, Creative, LineItem } from '../api/entities';
import { type Family, hourOfWeek, type Reason, reasons } from './state';

const now = new Date('2026-11-26T12:00:00Z'); // a Thursday

const family = (change: (f: Family) => void = () => {}): Family => {
  const f: Family = {
    agency: { status: 'active' } as Agency,
    advertiser: { status: 'active', time_zone: 'Europe/Berlin' } as Advertiser,
    campaign: { status: 'active', start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' } as Campaign,
    line: { status: 'active', creative_ids: [1], targeting: {} } as unknown as LineItem,
    creatives: [{ id: 1, status: 'active' } as Creative],
    spend: [],
  };
  change(f);
  return f;
};

test('why a line item does not bid', () => {
  const f = (change: (f: Family) => void, ...want: Reason[]) => expect(reasons(family(change), now)).toEqual(want);
  f(() => {});
  f((x) => { x.line.status = 'paused'; }, 'paused');
  f((x) => { x.campaign.status = 'archived'; x.agency!.status = 'paused'; }, 'campaign_archived', 'agency_paused');
  f((x) => { x.campaign.start = '2026-11-26T12:00:01Z'; }, 'not_started');
  f((x) => { x.line.end = '2026-11-26T12:00:00Z'; }, 'ended');
  f((x) => { x.campaign.flights = [{ start: '2026-11-27T00:00:00Z', end: '2026-11-28T00:00:00Z', budget_nanos: 1n }]; }, 'no_flight');
  f((x) => { x.line.targeting.hours_of_week = [3 * 24 + 13]; }); // 13:00 in Berlin
  f((x) => { x.line.targeting.hours_of_week = [3 * 24 + 12]; }, 'hours');
  f((x) => { x.campaign.id = 4; x.stops = new Set(['campaign/4']); }, 'kill_switch');
  f((x) => { x.campaign.id = 4; x.stops = new Set(['campaign/5', 'exchange/demo']); });
  f((x) => { x.line.creative_ids = []; }, 'no_creative');
  f((x) => { x.creatives[0]!.status = 'paused'; }, 'creatives_stopped');
  f((x) => { x.spend = [undefined, { today: { posted: 5n, limit: 5n }, lifetime: { posted: 5n } }]; }, 'budget_spent_today');
  f((x) => { x.spend = [{ today: { posted: 5n, limit: 5n }, lifetime: { posted: 5n, limit: 5n } }]; }, 'budget_spent');
});

test('hours of the week', () => {
  expect(hourOfWeek(new Date('2026-11-23T00:30:00Z'), 'UTC')).toBe(0);
  expect(hourOfWeek(new Date('2026-11-23T00:30:00Z'), 'America/New_York')).toBe(6 * 24 + 19);
});
