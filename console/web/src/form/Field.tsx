import { type ReactNode, useEffect, useId, useState } from 'react';
import { useLanguage, useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { parseDecimal, plain } from '../values/money';
import { instant, shortZone, wall } from '../values/zone';
import { useField } from './form';

export const fieldWords = messages({
  syntax: 'Write digits and a point, such as 1250.50.',
  places: 'At most {n} decimals can be kept.',
  range: 'This is more than can be counted.',
  whole: 'Write a whole number.',
  date: 'Write a date and a time.',
  perThousand: 'per 1,000',
  none: 'None',
  optional: 'optional',
}, {
  syntax: '请输入数字和小数点，例如 1250.50。',
  places: '最多保留 {n} 位小数。',
  range: '数值超出可计数范围。',
  whole: '请输入整数。',
  date: '请输入日期和时间。',
  perThousand: '每千次',
  none: '无',
  optional: '选填',
});

interface Frame {
  label: string;
  hint?: ReactNode;
  optional?: boolean;
  error?: string;
  className?: string;
  id?: string; // where something else must find the input
  children: (ids: { id: string; describedBy: string | undefined; invalid: true | undefined }) => ReactNode;
}

// FieldFrame puts a label over an input, a hint and its error below it, and ties them
// together for screen readers.
export function FieldFrame({ label, hint, optional, error, className = '', id: given, children }: Frame) {
  const made = useId();
  const id = given ?? made;
  const t = useMessages(fieldWords);
  const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  return (
    <div className={`field ${className} ${error ? 'wrong' : ''}`}>
      <label htmlFor={id}>{label}{optional && <span className="optional"> {t('optional')}</span>}</label>
      {children({ id, describedBy, invalid: error ? true : undefined })}
      {hint && <p id={`${id}-hint`} className="hint">{hint}</p>}
      {error && <p id={`${id}-error`} className="error">{error}</p>}
    </div>
  );
}

interface Common {
  name: string; // path in the entity: "budget.daily_nanos"
  label: string;
  hint?: ReactNode;
  optional?: boolean;
  className?: string;
}

export function TextField({ name, label, hint, optional, className, ...input }: Common & { maxLength?: number; placeholder?: string; type?: string; list?: string; autoFocus?: boolean }) {
  const { value, set, error } = useField<string | undefined>(name);
  return (
    <FieldFrame {...{ label, hint, optional, error, className }}>
      {({ id, describedBy, invalid }) => (
        <input {...input} name={name} id={id} aria-describedby={describedBy} aria-invalid={invalid} value={value ?? ''} onChange={(e) => set(e.target.value)} />
      )}
    </FieldFrame>
  );
}

export interface Option {
  value: string;
  text: string;
}

export function SelectField({ name, label, hint, options, disabled }: Common & { options: Option[]; disabled?: boolean }) {
  const { value, set, error } = useField<string | number | undefined>(name);
  const number = typeof value === 'number';
  return (
    <FieldFrame {...{ label, hint, error }}>
      {({ id, describedBy, invalid }) => (
        <select id={id} name={name} disabled={disabled} aria-describedby={describedBy} aria-invalid={invalid} value={String(value ?? '')}
          onChange={(e) => set(number ? Number(e.target.value) : e.target.value)}>
          {options.map((o) => <option key={o.value} value={o.value}>{o.text}</option>)}
        </select>
      )}
    </FieldFrame>
  );
}

export function CheckField({ name, label, hint }: Common) {
  const { value, set, error } = useField<boolean | undefined>(name);
  const id = useId();
  return (
    <div className="field check">
      <label htmlFor={id}><input id={id} name={name} type="checkbox" checked={value ?? false} onChange={(e) => set(e.target.checked)} aria-describedby={hint ? `${id}-hint` : undefined} /> {label}</label>
      {hint && <p id={`${id}-hint`} className="hint">{hint}</p>}
      {error && <p className="error">{error}</p>}
    </div>
  );
}

// useTyped is the text of a field whose value is something else. It follows the value
// when that changes from elsewhere, but never rewrites what is being typed.
function useTyped<V>(name: string, write: (v: V | undefined) => string, read: (text: string) => { value: V | undefined } | { why: string }) {
  const { value, set, error, form } = useField<V | undefined>(name);
  const [text, setText] = useState(() => write(value));
  const { unreadable } = form;
  useEffect(() => {
    setText((was) => {
      const r = read(was);
      return 'value' in r && r.value === value ? was : 'why' in r && form.errorOf(name) !== undefined ? was : write(value);
    });
    // Only a value from elsewhere changes the text.
  }, [value]);
  useEffect(() => () => unreadable(name, undefined), [unreadable, name]);
  const type = (next: string) => {
    setText(next);
    const r = read(next);
    if ('why' in r) return unreadable(name, r.why);
    unreadable(name, undefined);
    set(r.value);
  };
  return { text, type, error, tidy: () => { const r = read(text); if ('value' in r) setText(write(r.value)); } };
}

interface Decimal extends Common {
  places: number;
  unit?: string;
  unitTitle?: string;
  zero?: 'empty' | 'zero'; // whether 0 shows as nothing
  integer?: boolean; // the value is a number, not a bigint
}

// DecimalField keeps an exact integer of 10^-places and shows it as a decimal.
export function DecimalField({ name, label, hint, optional, places, unit, zero = 'empty', integer, className }: Decimal) {
  const t = useMessages(fieldWords);
  type V = bigint | number;
  const write = (v: V | undefined) => (v === undefined || (zero === 'empty' && BigInt(v) === 0n) ? '' : plain(BigInt(v), places, Math.min(places, integer ? 0 : 2)));
  const read = (text: string) => {
    const whole = (n: bigint): V => (integer ? Number(n) : n);
    if (text.trim() === '') return { value: whole(0n) };
    const p = parseDecimal(text, places);
    if ('value' in p) return { value: whole(p.value) };
    return { why: p.wrong === 'places' ? (places === 0 ? t('whole') : t('places', { n: places })) : t(p.wrong) };
  };
  const { text, type, error, tidy } = useTyped<V>(name, write, read);
  return (
    <FieldFrame {...{ label, hint, optional, error, className }}>
      {({ id, describedBy, invalid }) => (
        <span className="with-unit">
          <input id={id} name={name} className="number" inputMode="decimal" autoComplete="off" aria-describedby={describedBy} aria-invalid={invalid}
            value={text} onChange={(e) => type(e.target.value)} onBlur={tidy} />
          {unit && <span className="unit">{unit}</span>}
        </span>
      )}
    </FieldFrame>
  );
}

export const MoneyField = (p: Common & { currency: string }) => <DecimalField {...p} places={9} unit={p.currency} />;
export const CountField = (p: Common & { unit?: string }) => <DecimalField {...p} places={0} integer />;
export const PercentField = (p: Common) => <DecimalField {...p} places={4} integer unit="%" />;

export function CPMField(p: Common & { currency: string }) {
  const t = useMessages(fieldWords);
  return <DecimalField {...p} places={6} unit={`${p.currency} ${t('perThousand')}`} />;
}

// TimeField is an instant on the wall clock of zone.
export function TimeField({ name, label, hint, optional, zone }: Common & { zone: string }) {
  const t = useMessages(fieldWords);
  const { language } = useLanguage();
  const write = (v: string | undefined) => (v ? wall(new Date(v), zone).slice(0, 16) : '');
  const read = (text: string) => {
    if (text === '') return { value: undefined };
    const at = instant(text, zone);
    return at ? { value: at.toISOString().replace('.000Z', 'Z') } : { why: t('date') };
  };
  const { value } = useField<string | undefined>(name);
  const { text, type, error } = useTyped<string>(name, write, read);
  const offset = shortZone(value ? new Date(value) : new Date(), zone);
  return (
    <FieldFrame {...{ label, optional, error, hint: hint ?? `${zone.replaceAll('_', ' ')}${offset === zone ? '' : `, ${offset}`}` }}>
      {({ id, describedBy, invalid }) => (
        <input id={id} name={name} type="datetime-local" lang={language} aria-describedby={describedBy} aria-invalid={invalid} value={text} onChange={(e) => type(e.target.value)} />
      )}
    </FieldFrame>
  );
}
