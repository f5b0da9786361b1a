// Why no bid: the bidder's reasons in plain words, as a list of bars.

import { el, setAttr, setText, showIf } from './dom.js';
import { count, percent } from './number.js';

// fault marks what an operator mends; the rest is the trade's daily life.
const WORDS = {
  malformed: ['Request is not readable JSON', 'fault', 'The exchange sends what breaks OpenRTB or JSON.'],
  invalid: ['Request breaks OpenRTB', 'fault', 'A field that OpenRTB requires is missing or impossible.'],
  unknown_exchange: ['Exchange is not configured', 'fault', 'The path names an exchange that the configuration lacks.'],
  not_ready: ['Server was not ready', 'fault', 'Campaigns, profiles or money were not loaded, or the server was stopping.'],
  killed: ['Kill switch', 'fault', 'An operator stopped bidding.'],
  insufficient_time: ['Too little time left', 'fault', 'The exchange’s tmax was too short, or was gone before an answer was ready.'],
  overload: ['Overloaded, shed', 'fault', 'More requests at once than this server may hold.'],
  internal: ['Internal error', 'fault', 'A panic or a broken rule; the log has it.'],
  answer_too_large: ['Answer too large', 'fault', 'The bids together pass the bound of an answer.'],
  seat_blocked: ['Our seat is not allowed', '', 'The request’s wseat or bseat leaves us out.'],
  privacy: ['Privacy signal forbids it', '', 'COPPA, GDPR, US privacy or limit-ad-tracking.'],
  currency: ['No currency in common', '', 'The request accepts none that our advertisers pay in.'],
  unsupported_format: ['Format not supported', '', 'Neither a banner nor anything else that we serve.'],
  no_match: ['No line item targets it', '', 'Every line item’s targeting refused the impression.'],
  no_creative: ['No creative fits', '', 'Line items match, none has a creative of that size or kind.'],
  creative_blocked: ['Creative is blocked', '', 'By blocked advertisers, categories or attributes of the request.'],
  below_floor: ['Floor is above our price', '', 'What we may pay is less than the exchange asks.'],
  frequency_cap: ['User has seen enough', '', 'A frequency cap holds for everything that matched.'],
  budget: ['Budget or pacing holds back', '', 'Nothing left to spend, or not before later today.'],
};

// label is a reason in plain words; a reason this page does not know stays readable.
export function label(reason) {
  if (WORDS[reason]) return WORDS[reason][0];
  const words = reason.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// Reasons draws the list into the elements of nodes: {list, sum, empty}.
export class Reasons {
  #nodes;
  #rows = new Map(); // by reason

  constructor(nodes) {
    this.#nodes = nodes;
  }

  // draw shows found, [[reason, count]] with the commonest first, of so many
  // seconds and requests.
  draw(found, seconds, requests) {
    const total = found.reduce((s, [, n]) => s + n, 0);
    const { list, sum, empty } = this.#nodes;
    setText(sum, total ? `${count(total)} in the last ${seconds < 55 ? `${seconds} s` : 'minute'}` : 'last minute');
    showIf(list, total > 0);
    showIf(empty, total === 0);
    setText(empty, seconds === 0 ? 'Nothing is counted yet.' : requests === 0 ? 'No requests came.' : 'Every request got a bid.');
    found.forEach(([reason, n], i) => {
      const row = this.#row(reason);
      if (list.children[i] !== row.item) list.insertBefore(row.item, list.children[i] ?? null);
      setText(row.count, count(n));
      setText(row.share, percent(n, total));
      row.fill.style.inlineSize = `${Math.max(0.5, (100 * n) / found[0][1])}%`;
    });
    while (list.children.length > found.length) list.lastChild.remove();
  }

  #row(reason) {
    let row = this.#rows.get(reason);
    if (!row) {
      const [, kind = '', about = ''] = WORDS[reason] ?? [];
      row = { count: el('span', { class: 'n' }), share: el('span', { class: 'share' }), fill: el('span', { class: 'fill' }) };
      row.item = el('li', { title: about || undefined, class: kind || undefined },
        el('span', { class: 'label', text: label(reason) }), row.count, row.share,
        el('span', { class: 'bar', 'aria-hidden': 'true' }, row.fill));
      setAttr(row.item, 'data-reason', reason);
      this.#rows.set(reason, row);
    }
    return row;
  }
}
