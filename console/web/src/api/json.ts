// JSON that does not round. A double holds 2^53, which is nine million units of a
// currency in nanos; so whatever is named *_nanos or *_micros is a bigint, and any
// other whole number of 16 and more digits comes as a string of its digits.

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g; // a string, or a number
const LONG = /^-?\d{16,}$/;
const WHOLE = /^-?\d+$/;
const MONEY = /_(nanos|micros)$/;

export function parse(text: string): unknown {
  return JSON.parse(text.replace(TOKEN, (t) => (LONG.test(t) ? `"${t}"` : t)), revive);
}

function revive(key: string, value: unknown): unknown {
  if (!MONEY.test(key)) return value;
  return Array.isArray(value) ? value.map(exact) : exact(value);
}

function exact(v: unknown): unknown {
  if (typeof v === 'number' && Number.isInteger(v)) return BigInt(v);
  return typeof v === 'string' && WHOLE.test(v) ? BigInt(v) : v;
}

// stringify is JSON.stringify that writes a bigint as its digits.
export function stringify(v: unknown): string {
  if (typeof v === 'bigint') return v.toString();
  if (Array.isArray(v)) return `[${v.map((e) => (e === undefined ? 'null' : stringify(e))).join(',')}]`;
  if (v !== null && typeof v === 'object') {
    const parts = Object.entries(v).filter(([, e]) => e !== undefined).map(([k, e]) => `${JSON.stringify(k)}:${stringify(e)}`);
    return `{${parts.join(',')}}`;
  }
  return JSON.stringify(v) ?? 'null';
}
