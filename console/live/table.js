// The table of line items: sort, filter, totals. Rows are kept by id and only
// what changed is written.

import { COLUMNS, total } from './columns.js';
import { $, el, setAttr, setText, showIf } from './dom.js';
import { offPlan } from './plan.js';
import { LineRow, TotalRow } from './row.js';

const PAGE = 100; // rows drawn at once; "more" draws so many more
const RESORT_MS = 5000; // rows must not run away from an eye that follows one

const VIEWS = [
  ['all', 'All', () => true],
  ['off', 'Off plan', (l) => offPlan(l)],
  ['stopped', 'Not active', (l, killed) => killed || l.status !== 'active'],
  ['house', 'House pays', (l) => l.late !== 0n || l.unbilled !== 0n],
];

export class Table {
  #table = $('lines');
  #rows = new Map();
  #totals = new Map();
  #heads = new Map();
  #views = new Map();
  #sort = { column: COLUMNS[0], way: 1 };
  #view = 'all';
  #all = false;
  #shown = PAGE;
  #order = []; // ids as last sorted
  #sortedAt = 0;
  #lines = [];
  #killed = new Map();
  #stop;

  // stop is called with the line item whose switch was pressed.
  constructor(stop) {
    this.#stop = stop;
    this.#buildHead();
    this.#buildControls();
  }

  // draw shows lines; switches is null while unknown.
  draw(lines, switches) {
    this.#lines = lines;
    this.#killed = switches ?? new Map();
    showIf($('lines-note'), switches === null && lines.length > 0);
    setText($('lines-note'), 'Whether single line items are stopped is unknown: the server did not say.');
    this.#draw(false);
  }

  #buildHead() {
    const row = el('tr', { role: 'row' });
    for (const c of COLUMNS) {
      const button = el('button', { type: 'button', title: c.about, text: c.label, onclick: () => this.#sortBy(c) });
      const head = el('th', { role: 'columnheader', scope: 'col', class: `c-${c.key} ${c.money || c.number ? 'num' : ''}` }, button);
      this.#heads.set(c, head);
      row.append(head);
      for (const [way, word] of [[1, 'up'], [-1, 'down']]) {
        $('sortby').append(el('option', { value: `${c.key} ${way}`, text: `${c.label} ${word === 'up' ? '↑' : '↓'}` }));
      }
    }
    row.append(el('th', { role: 'columnheader', scope: 'col', class: 'c-act' }, el('span', { class: 'hidden', text: 'Kill switch' })));
    this.#table.tHead.append(row);
  }

  #buildControls() {
    for (const [key, label] of VIEWS) {
      const n = el('span', { class: 'n' });
      const button = el('button', { type: 'button', 'aria-pressed': 'false', onclick: () => this.#set(() => { this.#view = key; }) }, `${label} `, n);
      this.#views.set(key, { button, n });
      $('views').append(button);
    }
    $('filter').addEventListener('input', () => this.#set(() => {}));
    $('exact').addEventListener('change', (e) => this.#set(() => { this.#all = e.target.checked; }));
    $('sortby').addEventListener('change', (e) => {
      const [key, way] = e.target.value.split(' ');
      this.#set(() => { this.#sort = { column: COLUMNS.find((c) => c.key === key), way: Number(way) }; });
    });
    $('more').addEventListener('click', () => { this.#shown += PAGE; this.#draw(true); });
  }

  #set(change) {
    change();
    this.#shown = PAGE;
    this.#draw(true);
  }

  // A second press turns the order; amounts and counts start with the largest.
  #sortBy(column) {
    const same = this.#sort.column === column;
    this.#set(() => { this.#sort = { column, way: same ? -this.#sort.way : column.first ?? 1 }; });
  }

  #draw(asked) {
    this.#drawControls();
    const found = this.#found();
    this.#order = this.#sorted(found, asked);
    const byID = new Map(found.map((l) => [l.id, l]));
    const visible = this.#order.slice(0, this.#shown);
    const body = this.#table.tBodies[0];
    visible.forEach((id, i) => {
      const row = this.#row(id);
      row.draw(byID.get(id), this.#killed.get(id), this.#all);
      if (body.rows[i] !== row.node) body.insertBefore(row.node, body.rows[i] ?? null);
    });
    while (body.rows.length > visible.length) body.lastElementChild.remove();
    this.#drawTotals(found);
    this.#drawEnds(found.length);
    this.#prune();
  }

  #found() {
    const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
    const [, , inView] = VIEWS.find(([key]) => key === this.#view);
    return this.#lines.filter((l) => {
      if (!inView(l, this.#killed.has(l.id))) return false;
      const text = `${l.name} ${l.advertiser} ${l.campaign} ${l.id} ${l.pricing} ${l.pacing} ${l.currency}`.toLowerCase();
      return words.every((w) => text.includes(w));
    });
  }

  // sorted returns the ids of found in order. Unasked it sorts anew only now and
  // then, and never under a pointer or the focus: a stop button must not move.
  #sorted(found, asked) {
    const body = this.#table.tBodies[0];
    const held = body.matches(':hover') || body.contains(document.activeElement);
    const place = new Map(this.#order.map((id, i) => [id, i]));
    const due = performance.now() - this.#sortedAt > RESORT_MS && !held;
    const { column, way } = this.#sort;
    const byValue = (a, b) => way * column.order(a, b) || a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1);
    const byPlace = (a, b) => (place.get(a.id) ?? Infinity) - (place.get(b.id) ?? Infinity) || byValue(a, b);
    if (asked || due) this.#sortedAt = performance.now();
    return [...found].sort(asked || due ? byValue : byPlace).map((l) => l.id);
  }

  #row(id) {
    let row = this.#rows.get(id);
    if (!row) {
      row = new LineRow(this.#stop);
      this.#rows.set(id, row);
    }
    return row;
  }

  // prune forgets the rows of line items that are gone.
  #prune() {
    if (this.#rows.size <= this.#lines.length) return;
    const alive = new Set(this.#lines.map((l) => l.id));
    for (const id of this.#rows.keys()) if (!alive.has(id)) this.#rows.delete(id);
  }

  #drawControls() {
    for (const [key, , inView] of VIEWS) {
      const { button, n } = this.#views.get(key);
      const many = this.#lines.filter((l) => inView(l, this.#killed.has(l.id))).length;
      setText(n, String(many));
      setAttr(button, 'aria-pressed', String(this.#view === key));
      button.classList.toggle('some', (key === 'off' || key === 'house') && many > 0);
    }
    for (const [c, head] of this.#heads) {
      setAttr(head, 'aria-sort', c !== this.#sort.column ? null : this.#sort.way > 0 ? 'ascending' : 'descending');
    }
    $('sortby').value = `${this.#sort.column.key} ${this.#sort.way}`;
  }

  #drawTotals(found) {
    const by = Map.groupBy ? Map.groupBy(found, (l) => l.currency) : groupBy(found);
    const foot = this.#table.tFoot;
    const wanted = [...by.keys()].sort().map((currency) => {
      let row = this.#totals.get(currency);
      if (!row) this.#totals.set(currency, row = new TotalRow());
      const lines = by.get(currency);
      row.draw(total(lines, currency), lines.length, this.#all);
      return row.node;
    });
    if (wanted.length !== foot.rows.length || wanted.some((node, i) => foot.rows[i] !== node)) foot.replaceChildren(...wanted);
  }

  #drawEnds(found) {
    const all = this.#lines.length;
    setText($('lines-count'), all === 0 ? '' : found === all ? String(all) : `${found} of ${all}`);
    showIf($('scroll'), found > 0);
    showIf($('lines-empty'), found === 0);
    setText($('lines-empty'), all === 0 ? 'No line item has a plan. Create one by the API, or import a file of campaigns.'
      : `None of ${all} line items is shown: change the filter.`);
    const rest = found - Math.min(this.#shown, found);
    showIf($('more'), rest > 0);
    setText($('more'), `Show ${Math.min(rest, PAGE)} more of ${rest}`);
  }
}

function groupBy(lines) {
  const by = new Map();
  for (const l of lines) by.set(l.currency, [...(by.get(l.currency) ?? []), l]);
  return by;
}
