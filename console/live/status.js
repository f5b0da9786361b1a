// Is it bidding, is it fast, is money safe? Pure functions from what is known
// to what is said, so that they can be tested without a page.

import { count, micros, percent, rate } from './number.js';
import { exact, rounded } from './money.js';
import { label } from './reasons.js';

const STALE_MS = 4000; // data older than this is not "now"
const SLOW_P99_US = 20_000; // exchanges give 80-300 ms, most of it network: our part must be small
const HOUSE_MUCH = 200n;
const LATE_P99_US = 80_000; // beyond the shortest tmax in use

const ORDER = { idle: 0, good: 1, warn: 2, bad: 3 };

// lastSeconds are the newest n seconds.
export const lastSeconds = (body, n) => body.seconds.slice(-n);
export const sum = (seconds, field) => seconds.reduce((s, x) => s + x[field], 0);

// middle is the median of what seconds measured in field; 0 without any. A
// quantile's median over ten seconds does not flap with one pause of the
// collector, as its maximum would.
export function middle(seconds, field) {
  const sorted = seconds.map((s) => s[field]).filter((v) => v > 0).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

// noBidsOf adds up the reasons of seconds, the commonest first.
export function noBidsOf(seconds) {
  const by = new Map();
  for (const s of seconds) for (const [r, n] of Object.entries(s.noBids)) by.set(r, (by.get(r) ?? 0) + n);
  return [...by].filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

// troubles lists what is wrong, the worst first: {level, headline, why}.
// Empty: all is well. s is a Live; now is this machine's clock.
export function troubles(s, now) {
  const list = [];
  const add = (level, headline, why) => list.push({ level, headline, why });
  if (s.refused !== null) add('bad', 'Signed out', `The server refused the key: ${s.refused}.`);
  if (s.failure) {
    const wait = Math.max(0, Math.ceil((s.failure.retryAt - now) / 1000));
    add('bad', 'Server unreachable', `${sentence(s.failure.message)} ${wait ? `Trying again in ${wait} s.` : 'Trying again…'}`);
  }
  if (!s.body) return list;
  const b = s.body;
  if (list.length === 0 && isStale(s, now)) add('warn', 'Data is stale', 'The page waits for an answer.');
  if (b.killed) {
    const k = s.switches?.get('all');
    add('bad', 'Kill switch is on', k ? `${sentence(k.reason)} Set by ${k.by}.` : 'All bidding is stopped.');
  }
  if (b.stopped > 0) {
    add('bad', `${b.stopped} ledger ${b.stopped === 1 ? 'partition has' : 'partitions have'} stopped`,
      'Its advertisers’ money does not move until the record that stopped it is understood. See the server’s log.');
  }
  if (!b.ready) add('bad', 'Not ready', `${sentence(b.notReady || 'the server gives no reason')} Every request gets no bid.`);
  const over = overspent(b.lines);
  if (over.length > 0) {
    add('bad', over.length === 1 ? 'A budget is passed' : `${over.length} budgets are passed`,
      `${over[0].name} has spent ${exact(over[0].spent)} of ${exact(over[0].limit)} ${over[0].currency}. That is right only where the budget was cut.`);
  }
  const speed = verdictSpeed(b);
  if (b.ready && (speed.level === 'warn' || speed.level === 'bad')) add(speed.level, speed.answer, `${sentence(speed.detail)}`);
  if (standsStill(b)) add('warn', 'Counters stand still', 'The server answers, but its newest second is old.');
  return list.sort((x, y) => ORDER[y.level] - ORDER[x.level]);
}

// headline is what the whole page says first: {level, headline, why, also}.
export function headline(s, now) {
  const wrong = troubles(s, now);
  if (wrong.length > 0) return { ...wrong[0], also: wrong.slice(1).map((t) => t.headline) };
  if (!s.body) return { level: 'idle', headline: 'Connecting', why: '', also: [] };
  const { level, title, why } = bidding(s.body);
  return { level, headline: title, why, also: [] };
}

// bidding answers the first question for a server that is ready.
function bidding(b) {
  const ten = lastSeconds(b, 10);
  const minute = lastSeconds(b, 60);
  if (ten.length === 0) return { level: 'idle', title: 'Ready', why: 'No second is counted yet.' };
  if (sum(ten, 'requests') === 0) return { level: 'warn', title: 'Ready, no requests', why: 'No exchange has sent a bid request for ten seconds.' };
  if (sum(minute, 'bids') === 0) {
    const top = noBidsOf(minute)[0];
    return { level: 'warn', title: 'Ready, not bidding', why: top ? `Requests arrive; most often: ${label(top[0]).toLowerCase()}.` : 'Requests arrive, none is bid on.' };
  }
  return { level: 'good', title: 'Ready and bidding', why: `${percent(sum(ten, 'answered'), sum(ten, 'requests'))} of requests get a bid.` };
}

// verdicts are the answers to the three questions: [{question, level, answer, detail}].
// What was true when the data came is no answer once it is old.
export function verdicts(b, stale) {
  const now = [verdictBids(b), verdictSpeed(b), verdictMoney(b)];
  return stale || standsStill(b) ? now.map((v) => ({ ...v, level: 'idle', answer: 'Unknown', detail: `last known: ${v.answer.toLowerCase()}, ${v.detail}` })) : now;
}

// standsStill says whether a server that answers has stopped to count.
const standsStill = (b) => b.seconds.length > 0 && b.at - b.seconds.at(-1).at > STALE_MS;

// isStale says whether the data of s, a Live, may no longer be called "now".
export const isStale = (s, now) => now - s.received > STALE_MS || s.refused !== null;

function verdictBids(b) {
  const question = 'Bidding?';
  const ten = lastSeconds(b, 10);
  const per = ten.length || 1;
  const detail = `${rate(sum(ten, 'bids') / per)} bids on ${rate(sum(ten, 'requests') / per)} requests/s`;
  if (b.killed || !b.ready) return { question, level: 'bad', answer: 'No', detail: b.killed ? 'kill switch' : 'not ready' };
  const { level } = bidding(b);
  return { question, level, answer: { good: 'Yes', warn: 'No', idle: 'Unknown' }[level], detail };
}

function verdictSpeed(b) {
  const question = 'Fast?';
  const ten = lastSeconds(b, 10);
  const p99 = middle(ten, 'p99');
  if (p99 === 0) return { question, level: 'idle', answer: 'Unknown', detail: 'no requests to measure' };
  const { text, unit } = micros(p99);
  const detail = `p99 ${text} ${unit} · limit ${SLOW_P99_US / 1000} ms`;
  if (p99 > LATE_P99_US) return { question, level: 'bad', answer: 'Too slow', detail };
  if (p99 > SLOW_P99_US) return { question, level: 'warn', answer: 'Slow', detail };
  return { question, level: 'good', answer: 'Yes', detail };
}

function verdictMoney(b) {
  const question = 'Money safe?';
  const over = overspent(b.lines);
  if (over.length > 0) return { question, level: 'bad', answer: 'No', detail: `over budget: ${over.length === 1 ? over[0].name : `${over.length} line items`}` };
  if (b.stopped > 0) return { question, level: 'bad', answer: 'Stopped', detail: `${b.stopped} of the ledger’s partitions` };
  if (b.spill > 0) return { question, level: 'warn', answer: 'Waiting', detail: `${count(b.spill)} records on disk, not yet in the log` };
  const { text, much } = houseOf(b.lines);
  if (much) return { question, level: 'warn', answer: 'House pays', detail: text };
  return { question, level: 'good', answer: 'Yes', detail: text ? `no budget passed; house bears ${text}` : 'no budget passed' };
}

const overspent = (lines) => lines.filter((l) => l.limit > 0n && l.spent > l.limit);

// houseOf says what the house bears, late and unbilled, by currency, and
// whether it is much: one part in HOUSE_MUCH of a currency's charges. A few
// late notices are daily life; a lamp that is always amber is not looked at.
function houseOf(lines) {
  const by = new Map();
  for (const l of lines) {
    const sums = by.get(l.currency) ?? { lost: 0n, charge: 0n };
    sums.lost += l.late + l.unbilled;
    sums.charge += l.charge;
    by.set(l.currency, sums);
  }
  const losing = [...by].filter(([, s]) => s.lost !== 0n);
  return {
    text: losing.map(([currency, s]) => `${rounded(s.lost)} ${currency}`).join(', '),
    much: losing.some(([, s]) => s.lost * HOUSE_MUCH > s.charge),
  };
}

function sentence(text) {
  const t = text.trim();
  return t.charAt(0).toUpperCase() + t.slice(1) + (/[.!?…]$/.test(t) ? '' : '.');
}
