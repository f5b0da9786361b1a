import { type ReactNode, useId, useState } from 'react';
import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { useField } from './form';
import { FieldFrame } from './Field';

const words = messages({
  add: 'Type and press Enter, or paste a list',
  remove: 'Remove {value}',
  more: 'and {n} more',
  all: 'Show all',
}, {
  add: '输入后按回车，或粘贴列表',
  remove: '移除 {value}',
  more: '另有 {n} 个',
  all: '全部显示',
});

interface Props {
  name: string;
  label: string;
  hint?: ReactNode;
  suggestions?: { value: string; text: string }[];
  read?: (text: string) => string; // brings one entry to its form
  show?: (value: string) => string;
}

const SHOWN = 40;

// TokensField is a list of texts. An empty list takes the field away.
export function TokensField({ name, label, hint, suggestions, read = (s) => s, show = (s) => s }: Props) {
  const { value, set, error } = useField<string[] | null | undefined>(name);
  const t = useMessages(words);
  const [text, setText] = useState('');
  const [all, setAll] = useState(false);
  const [offering, setOffering] = useState(false); // a list of hundreds, only where it is looked at
  const list = useId();
  const values = value ?? [];
  const change = (next: string[]) => set(next.length ? next : undefined);
  const add = (typed: string) => {
    const byText = (s: string) => suggestions?.find((o) => o.text.toLowerCase() === s.toLowerCase())?.value ?? s;
    const found = typed.split(/[\n,;，；]+/).map((s) => s.trim()).filter(Boolean).map((s) => read(byText(s)));
    if (found.length) change([...new Set([...values, ...found])]);
    setText('');
  };
  const shown = all ? values : values.slice(0, SHOWN);
  return (
    <FieldFrame {...{ label, hint, error }}>
      {({ id, describedBy, invalid }) => (
        <div className="tokens">
          {shown.map((v) => (
            <span key={v} className="token">
              {show(v)}
              <button type="button" aria-label={t('remove', { value: show(v) })} onClick={() => change(values.filter((o) => o !== v))}>×</button>
            </span>
          ))}
          {values.length > shown.length && <button type="button" className="link" onClick={() => setAll(true)}>{t('more', { n: values.length - shown.length })}</button>}
          <input id={id} name={name} list={suggestions && list} aria-describedby={describedBy} aria-invalid={invalid} placeholder={values.length ? '' : t('add')} value={text}
            onChange={(e) => (/[\n,;，；]/.test(e.target.value) ? add(e.target.value) : setText(e.target.value))}
            onPaste={(e) => {
              const pasted = e.clipboardData.getData('text');
              if (/[\n,;]/.test(pasted)) {
                e.preventDefault();
                add(pasted);
              }
            }}
            onKeyDown={(e) => {
              if (e.key === 'Enter') {
                e.preventDefault();
                add(text);
              } else if (e.key === 'Backspace' && text === '' && values.length) change(values.slice(0, -1));
            }}
            onFocus={() => setOffering(true)} onBlur={() => { add(text); setOffering(false); }} />
          {suggestions && offering && <datalist id={list}>{suggestions.map((o) => <option key={o.value} value={o.text} />)}</datalist>}
        </div>
      )}
    </FieldFrame>
  );
}
