package pacing

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/pacing/audit"
)

// sim is one seeded run of the world: a pacer that dies, sleeps and is
// replaced, bidders that die, an exchange whose notices are late, lost, doubled
// and wrong, an operator who edits budgets and zones, and an auditor who reads
// every record as it is written. Time is virtual; a seed replays exactly.
type sim struct {
	t       testing.TB
	seed    uint64
	rng     *rand.Rand
	now     time.Time
	cfg     Config
	log     []eventlog.Record
	auditor *audit.Partition
	entries []audit.Entry
	store   memStore
	catalog *campaigns.Catalog
	pacer   *simPacer
	stale   []*simPacer // paused, not knowing that they have been replaced
	bidders []*simBidder
	mail    []simMail
	bids    uint64
	lives   uint64
	trace   []string
	seen    map[Outcome]int
	broken  error
	plant   simFault
}

// simFault is a bug planted on purpose.
type simFault struct {
	before   func(l *ledger, r *eventlog.Record)
	after    func(l *ledger, r *eventlog.Record)
	restored func(l *ledger)
	recycle  bool // bidders reserve from leases they have returned
}

type simPacer struct {
	shard *shard
	value []byte // of its claim
}

type simMail struct {
	at  time.Time
	seq int
	msg eventlog.Message
}

type simBidder struct {
	incarnation uint64
	leases      []*simLease
}

type simLease struct {
	Lease
	end      time.Time
	returned bool
}

var simStart = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)

func newSim(t testing.TB, seed uint64, plant simFault) *sim {
	cfg := DefaultConfig()
	cfg.CloseAfter, cfg.HardAfter = 30*time.Second, 10*time.Minute
	s := &sim{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), now: simStart, cfg: cfg, auditor: audit.NewPartition(0), seen: map[Outcome]int{}, plant: plant}
	s.catalog = testCatalog()
	s.start()
	s.bidders = []*simBidder{s.newBidder(), s.newBidder()}
	return s
}

func (s *sim) newBidder() *simBidder { s.lives++; return &simBidder{incarnation: s.lives} }

func (s *sim) chance(percent int) bool { return s.rng.IntN(100) < percent }

func (s *sim) note(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf("%s #%d ", s.now.Format("02 15:04:05.000"), len(s.log))+fmt.Sprintf(format, args...))
	if len(s.trace) > 400 {
		s.trace = s.trace[200:]
	}
}

func (s *sim) fail(err error) {
	if s.broken == nil && err != nil {
		s.broken = err
		s.note("BROKEN %v", err)
	}
}

// write appends what must be appended; now and then the log takes a part,
// reports an error, and gets all of it again.
func (s *sim) write(msgs []eventlog.Message) {
	if len(msgs) > 0 && s.chance(3) {
		s.put(msgs[:s.rng.IntN(len(msgs)+1)])
		s.note("append repeated")
	}
	s.put(msgs)
}

func (s *sim) put(msgs []eventlog.Message) {
	for _, m := range msgs {
		r := eventlog.Record{Topic: m.Topic, Offset: int64(len(s.log)), Time: s.now, Key: m.Key, Value: m.Value}
		s.log = append(s.log, r)
		s.note("%s", m.Value)
		e, err := s.auditor.Apply(r.Offset, r.Value)
		if err != nil {
			s.fail(fmt.Errorf("auditor: offset %d: %w", r.Offset, err))
		}
		s.entries = append(s.entries, e)
	}
}

// start brings up a pacer from the newest snapshot.
func (s *sim) start() {
	l, err := loadLedger(&s.store, 0, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.plant.restored != nil {
		s.plant.restored(l)
	}
	s.lives++
	p := &simPacer{shard: newShard(s.cfg, 0, 1, fmt.Sprintf("%016x", s.lives), l)}
	claim, err := p.shard.claim(s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	p.value = claim.Value
	s.pacer = p
	s.put([]eventlog.Message{claim})
}

// read lets p read up to max records of the log. It says whether p goes on.
func (s *sim) read(p *simPacer, max int) bool {
	l := p.shard.ledger
	for ; max > 0 && l.next < int64(len(s.log)); max-- {
		r := &s.log[l.next]
		if s.plant.before != nil {
			s.plant.before(l, r)
		}
		posting, err := p.shard.read(s.now, r, func(r *eventlog.Record) bool { return bytes.Equal(r.Value, p.value) })
		if errors.Is(err, ErrFenced) {
			return false
		}
		if err != nil {
			s.fail(fmt.Errorf("ledger: %w", err))
			return false
		}
		if s.plant.after != nil {
			s.plant.after(l, r)
		}
		s.agree(r.Offset, posting)
	}
	back, err := p.shard.takeBack(s.now)
	s.fail(err)
	s.put(back)
	return true
}

// agree holds the ledger's decision against the auditor's.
func (s *sim) agree(offset int64, p *Posting) {
	var got audit.Entry
	if p != nil {
		s.seen[p.Outcome]++
		got = audit.Entry{Outcome: string(p.Outcome), Charge: int64(p.Charge), Late: int64(p.HouseLate), Unbilled: int64(p.HouseUnbilled),
			Media: int64(p.Media), Payable: int64(p.Payable), DataFee: int64(p.DataFee), PlatformFee: int64(p.PlatformFee), Margin: int64(p.Margin)}
	}
	if want := s.entries[offset]; got != want {
		s.fail(fmt.Errorf("offset %d: the ledger decides %+v; the auditor %+v", offset, got, want))
	}
}

func (s *sim) snapshot() {
	if err := s.store.commit(func(w snapWriter) error { return s.pacer.shard.ledger.flush(w, 1) }); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sim) compare() {
	if !s.read(s.pacer, 1<<30) {
		s.fail(errors.New("the newest pacer was fenced"))
		return
	}
	s.read(s.pacer, 1<<30) // what it took back
	t := Totals{Next: map[int32]int64{}, Accounts: map[string]money.Wide{}}
	s.pacer.shard.ledger.totals(t)
	if res := s.auditor.Compare(t.Accounts); !res.Clean() || res.Over.Sign() != 0 {
		s.fail(fmt.Errorf("balances at offset %d: %v, over by %v", len(s.log), res.Violations, res.Over))
	}
}

func (s *sim) step() {
	switch n := s.rng.IntN(1000); {
	case n < 500:
		s.bid()
	case n < 640:
		s.ask(s.pacer, s.bidders[s.rng.IntN(len(s.bidders))])
	case n < 860:
		s.wait(time.Duration(s.rng.IntN(2000)) * time.Millisecond)
	case n < 880:
		s.wait(time.Duration(s.rng.IntN(60)) * time.Second)
	case n < 885:
		s.wait(time.Duration(s.rng.IntN(120)) * time.Minute)
	case n < 920:
		s.snapshot()
	case n < 930:
		s.note("pacer dies")
		s.start()
	case n < 940:
		s.note("pacer sleeps and is replaced")
		s.stale = append(s.stale, s.pacer)
		s.start()
	case n < 955 && len(s.stale) > 0:
		s.wake()
	case n < 965:
		i := s.rng.IntN(len(s.bidders))
		s.note("bidder %x dies", s.bidders[i].incarnation)
		s.bidders[i] = s.newBidder()
	case n < 990:
		s.edit()
	}
	s.deliver()
	if !s.read(s.pacer, s.rng.IntN(20)) {
		s.fail(errors.New("the newest pacer was fenced"))
	}
}

// wait moves the clock and lets everybody act on it.
func (s *sim) wait(d time.Duration) {
	s.now = s.now.Add(d)
	msgs, err := s.pacer.shard.tick(s.now, s.catalog)
	s.fail(err)
	s.write(msgs)
	for _, b := range s.bidders {
		for _, l := range b.leases {
			if !s.now.Before(l.end) && !l.returned {
				s.giveBack(l)
			}
		}
	}
}

// wake lets a pacer that slept act before it reads that it was replaced.
func (s *sim) wake() {
	p := s.stale[0]
	s.stale = s.stale[1:]
	s.note("a pacer wakes")
	msgs, err := p.shard.tick(s.now, s.catalog)
	s.fail(err)
	s.write(msgs)
	s.ask(p, s.bidders[0])
	if s.read(p, 1<<30) {
		s.fail(errors.New("a replaced pacer did not notice"))
	}
}

// ask requests leases; now and then the answer gets lost on the way.
func (s *sim) ask(p *simPacer, b *simBidder) {
	rq := &request{bidder: b.incarnation}
	for _, id := range sortedKeys(s.catalog.LineItems) {
		if s.chance(50) {
			need, err := Need(s.catalog.LineItems[id], s.catalog.LineItems[id].MaxBid, 20_000)
			s.fail(err)
			rq.items = append(rq.items, LeaseDemand{LineItem: id, Need: need, Asked: need.Charge * 20, Over: 2 * time.Second})
		}
	}
	from, lost := s.now, s.chance(5)
	rq.done = func(err error) bool {
		if err != nil || lost {
			return !lost
		}
		for _, l := range rq.leases {
			b.leases = append(b.leases, &simLease{Lease: l, end: from.Add(l.Window)})
		}
		return true
	}
	msgs, err := p.shard.request(s.now, p.shard.newRound(s.now), rq)
	s.fail(err)
	s.write(msgs)
}

// bid reserves from a lease and decides what will become of it.
func (s *sim) bid() {
	b := s.bidders[s.rng.IntN(len(s.bidders))]
	b.leases = slices.DeleteFunc(b.leases, func(l *simLease) bool { return l.returned && !s.plant.recycle })
	if len(b.leases) == 0 {
		return
	}
	l := b.leases[s.rng.IntN(len(b.leases))]
	it := &l.Items[s.rng.IntN(len(l.Items))]
	li := s.catalog.LineItems[it.LineItem]
	need, err := Need(li, 1+money.CPM(s.rng.Int64N(int64(li.MaxBid))), 20_000)
	s.fail(err)
	if (l.returned || !s.now.Before(l.end)) && !s.plant.recycle || it.Charge < need.Charge || it.Media < need.Media {
		return
	}
	it.Charge -= need.Charge
	it.Media -= need.Media
	s.bids++
	line, _ := s.catalog.Lineage(it.LineItem)
	n := Notice{At: s.now, Advertiser: l.Advertiser, Campaign: line.Campaign.ID, LineItem: it.LineItem, Creative: 1, Lease: l.ID,
		Bid: ids.BidID{Incarnation: b.incarnation, Counter: s.bids}, Exchange: []string{"demo", "other"}[s.rng.IntN(2)],
		ReservedMedia: need.Media, ReservedCharge: need.Charge, PriceCurrency: money.USD, FXRate: money.One, Day: l.Day, Test: s.chance(2)}
	if s.chance(20) { // paid in another currency
		n.PriceCurrency, n.FXRate = money.Currency{'E', 'U', 'R'}, 1_083_700_011
	}
	n.Price, err = clearingPrice(s.rng, &n)
	s.fail(err)
	s.outcome(n)
}

// clearingPrice is mostly within the reservation, sometimes 0 and sometimes above.
func clearingPrice(rng *rand.Rand, n *Notice) (money.CPM, error) {
	own, err := money.MulDiv(int64(n.ReservedMedia), int64(money.One), int64(n.FXRate))
	switch rng.IntN(20) {
	case 0:
		return 0, err
	case 1:
		return money.CPM(own * 3), err
	}
	return money.CPM(rng.Int64N(own + 1)), err
}

func (s *sim) outcome(n Notice) {
	if s.chance(60) {
		if s.chance(85) { // or the loss notice is lost
			s.send(LossMessage, n)
		}
		if s.chance(95) {
			return
		} // or it was a mistake: the bill comes too
	}
	if s.chance(5) {
		bad := n
		bad.PriceBad, bad.Price = PriceUnreplaced, 0
		s.send(BillMessage, bad)
	}
	if s.chance(5) { // a browser fires a price of 0 first
		zero := n
		zero.Price = 0
		s.send(BillMessage, zero)
	}
	if s.chance(95) {
		s.send(BillMessage, n)
	}
	if s.chance(10) {
		s.send(ClickMessage, n)
	}
}

// send puts a notice into the mail, sometimes twice, mostly soon, sometimes
// after the close and sometimes after hard.
func (s *sim) send(make func(*Notice) (eventlog.Message, error), n Notice) {
	msg, err := make(&n)
	s.fail(err)
	for range 1 + s.rng.IntN(5)/4 {
		d := time.Duration(s.rng.ExpFloat64() * float64(2*time.Second))
		if s.chance(5) {
			d = time.Duration(s.rng.IntN(15)) * time.Minute
		}
		s.mail = append(s.mail, simMail{s.now.Add(d), len(s.mail), msg})
	}
}

func (s *sim) deliver() {
	var due []simMail
	s.mail = slices.DeleteFunc(s.mail, func(m simMail) bool {
		if !m.at.After(s.now) {
			due = append(due, m)
			return true
		}
		return false
	})
	slices.SortStableFunc(due, func(a, b simMail) int { return cmp.Or(a.at.Compare(b.at), a.seq-b.seq) })
	for _, m := range due {
		s.put([]eventlog.Message{m.msg})
	}
}

func (s *sim) giveBack(l *simLease) {
	l.returned = true
	r := Return{At: s.now, Advertiser: l.Advertiser, Lease: l.ID}
	for _, it := range l.Items {
		r.Items = append(r.Items, ItemAmount{it.LineItem, it.Amounts})
	}
	msg, err := message(TypeReturn, l.Advertiser, r)
	s.fail(err)
	if s.chance(95) { // or it is lost
		s.mail = append(s.mail, simMail{s.now.Add(time.Duration(s.rng.IntN(3000)) * time.Millisecond), len(s.mail), msg})
		if s.chance(5) {
			s.mail = append(s.mail, simMail{s.now.Add(time.Second), len(s.mail), msg})
		}
	}
}

// edit changes something of the catalogue.
func (s *sim) edit() {
	c := cloneCatalog(s.catalog)
	c.Generation++
	li := c.LineItems[sortedKeys(c.LineItems)[s.rng.IntN(len(c.LineItems))]]
	camp := c.Campaigns[li.CampaignID]
	adv := c.Advertisers[camp.AdvertiserID]
	amount := func() money.Nanos { return money.Nanos(s.rng.Int64N(300_000_000)) }
	switch s.rng.IntN(9) {
	case 0:
		li.Budget.Daily = amount()
	case 1:
		camp.Budget.Daily = amount()
	case 2:
		adv.Budget.Daily = amount()
	case 3:
		adv.Budget.Lifetime = 100_000_000 + 10*amount()
	case 4:
		adv.TimeZone = []string{"Asia/Tokyo", "America/Los_Angeles", "UTC", "Europe/Berlin"}[s.rng.IntN(4)]
	case 5:
		li.Status = []campaigns.Status{campaigns.StatusActive, campaigns.StatusActive, campaigns.StatusPaused}[s.rng.IntN(3)]
	case 6:
		if li.Pricing == campaigns.PricingCPM {
			li.Pricing, li.Price = campaigns.PricingCPC, 40_000
		} else {
			li.Pricing, li.Price = campaigns.PricingCPM, 3_000_000
		}
	case 7:
		li.DataFee = money.CPM(s.rng.IntN(500_000))
	case 8:
		li.Pacing = []campaigns.Pacing{campaigns.PacingEven, campaigns.PacingASAP}[s.rng.IntN(2)]
	}
	s.catalog = c
	s.note("edit")
}

// run plays steps and then lets every lease end; it returns the first breach.
func (s *sim) run(steps int) error {
	for i := 0; i < steps && s.broken == nil; i++ {
		s.step()
		if i%25 == 0 {
			s.compare()
		}
	}
	for range 40 {
		if s.broken != nil {
			return s.broken
		}
		s.wait(time.Minute)
		s.deliver()
		s.compare()
	}
	for id, n := range s.pacer.shard.ledger.lines {
		if n.charge.Life.Held != 0 || n.media.Life.Held != 0 {
			s.fail(fmt.Errorf("line item %d still holds %+v, media %+v when every lease has ended", id, n.charge.Life, n.media.Life))
		}
	}
	if left := len(s.pacer.shard.ledger.leases); left > 0 {
		s.fail(fmt.Errorf("%d leases never ended", left))
	}
	return s.broken
}
