package pacing

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// fakeSource grants each line item what grant says.
type fakeSource struct {
	mu       sync.Mutex
	grant    func(d LeaseDemand) (LeaseItem, Refusal)
	window   time.Duration
	delay    time.Duration
	err      error
	leases   int64
	granted  map[campaigns.ID]Amounts
	requests []LeaseRequest
}

func (f *fakeSource) RequestLease(ctx context.Context, req LeaseRequest) (LeaseGrant, error) {
	if f.delay > 0 {
		select {
		case <-time.After(f.delay):
		case <-ctx.Done():
			return LeaseGrant{}, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, req)
	if f.err != nil {
		return LeaseGrant{}, f.err
	}
	var out LeaseGrant
	for _, d := range req.Items {
		it, why := f.grant(d)
		if why != RefusedNot {
			out.Refused = append(out.Refused, LeaseRefusal{LineItem: d.LineItem, Reason: why})
			continue
		}
		it.LineItem = d.LineItem
		f.leases++
		if f.granted == nil {
			f.granted = map[campaigns.ID]Amounts{}
		}
		g := f.granted[d.LineItem]
		f.granted[d.LineItem] = Amounts{Media: g.Media + it.Media, Charge: g.Charge + it.Charge}
		out.Leases = append(out.Leases, Lease{ID: f.leases, Advertiser: 1, Day: sceneDay, Window: f.window, Close: f.window + time.Minute, Items: []LeaseItem{it}})
	}
	return out, nil
}

// walletRun runs a wallet over src in a synctest bubble; stop ends it and
// returns what it gave back.
func walletRun(t *testing.T, src LeaseSource) (w *Wallet, stop func() []*Return) {
	t.Helper()
	var mu sync.Mutex
	var returns []*Return
	cfg := DefaultWalletConfig()
	cfg.Forget = time.Minute
	w, err := NewWallet(cfg, WalletDeps{Source: src, Clock: time.Now, Incarnation: 9, Publish: func(m eventlog.Message) bool {
		d, err := decodeRecord(m.Value)
		if err != nil || d.ret == nil {
			t.Errorf("published %s: %v", m.Value, err)
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		returns = append(returns, d.ret)
		return true
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	return w, func() []*Return { cancel(); <-done; mu.Lock(); defer mu.Unlock(); return returns }
}

func TestWalletBothOrNeither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{window: time.Minute, grant: func(LeaseDemand) (LeaseItem, Refusal) {
			return LeaseItem{Amounts: Amounts{Media: 10, Charge: 100}}, RefusedNot
		}}
		w, stop := walletRun(t, src)
		f := func(need Amounts, want Refusal) {
			t.Helper()
			if r, why := w.Reserve(1, time.Now(), need, 0); why != want || why == RefusedNot && (r.Amounts != need || r.Lease == 0 || r.Day != sceneDay) {
				t.Errorf("%+v: got %+v, %v; want %v", need, r, why, want)
			}
		}
		f(Amounts{1, 1}, RefusedNoLease) // the first demand is only noted
		synctest.Wait()
		f(Amounts{-1, 1}, RefusedBudget)
		f(Amounts{6, 10}, RefusedNot)
		f(Amounts{4, 91}, RefusedExhausted)
		f(Amounts{5, 10}, RefusedExhausted)
		var held []Held
		if held = w.Held(held); len(held) != 1 || held[0].Amounts != (Amounts{4, 90}) {
			t.Errorf("held %+v; want 4 and 90: a refusal takes nothing", held)
		}
		stop()
	})
}

// A lease ends by itself: nothing is reserved from it after its window, though
// nobody comes to end it, and its rest is given back once.
func TestWalletLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		more := true
		src := &fakeSource{window: 2 * time.Second, delay: 300 * time.Millisecond, grant: func(LeaseDemand) (LeaseItem, Refusal) {
			if !more {
				return LeaseItem{}, RefusedBudget
			}
			return LeaseItem{Amounts: Amounts{Media: 10, Charge: 100}}, RefusedNot
		}}
		w, stop := walletRun(t, src)
		start := time.Now()
		w.Reserve(1, start, Amounts{1, 1}, 0)
		time.Sleep(301 * time.Millisecond)
		synctest.Wait()
		more = false
		if _, why := w.Reserve(1, time.Now(), Amounts{1, 1}, 0); why != RefusedNot {
			t.Fatalf("got %v; want a reservation", why)
		}
		// The window counts from before the request.
		if _, why := w.Reserve(1, start.Add(2*time.Second-1), Amounts{1, 1}, 0); why != RefusedNot {
			t.Errorf("just before the end: %v", why)
		}
		if _, why := w.Reserve(1, start.Add(2*time.Second), Amounts{1, 1}, 0); why == RefusedNot {
			t.Error("reserved from a lease whose window is over")
		}
		time.Sleep(3 * time.Second)
		if _, why := w.Reserve(1, time.Now(), Amounts{1, 1}, 0); why != RefusedBudget {
			t.Errorf("got %v; want the pacer's reason", why)
		}
		returns := stop()
		if len(returns) != 1 || len(returns[0].Items) != 1 || returns[0].Items[0].Amounts != (Amounts{8, 98}) {
			t.Errorf("returned %+v; want 8 and 98 once", returns)
		}
	})
}

func TestWalletSmoothRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{window: 10 * time.Second, grant: func(LeaseDemand) (LeaseItem, Refusal) {
			return LeaseItem{Amounts: Amounts{Media: 1000, Charge: 1000}, Smooth: true}, RefusedNot
		}}
		w, stop := walletRun(t, src)
		w.Reserve(1, time.Now(), Amounts{1, 1}, 0)
		synctest.Wait()
		got := 0
		for s := 1; s <= 6; s++ {
			for range 10_000 {
				if _, why := w.Reserve(1, time.Now(), Amounts{1, 1}, 0); why == RefusedNot {
					got++
				} else if why != RefusedPaced {
					t.Fatalf("second %d: %v", s, why)
				}
			}
			if want := (s-1)*100 + 1; got < want-1 || got > want+1 {
				t.Errorf("second %d: %d reserved; want about %d", s, got, want)
			}
			time.Sleep(time.Second)
		}
		stop()
	})
}

// A pacer that fails or hangs stops nothing but renewal, and is not hammered.
func TestWalletSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{window: time.Minute, err: errors.New("down")}
		w, stop := walletRun(t, src)
		for range 100 {
			if _, why := w.Reserve(1, time.Now(), Amounts{1, 1}, 0); why != RefusedNoLease {
				t.Fatalf("got %v", why)
			}
			time.Sleep(100 * time.Millisecond)
		}
		stop()
		if n := w.Stats().Failures; n < 10 || n > 25 {
			t.Errorf("%d requests in 10 s of failures; want one each retry interval", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{window: time.Minute, delay: time.Hour}
		w, stop := walletRun(t, src)
		w.Reserve(1, time.Now(), Amounts{1, 1}, 0)
		time.Sleep(10 * time.Second)
		stop() // must not wait for the pacer
		if w.Stats().Failures == 0 {
			t.Error("a request that hangs must time out")
		}
	})
}

func TestWalletIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{window: time.Minute, grant: func(LeaseDemand) (LeaseItem, Refusal) { return LeaseItem{}, RefusedInactive }}
		w, stop := walletRun(t, src)
		for li := range campaigns.ID(3_000) {
			w.Reserve(li, time.Now(), Amounts{1, 1}, 0)
		}
		synctest.Wait()
		if n := w.Stats().LineItems; n == 0 || n > 3_000 {
			t.Errorf("%d line items", n)
		}
		time.Sleep(90 * time.Second)
		if n := w.Stats().LineItems; n != 0 {
			t.Errorf("%d line items are kept though nobody asks for them", n)
		}
		src.mu.Lock()
		defer src.mu.Unlock()
		for _, r := range src.requests {
			if len(r.Items) > MaxLeaseItems {
				t.Fatalf("a request of %d line items", len(r.Items))
			}
		}
		defer stop()
	})
}

func BenchmarkReserve(b *testing.B) {
	w := benchWallet(b)
	now := time.Now()
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, why := w.Reserve(5, now, Amounts{1, 1}, 0); why != RefusedNot {
				b.Fatal(why)
			}
		}
	})
	b.Run("contended", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				w.Reserve(5, now, Amounts{1, 1}, 0)
			}
		})
	})
}

// benchWallet holds endless smooth leases of a thousand line items.
func benchWallet(tb testing.TB) *Wallet {
	w, err := NewWallet(DefaultWalletConfig(), WalletDeps{Source: &fakeSource{}, Clock: time.Now, Incarnation: 9, Publish: func(eventlog.Message) bool { return true }})
	if err != nil {
		tb.Fatal(err)
	}
	l := Lease{ID: 1, Advertiser: 1, Day: sceneDay, Window: 1000 * time.Hour, Close: 2000 * time.Hour}
	for li := range campaigns.ID(1000) {
		w.admit(firstAsk{li: li})
		l.Items = append(l.Items, LeaseItem{LineItem: li, Amounts: Amounts{Media: noLimit, Charge: noLimit}, Smooth: true})
	}
	w.install(time.Now().Add(-time.Hour), &l, int64(-time.Hour))
	return w
}

// A guaranteed bid does not wait for the even release; Affords tells what Reserve
// would do and takes nothing.
func TestWalletGuaranteedAndAffords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{window: 10 * time.Second, grant: func(LeaseDemand) (LeaseItem, Refusal) {
			return LeaseItem{Amounts: Amounts{Media: 100, Charge: 100}, Smooth: true}, RefusedNot
		}}
		w, stop := walletRun(t, src)
		f := func(need money.Nanos, guaranteed bool, want Refusal) {
			t.Helper()
			for range 3 { // looking changes nothing
				if got := w.Affords(1, time.Now(), Amounts{need, need}, guaranteed); got != want {
					t.Errorf("affords %d, guaranteed %v: got %v; want %v", need, guaranteed, got, want)
				}
			}
		}
		f(1, false, RefusedNoLease)
		if synctest.Wait(); len(src.requests) != 0 {
			t.Errorf("looking asked the pacer: %+v", src.requests)
		}
		w.Reserve(1, time.Now(), Amounts{1, 1}, 0)
		synctest.Wait()
		f(1, false, RefusedNot) // of the lease that waits
		w.Reserve(1, time.Now(), Amounts{10, 10}, 0)
		f(1, false, RefusedPaced)
		f(90, true, RefusedNot)
		f(91, true, RefusedExhausted)
		if _, why := w.Reserve(1, time.Now(), Amounts{1, 1}, 0); why != RefusedPaced {
			t.Errorf("paced: got %v", why)
		}
		if _, why := w.ReserveGuaranteed(1, time.Now(), Amounts{90, 90}, 0); why != RefusedNot {
			t.Errorf("guaranteed: got %v", why)
		}
		if _, why := w.ReserveGuaranteed(1, time.Now(), Amounts{1, 1}, 0); why != RefusedExhausted {
			t.Errorf("past the lease: got %v; want exhausted", why)
		}
		stop()
	})
}
