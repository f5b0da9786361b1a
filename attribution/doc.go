// Package attribution tells what advertising brought: it joins impressions and
// clicks with conversions, and keeps the roll-ups that reports are read from.
//
// # Exactness
//
// A Service reads every partition of exposures, conversions, postings and
// auctions from offsets of its own. All that a batch of records changes (the
// offsets, the keys by which repeats are dropped, the touches, the conversions
// and the roll-ups) is one transaction of one database. The log delivers
// at least once and the database drops repeats, so that a report counts every
// event once, wherever a kill -9 falls.
//
// # Which day an event belongs to
//
// Everything a bid causes belongs to the bid, so that a row's clicks, cost and
// impressions speak of the same impressions:
//
//   - money belongs to the ledger's day (the posting's day, in the advertiser's
//     zone). Within that day it counts in the quarter hour of the posting's time,
//     moved into the day's first or last quarter where the time lies outside. A
//     report by day in the advertiser's zone is therefore the ledger by day, to
//     the nano, and its hours add up to its days;
//   - wins, impressions and clicks belong to the instant of the bid, unless they
//     come more than Config.LateAfter behind it: then to their own instant, so
//     that a day becomes final;
//   - bids belong to the quarter hour (or hour) that the bidder counted them in;
//   - a conversion belongs to its own instant, not to that of its touch.
//
// A roll-up row stores both the advertiser's day, as its zone was when the event
// was read, and the quarter hour in UTC. All zones of today have offsets of whole
// quarters, so days and hours of any zone, and across changes of clock, are sums
// of quarters. Auction counts that arrive by the full hour are exact only in
// zones of full hours.
//
// # Attribution
//
// Last touch, a click before a view. Of the advertiser's touches that are not
// later than the conversion, the first of these wins:
//
//  1. the click that the conversion's click id names, within the click window;
//  2. the user's latest click within the click window;
//  3. the user's latest impression within the view window.
//
// Ties go to the higher bid id. A touch counts if it was appended to the log no
// later than Config.Settle after the conversion was. That compares times in the
// log, not times of reading: the result is a function of the log's content,
// whichever of its partitions is read first. Until then an attributed record may
// be followed by a better one of the same conversion. Of several conversions with
// one order id the one appended first counts (ties: the lower id).
//
// # Final and preliminary
//
// A report is final when its last day ended Config.FinalAfter ago and everything
// appended until then has been read: no notice, click or conversion that the
// rules admit can change it any more. An operator's adjustment still can.
package attribution
