import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useParams } from 'react-router';
import { type Advertiser, type Campaign, type LineItem, listOptions, readOptions } from '../../api/entities';
import { useLanguage, useMessages } from '../../i18n/language';
import { LinkButton } from '../../ui/Button';
import { Chart } from '../../ui/Chart';
import { Empty } from '../../ui/Empty';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { Panel } from '../../ui/Panel';
import { dateTime } from '../../values/format';
import { today } from '../../values/zone';
import { curve } from '../lineitem/plan';
import { Standing, StatusBadge } from '../lineitem/Standing';
import { Legend } from '../operations/Traffic';
import { type Dimension, days, type Metric, reportOptions } from '../reports/report';
import { ReportTable } from '../reports/ReportTable';
import { plannedAt, spending } from './spending';
import { words } from './words';

// Delivery of one line item: does it spend as planned, does it win, where.
export default function DeliveryPage() {
  const { id } = useParams();
  const line = useQuery(readOptions('line_item', Number(id) || 0));
  const campaign = useQuery(readOptions('campaign', line.data?.entity.campaign_id ?? 0));
  const advertiser = useQuery(readOptions('advertiser', campaign.data?.entity.advertiser_id ?? 0));
  const error = line.error ?? campaign.error ?? advertiser.error;
  if (error) return <Failure error={error} />;
  if (!line.data || !campaign.data || !advertiser.data) return null;
  return <Delivery line={line.data.entity} campaign={campaign.data.entity} advertiser={advertiser.data.entity} />;
}

interface Props {
  line: LineItem;
  campaign: Campaign;
  advertiser: Advertiser;
}

function Delivery({ line, campaign, advertiser }: Props) {
  const t = useMessages(words);
  const creatives = useQuery(listOptions('creative', { advertiser_id: advertiser.id }));
  const family = { line, campaign, advertiser, creatives: creatives.data ?? [] };
  return (
    <Page title={`${t('delivery')}: ${line.name}`} beside={creatives.data && <StatusBadge {...family} />}
      crumbs={[{ to: '/', text: t('accounts') }, { to: `/advertisers/${advertiser.id}`, text: advertiser.name }, { to: `/campaigns/${campaign.id}`, text: campaign.name }]}
      actions={(
        <>
          <LinkButton to={`/line-items/${line.id}`} look="primary">{t('edit')}</LinkButton>
          <LinkButton to={`/explain?line_item=${line.id}`}>{t('explain')}</LinkButton>
          <LinkButton to={`/history?kind=line_item&entity_id=${line.id}`}>{t('history')}</LinkButton>
        </>
      )}>
      <div className="stack">
        {creatives.data && <Standing {...family} />}
        <Today line={line} campaign={campaign} advertiser={advertiser} />
        <Where line={line} zone={advertiser.time_zone} />
      </div>
    </Page>
  );
}

const LIVE_MS = 10_000;

function Today({ line, campaign, advertiser }: Props) {
  const t = useMessages(words);
  const { language } = useLanguage();
  const { currency, time_zone: zone } = advertiser;
  const day = today(new Date(), zone);
  const { data, error } = useQuery({
    ...reportOptions({ from: day, to: day, group_by: ['hour'], time_zone: zone, line_item: [String(line.id)] }), refetchInterval: LIVE_MS,
  });
  const shown = useMemo(() => spending(data?.rows ?? [], day, zone, new Date()), [data, day, zone]);
  const plan = useMemo(() => plannedAt(curve(line, campaign, zone), shown.x), [line, campaign, zone, shown]);
  const spend = useMemo(() => [
    { label: t('planned'), values: plan, color: 'muted' as const, dashed: true }, { label: t('spent'), values: shown.spent, fill: true },
  ], [t, plan, shown]);
  const rate = useMemo(() => [{ label: t('winRate'), values: shown.rate, color: 'third' as const }], [t, shown]);
  if (error) return <Failure error={error} />;
  if (!data) return null;
  const at = (s: number) => dateTime(new Date(s * 1000), zone, language);
  const figure = new Intl.NumberFormat('en', { maximumFractionDigits: 2, notation: 'compact' });
  return (
    <div className="two-columns">
      <Panel title={t('spend')} lead={t('spendLead', { currency, zone: zone.replaceAll('_', ' ') })}>
        <Legend items={[['muted', t('planned')], ['first', t('spent')]]} />
        <Chart label={t('spend')} x={shown.x} zone={zone} series={spend} y={(v) => figure.format(v)} xText={at} />
        <p className="hint">{t('upTo', { at: dateTime(new Date(data.as_of), zone, language) })} {plan.every((v) => v === null) && t('noPlan')}</p>
      </Panel>
      <Panel title={t('winRate')} lead={t('winRateLead')}>
        {shown.rate.every((v) => v === null)
          ? <Empty title={t('nothing')}>{t('nothingHint')}</Empty>
          : <Chart label={t('winRate')} x={shown.rateX} zone={zone} series={rate} y={(v) => `${v.toFixed(0)}%`} xText={at} />}
      </Panel>
    </div>
  );
}

const METRICS: Metric[] = ['bids', 'wins', 'win_rate', 'impressions', 'ctr', 'charge', 'ecpm'];

// Where is the week by exchange, and its dearest sites.
function Where({ line, zone }: { line: LineItem; zone: string }) {
  const t = useMessages(words);
  const week = { ...days('last_7_days', new Date(), zone), time_zone: zone, line_item: [String(line.id)] };
  const exchanges = useQuery(reportOptions({ ...week, group_by: ['exchange'] }));
  const sites = useQuery(reportOptions({ ...week, group_by: ['site'], top: 10, sort: '-charge' }));
  const parts = [['exchanges', 'exchange', exchanges], ['sites', 'site', sites]] as const;
  return parts.map(([title, by, { data, error }]) => (
    <Panel key={by} title={t(title)} lead={t('week')}>
      {error && <Failure error={error} />}
      {data?.rows?.length ? <ReportTable label={`${t(title)} (${data.rows.length})`} rows={data.rows} by={BY[by]} metrics={METRICS} /> : data && <p className="muted">{t('nothing')}</p>}
    </Panel>
  ));
}

const BY: Record<'exchange' | 'site', Dimension[]> = { exchange: ['exchange'], site: ['site'] };
