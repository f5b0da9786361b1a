import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { Link } from 'react-router';
import { Pace } from '../../account/Pace';
import { type Balance, todayOptions } from '../../account/spend';
import { reasons } from '../../account/state';
import { useStops } from '../../account/stops';
import { reasonWords, statusWords, verdict } from '../../account/words';
import { type Advertiser, type Campaign, type LineItem, listOptions, readOptions } from '../../api/entities';
import { useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { LinkButton } from '../../ui/Button';
import { Empty } from '../../ui/Empty';
import { Failure } from '../../ui/Failure';
import { Price } from '../../ui/Money';
import { type ColumnDef, Table } from '../../ui/Table';
import { count } from '../../values/format';
import { words } from './words';

// Lines are a campaign's line items, with what each does now.
export function Lines({ campaign, advertiser, balance }: { campaign: Campaign; advertiser: Advertiser; balance?: Balance }) {
  const t = useMessages(words);
  const status = useMessages(statusWords);
  const because = useMessages(reasonWords);
  const lines = useQuery(listOptions('line_item', { campaign_id: campaign.id }));
  const creatives = useQuery(listOptions('creative', { advertiser_id: advertiser.id }));
  const agency = useQuery(readOptions('agency', advertiser.agency_id));
  const counts = useQuery(todayOptions(advertiser.id, advertiser.time_zone));
  const stops = useStops();
  const columns = useMemo<ColumnDef<LineItem>[]>(() => {
    const bids = (l: LineItem) => counts.data?.get(l.id)?.bids ?? 0;
    const why = (l: LineItem) => reasons({
      agency: agency.data?.entity, advertiser, campaign, line: l, creatives: creatives.data ?? [], stops,
      spend: [balance?.lines.get(l.id), balance?.campaigns.get(campaign.id), balance?.advertiser],
    }, new Date());
    return [
      { id: 'name', header: t('lineName'), accessorKey: 'name', cell: ({ row }) => <Link to={`/line-items/${row.original.id}`}>{row.original.name}</Link> },
      {
        id: 'state', header: t('state'), accessorFn: (l) => verdict(why(l), bids(l)).word,
        cell: ({ row: { original: l } }) => {
          const list = why(l);
          const v = verdict(list, bids(l));
          const said = list.filter((r) => !['paused', 'archived', 'ended'].includes(r));
          return <span className="state"><Badge tone={v.tone}>{status(v.word)}</Badge>{said.length > 0 && <span className="why">{said.map((r) => because(r)).join(' ')}</span>}</span>;
        },
      },
      {
        id: 'pace', header: t('pace'), enableSorting: false,
        cell: ({ row }) => <Pace spend={balance?.lines.get(row.original.id)} plan={balance?.plans.get(row.original.id)} currency={advertiser.currency} />,
      },
      { id: 'bids', header: t('bids'), accessorFn: bids, meta: { number: true }, cell: (c) => count(c.getValue() as number) },
      { id: 'impressions', header: t('impressions'), accessorFn: (l) => counts.data?.get(l.id)?.impressions ?? 0, meta: { number: true }, cell: (c) => count(c.getValue() as number) },
      { id: 'bid', header: t('bid'), accessorFn: (l) => Number(l.max_bid_micros), meta: { number: true }, cell: ({ row }) => <Price micros={row.original.max_bid_micros} currency={advertiser.currency} /> },
    ];
  }, [t, status, because, balance, counts.data, creatives.data, agency.data, stops, advertiser, campaign]);
  if (lines.error) return <Failure error={lines.error} retry={() => void lines.refetch()} />;
  if (!lines.data) return null;
  const shown = lines.data.filter((l) => l.status !== 'archived');
  if (shown.length === 0) {
    return <Empty title={t('noLines')} action={<LinkButton look="primary" to={`/line-items/new?campaign=${campaign.id}`}>{t('newLine')}</LinkButton>}>{t('noLinesText')}</Empty>;
  }
  return <Table label={t('lines')} rows={shown} columns={columns} rowId={(l) => String(l.id)} sort={[{ id: 'name', desc: false }]} />;
}
