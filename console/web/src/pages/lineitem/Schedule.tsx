import { type KeyboardEvent, useRef, useState } from 'react';
import { useField } from '../../form/form';
import { useLanguage, useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { weekday } from '../../values/format';
import { words } from './words';

const DAYS = [0, 1, 2, 3, 4, 5, 6];
const HOURS = Array.from({ length: 24 }, (_, h) => h);
const ALL = 168;

// Schedule is the week as a grid of hours, 0 is Monday at midnight in the advertiser's
// zone. No hours chosen means all. One cell can be reached by Tab; arrows go from
// there, space turns an hour, and dragging paints.
export function Schedule() {
  const t = useMessages(words);
  const { language } = useLanguage();
  const { value, set, error } = useField<number[] | null | undefined>('targeting.hours_of_week');
  const [at, setAt] = useState(9);
  const painting = useRef<boolean | undefined>(undefined);
  const grid = useRef<HTMLTableElement>(null);
  const on = new Set(value?.length ? value : Array.from({ length: ALL }, (_, i) => i));
  const change = (hours: number[], to: boolean) => {
    const next = new Set(on);
    for (const h of hours) (to ? next.add(h) : next.delete(h));
    // None at all would mean the whole week: the last hour stays.
    if (next.size === 0) return;
    set(next.size === ALL ? undefined : [...next].sort((a, b) => a - b));
  };
  const whole = (hours: number[]) => change(hours, !hours.every((h) => on.has(h)));
  const move = (e: KeyboardEvent) => {
    const step = ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -24, ArrowDown: 24 } as Record<string, number>)[e.key];
    if (!step) return;
    e.preventDefault();
    const next = (at + step + ALL) % ALL;
    setAt(next);
    grid.current?.querySelector<HTMLElement>(`[data-hour="${next}"]`)?.focus();
  };
  return (
    <div className="stack">
      {error && <p className="error">{error}</p>}
      <div className="row">
        <Button small onClick={() => set(undefined)}>{t('always')}</Button>
        <Button small onClick={() => set(DAYS.slice(0, 5).flatMap((d) => HOURS.slice(9, 18).map((h) => d * 24 + h)))}>{t('office')}</Button>
        <Button small onClick={() => set(DAYS.flatMap((d) => HOURS.slice(18).map((h) => d * 24 + h)))}>{t('evenings')}</Button>
        <span className="muted" aria-live="polite">{value?.length ? t('hoursOf', { n: value.length }) : t('allHours')}</span>
      </div>
      <div className="schedule-scroll">
        <table className="schedule" ref={grid} onKeyDown={move} onPointerUp={() => { painting.current = undefined; }} onPointerLeave={() => { painting.current = undefined; }}>
          <caption className="visually-hidden">{t('schedule')}</caption>
          <thead>
            <tr>
              <td />
              {HOURS.map((h) => <th key={h} scope="col"><button type="button" tabIndex={-1} aria-label={t('column', { hour: h })} onClick={() => whole(DAYS.map((d) => d * 24 + h))}>{h}</button></th>)}
            </tr>
          </thead>
          <tbody>
            {DAYS.map((d) => (
              <tr key={d}>
                <th scope="row"><button type="button" tabIndex={-1} aria-label={t('wholeDay', { day: weekday(d, language) })} onClick={() => whole(HOURS.map((h) => d * 24 + h))}>{weekday(d, language)}</button></th>
                {HOURS.map((h) => {
                  const hour = d * 24 + h;
                  return (
                    <td key={h}>
                      <button type="button" role="checkbox" aria-checked={on.has(hour)} aria-label={`${weekday(d, language)} ${h}:00`} data-hour={hour} tabIndex={hour === at ? 0 : -1}
                        className={on.has(hour) ? 'on' : ''}
                        onFocus={() => setAt(hour)}
                        onPointerDown={(e) => { if (e.pointerType === 'mouse') { painting.current = !on.has(hour); change([hour], painting.current); } }}
                        onPointerEnter={() => { if (painting.current !== undefined) change([hour], painting.current); }}
                        onClick={(e) => { if (e.detail === 0 || painting.current === undefined && (e.nativeEvent as PointerEvent).pointerType !== 'mouse') change([hour], !on.has(hour)); }} />
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
