import { expect, test } from 'vitest';
import { plannedAt, spending } from './spending';

test('hours are added up on the clock of the zone; the hour that runs ends now', () => {
  const rows = [
    { hour: '2026-11-26T05:00:00Z', charge: '1.5', bids: 10, wins: 5 },
    { hour: '2026-11-26T07:00:00Z', charge: '0.5', bids: 0, wins: 0 },
  ];
  const now = new Date('2026-11-26T07:30:00Z');
  const s = spending(rows, '2026-11-26', 'America/New_York', now); // midnight is 05:00Z
  const at = (t: string) => Date.parse(`2026-11-26T${t}:00Z`) / 1000;
  expect(s.x).toEqual([at('05:00'), at('06:00'), at('07:00'), at('07:30')]);
  expect(s.spent).toEqual([0, 1.5, 1.5, 2]);
  expect(s.rate).toEqual([50, 50, null, null, null, null]);
  expect(s.rateX.slice(0, 2)).toEqual([at('05:00'), at('06:00') - 0.001]);
});

test('a plan is read between its points, from the beginning of the day on', () => {
  const curve = { x: [0, 100, 200, 300], planned: [0, 10, 10, 40] };
  expect(plannedAt(curve, [100, 150, 250, 300, 999])).toEqual([0, 0, 15, 30, 30]);
  expect(plannedAt(undefined, [1, 2])).toEqual([null, null]);
});
