import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useMayEdit } from '../../account/may';
import { listOptions } from '../../api/entities';
import { useMessages } from '../../i18n/language';
import { LinkButton } from '../../ui/Button';
import { Empty } from '../../ui/Empty';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { AdvertiserRows } from './AdvertiserRows';
import { EntityRow } from './EntityRow';
import { TreeContext, useTree } from './tree';
import { words } from './words';

// The account tree: who buys, what runs, whether it keeps to its plan, and if not why.
export default function AccountsPage() {
  const t = useMessages(words);
  const agencies = useQuery(listOptions('agency'));
  const advertisers = useQuery(listOptions('advertiser'));
  const may = { agency: useMayEdit('agency'), advertiser: useMayEdit('advertiser'), campaign: useMayEdit('campaign') };
  const [archived, setArchived] = useState(false);
  const [search, setSearch] = useState('');
  const tree = useTree({ archived, search: search.trim().toLowerCase() });
  const failed = agencies.error ?? advertisers.error;
  const shown = (agencies.data ?? []).filter((a) => archived || a.status !== 'archived');
  const buyers = advertisers.data ?? [];
  return (
    <Page title={t('title')} actions={(
      <>
        {may.agency && <LinkButton to="/agencies/new">{t('newAgency')}</LinkButton>}
        {shown.length > 0 && may.advertiser && <LinkButton to={`/advertisers/new?agency=${shown[0]!.id}`}>{t('newAdvertiser')}</LinkButton>}
        {buyers.length > 0 && may.campaign && <LinkButton to="/new-campaign" look="primary">{t('newCampaign')}</LinkButton>}
      </>
    )}>
      {failed && <Failure error={failed} retry={() => { void agencies.refetch(); void advertisers.refetch(); }} />}
      {agencies.data && advertisers.data && (shown.length === 0
        ? <Empty title={t('emptyTitle')} action={may.agency ? <LinkButton to="/agencies/new" look="primary">{t('newAgency')}</LinkButton> : undefined}>{t('empty')}</Empty>
        : (
          <TreeContext value={tree}>
            <div className="row tools">
              <input type="search" className="search" aria-label={t('search')} placeholder={t('search')} value={search} onChange={(e) => setSearch(e.target.value)} />
              <label className="row check-label"><input type="checkbox" checked={archived} onChange={(e) => setArchived(e.target.checked)} /> {t('showArchived')}</label>
            </div>
            <div className="table-scroll" role="region" aria-label={t('title')} tabIndex={0}>
              <table className="table tree cards">
                <thead>
                  <tr>
                    <th scope="col">{t('name')}</th><th scope="col">{t('state')}</th><th scope="col">{t('pace')}</th>
                    <th scope="col" className="number">{t('bids')}</th><th scope="col" className="number">{t('impressions')}</th>
                    <th scope="col" className="number">{t('daysLeft')}</th><th scope="col"><span className="visually-hidden">{t('actions')}</span></th>
                  </tr>
                </thead>
                <tbody>
                  {shown.map((a) => {
                    const children = buyers.filter((b) => b.agency_id === a.id && (archived || b.status !== 'archived'));
                    const key = `agency/${a.id}`;
                    const open = tree.isOpen(key, true);
                    return [
                      <EntityRow key={key} kind="agency" entity={a} level={0} open={children.length ? open : undefined} onToggle={() => tree.toggle(key, open)} />,
                      ...(open ? children.map((b) => <AdvertiserRows key={b.id} agency={a} advertiser={b} openAtFirst={buyers.length <= 6} />) : []),
                    ];
                  })}
                </tbody>
              </table>
            </div>
          </TreeContext>
        ))}
    </Page>
  );
}
