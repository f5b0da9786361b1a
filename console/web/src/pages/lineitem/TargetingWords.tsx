import type { LineItem, Targeting } from '../../api/entities';
import { useLanguage, useMessages } from '../../i18n/language';
import type { Language } from '../../i18n/messages';
import { countryName } from '../../values/countries';
import { weekday } from '../../values/format';
import { useVocabulary } from './vocabulary';
import { words } from './words';

interface Props {
  line: LineItem;
}

// TargetingWords says in a sentence for each dimension what the targeting asks, so
// that nobody has to know how the fields go together.
export function TargetingWords({ line }: Props) {
  const { any_of, all_of, none_of } = line.targeting?.tags ?? {};
  const { tags } = useVocabulary(Boolean(any_of?.length || all_of?.length || none_of?.length));
  const t = useMessages(words);
  const { language } = useLanguage();
  const said = sentences(line.targeting ?? {}, t, language, (path) => tags.find((x) => x.path === path)?.name ?? path);
  return (
    <div className="in-words" role="status" aria-label={t('inWords')}>
      {said.length === 0 ? <p>{t('everybody')}</p> : (
        <>
          <p>{t('bidsWhere')}</p>
          <ul>{said.map((s) => <li key={s}>{s}</li>)}</ul>
        </>
      )}
    </div>
  );
}

type Say = (key: keyof typeof words.en, values?: Record<string, string | number>) => string;

const SHOWN = 6; // of a long list

export function sentences(target: Targeting, t: Say, l: Language, tagName: (path: string) => string): string[] {
  const out: string[] = [];
  const join = (list: string[], kind: 'disjunction' | 'conjunction') => {
    const shown = list.length > SHOWN + 1 ? [...list.slice(0, SHOWN), t('others', { n: list.length - SHOWN })] : list;
    return new Intl.ListFormat(l, { type: kind }).format(shown);
  };
  const say = (key: keyof typeof words.en, list: string[] | null | undefined, show = (s: string) => s) => {
    if (list?.length) out.push(t(key, { list: join(list.map(show), 'disjunction') }));
  };
  for (const group of target.tags?.any_of ?? []) say('sayAnyOf', group, tagName);
  if (target.tags?.all_of?.length) out.push(t('sayAllOf', { list: join(target.tags.all_of.map(tagName), 'conjunction') }));
  say('sayNoneOf', target.tags?.none_of, tagName);
  const country = (c: string) => countryName(c, l);
  say('sayIn', target.countries?.include, country);
  say('sayNotIn', target.countries?.exclude, country);
  say('sayIn', target.regions?.include);
  say('sayNotIn', target.regions?.exclude);
  say('sayIn', target.cities?.include);
  say('sayNotIn', target.cities?.exclude);
  say('sayDevice', (target.device_types ?? []).map((d) => t(`device${d}` as 'device1')));
  say('sayOS', target.os, osName);
  // Domains and bundles are one dimension: the site or the app must be in it.
  say('saySite', [...(target.domains?.include ?? []), ...(target.bundles?.include ?? [])]);
  say('sayNotSite', [...(target.domains?.exclude ?? []), ...(target.bundles?.exclude ?? [])]);
  say('sayCategory', target.categories?.include);
  say('sayNotCategory', target.categories?.exclude);
  say('sayExchange', target.exchanges);
  say('sayDeal', target.deals);
  say('saySize', (target.sizes ?? []).map((s) => `${s.w}×${s.h}`));
  const hours = target.hours_of_week;
  if (hours?.length) out.push(t('sayHours', { list: spans(hours, l) }));
  return out;
}

const OS_NAMES: Record<string, string> = { ios: 'iOS', android: 'Android', windows: 'Windows', macos: 'macOS', linux: 'Linux', chromeos: 'ChromeOS', tizen: 'Tizen', webos: 'webOS', roku: 'Roku', 'fire os': 'Fire OS', tvos: 'tvOS' };

export const osName = (os: string) => OS_NAMES[os] ?? os;

// spans writes hours of the week as days that share the same hours: "Mon–Fri 9:00–18:00".
export function spans(hours: number[], l: Language): string {
  const ofDay = Array.from({ length: 7 }, (_, d) => ranges(hours.filter((h) => Math.floor(h / 24) === d).map((h) => h % 24).sort((a, b) => a - b)));
  const out: string[] = [];
  for (let d = 0; d < 7;) {
    let end = d;
    while (end < 6 && ofDay[end + 1] === ofDay[d]) end++;
    if (ofDay[d]) out.push(`${weekday(d, l)}${end > d ? `–${weekday(end, l)}` : ''} ${ofDay[d]}`);
    d = end + 1;
  }
  return out.join('; ');
}

function ranges(hours: number[]): string {
  const out: string[] = [];
  for (let i = 0; i < hours.length;) {
    let j = i;
    while (j + 1 < hours.length && hours[j + 1] === hours[j]! + 1) j++;
    out.push(`${hours[i]}:00–${hours[j]! + 1}:00`);
    i = j + 1;
  }
  return out.join(', ');
}
