import { expect, test } from 'vitest';
import { days, percent, ratioPercent } from './report';

test('a share is rounded half up, from whole numbers', () => {
  expect(percent(1, 3)).toBe('33.33%');
  expect(percent(2, 3)).toBe('66.67%');
  expect(percent(0, 0)).toBe('–');
  expect(percent(5, 5)).toBe('100.00%');
});

test('a ratio of the API is moved two places, never rounded', () => {
  expect(ratioPercent('0.012345')).toBe('1.2345%');
  expect(ratioPercent('1')).toBe('100.00%');
  expect(ratioPercent('0.5')).toBe('50.00%');
});

test('ranges are days of the zone', () => {
  const now = new Date('2026-03-01T03:00:00Z'); // still February in New York
  expect(days('today', now, 'America/New_York')).toEqual({ from: '2026-02-28', to: '2026-02-28' });
  expect(days('today', now, 'UTC')).toEqual({ from: '2026-03-01', to: '2026-03-01' });
  expect(days('last_month', now, 'UTC')).toEqual({ from: '2026-02-01', to: '2026-02-28' });
  expect(days('this_month', now, 'America/New_York')).toEqual({ from: '2026-02-01', to: '2026-02-28' });
  expect(days('last_7_days', now, 'UTC')).toEqual({ from: '2026-02-23', to: '2026-03-01' });
  expect(days('last_30_days', now, 'UTC').from).toBe('2026-01-31');
});
