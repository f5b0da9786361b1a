package bidder

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"bidhawk/bidder/markup"
	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/openrtb"
	"bidhawk/pacing"
)

// This file is about pricing rules that charge at an event after the bill: whether
// the event would reach us, and what the ledger is told of it.

// cantCharge says why the event at which the line item charges would not reach us:
// what is paid by it would be shown for nothing.
func (a *auction) cantCharge(imp *openrtb.Imp, l *line, c *candidate) NoBid {
	ad := l.ads[c.ad]
	switch l.item.Pricing.Charges() {
	case campaigns.ChargeAtClick, campaigns.ChargeAtConversion: // a conversion is known by the click before it
		if !a.countsClicks(ad) {
			return NoBidNoClicks
		}
	case campaigns.ChargeAtView:
		if !a.countsViews(imp, ad, c.version) {
			return NoBidNoEvents
		}
	case campaigns.ChargeAtComplete:
		if !a.countsCompletes(ad) {
			return NoBidNoEvents
		}
	}
	return NoBidNone
}

// reports says whether our markup runs where somebody watches: markup that the
// exchange hosts has no address of ours, and nobody's player is in the street.
func (a *auction) reports() bool { return a.req.DOOH == nil && !a.exchange.RegisteredCreatives }

// countsClicks says whether a click on ad would reach us.
func (a *auction) countsClicks(ad *ad) bool { return ad.clickable && a.reports() }

// countsViews says whether somebody measures, by the MRC's definition, that the ad
// was seen, and tells us: players of VAST 4 do, and native placements that offer the
// event; a banner measures itself where its script may run.
func (a *auction) countsViews(imp *openrtb.Imp, ad *ad, v markup.Version) bool {
	switch ad.medium {
	case mediumBanner:
		return a.measures(imp, ad)
	case mediumVideo:
		return v >= markup.VAST40 && !ad.nonLinear && a.reports()
	case mediumNative:
		return imp.Native != nil && markup.CountsViews(&a.native) && a.reports()
	}
	return false
}

// scriptBanner is AdCOM's banner type of ads that are JavaScript.
const scriptBanner = 3

// measures says whether a banner carries the script by which it tells that it was
// viewable: where scripts are taken, and where the script can know. A web view in an
// app shows as much of itself to a script whether or not it is on the screen; only
// MRAID's container says.
func (a *auction) measures(imp *openrtb.Imp, ad *ad) bool {
	return a.reports() && !a.exchange.NoScripts && !slices.Contains(imp.Banner.BType, scriptBanner) && (!a.app || ad.mraid)
}

// bannerMarkup is what is served of a banner's ad.
func (a *auction) bannerMarkup(imp *openrtb.Imp, ad *ad) *markup.Template {
	if a.measures(imp, ad) {
		return &ad.measured
	}
	return &ad.banner
}

// countsCompletes says whether a player tells us that the ad was played to its end;
// an overlay has none.
func (a *auction) countsCompletes(ad *ad) bool {
	return (ad.medium == mediumVideo || ad.medium == mediumAudio) && !ad.nonLinear && a.reports()
}

// placement names the slot that imp is, by its site or app and, where the publisher
// names it, the tag on the exchange; 0 where nothing is known of it.
func (a *auction) placement(imp *openrtb.Imp) uint32 {
	if len(a.site) == 0 && len(imp.TagID) == 0 {
		return 0
	}
	h := foldHash(a.site)
	if a.app {
		h = ^h
	}
	if len(imp.TagID) > 0 {
		h = h*31 ^ foldHash(imp.TagID) ^ a.exchange.hash
	}
	return max(uint32(h>>32)^uint32(h), 1)
}

// placementOf is the placement that the notices of p tell, for line items whose
// rates are kept by it.
func (a *auction) placementOf(p *placed) uint32 {
	if a.book.lines[p.row].item.Pricing.Charges() == campaigns.ChargeAtBill {
		return 0
	}
	return a.placement(&a.req.Imp[p.imp])
}

func (a *auction) formatOf(c *candidate) Format {
	if a.req.DOOH != nil {
		return FormatDOOH
	}
	return FormatBanner + Format(a.ad(c).medium)
}

// chargeMessages appends the money record of an event to msgs where it is the one at
// which the bid's line item charges. ok is false where the ledger could not read it.
// The ledger drops repeats.
func (b *Bidder) chargeMessages(msgs []eventlog.Message, event campaigns.ChargeEvent, t *Token, now time.Time) (_ []eventlog.Message, ok bool) {
	if t.Charges != event || event == campaigns.ChargeAtBill {
		return msgs, true
	}
	encode := pacing.ClickMessage
	switch event {
	case campaigns.ChargeAtView:
		encode = pacing.ViewMessage
	case campaigns.ChargeAtComplete:
		encode = pacing.CompleteMessage
	case campaigns.ChargeAtConversion: // attribution says whose it is
		return msgs, true
	}
	n := notice(t, now)
	msg, err := encode(&n)
	if err != nil {
		b.deps.Logger.Error("a verified event breaks a rule of the ledger; nothing was charged", zap.Error(err))
		return msgs, false
	}
	return append(msgs, msg), true
}

// chargeEvent is the event of a tracker's name at which a line item may charge.
func chargeEvent(kind string) campaigns.ChargeEvent {
	switch markup.Event(kind) {
	case markup.EventViewable:
		return campaigns.ChargeAtView
	case markup.EventComplete:
		return campaigns.ChargeAtComplete
	}
	return campaigns.ChargeAtBill
}
