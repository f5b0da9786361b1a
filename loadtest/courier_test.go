package loadtest

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bidhawk/internal/money"
)

// scriptedSender answers the n-th GET of each URL as its script says; the last
// entry holds for good.
type scriptedSender struct {
	mu     sync.Mutex
	script map[string][]any // int status or error
	times  map[string][]time.Time
}

func (s *scriptedSender) call(c call) (int, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.times[c.url])
	s.times[c.url] = append(s.times[c.url], time.Now())
	steps := s.script[c.url]
	switch step := steps[min(n, len(steps)-1)].(type) {
	case int:
		return step, "", nil
	case error:
		return 0, "", step
	}
	return 0, "", errors.New("no script")
}

func (s *scriptedSender) close() {}

func deliver(t *testing.T, cfg Notices, script map[string][]any) (*tally, *scriptedSender, time.Duration) {
	t.Helper()
	s := &scriptedSender{script: script, times: map[string][]time.Time{}}
	ty := newTally()
	start := time.Now()
	c := newCourier(cfg, 1, time.Now, ty, func() sender { return s }, func(e *errand, _ string) {
		if e.kind == errandBill {
			ty.bill(e.bid)
		}
	})
	for url := range script {
		if !c.admit(t.Context(), true) {
			t.Fatal("not admitted")
		}
		b := &cleared{price: 1_000_000, currency: "USD"}
		c.begin(b)
		c.submit(&errand{kind: errandBill, url: url, bid: b, due: time.Now()})
		c.release(b)
	}
	c.finish()
	if c.pending() != 0 || len(c.places) != 0 {
		t.Errorf("%d bids pending, %d places taken after finish", c.pending(), len(c.places))
	}
	return ty, s, time.Since(start)
}

func courierConfig() Notices {
	n := Defaults().Notices
	n.Workers, n.RepeatShare = 2, 0
	return n
}

func TestCourierRetriesWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ty, s, _ := deliver(t, courierConfig(), map[string][]any{"a": {503, errors.New("reset"), 429, 500, 204}})
		if ty.billed("USD") != 1_000_000 || ty.retries.Load() != 4 || len(ty.mu.undelivered) != 0 {
			t.Errorf("billed %d after %d retries, undelivered %v", ty.billed("USD"), ty.retries.Load(), ty.mu.undelivered)
		}
		want := firstPause
		for i := 1; i < len(s.times["a"]); i++ {
			gap := s.times["a"][i].Sub(s.times["a"][i-1])
			if gap < want || gap > want*3/2 {
				t.Errorf("pause %d: %s: want %s to its half more", i, gap, want)
			}
			want *= 2
		}
	})
}

func TestCourierToleratesAServerThatIsDownForLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := make([]any, 0, 40)
		for range 20 { // about half a minute of refused connections
			down = append(down, errConnect)
		}
		ty, _, took := deliver(t, courierConfig(), map[string][]any{"a": append(down, 200)})
		if ty.billed("USD") != 1_000_000 || took < 20*time.Second || took > time.Minute {
			t.Errorf("billed %d after %s", ty.billed("USD"), took)
		}
	})
}

func TestCourierGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ty, _, took := deliver(t, courierConfig(), map[string][]any{
			"refused": {410}, "never": {errConnect}, "doubt": {errConnect, errors.New("reset"), errConnect}, "busy": {503},
		})
		u := ty.mu.undelivered["billing"]
		want := Undelivered{
			NeverArrived: 1, NeverArrivedNanos: 1_000_000, Refused: 1, RefusedNanos: 1_000_000, InDoubt: 2, InDoubtNanos: 2_000_000,
		}
		if u == nil || *u != want {
			t.Errorf("undelivered %+v: want %+v", u, want)
		}
		if ty.billed("USD") != 0 || took < time.Minute-maxPause*2 || took > time.Minute+maxPause {
			t.Errorf("billed %d, gave up after %s: want about a minute", ty.billed("USD"), took)
		}
	})
}

func TestCourierStopsWhenTheDrainEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := courierConfig()
		cfg.RetryFor, cfg.DrainFor = time.Hour, 10*time.Second
		ty, _, took := deliver(t, cfg, map[string][]any{"a": {errConnect}, "b": {503}, "c": {200}})
		u := ty.mu.undelivered["billing"]
		if took != 10*time.Second || u == nil || u.NeverArrived != 1 || u.InDoubt != 1 || ty.billed("USD") != 1_000_000 {
			t.Errorf("after %s: undelivered %+v, billed %d", took, u, ty.billed("USD"))
		}
	})
}

func TestCourierBoundsWhatItHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := courierConfig()
		cfg.MaxPending = 2
		s := &scriptedSender{script: map[string][]any{"a": {200}}, times: map[string][]time.Time{}}
		c := newCourier(cfg, 1, time.Now, newTally(), func() sender { return s }, func(*errand, string) {})
		a, b := &cleared{}, &cleared{}
		for _, bid := range []*cleared{a, b} {
			if !c.admit(t.Context(), false) {
				t.Fatal("not admitted")
			}
			c.begin(bid)
		}
		if c.admit(t.Context(), false) {
			t.Error("a third bid was admitted to two places")
		}
		waited := make(chan bool)
		go func() { waited <- c.admit(t.Context(), true) }()
		synctest.Wait()
		c.submit(&errand{kind: errandWin, url: "a", bid: a, due: time.Now().Add(time.Second)})
		c.release(a)
		if !<-waited { // the place came free when the notice was delivered
			t.Error("the waiting bid was not admitted")
		}
		last := &cleared{}
		c.begin(last)
		c.release(last)
		c.release(b)
		c.finish()
	})
}

func TestRepeatsAreBilledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := courierConfig()
		s := &scriptedSender{script: map[string][]any{"a": {200}}, times: map[string][]time.Time{}}
		ty := newTally()
		landed := 0
		c := newCourier(cfg, 1, time.Now, ty, func() sender { return s }, func(*errand, string) { landed++ })
		if !c.admit(t.Context(), false) {
			t.Fatal("not admitted")
		}
		b := &cleared{}
		c.begin(b)
		for i := range 5 {
			c.submit(&errand{kind: errandBill, url: "a", bid: b, due: time.Now(), repeat: i > 0})
		}
		c.release(b)
		c.finish()
		if landed != 1 || len(s.times["a"]) != 5 || ty.repeats.Load() != 4 {
			t.Errorf("landed %d times of %d calls, %d repeats", landed, len(s.times["a"]), ty.repeats.Load())
		}
	})
}

// Where the VAST impression bills, one that never arrives is money in doubt.
func TestUndeliveredImpressionsAreMoneyWhereTheyBill(t *testing.T) {
	f := func(vastBills bool, want money.Nanos) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			cfg := courierConfig()
			cfg.RetryFor = time.Second
			s := &scriptedSender{script: map[string][]any{"a": {503}}, times: map[string][]time.Time{}}
			ty := newTally()
			c := newCourier(cfg, 1, time.Now, ty, func() sender { return s }, func(*errand, string) {})
			if !c.admit(t.Context(), false) {
				t.Fatal("not admitted")
			}
			b := &cleared{price: 2_000_000, multiplier: 1_500_000, vastBills: vastBills}
			c.begin(b)
			c.submit(&errand{kind: errandImpression, url: "a", bid: b, due: time.Now()})
			c.release(b)
			c.finish()
			if r := ty.result("USD", time.Second); r.InDoubtNanos() != want || r.Notices.Undelivered["impression"].InDoubt != 1 {
				t.Errorf("vast bills %v: %d in doubt: want %d", vastBills, r.InDoubtNanos(), want)
			}
		})
	}
	f(false, 0)
	f(true, 3_000_000)
}
