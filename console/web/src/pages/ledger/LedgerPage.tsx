import { useState, useSyncExternalStore } from 'react';
import { useSearchParams } from 'react-router';
import { AdvertiserPicker, useAdvertiser } from '../../account/AdvertiserPicker';
import { session } from '../../api/session';
import { FieldFrame } from '../../form/Field';
import { useMessages } from '../../i18n/language';
import { Empty } from '../../ui/Empty';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { days } from '../reports/report';
import { Balances } from './Balances';
import { ExchangeBooks } from './ExchangeBooks';
import { Statement } from './Statement';
import { words } from './words';

export interface Days {
  from: string;
  to: string;
}

// Ledger: an advertiser's statement and balances; for operators the exchanges' books too.
export default function LedgerPage() {
  const t = useMessages(words);
  const [p] = useSearchParams();
  const { me } = useSyncExternalStore(session.subscribe, session.get);
  const { advertiser, all, choose, error, none } = useAdvertiser();
  const [chosen, set] = useState<Days>();
  const span = chosen ?? days('last_30_days', new Date(), advertiser?.time_zone ?? 'UTC');
  const exchange = p.get('exchange') ?? '';
  const books = me?.role === 'operator' && <ExchangeBooks days={span} first={exchange} />;
  return (
    <Page title={t('title')} actions={<AdvertiserPicker advertiser={advertiser} all={all} choose={choose} />}>
      <div className="stack">
        {error && <Failure error={error} />}
        <div className="row filters">
          {(['from', 'to'] as const).map((k) => (
            <FieldFrame key={k} label={t(k)} className="beside">
              {({ id }) => <input id={id} name={k} type="date" value={span[k]} onChange={(e) => e.target.value && set({ ...span, [k]: e.target.value })} />}
            </FieldFrame>
          ))}
        </div>
        {exchange && books}
        {none && <Empty title={t('noAdvertiser')} />}
        {advertiser && <Statement advertiser={advertiser} days={span} />}
        {advertiser && <Balances advertiser={advertiser} />}
        {!exchange && books}
      </div>
    </Page>
  );
}
