package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestReadReport(t *testing.T) {
	f := func(flags columnFlags, text string, want ...reportRow) {
		t.Helper()
		got, _, err := readReport(strings.NewReader(text), &flags)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%q: got %+v, %v; want %+v", text, got, err, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%q: got %+v; want %+v", text, got[i], want[i])
			}
		}
	}
	f(columnFlags{}, "Day,Seat,Deal,Currency,Impressions,Spend\n2026-11-21,s1,d1,USD,10,12.50\n", reportRow{2, "2026-11-21", "s1", "d1", "USD", 10, 12_500_000_000, 0, 2})
	f(columnFlags{}, "\xef\xbb\xbfcost,imps,cur,date,ivt\r\n\"0.000000001\",1,EUR,2026-11-21,0.5\r\n", reportRow{2, "2026-11-21", "", "", "EUR", 1, 1, 500_000_000, 9})
	f(columnFlags{Spend: "net"}, "day,currency,impressions,spend,NET\n2026-11-21,USD,1,9,2\n", reportRow{2, "2026-11-21", "", "", "USD", 1, 2_000_000_000, 0, 0})
	f(columnFlags{}, "day,currency,impressions,spend\n")
}

func TestReadReportRefuses(t *testing.T) {
	const head = "day,currency,impressions,spend\n"
	f := func(text string, line int, field string) {
		t.Helper()
		rows, _, err := readReport(strings.NewReader(text), &columnFlags{})
		var e *rowError
		if !errors.As(err, &e) || e.Line != line || e.Field != field || e.Rule == "" || rows != nil {
			t.Errorf("%q: got %v, %v; want line %d, field %s and nothing read", text, rows, err, line, field)
		}
	}
	f("", 1, "header")
	f("day,currency,impressions\n", 1, "spend")
	f("day,date,currency,impressions,spend\n", 1, "day")
	good := head + "2026-11-21,USD,1,1\n"
	f(good+"2026-11-32,USD,1,1\n", 3, "day")
	f(good+"21.11.2026,USD,1,1\n", 3, "day")
	f(good+"2026-11-21,usd,1,1\n", 3, "currency")
	f(good+"2026-11-21,,1,1\n", 3, "currency")
	f(good+"2026-11-21,USD,-1,1\n", 3, "impressions")
	f(good+"2026-11-21,USD,1.5,1\n", 3, "impressions")
	f(good+"2026-11-21,USD,99999999999999999999,1\n", 3, "impressions")
	for _, s := range []string{"-1", "1e3", "NaN", "", "\"1,000.00\"", "0.0000000001", "99999999999999999999", "1.2.3", "$5", "0x10"} {
		f(good+"2026-11-21,USD,1,"+s+"\n", 3, "spend")
	}
	f(good+"2026-11-21,USD,1\n", 3, "row")
	f(good+"2026-11-21,USD,1,\"1\n", 3, "row")
}

func FuzzReadReport(f *testing.F) {
	f.Add("day,seat,deal,currency,impressions,spend,ivt\n2026-11-21,s,d,USD,1,1.5,0\n")
	f.Add("date,cur,imps,cost\n2026-11-21,USD,1,-1\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, _, err := readReport(strings.NewReader(text), &columnFlags{})
		if err != nil && rows != nil {
			t.Fatal("half-read")
		}
		for _, r := range rows {
			if r.Spend < 0 || r.Invalid < 0 || r.Impressions < 0 || !isDay(r.Day) || len(r.Currency) != 3 {
				t.Fatalf("read %+v", r)
			}
		}
	})
}

func clearing(kind, currency string, count int64, amount string) clearingView {
	return clearingView{"2026-11-21", "d", currency, kind, count, amount}
}

func spent(currency string, imps int64, text string) reportRow {
	r := reportRow{Day: "2026-11-21", Deal: "d", Currency: currency, Impressions: imps}
	if rule := r.set("spend", text); rule != "" {
		panic(rule)
	}
	return r
}

// Each planted difference is found under its cause, and all of it.
func TestDifferencesByCause(t *testing.T) {
	billed := []clearingView{clearing("billed", "USD", 100, "10"), clearing("bid", "USD", 100, "10"), clearing("win", "", 100, "0"), clearing("impression", "", 100, "0")}
	f := func(name string, report reportRow, ours []clearingView, want string) {
		t.Helper()
		rows, err := compare([]reportRow{report}, ours, "s", nil, 10_000)
		if err != nil || len(rows) != 1 {
			t.Fatalf("%s: got %d rows, %v", name, len(rows), err)
		}
		if got := causesText(rows[0].Causes); got != want {
			t.Errorf("%s: got %q; want %q", name, got, want)
		}
	}
	with := func(more ...clearingView) []clearingView { return append(append([]clearingView{}, billed...), more...) }
	f("equal", spent("USD", 100, "10"), billed, "")
	f("past hard", spent("USD", 102, "10.25"), with(clearing("past_hard", "USD", 2, "0.25"), clearing("win", "", 2, "0")), "past_hard 0.25")
	f("dispute", spent("USD", 100, "10.5"), with(clearing("dispute", "USD", 3, "0.5")), "dispute 0.5")
	f("late", spent("USD", 110, "11"), []clearingView{clearing("billed", "USD", 100, "10"), clearing("bid", "USD", 110, "11"), clearing("win", "", 110, ""), clearing("impression", "", 110, "")}, "late 1")
	f("won, not billed", spent("USD", 110, "11"), with(clearing("win", "", 10, "0")), "won_not_billed 1")
	f("bad price", spent("USD", 110, "11"), with(clearing("bad_price", "USD", 10, "0"), clearing("win", "", 10, "0")), "bad_price 1")
	f("not rendered", spent("USD", 90, "9"), []clearingView{clearing("billed", "USD", 100, "10"), clearing("bid", "USD", 100, "10"), clearing("win", "", 100, ""), clearing("impression", "", 90, "")}, "billed_no_render -1")
	f("we took invalid traffic off", spent("USD", 100, "10"), with(clearing("adjust/invalid_traffic", "USD", 1, "-0.75")), "invalid_traffic 0.75")
	ivt := spent("USD", 100, "9.25")
	ivt.Invalid = 750_000_000
	f("they took it off", ivt, billed, "invalid_traffic -0.75")
	f("rounding", spent("USD", 100, "10.00"), with(clearing("billed", "USD", 0, "0.004"), clearing("bid", "USD", 0, "0.004")), "fx -0.004")
	f("an unknown number of impressions", spent("USD", 90, "9"), []clearingView{clearing("billed", "USD", 100, "10"), clearing("bid", "USD", 100, "10")}, "unexplained -1")
	f("unexplained", spent("USD", 100, "12"), billed, "unexplained 2")
	f("two causes", spent("USD", 100, "11.00"), with(clearing("dispute", "USD", 3, "0.5"), clearing("past_hard", "USD", 3, "0.3")), "past_hard 0.3, dispute 0.5, unexplained 0.2")
}

func TestConvertedCurrency(t *testing.T) {
	convert, err := parseConversions([]string{"EUR:USD=1.1"})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := compare([]reportRow{spent("USD", 100, "11.02")}, []clearingView{clearing("billed", "EUR", 100, "10"), clearing("bid", "EUR", 100, "10")}, "", convert, 10_000)
	if err != nil || len(rows) != 1 || unitsText(rows[0].Ours) != "11" || causesText(rows[0].Causes) != "fx 0.02" {
		t.Errorf("got %+v, %v", rows, err)
	}
	for _, bad := range []string{"EUR:USD", "EUR=1", "EUR:USD=0", "EUR:USD=-1", "eur:USD=1", "EUR:USD=1e99"} {
		if _, err := parseConversions([]string{bad}); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// Whatever both sides say, causes add up to the difference.
func TestCausesAddUp(t *testing.T) {
	amount := func(rt *rapid.T) string {
		return unitsText(big.NewInt(rapid.Int64Range(-1e12, 1e18).Draw(rt, "amount")))
	}
	rapid.Check(t, func(rt *rapid.T) {
		var report []reportRow
		for range rapid.IntRange(0, 4).Draw(rt, "rows") {
			r := spent(rapid.SampledFrom([]string{"USD", "EUR"}).Draw(rt, "currency"), rapid.Int64Range(0, 1000).Draw(rt, "imps"), "0")
			r.Seat, r.Deal = rapid.SampledFrom([]string{"", "s", "other"}).Draw(rt, "seat"), rapid.SampledFrom([]string{"", "d"}).Draw(rt, "deal")
			r.Spend = 1 << rapid.IntRange(0, 55).Draw(rt, "spend")
			report = append(report, r)
		}
		var ours []clearingView
		for range rapid.IntRange(0, 12).Draw(rt, "ours") {
			kind := rapid.SampledFrom([]string{"billed", "bid", "late", "past_hard", "bad_price", "dispute", "win", "impression", "adjust/fx", "adjust/x"}).Draw(rt, "kind")
			cur := rapid.SampledFrom([]string{"USD", "EUR"}).Draw(rt, "currency")
			if kind == "win" || kind == "impression" {
				cur = ""
			}
			ours = append(ours, clearing(kind, cur, rapid.Int64Range(0, 1000).Draw(rt, "count"), amount(rt)))
		}
		rows, err := compare(report, ours, "s", nil, 10_000)
		if err != nil {
			rt.Fatal(err)
		}
		theirs := new(big.Int)
		for _, r := range rows {
			sum := new(big.Int)
			for _, n := range r.Causes {
				sum.Add(sum, n)
			}
			if sum.Cmp(r.diff()) != 0 {
				rt.Fatalf("%+v: causes %s add up to %v; want %v", r.diffKey, causesText(r.Causes), sum, r.diff())
			}
			theirs.Add(theirs, r.Theirs)
		}
		for i := range report {
			theirs.Sub(theirs, big.NewInt(int64(report[i].Spend)))
		}
		if theirs.Sign() != 0 {
			rt.Fatalf("the report's spend is off by %v", theirs)
		}
	})
}

func TestUnitsText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := new(big.Int).Mul(big.NewInt(rapid.Int64().Draw(rt, "a")), big.NewInt(rapid.Int64().Draw(rt, "b")))
		if got, ok := parseUnits(unitsText(n)); !ok || got.Cmp(n) != 0 {
			rt.Fatalf("%v: %s reads back as %v", n, unitsText(n), got)
		}
	})
}

// The command prints a table or JSON, and an alert is an exit code of its own.
func TestReconcileCommand(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/exchanges/demo/clearings" || r.URL.Query().Get("from") != "2026-11-20" || r.URL.Query().Get("to") != "2026-11-21" {
			t.Errorf("asked for %s", r.URL)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"time_zone": "UTC", "rows": []clearingView{clearing("billed", "USD", 100, "10"), clearing("bid", "USD", 100, "10")}})
	}))
	defer srv.Close()
	path := filepath.Join(t.TempDir(), "report.csv")
	f := func(text, over string, asJSON bool, code int, say ...string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := &reconcileCommand{File: path, Exchange: "demo", Zone: "UTC", OwnSeat: "s", AlertOver: over, JSON: asJSON}
		var b strings.Builder
		err := c.reconcile(context.Background(), &client{base: srv.URL}, &b)
		var e *exitError
		if got := errors.As(err, &e); got != (code != 0) || got && e.code != code || !got && err != nil {
			t.Errorf("got %v; want code %d", err, code)
		}
		for _, s := range say {
			if !strings.Contains(b.String(), s) {
				t.Errorf("no %q in %s", s, b.String())
			}
		}
		if asJSON && !json.Valid([]byte(b.String())) {
			t.Errorf("no JSON: %s", b.String())
		}
	}
	const head = "day,seat,deal,currency,impressions,spend\n2026-11-20,s,d,USD,0,0\n"
	f(head+"2026-11-21,s,d,USD,100,10\n", "1%", false, 0, "2026-11-21")
	f(head+"2026-11-21,s,d,USD,100,10.1\n", "1%", false, 0, "unexplained 0.1")
	f(head+"2026-11-21,s,d,USD,100,10.2\n", "1%", false, exitAlert, "ALERT 2026-11-21", "unexplained 0.2")
	f("day,currency,impressions,spend\n2026-11-20,USD,0,0\n2026-11-21,USD,100,10\n", "0%", false, 0) // of all deals
	f(head+"2026-11-21,s,d,USD,100,10.2\n", "2.5%", true, 0, `"difference": "0.2"`)
	for _, bad := range []string{"", "-1%", "101%", "x"} {
		if _, err := parsePercent(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
