import { useMessages } from '../i18n/language';
import { messages } from '../i18n/messages';
import { Button } from '../ui/Button';
import { CountField, SelectField, TextField } from './Field';
import { useField } from './form';

const words = messages({
  title: 'Frequency caps', none: 'No cap: a person may see it any number of times.', add: 'Add a cap', remove: 'Remove cap {n}', cap: 'Cap {n}',
  max: 'At most', times: 'times', window: 'In', kind: 'Counted', per: 'For each', recency: 'At least apart', recencyHint: 'Such as 30s, 10m, 2h or 1d; may be empty.',
  rolling: 'in the time just before', calendar: 'in the calendar', user: 'person', household: 'household',
  windowHint: 'Such as 30m, 24h, 7d or lifetime.', minute: 'a minute', hour: 'an hour', day: 'a day', week: 'a week', month: 'a month',
}, {
  title: '频次上限', none: '未设上限：同一用户可看到任意次数。', add: '添加上限', remove: '删除上限 {n}', cap: '上限 {n}',
  max: '最多', times: '次', window: '窗口', kind: '计数方式', per: '统计对象', recency: '最小间隔', recencyHint: '例如 30s、10m、2h 或 1d，可留空。',
  rolling: '滚动窗口', calendar: '自然周期', user: '每人', household: '每户',
  windowHint: '例如 30m、24h、7d 或 lifetime。', minute: '每分钟', hour: '每小时', day: '每天', week: '每周', month: '每月',
});

interface Cap {
  kind?: string;
}

// CapsField edits the list of frequency caps of any level.
export function CapsField({ name = 'frequency_caps' }: { name?: string }) {
  const t = useMessages(words);
  const { value, set, error } = useField<Cap[] | null | undefined>(name);
  const caps = value ?? [];
  return (
    <div className="stack">
      {error && <p className="error">{error}</p>}
      {caps.length === 0 && <p className="muted">{t('none')}</p>}
      {caps.map((c, i) => (
        <fieldset key={i} className="conflict">
          <legend>{t('cap', { n: i + 1 })}</legend>
          <div className="grid small-cells">
            <CountField name={`${name}[${i}].max`} label={t('max')} unit={t('times')} />
            <SelectField name={`${name}[${i}].kind`} label={t('kind')} options={[{ value: 'rolling', text: t('rolling') }, { value: 'calendar', text: t('calendar') }]} />
            {c.kind === 'calendar'
              ? <SelectField name={`${name}[${i}].window`} label={t('window')} options={(['minute', 'hour', 'day', 'week', 'month'] as const).map((w) => ({ value: w, text: t(w) }))} />
              : <TextField name={`${name}[${i}].window`} label={t('window')} hint={t('windowHint')} />}
            <SelectField name={`${name}[${i}].per`} label={t('per')} options={[{ value: 'user', text: t('user') }, { value: 'household', text: t('household') }]} />
            <TextField name={`${name}[${i}].recency`} label={t('recency')} hint={t('recencyHint')} optional />
          </div>
          <Button small look="quiet" onClick={() => set(some(caps.filter((_, j) => j !== i)))}>{t('remove', { n: i + 1 })}</Button>
        </fieldset>
      ))}
      <div><Button small onClick={() => set([...caps, { max: 3, kind: 'calendar', window: 'day', per: 'user' } as Cap])}>{t('add')}</Button></div>
    </div>
  );
}

const some = <T,>(list: T[]) => (list.length ? list : undefined);
