import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import type { Advertiser } from '../../api/entities';
import { Problem, SignedOut } from '../../api/problem';
import { CheckField, CountField, MoneyField, SelectField, TextField } from '../../form/Field';
import { FormContext, useForm } from '../../form/form';
import type { Plain } from '../../form/patch';
import { useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { useExplain } from '../../ui/Failure';
import { type Definition, definitionsKey } from './MeasurementPage';
import { words } from './words';

export const MODELS = ['last', 'first', 'linear', 'time_decay', 'position', 'markov', 'shapley'] as const;
const EDITABLE = ['name', 'type', 'model', 'count', 'value', 'fixed_value_nanos', 'half_life_hours', 'click_window_hours', 'view_window_hours', 'ignore_views'] as const;

// DefinitionDialog makes or changes a definition; what is wrong is said beside its field.
export function DefinitionDialog({ advertiser, definition, onClose }: { advertiser: Advertiser; definition?: Definition; onClose: () => void }) {
  const t = useMessages(words);
  const explain = useExplain();
  const client = useQueryClient();
  const [first] = useState<Plain>(() => (definition ? { ...definition } as unknown as Plain : { name: '', type: '', model: 'last', count: 'every', value: 'reported' }));
  const form = useForm(`conversion_definition/${definition?.id ?? `new-of-${advertiser.id}`}`, definition ? first : EMPTY, '', first);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const value = form.value as Record<string, unknown>;
  const save = async () => {
    setBusy(true);
    setProblem('');
    const body = Object.fromEntries(EDITABLE.map((k) => [k, value[k] === 0 || value[k] === 0n ? undefined : value[k]]));
    if (value.value !== 'fixed') body.fixed_value_nanos = undefined;
    if (value.model !== 'time_decay') body.half_life_hours = undefined;
    try {
      if (definition) {
        // What is not there any more must be said: a merge patch leaves out what stays.
        const patch = Object.fromEntries(EDITABLE.map((k) => [k, body[k] ?? null]));
        await call('patch', '/v1/conversion-definitions/{id}', { path: { id: definition.id }, body: patch as never, ifMatch: `"${definition.revision}"` });
      } else await call('post', '/v1/conversion-definitions', { body: { ...body, advertiser_id: advertiser.id } as never });
      form.reset(EMPTY, '');
      await client.invalidateQueries({ queryKey: definitionsKey(advertiser.id) });
      onClose();
    } catch (err) {
      if (err instanceof SignedOut) return;
      if (err instanceof Problem && err.violations.length) form.refuse(err.violations.map((v) => ({ ...v, field: v.field.replace(/^conversion_definition\./, '') })));
      else setProblem(explain(err));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog wide title={definition ? definition.name : t('newTitle')} onClose={() => { form.reset(EMPTY, ''); onClose(); }} actions={(
      <>
        <Button look="quiet" onClick={() => { form.reset(EMPTY, ''); onClose(); }}>{t('cancel')}</Button>
        <Button look="primary" busy={busy} onClick={() => void save()}>{t('save')}</Button>
      </>
    )}>
      <FormContext value={form}>
        <div className="grid">
          <TextField name="name" label={t('name')} maxLength={200} />
          <TextField name="type" label={t('type')} hint={t('typeHint')} maxLength={64} />
          <SelectField name="model" label={t('model')} options={MODELS.map((m) => ({ value: m, text: t(m) }))} />
          {value.model === 'time_decay' && <CountField name="half_life_hours" label={t('halfLife')} />}
          <SelectField name="count" label={t('count')} options={[{ value: 'every', text: t('every') }, { value: 'one', text: t('one') }]} />
          <SelectField name="value" label={t('value')} options={[{ value: 'reported', text: t('reported') }, { value: 'fixed', text: t('fixed_') }, { value: 'none', text: t('none') }]} />
          {value.value === 'fixed' && <MoneyField name="fixed_value_nanos" label={t('fixed')} currency={advertiser.currency} />}
          <CountField name="click_window_hours" label={t('clicks')} hint={t('windowHint')} />
          <CountField name="view_window_hours" label={t('views')} hint={t('windowHint')} />
        </div>
        <CheckField name="ignore_views" label={t('ignoreViews')} />
        {problem && <p className="error" role="alert">{problem}</p>}
        {form.loose.length > 0 && <p className="error" role="alert">{form.loose.map((v) => `${v.field}: ${v.rule}`).join('; ')}</p>}
      </FormContext>
    </Dialog>
  );
}

const EMPTY: Plain = {};
