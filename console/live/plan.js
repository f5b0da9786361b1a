// Spend against plan, of one line item.

import { el, setAttr, setText } from './dom.js';
import { exact, share } from './money.js';

// Early in a day the plan is a few bids: nobody is off it yet.
const EARLY = 0.01;
const BEHIND = 0.8;
const AHEAD = 1.2;

// standing is how a line item keeps its plan:
//   ratio  spent of what should be spent by now, null where nothing is planned
//   used   spent of the limit
//   mark   where in the limit the plan is now, null for ASAP
//   state  'none', 'on', 'asap', 'behind', 'ahead', 'spent' or 'over'
export function standing(l) {
  if (l.limit <= 0n) return { ratio: null, used: 0, mark: null, state: 'none' };
  const used = share(l.spent, l.limit);
  if (l.spent > l.limit) return { ratio: share(l.spent, l.planned), used, mark: share(l.planned, l.limit), state: 'over' };
  if (l.pacing === 'asap') return { ratio: null, used, mark: null, state: used > 0.995 ? 'spent' : 'asap' };
  const mark = share(l.planned, l.limit);
  if (l.planned <= 0n) return { ratio: null, used, mark, state: 'on' };
  const ratio = share(l.spent, l.planned);
  let state = 'on';
  if (used > 0.995) state = 'spent';
  else if (mark > EARLY && ratio < BEHIND) state = 'behind';
  else if (mark > EARLY && ratio > AHEAD) state = 'ahead';
  return { ratio, used, mark, state };
}

// offPlan says whether an operator should look.
export const offPlan = (l) => l.status === 'active' && ['behind', 'ahead', 'over'].includes(standing(l).state);

const WORDS = { none: 'no plan yet', on: 'on plan', asap: 'as soon as possible', behind: 'behind', ahead: 'ahead', spent: 'budget spent', over: 'over budget' };

// PlanBar is the cell: a bar with a marker, and the same in words.
export class PlanBar {
  #fill = el('span', { class: 'fill' });
  #mark = el('span', { class: 'mark' });
  #used = el('span', { class: 'used' });
  #state = el('span', { class: 'state' });
  #bar = el('span', { class: 'planbar', 'aria-hidden': 'true' }, this.#fill, this.#mark);

  constructor() {
    this.node = el('div', { class: 'plan' }, this.#bar, el('span', { class: 'words' }, this.#used, this.#state));
  }

  draw(l) {
    const s = standing(l);
    setAttr(this.node, 'data-state', s.state);
    setAttr(this.node, 'title', s.state === 'none' ? 'Nothing is planned before the first lease'
      : `Spent ${exact(l.spent)} of ${exact(l.limit)} ${l.currency}; plan by now ${exact(l.planned)}`);
    this.#fill.style.inlineSize = `${Math.min(100, 100 * s.used)}%`;
    this.#mark.hidden = s.mark === null;
    if (s.mark !== null) this.#mark.style.insetInlineStart = `${Math.min(100, 100 * s.mark)}%`;
    setText(this.#used, s.state === 'none' ? '' : s.ratio === null ? `${percent(s.used)} of budget` : `${percent(s.ratio)} of plan`);
    setText(this.#state, WORDS[s.state]);
  }
}

const percent = (f) => (f > 0 && f < 0.01 ? '<1%' : f > 99.99 ? '>9,999%' : `${Math.round(100 * f)}%`);
