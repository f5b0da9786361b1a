package attribution

import (
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/internal/sqldb/sqldbtest"
)

// A statement over any days: the opening balance is all that came before, every
// line is of its day, and opening + payments - charges is the closing balance.
func TestStatementOfAnyDaysIsExact(t *testing.T) {
	a := newAPITest(t)
	offset := int64(0)
	first := dayOf(t0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := a.s.store.w.Exec("DELETE FROM books; DELETE FROM parts; DELETE FROM payables"); err != nil {
			rt.Fatal(err)
		}
		paid, charged := map[Day]money.Wide{}, map[Day]money.Wide{}
		for range rapid.IntRange(1, 25).Draw(rt, "postings") {
			offset++
			day := first + Day(rapid.IntRange(0, 6).Draw(rt, "day"))
			p := postingRecord{V: 1, MoneyOffset: offset, At: day.utc().Add(12 * time.Hour), Day: wireDay{day, true}, Outcome: "posted"}
			n := money.Nanos(rapid.Int64Range(-9e18, 9e18).Draw(rt, "amount"))
			kind := rapid.SampledFrom([]string{"bill", "click", "adjust", "payment", "closing", "refused"}).Draw(rt, "kind")
			switch p.Type = kind; kind {
			case "payment":
				p.Payment, p.wirePlacement = n, wirePlacement{Advertiser: 1}
				paid[day] = paid[day].Add(n)
			case "refused":
				p.Type, p.Outcome, p.wirePlacement = "payment", "refused", wirePlacement{Advertiser: 1}
			case "closing":
				p.Charge, p.wirePlacement = n, wirePlacement{Advertiser: 1}
			default:
				p.Charge, p.wirePlacement = n, place(1, rapid.Int64Range(0, 2).Draw(rt, "line"))
				charged[day] = charged[day].Add(n)
			}
			a.log.write(p, p.At)
		}
		readAll(t, a.s, a.log, eventlog.TopicPostings)
		from := first + Day(rapid.IntRange(0, 6).Draw(rt, "from"))
		to := from + Day(rapid.IntRange(0, 4).Draw(rt, "days"))
		st, err := a.s.Statement(context.Background(), 1, from, to)
		if err != nil {
			rt.Fatal(err)
		}
		opening, closing := sumDays(paid, charged, 0, from-1), sumDays(paid, charged, 0, to)
		if st.Opening.Wide() != opening || st.Closing.Wide() != closing {
			rt.Fatalf("%v to %v: got %v, %v; want %v, %v", from, to, st.Opening.Wide(), st.Closing.Wide(), opening, closing)
		}
		if st.Paid.minus(st.Charged).Wide() != closing {
			rt.Fatalf("paid %v less charged %v is not %v", st.Paid, st.Charged, closing)
		}
		byDay := map[Day]money.Wide{}
		for _, e := range st.Entries {
			byDay[e.Day] = byDay[e.Day].Plus(e.Payment.minus(e.Charge).Wide())
		}
		for d := from; d <= to; d++ {
			if want := sumDays(paid, charged, d, d); byDay[d] != want {
				rt.Fatalf("day %v: got %v; want %v", d, byDay[d], want)
			}
		}
	})
	if n := a.s.Stats().DeadLetters; n != 0 {
		t.Errorf("%d postings were dead letters; want none", n)
	}
}

func sumDays(paid, charged map[Day]money.Wide, from, to Day) (w money.Wide) {
	for d, n := range paid {
		if d >= from && d <= to {
			w = w.Plus(n)
		}
	}
	for d, n := range charged {
		if d >= from && d <= to {
			w = w.Plus(n.Neg())
		}
	}
	return w
}

// seedBooks pays and charges advertisers 1 and 2 of agency 1.
func (a *apiTest) seedBooks() {
	day := wireDay{dayOf(t0, time.UTC), true}
	for i, p := range []postingRecord{
		{Type: "payment", Outcome: "posted", Payment: 10e9, ID: "p1", wirePlacement: wirePlacement{Advertiser: 1}},
		{Type: "payment", Outcome: "refused", ID: "p2", wirePlacement: wirePlacement{Advertiser: 1}},
		{Type: "payment", Outcome: "duplicate", ID: "p1", wirePlacement: wirePlacement{Advertiser: 1}},
		{Type: "bill", Outcome: "late", Media: 2e6, Payable: 2e6, PayableCurrency: "USD", Charge: 3e6, HouseLate: 1, Margin: 1e6 + 1, Claimed: 2e6, BidAt: t0.Add(-24 * time.Hour), wirePlacement: place(1, 0)},
		{Type: "bill", Outcome: "past_hard", PayableCurrency: "USD", Claimed: 7e6, wirePlacement: place(1, 0)},
		{Type: "bill", Outcome: "dispute", Media: 2e6, Payable: 2e6, PayableCurrency: "USD", Charge: 3e6, Margin: 1e6, Claimed: 5e6, wirePlacement: place(2, 1)},
		{Type: "adjust", Outcome: "adjusted", Media: -1e6, Payable: -1e6, PayableCurrency: "USD", Margin: 1e6, Cause: "invalid_traffic", ID: "a1", wirePlacement: place(2, 1)},
	} {
		p.V, p.MoneyPartition, p.MoneyOffset, p.At, p.Day = 1, int32(p.Advertiser), int64(i)+1, t0, day
		a.log.write(p, t0)
	}
	readAll(a.t, a.s, a.log, eventlog.TopicPostings)
}

func (a *apiTest) path(as campaigns.Principal, path string, headers ...any) (int, string) {
	a.t.Helper()
	a.as = &as
	res := a.api.Get(path, headers...)
	return res.Code, res.Body.String()
}

func TestStatementOverHTTP(t *testing.T) {
	a := newAPITest(t)
	a.seedBooks()
	const days = "?from=2026-11-20&to=2026-11-20"
	var got statementBody
	code, body := a.path(advertiser1Key, "/v1/advertisers/1/statement"+days)
	if err := json.Unmarshal([]byte(body), &got); code != 200 || err != nil {
		t.Fatalf("got %d %s, %v", code, body, err)
	}
	if got.Opening != "0" || got.Closing != "9.997" || got.Paid != "10" || got.Charged != "0.003" || len(got.Lines) != 2 || got.Status != "preliminary" {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(body, "house_late") || strings.Contains(body, "payable") {
		t.Errorf("an advertiser sees the operator's accounts: %s", body)
	}
	code, body = a.path(advertiser1Key, "/v1/advertisers/1/statement?from=2026-11-21&to=2026-11-30")
	if err := json.Unmarshal([]byte(body), &got); code != 200 || err != nil || got.Opening != "9.997" || got.Closing != "9.997" || len(got.Lines) != 0 {
		t.Errorf("later: got %d %s, %v", code, body, err)
	}
	code, body = a.path(operatorKey, "/v1/agencies/1/statement"+days+"&format=csv")
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if code != 200 || err != nil || len(rows) != 9 || rows[1][3] != "opening" || rows[4][3] != "closing" || rows[4][13] != "9.997" || rows[8][13] != "-0.003" {
		t.Errorf("csv: got %d %s, %v", code, body, err)
	}
	var agency agencyBody
	code, body = a.path(agency1Key, "/v1/agencies/1/statement"+days)
	if err := json.Unmarshal([]byte(body), &agency); code != 200 || err != nil || len(agency.Statements) != 2 ||
		len(agency.Totals) != 1 || agency.Totals[0] != (agencyTotal{"USD", "0", "0.006", "10", "9.994"}) {
		t.Errorf("agency: got %d %s, %v", code, body, err)
	}
	if code, body := a.path(advertiser1Key, "/v1/advertisers/1/statement"+days, "Accept: text/csv"); code != 200 || !strings.HasPrefix(body, "advertiser,") {
		t.Errorf("Accept: got %d %s", code, body)
	}
}

func TestStatementsAreTheTenantsOwn(t *testing.T) {
	a := newAPITest(t)
	const days = "?from=2026-11-20&to=2026-11-20"
	f := func(as campaigns.Principal, path string, want int, say string) {
		t.Helper()
		if code, body := a.path(as, path); code != want || !strings.Contains(body, say) {
			t.Errorf("%s: got %d %s; want %d with %q", path, code, body, want, say)
		}
	}
	f(advertiser1Key, "/v1/advertisers/2/statement"+days, 404, "no such advertiser")
	f(advertiser1Key, "/v1/agencies/1/statement"+days, 404, "no such agency")
	f(agency1Key, "/v1/advertisers/3/statement"+days, 404, "no such advertiser")
	f(agency1Key, "/v1/agencies/2/statement"+days, 404, "no such agency")
	f(operatorKey, "/v1/advertisers/99/statement"+days, 404, "no such advertiser")
	f(operatorKey, "/v1/advertisers/1/statement?from=2026-11-20&to=2026-11-19", 422, "query.to")
	f(operatorKey, "/v1/advertisers/1/statement?from=yesterday&to=2026-11-19", 422, "query.from")
	f(operatorKey, "/v1/advertisers/1/statement"+days+"&format=xml", 422, "json or csv")
	f(agency1Key, "/v1/exchanges/demo/payable"+days, 403, "want operator")
	f(agency1Key, "/v1/exchanges/demo/clearings"+days, 403, "want operator")
	f(operatorKey, "/v1/exchanges/demo/clearings"+days+"&time_zone=Mars", 422, "query.time_zone")
}

func TestExchangesBooks(t *testing.T) {
	a := newAPITest(t)
	a.seedBooks()
	code, body := a.path(operatorKey, "/v1/exchanges/demo/payable?from=2026-11-20&to=2026-11-20")
	var owed payableBody
	if err := json.Unmarshal([]byte(body), &owed); code != 200 || err != nil || len(owed.Totals) != 1 || owed.Totals[0].Payable != "0.003" {
		t.Errorf("payable: got %d %s, %v", code, body, err)
	}
	rows, err := a.s.Clearings(context.Background(), "demo", dayOf(t0, time.UTC)-1, dayOf(t0, time.UTC), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range rows {
		got[r.Day.String()+" "+r.Kind] = fmt.Sprint(r.N, " ", r.Amount)
	}
	for name, want := range map[string]string{
		"2026-11-20 billed": "2 0.004", "2026-11-20 bid": "1 0.002", "2026-11-19 bid": "1 0.002", "2026-11-20 late": "1 0.002",
		"2026-11-20 past_hard": "1 0.007", "2026-11-20 dispute": "1 0.003", "2026-11-20 adjust/invalid_traffic": "1 -0.001",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q; want %q", name, got[name], want)
		}
	}
	if len(got) != 7 {
		t.Errorf("got %v", got)
	}
	c, ok, err := a.s.Correction(context.Background(), 1, "payment", "p1")
	if err != nil || !ok || c.Outcome != "posted" || c.Payment != 10e9 {
		t.Errorf("correction: got %+v, %v, %v", c, ok, err)
	}
	if c, ok, _ := a.s.Correction(context.Background(), 1, "payment", "p2"); !ok || c.Outcome != "refused" {
		t.Errorf("refused: got %+v, %v", c, ok)
	}
	if _, ok, _ := a.s.Correction(context.Background(), 2, "payment", "p1"); ok {
		t.Error("another advertiser's id is found")
	}
}

// What was counted before the books were there is their opening balance.
func TestBooksBeginWithWhatWasCounted(t *testing.T) {
	if sqldbtest.Postgres() {
		t.Skip("those were counted in SQLite files")
	}
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "r.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(ctx, 2); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`INSERT INTO rollups VALUES (1, 20000, 0, 10, 100, 1000, 'demo', '', 's', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 70` + strings.Repeat(", 0", 12) + `)`, `INSERT INTO payables VALUES (20000, 1, 'demo', 'USD', 2, 0, 5)`,
	} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, Config{}, testDeps(newMemLog(1)))
	defer s.Close()
	st, err := s.Statement(ctx, 1, 20001, 20002)
	if err != nil || st.Opening.Wide() != money.WideOf(-70) {
		t.Errorf("got %+v, %v; want an opening balance of -70", st, err)
	}
	lines, err := s.Summary(ctx, 20000, 20000)
	if err != nil || len(lines) != 1 || lines[0].LineItem != 100 || lines[0].Billable != 2 || lines[0].Charge.Wide() != money.WideOf(70) {
		t.Errorf("got %+v, %v; want the old roll-ups", lines, err)
	}
	if n := rowsOf(t, s, "rollups"); n != 0 {
		t.Errorf("%d rows are left of the old roll-ups", n)
	}
	owed, err := s.OwedTo(ctx, "demo", 20000, 20000)
	if err != nil || len(owed) != 1 || owed[0].Amount.Wide() != money.WideOf(5) {
		t.Errorf("got %+v, %v", owed, err)
	}
}
