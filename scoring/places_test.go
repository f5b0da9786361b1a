package scoring

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

var t0 = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func seen(e Event, trials, successes int64) (s Seen) {
	s.Trials[e], s.Successes[e], s.Last = trials, successes, t0
	return s
}

// TestRateGoesFromThePlaceToTheCreativeToThePrior: each level counts like its
// belief below it.
func TestRateGoesFromThePlaceToTheCreativeToThePrior(t *testing.T) {
	r := New(Config{Click: 1000, View: 100, Completion: 100, Conversion: 50, Places: 100})
	f := func(e Event, placement uint32, want money.PPM) {
		t.Helper()
		if got := r.Rate(Question{Event: e, Place: Place{7, placement}, Prior: 500_000}); got != want {
			t.Errorf("%v at %d: got %d; want %d", e, placement, got, want)
		}
	}
	f(View, 0, 500_000)
	f(View, 1, 500_000)
	r.Set(Place{7, 0}, seen(View, 300, 30))
	f(View, 0, 200_000) // (30 + 50)/400
	f(View, 1, 200_000) // nothing seen there: as anywhere
	r.Set(Place{7, 1}, seen(View, 100, 90))
	f(View, 1, 550_000) // (90 + 100*0.2)/200
	f(View, 2, 200_000)
	f(Completion, 1, 500_000)
	r.Observe(7, 1000, 0)
	f(Click, 0, 250_000)
	r.Set(Place{7, 1}, seen(Click, 1000, 20))
	f(Click, 1, 135_000) // (20 + 250)/2000
	r.Set(Place{7, 3}, seen(View, 10, 50))
	f(View, 3, 272_727) // more events than trials: one each at most
	r.Set(Place{7, 0}, seen(Conversion, 50, 60))
	f(Conversion, 0, 772_727) // each conversion had a click: (60+25)/110
}

// TestLearningBudget: the prior holds at a place until its media has cost that.
func TestLearningBudget(t *testing.T) {
	r := NewRates(10)
	q := Question{Event: Click, Place: Place{7, 1}, Prior: 100_000, Learning: money.Unit}
	f := func(spent money.Nanos, want money.PPM) {
		t.Helper()
		s := seen(Click, 990, 0)
		s.Spent = spent
		r.Set(q.Place, s)
		if got := r.Rate(q); got != want {
			t.Errorf("spent %v: got %d; want %d", spent, got, want)
		}
	}
	if got := r.Rate(q); got != 100_000 {
		t.Errorf("nothing seen: got %d; want the prior", got)
	}
	f(money.Unit-1, 100_000)
	f(money.Unit, 1_000)
	q.Learning = 0
	f(0, 1_000)
}

// TestABadPlaceStopsBeingBought: once the learning budget is gone, at a place
// where nobody clicks the bid falls below any floor; at a good one it goes on. The
// loss is what was spent on learning, and what it took to lose the belief.
func TestABadPlaceStopsBeingBought(t *testing.T) {
	const floor = money.CPM(1_000_000)
	r := NewRates(500)
	rng := rand.New(rand.NewPCG(1, 2))
	li := campaigns.LineItem{Pricing: campaigns.PricingCPC, Price: 500_000, MaxBid: 10_000_000, ExpectedCTR: 10_000}
	li.LearningBudget = 2 * money.Unit
	spend := func(p Place, ctr money.PPM) (spent money.Nanos, bought int) {
		var s Seen
		for range 20_000 {
			w, err := Value(&li, 0, Expect(r, &li, p, t0))
			if err != nil {
				t.Fatal(err)
			}
			if w.Bid < floor {
				continue
			}
			bought++
			s.Trials[Click]++
			if rng.Int64N(1_000_000) < int64(ctr) {
				s.Successes[Click]++
			}
			s.Spent += w.Bid.PerImpression()
			s.Last = t0
			r.Set(p, s)
		}
		return s.Spent, bought
	}
	if spent, bought := spend(Place{1, 1}, 0); bought == 20_000 || spent < li.LearningBudget || spent > 6*li.LearningBudget {
		t.Errorf("the bad place: bought %d for %v; want it to stop after the learning budget of %v", bought, spent, li.LearningBudget)
	}
	if spent, bought := spend(Place{1, 2}, 10_000); bought != 20_000 {
		t.Errorf("the good place: bought %d for %v; want all 20000", bought, spent)
	}
}

// TestPlacesAreBounded: the table never grows, keeps what was set last, and never
// tells one place's counts as another's.
func TestPlacesAreBounded(t *testing.T) {
	r := New(Config{Places: 1000})
	size := len(r.places.cells)
	for i := range uint32(100_000) {
		s := seen(View, int64(i)+1, int64(i)+1)
		s.Last = t0.Add(time.Duration(i) * time.Second)
		r.Set(Place{campaigns.ID(i % 7), i + 1}, s)
	}
	if len(r.places.cells) != size || size > 2048 {
		t.Fatalf("got %d cells; want %d", len(r.places.cells), size)
	}
	kept := 0
	for i := range uint32(100_000) {
		s, ok := r.places.get(Place{campaigns.ID(i % 7), i + 1})
		if !ok {
			continue
		}
		kept++
		if s.Trials[View] != int64(i)+1 {
			t.Fatalf("place %d: got %d; want %d", i+1, s.Trials[View], i+1)
		}
		if i < 90_000 {
			t.Fatalf("place %d was kept, of the first 90000", i+1)
		}
	}
	if kept < size*9/10 {
		t.Fatalf("kept %d of %d", kept, size)
	}
}

// TestPlacesUnderReaders: each place's trials equal its placement, so that a reader
// who mixed two up would see it.
func TestPlacesUnderReaders(t *testing.T) {
	r := New(Config{Places: 16})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := uint32(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				p := Place{1, i%200 + 1}
				if s, ok := r.places.get(p); ok && s.Trials[View] != int64(p.Placement) {
					t.Errorf("place %d: got %d", p.Placement, s.Trials[View])
					return
				}
			}
		})
	}
	for i := range uint32(50_000) {
		p := i%200 + 1
		s := seen(View, int64(p), 0)
		s.Last = t0.Add(time.Duration(i))
		r.Set(Place{1, p}, s)
	}
	close(stop)
	wg.Wait()
}

func TestSeenComesBack(t *testing.T) {
	s := Seen{Trials: [events]int64{1, 2, 3, 4}, Successes: [events]int64{5, 6, 7, 8}, Spent: 9, Pending: math.MaxUint64 - 5, Last: t0}
	got, err := ParseSeen(s.Append(nil))
	if err != nil || got != s {
		t.Fatalf("got %+v, %v; want %+v", got, err, s)
	}
	if _, err := ParseSeen(s.Append(nil)[1:]); err == nil {
		t.Fatal("a short value must be an error")
	}
}

// TestPendingAgreesWithEachClick: the sum that decays as a whole is that of the
// clicks one by one, to two parts in a hundred.
func TestPendingAgreesWithEachClick(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, mean := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 60 * 24 * time.Hour} {
		var p Pending
		var clicks []time.Time
		at := t0
		for range 3000 {
			at = at.Add(time.Duration(rng.Int64N(int64(mean / 500))))
			clicks = append(clicks, at)
			p = p.Add(at, mean)
		}
		for _, after := range []time.Duration{0, mean / 3, mean, 4 * mean} {
			now := at.Add(after)
			want := 0.0
			for _, c := range clicks {
				want += math.Exp(-float64(now.Sub(c)) / float64(mean))
			}
			if got := float64(p.At(now, mean)); math.Abs(got-want) > 0.02*want+1 {
				t.Errorf("mean %v, after %v: got %v pending; want %.1f", mean, after, got, want)
			}
		}
	}
	if p := Pending(0).Add(t0, 0); p != 0 || p.At(t0, time.Hour) != 0 {
		t.Error("without a delay nothing is pending")
	}
}

// TestYoungCampaignsRateIsNotLow: conversions come days after their clicks. One day
// in, the counts alone say a third of the true rate; corrected they say the rate.
func TestYoungCampaignsRateIsNotLow(t *testing.T) {
	const cvr, mean, clicks = 0.05, 48 * time.Hour, 40_000
	rng := rand.New(rand.NewPCG(5, 6))
	end := t0.Add(24 * time.Hour)
	var s Seen
	for i := range clicks {
		at := t0.Add(time.Duration(i) * 24 * time.Hour / clicks)
		s.Trials[Conversion]++
		s.Pending = s.Pending.Add(at, mean)
		if rng.Float64() < cvr && at.Add(time.Duration(rng.ExpFloat64()*float64(mean))).Before(end) {
			s.Successes[Conversion]++
		}
	}
	s.Last = end
	r := NewRates(100)
	r.Set(Place{1, 0}, s)
	got := float64(r.Rate(Question{Event: Conversion, Place: Place{1, 0}, Prior: 50_000, Delay: mean, At: end})) / 1e6
	naive := float64(s.Successes[Conversion]) / clicks
	if math.Abs(got-cvr) > 0.1*cvr {
		t.Errorf("got %.4f; want %.2f within a tenth (the counts alone: %.4f)", got, cvr, naive)
	}
	if naive > 0.6*cvr {
		t.Errorf("the counts alone say %.4f: this shows nothing", naive)
	}
}
