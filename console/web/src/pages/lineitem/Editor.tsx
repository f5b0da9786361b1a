import { useNavigate } from 'react-router';
import { useMayEdit } from '../../account/may';
import { StatusButtons } from '../../account/StatusButtons';
import { type Advertiser, type Campaign, type Creative, type LineItem } from '../../api/entities';
import { BudgetFields } from '../../form/BudgetFields';
import { CapsField } from '../../form/CapsField';
import { EntityForm } from '../../form/EntityForm';
import { CheckField, CPMField, MoneyField, SelectField, TextField, TimeField } from '../../form/Field';
import { FlightsField } from '../../form/FlightsField';
import { useForm } from '../../form/form';
import type { Plain } from '../../form/patch';
import { useMessages } from '../../i18n/language';
import { LinkButton } from '../../ui/Button';
import { Page } from '../../ui/Page';
import { Panel } from '../../ui/Panel';
import { Creatives } from './Creatives';
import { withoutForeignTerms } from './fresh';
import { useLabels } from './labels';
import { PacingPreview } from './PacingPreview';
import { Pricing } from './Pricing';
import { Schedule } from './Schedule';
import { Standing, StatusBadge } from './Standing';
import { TargetingFields } from './TargetingFields';
import { TargetingWords } from './TargetingWords';
import { words } from './words';

interface Props {
  id?: number; // none: a new one
  base: Plain;
  initial?: Plain;
  etag: string;
  campaign: Campaign;
  advertiser: Advertiser;
  creatives: Creative[];
}

// Editor is the form of one line item, from top to bottom in the order of the
// questions that a buyer answers: when, how much, for whom, with what.
export function Editor({ id, base, initial, etag, campaign, advertiser, creatives }: Props) {
  const t = useMessages(words);
  const labels = useLabels();
  const may = useMayEdit('line_item');
  const navigate = useNavigate();
  const form = useForm(`line_item/${id ?? `new-in-${campaign.id}`}`, base, etag, initial);
  const { currency, time_zone: zone } = advertiser;
  const v = form.value as unknown as LineItem;
  const stored = base as unknown as LineItem;
  return (
    <Page title={id ? stored.name : t('title')} beside={id && <StatusBadge line={stored} campaign={campaign} advertiser={advertiser} creatives={creatives} />}
      crumbs={[{ to: '/', text: t('accounts') }, { to: `/advertisers/${advertiser.id}`, text: advertiser.name }, { to: `/campaigns/${campaign.id}`, text: campaign.name }]}
      actions={id && may && (
        <>
          <LinkButton to={`/line-items/new?campaign=${campaign.id}&copy=${id}`}>{t('duplicate')}</LinkButton>
          <LinkButton to={`/line-items/${id}/delivery`}>{t('delivery')}</LinkButton>
          <StatusButtons kind="line_item" id={id} name={stored.name} status={stored.status} archive />
        </>
      )}>
      {id && <Standing line={stored} campaign={campaign} advertiser={advertiser} creatives={creatives} />}
      <EntityForm kind="line_item" id={id} form={form} labels={labels} currency={currency} zone={zone} readOnly={stored.status === 'archived'} prepare={withoutForeignTerms}
        onSaved={(s) => { if (!id) void navigate(`/line-items/${s.entity.id}`, { replace: true }); }}>
        <Panel title={t('about')}>
          <div className="grid">
            <TextField name="name" label={t('name')} maxLength={200} />
            <TimeField name="start" label={t('start')} zone={zone} optional hint={t('datesHint')} />
            <TimeField name="end" label={t('end')} zone={zone} optional hint={t('datesHint')} />
          </div>
        </Panel>
        <Pricing pricing={v.pricing} currency={currency} />
        <Panel title={t('budget')} lead={t('budgetLead')}>
          <div className="grid">
            <BudgetFields currency={currency} />
            <SelectField name="pacing" label={t('pacing')} hint={t(v.pacing === 'ahead' ? 'aheadHint' : v.pacing === 'asap' ? 'asapHint' : 'evenHint')}
              options={[{ value: 'even', text: t('even') }, { value: 'ahead', text: t('ahead') }, { value: 'asap', text: t('asap') }]} />
          </div>
          <PacingPreview line={v} campaign={campaign} zone={zone} currency={currency} />
        </Panel>
        <Panel title={t('targeting')} lead={t('targetingLead')}>
          <TargetingWords line={v} />
          <TargetingFields />
        </Panel>
        <Panel title={t('schedule')} lead={t('scheduleLead', { zone: zone.replaceAll('_', ' ') })}><Schedule /></Panel>
        <Panel title={t('creatives')} lead={t('creativesLead')}><Creatives creatives={creatives} /></Panel>
        <Panel title={t('caps')} lead={t('capsLead')}>
          <CapsField />
          <SelectField name="unknown_users" label={t('unknown')} hint={t('unknownHint')}
            options={[{ value: '', text: t('unknownSkip') }, ...(v.unknown_users === 'skip' ? [{ value: 'skip', text: t('unknownSkip') }] : []), { value: 'bid', text: t('unknownBid') }, { value: 'site', text: t('unknownSite') }]} />
        </Panel>
        <details className="panel more" open={Boolean(v.flights?.length || v.guaranteed || v.data_fee_micros)}>
          <summary><h2>{t('more')}</h2></summary>
          <h3>{t('flights')}</h3>
          <FlightsField currency={currency} zone={zone} start={v.start ?? campaign.start} end={v.end ?? campaign.end} />
          <h3>{t('fees')}</h3>
          <div className="grid">
            <CPMField name="data_fee_micros" label={t('dataFee')} currency={currency} hint={t('dataFeeHint')} />
            <MoneyField name="media_cap.daily_nanos" label={t('mediaDaily')} currency={currency} hint={t('mediaHint')} />
            <MoneyField name="media_cap.lifetime_nanos" label={t('mediaLifetime')} currency={currency} hint={t('mediaHint')} />
          </div>
          <CheckField name="guaranteed" label={t('guaranteed')} hint={t('guaranteedHint')} />
        </details>
      </EntityForm>
    </Page>
  );
}
