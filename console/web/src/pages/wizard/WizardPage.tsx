import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { type Advertiser, listOptions } from '../../api/entities';
import { FieldFrame } from '../../form/Field';
import { useMessages } from '../../i18n/language';
import { LinkButton } from '../../ui/Button';
import { Empty } from '../../ui/Empty';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { Panel } from '../../ui/Panel';
import { Steps } from './Steps';
import { words } from './words';

// The shortest way from nothing to bids: one page from top to bottom, no manual.
export default function WizardPage() {
  const t = useMessages(words);
  const [query] = useSearchParams();
  const advertisers = useQuery(listOptions('advertiser', { status: 'active' }));
  const [chosen, setChosen] = useState<number>();
  const all = advertisers.data ?? [];
  const id = chosen ?? (Number(query.get('advertiser')) || all[0]?.id);
  const advertiser: Advertiser | undefined = all.find((a) => a.id === id);
  return (
    <Page title={t('title')} crumbs={[{ to: '/', text: t('accounts') }]}>
      {advertisers.error && <Failure error={advertisers.error} />}
      {advertisers.data && all.length === 0 && (
        <Empty title={t('noAdvertiser')} action={<LinkButton look="primary" to="/">{t('accounts')}</LinkButton>}>{t('noAdvertiserText')}</Empty>
      )}
      {advertiser && (
        <div className="stack wizard">
          <Panel title={t('who')}>
            <div className="grid">
              <FieldFrame label={t('advertiser')} hint={t('advertiserHint', { currency: advertiser.currency, zone: advertiser.time_zone.replaceAll('_', ' ') })}>
                {({ id: field, describedBy }) => (
                  <select id={field} aria-describedby={describedBy} value={advertiser.id} onChange={(e) => setChosen(Number(e.target.value))}>
                    {all.map((a) => <option key={a.id} value={a.id}>{a.name}</option>)}
                  </select>
                )}
              </FieldFrame>
            </div>
          </Panel>
          <Steps key={advertiser.id} advertiser={advertiser} />
        </div>
      )}
    </Page>
  );
}
