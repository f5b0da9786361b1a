// Each page keeps its own words beside it, in both languages. A key that a language lacks does not compile.

export type Language = 'en' | 'zh';
export const LANGUAGES: { code: Language; name: string }[] = [{ code: 'en', name: 'English' }, { code: 'zh', name: '中文' }];

export type Text = Record<Language, string>;
export interface Messages<K extends string> {
  en: Record<K, string>;
  zh: Record<K, string>;
}
export type Values = Record<string, string | number>;

// every is all that was declared, for the test that holds the languages together.
export const every: Messages<string>[] = [];

// messages holds what a page says. "{n} day|{n} days" has a form for one and one for
// the others, chosen by n.
export function messages<K extends string>(en: Record<K, string>, zh: Record<NoInfer<K>, string>): Messages<K> {
  const m = { en, zh };
  every.push(m);
  return m;
}

// fill puts values into a text. A placeholder without its value stays, to be seen.
export function fill(text: string, values: Values = {}): string {
  const forms = text.split('|');
  const one = forms.length === 2 && 'n' in values && Number(String(values.n).replaceAll(',', '')) === 1;
  const form = forms.length === 2 ? forms[one ? 0 : 1]! : text;
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}
