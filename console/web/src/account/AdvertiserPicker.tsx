import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';
import { type Advertiser, listOptions } from '../api/entities';
import { FieldFrame } from '../form/Field';
import { useMessages } from '../i18n/language';
import { kindWords } from './words';

// useAdvertiser is the advertiser of ?advertiser=7, or else the first that the caller sees.
export function useAdvertiser(): { advertiser?: Advertiser; all: Advertiser[]; choose: (id: number) => void; error: Error | null; none: boolean } {
  const [p, set] = useSearchParams();
  const { data, error } = useQuery({ ...listOptions('advertiser'), staleTime: 60_000 });
  const all = (data ?? []).filter((a) => a.status !== 'archived' || String(a.id) === p.get('advertiser'));
  const choose = (id: number) => {
    const next = new URLSearchParams(p);
    next.set('advertiser', String(id));
    set(next, { replace: true });
  };
  return { advertiser: all.find((a) => String(a.id) === p.get('advertiser')) ?? all[0], all, choose, error, none: data !== undefined && all.length === 0 };
}

export function AdvertiserPicker({ advertiser, all, choose }: Pick<ReturnType<typeof useAdvertiser>, 'advertiser' | 'all' | 'choose'>) {
  const kind = useMessages(kindWords);
  if (all.length < 2) return null;
  return (
    <FieldFrame label={kind('advertiser')} className="beside">
      {({ id }) => (
        <select id={id} name="advertiser" value={advertiser?.id} onChange={(e) => choose(Number(e.target.value))}>
          {all.map((a) => <option key={a.id} value={a.id}>{a.name}</option>)}
        </select>
      )}
    </FieldFrame>
  );
}
