// Wires the page: the poll on one side, what is drawn on the other.

import { hasKey, setKey, takeKey } from './api.js';
import { drawBrakes } from './brakes.js';
import { $, el, setAttr, setText, showIf } from './dom.js';
import { KillDialog } from './kill.js';
import { Live } from './live.js';
import { age, count, dateTime, time, zone } from './number.js';
import { Reasons } from './reasons.js';
import { SignIn } from './signin.js';
import { headline, isStale, lastSeconds, noBidsOf, sum, verdicts } from './status.js';
import { Table } from './table.js';
import { attachTheme } from './theme.js';
import { Tiles } from './tiles.js';

const MARKS = { good: '✓', warn: '!', bad: '✕', idle: '?' };

const live = new Live(changed);
const signIn = new SignIn(() => { live.resume(); changed(); });
const kill = new KillDialog(() => live.freshSwitches(), (why) => { live.refused = why; changed(); });
const table = new Table((line) => kill.open({ id: line.id, name: line.name, on: !live.switches?.has(line.id) }));
const tiles = new Tiles($('tiles'));
const reasons = new Reasons({ list: $('reasons'), sum: $('reasons-sum'), empty: $('reasons-empty') });
let asked = null; // the refusal that the form was opened for

// changed draws everything that the poll brought.
function changed() {
  drawStatus();
  drawBrakes(live.brakes);
  const body = live.body;
  if (body) {
    if (!live.failure && live.refused === null) signIn.accepted();
    tiles.draw(body);
    const minute = lastSeconds(body, 60);
    reasons.draw(noBidsOf(minute), minute.length, sum(minute, 'requests'));
    table.draw(body.lines, live.switches);
    drawFacts(body);
  }
  if (live.refused !== null && asked !== live.refused) signIn.open(live.refused);
  asked = live.refused;
}

// drawStatus also runs each second without news: data grows old by itself.
function drawStatus() {
  const now = Date.now();
  const h = hasKey() ? headline(live, now) : { level: 'idle', headline: 'Signed out', why: 'Sign in with an operator’s API key.', also: [] };
  setAttr($('status'), 'data-level', h.level);
  setText($('lamp'), MARKS[h.level]);
  setText($('headline'), h.headline);
  setText($('why'), h.why);
  const also = $('also');
  if (also.textContent !== h.also.join('')) also.replaceChildren(...h.also.map((text) => el('li', { text })));
  showIf($('retry'), live.failure !== null);
  drawAge(now);
  drawKill();
  setText($('sign'), hasKey() && live.refused === null ? 'Sign out' : 'Sign in');
  const title = `${MARKS[h.level]} ${h.headline} · Bidhawk`;
  if (document.title !== title) document.title = title;
  setAttr($('icon'), 'href', `/live/icon-${h.level}.svg`);
}

function drawAge(now) {
  const { body, received } = live;
  if (!body) return;
  const stale = isStale(live, now);
  drawVerdicts(verdicts(body, stale));
  setText($('asof-time'), `As of ${time(body.at)}`);
  setText($('asof-age'), `· ${age(now - received)}${zone === 'UTC' ? '' : ` · ${zone}`}`);
  setAttr($('asof'), 'title', `${dateTime(body.at)}\n${new Date(body.at).toISOString()}`);
  $('asof').classList.toggle('stale', stale);
  document.body.classList.toggle('stale', stale);
}

function drawKill() {
  const button = $('kill-all');
  const on = live.body?.killed === true;
  button.disabled = live.body === null;
  setText(button, on ? 'Resume bidding…' : 'Stop all bidding…');
  button.className = on ? 'resume' : 'danger';
}

function drawVerdicts(answers) {
  const host = $('verdicts');
  answers.forEach((v, i) => {
    if (!host.children[i]) {
      host.append(el('div', {}, el('dt'), el('dd', { class: 'answer' }, el('span', { class: 'lamp', 'aria-hidden': 'true' }), el('span')), el('dd', { class: 'detail' })));
    }
    const [question, answer, detail] = host.children[i].children;
    setAttr(host.children[i], 'data-level', v.level);
    setText(question, v.question);
    setText(answer.children[0], MARKS[v.level]);
    setText(answer.children[1], v.answer);
    setText(detail, v.detail);
  });
}

function drawFacts(b) {
  const facts = [
    ['Campaign generation', count(b.generation)],
    ['Profiles', count(b.profiles)],
    ['Open leases', count(b.leases)],
    ['Spilled records', count(b.spill), b.spill > 0],
    ['Ledger partitions stopped', count(b.stopped), b.stopped > 0],
    ['Reports behind by', b.reportLag < 1 ? '<1 s' : `${count(b.reportLag)} s`, b.reportLag > 60],
  ];
  const host = $('facts');
  facts.forEach(([name, value, wrong], i) => {
    if (!host.children[i]) host.append(el('div', {}, el('dt', { text: name }), el('dd')));
    setText(host.children[i].lastChild, value);
    host.children[i].classList.toggle('wrong', Boolean(wrong));
  });
}

attachTheme($('theme'));
$('retry').addEventListener('click', () => live.soon());
$('kill-all').addEventListener('click', () => kill.open({ id: 'all', name: '', on: !live.body.killed }));
$('sign').addEventListener('click', () => {
  if (hasKey() && live.refused === null) {
    // The key goes; what it showed goes with it, by a fresh page.
    setKey('');
    location.reload();
    return;
  }
  signIn.open(live.refused ?? '');
});
// Somebody pastes an address with another key into the same tab.
addEventListener('hashchange', () => { takeKey(); live.resume(); });

takeKey();
changed();
setInterval(drawStatus, 1000);
if (hasKey()) live.soon();
else signIn.open('');
