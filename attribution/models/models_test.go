package models

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bidhawk/internal/money"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// path makes a path of channels, an hour apart, that ends an hour later.
func path(conversions int64, value money.Nanos, nowhere int64, channels ...int) Path {
	p := Path{Conversions: conversions, Value: value, Nowhere: nowhere}
	for i, c := range channels {
		p.Touches = append(p.Touches, Touch{c, start.Add(time.Duration(i) * time.Hour)})
	}
	p.At = start.Add(time.Duration(len(channels)) * time.Hour)
	return p
}

func TestRules(t *testing.T) {
	f := func(m Model, p Path, conversions []int64, value []money.Nanos) {
		t.Helper()
		got, err := Attribute(m, Params{HalfLife: time.Hour}, []Path{p}, len(conversions))
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range got {
			if c.Conversions != conversions[i] || c.Value != value[i] {
				t.Errorf("%s: channel %d got %+v; want %d and %d", m, i, c, conversions[i], value[i])
			}
		}
	}
	abc := path(1, 100, 0, 0, 1, 2)
	f(Last, abc, []int64{0, 0, Whole}, []money.Nanos{0, 0, 100})
	f(First, abc, []int64{Whole, 0, 0}, []money.Nanos{100, 0, 0})
	f(Linear, abc, []int64{333_334, 333_333, 333_333}, []money.Nanos{34, 33, 33})
	f(Position, abc, []int64{400_000, 200_000, 400_000}, []money.Nanos{40, 20, 40})
	f(Position, path(1, 100, 0, 0, 1, 1, 2), []int64{400_000, 200_000, 400_000}, []money.Nanos{40, 20, 40})
	f(Position, path(1, 3, 0, 0, 1), []int64{500_000, 500_000}, []money.Nanos{2, 1})
	f(Position, path(1, 3, 0, 1), []int64{0, Whole}, []money.Nanos{0, 3})
	f(TimeDecay, abc, []int64{142_857, 285_714, 571_429}, []money.Nanos{14, 29, 57}) // 1:2:4
	f(Linear, path(2, 100, 0, 0, 0, 1, 0), []int64{3 * Whole / 2, Whole / 2}, []money.Nanos{75, 25})
	f(Linear, path(0, 0, 5, 0, 1), []int64{0, 0}, []money.Nanos{0, 0})
	f(Linear, path(3, 9, 0), []int64{0, 0}, []money.Nanos{0, 0}) // nobody touched
	f(Shapley, path(1, 100, 0, 0, 1, 0, 0), []int64{500_000, 500_000}, []money.Nanos{50, 50})
}

func TestHalved(t *testing.T) {
	f := func(age, halfLife time.Duration) {
		t.Helper()
		want := math.Exp2(-float64(age)/float64(halfLife)) * one
		if got := float64(halved(age, halfLife)); math.Abs(got-want) > 64 && math.Abs(got/want-1) > 1e-9 {
			t.Errorf("%v at %v: got %v; want %v", age, halfLife, got, want)
		}
	}
	for _, halfLife := range []time.Duration{time.Minute, 7 * 24 * time.Hour, 365 * 24 * time.Hour} {
		for _, age := range []time.Duration{0, 1, time.Second, time.Minute, time.Hour, 59 * time.Hour, 90 * 24 * time.Hour} {
			f(age, halfLife)
		}
	}
	if got := halved(-time.Hour, time.Hour); got != one {
		t.Errorf("ahead of the last: got %d; want %d", got, uint64(one))
	}
	if a, b := halved(time.Hour, time.Hour), halved(2*time.Hour, time.Hour); a != one/2 || b != one/4 {
		t.Errorf("got %d and %d; want a half and a quarter of %d", a, b, uint64(one))
	}
}

// TestSplitAgainstBigNumbers: shares sum to the total, each within one of its exact
// share, and no smaller remainder is rounded up before a larger one.
func TestSplitAgainstBigNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		weights := make([]uint64, 1+r.IntN(9))
		sum := new(big.Int)
		for i := range weights {
			weights[i] = r.Uint64N(1 << (1 + r.IntN(58)))
			sum.Add(sum, new(big.Int).SetUint64(weights[i]))
		}
		total := r.Int64N(1 << (1 + r.IntN(61)))
		shares := Split(total, weights)
		got := int64(0)
		least, most := big.NewRat(2, 1), big.NewRat(-1, 1) // remainders of those rounded up, and down
		for i, s := range shares {
			got += s
			if sum.Sign() == 0 {
				continue
			}
			exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(total), new(big.Int).SetUint64(weights[i])), sum)
			over := exact.Sub(exact, new(big.Rat).SetInt64(s)) // below 0: rounded up
			if over.Sign() < 0 {
				if over.Add(over, big.NewRat(1, 1)).Cmp(least) < 0 {
					least = over
				}
			} else if over.Cmp(most) > 0 {
				most = over
			}
		}
		if got != total {
			t.Fatalf("%d by %v: got %v, which sum to %d", total, weights, shares, got)
		}
		if least.Cmp(most) < 0 || most.Cmp(big.NewRat(1, 1)) >= 0 || least.Sign() < 0 {
			t.Fatalf("%d by %v: got %v: not by the largest remainder", total, weights, shares)
		}
	}
	if got := Split(10, []uint64{0, 0, 0}); !slices.Equal(got, []int64{4, 3, 3}) {
		t.Errorf("no weights: got %v", got)
	}
}

// randomPaths are paths of n channels, of which the last is never touched.
func randomPaths(r *rand.Rand, n int) []Path {
	paths := make([]Path, 1+r.IntN(12))
	for i := range paths {
		var channels []int
		for range r.IntN(6) {
			channels = append(channels, r.IntN(n-1))
		}
		conversions := r.Int64N(4)
		paths[i] = path(conversions, money.Nanos(conversions*r.Int64N(1_000_000_007)), r.Int64N(5), channels...)
		for j := range paths[i].Touches {
			paths[i].Touches[j].At = start.Add(time.Duration(r.Int64N(1+int64(j)*int64(time.Hour)) + int64(j)*int64(time.Hour)))
		}
	}
	return paths
}

// TestCreditsSumToWhatWasBrought: of every model, for conversions and value; a channel
// that nobody touched gets nothing.
func TestCreditsSumToWhatWasBrought(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		n := 2 + r.IntN(6)
		paths := randomPaths(r, n)
		var conversions int64
		var value money.Nanos
		for _, p := range paths {
			if len(p.Touches) > 0 && p.Conversions > 0 {
				conversions, value = conversions+p.Conversions*Whole, value+p.Value
			}
		}
		for _, m := range Models() {
			credits, err := Attribute(m, Params{HalfLife: 7 * time.Hour}, paths, n)
			if err != nil {
				t.Fatal(err)
			}
			var gotN int64
			var gotV money.Nanos
			for _, c := range credits {
				if c.Conversions < 0 || c.Value < 0 {
					t.Fatalf("%s: a credit below nothing: %+v", m, credits)
				}
				gotN, gotV = gotN+c.Conversions, gotV+c.Value
			}
			if gotN != conversions || gotV != value {
				t.Fatalf("%s: credits sum to %d and %d; want %d and %d", m, gotN, gotV, conversions, value)
			}
			if credits[n-1] != (Credit{}) {
				t.Fatalf("%s: an untouched channel got %+v", m, credits[n-1])
			}
		}
	}
}

// TestRulesAgainstFractions compares the rules with a reference in exact fractions: no
// credit is further from its exact share than one unit for each path.
func TestRulesAgainstFractions(t *testing.T) {
	share := func(m Model, p *Path, i int) *big.Rat {
		n := len(p.Touches)
		switch m {
		case Last:
			return big.NewRat(int64(ifElse(i == n-1, 1, 0)), 1)
		case First:
			return big.NewRat(int64(ifElse(i == 0, 1, 0)), 1)
		case Linear:
			return big.NewRat(1, int64(n))
		}
		switch { // Position
		case n == 1:
			return big.NewRat(1, 1)
		case n == 2:
			return big.NewRat(1, 2)
		case i == 0 || i == n-1:
			return big.NewRat(2, 5)
		}
		return big.NewRat(1, int64(5*(n-2)))
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		n := 2 + r.IntN(5)
		paths := randomPaths(r, n)
		for _, m := range []Model{Last, First, Linear, Position} {
			credits, err := Attribute(m, Params{}, paths, n)
			if err != nil {
				t.Fatal(err)
			}
			for c := range n {
				want, touches := new(big.Rat), int64(0)
				for j := range paths {
					p := &paths[j]
					for i, touch := range p.Touches {
						if touch.Channel == c && p.Conversions > 0 {
							touches++
							want.Add(want, new(big.Rat).Mul(share(m, p, i), new(big.Rat).SetInt64(int64(p.Value))))
						}
					}
				}
				off := want.Sub(want, new(big.Rat).SetInt64(int64(credits[c].Value)))
				if off.Abs(off).Cmp(new(big.Rat).SetInt64(touches)) > 0 {
					t.Fatalf("%s: channel %d is %v off its share", m, c, off)
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	f := func(m Model, p Params, paths []Path, channels int) {
		t.Helper()
		if _, err := Attribute(m, p, paths, channels); err == nil {
			t.Errorf("%s, %+v: got no error", m, p)
		}
	}
	f("guess", Params{}, nil, 1)
	f(TimeDecay, Params{}, nil, 1)
	f(TimeDecay, Params{HalfLife: 366 * 24 * time.Hour}, nil, 1)
	f(Markov, Params{}, nil, MaxChannels+1)
	f(Last, Params{}, []Path{path(1, 1, 0, 3)}, 3)
	f(Last, Params{}, []Path{path(1, 1, 0, -1)}, 3)
	f(Last, Params{}, []Path{path(-1, 1, 0, 0)}, 3)
	f(Last, Params{}, []Path{path(1, -1, 0, 0)}, 3)
	f(Markov, Params{}, []Path{path(1, 1, -1, 0)}, 3)
	f(Last, Params{}, []Path{path(MaxConversions+1, 1, 0, 0)}, 3)
	f(Last, Params{}, []Path{path(1, math.MaxInt64, 0, 0), path(1, 1, 0, 0)}, 3)
}
