import { expect, test } from 'vitest';
import { daysLeft, instant, startOfDay, today, wall } from './zone';

test('the wall clock of a zone goes there and back', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Shanghai', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia']) {
    for (let t = Date.UTC(2026, 0, 1, 0, 17); t < Date.UTC(2027, 0, 1); t += 31 * 3_600_000) {
      const at = new Date(t);
      const back = instant(wall(at, zone), zone)!;
      // An hour that comes twice is read as its first time.
      expect(wall(back, zone)).toBe(wall(at, zone));
      expect(Math.abs(back.getTime() - t)).toBeLessThanOrEqual(3_600_000);
    }
  }
});

test('hours that come twice, and hours that do not come', () => {
  const f = (text: string, zone: string, want: string) => expect(instant(text, zone)?.toISOString()).toBe(want);
  f('2026-11-26T09:30', 'Europe/Berlin', '2026-11-26T08:30:00.000Z');
  f('2026-07-01T00:00', 'America/New_York', '2026-07-01T04:00:00.000Z');
  f('2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'); // twice: the first
  f('2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'); // skipped: 03:30
  expect(instant('2026-13-01T00:00', 'UTC')).toBeUndefined();
  expect(instant('tomorrow', 'UTC')).toBeUndefined();
});

test('days', () => {
  expect(today(new Date('2026-11-26T03:00:00Z'), 'America/New_York')).toBe('2026-11-25');
  expect(startOfDay('2026-11-26', 'Asia/Shanghai').toISOString()).toBe('2026-11-25T16:00:00.000Z');
  const now = new Date('2026-11-26T12:00:00Z');
  expect([daysLeft(now, new Date('2026-11-26T13:00:00Z')), daysLeft(now, new Date('2026-11-28T12:00:00Z')), daysLeft(now, now)]).toEqual([1, 2, 0]);
});
