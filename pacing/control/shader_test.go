package control

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"bidhawk/internal/money"
)

// shadeWorld is a first-price market whose prices rise with the value.
type shadeWorld struct {
	rng *rand.Rand
	s   Shader
}

func (w *shadeWorld) value() money.CPM {
	return money.CPM(1_000_000 * math.Exp(w.rng.NormFloat64()*0.5))
}

func (w *shadeWorld) price(value money.CPM) money.CPM {
	return money.CPM(float64(value) * 0.3 * math.Exp(w.rng.NormFloat64()*0.4))
}

// sell is one auction: what was kept of the worth.
func (w *shadeWorld) sell(m money.PPM, told bool) int64 {
	value := w.value()
	worth := value * money.CPM(m) / 1_000_000
	w.s.Sample(value, w.rng.Uint32())
	bid, price := w.s.Bid(value, worth), w.price(value)
	if class, ok := w.s.Class(value); ok {
		least := price
		if !told {
			least = 0
		}
		w.s.Outcome(class, bid, least, bid >= price)
	}
	if bid < price {
		return 0
	}
	return int64(worth - bid)
}

func (w *shadeWorld) run(n int, m money.PPM, told bool) (surplus int64) {
	for i := range n {
		surplus += w.sell(m, told)
		if i%500 == 0 {
			w.s.Refit()
		}
	}
	return surplus
}

func newShadeWorld() *shadeWorld { return &shadeWorld{rng: rand.New(rand.NewPCG(3, 4))} }

// Once it has learned it keeps what the best constant share of the value keeps, where
// the worth itself keeps nothing.
func TestShaderLearns(t *testing.T) {
	w := newShadeWorld()
	w.run(20_000, 600_000, true)
	const n = 20_000
	got := w.run(n, 600_000, true)
	best := int64(0) // the best constant share of the value
	for share := 0.2; share < 0.6; share += 0.02 {
		var sum int64
		rng := newShadeWorld()
		for range n {
			value := rng.value()
			if bid := money.CPM(share * float64(value)); bid >= rng.price(value) {
				sum += int64(value*6/10 - bid)
			}
		}
		best = max(best, sum)
	}
	t.Logf("surplus %d, of the best constant share %d", got, best)
	if got < best*95/100 {
		t.Errorf("surplus %d; want at least 95%% of %d", got, best)
	}
}

// An exchange that tells no price that wins is bid all of the worth.
func TestShaderIsOffWhereNothingIsTold(t *testing.T) {
	w := newShadeWorld()
	if got := w.run(20_000, 600_000, false); got != 0 {
		t.Errorf("saved %d of bids that nothing was told of", got)
	}
	w.run(20_000, 600_000, true) // told from now on: the silence is forgotten
	if bid := w.s.Bid(1_000_000, 600_000); bid >= 600_000 {
		t.Errorf("bid %d after prices were told", bid)
	}
}

// A bid is more than nothing and at most the worth; it rises with what the budget
// leaves, and is the value where that is all of it.
func TestShaderBounds(t *testing.T) {
	w := newShadeWorld()
	w.run(20_000, 600_000, true)
	for range 2000 {
		value := w.value()
		for _, m := range []money.PPM{1, 50_000, 400_000, 790_000, 800_000, 900_000, 999_000, 1_000_000} {
			worth := value * money.CPM(m) / 1_000_000
			bid := w.s.Bid(value, worth)
			if bid > worth || worth > 0 && bid <= 0 {
				t.Fatalf("value %d, worth %d: bid %d", value, worth, bid)
			}
			if m == 1_000_000 && bid != value {
				t.Fatalf("all of %d may be bid, and %d is", value, bid)
			}
		}
	}
	if got := w.s.Bid(0, 0); got != 0 {
		t.Errorf("bid %d of nothing", got)
	}
	if got := w.s.Bid(money.MaxCPM, money.MaxCPM-1); got <= 0 || got >= money.MaxCPM {
		t.Errorf("bid %d of the dearest", got)
	}
}

// When values move, the classes do.
func TestShaderCutsAnew(t *testing.T) {
	w := newShadeWorld()
	w.run(20_000, 600_000, true)
	before := w.s.fitted.Load().cuts
	w.run(2000, 600_000, true)
	if after := w.s.fitted.Load().cuts; after != before {
		t.Errorf("cuts went from %v to %v without a cause", before, after)
	}
	for range 40_000 {
		w.s.Sample(10*w.value(), w.rng.Uint32())
	}
	w.s.Refit()
	if after := w.s.fitted.Load().cuts; after[0] < 3*before[0] {
		t.Errorf("cuts went from %v to %v; values are ten times dearer", before, after)
	}
}

func TestShaderIsSafe(t *testing.T) {
	var s Shader
	var group sync.WaitGroup
	for k := range 4 {
		group.Go(func() {
			w := shadeWorld{rng: rand.New(rand.NewPCG(uint64(k), 1))}
			for i := range 3000 {
				value := w.value()
				s.Sample(value, w.rng.Uint32())
				bid := s.Bid(value, value/2)
				if class, ok := s.Class(value); ok {
					price := w.price(value)
					s.Outcome(class, bid, price, bid >= price)
				}
				if k == 0 && i%100 == 0 {
					s.Refit()
				}
			}
		})
	}
	group.Wait()
	s.Outcome(-1, 1, 1, true)
	s.Outcome(ShadeClasses, 1, 1, true)
}
