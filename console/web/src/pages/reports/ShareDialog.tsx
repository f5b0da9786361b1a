import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { FieldFrame } from '../../form/Field';
import { useLanguage, useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { useExplain } from '../../ui/Failure';
import { date } from '../../values/format';
import type { View } from './Views';
import { words } from './words';

// ShareDialog makes links to a view, and ends them.
export function ShareDialog({ view, onClose }: { view: View; onClose: () => void }) {
  const t = useMessages(words);
  const explain = useExplain();
  const client = useQueryClient();
  const { language } = useLanguage();
  const key = ['report-links', view.id];
  const links = useQuery({ queryKey: key, queryFn: async ({ signal }) => (await call('get', '/v1/report-views/{id}/links', { path: { id: view.id }, signal })).data.items ?? [] });
  const [days, setDays] = useState('30');
  const [made, setMade] = useState('');
  const [wrong, setWrong] = useState('');
  const does = async (f: () => Promise<unknown>) => {
    setWrong('');
    try {
      await f();
      await client.invalidateQueries({ queryKey: key });
    } catch (err) {
      setWrong(explain(err));
    }
  };
  const make = () => does(async () => {
    const { data } = await call('post', '/v1/report-views/{id}/links', { path: { id: view.id }, body: { expires_in_days: Number(days) } });
    setMade(`${location.origin}/shared/${data.token}`);
  });
  const inForce = (links.data ?? []).filter((l) => !l.revoked_at && new Date(l.expires_at) > new Date());
  return (
    <Dialog wide title={t('shareTitle', { name: view.name })} onClose={onClose} actions={<Button look="quiet" onClick={onClose}>{t('close')}</Button>}>
      <p>{t('shareLead')}</p>
      <div className="row">
        <FieldFrame label={t('days')} className="beside">
          {({ id }) => <input id={id} name="days" type="number" min={1} max={365} value={days} onChange={(e) => setDays(e.target.value)} />}
        </FieldFrame>
        <Button look="primary" onClick={() => void make()}>{t('makeLink')}</Button>
      </div>
      {made && (
        <FieldFrame label={t('newLink')}>
          {({ id }) => <input id={id} name="link" readOnly value={made} onFocus={(e) => e.target.select()} />}
        </FieldFrame>
      )}
      {wrong && <p className="error" role="alert">{wrong}</p>}
      {inForce.length > 0 && (
        <>
          <h3>{t('links')}</h3>
          <ul className="facts">
            {inForce.map((l) => (
              <li key={l.id} className="row">#{l.id} {t('until', { at: date(new Date(l.expires_at), 'UTC', language) })}
                <Button small look="danger" onClick={() => void does(() => call('delete', '/v1/report-views/{id}/links/{link}', { path: { id: view.id, link: l.id } }))} aria-label={`${t('endLink')}: #${l.id}`}>{t('endLink')}</Button>
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}
