package pacing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/pacing/audit"
)

// reins are an Ownership that tests hold.
type reins struct {
	mu   sync.Mutex
	own  func([]int32)
	held func() Holdings
}

func (r *reins) Run(ctx context.Context, held func() Holdings, own func([]int32)) error {
	r.mu.Lock()
	r.own, r.held = own, held
	r.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (r *reins) propose(partitions ...int32) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own(partitions)
}

// view is one process's way to the log. A frozen one does nothing until it
// thaws: so does a process that is stopped, or cut off.
type view struct {
	eventlog.Log
	mu   sync.Mutex
	thaw chan struct{} // nil: not frozen
	dead bool
}

var errDead = errors.New("this process is dead")

func (v *view) freeze() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.thaw = make(chan struct{})
}

func (v *view) wake() {
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.thaw)
	v.thaw = nil
}

func (v *view) kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dead = true
}

func (v *view) pass(ctx context.Context) error {
	for {
		v.mu.Lock()
		thaw, dead := v.thaw, v.dead
		v.mu.Unlock()
		if dead {
			return errDead
		}
		if thaw == nil {
			return nil
		}
		select {
		case <-thaw:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (v *view) Append(ctx context.Context, msgs ...eventlog.Message) error {
	if err := v.pass(ctx); err != nil {
		return err
	}
	return v.Log.Append(ctx, msgs...)
}

func (v *view) Read(ctx context.Context, topic string, p int32, offset int64) (eventlog.Reader, error) {
	if err := v.pass(ctx); err != nil {
		return nil, err
	}
	r, err := v.Log.Read(ctx, topic, p, offset)
	return viewReader{r, v}, err
}

type viewReader struct {
	eventlog.Reader
	v *view
}

func (r viewReader) Fetch(ctx context.Context, limit int) ([]eventlog.Record, error) {
	if err := r.v.pass(ctx); err != nil {
		return nil, err
	}
	recs, err := r.Reader.Fetch(ctx, limit)
	if e := r.v.pass(ctx); e != nil { // it was frozen while it waited
		return nil, e
	}
	return recs, err
}

// fleet is several pacers on one log.
type fleet struct {
	t       *testing.T
	log     *memLog
	catalog *campaigns.Catalog
	all     []*fleetPacer
}

type fleetPacer struct {
	*Pacer
	f      *fleet
	cfg    Config
	view   *view
	store  *memStore
	reins  *reins
	cancel context.CancelFunc
	ran    chan error
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{t: t, log: newMemLog(2, time.Now), catalog: testCatalog()}
	for _, c := range f.catalog.Campaigns {
		c.Start = time.Now().Add(-time.Hour)
	}
	return f
}

// start runs a pacer, on the state of an earlier life where there is one.
func (f *fleet) start(store *memStore, standby bool) *fleetPacer {
	f.t.Helper()
	p := &fleetPacer{f: f, cfg: testConfig(), view: &view{Log: f.log}, store: store, reins: &reins{}, ran: make(chan error, 1)}
	p.cfg.Standby, p.cfg.Reclaim = standby, 5*time.Second
	var err error
	p.Pacer, err = NewPacer(f.t.Context(), p.cfg, Deps{Log: p.view, Dir: "unused", store: store, Clock: time.Now,
		Catalog: func() *campaigns.Catalog { return f.catalog }, Logger: zap.NewNop(), Ownership: p.reins})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(f.t.Context())
	p.cancel = cancel
	go func() { p.ran <- p.Run(ctx) }()
	f.all = append(f.all, p)
	f.t.Cleanup(p.stop)
	synctest.Wait()
	return p
}

func (p *fleetPacer) stop() {
	if p.ran == nil {
		return
	}
	p.cancel()
	if err := <-p.ran; err != nil && !errors.Is(err, errDead) {
		p.f.t.Error(err)
	}
	p.ran = nil
	p.f.all = slices.DeleteFunc(p.f.all, func(o *fleetPacer) bool { return o == p })
}

// kill ends the process as kill -9 does: nothing of it reaches the log or its
// directory any more.
func (p *fleetPacer) kill() *memStore {
	p.store.mu.Lock()
	kept := &memStore{kv: p.store.kv} // commit replaces it whole
	p.store.mu.Unlock()
	p.view.kill()
	p.stop()
	return kept
}

func (p *fleetPacer) ready() {
	p.f.t.Helper()
	for range 2000 {
		if p.Ready() == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.f.t.Fatal(p.Ready())
}

func (p *fleetPacer) lease(bidder uint64, line campaigns.ID) (LeaseGrant, error) {
	li := p.f.catalog.LineItems[line]
	need, err := Need(li, li.MaxBid, 20_000)
	if err != nil {
		p.f.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.f.t.Context(), time.Second)
	defer cancel()
	return p.RequestLease(ctx, LeaseRequest{Bidder: bidder, Items: []LeaseDemand{{LineItem: line, Need: need}}})
}

func (p *fleetPacer) mustLease(line campaigns.ID) Lease {
	p.f.t.Helper()
	g, err := p.lease(7, line)
	if err != nil || len(g.Leases) != 1 {
		p.f.t.Fatalf("lease of line item %d: %+v, %v", line, g, err)
	}
	return g.Leases[0]
}

func (f *fleet) bill(l Lease, bid uint64) {
	f.t.Helper()
	(&pacerWorld{t: f.t, catalog: f.catalog}).appendBill(f.log, l, l.Items[0].LineItem, bid)
}

// check holds the log's truth against a pacer's state, and the postings against
// the bills: each was published at least once.
func (f *fleet) check(p *fleetPacer) {
	f.t.Helper()
	synctest.Wait()
	time.Sleep(2 * time.Second)
	synctest.Wait()
	totals := p.Totals()
	res, err := audit.Run(f.t.Context(), f.log, &audit.Expected{Next: totals.Next, Accounts: totals.Accounts})
	if err != nil || !res.Clean() || res.Over.Sign() != 0 {
		f.t.Errorf("audit: %+v %v", res, err)
	}
	type at struct {
		partition int32
		offset    int64
	}
	published := map[at]bool{}
	for _, r := range f.log.records(eventlog.TopicPostings) {
		var post struct {
			Partition int32 `json:"money_partition"`
			Offset    int64 `json:"money_offset"`
		}
		if err := json.Unmarshal(r.Value, &post); err != nil {
			f.t.Fatal(err)
		}
		published[at{post.Partition, post.Offset}] = true
	}
	bills := 0
	for _, r := range f.log.records(eventlog.TopicMoney) {
		if typ, _ := recordType(r.Value); typ == TypeBill {
			bills++
			if !published[at{r.Partition, r.Offset}] {
				f.t.Errorf("the bill at partition %d offset %d was never published", r.Partition, r.Offset)
			}
		}
	}
	if bills == 0 {
		f.t.Error("no bill: nothing was checked")
	}
}

// A pacer is killed with bills that it has not published; the standby takes
// over, publishes them, and grants.
func TestTakeoverByTheStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := f.start(&memStore{}, true), f.start(&memStore{}, true)
		if err := a.Ready(); !errors.Is(err, ErrNotReady) {
			t.Errorf("before any proposal: %v", err)
		}
		a.reins.propose(0, 1)
		b.reins.propose()
		a.ready()
		b.ready() // a spare is ready: it has nothing to grant
		l := a.mustLease(2)
		if _, err := b.lease(7, 2); !errors.Is(err, ErrNotOwner) {
			t.Errorf("the standby answers %v; want ErrNotOwner", err)
		}
		f.bill(l, 1)
		time.Sleep(30 * time.Second) // the standby has trimmed, and saved
		if mine, along := a.Figures(), b.Figures(); len(mine.Accounts) == 0 || len(mine.Payables) != 1 || len(along.Accounts) > 0 || len(along.Payables) > 0 {
			t.Errorf("the owner's figures are %+v, the standby's %+v; want the owner's alone", mine, along)
		}
		a.view.freeze() // it folds and publishes nothing any more
		for bid := range uint64(5) {
			f.bill(l, 2+bid)
		}
		synctest.Wait()
		waiting := 0
		for _, s := range b.State() {
			waiting += s.Waiting
			if s.Role != RoleStandby || !s.Warm || s.Ready {
				t.Errorf("the standby's state is %+v", s)
			}
		}
		if waiting != 5 {
			t.Errorf("%d postings wait at the standby; want the 5 that nobody has published", waiting)
		}
		a.kill()
		b.reins.propose(0, 1)
		b.ready()
		b.mustLease(5)
		f.check(b)
	})
}

// A pacer is paused with a request in its hand, loses the partition, and wakes:
// it must not grant, and stays as a standby.
func TestPausedPacerWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := f.start(&memStore{}, true), f.start(&memStore{}, true)
		a.reins.propose(0, 1)
		b.reins.propose()
		a.ready()
		l := a.mustLease(2)
		f.bill(l, 1)
		time.Sleep(time.Second)
		a.view.freeze()
		type answer struct {
			g   LeaseGrant
			err error
		}
		late := make(chan answer, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			li := f.catalog.LineItems[5]
			need, _ := Need(li, li.MaxBid, 20_000)
			g, err := a.RequestLease(ctx, LeaseRequest{Bidder: 9, Items: []LeaseDemand{{LineItem: 5, Need: need}}})
			late <- answer{g, err}
		}()
		time.Sleep(time.Second)
		b.reins.propose(0, 1)
		b.ready()
		b.mustLease(8)
		a.view.wake()
		if got := <-late; !errors.Is(got.err, ErrNotReady) || len(got.g.Leases) > 0 {
			t.Errorf("a pacer that was paused granted %+v, %v", got.g, got.err)
		}
		synctest.Wait()
		if _, err := a.lease(9, 5); !errors.Is(err, ErrNotReady) {
			t.Errorf("a fenced pacer answers %v; want ErrNotReady", err)
		}
		if s := a.Stats(); s.Fenced == 0 || s.Stopped != 0 {
			t.Errorf("stats %+v; want a fence, and nothing stopped", s)
		}
		a.reins.propose() // the group has caught up
		b.mustLease(5)
		f.check(b)
		f.check(a) // the standby's state is the same
	})
}

// The proposal that a fenced shard still has is acted on again after Reclaim.
func TestFencedAndStillProposed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := f.start(&memStore{}, true), f.start(&memStore{}, true)
		a.reins.propose(0, 1)
		a.ready()
		b.reins.propose(0, 1) // both believe it
		b.ready()
		b.reins.propose()
		time.Sleep(6 * time.Second)
		a.ready()
		f.bill(a.mustLease(2), 1)
		f.check(a)
	})
}

// A process that starts again on its own state goes on without the group, but
// not where somebody has claimed meanwhile.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a := f.start(&memStore{}, true)
		a.reins.propose(0, 1)
		a.ready()
		f.bill(a.mustLease(2), 1)
		time.Sleep(5 * time.Second)
		kept := a.kill()
		a = f.start(kept, true)
		a.ready()
		a.mustLease(5)
		time.Sleep(5 * time.Second)
		kept = a.kill()
		b := f.start(&memStore{}, true)
		b.reins.propose(0, 1)
		b.ready()
		a = f.start(kept, true)
		time.Sleep(5 * time.Second)
		if err := a.Ready(); !errors.Is(err, ErrNotReady) {
			t.Errorf("another has claimed; the one before is %v", err)
		}
		a.reins.propose(1)
		b.reins.propose(0)
		a.ready()
		b.ready()
		if h := a.reins.held(); !slices.Equal(h.Owned, []int32{1}) || !slices.Equal(h.Warm, []int32{0, 1}) {
			t.Errorf("held %+v", h)
		}
		f.check(b)
	})
}

// Without a standby's reading a partition is loaded when it is owned.
func TestWithoutStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := f.start(&memStore{}, false), f.start(&memStore{}, false)
		a.reins.propose(0, 1)
		b.reins.propose()
		a.ready()
		f.bill(a.mustLease(2), 1)
		time.Sleep(3 * time.Second)
		a.reins.propose()
		b.reins.propose(0, 1)
		b.ready()
		f.bill(b.mustLease(5), 2)
		if n := len(a.AllBalances()); n != 0 {
			t.Errorf("who owns nothing and reads nothing holds %d balances", n)
		}
		if s := a.State()[0]; s.Role != RoleIdle {
			t.Errorf("state %+v", s)
		}
		f.check(b)
		b.reins.propose()
		a.reins.propose(0, 1)
		a.ready()
		f.check(a)
	})
}

// Pacers come, go, pause and are told what they like; the money is right.
func TestOwnersChangeAtRandom(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { ownersChange(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func ownersChange(t *testing.T, rng *rand.Rand) {
	f := newFleet(t)
	stores := []*memStore{{}, {}, {}}
	pacers := make([]*fleetPacer, len(stores))
	frozen := map[int]bool{}
	bid := uint64(0)
	for i := range pacers {
		pacers[i] = f.start(stores[i], rng.IntN(3) > 0)
	}
	pacers[0].reins.propose(0, 1)
	for range 60 {
		i := rng.IntN(len(pacers))
		p := pacers[i]
		switch rng.IntN(8) {
		case 0:
			if !frozen[i] {
				p.view.freeze()
				frozen[i] = true
			}
		case 1:
			if frozen[i] {
				p.view.wake()
				delete(frozen, i)
			}
		case 2:
			stores[i] = p.kill()
			delete(frozen, i)
			pacers[i] = f.start(stores[i], rng.IntN(3) > 0)
		case 3, 4:
			p.reins.propose([][]int32{{}, {0}, {1}, {0, 1}}[rng.IntN(4)]...)
		default:
			line := campaigns.ID(1 + rng.IntN(12))
			g, err := p.lease(uint64(1+rng.IntN(3)), line)
			if err != nil {
				continue
			}
			for _, l := range g.Leases {
				for range 1 + rng.IntN(3) {
					bid++
					f.bill(l, bid)
				}
			}
		}
		time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
	}
	for i, p := range pacers {
		if frozen[i] {
			p.view.wake()
		}
		p.reins.propose()
	}
	p := pacers[rng.IntN(len(pacers))]
	p.reins.propose(0, 1)
	p.ready()
	f.check(p)
}
