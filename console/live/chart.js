// Sparklines of the last two minutes: one SVG path a line, no library.

const SPAN_S = 120;
const HEIGHT = 40;
const GAP_MS = 3000; // a longer silence between two points is a gap, not a line
const NS = 'http://www.w3.org/2000/svg';

// Spark is one chart. Its colours are the style sheet's (.spark .line, .area).
export class Spark {
  #lines;
  #area;
  #cursor;

  // names are the CSS classes of its lines; the first also gets the area.
  constructor(names) {
    this.node = svg('svg', { class: 'spark', viewBox: `0 0 ${SPAN_S} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' });
    this.#area = svg('path', { class: 'area' });
    this.#lines = names.map((name) => svg('path', { class: `line ${name}`, 'vector-effect': 'non-scaling-stroke' }));
    this.#cursor = svg('path', { class: 'cursor', 'vector-effect': 'non-scaling-stroke', d: '' });
    this.node.append(this.#area, ...this.#lines, this.#cursor);
  }

  // draw shows series, one list of {at, v} for each line, oldest first, up to
  // end, from zero to the largest of all.
  draw(series, end) {
    const top = Math.max(0, ...series.flatMap((points) => points.map((p) => p.v)));
    series.forEach((points, i) => {
      const runs = runsOf(points, end, top);
      this.#lines[i].setAttribute('d', runs.map((run) => `M${run.map((p) => `${p.x} ${p.y}`).join('L')}`).join(''));
      if (i > 0) return;
      this.#area.setAttribute('d', runs.map((run) =>
        `M${run[0].x} ${HEIGHT}L${run.map((p) => `${p.x} ${p.y}`).join('L')}L${run.at(-1).x} ${HEIGHT}Z`).join(''));
    });
  }

  // mark draws the cursor at x seconds of the span; null removes it.
  mark(x) {
    this.#cursor.setAttribute('d', x === null ? '' : `M${x} 0V${HEIGHT}`);
  }
}

// secondAt is which second of the span a pointer is over.
export function secondAt(event, node) {
  const box = node.getBoundingClientRect();
  return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * SPAN_S;
}

export const xOf = (at, end) => SPAN_S - (end - at) / 1000;

// runsOf cuts points into lines without gaps, in the chart's coordinates.
function runsOf(points, end, top) {
  const runs = [];
  let last = -Infinity;
  for (const p of points) {
    const x = xOf(p.at, end);
    if (x < -1) continue;
    if (p.at - last > GAP_MS) runs.push([]);
    // A little air above and below, for the line's own width.
    const y = top > 0 ? HEIGHT - 1.5 - (p.v / top) * (HEIGHT - 4) : HEIGHT - 1.5;
    runs.at(-1).push({ x: x.toFixed(2), y: y.toFixed(2) });
    last = p.at;
  }
  return runs;
}

function svg(tag, attributes) {
  const node = document.createElementNS(NS, tag);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  return node;
}
