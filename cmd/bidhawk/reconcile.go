package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"text/tabwriter"
	"time"

	"bidhawk/cmd/node"
	"bidhawk/internal/money"
	"bidhawk/loadtest"
	"bidhawk/pacing"
	"bidhawk/pacing/audit"
)

// ledgerView and liveView are the parts of the API's answers that are shown.
type ledgerView struct {
	Payables []payableView `json:"payables"`
}

type payableView struct {
	Exchange string     `json:"exchange"`
	Currency string     `json:"currency"`
	Owed     money.Wide `json:"owed_nanos"`
}

type liveView struct {
	Lines []struct {
		Name        string      `json:"name"`
		Currency    string      `json:"currency"`
		Pricing     string      `json:"pricing"`
		Pacing      string      `json:"pacing"`
		Planned     money.Nanos `json:"planned_nanos"`
		Spent       money.Nanos `json:"spent_nanos"`
		Charge      money.Nanos `json:"charge_nanos"`
		Media       money.Nanos `json:"media_nanos"`
		Impressions int64       `json:"impressions"`
		Clicks      int64       `json:"clicks"`
		Conversions int64       `json:"conversions"`
	} `json:"lines"`
}

type totalsView struct {
	Payables    []payableView `json:"payables"`
	Impressions int64         `json:"impressions"`
	Clicks      int64         `json:"clicks"`
	Conversions int64         `json:"conversions"`
	LagRecords  int64         `json:"lag_records"`
}

var errNotReconciled = errors.New("the exchange's bill, the ledger and the report do not agree")

// reconcile waits until ledger and report have taken everything in, compares
// them with the exchange's bill, and prints what each line item brought.
func reconcile(ctx context.Context, api *client, bill *loadtest.Result, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ledger, report, err := settle(ctx, api, bill)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "\nReconciliation")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\texchange's bill\tledger: payable\treport: payable\t\n")
	want := bills(bill)
	for _, cur := range slices.Sorted(maps.Keys(union(want, ledger, report))) {
		fmt.Fprintf(t, "%s\t%v\t%v\t%v\t\n", cur, units(want.of(cur)), units(ledger.of(cur)), units(report.of(cur)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "Notices in doubt: %v\n", bill.InDoubtNanos())
	if err := printLines(ctx, api, w); err != nil {
		return err
	}
	if bill.InvalidResponses > 0 {
		fmt.Fprintf(w, "\n%d answers broke a rule: %v\n", bill.InvalidResponses, bill.Invalid)
	}
	if !want.equal(ledger) || !want.equal(report) {
		return errNotReconciled
	}
	fmt.Fprintln(w, "\nBill = ledger = report, to the nano.")
	return nil
}

// owed is nanos by currency.
type owed map[string]*big.Int

func (o owed) of(cur string) *big.Int {
	if n := o[cur]; n != nil {
		return n
	}
	return new(big.Int)
}

func (o owed) equal(p owed) bool {
	for cur := range union(o, p) {
		if o.of(cur).Cmp(p.of(cur)) != 0 {
			return false
		}
	}
	return true
}

func union(all ...owed) owed {
	u := owed{}
	for _, o := range all {
		maps.Copy(u, o)
	}
	return u
}

// bills is what the exchange bills.
func bills(r *loadtest.Result) owed {
	o := owed{}
	for cur, n := range r.Billed {
		o[cur] = big.NewInt(int64(n))
	}
	return o
}

func payables(list []payableView) owed {
	o := owed{}
	for _, p := range list {
		o[p.Currency] = new(big.Int).Add(o.of(p.Currency), p.Owed.Big())
	}
	return o
}

// settle polls until ledger and report agree with the bill, or time is up.
func settle(ctx context.Context, api *client, bill *loadtest.Result) (ledger, report owed, err error) {
	want := bills(bill)
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	for {
		var l ledgerView
		var r totalsView
		if err := errors.Join(api.get(ctx, "/v1/ledger", &l), api.get(ctx, "/v1/report-totals", &r)); err != nil {
			return ledger, report, err
		}
		ledger, report = payables(l.Payables), payables(r.Payables)
		if want.equal(ledger) && want.equal(report) && r.Impressions == bill.Impressions {
			return ledger, report, nil
		}
		select {
		case <-ctx.Done():
			return ledger, report, nil // the figures say what does not agree
		case <-time.After(250 * time.Millisecond):
		}
	}
}

func printLines(ctx context.Context, api *client, w io.Writer) error {
	var v liveView
	if err := api.get(ctx, "/v1/live", &v); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nLine items")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "name\tprice\tpace\timpr.\tclicks\tCTR\tconv.\tCVR\tmedia\tcharge\tplan\tspent/plan\t")
	for _, l := range v.Lines {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%s\t%d\t%s\t%s %s\t%s\t%s\t%s\t\n", l.Name, l.Pricing, l.Pacing, l.Impressions, l.Clicks,
			percent(l.Clicks, l.Impressions), l.Conversions, percent(l.Conversions, l.Clicks), cents(l.Media), l.Currency, cents(l.Charge),
			plan(l.Pacing, cents(l.Planned)), plan(l.Pacing, percent(int64(l.Spent), int64(l.Planned))))
	}
	return t.Flush()
}

// plan is text for line items that have a plan to compare with: ASAP has none.
func plan(pacing, text string) string {
	if pacing != "even" {
		return "-"
	}
	return text
}

func percent(a, b int64) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f%%", 100*float64(a)/float64(b))
}

func cents(n money.Nanos) string { return fmt.Sprintf("%.4f", float64(n)/1e9) }

// units prints nanos as currency units.
func units(n *big.Int) string {
	if n.IsInt64() {
		return money.Nanos(n.Int64()).String()
	}
	return n.String() + " nanos"
}

// auditState audits the state of a stopped node.
func auditState(ctx context.Context, cfg node.Config, w io.Writer) (err error) {
	log, err := node.OpenLog(ctx, cfg)
	if err != nil {
		return fmt.Errorf("audit (the server must be stopped): %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	totals, err := pacing.ReadSnapshotBalances(ctx, cfg.LedgerDir(), log)
	if err != nil {
		return err
	}
	res, err := audit.Run(ctx, log, &audit.Expected{Next: totals.Next, Accounts: totals.Accounts})
	if err != nil {
		return err
	}
	if _, err := res.WriteTo(w); err != nil {
		return err
	}
	if !res.Clean() {
		return errNotClean
	}
	return nil
}
