import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { type Advertiser, type Campaign, changed, create, type Kind, type LineItem, listOptions, patch, type Read } from '../../api/entities';
import { Problem, SignedOut } from '../../api/problem';
import { BudgetFields } from '../../form/BudgetFields';
import { TextField, TimeField } from '../../form/Field';
import { type Form, FormContext, useForm } from '../../form/form';
import { diff, type Plain } from '../../form/patch';
import { useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { useExplain } from '../../ui/Failure';
import { Panel } from '../../ui/Panel';
import { useToast } from '../../ui/Toast';
import { startOfDay, today } from '../../values/zone';
import { Creatives } from '../lineitem/Creatives';
import { fresh, withoutForeignTerms } from '../lineitem/fresh';
import { PacingPreview } from '../lineitem/PacingPreview';
import { Pricing } from '../lineitem/Pricing';
import { Schedule } from '../lineitem/Schedule';
import { TargetingFields } from '../lineitem/TargetingFields';
import { TargetingWords } from '../lineitem/TargetingWords';
import { words as lineWords } from '../lineitem/words';
import { NewImage } from './NewImage';
import { words } from './words';

const DAY = 86_400_000;
const rfc = (at: Date) => at.toISOString().replace(/\.\d+Z$/, 'Z');

function freshCampaign(a: Advertiser): Plain {
  const now = new Date();
  return {
    advertiser_id: a.id, name: '', start: rfc(new Date(Math.floor(now.getTime() / 60_000) * 60_000)),
    end: rfc(startOfDay(today(new Date(now.getTime() + 31 * DAY), a.time_zone), a.time_zone)), budget: { daily_nanos: 0n, lifetime_nanos: 0n },
  };
}

// Steps ask for a campaign and its first line item, and make both at once.
export function Steps({ advertiser }: { advertiser: Advertiser }) {
  const t = useMessages(words);
  const line = useMessages(lineWords);
  const key = `wizard-${advertiser.id}`;
  const [firstCampaign] = useState(() => freshCampaign(advertiser));
  const [firstLine] = useState(() => fresh({ id: 0 } as Campaign));
  const campaign = useForm(`${key}-campaign`, EMPTY, '', firstCampaign);
  const item = useForm(`${key}-line`, EMPTY, '', firstLine);
  const creatives = useQuery(listOptions('creative', { advertiser_id: advertiser.id, status: 'active' }));
  const { submit, busy, problem } = useMake(campaign, item, t);
  const { currency, time_zone: zone } = advertiser;
  const v = item.value as unknown as LineItem;
  const planned = { ...v, budget: (campaign.value as unknown as Campaign).budget } as LineItem;
  return (
    <form className="stack" noValidate onSubmit={(e) => { e.preventDefault(); void submit('active'); }}>
      <FormContext value={campaign}>
        <Panel title={t('campaign')} lead={t('campaignLead')}>
          <div className="grid">
            <TextField name="name" label={t('name')} maxLength={200} placeholder={t('nameExample')} />
            <TimeField name="start" label={t('start')} zone={zone} />
            <TimeField name="end" label={t('end')} zone={zone} />
          </div>
          <div className="grid"><BudgetFields currency={currency} /></div>
          <PacingPreview line={planned} campaign={campaign.value as unknown as Campaign} zone={zone} currency={currency} />
        </Panel>
      </FormContext>
      <FormContext value={item}>
        <Pricing pricing={v.pricing} currency={currency} />
        <Panel title={line('targeting')} lead={line('targetingLead')}>
          <TargetingWords line={v} />
          <TargetingFields />
          <details className="dimension">
            <summary><h3>{line('schedule')}</h3></summary>
            <div className="stack"><Schedule /></div>
          </details>
        </Panel>
        <Panel title={line('creatives')} lead={line('creativesLead')} actions={(
          <NewImage advertiser={advertiser} onMade={(id) => item.set('creative_ids', [...(v.creative_ids ?? []), id])} />
        )}>
          <Creatives creatives={creatives.data ?? []} />
        </Panel>
      </FormContext>
      {problem && <div className="notice bad form-errors" role="alert" tabIndex={-1}><p>{problem}</p>
        {[...campaign.loose, ...item.loose].length > 0 && <ul>{[...campaign.loose, ...item.loose].map((x) => <li key={x.field}><code>{x.field}</code> {x.rule}</li>)}</ul>}</div>}
      <div className="save-bar">
        <Button type="submit" look="primary" busy={busy}>{t('activate')}</Button>
        <Button disabled={busy} onClick={() => void submit('paused')}>{t('later')}</Button>
        <span className="muted">{t('activateHint')}</span>
      </div>
    </form>
  );
}

const EMPTY: Plain = {};

// useMake creates the campaign, then its line item. A campaign that was made before
// the line item was refused is kept and changed, never made twice.
function useMake(campaign: Form, item: Form, t: (k: keyof typeof words.en, v?: Record<string, string | number>) => string) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const explain = useExplain();
  const toast = useToast();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const [made, setMade] = useState<Read<Campaign>>();

  const step = async <T,>(kind: Kind, form: Form, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (err) {
      if (err instanceof SignedOut) return undefined;
      if (!(err instanceof Problem) || err.violations.length === 0) setProblem(explain(err));
      else {
        form.refuse(err.violations.map((x) => ({ ...x, field: x.field.replace(new RegExp(`^${kind}\\.`), '') })));
        setProblem(t('fix', { n: err.violations.length }));
      }
      form.focusFirstError();
      return undefined;
    }
  };

  const submit = async (status: 'active' | 'paused') => {
    if (campaign.blocked() || item.blocked()) {
      setProblem(t('fix', { n: 1 }));
      return campaign.focusFirstError();
    }
    setProblem('');
    campaign.refuse([]);
    item.refuse([]);
    setBusy(true);
    try {
      const c = await step('campaign', campaign, async () => {
        if (!made) return create('campaign', campaign.value);
        const changes = diff(made.entity as unknown as Plain, campaign.value);
        return changes ? patch('campaign', made.entity.id, changes, made.etag) : made;
      });
      if (!c) return;
      setMade(c);
      const name = String(item.value.name ?? '') || c.entity.name;
      const l = await step('line_item', item, () => create('line_item', { ...withoutForeignTerms(item.value), name, campaign_id: c.entity.id, status }));
      if (!l) return;
      void changed(client, 'campaign');
      void changed(client, 'line_item');
      campaign.reset(EMPTY, '');
      item.reset(EMPTY, '');
      toast(t(status === 'active' ? 'active' : 'saved', { name: c.entity.name }));
      await navigate(`/line-items/${l.entity.id}`);
    } finally {
      setBusy(false);
    }
  };
  return { submit, busy, problem };
}
