import { useMessages } from '../../i18n/language';
import { FieldFrame } from '../../form/Field';
import { Button } from '../../ui/Button';
import { zones } from '../../values/zone';
import { type Dimension, DIMENSIONS, type FilterName, FILTERS, type Metric, METRICS, RANGES, type Range } from './report';
import type { Shown } from './state';
import { dimensionWords, filterWords, metricWords, rangeWords, words } from './words';

interface Props {
  shown: Shown;
  set: (next: Partial<Shown>) => void;
  costs: boolean; // what the operator pays may be asked for
}

const COSTS = new Set<Metric>(['media_cost', 'margin']);

// Controls choose what a report shows; each change is in the address at once.
export function Controls({ shown, set, costs }: Props) {
  const t = useMessages(words);
  const range = useMessages(rangeWords);
  return (
    <section className="panel" aria-label={t('show')}>
      <div className="grid small-cells">
        <FieldFrame label={t('dates')}>
          {({ id }) => (
            <select id={id} name="range" value={shown.range} onChange={(e) => set({ range: e.target.value as Range | '' })}>
              {RANGES.map((r) => <option key={r} value={r}>{range(r)}</option>)}
              <option value="">{t('custom')}</option>
            </select>
          )}
        </FieldFrame>
        {(['from', 'to'] as const).map((k) => (
          <FieldFrame key={k} label={t(k)}>
            {({ id }) => <input id={id} name={k} type="date" value={shown[k]} onChange={(e) => e.target.value && set({ range: '', [k]: e.target.value })} />}
          </FieldFrame>
        ))}
        <FieldFrame label={t('zone')}>
          {({ id }) => (
            <select id={id} name="zone" value={shown.zone} onChange={(e) => set({ zone: e.target.value })}>
              <option value="">{t('ownDays')}</option>
              {zones().map((z) => <option key={z} value={z}>{z.replaceAll('_', ' ')}</option>)}
            </select>
          )}
        </FieldFrame>
      </div>
      <Dimensions shown={shown} set={set} />
      <details className="more"><summary>{t('figures')} ({shown.metrics.length})</summary><Figures shown={shown} set={set} costs={costs} /></details>
      <Filters shown={shown} set={set} />
    </section>
  );
}

function Dimensions({ shown, set }: Pick<Props, 'shown' | 'set'>) {
  const t = useMessages(words);
  const name = useMessages(dimensionWords);
  const toggle = (d: Dimension) => set({ by: shown.by.includes(d) ? shown.by.filter((o) => o !== d) : [...shown.by, d] });
  return (
    <fieldset className="chips plain-fieldset">
      <legend>{t('by')}</legend>
      <div className="chip-row">{DIMENSIONS.map((d) => <Chip key={d} name={`by-${d}`} on={shown.by.includes(d)} onToggle={() => toggle(d)}>{name(d)}</Chip>)}</div>
    </fieldset>
  );
}

function Figures({ shown, set, costs }: Props) {
  const t = useMessages(words);
  const name = useMessages(metricWords);
  const toggle = (m: Metric) => {
    const next = METRICS.filter((o) => (o === m ? !shown.metrics.includes(m) : shown.metrics.includes(o)));
    if (next.length) set({ metrics: next });
  };
  return (
    <fieldset className="chips plain-fieldset">
      <legend className="visually-hidden">{t('figures')}</legend>
      <div className="chip-row">
        {METRICS.filter((m) => costs || !COSTS.has(m)).map((m) => <Chip key={m} name={`metric-${m}`} on={shown.metrics.includes(m)} onToggle={() => toggle(m)}>{name(m)}</Chip>)}
      </div>
    </fieldset>
  );
}

function Chip({ name, on, onToggle, children }: { name: string; on: boolean; onToggle: () => void; children: string }) {
  return <label className={on ? 'chip on' : 'chip'}><input type="checkbox" name={name} checked={on} onChange={onToggle} />{children}</label>;
}

function Filters({ shown, set }: Pick<Props, 'shown' | 'set'>) {
  const t = useMessages(words);
  const name = useMessages(filterWords);
  const used = FILTERS.filter((f) => shown.filters[f]);
  const change = (f: FilterName, values: string[] | undefined) => {
    const { [f]: _, ...others } = shown.filters;
    set({ filters: values === undefined ? others : { ...others, [f]: values } });
  };
  return (
    <div className="stack">
      {used.map((f) => (
        <div key={f} className="filter-row">
          <FieldFrame label={name(f)} hint={t('valuesHint')}>
            {({ id, describedBy }) => (
              <input id={id} name={`filter-${f}`} aria-describedby={describedBy} defaultValue={shown.filters[f]!.join(', ')} key={shown.filters[f]!.join()}
                onBlur={(e) => change(f, split(e.target.value))} onKeyDown={(e) => e.key === 'Enter' && change(f, split(e.currentTarget.value))} />
            )}
          </FieldFrame>
          <Button small look="quiet" onClick={() => change(f, undefined)} aria-label={`${t('removeFilter')}: ${name(f)}`}>{t('removeFilter')}</Button>
        </div>
      ))}
      <label className="switch"><span className="visually-hidden">{t('addFilter')}</span>
        <select name="add-filter" value="" onChange={(e) => change(e.target.value as FilterName, [])}>
          <option value="">{t('addFilter')}…</option>
          {FILTERS.filter((f) => !shown.filters[f]).map((f) => <option key={f} value={f}>{name(f)}</option>)}
        </select>
      </label>
    </div>
  );
}

const split = (text: string) => text.split(/[,，;；\n]/).map((s) => s.trim()).filter(Boolean);
