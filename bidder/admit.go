package bidder

import (
	"slices"
	"time"

	"bidhawk/bidder/consent"
	"bidhawk/bidder/supply"
	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
)

// admission is what a request must pass before line items are looked at, in this
// order: what is cheap, then what reads more of the request. A bid ends at the
// first refusal; an explanation goes on, so each check works without those
// before it.
var admission = [...]func(*Bidder, *auction) NoBid{
	(*Bidder).admitNode, (*Bidder).admitQuota, (*Bidder).admitTime, (*Bidder).admitSeat, (*Bidder).admitDSA,
	(*Bidder).admitCurrency, (*Bidder).admitUser, (*Bidder).admitTraffic, (*Bidder).admitSellers,
}

// admitNode asks whether this node may bid at all.
func (b *Bidder) admitNode(a *auction) NoBid {
	switch {
	case b.draining.Load() || a.book == nil || b.deps.Ready() != nil:
		return NoBidNotReady
	case a.kill.StopsExchange(a.exchange.Name):
		return NoBidKilled
	}
	return NoBidNone
}

func (b *Bidder) admitQuota(a *auction) NoBid {
	if !a.dry && !a.exchange.quota.take(a.now) {
		return NoBidExchangeQPS
	}
	return NoBidNone
}

// admitTime sets the deadline: tmax includes the way there and back (section
// 3.2.1).
func (b *Bidder) admitTime(a *auction) NoBid {
	tmax := a.exchange.DefaultTMax
	if t := a.req.TMax; t > 0 {
		tmax = time.Duration(min(t, 60_000)) * time.Millisecond
	}
	a.deadline = a.now.Add(tmax - a.exchange.NetworkMargin)
	if !b.clock().Before(a.deadline) {
		return NoBidTimeout
	}
	return NoBidNone
}

func (b *Bidder) admitSeat(a *auction) NoBid {
	r, seat := &a.req, a.exchange.Seat
	if len(r.WSeat) > 0 && !containsText(r.WSeat, seat) || seat != "" && containsText(r.BSeat, seat) {
		return NoBidSeatBlocked
	}
	return NoBidNone
}

// admitDSA: where the act's notice must be shown and the publisher can't, nobody
// would: our markup does not.
func (b *Bidder) admitDSA(a *auction) NoBid {
	if g := a.req.Regs; g != nil && g.DSARequired >= dsaRequired && g.DSAPubRender == 0 {
		return NoBidDSA
	}
	return NoBidNone
}

// admitCurrency chooses the answer's currency: the first of the allowed ones that
// is agreed with the exchange and has a rate.
func (b *Bidder) admitCurrency(a *auction) NoBid {
	a.fx = b.deps.FX.At(a.now)
	e := a.exchange
	if len(a.req.Cur) == 0 {
		a.cur = e.Currency
		if a.fx.Knows(a.cur) {
			return NoBidNone
		}
	}
	for _, c := range a.req.Cur {
		if a.fx.Knows(c) && (len(e.Currencies) == 0 || slices.Contains(e.Currencies, c)) {
			a.cur = c
			return NoBidNone
		}
	}
	if a.cur == (money.Currency{}) {
		a.cur = e.Currency
	}
	return NoBidCurrency
}

// admitUser decides what may be known of the user, and finds out who it is.
func (b *Bidder) admitUser(a *auction) NoBid {
	s := consent.SignalsOf(&a.req)
	a.privacy = b.cfg.Privacy.Decide(&s)
	a.user, a.home = 0, household{}
	if a.privacy.Personal {
		a.user, a.userFrom = b.deps.Users.Resolve(&a.req, a.exchange.UserIDSpace, a.now)
		return NoBidNone
	}
	if !a.dry {
		b.metrics.withheld[a.privacy.Reason].Add(1)
	}
	if !b.cfg.ContextualWithoutBasis || !a.exchange.ContextualWithoutBasis {
		return NoBidPrivacy
	}
	return NoBidNone
}

// admitTraffic refuses what no person is behind. It comes before everything that
// is learned from traffic. Test auctions are sent by machines, and teach nothing.
func (b *Bidder) admitTraffic(a *auction) NoBid {
	switch {
	case b.deps.Traffic == nil || a.req.Test:
		return NoBidNone
	case a.dry:
		return ofTraffic(b.deps.Traffic.Look(&a.req))
	}
	return ofTraffic(b.deps.Traffic.Judge(&a.req, a.user, a.now))
}

// admitSellers refuses who may not sell the impression.
func (b *Bidder) admitSellers(a *auction) NoBid {
	o := offerOf(&a.req, a.exchange)
	return ofSupply(b.sellers().Judge(a.sellerRules(), &o))
}

// sellers is what is known of who may sell; nil knows nothing.
func (b *Bidder) sellers() *supply.Snapshot {
	if b.deps.Sellers == nil {
		return nil
	}
	return b.deps.Sellers()
}

func (a *auction) sellerRules() *supply.Rules {
	if a.req.DOOH != nil {
		return &a.exchange.screens
	}
	return &a.exchange.sellers
}

// offerOf is what the request says of who sells it.
func offerOf(r *openrtb.BidRequest, e *exchange) supply.Offer {
	o := supply.Offer{AdSystem: e.AdSystem, Chain: r.SChain}
	if p := r.Publisher(); p != nil {
		o.Seller = p.ID
	}
	switch {
	case r.Site != nil:
		o.Domain, o.InventoryPartner = r.Site.Domain, r.Site.Inventory
	case r.App != nil:
		o.App, o.Domain, o.Bundle, o.StoreURL, o.InventoryPartner = true, r.App.Domain, r.App.Bundle, r.App.StoreURL, r.App.Inventory
	}
	return o
}
