import { useQuery } from '@tanstack/react-query';
import { balanceOptions, type Balance, type Counts, todayOptions } from '../../account/spend';
import { useMayEdit } from '../../account/may';
import { dates, reasons } from '../../account/state';
import { useStops } from '../../account/stops';
import { type Advertiser, type Agency, type Campaign, type Creative, type LineItem, listOptions } from '../../api/entities';
import { useMessages } from '../../i18n/language';
import { LinkButton } from '../../ui/Button';
import { Failure } from '../../ui/Failure';
import { daysLeft } from '../../values/zone';
import { EntityRow } from './EntityRow';
import { useTreeContext } from './tree';
import { words } from './words';

const FEW_LINES = 12; // are shown at once

// AdvertiserRows is an advertiser and, once opened, its campaigns and line items: only
// what is open is asked of the server.
export function AdvertiserRows({ agency, advertiser, openAtFirst }: { agency: Agency; advertiser: Advertiser; openAtFirst: boolean }) {
  const tree = useTreeContext();
  const t = useMessages(words);
  const may = useMayEdit('campaign');
  const key = `advertiser/${advertiser.id}`;
  const open = tree.isOpen(key, openAtFirst);
  const filter = { advertiser_id: advertiser.id };
  const campaigns = useQuery({ ...listOptions('campaign', filter), enabled: open });
  const lines = useQuery({ ...listOptions('line_item', filter), enabled: open });
  const creatives = useQuery({ ...listOptions('creative', filter), enabled: open });
  const balance = useQuery(balanceOptions(advertiser.id));
  const counts = useQuery({ ...todayOptions(advertiser.id, advertiser.time_zone), enabled: open });
  const stops = useStops();
  const failed = campaigns.error ?? lines.error ?? creatives.error;
  const kept = (e: { status: string }) => tree.archived || e.status !== 'archived';
  const matches = (name: string) => name.toLowerCase().includes(tree.search);
  const own = matches(advertiser.name) || matches(agency.name);
  const all = lines.data ?? [];
  const shown = (campaigns.data ?? []).filter(kept).map((c) => ({
    campaign: c, lines: all.filter((l) => l.campaign_id === c.id && kept(l) && (own || matches(c.name) || matches(l.name))),
  })).filter((g) => own || matches(g.campaign.name) || g.lines.length > 0);
  if (tree.search && !own && campaigns.data && lines.data && shown.length === 0) return null;
  return (
    <>
      <EntityRow kind="advertiser" entity={advertiser} level={1} open={open} onToggle={() => tree.toggle(key, open)}
        spend={balance.data?.advertiser} currency={advertiser.currency}
        actions={may && <LinkButton small look="quiet" to={`/campaigns/new?advertiser=${advertiser.id}`}>{t('newCampaignIn')}</LinkButton>} />
      {open && failed && <tr><td colSpan={7}><Failure error={failed} /></td></tr>}
      {open && !failed && !lines.data && <tr className="level-2"><td colSpan={7} className="muted">{t('loading')}</td></tr>}
      {open && campaigns.data?.length === 0 && <tr className="level-2"><td colSpan={7} className="muted">{t('noCampaigns')}</td></tr>}
      {open && shown.map((g) => (
        <CampaignRows key={g.campaign.id} {...g} openAtFirst={all.length <= FEW_LINES}
          family={{ agency, advertiser, creatives: creatives.data ?? [], balance: balance.data, counts: counts.data, stops }} />
      ))}
    </>
  );
}

interface Family {
  agency: Agency;
  advertiser: Advertiser;
  creatives: Creative[];
  balance?: Balance;
  counts?: Map<number, Counts>;
  stops: Set<string>;
}

function CampaignRows({ campaign, lines, openAtFirst, family }: { campaign: Campaign; lines: LineItem[]; openAtFirst: boolean; family: Family }) {
  const tree = useTreeContext();
  const t = useMessages(words);
  const may = useMayEdit('line_item');
  const key = `campaign/${campaign.id}`;
  const open = tree.isOpen(key, openAtFirst);
  const { advertiser, agency, balance, counts, creatives, stops } = family;
  const now = new Date();
  const sum = (f: (c: Counts) => number) => counts && lines.reduce((n, l) => n + (counts.has(l.id) ? f(counts.get(l.id)!) : 0), 0);
  return (
    <>
      <EntityRow kind="campaign" entity={campaign} level={2} open={lines.length ? open : undefined} onToggle={() => tree.toggle(key, open)}
        spend={balance?.campaigns.get(campaign.id)} currency={advertiser.currency} daysLeft={daysLeft(now, new Date(campaign.end))}
        bids={sum((c) => c.bids)} impressions={sum((c) => c.impressions)}
        actions={may && <LinkButton small look="quiet" to={`/line-items/new?campaign=${campaign.id}`}>{t('newLineItem')}</LinkButton>} />
      {open && lines.map((l) => {
        const spend = balance?.lines.get(l.id);
        const c = counts?.get(l.id);
        return (
          <EntityRow key={l.id} kind="line_item" entity={l} level={3} spend={spend} plan={balance?.plans.get(l.id)} currency={advertiser.currency}
            bids={counts && (c?.bids ?? 0)} impressions={counts && (c?.impressions ?? 0)} daysLeft={daysLeft(now, dates(l, campaign).end)}
            reasons={reasons({ agency, advertiser, campaign, line: l, creatives, stops, spend: [spend, balance?.campaigns.get(campaign.id), balance?.advertiser] }, now)} />
        );
      })}
    </>
  );
}
