// Counts, rates and times as people read them. Money is money.js's.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

export const count = (n) => whole.format(n);

// rate writes a number per second: one decimal while it is small.
export const rate = (n) => (n > 0 && n < 9.95 ? one.format(n) : n < 100_000 ? whole.format(n) : short.format(n));

// percent writes part of whole; '–' where there is no whole.
export function percent(part, of) {
  if (!of) return '–';
  const p = (100 * part) / of;
  if (p === 0) return '0%';
  if (p > 0 && p < 0.01) return '<0.01%';
  return `${p < 9.95 ? p.toFixed(2) : p.toFixed(1)}%`;
}

// micros writes a latency with its unit, three digits of it.
export function micros(us) {
  if (!us) return { text: '–', unit: '' };
  if (us < 1000) return { text: String(us), unit: 'µs' };
  if (us < 1_000_000) return { text: (us / 1000).toPrecision(us < 100_000 ? 2 : 3), unit: 'ms' };
  return { text: (us / 1e6).toFixed(1), unit: 's' };
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' });
const dated = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
export const time = (ms) => clock.format(ms);
export const dateTime = (ms) => dated.format(ms);

// age writes how long ago something was.
export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 2) return 'just now';
  if (s < 120) return `${s} s ago`;
  if (s < 7200) return `${Math.round(s / 60)} min ago`;
  return `${Math.round(s / 3600)} h ago`;
}
