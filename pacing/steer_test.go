package pacing

import (
	"testing"
	"testing/synctest"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// Where traffic is plentiful the bid is shaded until the budget lasts, and what is
// charged stays on the plan; where it is scarce the value itself is bid.
func TestMultiplierShadesWherePlentiful(t *testing.T) {
	f := func(supply float64, least, most money.PPM) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			const impressions = 2000
			w := newWorld(t, flightOf(time.Now(), 20*time.Minute, impressions*sceneNeed, campaigns.PacingEven), 0, time.Second)
			defer w.stop()
			w.market = func() float64 { return w.rng.Float64() * 2 }
			begin := time.Now()
			gap := time.Duration(float64(20*time.Minute) / (2 * impressions * supply))
			for time.Since(begin) < 15*time.Minute {
				w.bid(1)
				time.Sleep(gap)
			}
			m := w.wallet.Multiplier(1)
			t.Logf("supply %v: multiplier %d ppm, %d bids, spent %d%% at 75%%, plan %+v", supply, m, w.bids, w.spent(1)*100/(impressions*sceneNeed), w.pacer.Plans(nil))
			if m < least || m > most {
				t.Errorf("supply %v: multiplier %d; want %d to %d", supply, m, least, most)
			}
			w.audit()
		})
	}
	f(0.5, 1_000_000, 1_000_000)
	f(3, 200_000, 700_000) // a third of the value would do; it moves from one minute to the next
	f(40, 100_000, 120_000)
}

// Line items of one campaign bid no more of the value than its budget allows.
func TestSharedBudgetShades(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const impressions = 2000
		c := flightOf(time.Now(), 20*time.Minute, impressions*sceneNeed, campaigns.PacingEven)
		c.Campaigns[1].Budget = campaigns.Budget{Lifetime: impressions * sceneNeed / 3}
		c.LineItems[2].Budget, c.LineItems[2].Pacing = campaigns.Budget{}, campaigns.PacingEven
		w := newWorld(t, c, 0, time.Second)
		defer w.stop()
		w.market = func() float64 { return w.rng.Float64() * 2 }
		begin := time.Now()
		for time.Since(begin) < 15*time.Minute {
			w.bid(1) // of its own it could bid all of the value
			w.bid(2)
			time.Sleep(20 * time.Minute / (2 * impressions))
		}
		a, b := w.wallet.Multiplier(1), w.wallet.Multiplier(2)
		t.Logf("multipliers %d and %d, refused %v", a, b, w.refused)
		if a > 500_000 || a < 100_000 || b > 500_000 {
			t.Errorf("multipliers %d and %d; want both well below the value", a, b)
		}
		if got := w.spent(1) + w.spent(2); got > impressions*sceneNeed/3 || got < impressions*sceneNeed/3*65/100 {
			t.Errorf("spent %d at 75%% of %d", got, impressions*sceneNeed/3)
		}
		w.audit()
	})
}

// A line item whose bids, shaded, are all below the floors is heard of all the
// same, and gets its multiplier back when its traffic dries up.
func TestMultiplierComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m money.PPM
		src := &fakeSource{window: 10 * time.Second, grant: func(d LeaseDemand) (LeaseItem, Refusal) {
			return LeaseItem{Amounts: Amounts{100, 100}, Multiplier: m}, RefusedNot
		}}
		w, stop := walletRun(t, src)
		m = 120_000
		if got := w.Meet(1); got != fullValue {
			t.Errorf("unknown: multiplier %d; want the whole value", got)
		}
		w.Reserve(1, time.Now(), Amounts{7, 9}, 0)
		synctest.Wait()
		if got := w.Multiplier(1); got != 120_000 {
			t.Errorf("multiplier %d; want the lease's", got)
		}
		m = 650_000
		for range 60 { // bids nothing for a minute
			w.Meet(1)
			time.Sleep(time.Second)
		}
		if got := w.Multiplier(1); got != 650_000 {
			t.Errorf("multiplier %d after a minute of meeting auctions; want the newest", got)
		}
		stop()
		var met, asks int64
		for _, r := range src.requests {
			for _, d := range r.Items {
				met, asks = met+d.Met, asks+d.Asks
				if d.Need != (Amounts{7, 9}) {
					t.Errorf("asked for %+v; want the last need", d.Need)
				}
			}
		}
		if met < 45 || met > 62 || asks > 1 {
			t.Errorf("told of %d auctions, %d reservations", met, asks)
		}
	})
}

// What bids did is counted by outcomes; nothing is learned while most of them are
// unknown and losses are not told. What a faded count has is not lost.
func TestOutcomesBatches(t *testing.T) {
	n := &node{line: &line{}}
	var o outcomes
	told := false
	say := func(met, asks, bids int64, reserved money.Nanos, want control.Batch) {
		t.Helper()
		got := o.hear(n, &LeaseDemand{Met: met, Asks: asks, Bids: bids, Reserved: reserved}, told)
		if got.Batch != want || got.reserved != reserved {
			t.Errorf("got %+v; want %+v", got, want)
		}
	}
	say(50, 10, 10, 1000, control.Batch{})
	n.line.Yield.add(100, 100) // one win, the rest unknown
	say(0, 0, 0, 0, control.Batch{})
	for range 4 {
		n.line.Yield.add(0, 100)
	}
	say(0, 0, 0, 0, control.Batch{Auctions: 25, Wins: 1, Spent: 100}) // half of it is known
	for range 5 {
		n.line.Yield.add(0, 100)
	}
	say(20, 10, 0, 0, control.Batch{Auctions: 10})
	say(7, 0, 0, 0, control.Batch{Auctions: 7}) // met, and nothing to bid
	told = true
	say(40, 20, 20, 2000, control.Batch{})
	n.line.Yield.add(100, 100)
	say(0, 0, 0, 0, control.Batch{Auctions: 2, Wins: 1, Spent: 100}) // losses are told: one is enough
	for range 3 {
		n.line.Yield.add(50, 100)
	}
	y := &n.line.Yield
	y.Kept, y.Resolved, y.Bids = y.Kept/2, y.Resolved/2, y.Bids/2
	say(6, 3, 0, 0, control.Batch{Auctions: 6, Wins: 1, Spent: 150})
	n.line.Yield = yield{}
	say(0, 5, 0, 0, control.Batch{})
	var later outcomes // of another process: what was counted before is not its own
	n.line.Yield = yield{Kept: 500, Resolved: 1000, Bids: 10}
	if h := later.hear(n, &LeaseDemand{Met: 9, Asks: 9, Bids: 9, Reserved: 900}, true); h.Batch != (control.Batch{}) || h.resolved != 0 {
		t.Errorf("a new process took %+v for its own", h)
	}
}

// An outcome is taken for that of the multiplier which was bid, whatever it is by now.
func TestTriesKeepTheirMultiplier(t *testing.T) {
	const noHold = money.Nanos(1 << 40)
	var s tries
	near := func(got, want control.Multiplier) {
		t.Helper()
		if d := got - want; d < -10 || d > 10 {
			t.Errorf("heard of bids at %d; want %d", got, want)
		}
	}
	if m := s.heard(100, noHold); m != 0 {
		t.Errorf("no bid was made, at %d", m)
	}
	s.made(1000, control.One)
	near(s.heard(500, noHold), control.One)
	s.made(500, control.One/4)
	near(s.heard(500, noHold), control.One/2) // half of either
	near(s.heard(0, 250), control.One/2)
	s.made(750, control.One/32)
	near(s.heard(1000, noHold), control.One/16) // a quarter of them at a half, for only 250 were held
	near(s.heard(1, noHold), 0)
}

// With outcomes a hundred requests late the multiplier goes where it belongs without
// passing it by, as it would if they were taken for those of the multiplier in force.
func TestLateOutcomesDoNotSwing(t *testing.T) {
	const requests, late, value, right = 2000, 100, 1_000_000, 0.2
	s := steering{}
	s.restart(control.State{Multiplier: control.One, Price: value}, 0) // five times too high
	s.aim(lifetime, outlook{rest: value / 25 * 1_000_000, auctions: 1_000_000}, true, false, value)
	least, settled := 1.0, 0
	var made []money.Nanos
	var won []money.Nanos
	for i := range requests {
		m := float64(s.ctl.Multiplier()) / float64(control.One)
		least = min(least, m)
		made = append(made, money.Nanos(10*m*value))
		won = append(won, money.Nanos(10*m*value/5))
		h := heard{reserved: made[i], told: true}
		if i >= late {
			h.resolved = made[i-late]
			h.Batch = control.Batch{Auctions: 10, Wins: 2, Spent: won[i-late]}
		}
		s.observe(h, noLimit)
		if m < right*0.9 || m > right*1.1 {
			settled = i + 1
		}
	}
	t.Logf("settled after %d requests, least %.3f", settled, least)
	if settled > 10*late {
		t.Errorf("within a tenth of %v only after %d requests of %d", right, settled, requests)
	}
	if least < right*0.8 {
		t.Errorf("went down to %.3f; want %v", least, right)
	}
}

// Where all that is left is held by bids, being behind raises nothing; a new budget does.
func TestFullDoesNotRaise(t *testing.T) {
	s := steering{}
	s.aim(lifetime, outlook{rest: 25_000, auctions: 1000}, true, false, 100)
	was := s.ctl.Multiplier()
	if was != control.One/2 {
		t.Errorf("a start that must win a quarter of its traffic at %d; want a half", was)
	}
	s.aim(lifetime, outlook{rest: 50_000, auctions: 1000}, false, true, 100)
	if m := s.ctl.Multiplier(); m != was {
		t.Errorf("raised to %d while full", m)
	}
	s.aim(lifetime, outlook{rest: 20_000, auctions: 1000}, false, true, 100)
	low := s.ctl.Multiplier()
	if low >= was {
		t.Errorf("%d; want less: there is less to spend", low)
	}
	s.aim(lifetime, outlook{rest: 50_000, auctions: 1000}, true, true, 100)
	if m := s.ctl.Multiplier(); m <= low {
		t.Errorf("%d after the budget was raised; want more than %d", m, low)
	}
}

// What is too little for all nodes goes round among those that have traffic.
func TestTurns(t *testing.T) {
	var u turns
	now := time.Now()
	got := map[uint64]int{}
	for i := range 300 {
		for b := uint64(1); b <= 3; b++ {
			who := (b+uint64(i))%3 + 1
			if who == 3 && i > 150 { // has no traffic any more
				continue
			}
			if b == 1 && u.take(who, now) {
				got[who]++
			} else {
				u.wait(who, now)
			}
		}
		now = now.Add(500 * time.Millisecond)
	}
	for b := uint64(1); b <= 3; b++ {
		if got[b] < 40 {
			t.Errorf("bidder %d held %d times: %v", b, got[b], got)
		}
	}
	u = turns{}
	for range 2 {
		if !u.take(1, now) {
			t.Error("alone it is always its turn")
		}
	}
	u.wait(2, now)
	if u.take(1, now) {
		t.Error("another waits")
	}
	if !u.take(1, now.Add(patience+1)) {
		t.Error("who does not ask again does not wait")
	}
	if len(u.waiting) != 0 {
		t.Errorf("%v are kept", u.waiting)
	}
}
