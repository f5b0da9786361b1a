import { expect, test } from 'vitest';
import type { Campaign, LineItem } from '../../api/entities';
import { curve } from './plan';
import { spans } from './TargetingWords';

const campaign = { start: '2026-11-23T00:00:00Z', end: '2026-11-27T00:00:00Z' } as Campaign; // Monday, four days
const line = (budget: { daily_nanos: bigint; lifetime_nanos: bigint }, more: object = {}) =>
  ({ budget, pacing: 'even', targeting: {}, ...more }) as unknown as LineItem;

test('the plan ends at its budget and never falls', () => {
  const f = (l: LineItem, total: bigint) => {
    const c = curve(l, campaign, 'UTC')!;
    expect(c.total).toBe(total);
    expect(c.planned.every((v, i) => i === 0 || v >= c.planned[i - 1]!)).toBe(true);
    expect(c.x[0]).toBe(Date.parse(campaign.start) / 1000);
    expect(c.x.at(-1)).toBe(Date.parse(campaign.end) / 1000);
  };
  f(line({ daily_nanos: 10_000_000_000n, lifetime_nanos: 0n }), 40_000_000_000n);
  f(line({ daily_nanos: 0n, lifetime_nanos: 30_000_000_000n }), 30_000_000_000n);
  f(line({ daily_nanos: 10_000_000_000n, lifetime_nanos: 30_000_000_000n }, { pacing: 'asap' }), 30_000_000_000n);
  f(line({ daily_nanos: 0n, lifetime_nanos: 30_000_000_000n }, { pacing: 'ahead' }), 30_000_000_000n);
  f(line({ daily_nanos: 10_000_000_000n, lifetime_nanos: 0n }, { targeting: { hours_of_week: [9, 10] } }), 10_000_000_000n); // Monday alone
});

test('no budget, no plan', () => {
  expect(curve(line({ daily_nanos: 0n, lifetime_nanos: 0n }), campaign, 'UTC')).toBeUndefined();
});

test('hours in words', () => {
  const office = [0, 1, 2, 3, 4].flatMap((d) => [9, 10, 11].map((h) => d * 24 + h));
  expect(spans(office, 'en')).toBe('Mon–Fri 9:00–12:00');
  expect(spans([0, 2, 23], 'en')).toBe('Mon 0:00–1:00, 2:00–3:00, 23:00–24:00');
});
