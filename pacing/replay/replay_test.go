package replay

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

var update = flag.Bool("update", false, "rewrite testdata")

var coldStart = control.State{Multiplier: control.One, Price: 500_000}

func testControl() control.Config { return control.DefaultConfig() }

// synthetic is a log of the project's own: values and prices are log-normal and
// dependent, and prices rise by half over the log.
func synthetic(n int, seed uint64) []Auction {
	rng := rand.New(rand.NewPCG(seed, 8))
	out := make([]Auction, n)
	for i := range out {
		v := math.Exp(rng.NormFloat64() * 0.8)
		p := math.Exp(rng.NormFloat64()*0.6) * math.Pow(v, 0.4) * (1 + 0.5*float64(i)/float64(n))
		out[i] = Auction{Value: money.CPM(v * 1e6), Price: money.CPM(1+p*50) * Unit, Clicked: rng.Float64() < v*0.01}
	}
	return out
}

func load(t testing.TB) *Log {
	t.Helper()
	const path = "testdata/market.theta.txt"
	if *update {
		var b bytes.Buffer
		for _, a := range synthetic(6000, 1) {
			click := 0
			if a.Clicked {
				click = 1
			}
			fmt.Fprintf(&b, "%d %d %.9f\n", click, a.Price/Unit, float64(a.Value)/1e9)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := Read(path, f, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

type golden struct {
	Name                string
	Spent               money.Nanos
	Value, Clicks, Wins int64
	End                 control.Multiplier
}

// A small log replays to what it replayed to before. Multipliers come from
// floating point: they may differ by a millionth between machines, and wins by a few.
func TestGolden(t *testing.T) {
	l := load(t)
	learned, rest := l.Split(300_000)
	budget := Cost(rest) / 8
	var got []golden
	for _, c := range []struct {
		name string
		cfg  Config
	}{
		{"second price", Config{}},
		{"first price, unshaded", Config{Market: FirstPrice}},
		{"first price, curve", Config{Market: FirstPrice, Shading: WinCurve, Learned: learned}},
		{"1% delay", Config{Delay: Delay{Mean: 10_000, Close: 999_000, LossNotices: true}}},
		{"1% delay, no loss notices, closed early", Config{Delay: Delay{Mean: 10_000, Close: 999_000, Early: 700_000}}},
	} {
		cfg := c.cfg
		cfg.Budget, cfg.Control, cfg.Start, cfg.Seed, cfg.Every = budget, testControl(), StartFrom(learned, Cost(learned)/8), 1, 20
		r, err := Run(rest, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if r.Spent > budget || r.Auctions != int64(len(rest)) || r.Value > Optimum(rest, budget).Value {
			t.Errorf("%s: spent %d of %d, value %d of %d", c.name, r.Spent, budget, r.Value, Optimum(rest, budget).Value)
		}
		got = append(got, golden{c.name, r.Spent, r.Value, r.Clicks, r.Wins, r.End.Multiplier})
	}
	const path = "testdata/golden.json"
	if *update {
		text, _ := json.MarshalIndent(got, "", "  ")
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []golden
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d runs; %s has %d", len(got), path, len(want))
	}
	near := func(a, b int64) bool { return math.Abs(float64(a-b)) <= 0.002*math.Abs(float64(b)) }
	for i, w := range want {
		g := got[i]
		if g.Name != w.Name || !near(int64(g.Spent), int64(w.Spent)) || !near(g.Value, w.Value) || !near(g.Wins, w.Wins) || !near(int64(g.End), int64(w.End)) {
			t.Errorf("got %+v; want %+v", g, w)
		}
	}
}

// The fractional knapsack is at least any whole choice, and within one auction
// of the best of them.
func TestOptimumAgainstEveryChoice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "n")
		auctions := make([]Auction, n)
		var dearest int64
		for i := range auctions {
			auctions[i] = Auction{Price: money.CPM(rapid.Int64Range(0, 20).Draw(t, "price")), Value: money.CPM(rapid.Int64Range(0, 50).Draw(t, "value"))}
			dearest = max(dearest, int64(auctions[i].Value))
		}
		budget := money.Nanos(rapid.Int64Range(1, 100).Draw(t, "budget"))
		var best int64
		for set := range 1 << n {
			var cost money.Nanos
			var value int64
			for i, a := range auctions {
				if set>>i&1 == 1 {
					cost += a.Price.PerImpression()
					value += int64(a.Value)
				}
			}
			if cost <= budget {
				best = max(best, value)
			}
		}
		got := Optimum(auctions, budget).Value
		if got < best || got > best+dearest {
			t.Fatalf("optimum %d; the best whole choice is %d", got, best)
		}
	})
}

// Under any delays no budget is passed, and every bill is posted, late or the house's.
func TestHoldsNeverPassTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		auctions := synthetic(400, rapid.Uint64Range(1, 50).Draw(t, "log"))
		d := Delay{Mean: money.PPM(rapid.Int64Range(0, 200_000).Draw(t, "mean")), Close: money.PPM(rapid.Int64Range(1, 999_999).Draw(t, "close")),
			LossNotices: rapid.Bool().Draw(t, "loss"), Early: money.PPM(rapid.SampledFrom([]int64{0, 100_000, 700_000}).Draw(t, "early"))}
		budget := max(1, Cost(auctions)/money.Nanos(rapid.Int64Range(1, 400).Draw(t, "share")))
		r, err := newRun(auctions, Config{Budget: budget, Control: testControl(), Start: coldStart, Every: 10, Delay: d, Seed: rapid.Uint64().Draw(t, "seed"),
			Market: Market(rapid.IntRange(0, 1).Draw(t, "market"))})
		if err != nil {
			t.Fatal(err)
		}
		for i := range auctions {
			r.auction(i, &auctions[i])
			if h := r.holds; h.posted < 0 || h.held < 0 || h.posted+h.held > budget {
				t.Fatalf("auction %d: posted %d + held %d of %d", i, h.posted, h.held, budget)
			}
		}
		res := r.finish()
		if h := r.holds; h.held != 0 || h.posted+h.lost != h.kept || res.Spent > budget {
			t.Fatalf("at the end: held %d, posted %d + lost %d, billed %d", h.held, h.posted, h.lost, h.kept)
		}
	})
}

func TestRunRefuses(t *testing.T) {
	good := Config{Budget: 1, Control: testControl(), Start: coldStart}
	f := func(auctions []Auction, change func(*Config), want string) {
		t.Helper()
		cfg := good
		change(&cfg)
		if _, err := Run(auctions, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want an error with %q", err, want)
		}
	}
	one := []Auction{{Price: 1, Value: 1}}
	f(nil, func(*Config) {}, "no auctions")
	f(one, func(c *Config) { c.Budget = 0 }, "budget is 0")
	f(one, func(c *Config) { c.Delay.Mean = -1 }, "mean is -1")
	f(one, func(c *Config) { c.Delay.Mean = 1 }, "close is 0")
	f(one, func(c *Config) { c.Delay.Early = 1_000_000 }, "early is 1000000")
	f(one, func(c *Config) { c.Control.Memory = 0 }, "memory is 0")
}

func TestChart(t *testing.T) {
	l := load(t)
	r, err := Run(l.Auctions, Config{Budget: Cost(l.Auctions) / 8, Control: testControl(), Start: coldStart})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := (Chart{Title: `<b>"log"`, Facts: [][2]string{{"spent", "1 & 2"}}, Points: r.Points}).WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{`class="plan"`, `class="spent"`, `class="multiplier"`, "prefers-color-scheme:dark", "width=device-width", "&lt;b&gt;", "1 &amp; 2"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	for _, not := range []string{"http:", "https:", "<script", "@import", "NaN", "Inf", "ZgotmplZ"} {
		if strings.Contains(text, not) {
			t.Errorf("the page has %s", not)
		}
	}
	if (Chart{}).WriteHTML(&b) == nil {
		t.Error("a chart without points was drawn")
	}
}

// The real wallet, pacer and ledger deliver a small budget, on plan and to the
// nano within it: every record is audited on the way.
func TestReal(t *testing.T) {
	l := load(t)
	budget := Cost(l.Auctions) / 8
	f := func(mean money.PPM, lossNotices bool, market Market, least float64) {
		t.Helper()
		r, err := Real{Budget: budget, Worth: 8 * money.Unit, Mean: mean, LossNotices: lossNotices, Market: market, Seed: 1}.Run(l.Auctions)
		if err != nil {
			t.Fatal(err)
		}
		if got := percent(r.Spent, budget); got < least || got > 100 {
			t.Errorf("mean delay %d: spent %.2f%%; want %g to 100 (refused %v)", mean, got, least, r.Refused)
		}
		if r.Wins == 0 || r.Outcomes["posted"]+r.Outcomes["late"] != r.Wins || r.Records < r.Wins {
			t.Errorf("mean delay %d: %d wins, outcomes %v, %d records", mean, r.Wins, r.Outcomes, r.Records)
		}
	}
	f(0, true, SecondPrice, 97)
	f(1_000, true, SecondPrice, 95)
	f(1_000, false, FirstPrice, 80)
	if _, err := (Real{}).Run(l.Auctions); err == nil {
		t.Error("a budget of 0 was taken")
	}
}
