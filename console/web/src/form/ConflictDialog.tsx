import { useState } from 'react';
import { useLanguage, useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { stringify } from '../api/json';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { dateTime } from '../values/format';
import { exactMicros, exactNanos, percentPPM } from '../values/money';
import { type Conflict, type Plain, put } from './patch';

const words = messages({
  title: 'Somebody else has changed this too',
  text: 'Choose, field by field, what is to be saved.',
  mine: 'Yours', theirs: 'Theirs', was: 'It was: {value}', none: 'nothing', save: 'Save my choice', back: 'Back to the form',
}, {
  title: '其他人也修改了此内容',
  text: '请逐个字段选择要保存的版本。',
  mine: '我的', theirs: '对方的', was: '原值：{value}', none: '空', save: '保存选择', back: '返回表单',
});

interface Props {
  conflicts: Conflict[];
  merged: Plain; // with mine where both changed
  labels: Record<string, string>;
  currency?: string;
  zone?: string;
  onChoose: (value: Plain) => void;
  onClose: () => void;
}

// ConflictDialog shows both versions of each field that two people have changed.
export function ConflictDialog({ conflicts, merged, labels, currency, zone = 'UTC', onChoose, onClose }: Props) {
  const t = useMessages(words);
  const { language } = useLanguage();
  const [theirs, setTheirs] = useState<Record<string, boolean>>({});
  const show = (path: string, v: unknown): string => {
    if (v === undefined || v === null || v === '') return t('none');
    if (typeof v === 'bigint') return `${path.endsWith('_nanos') ? exactNanos(v) : exactMicros(v)}${currency ? ` ${currency}` : ''}`;
    if (typeof v === 'number' && path.endsWith('_ppm')) return percentPPM(v);
    if (typeof v === 'string' && /^\d{4}-\d\d-\d\dT/.test(v)) return dateTime(new Date(v), zone, language);
    if (Array.isArray(v) && v.every((e) => typeof e !== 'object')) return v.join(', ') || t('none');
    return typeof v === 'object' ? stringify(v) : String(v);
  };
  const choose = () => onChoose(conflicts.reduce((v, c) => (theirs[c.path] ? put(v, c.path, c.theirs) : v), merged));
  return (
    <Dialog wide title={t('title')} onClose={onClose} actions={(
      <>
        <Button look="quiet" onClick={onClose}>{t('back')}</Button>
        <Button look="primary" onClick={choose}>{t('save')}</Button>
      </>
    )}>
      <p>{t('text')}</p>
      {conflicts.map((c) => (
        <fieldset key={c.path} className="conflict">
          <legend>{labels[c.path] ?? c.path}</legend>
          {([['mine', false, c.mine], ['theirs', true, c.theirs]] as const).map(([who, isTheirs, v]) => (
            <label key={who} className="choice">
              <input type="radio" name={c.path} checked={Boolean(theirs[c.path]) === isTheirs} onChange={() => setTheirs({ ...theirs, [c.path]: isTheirs })} />
              <span className="choice-who">{t(who)}</span> <span className="choice-value">{show(c.path, v)}</span>
            </label>
          ))}
          <p className="hint">{t('was', { value: show(c.path, c.base) })}</p>
        </fieldset>
      ))}
    </Dialog>
  );
}
