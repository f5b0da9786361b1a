import { expect, test } from 'vitest';
import { fieldValue } from './value';

test('values read as people write them, exactly', () => {
  expect(fieldValue('budget.daily_nanos', 1_234_500_000_001)).toBe('1,234.500000001');
  expect(fieldValue('price_micros', '2500000')).toBe('2.50');
  expect(fieldValue('markup_ppm', 150_000)).toBe('15%');
  expect(fieldValue('targeting.exchanges', ['a', 'b'])).toBe('a, b');
  expect(fieldValue('frequency_caps', [{ max: 4, window: 'day' }])).toBe('max: 4; window: day');
  expect(fieldValue('flights', [{ budget_nanos: 100_500_000_000n }])).toBe('budget_nanos: 100.50');
  expect(fieldValue('name', undefined)).toBe('');
  expect(fieldValue('guaranteed', false)).toBe('false');
});
