import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useNavigate, useParams, useSearchParams } from 'react-router';
import { Pace } from '../../account/Pace';
import { balanceOptions } from '../../account/spend';
import { useMayEdit } from '../../account/may';
import { StatusButtons } from '../../account/StatusButtons';
import { statusWords, toneOf } from '../../account/words';
import { type Advertiser, type Campaign, listOptions, readOptions } from '../../api/entities';
import { BudgetFields, budgetWords } from '../../form/BudgetFields';
import { CapsField } from '../../form/CapsField';
import { EntityForm } from '../../form/EntityForm';
import { TextField, TimeField } from '../../form/Field';
import { FlightsField } from '../../form/FlightsField';
import { useForm } from '../../form/form';
import type { Plain } from '../../form/patch';
import { useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { LinkButton } from '../../ui/Button';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { Panel } from '../../ui/Panel';
import { startOfDay, today } from '../../values/zone';
import { Lines } from './Lines';
import { words } from './words';

export default function CampaignPage() {
  const { id = 'new' } = useParams();
  const [query] = useSearchParams();
  const found = useQuery(readOptions('campaign', Number(id) || 0));
  const advertiser = useQuery(readOptions('advertiser', found.data?.entity.advertiser_id ?? (Number(query.get('advertiser')) || 0)));
  // Asked here, so that the page comes whole and nothing jumps.
  const lines = useQuery({ ...listOptions('line_item', { campaign_id: Number(id) }), enabled: id !== 'new' });
  const live = useQuery(balanceOptions(found.data?.entity.advertiser_id ?? 0));
  const copy = useQuery(readOptions('campaign', Number(query.get('copy')) || 0));
  const error = found.error ?? advertiser.error ?? copy.error;
  if (error) return <Failure error={error} />;
  const a = advertiser.data?.entity;
  if (!a || (id !== 'new' && (!found.data || lines.isPending || live.isPending)) || (query.has('copy') && !copy.data)) return null;
  if (id === 'new') return <Editor key="new" base={{ advertiser_id: a.id }} initial={fresh(a, copy.data?.entity)} etag="" advertiser={a} />;
  return <Editor key={id} id={found.data!.entity.id} base={found.data!.entity as unknown as Plain} etag={found.data!.etag} advertiser={a} />;
}

// fresh is what a new campaign begins with: from today for thirty days, or a copy.
function fresh(a: Advertiser, of?: Campaign): Plain {
  const now = new Date();
  const end = startOfDay(today(new Date(now.getTime() + 30 * 86_400_000), a.time_zone), a.time_zone);
  const base = { advertiser_id: a.id, name: '', start: whole(now), end: end.toISOString().replace('.000Z', 'Z') };
  return of ? { ...base, name: of.name, budget: of.budget, frequency_caps: of.frequency_caps } : base;
}

const whole = (at: Date) => new Date(Math.floor(at.getTime() / 60_000) * 60_000).toISOString().replace('.000Z', 'Z');

function Editor({ id, base, initial, etag, advertiser }: { id?: number; base: Plain; initial?: Plain; etag: string; advertiser: Advertiser }) {
  const t = useMessages(words);
  const budget = useMessages(budgetWords);
  const status = useMessages(statusWords);
  const may = useMayEdit('line_item');
  const navigate = useNavigate();
  const form = useForm(`campaign/${id ?? `new-of-${advertiser.id}`}`, base, etag, initial);
  const balance = useQuery(balanceOptions(id ? advertiser.id : 0));
  const { currency, time_zone: zone } = advertiser;
  const state = String(base.status ?? '');
  const v = form.value as unknown as Campaign;
  const labels = useMemo(() => ({
    name: t('name'), start: t('start'), end: t('end'), 'budget.daily_nanos': budget('daily'), 'budget.lifetime_nanos': budget('lifetime'),
    flights: t('flights'), frequency_caps: t('caps'), status: t('status'),
  }), [t, budget]);
  return (
    <Page title={id ? String(base.name) : t('title')} crumbs={[{ to: '/', text: t('accounts') }, { to: `/advertisers/${advertiser.id}`, text: advertiser.name }]}
      beside={id && <Badge tone={toneOf(state)}>{status(state as 'active')}</Badge>}
      actions={id && may && (
        <>
          <LinkButton to={`/line-items/new?campaign=${id}`} look="primary">{t('newLine')}</LinkButton>
          <LinkButton to={`/campaigns/new?advertiser=${advertiser.id}&copy=${id}`}>{t('duplicate')}</LinkButton>
          <StatusButtons kind="campaign" id={id} name={String(base.name)} status={state} archive />
        </>
      )}>
      {id && balance.data?.campaigns.has(id) && <div className="summary"><Pace spend={balance.data.campaigns.get(id)} currency={currency} caption /></div>}
      {id && <Lines campaign={base as unknown as Campaign} advertiser={advertiser} balance={balance.data} />}
      <EntityForm kind="campaign" id={id} form={form} labels={labels} currency={currency} zone={zone} readOnly={state === 'archived'}
        onSaved={(s) => { if (!id) void navigate(`/campaigns/${s.entity.id}`, { replace: true }); }}>
        <Panel title={t('about')}>
          <div className="grid">
            <TextField name="name" label={t('name')} maxLength={200} />
            <TimeField name="start" label={t('start')} zone={zone} />
            <TimeField name="end" label={t('end')} zone={zone} />
          </div>
        </Panel>
        <Panel title={t('budget')} lead={t('budgetLead')}><div className="grid"><BudgetFields currency={currency} /></div></Panel>
        <Panel title={t('flights')} lead={t('flightsLead')}><FlightsField currency={currency} zone={zone} start={v.start} end={v.end} /></Panel>
        <Panel title={t('caps')} lead={t('capsLead')}><CapsField /></Panel>
      </EntityForm>
    </Page>
  );
}
