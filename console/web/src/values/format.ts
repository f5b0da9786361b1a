import type { Language } from '../i18n/messages';

const LOCALES: Record<Language, string> = { en: 'en-GB', zh: 'zh-CN' };

// dateTime is an instant on the wall clock of zone.
export function dateTime(at: Date, zone: string, l: Language): string {
  return new Intl.DateTimeFormat(LOCALES[l], { timeZone: zone, dateStyle: 'medium', timeStyle: 'short' }).format(at);
}

export function date(at: Date, zone: string, l: Language): string {
  return new Intl.DateTimeFormat(LOCALES[l], { timeZone: zone, dateStyle: 'medium' }).format(at);
}

const numbers = new Intl.NumberFormat('en'); // zh groups alike

export const count = (n: number | bigint) => numbers.format(n);

// weekday is the short name of a day, 0 is Monday.
export function weekday(day: number, l: Language): string {
  return new Intl.DateTimeFormat(LOCALES[l], { weekday: 'short', timeZone: 'UTC' }).format(new Date(Date.UTC(2026, 10, 23 + day)));
}

// country is the name of an ISO 3166-1 alpha-2 or alpha-3 code where the browser knows it.
export function region(code: string, l: Language): string {
  try {
    return new Intl.DisplayNames([LOCALES[l]], { type: 'region', fallback: 'none' }).of(code) ?? code;
  } catch {
    return code;
  }
}
