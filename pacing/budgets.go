package pacing

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// equal compares instants as such, whatever their location.
func (t Terms) equal(o Terms) bool {
	if !t.Start.Equal(o.Start) || !t.End.Equal(o.End) {
		return false
	}
	t.Start, t.End = o.Start, o.End
	return t == o
}

func sameFlights(a, b []Flight) bool {
	return slices.EqualFunc(a, b, func(x, y Flight) bool { return x.Start.Equal(y.Start) && x.End.Equal(y.End) && x.Budget == y.Budget })
}

// budgetSync compares the catalogue with the ledger and writes what differs.
type budgetSync struct {
	s       *shard
	now     time.Time
	add     func(Type, campaigns.ID, any) error
	changed int
}

// syncBudgets writes a budget record for every account of this shard that the
// catalogue describes otherwise than the ledger, parents first. It waits until
// the records of the last time are read back, so as not to write them twice.
func (s *shard) syncBudgets(now time.Time, add func(Type, campaigns.ID, any) error) error {
	c := s.catalog
	if c == nil || c.Generation == s.synced || s.unread > 0 {
		return nil
	}
	b := budgetSync{s: s, now: now, add: add}
	var mine []campaigns.ID
	for id := range c.Advertisers {
		if eventlog.PartitionOf(MoneyKey(id), s.partitions) == s.partition {
			mine = append(mine, id)
		}
	}
	slices.Sort(mine)
	for _, id := range mine {
		if err := b.advertiser(c.Advertisers[id]); err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(c.Campaigns) {
		if err := b.campaign(c.Campaigns[id]); err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(c.LineItems) {
		if err := b.lineItem(id); err != nil {
			return err
		}
	}
	if err := b.gone(); err != nil {
		return err
	}
	if b.changed == 0 { // the ledger has read them all
		s.synced = c.Generation
	}
	return nil
}

func sortedKeys[V any](m map[campaigns.ID]V) []campaigns.ID { return slices.Sorted(maps.Keys(m)) }

// allows says why a budget may not be set: a limit below what is posted would
// promise what has been broken already. Between posted and committed it is a
// target, and holds once what is committed has come back.
func (n *node) allows(r *Budget, now time.Time) error {
	if n == nil {
		return nil
	}
	if posted := n.charge.Life.Posted; r.Lifetime > 0 && r.Lifetime < posted && r.Lifetime != n.terms.Lifetime {
		return fmt.Errorf("lifetime_nanos %d: is below what is posted, %d", r.Lifetime, posted)
	}
	if posted := n.charge.postedOn(n.owner.day); r.Daily > 0 && r.Daily < posted && r.Daily != n.terms.Daily {
		return fmt.Errorf("daily_nanos %d: is below what is posted today, %d", r.Daily, posted)
	}
	for _, f := range n.charge.Flights {
		i := slices.IndexFunc(r.Flights, func(g Flight) bool { return g.key() == f.Start })
		switch {
		case f.committed() == 0:
		case i < 0:
			return fmt.Errorf("flights: the flight of %v has money on it: it cannot go, nor start at another time", time.Unix(f.Start, 0).UTC())
		case r.Flights[i].Budget < f.Posted && r.Flights[i].Budget != f.Limit:
			return fmt.Errorf("flights[%d].budget_nanos %d: is below what is posted, %d", i, r.Flights[i].Budget, f.Posted)
		}
	}
	return nil
}

// put writes b where it differs from what the ledger has. What the ledger could
// not take is a problem that is reported, and changes nothing.
func (b *budgetSync) put(r Budget, have *node) error {
	if have != nil && have.terms.equal(r.Terms) && sameFlights(have.flights, r.Flights) {
		return nil
	}
	r.At, r.Epoch = b.now, b.s.epoch
	err := r.validate()
	if err == nil {
		err = b.allowed(&r, have)
	}
	if err != nil {
		b.s.problem(fmt.Sprintf("%s of advertiser %d, campaign %d, line item %d: %v", r.Level, r.Advertiser, r.Campaign, r.LineItem, err))
		return nil
	}
	b.changed++
	b.s.unread++
	return b.add(TypeBudget, r.Advertiser, r)
}

func (b *budgetSync) allowed(r *Budget, have *node) error {
	if r.Level == LevelAdvertiser {
		if err := have.allows(r, b.now); err != nil {
			return err
		}
		if have != nil && have.terms.Currency != r.Currency {
			return fmt.Errorf("currency: cannot change from %v to %v: its ledger is in %v", have.terms.Currency, r.Currency, have.terms.Currency)
		}
		_, err := b.s.zoneOf(r.Zone)
		return err
	}
	if err := have.allows(r, b.now); err != nil {
		return err
	}
	if have != nil && have.owner.node.id != int64(r.Advertiser) {
		return fmt.Errorf("advertiser: cannot move from %d", have.owner.node.id)
	}
	if have != nil && r.Level == LevelLineItem && have.parent.id != int64(r.Campaign) {
		return fmt.Errorf("campaign: cannot move from %d", have.parent.id)
	}
	return nil
}

func (b *budgetSync) advertiser(a *campaigns.Advertiser) error {
	agency := b.s.catalog.Agencies[a.AgencyID]
	t := Terms{Daily: a.Budget.Daily, Lifetime: a.Budget.Lifetime, Currency: a.Currency, Zone: a.TimeZone, Agency: a.AgencyID,
		Funded: a.Funded, Credit: a.Credit}
	if agency != nil {
		t.PlatformFee = agency.PlatformFee
		t.Active = a.Status == campaigns.StatusActive && agency.Status == campaigns.StatusActive
	}
	var have *node
	if bk := b.s.ledger.books[a.ID]; bk != nil {
		have = &bk.node
	}
	return b.put(Budget{Advertiser: a.ID, Level: LevelAdvertiser, Terms: t}, have)
}

// campaign writes a campaign whose advertiser is in the ledger already: a new
// advertiser is read back first.
func (b *budgetSync) campaign(c *campaigns.Campaign) error {
	bk := b.s.ledger.books[c.AdvertiserID]
	if bk == nil {
		return nil
	}
	t := Terms{Daily: c.Budget.Daily, Lifetime: c.Budget.Lifetime, Start: c.Start.UTC(), End: c.End.UTC(), Active: c.Status == campaigns.StatusActive}
	return b.put(Budget{Advertiser: c.AdvertiserID, Campaign: c.ID, Level: LevelCampaign, Terms: t, Flights: flightsOf(c.Flights)}, b.s.ledger.campaigns[c.ID])
}

func (b *budgetSync) lineItem(id campaigns.ID) error {
	l, ok := b.s.catalog.Lineage(id)
	if !ok || b.s.ledger.campaigns[l.Campaign.ID] == nil {
		return nil
	}
	li := l.LineItem
	t := Terms{
		Daily: li.Budget.Daily, Lifetime: li.Budget.Lifetime, Active: l.Active(), Start: li.Start.UTC(), End: li.End.UTC(),
		Pricing: li.Pricing, DataFee: li.DataFee.PerImpression(), Pacing: li.Pacing,
		// The operator's largest media cost: as much as can be charged, by the
		// line item's own limit or else the nearest one above it.
		MediaDaily:    firstLimit(li.MediaCap.Daily, li.Budget.Daily, l.Campaign.Budget.Daily, l.Advertiser.Budget.Daily),
		MediaLifetime: firstLimit(li.MediaCap.Lifetime, li.Budget.Lifetime, l.Campaign.Budget.Lifetime, l.Advertiser.Budget.Lifetime),
	}
	if li.Guaranteed { // bids whenever its deal is offered: there is nothing to spread
		t.Pacing = campaigns.PacingASAP
	}
	if li.Pricing == campaigns.PricingCPD && li.MediaCap.Daily == 0 { // a day brings its price, whatever the budget is
		t.MediaDaily = li.EventPrice()
	}
	if li.Pricing != campaigns.PricingCPM { // whose bids reserve what they charge
		t.EventPrice, t.Share = li.EventPrice(), li.Share()
		t.LateShare = li.LateShare(b.s.cfg.Window + b.s.cfg.CloseAfter)
	}
	return b.put(Budget{Advertiser: l.Advertiser.ID, Campaign: l.Campaign.ID, LineItem: id, Level: LevelLineItem, Terms: t, Flights: flightsOf(li.Flights)}, b.s.ledger.lines[id])
}

// gone pauses the line items that the catalogue no longer has.
func (b *budgetSync) gone() error {
	for _, id := range sortedKeys(b.s.ledger.lines) {
		n := b.s.ledger.lines[id]
		if _, ok := b.s.catalog.Lineage(id); ok || !n.terms.Active {
			continue
		}
		t := n.terms
		t.Active = false
		r := Budget{Advertiser: campaigns.ID(n.owner.node.id), Campaign: campaignOf(n), LineItem: id, Level: LevelLineItem, Terms: t, Flights: n.flights}
		if err := b.put(r, n); err != nil {
			return err
		}
	}
	return nil
}

func flightsOf(list []campaigns.Flight) (out []Flight) {
	for _, f := range list {
		out = append(out, Flight{Start: f.Start.UTC(), End: f.End.UTC(), Budget: f.Budget})
	}
	return out
}

func firstLimit(limits ...money.Nanos) money.Nanos {
	for _, l := range limits {
		if l > 0 {
			return l
		}
	}
	return 0
}

// problem keeps a message for the log, once.
func (s *shard) problem(text string) {
	if !s.refused[text] {
		s.refused[text] = true
		s.problems = append(s.problems, text)
	}
}
