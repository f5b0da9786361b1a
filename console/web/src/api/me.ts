// Who the caller is. A server without GET /v1/me is asked what the key may do.

import { call } from './client';
import { Problem } from './problem';
import { type Me, session } from './session';

// askMe resolves to who is signed in, undefined where nobody is.
export async function askMe(): Promise<Me | undefined> {
  try {
    return await fromServer();
  } catch (err) {
    if (err instanceof Problem && err.status === 401) return undefined;
    throw err;
  }
}

async function fromServer(): Promise<Me> {
  try {
    const { data } = await call('get', '/v1/me' as '/v1/agencies');
    const m = data as unknown as { name?: string; role?: string; agency_id?: number; advertiser_id?: number; csrf_token?: string };
    return { name: m.name ?? '', role: m.role ?? '', agencyId: m.agency_id, advertiserId: m.advertiser_id };
  } catch (err) {
    if (!(err instanceof Problem) || err.status !== 404) throw err;
  }
  const { data } = await call('get', '/v1/agencies', { query: { limit: 1 } });
  try {
    await call('get', '/v1/kill-switches', {});
    return { name: '', role: 'operator' };
  } catch (err) {
    if (!(err instanceof Problem) || err.status !== 403) throw err;
    return { name: data?.items?.[0]?.name ?? '', role: 'tenant' };
  }
}

// signInByKey throws what the server said of the key.
export async function signInByKey(key: string): Promise<void> {
  session.tryKey(key);
  try {
    session.signedIn(await fromServer());
  } catch (err) {
    session.tryKey('');
    throw err;
  }
}
