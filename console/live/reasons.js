// Why no bid: the bidder's reasons in plain words, as a list of bars.

import { el, setAttr, setText, showIf } from './dom.js';
import { count, percent } from './number.js';

// fault marks what an operator mends; the rest is the trade's daily life.
const WORDS = {
  malformed: ['Request is not readable JSON', 'fault', 'The exchange sends what breaks OpenRTB or JSON.'],
  invalid: ['Request breaks OpenRTB', 'fault', 'A field that OpenRTB requires is missing or impossible.'],
  unknown_exchange: ['Exchange is not configured', 'fault', 'The path names an exchange that the configuration lacks.'],
  not_ready: ['Server was not ready', 'fault', 'Campaigns, profiles or money were not loaded, or the server was stopping.'],
  killed: ['Kill switch', 'fault', 'An operator, a breaker or the configuration stopped it.'],
  insufficient_time: ['Too little time left', 'fault', 'The exchange’s tmax was too short, or was gone before an answer was ready.'],
  overload: ['Overloaded, shed', 'fault', 'More requests at once than this server may hold.'],
  internal: ['Internal error', 'fault', 'A panic or a broken rule; the log has it.'],
  over_max_bid: ['Above its maximum', 'fault', 'A bid above its line item’s maximum was made, and not sent.'],
  answer_too_large: ['Answer too large', 'fault', 'The bids together pass the bound of an answer.'],
  exchange_qps: ['Above the agreed rate', '', 'The exchange sends more requests a second than agreed (max_qps).'],
  seat_blocked: ['Our seat is not allowed', '', 'The request’s wseat or bseat leaves us out.'],
  dsa_required: ['DSA notice can’t be shown', '', 'The request wants one, and neither the publisher nor our markup shows it.'],
  privacy: ['Privacy signal forbids it', '', 'No basis for personal data, and the exchange’s contextual bids are off.'],
  currency: ['No currency in common', 'fault', 'No allowed currency has a rate: look at the age of the currency table.'],
  crawler: ['A crawler', '', 'The user agent is on the list of crawlers.'],
  non_human: ['Not a person', '', 'The device contradicts itself, or sends more than a person could.'],
  proxy: ['Proxy or data centre', '', 'The address is of a host, a public proxy or Tor.'],
  device: ['No device', '', 'The request says nothing of the device.'],
  blocked_node: ['Blocked seller', '', 'A node of the supply chain is on the exchange’s block list.'],
  schain_missing: ['No supply chain', '', 'The exchange’s policy requires one.'],
  schain_incomplete: ['Incomplete supply chain', '', 'The chain says that nodes are missing.'],
  schain_broken: ['Broken supply chain', '', 'The chain does not end at the exchange, or a link does not fit.'],
  ads_txt_missing: ['No ads.txt', '', 'It is not known who may sell, and the policy requires it.'],
  ads_txt_violation: ['Seller not in ads.txt', '', 'The owner does not name this seller.'],
  sellers_json_missing: ['No sellers.json', '', 'A system’s sellers are not known, and the policy requires it.'],
  sellers_json_violation: ['Seller not in sellers.json', '', 'The system does not name this seller.'],
  unsupported_format: ['Format not supported', '', 'No creative of any line item is of a format that is offered.'],
  insecure_trackers: ['Page wants https', 'fault', 'Our public address is http: set public_url to https.'],
  native_request: ['Native request can’t be read', '', 'Its markup request breaks the native standard.'],
  no_match: ['No line item targets it', '', 'Every line item’s targeting refused the impression.'],
  no_creative: ['No creative of that format', '', 'Line items match, none has a creative of a format that is offered.'],
  creative_not_approved: ['Creative not approved', '', 'The exchange’s review has not approved it, or has no id of it.'],
  creative_incomplete: ['Creative lacks a field', '', 'The exchange requires one that the creative does not have.'],
  creative_size: ['No creative of that size', '', 'Sizes or ratios that are offered.'],
  creative_mime: ['No file of that type', '', 'The player or slot takes other MIME types.'],
  creative_delivery: ['Delivery not taken', '', 'Streaming or progressive.'],
  creative_bitrate: ['No file of that bit rate', '', 'The player’s bounds leave every rendition out.'],
  creative_duration: ['No ad of that length', '', 'The durations that the slot takes.'],
  creative_protocol: ['No VAST version in common', '', 'The player reads other versions.'],
  creative_linearity: ['Linear against overlay', '', 'The slot takes the other kind.'],
  creative_api: ['Framework not offered', '', 'The creative needs MRAID, VPAID or OMID that the slot lacks.'],
  creative_expands: ['Creative expands', '', 'In a direction that the slot does not allow.'],
  blocked_banner_type: ['Banner type blocked', '', 'By the slot’s btype.'],
  native_assets: ['Native assets do not fit', '', 'A required asset can’t be filled.'],
  blocked_attribute: ['Creative attribute blocked', '', 'By the slot’s battr.'],
  blocked_category: ['Category blocked', '', 'By the request’s bcat or acat.'],
  blocked_advertiser: ['Advertiser blocked', '', 'By the request’s badv.'],
  blocked_app: ['App blocked', '', 'By the request’s bapp.'],
  blocked_language: ['Language not wanted', '', 'By the request’s wlang.'],
  deal_advertiser: ['Advertiser not in the deal', '', 'By the deal’s wadomain.'],
  no_clicks: ['Clicks can’t be counted', '', 'The line item pays by the click: on screens, in registered creatives and in tags without our click macro none would come.'],
  no_events: ['The event can’t be counted', '', 'The line item pays by the viewable impression or completed view, and nobody would tell us of one here.'],
  pod_full: ['Break is full', '', 'The ad is longer than what is left of the ad pod.'],
  pod_separation: ['Competes within the break', '', 'The same creative, advertiser or category is in the ad pod.'],
  other_path: ['Bid through another exchange', '', 'The same impression came by another path first.'],
  below_floor: ['Floor is above our price', '', 'What we may pay is less than the exchange asks.'],
  holdout: ['Held out by an experiment', '', 'The user is in the group that an experiment shows no ads of this line item to.'],
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
