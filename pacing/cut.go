package pacing

import (
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// LimitEdit is limits that an account of the ledger shall have.
type LimitEdit struct {
	Kind       campaigns.Kind `json:"kind" enum:"advertiser,campaign,line_item" doc:"whose limits they are"`
	Advertiser campaigns.ID   `json:"advertiser" minimum:"1"`
	Campaign   campaigns.ID   `json:"campaign,omitempty" doc:"of campaigns and line items"`
	LineItem   campaigns.ID   `json:"line_item,omitempty" doc:"of line items"`
	Daily      money.Nanos    `json:"daily_nanos" minimum:"0" doc:"0: none"`
	Lifetime   money.Nanos    `json:"lifetime_nanos" minimum:"0" doc:"0: none"`
	// Cut says that a limit is new or lower than it was: what else is edited takes
	// nothing away.
	Cut bool `json:"-"`
}

// LimitEditOf finds what an edit does to limits; false where it leaves them alone,
// or the ledger cannot know of them yet.
func LimitEditOf(c *campaigns.Catalog, before, after campaigns.Entity) (q LimitEdit, ok bool) {
	if c == nil {
		return q, false
	}
	was, is := campaigns.Budget{}, campaigns.Budget{}
	switch e := after.(type) {
	case *campaigns.Advertiser:
		q.Advertiser, was, is = e.ID, before.(*campaigns.Advertiser).Budget, e.Budget
	case *campaigns.Campaign:
		q.Advertiser, q.Campaign, was, is = e.AdvertiserID, e.ID, before.(*campaigns.Campaign).Budget, e.Budget
	case *campaigns.LineItem:
		l, known := c.Lineage(e.ID)
		if !known {
			return q, false
		}
		q.Advertiser, q.Campaign, q.LineItem, was, is = l.Advertiser.ID, l.Campaign.ID, e.ID, before.(*campaigns.LineItem).Budget, e.Budget
	default:
		return q, false
	}
	lower := func(was, is money.Nanos) bool { return is > 0 && (was == 0 || is < was) }
	q.Kind, q.Daily, q.Lifetime = after.Kind(), is.Daily, is.Lifetime
	q.Cut = lower(was.Daily, is.Daily) || lower(was.Lifetime, is.Lifetime)
	return q, was != is
}

// CheckLimits says whether the ledger can take limits. One below what is posted is
// refused with a *campaigns.ValidationError: it would promise what has been broken
// already. One between posted and committed is a target: note says so, and when it
// will hold. What the ledger does not know yet it has nothing against.
func (p *Pacer) CheckLimits(q LimitEdit) (note string, err error) {
	for _, b := range p.Balances(q.Advertiser) {
		if b.Campaign == q.Campaign && b.LineItem == q.LineItem {
			return cut(q.Kind, b, campaigns.Budget{Daily: q.Daily, Lifetime: q.Lifetime}, max(p.cfg.Window, sparseWindow)+p.cfg.CloseAfter)
		}
	}
	return "", nil
}

// cut compares new limits with what an account has.
func cut(kind campaigns.Kind, have AccountBalance, is campaigns.Budget, within time.Duration) (note string, err error) {
	var broken campaigns.ValidationError
	for _, f := range []struct {
		field, when string
		limit       money.Nanos
		have        Horizon
	}{
		{"daily_nanos", " today", is.Daily, have.Today}, {"lifetime_nanos", "", is.Lifetime, have.Lifetime},
	} {
		committed := addClamped(f.have.Posted, f.have.Held)
		switch {
		case f.limit == 0 || f.limit >= committed:
		case f.limit < f.have.Posted:
			broken.Violations = append(broken.Violations, campaigns.Violation{
				Field: string(kind) + ".budget." + f.field, Value: fmt.Sprint(int64(f.limit)),
				Rule: fmt.Sprintf("must be at least what is posted%s, %d", f.when, int64(f.have.Posted))})
		default:
			note = fmt.Sprintf("budget.%s is a target for now: %v %s are committed%s to bids that were made; it holds once they are billed or lost, in %v at the latest",
				f.field, committed, have.Currency, f.when, within)
		}
	}
	if len(broken.Violations) > 0 {
		return "", &broken
	}
	return note, nil
}
