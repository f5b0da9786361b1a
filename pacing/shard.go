package pacing

import (
	"container/heap"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
)

// shard owns one partition of money: it decides what the log shall hold and
// learns what the log holds. It does no I/O and reads no clock, so that the
// simulation drives the same code as the Pacer. Not safe for concurrent use.
//
// What it returns to be appended may be appended more than once, in the order
// of one call; all of it must be, before anything of a later call.
type shard struct {
	cfg        Config
	partition  int32
	partitions int32
	owner      string
	ledger     *ledger
	plan       *planner

	epoch  int64 // of our claim; -1 until it is read back
	nonce  int64 // of our last grant
	timers timerHeap
	open   map[int64]*request // by nonce: grants that are not read back yet
	unread int                // budget and day records of ours that are not read back yet

	catalog *campaigns.Catalog
	synced  int64 // generation of the catalogue that the ledger agrees with; -1: none
	zones   map[string]*time.Location
	seen    map[bidderOf]time.Time
	nextDay time.Time // turnDays looks again
	// mayClose: a day may be ready to close; see closeDays.
	mayClose bool

	unclaimed []Lease // granted to nobody: whoever asked has gone
	granted   int     // leases read back since the runner looked

	refused  map[string]bool // problems so far
	problems []string        // not yet logged: edits that the ledger cannot take
}

type bidderOf struct {
	book   *book
	bidder uint64
}

// request is a bidder's wish, as far as this shard answers it.
type request struct {
	bidder uint64
	items  []LeaseDemand
	// The answer.
	leases  []Lease
	refused []LeaseRefusal
	waits   int              // grants that are not read back yet
	done    func(error) bool // called once, when waits is 0 or the shard can't answer; false: nobody is there any more
	steer   map[campaigns.ID]steer
}

// ErrFenced reports that another owner has claimed the partition.
var ErrFenced = errors.New("another pacer has claimed the partition")

func newShard(cfg Config, partition, partitions int32, owner string, l *ledger) *shard {
	return &shard{
		cfg: cfg, partition: partition, partitions: partitions, owner: owner, ledger: l, plan: newPlanner(cfg.Window),
		epoch: -1, open: map[int64]*request{}, synced: -1, zones: map[string]*time.Location{}, seen: map[bidderOf]time.Time{},
		refused: map[string]bool{},
	}
}

// claim is the record that takes the partition.
func (s *shard) claim(now time.Time) (eventlog.Message, error) {
	value, err := encode(TypeClaim, Claim{At: now, Owner: s.owner})
	return eventlog.Message{Topic: eventlog.TopicMoney, Key: claimKey(s.partition, s.partitions), Value: value}, err
}

// claimKey is a key that the log puts into partition: claims belong to no advertiser.
func claimKey(partition, partitions int32) []byte {
	for i := 0; ; i++ {
		if key := strconv.AppendInt([]byte("claim-"), int64(i), 10); eventlog.PartitionOf(key, partitions) == partition {
			return key
		}
	}
}

// serving says whether grants count: our claim is read back and is the newest.
func (s *shard) serving() bool { return s.epoch >= 0 && s.epoch == s.ledger.epoch }

// read folds one record of the log. ErrFenced: a newer claim than ours; the
// shard must stop. Another error names the offset that the ledger cannot take.
func (s *shard) read(now time.Time, r *eventlog.Record, ours func(r *eventlog.Record) bool) (*Posting, error) {
	e, err := s.ledger.apply(r)
	if err != nil {
		return nil, err
	}
	switch {
	case e.claimed && ours(r): // again, where the append was repeated
		s.begin(now, r.Offset)
	case e.claimed && s.epoch >= 0:
		return nil, fmt.Errorf("partition %d: epoch %d ends at offset %d: %w", s.partition, s.epoch, r.Offset, ErrFenced)
	case e.granted != nil && s.serving():
		s.timers.add(timer{at: now.Add(time.Duration(e.granted.windowMS)*time.Millisecond + s.cfg.CloseAfter), lease: e.granted.id, typ: TypeClose})
	case e.phased != nil && s.serving():
		s.phase(now, e.phased, r)
	}
	if e.ended != nil || e.upkeep {
		s.mayClose = true
	}
	if s.serving() {
		if e.nonce != 0 {
			s.answer(e.nonce, e.granted)
		}
		if e.upkeep && s.unread > 0 {
			s.unread--
		}
	}
	return e.posting, nil
}

// begin starts our epoch at the claim's offset.
func (s *shard) begin(now time.Time, offset int64) {
	s.epoch, s.nonce, s.unread, s.synced, s.mayClose = offset, 0, 0, -1, true
	for _, rq := range s.open {
		rq.done(ErrNotReady) // its grants were of the epoch before
	}
	clear(s.open)
	s.restartTimers(now)
}

// tick says what is due by now: budgets that changed, days that turned, leases
// whose phase is over.
func (s *shard) tick(now time.Time, c *campaigns.Catalog) ([]eventlog.Message, error) {
	if !s.serving() {
		return nil, nil
	}
	s.catalog = c
	var out []eventlog.Message
	add := func(t Type, advertiser campaigns.ID, payload any) error {
		m, err := message(t, advertiser, payload)
		out = append(out, m)
		return err
	}
	if err := s.syncBudgets(now, add); err != nil {
		return nil, err
	}
	if err := s.turnDays(now, add); err != nil {
		return nil, err
	}
	if err := s.closeDays(now, add); err != nil {
		return nil, err
	}
	for len(s.timers) > 0 && !s.timers[0].at.After(now) {
		t := heap.Pop(&s.timers).(timer)
		ls := s.ledger.leases[t.lease]
		if ls == nil || ls.closed && t.typ != TypeHard || s.postponed(now, ls, t) || t.typ == TypeEase && !ls.opens(t.class) {
			continue
		}
		advertiser := campaigns.ID(ls.owner.node.id)
		if err := add(t.typ, advertiser, Phase{At: now, Epoch: s.epoch, Advertiser: advertiser, Lease: t.lease, Class: t.class, Keep: ls.keepFor(t)}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// turnDays starts the days that the zones have reached.
func (s *shard) turnDays(now time.Time, add func(Type, campaigns.ID, any) error) error {
	if now.Before(s.nextDay) || s.unread > 0 {
		return nil
	}
	s.nextDay = now.Add(dayEvery)
	var due []campaigns.ID
	for id, bk := range s.ledger.books {
		if loc, err := s.zone(bk); err == nil && DayOf(now.In(loc)) > bk.day { // put lets no unknown zone in
			due = append(due, id)
		}
	}
	slices.Sort(due)
	for _, id := range due {
		loc, _ := s.zone(s.ledger.books[id])
		if err := add(TypeDay, id, DayTurn{At: now, Epoch: s.epoch, Advertiser: id, Day: DayOf(now.In(loc))}); err != nil {
			return err
		}
		s.unread++
	}
	return nil
}

// closeDays writes the balances of the days that are over for good.
func (s *shard) closeDays(now time.Time, add func(Type, campaigns.ID, any) error) error {
	if !s.mayClose || s.unread > 0 {
		return nil
	}
	s.mayClose = false
	for _, id := range sortedKeys(s.ledger.books) {
		bk := s.ledger.books[id]
		for _, day := range bk.closings() {
			if err := add(TypeClosing, id, Closing{At: now, Epoch: s.epoch, Advertiser: id, Day: day, Accounts: bk.postedOn(day)}); err != nil {
				return err
			}
			s.unread++
		}
	}
	return nil
}

// begun says whether every advertiser has a day.
func (s *shard) begun() bool {
	for _, bk := range s.ledger.books {
		if bk.day == 0 {
			return false
		}
	}
	return true
}

// dayEvery is how often the zones are looked at; a lease ends at midnight by
// itself, so that a day may turn a little late.
const dayEvery = 200 * time.Millisecond

func (s *shard) zone(bk *book) (*time.Location, error) { return s.zoneOf(bk.node.terms.Zone) }

func (s *shard) zoneOf(name string) (*time.Location, error) {
	loc := s.zones[name]
	if loc == nil {
		var err error
		if loc, err = time.LoadLocation(name); err != nil || name == "" || name == "Local" {
			return nil, fmt.Errorf("time_zone %q: want a name of the IANA database", name)
		}
		s.zones[name] = loc
	}
	return loc, nil
}

func (s *shard) killed(id campaigns.ID) bool {
	return s.catalog == nil || s.catalog.KillsLineItem(id)
}

// bidders counts the bidders that share bk's money: those that asked lately.
func (s *shard) bidders(bk *book, bidder uint64, now time.Time) int {
	s.seen[bidderOf{bk, bidder}] = now
	n := 0
	for k, at := range s.seen {
		if now.Sub(at) > 3*s.cfg.Window {
			delete(s.seen, k)
		} else if k.book == bk {
			n++
		}
	}
	return n
}

// request sizes grants for the line items of rq that live here. What it returns
// must be appended; rq.done is called when the last of it is read back, or at
// once where nothing is granted.
func (s *shard) request(now time.Time, r *round, rq *request) ([]eventlog.Message, error) {
	if !s.serving() {
		rq.done(ErrNotReady)
		return nil, nil
	}
	byBook := map[*book][]*wish{}
	var books []*book
	for _, d := range rq.items {
		n := s.ledger.lines[d.LineItem]
		if n == nil {
			rq.refused = append(rq.refused, LeaseRefusal{LineItem: d.LineItem, Reason: RefusedInactive})
			continue
		}
		if byBook[n.owner] == nil {
			books = append(books, n.owner)
		}
		byBook[n.owner] = append(byBook[n.owner], &wish{LeaseDemand: d, line: n})
	}
	rq.steer = map[campaigns.ID]steer{}
	var out []eventlog.Message
	for _, bk := range books {
		for _, g := range r.grants(bk, rq.bidder, byBook[bk]) {
			s.nonce++
			g.Nonce = s.nonce
			m, err := message(TypeGrant, g.Advertiser, g)
			if err != nil {
				return nil, err
			}
			out = append(out, m)
			s.open[g.Nonce] = rq
			rq.waits++
		}
		for _, w := range byBook[bk] {
			rq.steer[w.LineItem] = steer{w.even, w.multiplier}
			if w.reason != RefusedNot {
				rq.refused = append(rq.refused, LeaseRefusal{w.LineItem, w.reason, w.multiplier})
			}
		}
	}
	if rq.waits == 0 {
		rq.done(nil)
	}
	return out, nil
}

// answer gives the lease of a grant that was read back to who waits for it.
func (s *shard) answer(nonce int64, ls *lease) {
	rq := s.open[nonce]
	if rq == nil {
		return
	}
	delete(s.open, nonce)
	if ls != nil {
		s.granted++
		window := time.Duration(ls.windowMS) * time.Millisecond
		l := Lease{ID: ls.id, Advertiser: campaigns.ID(ls.owner.node.id), Day: ls.day, Window: window, Close: window + s.cfg.CloseAfter}
		for _, it := range ls.items {
			id := campaigns.ID(it.line.id)
			l.Items = append(l.Items, LeaseItem{LineItem: id, Amounts: it.held, Smooth: rq.steer[id].smooth, Multiplier: rq.steer[id].multiplier})
		}
		rq.leases = append(rq.leases, l)
	}
	if rq.waits--; rq.waits == 0 && !rq.done(nil) {
		s.unclaimed = append(s.unclaimed, rq.leases...)
	}
}

// takeBack returns leases that nobody received. Their bidder never saw them, so
// nothing of them is reserved.
func (s *shard) takeBack(now time.Time) ([]eventlog.Message, error) {
	var out []eventlog.Message
	for _, l := range s.unclaimed {
		back := Return{At: now, Advertiser: l.Advertiser, Lease: l.ID}
		for _, it := range l.Items {
			back.Items = append(back.Items, ItemAmount{LineItem: it.LineItem, Amounts: it.Amounts})
		}
		m, err := message(TypeReturn, l.Advertiser, back)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	s.unclaimed = nil
	return out, nil
}
