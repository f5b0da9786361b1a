package replay

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// Suite is every figure that replay has a bar for, over one log and the real
// curves of traffic. Its settings are the code's defaults: they were chosen on the
// first part of a log, and the bars are read on the rest.
type Suite struct {
	Log     *Log
	Regions []Region // none: no hourly curves
	// Learn is the part of the log that starts are learned from.
	Learn money.PPM
	// EpisodeBudget of all episodes, as it was published; 0: a 32nd of the log's cost.
	EpisodeBudget money.Nanos
	// EpisodeClicks is the bar of clicks; 0: none.
	EpisodeClicks int64
	// MostRegions is how many of the regions are run, evenly picked; 0: all.
	MostRegions int
	Seed        uint64
}

// Row is one figure.
type Row struct {
	Name  string
	Rest  string // on the rest of the log
	Whole string // beside it, on the whole log
	Bar   string // none: for information
	Short bool   // of its bar
}

// Run measures every row, in order; each is shown as soon as it is there.
func (s Suite) Run(show func(Row)) error {
	for _, part := range []func(func(Row)) error{s.second, s.first, s.episodes, s.hourly, s.delivery, s.real} {
		if err := part(show); err != nil {
			return err
		}
	}
	return nil
}

// fractions of the cost of winning everything that budgets are.
var fractions = []struct {
	of  money.Nanos
	bar float64
}{{2, 99.3}, {8, 99.3}, {32, 98}}

func atLeast(name string, got, bar float64, whole, note string) Row {
	return Row{Name: name, Rest: fmt.Sprintf("%.2f%%%s", got, note), Whole: whole, Bar: fmt.Sprintf(">= %g%%", bar), Short: got < bar}
}

// beside is a figure on the whole log, which the bar is not read on.
func beside(got, bar float64) string {
	if got < bar {
		return fmt.Sprintf("%.2f%%, below the bar", got)
	}
	return fmt.Sprintf("%.2f%%", got)
}

// second is value under second price, from a start that was learned and from one
// ten times wrong.
func (s Suite) second(show func(Row)) error {
	learned, rest := s.Log.Split(s.Learn)
	for _, start := range []struct {
		name string
		by   float64
	}{{"", 1}, {", start 10x too low", 0.1}, {", start 10x too high", 10}} {
		for _, f := range fractions {
			bar := f.bar
			if start.by != 1 {
				bar = 97
			}
			state := StartFrom(learned, Cost(learned)/f.of)
			state.Multiplier = bounded(float64(state.Multiplier) * start.by)
			r, err := Run(rest, Config{Budget: Cost(rest) / f.of, Control: control.DefaultConfig(), Start: state})
			if err != nil {
				return err
			}
			// The whole log has nothing before it: it starts cold, from bidding the
			// value, or else ten times off its own optimum's multiplier.
			budget := Cost(s.Log.Auctions) / f.of
			best := Optimum(s.Log.Auctions, budget)
			cold := control.State{Multiplier: control.One, Price: MedianPrice(learned)}
			if start.by != 1 && !math.IsInf(best.Multiplier, 1) {
				cold.Multiplier = bounded(best.Multiplier * start.by * float64(control.One))
			}
			w, err := Run(s.Log.Auctions, Config{Budget: budget, Control: control.DefaultConfig(), Start: cold})
			if err != nil {
				return err
			}
			show(atLeast(fmt.Sprintf("value of the optimum, second price, 1/%d%s", f.of, start.name),
				percent(r.Value, Optimum(rest, Cost(rest)/f.of).Value), bar,
				beside(percent(w.Value, best.Value), bar),
				fmt.Sprintf(" (spent %.1f%%, off plan %.2f / %.2f%%)", percent(r.Spent, Cost(rest)/f.of), r.RMSE, r.Worst)))
		}
	}
	return nil
}

func bounded(m float64) control.Multiplier {
	return control.Multiplier(min(max(m, float64(control.Least)), float64(control.Most)))
}

// first is value under first price, as a share of what the best fixed factor gets.
func (s Suite) first(show func(Row)) error {
	learned, rest := s.Log.Split(s.Learn)
	for _, shading := range []Shading{WinCurve, Unshaded} {
		for _, f := range fractions {
			state := StartFrom(learned, Cost(learned)/f.of)
			if shading == Unshaded {
				_, factor := FixedFactor(learned, Cost(learned)/f.of)
				state.Multiplier = bounded(factor * float64(control.One))
			}
			run := func(auctions, before []Auction) (share, optimum float64, err error) {
				budget := Cost(auctions) / f.of
				r, err := Run(auctions, Config{Budget: budget, Market: FirstPrice, Shading: shading, Control: control.DefaultConfig(), Start: state, Learned: before})
				base, _ := FixedFactor(auctions, budget)
				return percent(r.Value, base), percent(r.Value, Optimum(auctions, budget).Value), err
			}
			got, optimum, err := run(rest, learned)
			if err != nil {
				return err
			}
			whole, _, err := run(s.Log.Auctions, nil)
			if err != nil {
				return err
			}
			name := fmt.Sprintf("value of the best fixed factor, first price, 1/%d", f.of)
			row := atLeast(name, got, 100, beside(whole, 100), fmt.Sprintf(" (%.1f%% of the optimum)", optimum))
			if shading == Unshaded {
				row.Name, row.Bar, row.Short = name+", multiplier alone", "", false
			}
			show(row)
		}
	}
	return nil
}

// episodes is the published comparison, on the whole log from a cold start.
func (s Suite) episodes(show func(Row)) error {
	budget := s.EpisodeBudget
	if budget == 0 {
		budget = Cost(s.Log.Auctions) / 32
	}
	learned, _ := s.Log.Split(s.Learn)
	r, err := Episodes{Length: 1000, Budget: budget, Control: control.DefaultConfig(), Every: 1,
		Start: control.State{Multiplier: control.One, Price: MedianPrice(learned)}}.Run(s.Log.Auctions)
	if err != nil {
		return err
	}
	row := Row{Name: "clicks in 1000-auction episodes at 1/32", Rest: "-",
		Whole: fmt.Sprintf("%d (pCTR %.2f, spent %d of %d)", r.Clicks, float64(r.Value)/1e9, r.Spent/money.Nanos(Unit), budget/money.Nanos(Unit))}
	if s.EpisodeClicks > 0 {
		row.Bar, row.Short = fmt.Sprintf(">= %d", s.EpisodeClicks), r.Clicks < s.EpisodeClicks || r.Spent > budget
	}
	show(row)
	return nil
}

// The hourly runs' day, and its budget of what all of its auctions cost.
const (
	dayAuctions = 100_000
	dayShare    = money.PPM(125_000)
)

// hourly is spend against plan under real curves. The first week, from the other
// regions' mean curve, is shown beside the week after it.
func (s Suite) hourly(show func(Row)) error {
	if len(s.Regions) == 0 {
		return nil
	}
	_, rest := s.Log.Split(s.Learn)
	most := s.MostRegions
	if most <= 0 || most > len(s.Regions) {
		most = len(s.Regions)
	}
	var rmse, worst [2]float64
	least, value := [2]float64{100, 100}, [2]float64{100, 100}
	for k := range most {
		i := k * len(s.Regions) / most
		days, err := Days{Curve: &s.Regions[i].Curve, Prior: House(s.Regions, i), Auctions: dayAuctions, Market: rest, Share: dayShare,
			Weeks: 2, Control: control.DefaultConfig(), Seed: s.Seed + uint64(i)}.Run()
		if err != nil {
			return err
		}
		for d, r := range days {
			w := d / 7
			rmse[w], worst[w], least[w] = max(rmse[w], r.RMSE), max(worst[w], r.Worst), min(least[w], r.Spent)
			value[w] = min(value[w], r.Value)
		}
	}
	cold := func(v float64) string { return fmt.Sprintf("first week, cold: %.1f%%", v) }
	name := fmt.Sprintf("of the worst of %d regions x 7 days", most)
	show(Row{Name: "spend against plan, RMSE " + name, Rest: fmt.Sprintf("%.3f%%", rmse[1]), Whole: cold(rmse[0]), Bar: "<= 0.5%", Short: rmse[1] > 0.5})
	show(Row{Name: "spend against plan, largest deviation " + name, Rest: fmt.Sprintf("%.3f%%", worst[1]), Whole: cold(worst[0]), Bar: "<= 1%", Short: worst[1] > 1})
	show(Row{Name: "least spent in a day", Rest: fmt.Sprintf("%.2f%%", least[1]), Whole: cold(least[0])})
	show(Row{Name: "least value in a day, of that day's optimum", Rest: fmt.Sprintf("%.2f%%", value[1]), Whole: cold(value[0])})
	return nil
}

// The policy that the delivery rows run: see docs/decisions/2026-11-25-multiplier.md.
const (
	policyLead  = money.PPM(5_000)
	policyEarly = money.PPM(700_000)
	closeAt     = money.PPM(999_000)
	seeds       = 5
)

// delivery is how much of a budget holds leave undelivered, at a mean delay of 1%.
func (s Suite) delivery(show func(Row)) error {
	for _, c := range []struct {
		name        string
		win         money.PPM
		lossNotices bool
		early       money.PPM
		bar         float64
		oracle      string
	}{
		{"50% win rate", 500_000, true, 0, 99, "oracle 99.5%"},
		{"20% win rate", 200_000, true, 0, 98, "oracle 98.3%"},
		{"10% win rate", 100_000, true, 0, 96, "oracle 96.3%"},
		{"10% win rate, no loss notices, leases closed early", 100_000, false, policyEarly, 95, ""},
		{"10% win rate, no loss notices, every lease to p99.9", 100_000, false, 0, 0, "at most 79.4%"},
	} {
		var mean, late, house, least float64
		least = 100
		for k := range seeds {
			d := Delivery{Delay: Delay{Mean: 10_000, LossNotices: c.lossNotices, Close: closeAt, Early: c.early}, Win: c.win,
				Impressions: 10_000, Traffic: 3, Lead: policyLead, Seed: s.Seed + uint64(k)}.Run()
			if d.Over > 0 {
				return fmt.Errorf("delivery at %s: %d nanos over the budget", c.name, d.Over)
			}
			mean, late, house, least = mean+d.Share/seeds, late+d.Late/seeds, house+d.House/seeds, min(least, d.Share)
		}
		row := atLeast("delivered, 1% mean delay, "+c.name, mean, c.bar, c.oracle,
			fmt.Sprintf(" (least %.2f%%; bills after close %.2f%%; house %.3f%%)", least, late, house))
		if c.bar == 0 {
			row.Bar, row.Short = "", false
		}
		show(row)
	}
	return nil
}

// real is the rest of the log through the real wallet, pacer and ledger, for
// information: the pacer's own figures are its tests'. A nano over the budget, or a
// record that the auditor does not agree with, is an error.
func (s Suite) real(show func(Row)) error {
	learned, rest := s.Log.Split(s.Learn)
	for _, mean := range []money.PPM{0, 10_000} {
		budget := Cost(rest) / 8
		r, err := Real{Budget: budget, Worth: WorthOf(StartFrom(learned, Cost(learned)/8)), Mean: mean, LossNotices: true, Seed: s.Seed}.Run(rest)
		if err != nil {
			return err
		}
		show(Row{Name: fmt.Sprintf("through the real wallet, pacer and ledger, 1/8, mean delay %g%%", float64(mean)/10_000),
			Rest: fmt.Sprintf("%.2f%% of the optimum (spent %.2f%%, off plan %.2f / %.2f%%, late %.3f%%)",
				percent(r.Value, Optimum(rest, budget).Value), percent(r.Spent, budget), r.RMSE, r.Worst, r.Late),
			Whole: fmt.Sprintf("%d records audited, 0 over", r.Records)})
	}
	return nil
}

// WriteTable runs the suite and writes its rows, and says how many fall short.
func (s Suite) WriteTable(w io.Writer) (short int, err error) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tfigure\tbar\tfrom the rest of the log\tthe whole log, or else")
	err = s.Run(func(r Row) {
		mark := "ok"
		switch {
		case r.Short:
			mark = "SHORT"
			short++
		case r.Bar == "":
			mark = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", mark, r.Name, r.Bar, r.Rest, r.Whole)
	})
	if err != nil {
		return short, err
	}
	return short, t.Flush()
}
