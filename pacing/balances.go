package pacing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// AccountBalance is one account of an advertiser's tree, all in its currency.
type AccountBalance struct {
	Level      Level           `json:"level"`
	Advertiser campaigns.ID    `json:"advertiser"`
	Campaign   campaigns.ID    `json:"campaign,omitempty"`
	LineItem   campaigns.ID    `json:"line_item,omitempty"`
	Currency   money.Currency  `json:"currency"`
	Day        Day             `json:"day,omitzero"` // the advertiser's current day; absent before its first
	Today      Horizon         `json:"today"`        // of the charge
	Lifetime   Horizon         `json:"lifetime"`
	Flights    []FlightBalance `json:"flights,omitempty"` // of the charge, of campaigns and line items that have some
	// Of advertisers. A funded one's lifetime is bound by Paid + Credit too.
	Funded bool        `json:"funded,omitempty"`
	Credit money.Nanos `json:"credit_nanos,omitempty"`
	Paid   money.Nanos `json:"paid_nanos,omitempty"`
	// Of line items; zero at the other levels.
	Media       Horizon    `json:"media"` // lifetime
	MediaToday  Horizon    `json:"media_today"`
	DataFee     money.Wide `json:"data_fee_nanos"`
	PlatformFee money.Wide `json:"platform_fee_nanos"`
	Margin      money.Wide `json:"margin_nanos"`
	Late        money.Wide `json:"house_late_nanos"`
	Unbilled    money.Wide `json:"house_unbilled_nanos"`
}

// Horizon is a limit and what there is against it. Limit 0 is none.
type Horizon struct {
	Limit  money.Nanos `json:"limit_nanos"`
	Posted money.Nanos `json:"posted_nanos"`
	Held   money.Nanos `json:"held_nanos"` // leased, reserved or pending
}

// FlightBalance is the horizon of a flight; where its limit is 0 it is over.
type FlightBalance struct {
	Start int64 `json:"start"` // unix seconds
	Horizon
}

// Payable is what is owed to an exchange in one currency, by this pacer's partitions.
type Payable struct {
	Exchange string         `json:"exchange"`
	Currency money.Currency `json:"currency"`
	Owed     money.Wide     `json:"owed_nanos"`
}

// Balances lists the accounts of an advertiser, itself first, each campaign
// before its line items; nothing where the ledger does not know it.
func (p *Pacer) Balances(advertiser campaigns.ID) []AccountBalance {
	i := eventlog.PartitionOf(MoneyKey(advertiser), int32(len(p.shards)))
	r := p.shards[i]
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.shard.ledger.balances(advertiser)
}

// AllBalances is Balances of every advertiser, by id.
func (p *Pacer) AllBalances() []AccountBalance {
	var out []AccountBalance
	for _, r := range p.shards {
		r.mu.Lock()
		for _, id := range sortedKeys(r.mu.shard.ledger.books) {
			out = append(out, r.mu.shard.ledger.balances(id)...)
		}
		r.mu.Unlock()
	}
	slices.SortStableFunc(out, func(a, b AccountBalance) int { return cmp.Compare(a.Advertiser, b.Advertiser) })
	return out
}

func (l *ledger) balances(advertiser campaigns.ID) []AccountBalance {
	bk := l.books[advertiser]
	if bk == nil {
		return nil
	}
	var out []AccountBalance
	for n := range bk.nodes() {
		today := n.charge.on(bk.day)
		b := AccountBalance{
			Level: n.level, Advertiser: advertiser, Currency: bk.node.terms.Currency, Day: bk.day,
			Today:    Horizon{n.terms.Daily, today.Posted, today.Held},
			Lifetime: Horizon{n.terms.Lifetime, n.charge.Life.Posted, n.charge.Life.Held},
		}
		for _, f := range n.charge.Flights {
			b.Flights = append(b.Flights, FlightBalance{f.Start, Horizon{f.Limit, f.Posted, f.Held}})
		}
		switch n.level {
		case LevelAdvertiser:
			b.Funded, b.Credit, b.Paid = n.terms.Funded, n.terms.Credit, bk.paid
		case LevelCampaign:
			b.Campaign = campaigns.ID(n.id)
		case LevelLineItem:
			f := &n.line.Fees
			b.Campaign, b.LineItem = campaignOf(n), campaigns.ID(n.id)
			b.Media = Horizon{n.terms.MediaLifetime, n.media.Life.Posted, n.media.Life.Held}
			day := n.media.on(bk.day)
			b.MediaToday = Horizon{n.terms.MediaDaily, day.Posted, day.Held}
			b.DataFee, b.PlatformFee, b.Margin, b.Late, b.Unbilled = f.Data, f.Platform, f.Margin, f.Late, f.Unbilled
		}
		out = append(out, b)
	}
	return out
}

// Payables sums what is owed to the exchanges.
func (p *Pacer) Payables() []Payable {
	sums := map[payee]money.Wide{}
	for _, r := range p.shards {
		r.mu.Lock()
		for to, sum := range r.mu.shard.ledger.payables {
			sums[to] = sums[to].Plus(sum)
		}
		r.mu.Unlock()
	}
	out := make([]Payable, 0, len(sums))
	for to, sum := range sums {
		out = append(out, Payable{to.exchange, to.currency, sum})
	}
	slices.SortFunc(out, func(a, b Payable) int {
		return payee{a.Exchange, a.Currency}.compare(payee{b.Exchange, b.Currency})
	})
	return out
}

// Plans appends to dst every line item's plan and spend.
func (p *Pacer) Plans(dst []PlanView) []PlanView {
	now := p.deps.Clock()
	for _, r := range p.shards {
		r.mu.Lock()
		s := r.mu.shard
		for _, id := range sortedKeys(s.ledger.lines) {
			n := s.ledger.lines[id]
			dst = append(dst, s.plan.view(n, n.owner.day, now))
		}
		r.mu.Unlock()
	}
	return dst
}

// Stats counts what a pacer did since it was made.
type Stats struct {
	Records, Leases, Snapshots, AppendRetries int64
	OpenLeases                                int
	Outcomes                                  map[Outcome]int64
	Stopped                                   int   // partitions that cannot go on
	Fenced                                    int64 // times that another pacer claimed a partition of ours
}

// Stats sums the counters of every partition.
func (p *Pacer) Stats() Stats {
	out := Stats{Outcomes: map[Outcome]int64{}}
	for _, r := range p.shards {
		r.mu.Lock()
		out.Records += r.mu.records
		out.Leases += r.mu.leases
		out.Snapshots += r.mu.snapshots
		out.AppendRetries += r.mu.retries
		out.Fenced += r.mu.fenced
		out.OpenLeases += len(r.mu.shard.ledger.leases)
		for o, n := range r.mu.outcomes {
			out.Outcomes[o] += n
		}
		if r.mu.err != nil && !errors.Is(r.mu.err, errStopping) {
			out.Stopped++
		}
		r.mu.Unlock()
	}
	return out
}

// Totals is every balance of the ledger by account name, at an offset of each
// partition: what the auditor compares with its own. Zero balances are left out.
type Totals struct {
	Next     map[int32]int64 // by partition: the offset after the last record folded
	Accounts map[string]money.Wide
}

// Totals reads every balance.
func (p *Pacer) Totals() Totals {
	t := Totals{Next: map[int32]int64{}, Accounts: map[string]money.Wide{}}
	for _, r := range p.shards {
		r.mu.Lock()
		r.mu.shard.ledger.totals(t)
		r.mu.Unlock()
	}
	return t
}

func (l *ledger) totals(t Totals) {
	t.Next[l.partition] = l.next
	add := func(n money.Wide, parts ...string) {
		if n != (money.Wide{}) {
			name := pathOf(parts...)
			t.Accounts[name] = t.Accounts[name].Plus(n)
		}
	}
	for to, sum := range l.payables {
		add(sum, "payable", to.exchange, to.currency.String())
	}
	for id, sum := range l.agencies {
		add(sum, string(levelAgency), strconv.FormatInt(int64(id), 10), "charge", "posted")
	}
	for cur, sum := range l.fx {
		add(sum, "fx", cur.String())
	}
	for id, bk := range l.books {
		add(money.WideOf(bk.paid), string(LevelAdvertiser), strconv.FormatInt(int64(id), 10), "paid")
	}
	for _, bk := range l.books {
		for n := range bk.nodes() {
			level, id := string(n.level), strconv.FormatInt(n.id, 10)
			account := func(kind string, a *account) {
				add(money.WideOf(a.Life.Posted), level, id, kind, "posted")
				add(money.WideOf(a.Life.Held), level, id, kind, "held")
				for _, f := range a.Flights {
					start := strconv.FormatInt(f.Start, 10)
					add(money.WideOf(f.Posted), level, id, kind, "flight", start, "posted")
					add(money.WideOf(f.Held), level, id, kind, "flight", start, "held")
				}
				for _, d := range a.Days {
					if d.Day == bk.day {
						add(money.WideOf(d.Posted), level, id, kind, "today", "posted")
						add(money.WideOf(d.Held), level, id, kind, "today", "held")
					}
				}
			}
			account("charge", &n.charge)
			if n.line == nil {
				continue
			}
			account("media", &n.media)
			f := &n.line.Fees
			add(f.Data, level, id, "data_fee")
			add(f.Platform, level, id, "platform_fee")
			add(f.Margin, level, id, "margin")
			add(f.Late, level, id, "house_late")
			add(f.Unbilled, level, id, "house_unbilled")
		}
	}
}

// ReadSnapshotBalances reads the balances of a stopped server from its state
// directory, brought up to the log's end by folding what came after the
// snapshot. It changes nothing.
func ReadSnapshotBalances(ctx context.Context, dir string, log eventlog.Log) (t Totals, err error) {
	partitions, err := log.Partitions(ctx, eventlog.TopicMoney)
	if err != nil {
		return t, err
	}
	db, err := openPebble(dir, true)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	t = Totals{Next: map[int32]int64{}, Accounts: map[string]money.Wide{}}
	for i := range partitions {
		l, err := loadLedger(db, i, partitions)
		if err != nil {
			return t, fmt.Errorf("%s: %w", dir, err)
		}
		if err := l.catchUp(ctx, log); err != nil {
			return t, err
		}
		l.totals(t)
	}
	return t, nil
}

// catchUp folds the log up to its present end.
func (l *ledger) catchUp(ctx context.Context, log eventlog.Log) (err error) {
	_, end, err := log.Bounds(ctx, eventlog.TopicMoney, l.partition)
	if err != nil || l.next >= end {
		return err
	}
	r, err := log.Read(ctx, eventlog.TopicMoney, l.partition, l.next)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for l.next < end {
		recs, err := r.Fetch(ctx, 4096)
		if err != nil {
			return err
		}
		for i := range recs {
			if _, err := l.apply(&recs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
