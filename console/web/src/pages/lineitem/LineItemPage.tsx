import { useQuery } from '@tanstack/react-query';
import { useParams, useSearchParams } from 'react-router';
import { balanceOptions } from '../../account/spend';
import { listOptions, readOptions } from '../../api/entities';
import type { Plain } from '../../form/patch';
import { Failure } from '../../ui/Failure';
import { Editor } from './Editor';
import { copyOf, fresh } from './fresh';

// The editor of a line item; at /line-items/new?campaign=1 of a new one, with
// &copy=2 of one that begins as a copy.
export default function LineItemPage() {
  const { id = 'new' } = useParams();
  const [query] = useSearchParams();
  const copied = Number(query.get('copy')) || 0;
  const found = useQuery(readOptions('line_item', Number(id) || copied));
  const campaign = useQuery(readOptions('campaign', id === 'new' ? Number(query.get('campaign')) || 0 : found.data?.entity.campaign_id ?? 0));
  const advertiser = useQuery(readOptions('advertiser', campaign.data?.entity.advertiser_id ?? 0));
  const creatives = useQuery({ ...listOptions('creative', { advertiser_id: advertiser.data?.entity.id }), enabled: Boolean(advertiser.data) });
  // Asked here, so that the page comes whole and nothing jumps.
  const live = useQuery(balanceOptions(id === 'new' ? 0 : advertiser.data?.entity.id ?? 0));
  const error = found.error ?? campaign.error ?? advertiser.error ?? creatives.error;
  if (error) return <Failure error={error} />;
  if (!campaign.data || !advertiser.data || !creatives.data || (!found.data && (id !== 'new' || copied > 0)) || (id !== 'new' && live.isPending)) return null;
  const family = { campaign: campaign.data.entity, advertiser: advertiser.data.entity, creatives: creatives.data };
  if (id === 'new') {
    const initial = found.data ? copyOf(found.data.entity, family.campaign) : fresh(family.campaign);
    return <Editor key={`new-${family.campaign.id}-${copied}`} base={{ campaign_id: family.campaign.id }} initial={initial} etag="" {...family} />;
  }
  return <Editor key={id} id={found.data!.entity.id} base={found.data!.entity as unknown as Plain} etag={found.data!.etag} {...family} />;
}
