// Amounts are bigint from the wire to the screen: nanos of a currency unit, prices
// micros of it per thousand impressions, shares parts per million. None ever becomes
// a float, but for the width of a bar.

export const UNIT = 1_000_000_000n; // nanos
export const MICROS = 1_000_000n;

const grouped = new Intl.NumberFormat('en', { useGrouping: true }); // exact for bigint; zh groups alike

// decimal writes n / 10^places with every digit that is not a trailing zero, least
// of them at any rate: what is written is exactly the amount.
export function decimal(n: bigint, places: number, least = 2): string {
  const a = n < 0n ? -n : n;
  const scale = 10n ** BigInt(places);
  const all = (a % scale).toString().padStart(places, '0');
  const fraction = all.slice(0, least) + all.slice(least).replace(/0+$/, '');
  return `${n < 0n ? '−' : ''}${grouped.format(a / scale)}${fraction && `.${fraction}`}`;
}

export const exactNanos = (n: bigint) => decimal(n, 9);
export const exactMicros = (n: bigint) => decimal(n, 6);

// rounded writes nanos with two decimals, or four below one unit, rounded half away
// from zero. What is not zero never shows as zero.
export function rounded(n: bigint): string {
  const a = n < 0n ? -n : n;
  const places = a !== 0n && a < UNIT ? 4 : 2;
  const step = 10n ** BigInt(9 - places);
  const steps = (a + step / 2n) / step;
  if (steps === 0n && a > 0n) return n < 0n ? '>−0.0001' : '<0.0001';
  return decimal(n < 0n ? -steps : steps, places, places);
}

// plain is decimal without grouping, as a person types it.
export const plain = (n: bigint, places: number, least = 2) => decimal(n, places, least).replaceAll(',', '').replace('−', '-');

export type Parsed = { value: bigint } | { wrong: 'syntax' | 'places' | 'range' };

const AMOUNT = /^(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d*))?$/;
const MAX = 9_223_372_036_854_775_807n; // of an int64

// parseDecimal reads what a person typed: digits, commas where thousands have them,
// a point and at most places decimals. It never rounds.
export function parseDecimal(text: string, places: number): Parsed {
  const t = text.trim().replaceAll('，', ',').replaceAll('。', '.').replace(/\.$/, '');
  const m = AMOUNT.exec(t.startsWith('.') ? `0${t}` : t);
  if (!m) return { wrong: 'syntax' };
  const fraction = (m[2] ?? '').replace(/0+$/, '');
  if (fraction.length > places) return { wrong: 'places' };
  const value = BigInt(m[1]!.replaceAll(',', '') + fraction.padEnd(places, '0'));
  return value > MAX ? { wrong: 'range' } : { value };
}

// share is part / whole as a fraction for a bar's width: six digits, it buys nothing.
export function share(part: bigint, whole: bigint): number {
  if (whole <= 0n) return 0;
  return Number((part * 1_000_000n) / whole) / 1e6;
}

// decimalNanos reads a decimal string of the API, such as a report's amounts.
export function decimalNanos(text: string): bigint {
  const negative = text.startsWith('-');
  const p = parseDecimal(negative ? text.slice(1) : text, 9);
  if (!('value' in p)) throw new Error(`amount: ${JSON.stringify(text)}; want a decimal`);
  return negative ? -p.value : p.value;
}

// percentPPM writes parts per million as percent.
export const percentPPM = (ppm: number | bigint) => `${decimal(BigInt(ppm), 4, 0)}%`;
