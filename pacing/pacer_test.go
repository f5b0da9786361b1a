package pacing

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/pacing/audit"
)

// pacerWorld is a pacer over a log in memory, in synctest's time.
type pacerWorld struct {
	t       *testing.T
	log     *memLog
	store   *memStore
	catalog *campaigns.Catalog // as of the last set
	feed    atomic.Pointer[campaigns.Catalog]
	p       *Pacer
	cancel  context.CancelFunc
	ran     chan error
}

func newPacerWorld(t *testing.T) *pacerWorld {
	w := &pacerWorld{t: t, log: newMemLog(2, time.Now), store: &memStore{}, catalog: testCatalog()}
	for _, c := range w.catalog.Campaigns {
		c.Start = time.Now().Add(-time.Hour)
	}
	w.feed.Store(w.catalog)
	w.start()
	return w
}

func (w *pacerWorld) start() {
	w.t.Helper()
	p, err := NewPacer(w.t.Context(), testConfig(), Deps{Log: w.log, Dir: "unused", store: w.store, Clock: time.Now,
		Catalog: w.feed.Load, Logger: zap.NewNop()})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	w.p, w.cancel, w.ran = p, cancel, make(chan error, 1)
	go func() { w.ran <- p.Run(ctx) }()
	w.t.Cleanup(func() {
		if w.p == p {
			w.stop() // the test failed halfway
		}
	})
}

func (w *pacerWorld) ready() {
	w.t.Helper()
	for range 1000 {
		if w.p.Ready() == nil {
			return
		}
		time.Sleep(10 * time.Millisecond) // virtual
	}
	w.t.Fatal(w.p.Ready())
}

func (w *pacerWorld) stop() error {
	w.cancel()
	err := <-w.ran
	if closeErr := w.p.Close(); closeErr != nil {
		w.t.Error(closeErr)
	}
	w.p = nil
	return err
}

func (w *pacerWorld) lease(lines ...campaigns.ID) LeaseGrant {
	w.t.Helper()
	req := LeaseRequest{Bidder: 5}
	for _, id := range lines {
		need, err := Need(w.catalog.LineItems[id], w.catalog.LineItems[id].MaxBid, 20_000)
		if err != nil {
			w.t.Fatal(err)
		}
		req.Items = append(req.Items, LeaseDemand{LineItem: id, Need: need})
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
	defer cancel()
	g, err := w.p.RequestLease(ctx, req)
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

func (w *pacerWorld) settle() {
	synctest.Wait()
	time.Sleep(time.Second)
	synctest.Wait()
}

func (w *pacerWorld) audit() *audit.Result {
	w.t.Helper()
	w.settle()
	totals := w.p.Totals()
	res, err := audit.Run(w.t.Context(), w.log, &audit.Expected{Next: totals.Next, Accounts: totals.Accounts})
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

func reasons(g LeaseGrant) map[campaigns.ID]Refusal {
	out := map[campaigns.ID]Refusal{}
	for _, r := range g.Refused {
		out[r.LineItem] = r.Reason
	}
	return out
}

func (w *pacerWorld) bill(l Lease, li campaigns.ID, bid uint64) {
	w.t.Helper()
	w.appendBill(w.log, l, li, bid)
}

func TestPacerLifeOfALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPacerWorld(t)
		w.ready()
		g := w.lease(2, 8)
		if len(g.Leases) != 2 {
			t.Fatalf("leases %+v; want one for each advertiser", g)
		}
		for _, l := range g.Leases {
			loc, _ := time.LoadLocation(w.catalog.Advertisers[l.Advertiser].TimeZone)
			if l.Day != DayOf(time.Now().In(loc)) || l.Window != 5*time.Second || l.Close != 35*time.Second {
				t.Errorf("lease %+v", l)
			}
		}
		w.bill(g.Leases[0], g.Leases[0].Items[0].LineItem, 1)
		w.settle()
		b := w.p.Balances(g.Leases[0].Advertiser)
		if b[0].Today.Posted != sceneNeed || b[0].Today.Held == 0 {
			t.Errorf("advertiser %+v", b[0])
		}
		time.Sleep(40 * time.Second) // close: what was never returned is free again
		if b = w.p.Balances(g.Leases[0].Advertiser); b[0].Lifetime.Held != 0 || b[0].Lifetime.Posted != sceneNeed {
			t.Errorf("after close %+v", b[0])
		}
		w.bill(g.Leases[0], g.Leases[0].Items[0].LineItem, 2)
		w.settle()
		time.Sleep(11 * time.Minute) // hard
		w.bill(g.Leases[0], g.Leases[0].Items[0].LineItem, 3)
		w.settle()
		st := w.p.Stats()
		if st.Outcomes[OutcomePosted] != 1 || st.Outcomes[OutcomeLate] != 1 || st.Outcomes[OutcomePastHard] != 1 || st.OpenLeases != 0 || st.Leases != 2 {
			t.Errorf("stats %+v", st)
		}
		if pay := w.p.Payables(); len(pay) != 1 || pay[0].Owed != money.WideOf(4_000_000) {
			t.Errorf("payables %+v", pay)
		}
		var outcomes []Outcome
		for _, r := range w.log.records(eventlog.TopicPostings) {
			p, err := ParsePosting(r.Value)
			if err != nil || p.Partition != r.Partition {
				t.Fatalf("posting %s: %v", r.Value, err)
			}
			outcomes = append(outcomes, p.Outcome)
		}
		if len(outcomes) != 3 {
			t.Errorf("postings %v", outcomes)
		}
		if res := w.audit(); !res.Clean() || res.Bills != 2 {
			t.Errorf("audit %+v", res)
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestPacerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPacerWorld(t)
		w.ready()
		c := cloneCatalog(w.catalog)
		c.Generation++
		c.LineItems[1].Status = campaigns.StatusPaused
		c.LineItems[2].Budget.Daily = 100 // less than one bid
		c.LineItems[3].End = time.Now().Add(-time.Hour)
		c.LineItems[5].Start = time.Now().AddDate(10, 0, 0)
		c.Kill.LineItems[8] = true
		w.catalog = c
		w.feed.Store(c)
		w.settle()
		got := reasons(w.lease(1, 2, 3, 5, 8))
		want := map[campaigns.ID]Refusal{1: RefusedInactive, 2: RefusedBudget, 3: RefusedInactive, 5: RefusedInactive, 8: RefusedInactive}
		for id, why := range want {
			if got[id] != why {
				t.Errorf("line item %d: %v; want %v", id, got[id], why)
			}
		}
		g, err := w.p.RequestLease(t.Context(), LeaseRequest{Bidder: 1, Items: []LeaseDemand{{LineItem: 404, Need: Amounts{1, 1}}}})
		if err != nil || reasons(g)[404] != RefusedInactive {
			t.Errorf("an unknown line item: %+v, %v", g, err)
		}
		if _, err := w.p.RequestLease(t.Context(), LeaseRequest{}); err == nil {
			t.Error("a request without a bidder was taken")
		}
		c = cloneCatalog(c)
		c.Kill.All = true
		w.catalog = c
		w.feed.Store(c)
		w.settle()
		if got := reasons(w.lease(11))[11]; got != RefusedInactive {
			t.Errorf("killed: %v", got)
		}
		c = cloneCatalog(c)
		c.Kill = campaigns.KillState{}
		c.Kill.Advertisers = map[campaigns.ID]bool{lineageOf(t, c, 11).Advertiser.ID: true}
		w.catalog = c
		w.feed.Store(c)
		w.settle()
		if got := reasons(w.lease(11))[11]; got != RefusedInactive {
			t.Errorf("its advertiser killed: %v", got)
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A pacer that restarts has the same balances, from its snapshot and from the
// log alone; and its leases' phases begin anew.
func TestPacerRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPacerWorld(t)
		w.ready()
		g := w.lease(2, 3, 8)
		for i, l := range g.Leases {
			w.bill(l, l.Items[0].LineItem, uint64(i+1))
		}
		w.settle()
		before := w.p.Totals()
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.bill(g.Leases[0], g.Leases[0].Items[0].LineItem, 1) // a repeat meets the restored dedup set
		w.start()
		w.ready()
		w.settle()
		after := w.p.Totals()
		if a, b := asJSON(t, before.Accounts), asJSON(t, after.Accounts); a != b {
			t.Errorf("after restart:\n%s\nbefore:\n%s", b, a)
		}
		if n := w.p.Stats().Outcomes[OutcomeDuplicate]; n != 1 {
			t.Errorf("%d duplicates; want 1", n)
		}
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.store = &memStore{} // the state directory is lost
		w.start()
		w.ready()
		w.settle()
		if a, b := asJSON(t, before.Accounts), asJSON(t, w.p.Totals().Accounts); a != b {
			t.Errorf("rebuilt from the log:\n%s\nbefore:\n%s", b, a)
		}
		if res := w.audit(); !res.Clean() {
			t.Errorf("audit %v", res.Violations)
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

func asJSON(t *testing.T, v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A log that fails in the middle of an append gets all of it again.
func TestPacerLogFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPacerWorld(t)
		w.log.failNext(4)
		w.ready()
		w.log.failNext(2)
		g := w.lease(2, 5, 8)
		if len(g.Leases) != 2 || w.p.Stats().AppendRetries == 0 {
			t.Errorf("leases %+v after %d retries", g, w.p.Stats().AppendRetries)
		}
		// A pacer that answers too late takes the lease back at once.
		w.log.failNext(20)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := w.p.RequestLease(ctx, LeaseRequest{Bidder: 6, Items: []LeaseDemand{{LineItem: 11, Need: Amounts{2_500_000, sceneNeed}}}})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v; want the deadline", err)
		}
		time.Sleep(10 * time.Second)
		for _, b := range w.p.Balances(2) {
			if b.LineItem == 11 && b.Lifetime.Held != 0 {
				t.Errorf("a lease that nobody received holds %+v", b.Lifetime)
			}
		}
		if res := w.audit(); !res.Clean() {
			t.Errorf("audit %v", res.Violations)
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A log that is away for a while stops no shard, at the start or later.
func TestPacerWaitsForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPacerWorld(t)
		w.log.goAway(true)
		time.Sleep(5 * time.Minute)
		w.log.goAway(false)
		w.ready()
		w.log.goAway(true)
		time.Sleep(5 * time.Minute)
		w.log.goAway(false)
		w.settle()
		if n := w.p.Stats().Stopped; n != 0 || w.p.Ready() != nil {
			t.Errorf("%d partitions stopped, ready %v; want none, and ready", n, w.p.Ready())
		}
		if g := w.lease(2, 5, 8); len(g.Leases) != 2 {
			t.Errorf("leases %+v; want 2", g)
		}
		if res := w.audit(); !res.Clean() {
			t.Errorf("audit %v", res.Violations)
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

// Another claim fences the pacer; an unreadable record stops its shard. Either
// stops that partition alone, loudly.
func TestPacerStopsAlone(t *testing.T) {
	f := func(name, want string, value []byte) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPacerWorld(t)
				w.ready()
				key := claimKey(0, 2)
				if err := w.log.Append(t.Context(), eventlog.Message{Topic: eventlog.TopicMoney, Key: key, Value: value}); err != nil {
					t.Fatal(err)
				}
				w.settle()
				if err := w.p.Ready(); err != nil {
					t.Errorf("ready: %v; want nil, for the advertisers of the other partition", err)
				}
				if w.p.Stats().Stopped != 1 {
					t.Errorf("stopped %d partitions; want 1", w.p.Stats().Stopped)
				}
				g := w.lease(2, 8) // of both partitions, or of the other one
				for _, l := range g.Leases {
					if eventlog.PartitionOf(MoneyKey(l.Advertiser), 2) == 0 {
						t.Errorf("the stopped partition granted %+v", l)
					}
				}
				if err := w.log.Append(t.Context(), eventlog.Message{Topic: eventlog.TopicMoney, Key: claimKey(1, 2), Value: value}); err != nil {
					t.Fatal(err)
				}
				w.settle()
				if err := w.p.Ready(); err == nil {
					t.Error("ready, and no partition is left")
				}
				if err := w.stop(); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Run: %v; want %q", err, want)
				}
			})
		})
	}
	f("fenced", "another pacer has claimed", []byte(`{"v":1,"type":"claim","owner":"x"}`))
	f("unreadable", "partition 0 offset", []byte(`{"v":1,"type":"future"}`))
}

// At the advertiser's midnight the lease ends, the day turns and the new day
// has its budget.
func TestPacerMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loc, _ := time.LoadLocation("Asia/Tokyo")
		midnight := DayOf(time.Now().In(loc)).End(loc)
		time.Sleep(time.Until(midnight) - 10*time.Second)
		w := newPacerWorld(t)
		w.ready()
		time.Sleep(time.Until(midnight) - 2*time.Second)
		old := w.lease(8)
		if len(old.Leases) != 1 || old.Leases[0].Window > 2*time.Second {
			t.Fatalf("lease %+v; want one that ends at midnight", old)
		}
		time.Sleep(3 * time.Second)
		young := w.lease(8)
		if len(young.Leases) != 1 || young.Leases[0].Day != DayOf(time.Now().In(loc)) || young.Leases[0].Day == old.Leases[0].Day {
			t.Fatalf("lease %+v; want the new day", young)
		}
		w.bill(old.Leases[0], 8, 1)
		w.settle()
		if b := w.p.Balances(2)[0]; b.Today.Posted != 0 || b.Lifetime.Posted != sceneNeed {
			t.Errorf("a bid of yesterday counts today: %+v", b)
		}
		if res := w.audit(); !res.Clean() {
			t.Errorf("audit %v", res.Violations)
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestPacerSnapshotAheadOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPacerWorld(t)
		w.ready()
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.log = newMemLog(2, time.Now) // another log
		w.start()
		w.settle()
		if err := w.p.Ready(); !errors.Is(err, ErrSnapshot) {
			t.Errorf("got %v; want ErrSnapshot", err)
		}
		if err := w.stop(); !errors.Is(err, ErrSnapshot) {
			t.Errorf("got %v; want ErrSnapshot", err)
		}
	})
}
