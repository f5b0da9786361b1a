import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { parse } from '../../api/json';
import { problemOf, Problem } from '../../api/problem';
import { LanguageSwitch, ThemeSwitch } from '../../app/Preferences';
import { useMessages } from '../../i18n/language';
import { Empty } from '../../ui/Empty';
import { Failure } from '../../ui/Failure';
import { Result, Status } from './ReportsPage';
import { type Dimension, DIMENSIONS, METRICS, type Report } from './report';
import { FIRST_METRICS } from './state';
import { known } from '../../values/zone';
import { words } from './words';

// SharedPage is one view, by a link to it: nobody signs in, nothing else can be asked.
export default function SharedPage({ token }: { token: string }) {
  const t = useMessages(words);
  const { data, error } = useQuery({
    queryKey: ['shared', token], retry: false,
    queryFn: async ({ signal }) => {
      const answer = await fetch(`/v1/shared-reports/${encodeURIComponent(token)}?format=json`, { headers: { Accept: 'application/json' }, cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer', signal });
      const body = parse(await answer.text());
      if (!answer.ok) throw problemOf(answer.status, body, answer.headers.get('Retry-After'));
      return body as Report & { group_by: string[]; from: string; to: string };
    },
  });
  useEffect(() => {
    document.title = `${t('sharedTitle')} · Bidhawk`;
  }, [t]);
  const gone = error instanceof Problem && error.status === 404;
  return (
    <main className="shared" id="main">
      <header className="page-head"><div className="page-title"><h1>{t('sharedTitle')}</h1>{data && <><Status report={data} /><span className="muted">{data.from} – {data.to}, {data.time_zone}</span></>}
        <div className="page-actions switches"><LanguageSwitch /><ThemeSwitch /></div></div></header>
      <div className="stack">
        {gone && <Empty title={t('sharedTitle')}>{t('gone')}</Empty>}
        {error && !gone && <Failure error={error} />}
        {data && <Result report={data} names={byId} shown={shownOf(data)} />}
      </div>
    </main>
  );
}

// Entities are called by their ids: their names are not part of what was shared.
const byId = (_: Dimension, value: unknown) => (value === undefined || value === null ? '–' : String(value));

function shownOf(r: Report & { group_by: string[] }) {
  const first = r.rows?.[0] ?? {};
  const told = METRICS.filter((m) => m in first);
  const usual = FIRST_METRICS.filter((m) => m in first);
  return { by: DIMENSIONS.filter((d) => r.group_by?.includes(d)), metrics: told.length > 14 ? usual : told, zone: r.time_zone && known(r.time_zone) ? r.time_zone : '' };
}
