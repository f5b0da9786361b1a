package pacing

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/zap"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
)

// BenchmarkTakeover measures, with a million bids in open leases (or BIDHAWK_TEST_TAKEOVER
// of them): a process's start on its own disk up to its first grant, a standby's
// way from the proposal to its first grant, and the fold of the whole log, which
// is what a machine without a snapshot begins with.
func BenchmarkTakeover(b *testing.B) {
	bids := 1_000_000
	if s := os.Getenv("BIDHAWK_TEST_TAKEOVER"); s != "" {
		var err error
		if bids, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	w := newTakeover(b)
	dir := b.TempDir()
	p := w.run(dir, nil)
	w.grant(p, 2)
	w.fill(p, bids)
	p.stop()
	for b.Loop() {
		began := time.Now()
		p := w.run(dir, nil)
		w.grant(p, 5)
		b.ReportMetric(time.Since(began).Seconds(), "s-start-to-grant")
		spare := w.run(b.TempDir(), &rein{first: []int32{}})
		began = time.Now()
		w.until("the standby is warm", func() bool { return spare.State()[0].Warm })
		took := time.Since(began).Seconds()
		b.ReportMetric(took, "s-fold-from-0")
		b.ReportMetric(float64(spare.State()[0].Next)/took, "records-folded/s")
		p.stop()
		began = time.Now()
		spare.own([]int32{0})
		w.grant(spare, 8)
		b.ReportMetric(time.Since(began).Seconds(), "s-standby-to-grant")
		spare.stop()
	}
	b.ReportMetric(float64(bids), "bids")
}

// takeoverWorld is pacers on one log in memory and snapshots on disk.
type takeoverWorld struct {
	b       *testing.B
	log     *memLog
	catalog *campaigns.Catalog
}

type takeoverPacer struct {
	*Pacer
	*rein
	stop func()
}

// rein proposes what it is told.
type rein struct {
	first []int32
	own   func([]int32)
	begun chan struct{}
}

func (r *rein) Run(ctx context.Context, _ func() Holdings, own func([]int32)) error {
	r.own = own
	own(r.first)
	close(r.begun)
	<-ctx.Done()
	return nil
}

func newTakeover(b *testing.B) *takeoverWorld {
	w := &takeoverWorld{b: b, log: newMemLog(1, time.Now), catalog: testCatalog()}
	for _, a := range w.catalog.Advertisers {
		a.Budget = campaigns.Budget{Lifetime: 1 << 60}
	}
	for _, c := range w.catalog.Campaigns {
		c.Start, c.Budget = time.Now().Add(-time.Hour), campaigns.Budget{}
	}
	for _, li := range w.catalog.LineItems {
		li.Budget = campaigns.Budget{}
	}
	return w
}

func (w *takeoverWorld) readCatalog() *campaigns.Catalog { return w.catalog }

// run starts a pacer; without reins it owns everything.
func (w *takeoverWorld) run(dir string, r *rein) *takeoverPacer {
	w.b.Helper()
	deps := Deps{Log: w.log, Dir: dir, Clock: time.Now, Catalog: w.readCatalog, Logger: zap.NewNop()}
	if r != nil {
		r.begun = make(chan struct{})
		deps.Ownership = r
	}
	cfg := DefaultConfig()
	cfg.CloseAfter = time.Hour
	p, err := NewPacer(w.b.Context(), cfg, deps)
	if err != nil {
		w.b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- p.Run(ctx) }()
	if r != nil {
		<-r.begun
	}
	return &takeoverPacer{p, r, func() {
		cancel()
		if err := <-ran; err != nil {
			w.b.Error(err)
		}
		if err := p.Close(); err != nil {
			w.b.Error(err)
		}
	}}
}

func (w *takeoverWorld) until(what string, ok func() bool) {
	w.b.Helper()
	for began := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 5*time.Minute {
			w.b.Fatalf("not within 5 minutes: %s", what)
		}
	}
}

// grant asks until there is a lease.
func (w *takeoverWorld) grant(p *takeoverPacer, line campaigns.ID) (l Lease) {
	w.b.Helper()
	need, err := Need(w.catalog.LineItems[line], w.catalog.LineItems[line].MaxBid, 20_000)
	if err != nil {
		w.b.Fatal(err)
	}
	w.until("a grant", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		g, err := p.RequestLease(ctx, LeaseRequest{Bidder: 7, Items: []LeaseDemand{{LineItem: line, Need: need, Asked: 1 << 40, Over: time.Second}}})
		if err == nil && len(g.Leases) > 0 {
			l = g.Leases[0]
		}
		return err == nil && len(g.Leases) > 0
	})
	return l
}

// fill bills n bids in a hundred open leases, and waits until p has folded them.
func (w *takeoverWorld) fill(p *takeoverPacer, n int) {
	w.b.Helper()
	msgs := make([]eventlog.Message, 0, n/100)
	for i := range 100 {
		l := w.grant(p, 2)
		msgs = msgs[:0]
		for k := range n / 100 {
			notice := (&scene{}).notice(l.ID, uint64(1+i*(n/100)+k))
			notice.Advertiser, notice.Campaign, notice.LineItem, notice.Day = l.Advertiser, 1, 2, l.Day
			m, err := BillMessage(&notice)
			if err != nil {
				w.b.Fatal(err)
			}
			msgs = append(msgs, m)
		}
		if err := w.log.Append(context.Background(), msgs...); err != nil {
			w.b.Fatal(err)
		}
	}
	_, end, err := w.log.Bounds(context.Background(), eventlog.TopicMoney, 0)
	if err != nil {
		w.b.Fatal(err)
	}
	w.until("folded", func() bool { return p.State()[0].Next >= end })
	if got := p.Stats().Outcomes[OutcomePosted]; got < int64(n) {
		w.b.Fatalf("%d of %d bills posted: %v", got, n, p.Stats().Outcomes)
	}
}
