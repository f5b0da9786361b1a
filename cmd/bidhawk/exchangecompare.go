package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"bidhawk/internal/money"
)

type reconcileCommand struct {
	configFlag
	columnFlags `embed:""`
	File        string   `arg:"" help:"The exchange's daily report: CSV with a header." type:"path"`
	Exchange    string   `help:"The exchange's name here." required:""`
	Zone        string   `help:"Zone of the report's days." default:"UTC"`
	OwnSeat     string   `help:"Our seat; absent: the configured one."`
	AlertOver   string   `help:"Part of the larger side above which a row is an alert." default:"1%"`
	Convert     []string `help:"Rate at which the exchange bills another currency than its notices name, such as EUR:USD=1.0825."`
	JSON        bool     `help:"Print JSON." name:"json"`
}

// exitError ends the process with a code of its own.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// exitAlert is the code of a reconciliation with alerts.
const exitAlert = 3

func (c *reconcileCommand) Run(ctx context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if c.OwnSeat == "" {
		c.OwnSeat = cfg.Exchanges[c.Exchange].Seat
	}
	api, err := newClient(cfg)
	if err != nil {
		return err
	}
	return c.reconcile(ctx, api, os.Stdout)
}

func (c *reconcileCommand) reconcile(ctx context.Context, api *client, w io.Writer) error {
	ppm, err := parsePercent(c.AlertOver)
	if err != nil {
		return err
	}
	convert, err := parseConversions(c.Convert)
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	report, byDeal, err := readReport(f, &c.columnFlags)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if len(report) == 0 {
		return fmt.Errorf("%s: no rows after the header: nothing to compare", c.File)
	}
	from, to := report[0].Day, report[0].Day
	for i := range report {
		from, to = min(from, report[i].Day), max(to, report[i].Day)
	}
	var ours struct {
		Zone string         `json:"time_zone"`
		Rows []clearingView `json:"rows"`
		Lag  int64          `json:"lag_records"`
	}
	q := url.Values{"from": {from}, "to": {to}, "time_zone": {c.Zone}}
	if err := api.get(ctx, "/v1/exchanges/"+url.PathEscape(c.Exchange)+"/clearings?"+q.Encode(), &ours); err != nil {
		return err
	}
	if !byDeal {
		for i := range ours.Rows {
			ours.Rows[i].Deal = "" // the report adds them up
		}
	}
	rows, err := compare(report, ours.Rows, c.OwnSeat, convert, ppm)
	if err != nil {
		return err
	}
	if c.JSON {
		err = c.writeJSON(w, rows, from, to, ours.Lag)
	} else {
		err = c.writeTable(w, rows, from, to, ours.Lag)
	}
	if err != nil {
		return err
	}
	alerts := 0
	for _, r := range rows {
		if r.Alert {
			alerts++
		}
	}
	if alerts > 0 {
		return &exitError{exitAlert, fmt.Sprintf("%d rows differ by more than %s", alerts, c.AlertOver)}
	}
	return nil
}

func (c *reconcileCommand) writeTable(w io.Writer, rows []*diffRow, from, to string, lag int64) error {
	fmt.Fprintf(w, "%s, %s to %s (%s); theirs less ours\n", c.Exchange, from, to, c.Zone)
	if lag > 0 {
		fmt.Fprintf(w, "%d records wait to be counted: ours may be incomplete\n", lag)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "day\tseat\tdeal\tcurrency\tours\timps\ttheirs\timps\tdifference\tcauses\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%d\t%s\t%s\t\n", r.Day, r.Seat, r.Deal, r.Currency, unitsText(r.Ours), r.OurCount,
			unitsText(r.Theirs), r.TheirCount, unitsText(r.diff()), causesText(r.Causes))
	}
	total := totalsOf(rows)
	for _, cur := range slices.Sorted(maps.Keys(total)) {
		r := total[cur]
		fmt.Fprintf(t, "all\t\t\t%s\t%s\t%d\t%s\t%d\t%s\t%s\t\n", cur, unitsText(r.Ours), r.OurCount, unitsText(r.Theirs), r.TheirCount,
			unitsText(r.diff()), causesText(r.Causes))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Alert {
			fmt.Fprintf(w, "ALERT %s seat %q deal %q: %s %s differ, more than %s\n", r.Day, r.Seat, r.Deal, unitsText(r.diff()), r.Currency, c.AlertOver)
		}
	}
	return nil
}

func totalsOf(rows []*diffRow) map[string]*diffRow {
	total := map[string]*diffRow{}
	for _, r := range rows {
		t := total[r.Currency]
		if t == nil {
			t = &diffRow{Ours: new(big.Int), Theirs: new(big.Int), Causes: map[string]*big.Int{}}
			total[r.Currency] = t
		}
		t.Ours.Add(t.Ours, r.Ours)
		t.Theirs.Add(t.Theirs, r.Theirs)
		t.OurCount, t.TheirCount = t.OurCount+r.OurCount, t.TheirCount+r.TheirCount
		for cause, n := range r.Causes {
			if t.Causes[cause] == nil {
				t.Causes[cause] = new(big.Int)
			}
			t.Causes[cause].Add(t.Causes[cause], n)
		}
	}
	return total
}

func causesText(parts map[string]*big.Int) string {
	var out []string
	for _, cause := range causes {
		if n := parts[cause]; n != nil && n.Sign() != 0 {
			out = append(out, cause+" "+unitsText(n))
		}
	}
	return strings.Join(out, ", ")
}

type diffJSON struct {
	Day        string            `json:"day"`
	Seat       string            `json:"seat"`
	Deal       string            `json:"deal"`
	Currency   string            `json:"currency"`
	Ours       string            `json:"ours"`
	OurCount   int64             `json:"our_impressions"`
	Theirs     string            `json:"theirs"`
	TheirCount int64             `json:"their_impressions"`
	Difference string            `json:"difference"`
	Causes     map[string]string `json:"causes"`
	Evidence   map[string]string `json:"evidence"`
	Alert      bool              `json:"alert"`
}

func (c *reconcileCommand) writeJSON(w io.Writer, rows []*diffRow, from, to string, lag int64) error {
	texts := func(m map[string]*big.Int) map[string]string {
		out := map[string]string{}
		for cause, n := range m {
			if n.Sign() != 0 {
				out[cause] = unitsText(n)
			}
		}
		return out
	}
	out := struct {
		Exchange string     `json:"exchange"`
		Zone     string     `json:"time_zone"`
		From     string     `json:"from"`
		To       string     `json:"to"`
		Lag      int64      `json:"lag_records"`
		Rows     []diffJSON `json:"rows"`
	}{c.Exchange, c.Zone, from, to, lag, []diffJSON{}}
	for _, r := range rows {
		out.Rows = append(out.Rows, diffJSON{r.Day, r.Seat, r.Deal, r.Currency, unitsText(r.Ours), r.OurCount, unitsText(r.Theirs), r.TheirCount,
			unitsText(r.diff()), texts(r.Causes), texts(r.Evidence), r.Alert})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// parsePercent reads "1%" or "0.5" into parts per million.
func parsePercent(s string) (int64, error) {
	v, err := money.ParseMicros([]byte(strings.TrimSuffix(s, "%")), money.RoundDown)
	if err != nil || v < 0 || v > 100_000_000 {
		return 0, fmt.Errorf("--alert-over: got %.40q; want a percentage from 0%% to 100%%", s)
	}
	return v / 100, nil
}

// parseConversions reads EUR:USD=1.0825.
func parseConversions(list []string) ([]conversion, error) {
	var out []conversion
	for _, s := range list {
		pair, text, _ := strings.Cut(s, "=")
		from, to, _ := strings.Cut(pair, ":")
		_, ferr := money.ParseCurrency(from)
		_, terr := money.ParseCurrency(to)
		rate, err := money.ParseAmount([]byte(text))
		if err := errors.Join(ferr, terr, err); err != nil || rate <= 0 {
			return nil, fmt.Errorf("--convert: got %.40q; want two currencies and a rate above 0, such as EUR:USD=1.0825", s)
		}
		out = append(out, conversion{from, to, money.Rate(rate)})
	}
	return out, nil
}
