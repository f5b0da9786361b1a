package lift

import (
	"encoding/csv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"bidhawk/campaigns"
)

func near(t *testing.T, what string, got, want, slack float64) {
	t.Helper()
	if math.Abs(got-want) > slack {
		t.Errorf("%s: got %v; want %v", what, got, want)
	}
}

// TestNewcombe: the examples of the paper's table II, method 10.
func TestNewcombe(t *testing.T) {
	f := func(x, n, y, m int64, low, high float64) {
		t.Helper()
		got := newcombe(Group{Users: n, Converters: x}, Group{Users: m, Converters: y}, Quantile(0.975))
		near(t, "low", got.Low, low, 5e-5)
		near(t, "high", got.High, high, 5e-5)
	}
	f(56, 70, 48, 80, 0.0524, 0.3339)
	f(9, 10, 3, 10, 0.1705, 0.8090)
	f(6, 7, 2, 7, 0.0582, 0.8062)
	f(5, 56, 0, 29, -0.0381, 0.1926)
	f(0, 10, 0, 10, -0.2775, 0.2775)
	f(10, 10, 0, 10, 0.6075, 1.0000)
}

func TestMeasureRefuses(t *testing.T) {
	good := Group{Users: 10, Converters: 1}
	f := func(a, b Group, level float64) {
		t.Helper()
		if _, err := Measure(a, b, level); err == nil {
			t.Errorf("%+v, %+v at %v: got no error", a, b, level)
		}
	}
	f(Group{}, good, 0.95)
	f(good, Group{Users: 5, Converters: 6}, 0.95)
	f(good, Group{Users: 5, Exposed: 6}, 0.95)
	f(good, good, 0.5)
	f(good, good, 1)
	f(good, good, math.NaN())
}

func TestExposedIsTheDifferenceOverTheShare(t *testing.T) {
	r, err := Measure(Group{Users: 1000, Converters: 60, Exposed: 250, Value: 500, Square: 9000}, Group{Users: 1000, Converters: 40, Value: 300, Square: 7000}, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "rate", r.Rate.Estimate, 0.02, 1e-12)
	near(t, "exposed", r.ExposedRate.Estimate, 0.08, 1e-12)
	near(t, "exposed value", r.ExposedValue.Estimate, 0.8, 1e-12)
	near(t, "lift", r.Lift.Estimate, 0.5, 1e-12)
	near(t, "p", r.P, 0.0402, 2e-4) // z is 2.0520
	r, _ = Measure(Group{Users: 10}, Group{Users: 10}, 0.95)
	if !math.IsNaN(r.Lift.Estimate) || !math.IsNaN(r.ExposedRate.Low) || r.P != 1 {
		t.Errorf("nobody converted, nobody was exposed: got %+v", r)
	}
}

// customer is one of the randomised e-mail test of K. Hillstrom (2008).
type customer struct {
	id      uint64
	segment string
	convert bool
	spend   float64
}

func hillstrom(t testing.TB) []customer {
	t.Helper()
	dir := os.Getenv("BIDHAWK_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, "audience", "hillstrom-uplift.csv"))
	if err != nil {
		t.Skipf("no randomised test: %v", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []customer
	for i, row := range rows[1:] {
		spend, err := strconv.ParseFloat(row[11], 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, customer{uint64(i+1) * 0x9e3779b97f4a7c15, row[8], row[10] == "1", spend})
	}
	return out
}

func (g *Group) add(c *customer) {
	g.Users++
	if c.convert {
		g.Converters++
	}
	g.Value += c.spend
	g.Square += c.spend * c.spend
}

// TestRandomisedTest: what samples of a tenth say of the e-mail's effect holds what all
// customers of the set show, as often as the level says; samples of the whole find it.
func TestRandomisedTest(t *testing.T) {
	all := hillstrom(t)
	f := func(segment string, rate, spend float64) {
		t.Helper()
		var mail, none Group
		for i := range all {
			switch all[i].segment {
			case segment:
				mail.add(&all[i])
			case "No E-Mail":
				none.add(&all[i])
			}
		}
		truth, err := Measure(mail, none, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		near(t, segment+" conversions per customer", truth.Rate.Estimate, rate, 5e-5)
		near(t, segment+" spend per customer", truth.Value.Estimate, spend, 5e-3)
		if truth.Rate.Low <= 0 || truth.Value.Low <= 0 || truth.P > 1e-3 {
			t.Errorf("%s: the effect of the whole set was not found: %+v", segment, truth)
		}
		r := rand.New(rand.NewPCG(1, 2))
		const rounds = 300
		rates, values := 0, 0
		for range rounds {
			var a, b Group
			for i := range all {
				if (all[i].segment == segment || all[i].segment == "No E-Mail") && r.IntN(10) == 0 {
					if all[i].segment == segment {
						a.add(&all[i])
					} else {
						b.add(&all[i])
					}
				}
			}
			got, err := Measure(a, b, 0.95)
			if err != nil {
				t.Fatal(err)
			}
			if got.Rate.Contains(rate) {
				rates++
			}
			if got.Value.Contains(spend) {
				values++
			}
		}
		t.Logf("%s: the known effect is within %d and %d of %d intervals (rate, spend)", segment, rates, values, rounds)
		// Samples of a finite set without replacement vary by a factor of sqrt(0.9) less.
		if rates < 280 || values < 276 {
			t.Errorf("%s: got %d and %d; want at least 280 and 276", segment, rates, values)
		}
	}
	f("Mens E-Mail", 0.006805, 0.7698)
	f("Womens E-Mail", 0.003111, 0.4244)
}

// TestNoFalseAlarms: customers who were all sent nothing, split by the house's own
// hold-out: a difference is claimed no more often than the level allows.
func TestNoFalseAlarms(t *testing.T) {
	all := hillstrom(t)
	const rounds = 1000
	rates, values, p := 0, 0, 0
	for round := range rounds {
		salt := campaigns.SaltOf("a/a " + strconv.Itoa(round))
		var a, b Group
		for i := range all {
			if all[i].segment != "No E-Mail" {
				continue
			}
			if campaigns.HeldOut(salt, all[i].id, 300_000) {
				b.add(&all[i])
			} else {
				a.add(&all[i])
			}
		}
		got, err := Measure(a, b, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Rate.Contains(0) {
			rates++
		}
		if !got.Value.Contains(0) {
			values++
		}
		if got.P < 0.05 {
			p++
		}
	}
	t.Logf("false alarms: %d of rates, %d of spend, %d by p in %d", rates, values, p, rounds)
	// 50 expected; 71 is beyond them by three standard deviations.
	if rates > 71 || values > 71 || p > 71 {
		t.Errorf("got %d, %d and %d of %d; want at most 71", rates, values, p, rounds)
	}
}

// TestBootstrapAgreesWithWelch on spend, which is far from normal.
func TestBootstrapAgreesWithWelch(t *testing.T) {
	all := hillstrom(t)
	var a, b []float64
	var g, h Group
	for i := range all {
		if i%4 != 0 {
			continue
		}
		switch all[i].segment {
		case "Mens E-Mail":
			a = append(a, all[i].spend)
			g.add(&all[i])
		case "No E-Mail":
			b = append(b, all[i].spend)
			h.add(&all[i])
		}
	}
	boot, welch := Bootstrap(a, b, 0.95, 400, 7), welch(g, h, Quantile(0.975))
	width := welch.High - welch.Low
	near(t, "estimate", boot.Estimate, welch.Estimate, 1e-9)
	near(t, "low", boot.Low, welch.Low, width/8)
	near(t, "high", boot.High, welch.High, width/8)
	if again := Bootstrap(a, b, 0.95, 400, 7); again != boot {
		t.Errorf("the same seed gave %+v and %+v", boot, again)
	}
}
