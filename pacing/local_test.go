package pacing

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/local"
	"bidhawk/pacing/audit"
)

// On the real local log and a real directory: leases are granted, a bill posts,
// and after the stop the snapshot agrees with the auditor, also when the log
// went on without the pacer.
func TestPacerOnTheLocalLog(t *testing.T) {
	log, err := local.Open(local.Config{Dir: filepath.Join(t.TempDir(), "log"), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.EnsureTopics(t.Context(), eventlog.Topics(2)...); err != nil {
		t.Fatal(err)
	}
	w := &pacerWorld{t: t, catalog: testCatalog()}
	for _, c := range w.catalog.Campaigns {
		c.Start, c.End = time.Now().Add(-time.Hour), time.Now().Add(1000*time.Hour)
	}
	dir := filepath.Join(t.TempDir(), "pacer")
	var now atomic.Int64 // the pacer's clock, which this test moves
	now.Store(time.Now().UnixNano())
	cfg := testConfig()
	cfg.Tick = time.Millisecond
	w.p, err = NewPacer(t.Context(), cfg, Deps{Log: log, Dir: dir, Clock: func() time.Time { return time.Unix(0, now.Load()) },
		Catalog: func() *campaigns.Catalog { return w.catalog }, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.p.Run(ctx) }()
	until := func(what string, ok func() bool) {
		t.Helper()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
			now.Add(int64(10 * time.Millisecond))
			if time.Now().After(deadline) {
				t.Fatalf("%s: not within 20 s", what)
			}
		}
	}
	until("ready", func() bool { return w.p.Ready() == nil })
	g := w.lease(2, 8)
	if len(g.Leases) != 2 {
		t.Fatalf("%+v", g)
	}
	w.appendBill(log, g.Leases[0], g.Leases[0].Items[0].LineItem, 1)
	until("posted", func() bool { return w.p.Stats().Outcomes[OutcomePosted] == 1 })
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if err := w.p.Close(); err != nil {
		t.Fatal(err)
	}
	w.appendBill(log, g.Leases[1], g.Leases[1].Items[0].LineItem, 2) // nobody reads it now
	totals, err := ReadSnapshotBalances(t.Context(), dir, log)
	if err != nil {
		t.Fatal(err)
	}
	res, err := audit.Run(t.Context(), log, &audit.Expected{Next: totals.Next, Accounts: totals.Accounts})
	if err != nil {
		t.Fatal(err)
	}
	if !res.Clean() || res.Bills != 2 || res.Accounts < 20 {
		t.Errorf("audit %+v", res)
	}
	for name, n := range totals.Accounts {
		totals.Accounts[name] = n.Add(1)
		break
	}
	if res, err := audit.Run(t.Context(), log, &audit.Expected{Next: totals.Next, Accounts: totals.Accounts}); err != nil || len(res.Violations) != 1 {
		t.Errorf("one nano too much in one account: %+v, %v", res, err)
	}
}

func (w *pacerWorld) appendBill(log eventlog.Log, l Lease, li campaigns.ID, bid uint64) {
	w.t.Helper()
	s := scene{}
	n := s.notice(l.ID, bid)
	lineage, _ := w.catalog.Lineage(li)
	n.Advertiser, n.Campaign, n.LineItem, n.Day = l.Advertiser, lineage.Campaign.ID, li, l.Day
	m, err := BillMessage(&n)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := log.Append(w.t.Context(), m); err != nil {
		w.t.Fatal(err)
	}
}
