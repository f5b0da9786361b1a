package pacing

import (
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// simOperator keeps the catalogue and edits it while money is on its way.
type simOperator struct {
	w       *simWorld
	catalog *campaigns.Catalog
	lines   []campaigns.ID
	homes   map[campaigns.ID]int32 // by advertiser
}

var simZones = []string{"America/New_York", "Asia/Tokyo", "UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"}

func newSimOperator(w *simWorld) *simOperator {
	o := &simOperator{w: w, homes: map[campaigns.ID]int32{}, catalog: &campaigns.Catalog{
		Generation: 1, Agencies: map[campaigns.ID]*campaigns.Agency{}, Advertisers: map[campaigns.ID]*campaigns.Advertiser{},
		Campaigns: map[campaigns.ID]*campaigns.Campaign{}, LineItems: map[campaigns.ID]*campaigns.LineItem{},
		Creatives: map[campaigns.ID]*campaigns.Creative{}, Kill: campaigns.KillState{LineItems: map[campaigns.ID]bool{}},
	}}
	o.catalog.Agencies[1] = &campaigns.Agency{Meta: campaigns.Meta{ID: 1, Revision: 1}, Status: campaigns.StatusActive, PlatformFee: 150_000}
	for a := range campaigns.ID(2 + w.rng.IntN(3)) {
		o.addAdvertiser(a + 1)
	}
	o.lines = sortedKeys(o.catalog.LineItems)
	w.tally.budgets(o.catalog)
	return o
}

// addAdvertiser makes one with two campaigns and their line items; its budgets
// are generous or tight.
func (o *simOperator) addAdvertiser(id campaigns.ID) {
	w, c := o.w, o.catalog
	scale := money.Nanos([]int{2, 8, 60}[w.rng.IntN(3)])
	if w.plant.byCampaign {
		scale = 1 // a hole of shared budgets is found where these are tight
	}
	meta := func(id campaigns.ID) campaigns.Meta { return campaigns.Meta{ID: id, Revision: 1} }
	c.Advertisers[id] = &campaigns.Advertiser{Meta: meta(id), AgencyID: 1, Status: campaigns.StatusActive, Currency: money.USD,
		TimeZone: simZones[w.rng.IntN(len(simZones))], Budget: campaigns.Budget{Daily: scale * 300_000_000, Lifetime: scale * 1_500_000_000}}
	if w.chance(300) { // it pays first
		c.Advertisers[id].Funded, c.Advertisers[id].Credit = true, scale*100_000_000
	}
	o.homes[id] = eventlog.PartitionOf(MoneyKey(id), int32(w.shape.partitions))
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for k := (id-1)*2 + 1; k <= id*2; k++ {
		c.Campaigns[k] = &campaigns.Campaign{Meta: meta(k), AdvertiserID: id, Status: campaigns.StatusActive, Start: start,
			End: start.AddDate(0, 2, 0), Budget: campaigns.Budget{Daily: scale * 250_000_000}}
		for range 1 + w.rng.IntN(3) {
			li := &campaigns.LineItem{Meta: meta(campaigns.ID(len(c.LineItems) + 1)), CampaignID: k, Status: campaigns.StatusActive, Price: 3_000_000,
				MaxBid: 2_500_000, DataFee: 200_000, ExpectedCTR: 20_000, Budget: campaigns.Budget{Daily: scale * 120_000_000, Lifetime: scale * 700_000_000}}
			o.terms(li)
			if w.chance(200) {
				li.Flights = o.flights(scale * 80_000_000)
			}
			c.LineItems[li.ID] = li
		}
		if w.chance(200) {
			c.Campaigns[k].Flights = o.flights(scale * 200_000_000)
		}
	}
}

// terms draws a pricing rule and a pacing.
func (o *simOperator) terms(li *campaigns.LineItem) {
	m := simModels[o.w.rng.IntN(len(simModels))]
	simRules[m].price(li, m)
	li.Pacing = []campaigns.Pacing{campaigns.PacingASAP, campaigns.PacingASAP, campaigns.PacingEven, campaigns.PacingAhead}[o.w.rng.IntN(4)]
}

func (o *simOperator) campaignOf(li campaigns.ID) campaigns.ID {
	return o.catalog.LineItems[li].CampaignID
}

// flights draws a plan of flights around now: some minutes to hours long, with
// gaps.
func (o *simOperator) flights(budget money.Nanos) (out []campaigns.Flight) {
	at := o.w.now.Add(-o.w.upTo(time.Hour)).Truncate(time.Second)
	for range 1 + o.w.rng.IntN(4) {
		end := at.Add(time.Duration(1+o.w.rng.IntN(12*3600)) * time.Second)
		out = append(out, campaigns.Flight{Start: at, End: end, Budget: budget + money.Nanos(o.w.rng.Int64N(int64(budget)))})
		at = end.Add(time.Duration(o.w.rng.IntN(300)) * time.Second)
	}
	return out
}

// correct pays, pays back or adjusts, sometimes twice.
func (o *simOperator) correct() {
	w := o.w
	l, _ := o.catalog.Lineage(o.lines[w.rng.IntN(len(o.lines))])
	adv := l.Advertiser.ID
	amount := func(n int64) money.Nanos { return money.Nanos(w.rng.Int64N(n) - n/2) }
	name := fmt.Sprint(w.rng.IntN(500)) // now and then one that was there before
	m, err := PaymentMessage(&Payment{At: w.now, Advertiser: adv, ID: name, Amount: 1 + amount(400_000_000), By: "sim"})
	if w.chance(500) {
		a := &Adjust{At: w.now, Advertiser: adv, LineItem: l.LineItem.ID, ID: name, Charge: amount(4_000_000), Media: amount(4_000_000),
			DataFee: amount(400_000), HouseLate: amount(400_000), Cause: "sim", Reason: "sim", By: "sim"}
		if a.Payable = a.Media; a.Media != 0 {
			a.Exchange, a.PayableCurrency = "alpha", money.USD
		}
		m, err = AdjustMessage(a)
		w.count(faultAdjusted)
	} else {
		w.count(faultPaid)
	}
	if err != nil {
		w.fail(err)
		return
	}
	home := w.home(adv, l.Campaign.ID)
	w.log.append(home, m)
	if w.chance(100) {
		w.log.append(home, m)
	}
}

// node is an account of the ledger as its owner has it now, nil where there is none.
func (o *simOperator) node(advertiser, line campaigns.ID) *node {
	home := o.w.home(advertiser, 0)
	s := o.w.pacers[o.w.group[home]].shards[home]
	if s == nil {
		return nil
	}
	return s.ledger.lines[line]
}

// edit changes something of the catalogue; everybody hears of it in time.
func (o *simOperator) edit() {
	w := o.w
	c := cloneCatalog(o.catalog)
	c.Generation++
	li := c.LineItems[o.lines[w.rng.IntN(len(o.lines))]]
	camp := c.Campaigns[li.CampaignID]
	adv := c.Advertisers[camp.AdvertiserID]
	if w.chance(150) {
		o.correct()
		return
	}
	switch w.rng.IntN(13) {
	case 0, 1, 2:
		o.budget(li, camp, adv)
	case 3, 4, 5:
		o.cut(li, camp, adv)
	case 6:
		w.count(faultDateEdit)
		o.dates(li)
	case 7:
		w.count(faultZoneEdit)
		adv.TimeZone = simZones[w.rng.IntN(len(simZones))]
		if w.chance(100) {
			adv.TimeZone = "Mars/Olympus_Mons"
		}
		w.note("advertiser %d moves to %s", adv.ID, adv.TimeZone)
	case 8, 9:
		w.count(faultPricingEdit)
		o.terms(li)
		li.DataFee = money.CPM(w.rng.IntN(500_000))
		w.note("line item %d is now %s, data fee %d", li.ID, li.Pricing, li.DataFee)
	case 10:
		w.count(faultFlightEdit)
		if li.Flights = o.flights(300_000_000); w.chance(300) {
			li.Flights = nil
		}
		w.note("line item %d has flights %v", li.ID, li.Flights)
	default:
		w.count(faultSwitchEdit)
		o.toggle(c, li)
	}
	o.catalog = c
	w.tally.budgets(c)
}

func (o *simOperator) budget(li *campaigns.LineItem, camp *campaigns.Campaign, adv *campaigns.Advertiser) {
	w := o.w
	w.count(faultBudgetEdit)
	amount := 20_000_000 + money.Nanos(w.rng.Int64N(1_000_000_000))
	switch w.rng.IntN(5) {
	case 0:
		li.Budget.Daily = amount
	case 1:
		camp.Budget.Daily = 2 * amount
	case 2:
		adv.Budget.Daily = 3 * amount
	case 3:
		li.Budget.Lifetime = 4 * amount
	case 4:
		adv.Budget.Lifetime = 20 * amount
	}
	w.note("budgets: line item %d %+v, campaign %d %+v, advertiser %d %+v", li.ID, li.Budget, camp.ID, camp.Budget, adv.ID, adv.Budget)
}

// cut brings a budget down between what is posted and what is committed.
func (o *simOperator) cut(li *campaigns.LineItem, camp *campaigns.Campaign, adv *campaigns.Advertiser) {
	n := o.node(adv.ID, li.ID)
	if n == nil {
		return
	}
	level := o.w.rng.IntN(3)
	for range level {
		n = n.parent
	}
	b, d := n.charge.Life, simOn(&n.charge, n.owner.day)
	if b.Held <= 1 || d.Held <= 1 {
		return
	}
	o.w.count(faultBudgetCut)
	life, daily := b.Posted+1+money.Nanos(o.w.rng.Int64N(int64(b.Held))), d.Posted+1+money.Nanos(o.w.rng.Int64N(int64(d.Held)))
	if o.w.chance(200) { // below what is posted: the ledger must not take it
		life, daily = max(1, b.Posted/2), max(1, d.Posted/2)
	}
	switch level {
	case 0:
		li.Budget.Lifetime = life
	case 1:
		camp.Budget.Daily = daily
	case 2:
		adv.Budget.Lifetime = life
	}
	o.w.note("a cut below what is pending: line item %d %+v, campaign %d %+v, advertiser %d %+v", li.ID, li.Budget, camp.ID, camp.Budget, adv.ID, adv.Budget)
}

// simOn reads a day's balance; on would add it.
func simOn(a *account, d Day) balance {
	for _, b := range a.Days {
		if b.Day == d {
			return b.balance
		}
	}
	return balance{}
}

func (o *simOperator) dates(li *campaigns.LineItem) {
	w := o.w
	li.Start, li.End = time.Time{}, time.Time{}
	switch w.rng.IntN(3) {
	case 0:
		li.End = w.now.Add(w.upTo(10 * time.Minute))
	case 1:
		li.Start = w.now.Add(w.upTo(time.Minute))
	}
	w.note("line item %d runs from %v to %v", li.ID, li.Start, li.End)
}

func (o *simOperator) toggle(c *campaigns.Catalog, li *campaigns.LineItem) {
	switch o.w.rng.IntN(6) {
	case 0:
		li.Status = campaigns.StatusPaused
	case 1:
		c.Kill.LineItems[li.ID] = true
	default:
		for _, id := range o.lines {
			x := c.LineItems[id]
			x.Status, x.Start, x.End = campaigns.StatusActive, time.Time{}, time.Time{}
		}
		clear(c.Kill.LineItems)
	}
	o.w.note("line item %d is %s, killed: %v", li.ID, li.Status, c.Kill.LineItems)
}
