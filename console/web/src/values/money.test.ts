import { expect, test } from 'vitest';
import { decimalNanos, exactMicros, exactNanos, parseDecimal, percentPPM, plain, rounded, share } from './money';

test('amounts are written exactly', () => {
  const f = (n: bigint, want: string) => expect(exactNanos(n)).toBe(want);
  f(0n, '0.00');
  f(1n, '0.000000001');
  f(-1n, '−0.000000001');
  f(1_230_000_000n, '1.23');
  f(1_000_000_001n, '1.000000001');
  f(9_223_372_036_854_775_807n, '9,223,372,036.854775807');
  expect(exactMicros(1_250_000n)).toBe('1.25');
  expect(plain(15_000_000_000_000n, 9)).toBe('15000.00');
  expect(percentPPM(125_000)).toBe('12.5%');
});

test('rounded amounts never show what is not zero as zero', () => {
  const f = (n: bigint, want: string) => expect(rounded(n)).toBe(want);
  f(0n, '0.00');
  f(1n, '<0.0001');
  f(-1n, '>−0.0001');
  f(50_000n, '0.0001');
  f(465_000_000n, '0.4650');
  f(1_005_000_000n, '1.01');
  f(1_004_999_999n, '1.00');
  f(-12_345_678_901n, '−12.35');
  f(999_999_999n, '1.0000');
});

test('what is typed is read without rounding, or refused', () => {
  const f = (text: string, places: number, want: ReturnType<typeof parseDecimal>) => expect(parseDecimal(text, places)).toEqual(want);
  f('1250.50', 9, { value: 1_250_500_000_000n });
  f('1,250.5', 9, { value: 1_250_500_000_000n });
  f(' 12. ', 9, { value: 12_000_000_000n });
  f('.5', 6, { value: 500_000n });
  f('1，250。5', 9, { value: 1_250_500_000_000n });
  f('0.0000000010', 9, { value: 1n });
  f('0.0000000001', 9, { wrong: 'places' });
  f('12,50', 9, { wrong: 'syntax' });
  f('1.2.3', 9, { wrong: 'syntax' });
  f('-5', 9, { wrong: 'syntax' });
  f('1e3', 9, { wrong: 'syntax' });
  f('', 9, { wrong: 'syntax' });
  f('9223372036.854775807', 9, { value: 9_223_372_036_854_775_807n });
  f('9223372036.854775808', 9, { wrong: 'range' });
});

test('what is written is read back', () => {
  let seed = 7n;
  for (let i = 0; i < 2000; i++) {
    seed = (seed * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) % (1n << 64n);
    const n = (seed >> 1n) >> BigInt(i % 60);
    expect(parseDecimal(exactNanos(n), 9)).toEqual({ value: n });
    expect(decimalNanos(plain(n, 9))).toBe(n);
  }
  expect(decimalNanos('-0.5')).toBe(-500_000_000n);
});

test('shares', () => {
  expect([share(1n, 4n), share(1n, 0n), share(9_223_372_036_854_775_807n, 9_223_372_036_854_775_807n)]).toEqual([0.25, 0, 1]);
});
