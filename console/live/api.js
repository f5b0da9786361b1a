// The API of the server that served this page, and the key for it. The key
// comes once by the address (#key=...) or by the form, and lives in this tab's
// sessionStorage only: never in a cookie, a log or the address bar.

import { parseJSON } from './money.js';

const STORE = 'bidhawk.key';
const TIMEOUT_MS = 5000;

// Refused is a 401 or 403: another key is needed.
export class Refused extends Error {}

// Problem is another error answer; violations are [{field, value, rule}].
export class Problem extends Error {
  constructor(message, violations) {
    super(message);
    this.violations = violations;
  }
}

let key = '';

// takeKey reads the key from the address and removes it there, or else from
// the tab's storage.
export function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get('key');
  if (given) {
    history.replaceState(null, '', location.pathname + location.search);
    setKey(given);
  } else {
    try { key = sessionStorage.getItem(STORE) ?? ''; } catch { /* storage forbidden: ask each time */ }
  }
  return key;
}

export function setKey(k) {
  key = k;
  try {
    if (k) sessionStorage.setItem(STORE, k);
    else sessionStorage.removeItem(STORE);
  } catch { /* as above: it lasts as long as the page */ }
}

export const hasKey = () => key !== '';

export const getLive = () => call('GET', '/v1/live');
export const getBrakes = () => call('GET', '/v1/brakes');
export const getKillSwitches = () => call('GET', '/v1/kill-switches');

// putKillSwitch sets the switch of target, 'all' or a line item's id. The id is
// written as the digits that came: it may not fit a double.
export function putKillSwitch(target, on, reason) {
  const scope = target === 'all' ? '"scope":"all"' : `"scope":"line_item","target":${BigInt(target)}`;
  return call('PUT', '/v1/kill-switches', `{${scope},"on":${on},"reason":${JSON.stringify(reason)}}`);
}

async function call(method, path, body) {
  const answer = await fetch(path, {
    method, body, cache: 'no-store', redirect: 'error', credentials: 'omit', signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { Authorization: `Bearer ${key}`, Accept: 'application/json', ...(body && { 'Content-Type': 'application/json' }) },
  });
  const text = await answer.text();
  let json;
  try { json = parseJSON(text); } catch { json = null; }
  if (answer.ok && json) return json;
  const detail = json?.detail || json?.title || `HTTP ${answer.status}`;
  if (answer.status === 401 || answer.status === 403) throw new Refused(detail);
  if (answer.ok) throw new Problem('the answer is not JSON', []);
  throw new Problem(detail, json?.errors ?? []);
}

// explain says in words why a call failed.
export function explain(err) {
  if (err.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  if (err instanceof TypeError) return 'the connection failed'; // what fetch throws
  return err.message;
}
