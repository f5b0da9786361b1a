package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"bidhawk/internal/money"
	"bidhawk/pacing/control"
	"bidhawk/pacing/replay"
)

type replayCommand struct {
	Log string `arg:"" help:"Recorded auctions: click, market price in fen per mille and pCTR on each line, or iPinYou's impressions." type:"existingfile"`

	Budget     string  `help:"Budget: a fraction of what winning everything costs (1/8), or an amount of currency." default:"1/8"`
	Market     string  `help:"How auctions clear." enum:"second,first" default:"second"`
	Shading    string  `help:"Bids under first price: by what wins, or the multiplier alone." enum:"curve,none" default:"curve"`
	Train      string  `help:"First part of the log that the start is learned from; the rest is replayed. 0: the whole log, from a cold start." default:"30%"`
	StartTimes float64 `help:"Start from a multiplier so many times the learned one." default:"1"`
	Every      int     `help:"Auctions between two re-plans." default:"100"`
	Value      string  `help:"pCTR of every impression of a log that has none." default:"0.001"`

	Delay string `help:"Mean delay of notices as a share of the flight (1%)." default:"0"`
	Loss  bool   `help:"Lost bids are told." default:"true" negatable:""`
	Close string `help:"Quantile of the delay at which a lease closes." default:"99.9%"`
	Early string `help:"Quantile from which on the oldest leases close where a bid needs their money. 0: never." default:"0"`
	Seed  uint64 `help:"Seed of everything random." default:"1"`

	Real bool `help:"Through the real wallet, pacer and ledger in virtual time, over a day: every record audited."`

	HTML string `help:"File for a chart of spend against plan and of the multiplier." type:"path"`
	JSON string `help:"File for the result." type:"path"`

	Table         bool   `help:"Measure every figure that has a bar, over this log."`
	Traffic       string `help:"Curves of traffic for --table: region_id,dow,hour,traffic_share." type:"existingfile"`
	Regions       int    `help:"How many of the regions to run; 0: all." default:"19"`
	EpisodeBudget int64  `help:"Budget of all episodes together, in fen per mille as logs have prices; 0: a 32nd of the cost." default:"0"`
	EpisodeClicks int64  `help:"Bar of the clicks in episodes; 0: none." default:"0"`
	Strict        bool   `help:"Fail where a figure of --table falls short of its bar."`
}

func (c *replayCommand) Run() error {
	value, err := money.ParseNanos([]byte(c.Value), money.RoundDown)
	if err != nil || value <= 0 || value > 1_000_000_000 {
		return fmt.Errorf("--value %q: want a pCTR above 0 and at most 1", c.Value)
	}
	log, err := readLog(c.Log, money.CPM(value))
	if err != nil {
		return err
	}
	train, err := parseShare("train", c.Train, 900_000)
	if err != nil {
		return err
	}
	if c.Table {
		return c.table(os.Stdout, log, cmp.Or(train, 300_000))
	}
	return c.one(os.Stdout, log, train)
}

func readLog(path string, value money.CPM) (*replay.Log, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return replay.Read(path, f, replay.ReadOptions{Value: value})
}

// parseShare reads 30%, 0.3 or 0, exactly.
func parseShare(flag, s string, most money.PPM) (money.PPM, error) {
	text, unit := s, int64(1)
	if t, ok := strings.CutSuffix(s, "%"); ok {
		text, unit = t, 100
	}
	v, err := money.ParseMicros([]byte(text), money.RoundDown)
	if err != nil || v < 0 || v/unit > int64(most) {
		return 0, fmt.Errorf("--%s %q: want a share such as 30%% or 0.3, of 0 to %g", flag, s, float64(most)/1e6)
	}
	return money.PPM(v / unit), nil
}

// parseBudget reads 1/8 of cost, or an amount.
func parseBudget(s string, cost money.Nanos) (money.Nanos, error) {
	bad := fmt.Errorf("--budget %q: want a fraction such as 1/8 or an amount such as 12.5, above 0", s)
	num, den, ok := strings.Cut(s, "/")
	if !ok {
		v, err := money.ParseNanos([]byte(s), money.RoundDown)
		if err != nil || v <= 0 {
			return 0, bad
		}
		return money.Nanos(v), nil
	}
	a, errA := strconv.ParseInt(num, 10, 64)
	b, errB := strconv.ParseInt(den, 10, 64)
	if errA != nil || errB != nil || a <= 0 || b <= 0 {
		return 0, bad
	}
	v, err := money.MulDiv(int64(cost), a, b)
	if err != nil || v <= 0 {
		return 0, bad
	}
	return money.Nanos(v), nil
}

// outcome is one run and what it is held against.
type outcome struct {
	Log      string        `json:"log"`
	Budget   money.Nanos   `json:"budget_nanos"`
	Cost     money.Nanos   `json:"cost_of_everything_nanos"`
	Optimum  int64         `json:"optimum_value"`
	Fixed    int64         `json:"fixed_factor_value,omitempty"`
	Factor   float64       `json:"fixed_factor,omitempty"`
	Result   replay.Result `json:"result"`
	FirstRun bool          `json:"first_price"`
}

func (c *replayCommand) one(w io.Writer, log *replay.Log, train money.PPM) error {
	learned, rest := log.Split(train)
	if len(rest) == 0 {
		return errors.New("--train leaves no auctions")
	}
	o := outcome{Log: log.Name, Cost: replay.Cost(rest), FirstRun: c.Market == "first"}
	cfg, err := c.config(learned, o.Cost)
	if err != nil {
		return err
	}
	if len(learned) == 0 {
		cfg.Start.Price = replay.MedianPrice(rest)
	}
	if c.Real {
		// The pacer's multiplier is 1 at most: a click is worth more than it bids.
		r, err := replay.Real{Budget: cfg.Budget, Market: cfg.Market, Shading: cfg.Shading, Worth: replay.WorthOf(cfg.Start), Mean: cfg.Delay.Mean,
			LossNotices: cfg.Delay.LossNotices, Seed: c.Seed}.Run(rest)
		if err != nil {
			return err
		}
		o.Result = r.Result
	} else if o.Result, err = replay.Run(rest, cfg); err != nil {
		return err
	}
	o.Budget, o.Optimum = cfg.Budget, replay.Optimum(rest, cfg.Budget).Value
	if o.FirstRun {
		o.Fixed, o.Factor = replay.FixedFactor(rest, cfg.Budget)
	}
	facts := o.facts()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range facts {
		fmt.Fprintf(t, "%s\t%s\n", f[0], f[1])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if c.HTML != "" {
		chart := replay.Chart{Title: "Replay of " + filepath.Base(log.Name), Facts: facts, Points: o.Result.Points}
		if err := writeFile(c.HTML, chart.WriteHTML); err != nil {
			return err
		}
	}
	if c.JSON != "" {
		return writeFile(c.JSON, func(w io.Writer) error { return json.NewEncoder(w).Encode(o) })
	}
	return nil
}

func (c *replayCommand) config(learned []replay.Auction, cost money.Nanos) (cfg replay.Config, err error) {
	cfg = replay.Config{Control: control.DefaultConfig(), Every: c.Every, Seed: c.Seed, Learned: learned}
	if cfg.Budget, err = parseBudget(c.Budget, cost); err != nil {
		return cfg, err
	}
	if c.Market == "first" {
		cfg.Market = replay.FirstPrice
	}
	if c.Shading == "curve" {
		cfg.Shading = replay.WinCurve
	}
	if cfg.Delay.Mean, err = parseShare("delay", c.Delay, 1_000_000); err != nil {
		return cfg, err
	}
	if cfg.Delay.Close, err = parseShare("close", c.Close, 999_999); err != nil {
		return cfg, err
	}
	if cfg.Delay.Early, err = parseShare("early", c.Early, 999_999); err != nil {
		return cfg, err
	}
	cfg.Delay.LossNotices = c.Loss
	cfg.Start = control.State{Multiplier: control.One, Price: 1}
	if len(learned) > 0 {
		// The same share of the cost there as here.
		same, err := money.MulDiv(int64(replay.Cost(learned)), int64(cfg.Budget), int64(max(cost, 1)))
		if err != nil {
			return cfg, fmt.Errorf("--budget %q: %w", c.Budget, err)
		}
		cfg.Start = replay.StartFrom(learned, money.Nanos(same))
	}
	m := float64(cfg.Start.Multiplier) * c.StartTimes
	if !(m >= float64(control.Least) && m <= float64(control.Most)) {
		return cfg, fmt.Errorf("--start-times %g: want a multiplier of a billionth to a million, not %g", c.StartTimes, m/float64(control.One))
	}
	cfg.Start.Multiplier = control.Multiplier(m)
	return cfg, nil
}

// facts is what a person wants to know, in order.
func (o *outcome) facts() [][2]string {
	r := &o.Result
	share := func(a, b float64) string {
		if b == 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f%%", a/b*100)
	}
	out := [][2]string{
		{"auctions", fmt.Sprint(r.Auctions)},
		{"budget", fmt.Sprintf("%v (%s of the cost of everything)", o.Budget, share(float64(o.Budget), float64(o.Cost)))},
		{"spent", fmt.Sprintf("%v (%s)", r.Spent, share(float64(r.Spent), float64(o.Budget)))},
		{"bids, wins", fmt.Sprintf("%d, %d (%s)", r.Bids, r.Wins, share(float64(r.Wins), float64(r.Bids)))},
		{"value (sum of pCTR)", fmt.Sprintf("%.3f", float64(r.Value)/1e9)},
		{"of the hindsight optimum", share(float64(r.Value), float64(o.Optimum))},
		{"clicks", fmt.Sprint(r.Clicks)},
		{"off plan, RMSE and largest", fmt.Sprintf("%.3f%%, %.3f%%", r.RMSE, r.Worst)},
		{"bills after close; house", fmt.Sprintf("%.3f%% of spend; %.4f%% of the budget", r.Late, r.House)},
		{"multiplier at the end", fmt.Sprintf("%.4g", float64(r.End.Multiplier)/float64(control.One))},
	}
	if o.FirstRun {
		out = append(out, [2]string{"of the best fixed factor", fmt.Sprintf("%s (%.4g x value)", share(float64(r.Value), float64(o.Fixed)), o.Factor)})
	}
	return out
}

func (c *replayCommand) table(w io.Writer, log *replay.Log, train money.PPM) error {
	s := replay.Suite{Log: log, Learn: train, EpisodeBudget: money.Nanos(c.EpisodeBudget) * money.Nanos(replay.Unit),
		EpisodeClicks: c.EpisodeClicks, MostRegions: c.Regions, Seed: c.Seed}
	if c.Traffic != "" {
		f, err := os.Open(c.Traffic)
		if err != nil {
			return err
		}
		defer f.Close()
		if s.Regions, err = replay.ReadTraffic(c.Traffic, f); err != nil {
			return err
		}
	}
	short, err := s.WriteTable(w)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d figures fall short of their bars\n", short)
	if c.Strict && short > 0 {
		return fmt.Errorf("--strict: %d figures fall short of their bars", short)
	}
	return nil
}

// writeFile writes a file whole, or says why not.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
