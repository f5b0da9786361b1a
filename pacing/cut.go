package pacing

import (
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// CheckEdit says whether the ledger can take an edit of limits. A limit below what
// is posted is refused with a *campaigns.ValidationError: it would promise what has
// been broken already. One between posted and committed is a target: note says so,
// and when it will hold. What the ledger does not know yet it has nothing against.
func (p *Pacer) CheckEdit(before, after campaigns.Entity) (note string, err error) {
	c := p.deps.Catalog()
	if c == nil {
		return "", nil
	}
	var advertiser, campaign, line campaigns.ID
	was, is := campaigns.Budget{}, campaigns.Budget{}
	switch e := after.(type) {
	case *campaigns.Advertiser:
		advertiser, was, is = e.ID, before.(*campaigns.Advertiser).Budget, e.Budget
	case *campaigns.Campaign:
		advertiser, campaign, was, is = e.AdvertiserID, e.ID, before.(*campaigns.Campaign).Budget, e.Budget
	case *campaigns.LineItem:
		l, ok := c.Lineage(e.ID)
		if !ok {
			return "", nil
		}
		advertiser, campaign, line, was, is = l.Advertiser.ID, l.Campaign.ID, e.ID, before.(*campaigns.LineItem).Budget, e.Budget
	}
	if was == is {
		return "", nil
	}
	for _, b := range p.Balances(advertiser) {
		if b.Campaign == campaign && b.LineItem == line {
			return cut(after.Kind(), b, is, p.cfg.Window+p.cfg.CloseAfter)
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
