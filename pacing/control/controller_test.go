package control

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bidhawk/internal/money"
)

func TestBid(t *testing.T) {
	f := func(m Multiplier, value, want money.CPM) {
		t.Helper()
		if got := m.Bid(value); got != want {
			t.Errorf("%d.Bid(%d) = %d; want %d", m, value, got, want)
		}
	}
	f(One, 2_500_000, 2_500_000)
	f(One/2, 2_500_001, 1_250_000)
	f(One/3, 3_000_000, 999_999)
	f(2*One, 2_500_000, 5_000_000)
	f(0, 2_500_000, 0)
	f(-One, 2_500_000, 0)
	f(One, -1, 0)
	f(Most, money.MaxCPM, money.MaxCPM)
	f(Most, math.MaxInt64, money.MaxCPM)
	if got := (3 * One / 2).PPM(); got != 1_500_000 {
		t.Errorf("PPM is %d; want 1500000", got)
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	f := func(change func(*Config), want string) {
		t.Helper()
		c := DefaultConfig()
		change(&c)
		if _, err := New(c, State{Multiplier: One, Price: 1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want an error with %q", err, want)
		}
	}
	f(func(c *Config) { c.Elasticity = 0 }, "elasticity is 0; want 100000")
	f(func(c *Config) { c.Prior = 0 }, "prior is 0")
	f(func(c *Config) { c.Memory = 4 }, "memory is 4; want at least the prior")
	f(func(c *Config) { c.Doubt = 0 }, "doubt is 0")
	f(func(c *Config) { c.LeastRate = 0 }, "least rate is 0")
	f(func(c *Config) { c.MostRate = 999_999 }, "most rate is 999999")
	f(func(c *Config) { c.Floor = 0 }, "floor is 0")
	f(func(c *Config) { c.Floor = c.Ceiling + 1 }, "floor is")
	f(func(c *Config) { c.Ceiling = Most + 1 }, "ceiling is")
	for _, s := range []State{{}, {Multiplier: Most + 1, Price: 1}, {Multiplier: One}, {Multiplier: One, Price: 1, Evidence: -1},
		{Multiplier: One, Price: 1, Flight: -1}, {Multiplier: One, Price: 1, Rate: -1}} {
		if _, err := New(DefaultConfig(), s); err == nil {
			t.Errorf("state %+v was taken", s)
		}
	}
}

// market is a stream of auctions whose values and prices are log-normal.
type market struct{ rng *rand.Rand }

func (k market) next() (value money.CPM, price money.CPM) {
	v := math.Exp(k.rng.NormFloat64() * 0.7)
	p := math.Exp(k.rng.NormFloat64()*0.5) * math.Pow(v, 0.3)
	return money.CPM(v * 2_000_000), money.CPM(p * 1_000_000)
}

// spend runs c for n auctions under a budget, re-planned every 100.
func (k market) spend(c *Controller, budget money.Nanos, n int64) (spent money.Nanos, value float64) {
	c.Plan(budget, n)
	for i := range n {
		if i%100 == 0 {
			c.Replan(budget-spent, n-i)
		}
		v, p := k.next()
		b := Batch{Auctions: 1}
		if cost := p.PerImpression(); c.Multiplier().Bid(v) >= p && cost <= budget-spent {
			b.Wins, b.Spent = 1, cost
			spent += cost
			value += float64(v)
		}
		c.Observe(b)
	}
	return spent, value
}

// From any start within a thousand times of the right multiplier the budget is
// spent, and nearly as well as from the right one.
func TestFindsTheMultiplier(t *testing.T) {
	f := func(share float64, start Multiplier, leastPercent float64) {
		t.Helper()
		const n = 60_000
		budget := money.Nanos(share * n * 1_000_000)
		run := func(m Multiplier, seed uint64) (money.Nanos, float64) {
			c, err := New(DefaultConfig(), State{Multiplier: m, Price: 1_000_000})
			if err != nil {
				t.Fatal(err)
			}
			return market{rand.New(rand.NewPCG(seed, 1))}.spend(c, budget, n)
		}
		c, _ := New(DefaultConfig(), State{Multiplier: One / 2, Price: 1_000_000})
		market{rand.New(rand.NewPCG(9, 9))}.spend(c, budget, n)
		right := c.Multiplier()
		_, best := run(right, 3)
		spent, value := run(Multiplier(float64(right)*float64(start)/float64(One)), 3)
		if got := float64(spent) / float64(budget) * 100; got < 99 || got > 100 {
			t.Errorf("share %g, start %d: spent %.2f%% of the budget; want 99 to 100", share, start, got)
		}
		if got := value / best * 100; got < leastPercent {
			t.Errorf("share %g, start %d: %.2f%% of the value from the right start; want %g", share, start, got, leastPercent)
		}
	}
	for _, share := range []float64{0.5, 0.1, 0.02} {
		f(share, One, 99.9)
		f(share, One/10, 98.5)
		f(share, 10*One, 98.5)
		f(share, One/1000, 90)
		f(share, 1000*One, 90)
	}
}

// Whatever it is told, the multiplier stays in its bounds and the state can be
// restored to the same multiplier.
func TestStaysInBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		cfg.Floor = Multiplier(rapid.Int64Range(1, int64(One)).Draw(t, "floor"))
		cfg.Ceiling = Multiplier(rapid.Int64Range(int64(One), int64(Most)).Draw(t, "ceiling"))
		c, err := New(cfg, State{Multiplier: Multiplier(rapid.Int64Range(1, int64(Most)).Draw(t, "m")), Price: money.Nanos(rapid.Int64Range(1, math.MaxInt64).Draw(t, "price"))})
		if err != nil {
			t.Fatal(err)
		}
		any64 := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-10, 10), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64}))
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			a, b, w := any64.Draw(t, "a"), any64.Draw(t, "b"), any64.Draw(t, "w")
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0:
				c.Plan(money.Nanos(a), b)
			case 1:
				c.Replan(money.Nanos(a), b)
			default:
				c.Observe(Batch{Auctions: a, Wins: w, Spent: money.Nanos(b)})
			}
			if m := c.Multiplier(); m < cfg.Floor || m > cfg.Ceiling {
				t.Fatalf("multiplier %d is outside %d to %d", m, cfg.Floor, cfg.Ceiling)
			}
			if math.IsNaN(c.log+c.evidence+c.rho+c.price+c.off) || math.IsInf(c.evidence+c.rho+c.price+c.off, 0) {
				t.Fatalf("not a number: %+v", *c)
			}
			text, err := json.Marshal(c.State())
			if err != nil {
				t.Fatal(err)
			}
			var s State
			if err := json.Unmarshal(text, &s); err != nil {
				t.Fatal(err)
			}
			again, err := New(cfg, s)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if again.Multiplier() != c.Multiplier() {
				t.Fatalf("restored multiplier is %d; want %d", again.Multiplier(), c.Multiplier())
			}
		}
	})
}

// More spend than planned never raises the multiplier, less never lowers it,
// and more money left never lowers it either.
func TestDirection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, _ := New(DefaultConfig(), State{Multiplier: One, Price: 1_000_000})
		c.Plan(1_000_000_000, 10_000) // 100,000 nanos per auction
		market{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}.spend(c, 1_000_000_000, int64(rapid.IntRange(1, 500).Draw(t, "warm")))
		c.Plan(1_000_000_000, 10_000)
		n := rapid.Int64Range(1, 10_000).Draw(t, "auctions")
		spent := rapid.Int64Range(0, 10_000_000_000).Draw(t, "spent")
		before := c.Multiplier()
		c.Observe(Batch{Auctions: n, Wins: spent / 1_000_000, Spent: money.Nanos(spent)})
		after := c.Multiplier()
		if want := 100_000 * n; spent > want && after > before || spent < want && after < before {
			t.Fatalf("spent %d of %d planned: %d -> %d", spent, want, before, after)
		}
		left := rapid.Int64Range(0, 10_000_000_000).Draw(t, "left")
		c.Replan(money.Nanos(left), 10_000)
		less := c.Multiplier()
		c.Replan(money.Nanos(left)+money.Nanos(rapid.Int64Range(0, 1_000_000_000).Draw(t, "more")), 10_000)
		if c.Multiplier() < less {
			t.Fatalf("more left: %d -> %d", less, c.Multiplier())
		}
	})
}
