package campaigns

import (
	"fmt"
	"time"
)

const archivedRule = "must not be edited: it is archived for good"

// Validate implements Entity.
func (a *Agency) Validate(r *Refs) error {
	c := newChecker(KindAgency)
	c.entity(a, a.Name, r)
	span(c, "platform_fee_ppm", a.PlatformFee, 0, MaxPPM)
	return c.err()
}

// Validate implements Entity.
func (a *Advertiser) Validate(r *Refs) error {
	c := newChecker(KindAdvertiser)
	c.entity(a, a.Name, r)
	c.parent("agency_id", a, r.Agency == nil, r)
	c.text("currency", a.Currency.String(), currencyRule)
	c.text("time_zone", a.TimeZone, timeZoneRule)
	c.text("domain", a.Domain, domainRule)
	c.budget(a.Budget, r)
	span(c, "credit_nanos", a.Credit, 0, MaxBudget)
	c.check(a.Funded || a.Credit == 0, "credit_nanos", a.Credit, "must be 0 unless funded is true: without payments nothing is lent")
	c.texts("redirect_hosts", a.RedirectHosts, MaxRedirectHosts, domainRule)
	span(c, "click_window_hours", a.ClickWindowHours, 1, MaxClickWindow)
	span(c, "view_window_hours", a.ViewWindowHours, 1, MaxViewWindow)
	c.caps(a.FrequencyCaps)
	if before, ok := r.Before.(*Advertiser); ok {
		// Every amount and every day of the ledger is of this currency and zone.
		c.check(a.Currency == before.Currency, "currency", a.Currency, "must not change")
		c.check(a.TimeZone == before.TimeZone, "time_zone", a.TimeZone, "must not change")
	}
	return c.err()
}

// Validate implements Entity.
func (p *Campaign) Validate(r *Refs) error {
	c := newChecker(KindCampaign)
	c.entity(p, p.Name, r)
	c.parent("advertiser_id", p, r.Advertiser == nil, r)
	c.flight(p.Start, p.End)
	c.flights(p.Flights, p.Start, p.End)
	c.caps(p.FrequencyCaps)
	c.budget(p.Budget, r)
	return c.err()
}

// Validate implements Entity.
func (l *LineItem) Validate(r *Refs) error {
	c := newChecker(KindLineItem)
	c.entity(l, l.Name, r)
	c.parent("campaign_id", l, r.Campaign == nil || r.Advertiser == nil, r)
	l.validateFlight(c, r)
	l.validatePrice(c)
	l.validateGuarantee(c)
	c.budget(l.Budget, r)
	l.validateBound(c, r)
	c.text("pacing", string(l.Pacing), pacingRule)
	span(c, "frequency_cap.per_day", l.FrequencyCap.PerDay, 0, MaxPerDay)
	c.caps(l.FrequencyCaps)
	c.text("unknown_users", string(l.UnknownUsers), unknownUsersRule)
	l.validateCreatives(c, r)
	l.validateEvents(c, r)
	l.Targeting.validate(c, r.Tags)
	l.validateShared(c, r)
	return c.err()
}

// entity checks what all kinds have in common.
func (c *checker) entity(e Entity, name string, r *Refs) {
	c.text("name", name, nameRule)
	c.text("status", string(e.State()), statusRule)
	c.externalID(e, r)
	if r.Before != nil && r.Before.State() == StatusArchived {
		c.fail("status", e.State(), archivedRule)
	}
}

// externalID checks the caller's own id of e.
func (c *checker) externalID(e Entity, r *Refs) {
	id := e.Head().ExternalID
	if id == "" {
		return
	}
	if rule := visibleRule(id, MaxExternalIDBytes, "your own id of it"); rule != "" {
		c.fail("external_id", id, rule)
	} else if r.SameExternalID != 0 {
		c.fail("external_id", id, fmt.Sprintf("must be unique among the owner's: %s %d has it", e.Kind(), r.SameExternalID))
	}
}

// parent checks that the parent exists, is not archived and is the one it was.
func (c *checker) parent(field string, e Entity, missing bool, r *Refs) {
	kind, id := e.Parent()
	if missing {
		c.fail(field, id, "must be an existing "+string(kind))
		return
	}
	if r.Before != nil {
		_, was := r.Before.Parent()
		c.check(id == was, field, id, "must not change")
	}
	if a := r.archivedAncestor(); a != "" && e.State() != StatusArchived {
		c.fail(field, id, "must not be under an archived "+string(a))
	}
}

func (r *Refs) archivedAncestor() Kind {
	switch {
	case r.LineItem != nil && r.LineItem.Status == StatusArchived:
		return KindLineItem
	case r.Campaign != nil && r.Campaign.Status == StatusArchived:
		return KindCampaign
	case r.Advertiser != nil && r.Advertiser.Status == StatusArchived:
		return KindAdvertiser
	case r.Agency != nil && r.Agency.Status == StatusArchived:
		return KindAgency
	}
	return ""
}

func (c *checker) budget(b Budget, r *Refs) {
	span(c, "budget.daily_nanos", b.Daily, 0, MaxBudget)
	span(c, "budget.lifetime_nanos", b.Lifetime, 0, MaxBudget)
	c.check(r.Unbounded == 0, "budget", r.Unbounded,
		"must stay bounded: the named line item has no other budget")
}

// flight checks dates that must both be there.
func (c *checker) flight(start, end time.Time) {
	s, e := timeRule(start), timeRule(end)
	c.check(s == "", "start", start.Format(time.RFC3339), s)
	c.check(e == "", "end", end.Format(time.RFC3339), e)
	if s == "" && e == "" {
		c.check(start.Before(end), "end", end.Format(time.RFC3339), "must be after the start")
	}
}
