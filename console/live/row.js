// A row of the table: a line item's, or a currency's total.

import { COLUMNS, show } from './columns.js';
import { el, setAttr, setText, showIf } from './dom.js';
import { exact, rounded } from './money.js';
import { PlanBar } from './plan.js';

const KINDS = new Map(COLUMNS.map((c) => [c.key, c.money || c.number ? 'num' : '']));

// cells makes one cell for each column, with the label that a phone shows.
function cells() {
  const made = new Map();
  for (const c of COLUMNS) {
    const first = c.key === 'name';
    made.set(c.key, el(first ? 'th' : 'td', {
      role: first ? 'rowheader' : 'cell', scope: first ? 'row' : undefined, class: `c-${c.key} ${KINDS.get(c.key)}`, 'data-label': c.label,
    }));
  }
  return made;
}

function drawFigures(made, l, all) {
  for (const c of COLUMNS) {
    if (c.key === 'name' || c.key === 'plan') continue;
    const cell = made.get(c.key);
    const v = show(c, l, all);
    setText(cell, v.text);
    if (v.title) setAttr(cell, 'title', v.title);
    if (c.money) cell.classList.toggle('negative', v.negative);
  }
}

// house writes what the house bears for l, '' where nothing.
function house(l, all) {
  const write = all ? exact : rounded;
  const parts = [];
  if (l.late !== 0n) parts.push(`late ${write(l.late)}`);
  if (l.unbilled !== 0n) parts.push(`unbilled ${write(l.unbilled)}`);
  return parts.length ? `House: ${parts.join(', ')} ${l.currency}` : '';
}

const houseTitle = (l) => `The house bears: late ${exact(l.late)}, unbilled ${exact(l.unbilled)} ${l.currency}`;

// LineRow is the row of one line item. stop is called when its switch is pressed.
export class LineRow {
  #cells = cells();
  #name = el('span', { class: 'name' });
  #where = el('span', { class: 'where' });
  #badge = el('span', { class: 'badge' });
  #house = el('span', { class: 'house' });
  #plan = new PlanBar();
  #switch;
  #line = null;

  constructor(stop) {
    this.#switch = el('button', { type: 'button', class: 'rowkill', onclick: () => stop(this.#line) });
    this.#cells.get('name').append(el('span', { class: 'title' }, this.#name, this.#badge), this.#where, this.#house);
    this.#cells.get('plan').append(this.#plan.node);
    this.node = el('tr', { role: 'row' }, ...this.#cells.values(), el('td', { role: 'cell', class: 'c-act' }, this.#switch));
  }

  // draw shows l; killed is its kill switch {reason, by}, or undefined.
  draw(l, killed, all) {
    this.#line = l;
    setText(this.#name, l.name);
    setText(this.#where, `${l.advertiser} / ${l.campaign}`);
    setAttr(this.#cells.get('name'), 'title', `${l.name}\n${l.advertiser} / ${l.campaign}\nid ${l.id}`);
    const badge = killed ? 'stopped' : l.status === 'active' ? '' : l.status;
    setText(this.#badge, badge);
    showIf(this.#badge, badge !== '');
    setAttr(this.#badge, 'data-kind', badge);
    setAttr(this.#badge, 'title', killed ? `${killed.reason} (${killed.by})` : null);
    setText(this.#house, house(l, all));
    showIf(this.#house, l.late !== 0n || l.unbilled !== 0n);
    setAttr(this.#house, 'title', houseTitle(l));
    this.#plan.draw(l);
    drawFigures(this.#cells, l, all);
    setText(this.#switch, killed ? 'Resume…' : 'Stop…');
    setAttr(this.#switch, 'aria-label', `${killed ? 'Resume' : 'Stop'} ${l.name}`);
    this.#switch.classList.toggle('on', Boolean(killed));
    this.node.classList.toggle('stopped', Boolean(killed));
  }
}

// TotalRow is the total of the line items of one currency that are shown.
export class TotalRow {
  #cells = cells();
  #name = el('span', { class: 'name' });
  #where = el('span', { class: 'where' });
  #house = el('span', { class: 'house' });

  constructor() {
    this.#cells.get('name').append(this.#name, this.#where, this.#house);
    this.node = el('tr', { role: 'row' }, ...this.#cells.values(), el('td', { role: 'cell', class: 'c-act' }));
  }

  draw(t, lines, all) {
    setText(this.#name, `Total ${t.currency}`);
    setText(this.#where, lines === 1 ? '1 line item' : `${lines} line items`);
    setText(this.#house, house(t, all));
    showIf(this.#house, t.late !== 0n || t.unbilled !== 0n);
    setAttr(this.#house, 'title', houseTitle(t));
    drawFigures(this.#cells, { ...t, pricing: '', pacing: '' }, all);
    setText(this.#cells.get('pricing'), '');
  }
}
