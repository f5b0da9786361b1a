package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"bidhawk/internal/money"
)

// TestMarkovByHand is the worked example of S. Bryl', "Marketing multi-channel
// attribution model with R" (AnalyzeCore, 2016), after Anderl et al.: C1 > C2 > C3
// converts, C1 and C2 > C3 do not. A third converts; without C1 a sixth, without C2 or
// C3 nobody: effects of 1/2, 1 and 1, shares of 20, 40 and 40%.
func TestMarkovByHand(t *testing.T) {
	paths := []Path{path(1, 1000, 0, 0, 1, 2), path(0, 0, 1, 0), path(0, 0, 1, 1, 2)}
	if got := newChain(paths, 3).converts(-1); math.Abs(got-1.0/3) > 1e-12 {
		t.Errorf("converts: got %v; want a third", got)
	}
	for i, want := range []float64{0.5, 1, 1} {
		if got := RemovalEffects(paths, 3)[i]; math.Abs(got-want) > 1e-12 {
			t.Errorf("effect of C%d: got %v; want %v", i+1, got, want)
		}
	}
	credits, err := Attribute(Markov, Params{}, paths, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Credit{{200_000, 200}, {400_000, 400}, {400_000, 400}} {
		if credits[i] != want {
			t.Errorf("C%d: got %+v; want %+v", i+1, credits[i], want)
		}
	}
}

// TestMarkovAgainstWalks: the probability to convert is what power iteration, a naive
// walk of all customers step by step, comes to.
func TestMarkovAgainstWalks(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		n := 2 + r.IntN(5)
		c := newChain(randomPaths(r, n), n)
		for removed := -1; removed < n; removed++ {
			at, converted := make([]float64, n+1), 0.0
			at[n] = 1
			for range 4000 {
				next := make([]float64, n+1)
				for from, p := range at {
					for to := range n {
						if to != removed {
							next[to] += p * c.moves[from][to]
						}
					}
					converted += p * c.moves[from][n]
				}
				at = next
			}
			if got := c.converts(removed); math.Abs(got-converted) > 1e-9 {
				t.Fatalf("without %d: got %v; want %v", removed, got, converted)
			}
		}
	}
}

// enumerate is the Shapley value by its definition: what a player adds to the players
// before it, averaged over all orders.
func enumerate(n int, v func(uint64) float64) []float64 {
	values, orders := make([]float64, n), 0
	var walk func(coalition uint64, adds []float64)
	walk = func(coalition uint64, adds []float64) {
		if coalition == 1<<n-1 {
			orders++
			for i, a := range adds {
				values[i] += a
			}
			return
		}
		for i := range n {
			if coalition>>i&1 == 0 {
				adds[i] = v(coalition|1<<i) - v(coalition)
				walk(coalition|1<<i, adds)
			}
		}
	}
	walk(0, make([]float64, n))
	for i := range values {
		values[i] /= float64(orders)
	}
	return values
}

// game is what the paths within a coalition brought.
func game(paths []Path) func(uint64) float64 {
	return func(coalition uint64) (sum float64) {
	next:
		for i := range paths {
			if len(paths[i].Touches) == 0 || paths[i].Conversions == 0 {
				continue
			}
			for _, t := range paths[i].Touches {
				if coalition>>t.Channel&1 == 0 {
					continue next
				}
			}
			sum += float64(paths[i].Value)
		}
		return sum
	}
}

func TestShapleyAgainstAllOrders(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 60 {
		n := 2 + r.IntN(5)
		paths := randomPaths(r, n)
		credits, err := Attribute(Shapley, Params{}, paths, n)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range enumerate(n, game(paths)) {
			if math.Abs(float64(credits[i].Value)-want) > float64(len(paths)) { // a nano for each set of channels
				t.Fatalf("channel %d: got %d; want %v", i, credits[i].Value, want)
			}
		}
	}
}

// TestShapleyAxioms: efficiency and the null player are in
// TestCreditsSumToWhatWasBrought; here are symmetry and additivity.
func TestShapleyAxioms(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	credit := func(paths []Path, n int) []Credit {
		c, err := Attribute(Shapley, Params{}, paths, n)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	near := func(what string, a, b money.Nanos, slack int) {
		t.Helper()
		if d := a - b; d > money.Nanos(slack) || -d > money.Nanos(slack) {
			t.Fatalf("%s: got %d and %d", what, a, b)
		}
	}
	for range 200 {
		n := 3 + r.IntN(4)
		a, b := randomPaths(r, n), randomPaths(r, n)
		// Symmetry: for each path of 0 there is one of 1 in its place.
		mirrored := append([]Path(nil), a...)
		for _, p := range a {
			q := p
			q.Touches = append([]Touch(nil), p.Touches...)
			for i := range q.Touches {
				if c := q.Touches[i].Channel; c < 2 {
					q.Touches[i].Channel = 1 - c
				}
			}
			mirrored = append(mirrored, q)
		}
		c := credit(mirrored, n)
		near("symmetry", c[0].Value, c[1].Value, len(mirrored))
		// Additivity: of both games together, the sum of each.
		ca, cb, both := credit(a, n), credit(b, n), credit(append(append([]Path(nil), a...), b...), n)
		for i := range n {
			near("additivity", ca[i].Value+cb[i].Value, both[i].Value, 2*(len(a)+len(b)))
		}
	}
}
