// Who is signed in. An API key lives in this tab's sessionStorage alone: never in a
// cookie, a log or the address bar. A session of user and password is the server's
// cookie, which no script can read.

import { SignedOut } from './problem';

const STORE = 'bidhawk.key';
const COOKIE = 'bidhawk.session'; // says that there may be a cookie: only then is it worth asking

export interface Me {
  name: string;
  role: string; // operator, agency, advertiser, viewer
  agencyId?: number;
  advertiserId?: number;
  edits: string[]; // kinds of entities that it may change
}

export interface State {
  key: string;
  me?: Me;
  // Of a session that ended under an open page: what the server said.
  expired?: string;
}

type Waiting = { resolve: () => void; reject: (e: Error) => void };

class Session {
  private state: State = { key: takeKey() };
  private csrf = '';
  private waiting: Waiting[] = [];
  private listeners = new Set<() => void>();

  get = (): State => this.state;
  subscribe = (f: () => void) => {
    this.listeners.add(f);
    return () => void this.listeners.delete(f);
  };

  // headers authenticate a call. A cookie needs the token beside it in what writes.
  headers(writes: boolean): Record<string, string> {
    if (this.state.key) return { Authorization: `Bearer ${this.state.key}` };
    return writes && this.csrf ? { 'X-CSRF-Token': this.csrf } : {};
  }

  // tryKey uses key from now on, without anybody signed in yet.
  tryKey(key: string) {
    this.set({ ...this.state, key });
  }

  // mayBeSignedIn says whether to ask the server who is signed in.
  mayBeSignedIn(): boolean {
    return this.state.key !== '' || remembered();
  }

  signedIn(me: Me, csrf = '') {
    this.csrf = csrf;
    store(this.state.key);
    remember(csrf !== '');
    this.set({ key: this.state.key, me });
    for (const w of this.waiting.splice(0)) w.resolve();
  }

  signedOut() {
    store('');
    remember(false);
    this.csrf = '';
    this.set({ key: '' });
    for (const w of this.waiting.splice(0)) w.reject(new SignedOut('signed out'));
  }

  // renew resolves once somebody has signed in again. Before the first sign-in
  // there is nothing to renew: the page of the sign-in is shown instead.
  renew(reason: string): Promise<void> {
    if (!this.state.me) return Promise.resolve();
    this.set({ ...this.state, expired: reason });
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  private set(s: State) {
    this.state = s;
    for (const f of this.listeners) f();
  }
}

// takeKey reads the key from the address (#key=...) and removes it there, or else
// from the tab's storage.
function takeKey(): string {
  if (typeof location === 'undefined') return ''; // in tests
  const given = new URLSearchParams(location.hash.slice(1)).get('key');
  if (given) {
    history.replaceState(null, '', location.pathname + location.search);
    store(given);
    return given;
  }
  try {
    return sessionStorage.getItem(STORE) ?? '';
  } catch {
    return ''; // storage is forbidden: ask each time
  }
}

function store(key: string) {
  try {
    if (key) sessionStorage.setItem(STORE, key);
    else sessionStorage.removeItem(STORE);
  } catch {
    // As above: it lasts as long as the page.
  }
}

function remember(cookie: boolean) {
  try {
    if (cookie) localStorage.setItem(COOKIE, '1');
    else localStorage.removeItem(COOKIE);
  } catch {
    // As above.
  }
}

function remembered(): boolean {
  try {
    return localStorage.getItem(COOKIE) === '1';
  } catch {
    return true;
  }
}

export const session = new Session();
