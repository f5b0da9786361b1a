// Money is BigInt nanos of a currency unit from the wire to the screen. No
// amount ever becomes a float: 2^53 nanos are only 9 million units.

export const UNIT = 1_000_000_000n;

// parseJSON is JSON.parse that does not round: whole numbers of 16 and more
// digits, which a double may not hold, come out as strings of their digits.
export function parseJSON(text) {
  return JSON.parse(text.replace(TOKEN, (t) => (LONG.test(t) ? `"${t}"` : t)));
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g; // a string, or a whole number token
const LONG = /^-?\d{16,}$/;

// nanos reads an amount that parseJSON left; 0 where there is none.
export function nanos(v) {
  if (v === undefined || v === null || v === '') return 0n;
  return BigInt(v); // throws on what is no integer, better than a wrong amount
}

const grouped = new Intl.NumberFormat('en'); // exact for BigInt

// exact writes every digit that is not a trailing zero, two decimals at least.
export function exact(n) {
  const a = n < 0n ? -n : n;
  const frac = (a % UNIT).toString().padStart(9, '0').replace(/0{1,7}$/, '');
  return `${n < 0n ? '−' : ''}${grouped.format(a / UNIT)}.${frac}`;
}

// rounded writes two decimals, or four below one unit, rounded half away from
// zero. What is not zero never shows as zero.
export function rounded(n) {
  const a = n < 0n ? -n : n;
  const sign = n < 0n ? '−' : '';
  const places = a !== 0n && a < UNIT ? 4 : 2;
  const step = 10n ** BigInt(9 - places);
  const steps = (a + step / 2n) / step;
  if (steps === 0n && a > 0n) return n < 0n ? '>−0.0001' : '<0.0001';
  const scale = 10n ** BigInt(places);
  return `${sign}${grouped.format(steps / scale)}.${(steps % scale).toString().padStart(places, '0')}`;
}

// share is part / whole as a fraction for a bar, 0 where whole is not positive.
// Only its result is a float, with six digits: it has a width, it buys nothing.
export function share(part, whole) {
  if (whole <= 0n) return 0;
  return Number((part * 1_000_000n) / whole) / 1e6;
}

export function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
