// The red strip: what stops bidding now, why, since when, and how to release it.

import { $, el, setText, showIf } from './dom.js';
import { count, dateTime } from './number.js';

const SHOWN = 4; // the rest are counted: the page below must stay in sight

let drawn = '';

// drawBrakes shows a list of model.brakes(); null, not known, changes nothing.
export function drawBrakes(list) {
  if (list === null) return;
  const now = JSON.stringify(list);
  if (now === drawn) return; // a selection, such as of a command, stays
  drawn = now;
  showIf($('brakes'), list.length > 0);
  setText($('brakes-title'), list.length === 1 ? 'A brake stops bidding' : `${count(list.length)} brakes stop bidding`);
  $('brakes-list').replaceChildren(...list.slice(0, SHOWN).map(brake));
  showIf($('brakes-more'), list.length > SHOWN);
  setText($('brakes-more'), `And ${count(list.length - SHOWN)} more: bidhawk brakes lists them.`);
}

function brake(k) {
  return el('li', {},
    el('p', { class: 'what' }, el('strong', { text: k.what }), k.name ? ` ${k.name}` : ''),
    el('p', { text: k.reason }),
    el('p', { class: 'by', text: `By ${k.by} since ${dateTime(k.at)}. To release: ` }, el('code', { text: k.release })));
}
