package campaigns

import (
	"slices"
	"strings"
	"time"

	"bidhawk/internal/money"
)

// KindDeal is that of Deal.
const KindDeal Kind = "deal"

// Deal is what was agreed with a seller at an exchange: of one advertiser, or of an
// agency for all of its advertisers. Line items name it in targeting.deal_ids.
type Deal struct {
	Meta
	AgencyID     ID     `json:"agency_id,omitempty"`
	AdvertiserID ID     `json:"advertiser_id,omitempty"`
	Name         string `json:"name"`
	Status       Status `json:"status"`
	Exchange     string `json:"exchange"`
	// Seat is the buyer's seat that the deal was made with; empty: the exchange's.
	Seat string `json:"seat,omitempty"`
	// DealID is the exchange's id of it, as bid requests carry it.
	DealID string   `json:"deal_id"`
	Type   DealType `json:"type"`
	// Price is what was agreed: of a private auction the floor, of the others the
	// price, above which no bid under the deal goes.
	Price    money.CPM      `json:"price_micros"`
	Currency money.Currency `json:"currency"`
	Start    time.Time      `json:"start"`
	End      time.Time      `json:"end"`
}

// DealType says how a deal is sold.
type DealType string

// The types of deals.
const (
	DealPrivateAuction DealType = "private_auction"
	DealPreferred      DealType = "preferred"
	DealGuaranteed     DealType = "programmatic_guaranteed"
)

// MaxSeatBytes bounds a seat's id.
const MaxSeatBytes = 64

// Fixed says whether the price was agreed, and not its floor alone.
func (t DealType) Fixed() bool { return t == DealPreferred || t == DealGuaranteed }

// Kind implements Entity.
func (*Deal) Kind() Kind { return KindDeal }

// Parent implements Entity: the advertiser, or else the agency.
func (d *Deal) Parent() (Kind, ID) {
	if d.AdvertiserID != 0 {
		return KindAdvertiser, d.AdvertiserID
	}
	return KindAgency, d.AgencyID
}

// Label implements Entity.
func (d *Deal) Label() string { return d.Name }

// State implements Entity.
func (d *Deal) State() Status { return d.Status }

func (d *Deal) setState(s Status) { d.Status = s }

// Normalize implements Entity.
func (d *Deal) Normalize() {
	d.Name, d.Seat, d.DealID = strings.TrimSpace(d.Name), strings.TrimSpace(d.Seat), strings.TrimSpace(d.DealID)
	d.Status = orActive(d.Status)
	d.Exchange = lower(d.Exchange)
	d.Type = DealType(lower(string(d.Type)))
	d.Start, d.End = normalTime(d.Start), normalTime(d.End)
}

// Validate implements Entity.
func (d *Deal) Validate(r *Refs) error {
	c := newChecker(KindDeal)
	c.entity(d, d.Name, r)
	if d.AgencyID != 0 && d.AdvertiserID != 0 {
		c.fail("agency_id", d.AgencyID, "must be absent where advertiser_id is given: a deal is of one of them")
	} else if d.AdvertiserID != 0 {
		c.parent("advertiser_id", d, r.Advertiser == nil, r)
	} else {
		c.parent("agency_id", d, r.Agency == nil, r)
	}
	if before, ok := r.Before.(*Deal); ok {
		c.check(before.AgencyID == d.AgencyID, "agency_id", d.AgencyID, "must not change")
		c.check(before.AdvertiserID == d.AdvertiserID, "advertiser_id", d.AdvertiserID, "must not change")
		// What was counted is of the deal that it was.
		c.check(before.Exchange == d.Exchange, "exchange", d.Exchange, "must not change")
		c.check(before.DealID == d.DealID, "deal_id", d.DealID, "must not change")
	}
	c.text("exchange", d.Exchange, exchangeRule)
	if d.Seat != "" {
		c.text("seat", d.Seat, func(s string) string { return visibleRule(s, MaxSeatBytes, "a seat's id") })
	}
	c.text("deal_id", d.DealID, dealRule)
	c.check(slices.Contains([]DealType{DealPrivateAuction, DealPreferred, DealGuaranteed}, d.Type), "type", d.Type,
		"must be private_auction, preferred or programmatic_guaranteed")
	least := money.CPM(0)
	if d.Type.Fixed() {
		least = 1
	}
	span(c, "price_micros", d.Price, least, money.MaxCPM)
	c.text("currency", d.Currency.String(), currencyRule)
	c.flight(d.Start, d.End)
	return c.err()
}

// Of says whether line items of the advertiser may use the deal.
func (d *Deal) Of(a *Advertiser) bool {
	if d.AdvertiserID != 0 {
		return d.AdvertiserID == a.ID
	}
	return d.AgencyID == a.AgencyID
}

// InForce says whether bids may be made under the deal at that time.
func (d *Deal) InForce(at time.Time) bool {
	return d.Status == StatusActive && !at.Before(d.Start) && at.Before(d.End)
}

// ExpandDeals is l with the exchanges' ids of the deals that it names beside those
// that it has; l itself where it names none. Where all are paused or over, deals is
// empty: the line item bids on nothing.
func (c *Catalog) ExpandDeals(l *LineItem, a *Advertiser, now time.Time) (expanded *LineItem, bids bool) {
	if len(l.Targeting.DealIDs) == 0 {
		return l, true
	}
	out := *l
	out.Targeting.Deals = slices.Clone(l.Targeting.Deals)
	for _, id := range l.Targeting.DealIDs {
		d := c.Deals[id]
		if d == nil || !d.Of(a) || d.Status != StatusActive || !now.Before(d.End) || slices.Contains(out.Targeting.Deals, d.DealID) {
			continue
		}
		out.Targeting.Deals = append(out.Targeting.Deals, d.DealID)
	}
	return &out, len(out.Targeting.Deals) > 0
}
