// A field's value for reading: amounts with their point, lists with commas.

import { exactMicros, exactNanos, percentPPM } from '../../values/money';

export function fieldValue(field: string, v: unknown): string {
  if (v === undefined || v === null) return '';
  if (/_ppm$/.test(field) && /^-?\d+$/.test(String(v))) return percentPPM(BigInt(String(v)));
  if (/_nanos$/.test(field) && /^-?\d+$/.test(String(v))) return exactNanos(BigInt(String(v)));
  if (/_micros$/.test(field) && /^-?\d+$/.test(String(v))) return exactMicros(BigInt(String(v)));
  if (Array.isArray(v)) return v.map((e) => fieldValue('', e)).join(', ');
  if (typeof v === 'object') return Object.entries(v).map(([k, e]) => `${k}: ${fieldValue(k, e)}`).join('; ');
  return String(v);
}
