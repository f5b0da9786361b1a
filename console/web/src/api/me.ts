// Who is signed in, and signing in and out.

import { call } from './client';
import { Problem } from './problem';
import type { components } from './schema';
import { type Me, session } from './session';

type Answer = components['schemas']['Me'];

const meOf = (m: Answer): Me => ({ name: m.name || m.email || '', role: m.role, agencyId: m.agency_id, advertiserId: m.advertiser_id, edits: m.edits ?? [] });

// askMe signs in whoever the server knows already: by the tab's key or a session's
// cookie. It resolves where nobody is known.
export async function askMe(): Promise<void> {
  if (!session.mayBeSignedIn()) return;
  try {
    const { data } = await call('get', '/v1/me');
    session.signedIn(meOf(data), data.csrf_token);
  } catch (err) {
    if (!(err instanceof Problem) || err.status !== 401) throw err;
    session.signedOut();
  }
}

// signInByKey throws what the server said of the key. The key stays in this tab.
export async function signInByKey(key: string): Promise<void> {
  const before = session.get().key;
  session.tryKey(key);
  try {
    const { data } = await call('get', '/v1/me', { fresh: true });
    session.signedIn(meOf(data));
  } catch (err) {
    session.tryKey(before);
    throw err;
  }
}

// signInByPassword begins a session, which the browser keeps in a cookie.
export async function signInByPassword(email: string, password: string): Promise<void> {
  session.tryKey('');
  const { data } = await call('post', '/v1/sessions', { body: { email, password }, fresh: true });
  session.signedIn(meOf(data), data.csrf_token);
}

export async function signOut(): Promise<void> {
  const bySession = session.get().key === '';
  try {
    if (bySession) await call('delete', '/v1/sessions/current', { fresh: true });
  } catch {
    // The session has ended already, or the server will end it by itself.
  }
  session.signedOut();
}
