import { useQuery } from '@tanstack/react-query';
import { useState, useSyncExternalStore } from 'react';
import { Link } from 'react-router';
import { AdvertiserPicker, useAdvertiser } from '../../account/AdvertiserPicker';
import { StatusButtons } from '../../account/StatusButtons';
import { statusWords, toneOf } from '../../account/words';
import { type Creative, listOptions } from '../../api/entities';
import { session } from '../../api/session';
import { useMessages } from '../../i18n/language';
import { Badge, type Tone } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Empty } from '../../ui/Empty';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { ReviewDialog } from './ReviewDialog';
import { UploadDialog } from './UploadDialog';
import { words } from './words';

export const REVIEW: Record<string, Tone> = { pending: 'warn', approved: 'good', rejected: 'bad' };

// The gallery of an advertiser's creatives, with what each exchange's review says.
export default function CreativesPage() {
  const t = useMessages(words);
  const status = useMessages(statusWords);
  const { advertiser, all, choose, error, none } = useAdvertiser();
  const { me } = useSyncExternalStore(session.subscribe, session.get);
  const [search, setSearch] = useState('');
  const [state, setState] = useState('');
  const [uploading, upload] = useState(false);
  const [reviewing, review] = useState<Creative>();
  const creatives = useQuery({ ...listOptions('creative', { advertiser_id: advertiser?.id }), enabled: advertiser !== undefined });
  const shown = (creatives.data ?? []).filter((c) => (state ? c.status === state : c.status !== 'archived') && `${c.name} ${c.format} ${c.w}x${c.h}`.toLowerCase().includes(search.toLowerCase()));
  const failed = error ?? creatives.error;
  return (
    <Page title={t('title')} actions={<>
      <AdvertiserPicker advertiser={advertiser} all={all} choose={choose} />
      {advertiser && me?.role !== 'viewer' && <Button look="primary" onClick={() => upload(true)}>{t('upload')}</Button>}
    </>}>
      <div className="stack">
        {failed && <Failure error={failed} />}
        {none && <Empty title={t('noAdvertiser')} />}
        {creatives.data?.length === 0 && <Empty title={t('none')}>{t('noneHint')}</Empty>}
        {creatives.data && creatives.data.length > 0 && (
          <div className="row tools">
            <input type="search" className="search" aria-label={t('find')} placeholder={t('find')} value={search} onChange={(e) => setSearch(e.target.value)} />
            <label className="switch"><span className="visually-hidden">{t('state')}</span>
              <select value={state} onChange={(e) => setState(e.target.value)}><option value="">{t('all')}</option>{(['active', 'paused', 'archived'] as const).map((s) => <option key={s} value={s}>{status(s)}</option>)}</select>
            </label>
          </div>
        )}
        {creatives.data && creatives.data.length > 0 && shown.length === 0 && <p className="muted" role="status">{t('noMatch')}</p>}
        <ul className="gallery" aria-label={t('title')}>
          {shown.map((c) => <Card key={c.id} creative={c} onReview={me?.role === 'operator' ? () => review(c) : undefined} />)}
        </ul>
      </div>
      {uploading && advertiser && <UploadDialog advertiser={advertiser} onClose={() => upload(false)} />}
      {reviewing && <ReviewDialog creative={reviewing} onClose={() => review(undefined)} />}
    </Page>
  );
}

function Card({ creative: c, onReview }: { creative: Creative; onReview?: () => void }) {
  const t = useMessages(words);
  const status = useMessages(statusWords);
  const reviews = Object.entries(c.exchanges ?? {});
  return (
    <li className="creative">
      <div className="creative-shape"><span>{c.w && c.h ? `${c.w}×${c.h}` : c.format || 'banner'}</span></div>
      <div className="stack tight">
        <h2>{c.name}</h2>
        <p className="row"><Badge tone={toneOf(c.status)}>{status(c.status as 'active')}</Badge><span className="muted">{c.format || 'banner'}</span><Link to={`/history?kind=creative&entity_id=${c.id}`}>#{c.id}</Link></p>
        {c.landing_url && <p className="muted creative-url">{c.landing_url}</p>}
        {reviews.length === 0 ? <p className="muted">{t('unreviewed')}</p> : (
          <ul className="facts" aria-label={t('exchanges')}>
            {reviews.map(([name, r]) => <li key={name}>{name} <Badge tone={REVIEW[r.status ?? ''] ?? 'idle'}>{(r.status ?? '') in words.en ? t(r.status as 'pending') : r.status}</Badge>{r.reason && <span className="muted"> {r.reason}</span>}</li>)}
          </ul>
        )}
        <div className="row">
          {onReview && <Button small onClick={onReview} aria-label={`${t('review')}: ${c.name}`}>{t('review')}</Button>}
          <StatusButtons kind="creative" id={c.id} name={c.name} status={c.status} small />
        </div>
      </div>
    </li>
  );
}
