import type { Language } from '../i18n/messages';

const LOCALES: Record<Language, string> = { en: 'en-GB', zh: 'zh-CN' };

// Making a formatter takes a browser longer than a hundred uses of it.
const made = new Map<string, unknown>();

function once<T>(key: string, make: () => T): T {
  if (!made.has(key)) made.set(key, make());
  return made.get(key) as T;
}

const dates = (l: Language, zone: string, options: Intl.DateTimeFormatOptions) =>
  once(`${l} ${zone} ${JSON.stringify(options)}`, () => new Intl.DateTimeFormat(LOCALES[l], { timeZone: zone, ...options }));

// dateTime is an instant on the wall clock of zone.
export const dateTime = (at: Date, zone: string, l: Language): string => dates(l, zone, { dateStyle: 'medium', timeStyle: 'short' }).format(at);

export const date = (at: Date, zone: string, l: Language): string => dates(l, zone, { dateStyle: 'medium' }).format(at);

const numbers = new Intl.NumberFormat('en'); // zh groups alike

export const count = (n: number | bigint) => numbers.format(n);

// weekday is the short name of a day, 0 is Monday.
export const weekday = (day: number, l: Language): string => dates(l, 'UTC', { weekday: 'short' }).format(new Date(Date.UTC(2026, 10, 23 + day)));

// region is the name of an ISO 3166-1 alpha-2 code where the browser knows it.
export function region(code: string, l: Language): string {
  try {
    return once(`regions ${l}`, () => new Intl.DisplayNames([LOCALES[l]], { type: 'region', fallback: 'none' })).of(code) ?? code;
  } catch {
    return code;
  }
}
