import { useQuery } from '@tanstack/react-query';
import { Pace } from '../../account/Pace';
import { balanceOptions, todayOptions } from '../../account/spend';
import { reasons } from '../../account/state';
import { useStops } from '../../account/stops';
import { reasonWords, statusWords, verdict } from '../../account/words';
import { type Advertiser, type Campaign, type Creative, type LineItem, readOptions } from '../../api/entities';
import { useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { count } from '../../values/format';
import { words } from './words';

interface Props {
  line: LineItem;
  campaign: Campaign;
  advertiser: Advertiser;
  creatives: Creative[];
}

function useStanding({ line, campaign, advertiser, creatives }: Props) {
  const agency = useQuery(readOptions('agency', advertiser.agency_id));
  const balance = useQuery(balanceOptions(advertiser.id));
  const counts = useQuery(todayOptions(advertiser.id, advertiser.time_zone));
  const stops = useStops();
  const b = balance.data;
  const why = reasons({
    agency: agency.data?.entity, advertiser, campaign, line, creatives, stops, spend: [b?.lines.get(line.id), b?.campaigns.get(campaign.id), b?.advertiser],
  }, new Date());
  return { why, balance: b, counts: counts.data?.get(line.id) };
}

export function StatusBadge(p: Props) {
  const { why, counts } = useStanding(p);
  const status = useMessages(statusWords);
  const v = verdict(why, counts?.bids ?? 0);
  return <Badge tone={v.tone}>{status(v.word)}</Badge>;
}

// Standing says what the line item does now: does it bid, if not why, and is it on its plan.
export function Standing(p: Props) {
  const { why, balance, counts } = useStanding(p);
  const t = useMessages(words);
  const because = useMessages(reasonWords);
  return (
    <section className="standing" aria-label={t('standing')}>
      <div className="standing-why" role="status">
        {why.length ? <ul>{why.map((r) => <li key={r}>{because(r)}</li>)}</ul> : <p>{counts?.bids ? t('bids') : t('ready')}</p>}
      </div>
      <Pace spend={balance?.lines.get(p.line.id)} plan={balance?.plans.get(p.line.id)} currency={p.advertiser.currency} caption />
      <dl>
        {([['bidsToday', counts?.bids], ['winsToday', counts?.wins], ['impressionsToday', counts?.impressions], ['clicksToday', counts?.clicks]] as const).map(([k, n]) => (
          <div key={k}><dt>{t(k)}</dt><dd>{count(n ?? 0)}</dd></div>
        ))}
      </dl>
    </section>
  );
}
