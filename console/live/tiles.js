// The tiles: one figure each, its two minutes, and what it was under the pointer.

import { Spark, secondAt, xOf } from './chart.js';
import { el, setAttr, setText } from './dom.js';
import { count, micros, percent, rate, time } from './number.js';
import { middle, sum } from './status.js';

const NOW_S = 10; // the figure is a mean of so many seconds: one alone is noise

const perSecond = (field) => ({
  lines: [['', (s) => s[field]]],
  now: (seconds) => ({ text: seconds.length ? rate(sum(seconds, field) / seconds.length) : '–', unit: '/s' }),
  at: (s) => `${count(s[field])}/s`,
});

// Each tile: its title, the lines of its chart, its figure now, a second in words.
const TILES = [
  { title: 'Requests', ...perSecond('requests') },
  { title: 'Bids', ...perSecond('bids') },
  {
    title: 'Bid rate',
    about: 'Requests answered with at least one bid',
    lines: [['', (s) => (s.requests ? (100 * s.answered) / s.requests : 0)]],
    now: (seconds) => split(percent(sum(seconds, 'answered'), sum(seconds, 'requests'))),
    at: (s) => percent(s.answered, s.requests),
  },
  {
    title: 'Latency',
    about: 'From a request read to its answer built. p99 and p50 are the middle ones of the last ten seconds',
    lines: [['', (s) => s.p99], ['second', (s) => s.p50]],
    now: (seconds) => ({ ...micros(middle(seconds, 'p99')), tail: 'p99' }),
    at: (s) => `p99 ${latency(s.p99)}`,
    note: (seconds) => `p50 ${latency(middle(seconds, 'p50'))} · worst ${latency(Math.max(0, ...seconds.map((s) => s.p99)))}`,
  },
  { title: 'Wins', ...perSecond('wins') },
  { title: 'Billed', ...perSecond('billed') },
  { title: 'Impressions', ...perSecond('impressions') },
  {
    title: 'Clicks',
    ...perSecond('clicks'),
    now: (_, minute) => ({ text: minute.length ? count(sum(minute, 'clicks')) : '–', unit: minute.length < 55 ? `/${minute.length} s` : '/min' }),
  },
];

export class Tiles {
  #tiles;
  #body = null;
  #second = null; // under the pointer, of the span; null: none

  // host is emptied and filled with the tiles.
  constructor(host) {
    this.#tiles = TILES.map((spec) => this.#build(spec));
    host.replaceChildren(...this.#tiles.map((t) => t.node));
    host.addEventListener('pointermove', (e) => {
      const spark = e.target.closest?.('.spark');
      this.#point(spark ? secondAt(e, spark) : null);
    });
    host.addEventListener('pointerleave', () => this.#point(null));
  }

  draw(body) {
    this.#body = body;
    for (const t of this.#tiles) this.#drawTile(t);
    this.#drawCursor();
  }

  #build(spec) {
    const t = { spec, spark: new Spark(spec.lines.map(([name]) => name)) };
    t.text = el('span', { class: 'n', text: '–' });
    t.unit = el('span', { class: 'unit' });
    t.tail = el('span', { class: 'tail' });
    t.sub = el('p', { class: 'sub' });
    t.node = el('article', { class: 'tile card', title: spec.about },
      el('h3', { text: spec.title }), el('p', { class: 'figure' }, t.text, t.unit, t.tail), t.sub, t.spark.node);
    return t;
  }

  #drawTile(t) {
    const { seconds } = this.#body;
    const now = t.spec.now(seconds.slice(-NOW_S), seconds.slice(-60));
    setText(t.text, now.text);
    setText(t.unit, now.unit);
    setText(t.tail, now.tail ?? '');
    t.spark.draw(t.spec.lines.map(([, of]) => seconds.map((s) => ({ at: s.at, v: of(s) }))), this.#end());
    t.note = t.spec.note ? t.spec.note(seconds.slice(-NOW_S)) : seconds.length ? `2 min: ${this.#range(t.spec)}` : '';
    setAttr(t.spark.node, 'aria-label', `${t.spec.title}, last two minutes: ${this.#range(t.spec)}`);
  }

  // range is the least and the most of the two minutes.
  #range(spec) {
    const { seconds } = this.#body;
    if (seconds.length === 0) return 'nothing counted';
    const of = spec.lines[0][1];
    const ordered = [...seconds].sort((a, b) => of(a) - of(b));
    const [low, high] = [spec.at(ordered[0]), spec.at(ordered.at(-1))];
    if (high === '–') return 'nothing to measure';
    return low === high ? `steady at ${low}` : `${low.replace(/(\/s|%)$/, '')} – ${high}`;
  }

  #end() {
    return this.#body.seconds.at(-1)?.at ?? this.#body.at;
  }

  #point(second) {
    this.#second = second;
    if (this.#body) this.#drawCursor();
  }

  // All tiles show the same second: what else happened then is the question.
  #drawCursor() {
    const s = this.#second === null ? null : nearest(this.#body.seconds, this.#end(), this.#second);
    for (const t of this.#tiles) {
      t.spark.mark(s ? xOf(s.at, this.#end()) : null);
      setText(t.sub, s ? `${t.spec.at(s)} at ${time(s.at).split(' ')[0]}` : t.note);
    }
  }
}

function nearest(seconds, end, x) {
  let best = null;
  let off = 2; // farther than two seconds from any is over nothing
  for (const s of seconds) {
    const d = Math.abs(xOf(s.at, end) - x);
    if (d < off) [best, off] = [s, d];
  }
  return best;
}

function latency(us) {
  const { text, unit } = micros(us);
  return unit ? `${text} ${unit}` : text;
}

function split(text) {
  return text.endsWith('%') ? { text: text.slice(0, -1), unit: '%' } : { text, unit: '' };
}
