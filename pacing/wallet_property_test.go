package pacing

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// Many goroutines reserve at once while leases come and go: what is reserved
// and what is given back is exactly what was granted, both amounts, and the holds
// say what was reserved by class.
func TestWalletNeverReservesMoreThanGranted(t *testing.T) {
	src := &fakeSource{window: 40 * time.Millisecond, grant: func(LeaseDemand) (LeaseItem, Refusal) {
		return LeaseItem{Amounts: Amounts{Media: 7_003, Charge: 10_007}}, RefusedNot
	}}
	var back [4]Amounts
	told := map[string]Amounts{}
	cfg := DefaultWalletConfig()
	cfg.Tick = 5 * time.Millisecond
	w, err := NewWallet(cfg, WalletDeps{Source: src, Clock: time.Now, Incarnation: 9, Publish: func(m eventlog.Message) bool {
		d, _ := decodeRecord(m.Value)
		for _, it := range d.ret.Items { // of Run's goroutine alone
			back[it.LineItem] = plus(back[it.LineItem], it.Amounts)
			for _, h := range it.Holds {
				told[h.Class] = plus(told[h.Class], h.Amounts)
			}
		}
		return true
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); w.Run(ctx) }()
	var media, charge [4]atomic.Int64
	var classMedia, classCharge [8]atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	going := func() bool { // longer on a busy machine: until every line item and class was served
		took := time.Since(begin)
		if took < 600*time.Millisecond || took > 20*time.Second {
			return took < 600*time.Millisecond
		}
		for li := 1; li <= 3; li++ {
			if charge[li].Load() == 0 {
				return true
			}
		}
		for k := range classCharge {
			if classCharge[k].Load() == 0 {
				return true
			}
		}
		return false
	}
	for g := range 8 {
		wg.Go(func() {
			need := Amounts{Media: money.Nanos(1 + g%3), Charge: money.Nanos(1 + g%5)}
			for i := 0; going(); i++ {
				li, k := campaigns.ID(1+(i+g)%3), (i/5+g)%8 // more classes than a part has room for at first
				if r, why := w.Reserve(li, time.Now(), need, w.Class(fmt.Sprintf("x%d/banner", k))); why == RefusedNot {
					media[li].Add(int64(r.Media))
					charge[li].Add(int64(r.Charge))
					classMedia[k].Add(int64(r.Media))
					classCharge[k].Add(int64(r.Charge))
				}
			}
		})
	}
	wg.Wait()
	cancel()
	<-ran
	for li := campaigns.ID(1); li <= 3; li++ {
		want := src.granted[li]
		got := plus(Amounts{Media: money.Nanos(media[li].Load()), Charge: money.Nanos(charge[li].Load())}, back[li])
		if got != want || want.Charge == 0 || charge[li].Load() == 0 {
			t.Errorf("line item %d: reserved and returned %+v; granted %+v", li, got, want)
		}
	}
	for k := range classMedia {
		want := Amounts{Media: money.Nanos(classMedia[k].Load()), Charge: money.Nanos(classCharge[k].Load())}
		if got := told[fmt.Sprintf("x%d/banner", k)]; got != want || want.Charge == 0 {
			t.Errorf("class %d: told %+v; reserved %+v", k, got, want)
		}
	}
	if _, why := w.Reserve(1, time.Now(), Amounts{1, 1}, 0); why != RefusedStopped {
		t.Errorf("after stop: %v; want stopped", why)
	}
}

func plus(a, b Amounts) Amounts {
	return Amounts{Media: a.Media + b.Media, Charge: a.Charge + b.Charge}
}

// Concurrent reservations of one lease are linearizable: with needs that do not
// divide it, exactly as many succeed as fit one after the other, whatever the order.
func TestReserveIsLinearizable(t *testing.T) {
	for round := range 50 {
		w := walletOf(t)
		now := time.Now()
		w.admit(firstAsk{li: 1, need: Amounts{3, 7}})
		const charge, fit = 7*100 + 5, 100
		l := Lease{ID: 1, Advertiser: 1, Day: sceneDay, Window: time.Hour, Close: 2 * time.Hour,
			Items: []LeaseItem{{LineItem: 1, Amounts: Amounts{Media: 3*150 + 2, Charge: charge}}}}
		w.install(now, &l, w.now())
		var taken atomic.Int64
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for range 20 {
					if _, why := w.Reserve(1, now, Amounts{3, 7}, uint16(g%2)); why == RefusedNot {
						taken.Add(1)
					}
				}
			})
		}
		wg.Wait()
		left := w.Held(nil)[0].Amounts
		if taken.Load() != fit || left != (Amounts{3*150 + 2 - 3*fit, charge - 7*fit}) {
			t.Fatalf("round %d: %d reservations, left %+v", round, taken.Load(), left)
		}
	}
}

func walletOf(t interface{ Fatal(...any) }) *Wallet {
	w, err := NewWallet(DefaultWalletConfig(), WalletDeps{Source: &fakeSource{}, Clock: time.Now, Incarnation: 9, Publish: func(eventlog.Message) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A lease only ever decreases, by what was reserved, both amounts or neither,
// whatever is asked of the wallet in whatever order.
func TestLeasesOnlyDecrease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := walletOf(t)
		w.admit(firstAsk{li: 1})
		now := w.now()
		var grants []*walletGrant
		reserved := map[*walletGrant]Amounts{}
		granted := map[*walletGrant]Amounts{}
		amount := rapid.Int64Range(-2, 60)
		for id := range rapid.IntRange(1, 40).Draw(t, "steps") {
			before := map[*walletGrant]Amounts{}
			for _, g := range grants {
				before[g] = g.left
			}
			it := (*w.items.Load())[1]
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				a := Amounts{Media: money.Nanos(rapid.Int64Range(0, 200).Draw(t, "media")), Charge: money.Nanos(rapid.Int64Range(0, 200).Draw(t, "charge"))}
				l := Lease{ID: int64(id + 1), Advertiser: 1, Day: sceneDay, Window: time.Duration(rapid.IntRange(1, 50).Draw(t, "window")),
					Items: []LeaseItem{{LineItem: 1, Amounts: a, Smooth: rapid.Bool().Draw(t, "smooth")}}}
				w.install(w.base.Add(time.Duration(now)), &l, now)
				g := w.leases[len(w.leases)-1].parts[0].grant
				grants, granted[g], before[g] = append(grants, g), a, a
			case 1:
				now += rapid.Int64Range(0, 30).Draw(t, "later")
			case 2:
				w.endLeases(now)
			default:
				need := Amounts{Media: money.Nanos(amount.Draw(t, "need media")), Charge: money.Nanos(amount.Draw(t, "need charge"))}
				r, why := it.reserve(now, need, uint16(rapid.IntRange(0, 6).Draw(t, "class")), rapid.Bool().Draw(t, "guaranteed"))
				if why != RefusedNot {
					break
				}
				for _, g := range grants {
					if g.lease.ID == r.Lease {
						reserved[g] = plus(reserved[g], need)
						if now >= g.lease.end {
							t.Fatalf("reserved at %d of a lease that ended at %d", now, g.lease.end)
						}
					}
				}
			}
			for _, g := range grants {
				if g.left.Media > before[g].Media || g.left.Charge > before[g].Charge || g.left.Media < 0 || g.left.Charge < 0 {
					t.Fatalf("a lease went from %+v to %+v", before[g], g.left)
				}
				if live := g.left != (Amounts{}); live && plus(g.left, reserved[g]) != granted[g] {
					t.Fatalf("granted %+v, reserved %+v, left %+v", granted[g], reserved[g], g.left)
				}
				sum := Amounts{}
				for _, h := range g.holds {
					sum = plus(sum, h.Amounts)
				}
				if g.holds != nil && sum != reserved[g] {
					t.Fatalf("holds %+v; reserved %+v", g.holds, reserved[g])
				}
			}
		}
	})
}

func TestClassesAreBounded(t *testing.T) {
	w := walletOf(t)
	if n := w.Class(""); n != 0 || w.Class(OtherClass) != 0 || w.Class(strings.Repeat("x", maxClassBytes+1)) != 0 {
		t.Errorf("got %d; want 0 for what is no class", n)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range MaxClasses + 100 {
				name := fmt.Sprintf("x%d/banner", i)
				n := w.Class(name)
				if again := w.Class(name); again != n || n != 0 && w.classes.name(n) != name {
					t.Errorf("%s: %d, then %d, %q", name, n, again, w.classes.name(n))
				}
			}
		})
	}
	wg.Wait()
	if n := w.Class("one more"); n != 0 {
		t.Errorf("class %d beyond the bound", n)
	}
	if got := w.classes.name(MaxClasses); got != OtherClass {
		t.Errorf("an unknown number is %q", got)
	}
}
