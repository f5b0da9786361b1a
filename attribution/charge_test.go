package attribution

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

var update = flag.Bool("update", false, "rewrite testdata")

// under are the terms of a bid whose line item charges at event.
func under(event string) *bidTerms {
	return &bidTerms{
		Charges: event, Placement: 9, Format: "video", Lease: 812, Day: "2026-11-20", ReservedMedia: 2_500_000,
		ReservedCharge: 3_000_000, PriceCurrency: "EUR", FXRate: 1_080_000_000,
	}
}

func clickOf(n uint64, user userKey, terms *bidTerms, at time.Time) exposureRecord {
	return exposureRecord{V: 1, Type: "click", Bid: bid(n), User: user, BidAt: at.Add(-time.Minute), At: at, Terms: terms, wirePlacement: place(2, 0)}
}

// outbox returns what waits to be appended to topic.
func outbox(t *testing.T, s *Service, topic string) (values []string) {
	t.Helper()
	rows, err := s.store.r.Query(`SELECT value FROM outbox WHERE topic = ? ORDER BY id`, topic)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v []byte
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		values = append(values, string(v))
	}
	return values
}

func prune(t *testing.T, s *Service, readTo time.Time) {
	t.Helper()
	if err := s.prune(context.Background(), readTo); err != nil {
		t.Fatal(err)
	}
}

// TestAConversionChargesOnceItIsSettled: not before, once, and as the last touch says.
func TestAConversionChargesOnceItIsSettled(t *testing.T) {
	l := newMemLog(1)
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, testDeps(l))
	defer s.Close()
	l.write(clickOf(1, 5, under("conversion"), t0), t0)
	l.write(conversionRecord{V: 1, ID: "2/A-17", Order: "A-17", Advertiser: 2, At: t0.Add(time.Hour), User: 5, Value: 12_500_000_000, Currency: "USD"}, t0.Add(time.Hour))
	readAll(t, s, l, topics[:]...)
	later := clickOf(2, 5, under("conversion"), t0.Add(time.Minute)) // reaches the log after the conversion
	l.write(later, t0.Add(time.Hour+5*time.Minute))
	readAll(t, s, l, topics[:]...)

	prune(t, s, t0.Add(time.Hour+9*time.Minute))
	if got := outbox(t, s, eventlog.TopicMoney); len(got) != 0 {
		t.Fatalf("before it is settled: got %v", got)
	}
	for range 2 {
		prune(t, s, t0.Add(time.Hour+11*time.Minute))
	}
	got := outbox(t, s, eventlog.TopicMoney)
	if len(got) != 1 {
		t.Fatalf("got %v; want one charge", got)
	}
	var r chargeRecord
	if err := json.Unmarshal([]byte(got[0]), &r); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%016x%016x", 7, 2); r.Bid != want || r.Order != "A-17" || r.Value != 12_500_000_000 || r.LineItem != 200 {
		t.Errorf("got %+v; want the later click's", r)
	}
	if s.Stats().Charged != 1 {
		t.Errorf("counted %d charges; want 1", s.Stats().Charged)
	}
	if n := rowsOf(t, s, "conversions WHERE user_key IS NOT NULL OR sale <> 0 OR sale_currency <> ''"); n != 0 {
		t.Errorf("%d conversions still know a user or a sale", n)
	}
	golden(t, "charge.json", got[0])
	learned := outbox(t, s, eventlog.TopicExposures)
	if len(learned) != 1 || !strings.Contains(learned[0], `"type":"conversion"`) || !strings.Contains(learned[0], `"placement":9`) {
		t.Errorf("for the bidders' rates: got %v", learned)
	}
	// The service reads that exposure itself, and counts nothing by it.
	var x exposureRecord
	if err := json.Unmarshal([]byte(learned[0]), &x); err != nil {
		t.Fatal(err)
	}
	l.write(x, t0.Add(2*time.Hour))
	readAll(t, s, l, eventlog.TopicExposures)
	if n := s.Stats().DeadLetters; n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// golden holds text against a file that pacing's tests read as a money record.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(text+"\n")) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, text, want)
	}
}

// TestWhatChargesNothing: unattributed conversions, and those owed to line items that
// charge elsewhere.
func TestWhatChargesNothing(t *testing.T) {
	l := newMemLog(1)
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, testDeps(l))
	defer s.Close()
	for i, terms := range []*bidTerms{nil, under("click"), under("view"), under("complete")} {
		l.write(clickOf(uint64(i+1), userKey(10+i), terms, t0), t0)
		l.write(conversionRecord{V: 1, ID: fmt.Sprint(i), Order: fmt.Sprint(i), Advertiser: 2, At: t0.Add(time.Hour), User: userKey(10 + i), Value: 1}, t0.Add(time.Hour))
	}
	l.write(conversionRecord{V: 1, ID: "x", Order: "x", Advertiser: 2, At: t0.Add(time.Hour), User: 99, Value: 1}, t0.Add(time.Hour))
	l.write(clickOf(9, 20, under("conversion"), t0.Add(-31*24*time.Hour)), t0) // beyond the window
	l.write(conversionRecord{V: 1, ID: "y", Order: "y", Advertiser: 2, At: t0.Add(time.Hour), User: 20, Value: 1}, t0.Add(time.Hour))
	readAll(t, s, l, topics[:]...)
	prune(t, s, t0.Add(2*time.Hour))
	if got := outbox(t, s, eventlog.TopicMoney); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if n := rowsOf(t, s, "conversions WHERE user_key IS NULL"); n != 6 {
		t.Errorf("%d conversions are settled; want 6", n)
	}
}

// TestSalesOfOtherCurrencies: by the rates in force; without one the value is nothing.
func TestSalesOfOtherCurrencies(t *testing.T) {
	l := newMemLog(1)
	deps := testDeps(l)
	deps.Convert = func(n money.Nanos, from, to money.Currency) (money.Nanos, bool) {
		return 2 * n, from == money.Currency{'E', 'U', 'R'} && to == money.USD
	}
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, deps)
	defer s.Close()
	for i, currency := range []string{"USD", "EUR", "GBP", ""} {
		l.write(clickOf(uint64(i+1), userKey(i+1), under("conversion"), t0), t0)
		l.write(conversionRecord{V: 1, ID: "c" + currency, Order: "o" + currency, Advertiser: 2, At: t0.Add(time.Hour), User: userKey(i + 1), Value: 100, Currency: currency, ClickBid: bid(uint64(i + 1))},
			t0.Add(time.Hour+time.Duration(i)))
	}
	readAll(t, s, l, topics[:]...)
	prune(t, s, t0.Add(2*time.Hour))
	var values []money.Nanos
	for _, v := range outbox(t, s, eventlog.TopicMoney) {
		var r chargeRecord
		if err := json.Unmarshal([]byte(v), &r); err != nil {
			t.Fatal(err)
		}
		values = append(values, r.Value)
	}
	if want := []money.Nanos{100, 200, 0, 100}; !slices.Equal(values, want) {
		t.Errorf("got %v; want %v", values, want)
	}
}

// TestTermsThatTheLedgerCouldNotRead go to the dead letters: a charge by them would
// stop a shard.
func TestTermsThatTheLedgerCouldNotRead(t *testing.T) {
	f := func(edit func(*bidTerms)) {
		t.Helper()
		terms := under("conversion")
		edit(terms)
		r := clickOf(1, 5, terms, t0)
		if err := r.check(); err == nil || !strings.Contains(err.Error(), "terms.") {
			t.Errorf("%+v: got %v; want an error", terms, err)
		}
	}
	f(func(b *bidTerms) { b.Lease = -1 })
	f(func(b *bidTerms) { b.ReservedMedia = -1 })
	f(func(b *bidTerms) { b.FXRate = 0 })
	f(func(b *bidTerms) { b.Day = "0000-00-00" })
	f(func(b *bidTerms) { b.PriceCurrency = "" })
	f(func(b *bidTerms) { b.Format = strings.Repeat("x", 17) })
	r := clickOf(1, 5, under("conversion"), t0)
	if err := r.check(); err != nil {
		t.Error(err)
	}
}
