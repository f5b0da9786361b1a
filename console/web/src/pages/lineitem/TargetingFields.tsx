import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { useField } from '../../form/form';
import { FieldFrame } from '../../form/Field';
import { TokensField } from '../../form/TokensField';
import { useLanguage, useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { countries, countryName } from '../../values/countries';
import { osName } from './TargetingWords';
import { useVocabulary } from './vocabulary';
import { words } from './words';

const OS = ['ios', 'android', 'windows', 'macos', 'linux', 'chromeos', 'tizen', 'webos', 'roku', 'fire os', 'tvos'];
const DEVICES = [1, 2, 3, 4, 5, 6, 7, 8];

const lower = (s: string) => s.toLowerCase();
const upper = (s: string) => s.toUpperCase();
const domain = (s: string) => s.toLowerCase().replace(/^https?:\/\//, '').replace(/\/.*$/, '').replace(/^www\./, '');

// TargetingFields asks for each dimension.
export function TargetingFields() {
  const t = useMessages(words);
  return (
    <div className="stack">
      <Dimension title={t('audience')} paths={['targeting.tags.any_of', 'targeting.tags.all_of', 'targeting.tags.none_of']}><Audience /></Dimension>
      <Dimension title={t('places')} paths={['targeting.countries', 'targeting.regions', 'targeting.cities']}><Places /></Dimension>
      <Dimension title={t('devices')} paths={['targeting.device_types', 'targeting.os']}>
        <Devices />
        <TokensField name="targeting.os" label={t('os')} suggestions={OS.map((o) => ({ value: o, text: osName(o) }))} read={lower} show={osName} />
      </Dimension>
      <Dimension title={t('sites')} paths={['targeting.domains', 'targeting.bundles', 'targeting.categories']}>
        <div className="grid wide-cells">
          <TokensField name="targeting.domains.include" label={t('domains')} hint={t('domainsHint')} read={domain} />
          <TokensField name="targeting.domains.exclude" label={t('notDomains')} hint={t('domainsHint')} read={domain} />
          <TokensField name="targeting.bundles.include" label={t('bundles')} />
          <TokensField name="targeting.bundles.exclude" label={t('notBundles')} />
          <TokensField name="targeting.categories.include" label={t('categories')} hint={t('categoryHint')} read={upper} />
          <TokensField name="targeting.categories.exclude" label={t('notCategories')} hint={t('categoryHint')} read={upper} />
        </div>
      </Dimension>
      <Dimension title={t('supply')} paths={['targeting.exchanges', 'targeting.deals', 'targeting.sizes']}><Supply /></Dimension>
    </div>
  );
}

function Audience() {
  const t = useMessages(words);
  const { tags } = useVocabulary();
  const list = useMemo(() => tags.map((x) => ({ value: x.path, text: `${x.name} (${x.path})` })), [tags]);
  const name = (path: string) => tags.find((x) => x.path === path)?.name ?? path;
  return (
    <>
      <AnyOf suggestions={list} show={name} />
      <TokensField name="targeting.tags.all_of" label={t('allOf')} hint={t('tagHint')} suggestions={list} read={lower} show={name} />
      <TokensField name="targeting.tags.none_of" label={t('noneOf')} hint={t('tagHint')} suggestions={list} read={lower} show={name} />
    </>
  );
}

function Places() {
  const t = useMessages(words);
  const { language } = useLanguage();
  const all = useMemo(() => countries(language), [language]);
  return (
    <div className="grid wide-cells">
      <TokensField name="targeting.countries.include" label={t('countries')} suggestions={all} read={upper} show={(v) => countryName(v, language)} />
      <TokensField name="targeting.countries.exclude" label={t('notCountries')} suggestions={all} read={upper} show={(v) => countryName(v, language)} />
      <TokensField name="targeting.regions.include" label={t('regions')} hint={t('regionHint')} read={upper} />
      <TokensField name="targeting.regions.exclude" label={t('notRegions')} hint={t('regionHint')} read={upper} />
      <TokensField name="targeting.cities.include" label={t('cities')} hint={t('cityHint')} />
      <TokensField name="targeting.cities.exclude" label={t('notCities')} hint={t('cityHint')} />
    </div>
  );
}

function Supply() {
  const t = useMessages(words);
  const { exchanges } = useVocabulary();
  return (
    <>
      <TokensField name="targeting.exchanges" label={t('exchanges')} suggestions={exchanges.map((e) => ({ value: e, text: e }))} read={lower} />
      <TokensField name="targeting.deals" label={t('deals')} hint={t('dealsHint')} />
      <Sizes />
    </>
  );
}

// Dimension is closed while it asks nothing, so that what is asked is seen at once.
function Dimension({ title, paths, children }: { title: string; paths: string[]; children: ReactNode }) {
  const { form } = useField('targeting');
  const asked = paths.some((p) => filled(reach(form.value, p)) || form.errorOf(p) !== undefined);
  const wrong = form.violations.some((v) => paths.some((p) => v.field.startsWith(p)));
  const [open, setOpen] = useState(asked);
  return (
    <details className="dimension" open={open || wrong} onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary><h3>{title}</h3></summary>
      {(open || wrong) && <div className="stack">{children}</div>}
    </details>
  );
}

const reach = (v: unknown, path: string): unknown => path.split('.').reduce<unknown>((o, k) => (o as Record<string, unknown> | undefined)?.[k], v);

function filled(v: unknown): boolean {
  if (Array.isArray(v)) return v.length > 0;
  return typeof v === 'object' && v !== null ? Object.values(v).some(filled) : false;
}

function AnyOf({ suggestions, show }: { suggestions: { value: string; text: string }[]; show: (v: string) => string }) {
  const t = useMessages(words);
  const { value, set } = useField<string[][] | null | undefined>('targeting.tags.any_of');
  const groups = value?.length ? value : [];
  return (
    <>
      {groups.map((_, i) => (
        <div key={i} className="group">
          <TokensField name={`targeting.tags.any_of[${i}]`} label={t(i === 0 ? 'anyOf' : 'andAnyOf')} hint={t('tagHint')} suggestions={suggestions} read={lower} show={show} />
          <Button small look="quiet" onClick={() => set(groups.length > 1 ? groups.filter((__, j) => j !== i) : undefined)}>{t('removeGroup')}</Button>
        </div>
      ))}
      <div><Button small onClick={() => set([...groups, []])}>{t(groups.length ? 'addGroup' : 'addFirstGroup')}</Button></div>
    </>
  );
}

function Devices() {
  const t = useMessages(words);
  const { value, set, error } = useField<number[] | null | undefined>('targeting.device_types');
  const picked = value ?? [];
  return (
    <fieldset className="plain-fieldset choices">
      <legend>{t('deviceTypes')}</legend>
      <div className="row">
        {DEVICES.map((d) => (
          <label key={d} className="row check-label">
            <input type="checkbox" checked={picked.includes(d)} onChange={(e) => {
              const next = e.target.checked ? [...picked, d].sort() : picked.filter((x) => x !== d);
              set(next.length ? next : undefined);
            }} /> {t(`device${d}` as 'device1')}
          </label>
        ))}
      </div>
      {error && <p className="error">{error}</p>}
    </fieldset>
  );
}

// Sizes reads "300x250, 728x90".
function Sizes() {
  const t = useMessages(words);
  const { value, set, error, form } = useField<{ w: number; h: number }[] | null | undefined>('targeting.sizes');
  const { unreadable } = form;
  useEffect(() => () => unreadable('targeting.sizes', undefined), [unreadable]); // what is not there keeps nobody from saving
  const [text, setText] = useState(() => (value ?? []).map((s) => `${s.w}x${s.h}`).join(', '));
  return (
    <FieldFrame label={t('sizes')} hint={t('sizesHint')} error={error}>
      {({ id, describedBy, invalid }) => (
        <input id={id} aria-describedby={describedBy} aria-invalid={invalid} value={text} placeholder="300x250, 728x90" onChange={(e) => {
          setText(e.target.value);
          const parts = e.target.value.split(/[,;，；\s]+/).filter(Boolean).map((p) => /^(\d{1,5})[x×*](\d{1,5})$/i.exec(p));
          unreadable('targeting.sizes', parts.some((p) => !p) ? t('sizesWrong') : undefined);
          if (parts.every((p) => p !== null)) set(parts.length ? parts.map((p) => ({ w: Number(p[1]), h: Number(p[2]) })) : undefined);
        }} />
      )}
    </FieldFrame>
  );
}
