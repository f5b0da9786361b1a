import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearchParams } from 'react-router';
import { Pace } from '../../account/Pace';
import { balanceOptions } from '../../account/spend';
import { useMayEdit } from '../../account/may';
import { StatusButtons } from '../../account/StatusButtons';
import { statusWords, toneOf } from '../../account/words';
import { type Advertiser, listOptions, readOptions } from '../../api/entities';
import { BudgetFields, budgetWords } from '../../form/BudgetFields';
import { CapsField } from '../../form/CapsField';
import { EntityForm } from '../../form/EntityForm';
import { CheckField, CountField, MoneyField, SelectField, TextField } from '../../form/Field';
import { type Form, useForm } from '../../form/form';
import type { Plain } from '../../form/patch';
import { TokensField } from '../../form/TokensField';
import { useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { LinkButton } from '../../ui/Button';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { Panel } from '../../ui/Panel';
import { known, zones } from '../../values/zone';
import { words } from './words';

export default function AdvertiserPage() {
  const { id = 'new' } = useParams();
  const [query] = useSearchParams();
  const found = useQuery(readOptions('advertiser', Number(id) || 0));
  const live = useQuery(balanceOptions(Number(id) || 0));
  if (id === 'new') {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const base = { agency_id: Number(query.get('agency') ?? 0), currency: 'USD', time_zone: known(zone) ? zone : 'UTC' };
    return <Editor key="new" base={base} etag="" />;
  }
  if (found.error) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data || live.isPending) return null; // the page comes whole
  return <Editor key={id} id={found.data.entity.id} base={found.data.entity as unknown as Plain} etag={found.data.etag} />;
}

const CURRENCIES = ['USD', 'EUR', 'GBP', 'CNY', 'JPY', 'AUD', 'BRL', 'CAD', 'CHF', 'DKK', 'HKD', 'INR', 'KRW', 'MXN', 'NOK', 'NZD', 'PLN', 'SEK', 'SGD', 'TWD', 'ZAR'];

function Editor({ id, base, etag }: { id?: number; base: Plain; etag: string }) {
  const t = useMessages(words);
  const budget = useMessages(budgetWords);
  const status = useMessages(statusWords);
  const may = useMayEdit('campaign');
  const navigate = useNavigate();
  const agencies = useQuery(listOptions('agency'));
  const form = useForm(`advertiser/${id ?? 'new'}`, base, etag);
  const state = String(base.status ?? '');
  const v = form.value as unknown as Advertiser;
  const labels = {
    name: t('name'), domain: t('domain'), redirect_hosts: t('hosts'), 'budget.daily_nanos': budget('daily'), 'budget.lifetime_nanos': budget('lifetime'),
    credit_nanos: t('credit'), funded: t('funded'), click_window_hours: t('clickWindow'), view_window_hours: t('viewWindow'), frequency_caps: t('caps'), status: t('status'),
  };
  return (
    <Page title={id ? String(base.name) : t('title')} crumbs={[{ to: '/', text: t('accounts') }]}
      beside={id && <Badge tone={toneOf(state)}>{status(state as 'active')}</Badge>}
      actions={id && may && (
        <>
          <LinkButton to={`/campaigns/new?advertiser=${id}`}>{t('newCampaign')}</LinkButton>
          <StatusButtons kind="advertiser" id={id} name={String(base.name)} status={state} archive />
        </>
      )}>
      {id && <Account id={id} currency={v.currency} />}
      <EntityForm kind="advertiser" id={id} form={form} labels={labels} currency={v.currency} readOnly={state === 'archived'}
        onSaved={(s) => { if (!id) void navigate(`/advertisers/${s.entity.id}`, { replace: true }); }}>
        <Panel title={t('about')}>
          <div className="grid">
            {!id && <SelectField name="agency_id" label={t('agency')} options={(agencies.data ?? []).map((a) => ({ value: String(a.id), text: a.name }))} />}
            <TextField name="name" label={t('name')} maxLength={200} />
            <TextField name="domain" label={t('domain')} hint={t('domainHint')} placeholder="example.com" />
            <SelectField name="currency" label={t('currency')} disabled={Boolean(id)} hint={t('forGood')} options={[...new Set([v.currency, ...CURRENCIES])].filter(Boolean).map((c) => ({ value: c, text: c }))} />
            <SelectField name="time_zone" label={t('zone')} disabled={Boolean(id)} hint={t('forGood')} options={[...new Set([v.time_zone, ...(id ? [] : zones())])].filter(Boolean).map((z) => ({ value: z, text: z.replaceAll('_', ' ') }))} />
          </div>
          <TokensField name="redirect_hosts" label={t('hosts')} hint={t('hostsHint')} read={(s) => s.toLowerCase().replace(/^https?:\/\//, '').replace(/\/.*$/, '')} />
        </Panel>
        <Money form={form} currency={v.currency} />
        <Panel title={t('attribution')}>
          <div className="grid">
            <CountField name="click_window_hours" label={t('clickWindow')} unit={t('hours')} hint={t('clickHint')} />
            <CountField name="view_window_hours" label={t('viewWindow')} unit={t('hours')} hint={t('viewHint')} />
          </div>
        </Panel>
        <Panel title={t('caps')} lead={t('capsLead')}><CapsField /></Panel>
      </EntityForm>
    </Page>
  );
}

function Money({ form, currency }: { form: Form; currency: string }) {
  const t = useMessages(words);
  const funded = form.value.funded === true;
  return (
    <Panel title={t('budget')} lead={t('budgetLead')}>
      <div className="grid">
        <BudgetFields currency={currency} />
        {funded && <MoneyField name="credit_nanos" label={t('credit')} currency={currency} hint={t('creditHint')} />}
      </div>
      <CheckField name="funded" label={t('funded')} hint={t('fundedHint')} />
    </Panel>
  );
}

function Account({ id, currency }: { id: number; currency: string }) {
  const balance = useQuery(balanceOptions(id));
  if (!balance.data?.advertiser) return null;
  return <div className="summary"><Pace spend={balance.data.advertiser} currency={currency} caption /></div>;
}
