import { useInfiniteQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';
import { kindWords } from '../../account/words';
import { call } from '../../api/client';
import type { components } from '../../api/schema';
import { FieldFrame } from '../../form/Field';
import { useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Empty } from '../../ui/Empty';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { ChangeCard } from './ChangeCard';
import { words } from './words';

export type Change = components['schemas']['ChangeView'];

const KINDS = ['agency', 'advertiser', 'campaign', 'line_item', 'creative', 'conversion_definition', 'experiment'] as const;
const ACTIONS = ['create', 'update', 'pause', 'resume', 'archive', 'undo'] as const;
const PAGE = 50;

// useKindName names a kind of entity.
export function useKindName() {
  const name = useMessages(kindWords);
  return (kind: string) => (kind in kindWords.en ? name(kind as keyof typeof kindWords.en) : kind.replaceAll('_', ' '));
}

// Change history: /history of everything that the caller sees, ?kind=line_item&entity_id=7 of one.
export default function HistoryPage() {
  const t = useMessages(words);
  const kindName = useKindName();
  const [p, set] = useSearchParams();
  const [kind, entity, action] = [p.get('kind') ?? '', p.get('entity_id') ?? '', p.get('action') ?? ''];
  const advertiser = p.get('advertiser_id') ?? '';
  const filter = {
    ...(kind && { kind }), ...(kind && entity && { entity_id: Number(entity) }), ...(action && { action }), ...(advertiser && { advertiser_id: Number(advertiser) }),
  };
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['changes', filter], initialPageParam: '',
    queryFn: async ({ pageParam, signal }) => (await call('get', '/v1/changes', { query: { ...filter, limit: PAGE, ...(pageParam && { cursor: pageParam }) } as never, signal })).data,
    getNextPageParam: (last) => last.next || undefined,
  });
  const change = (key: string, value: string) => {
    const next = new URLSearchParams(p);
    if (value) next.set(key, value);
    else next.delete(key);
    if (key === 'kind') next.delete('entity_id');
    set(next, { replace: true });
  };
  const items = data?.pages.flatMap((page) => page.items ?? []) ?? [];
  return (
    <Page title={entity ? t('of', { what: `${kindName(kind)} ${entity}` }) : t('title')} crumbs={entity ? [{ to: '/history', text: t('all') }] : []}>
      <div className="stack">
        <p className="muted">{t('lead')} {t('utc')}</p>
        <div className="row filters">
          <FieldFrame label={t('kind')} className="beside">
            {({ id }) => <select id={id} name="kind" value={kind} onChange={(e) => change('kind', e.target.value)}><option value="">{t('any')}</option>{KINDS.map((k) => <option key={k} value={k}>{kindName(k)}</option>)}</select>}
          </FieldFrame>
          <FieldFrame label={t('action')} className="beside">
            {({ id }) => <select id={id} name="action" value={action} onChange={(e) => change('action', e.target.value)}><option value="">{t('any')}</option>{ACTIONS.map((a) => <option key={a} value={a}>{t(a === 'undo' ? 'undo_' : a)}</option>)}</select>}
          </FieldFrame>
        </div>
        {error && <Failure error={error} retry={() => void refetch()} />}
        {data && items.length === 0 && <Empty title={t('nothing')}>{t('nothingHint')}</Empty>}
        <ol className="changes" aria-label={t('actions')}>{items.map((c) => <ChangeCard key={c.id} change={c} />)}</ol>
        {hasNextPage && <div><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{t('more')}</Button></div>}
      </div>
    </Page>
  );
}
