import { useState } from 'react';
import { toneOf, statusWords } from '../../account/words';
import type { Creative } from '../../api/entities';
import { useField } from '../../form/form';
import { useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { words } from './words';

// Creatives picks from the advertiser's. Archived ones show only while they are picked.
export function Creatives({ creatives }: { creatives: Creative[] }) {
  const t = useMessages(words);
  const status = useMessages(statusWords);
  const { value, set, error } = useField<number[] | null | undefined>('creative_ids');
  const [search, setSearch] = useState('');
  const picked = value ?? [];
  const shown = creatives.filter((c) => (picked.includes(c.id) || c.status !== 'archived') && `${c.name} ${c.format} ${size(c)}`.toLowerCase().includes(search.toLowerCase()));
  if (creatives.length === 0) return <p className="muted">{t('noCreatives')}</p>;
  return (
    <div className="stack">
      {error && <p className="error" id="creatives-error">{error}</p>}
      <div className="row">
        <input type="search" className="search narrow" aria-label={t('findCreative')} placeholder={t('findCreative')} value={search} onChange={(e) => setSearch(e.target.value)} />
        <span className="muted" aria-live="polite">{t('picked', { n: picked.length })}</span>
      </div>
      <ul className="picker" aria-label={t('creatives')}>
        {shown.map((c) => (
          <li key={c.id}>
            <label>
              <input type="checkbox" name="creative_ids" value={c.id} checked={picked.includes(c.id)} aria-describedby={error ? 'creatives-error' : undefined}
                onChange={(e) => set(e.target.checked ? [...picked, c.id] : picked.filter((x) => x !== c.id))} />
              <span className="picker-name">{c.name}</span>
              <span className="muted">{c.format || 'banner'}{size(c) && ` ${size(c)}`}</span>
              {c.status !== 'active' && <Badge tone={toneOf(c.status)}>{status(c.status as 'paused')}</Badge>}
            </label>
          </li>
        ))}
      </ul>
    </div>
  );
}

const size = (c: Creative) => (c.w && c.h ? `${c.w}×${c.h}` : '');
