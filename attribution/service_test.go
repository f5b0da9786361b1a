package attribution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bidhawk/attribution/rollup"
	"bidhawk/internal/eventlog"
)

// running starts s and returns what stops it and gives Run's error.
func running(t *testing.T, s *Service) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

func catchUp(t *testing.T, s *Service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
}

func someEvents(l *memLog) {
	l.write(auctionsRecord{V: 1, Type: "counts", Node: "n", Seq: 1, At: t0, Rows: []auctionRow{{Hour: t0, Bids: 9, wirePlacement: place(1, 0)}}}, t0)
	for i, typ := range []string{"win", "impression", "click"} {
		at := t0.Add(time.Duration(i) * time.Second)
		l.write(exposureRecord{V: 1, Type: typ, Bid: bid(1), User: 5, BidAt: t0, At: at, wirePlacement: place(1, 0)}, at)
	}
	l.write(conversionRecord{V: 1, ID: "c1", Order: "o", Advertiser: 1, At: t0.Add(time.Hour), User: 5, Value: 30e9, Currency: "USD"}, t0)
	l.write(postingRecord{
		V: 1, Type: "bill", MoneyOffset: 4, At: t0, Day: wireDay{dayOf(t0, time.UTC), true}, Outcome: "posted",
		Media: 2_000_000, Payable: 2_000_000, PayableCurrency: "USD", Charge: 3_000_000, PlatformFee: 400_000, Margin: 600_000,
		wirePlacement: place(1, 0),
	}, t0)
}

func TestRunReadsReportsAndEmits(t *testing.T) {
	l := newMemLog(4)
	path := filepath.Join(t.TempDir(), "r.db")
	s := open(t, path, Config{}, testDeps(l))
	stop := running(t, s)
	someEvents(l)
	catchUp(t, s)
	from, to := EveryDay()
	lines, err := s.Summary(context.Background(), from, to)
	if err != nil || len(lines) != 1 {
		t.Fatalf("got %v, %v; want one line item", lines, err)
	}
	got := lines[0]
	if got.Bids != 9 || got.Wins != 1 || got.Impressions != 1 || got.Clicks != 1 || got.Conversions() != 1 || got.Billable != 1 ||
		got.Charge.String() != "0.003" || got.Media.String() != "0.002" || got.Value.String() != "30" {
		t.Errorf("got %+v", got)
	}
	totals, err := s.Totals(context.Background(), from, to)
	if err != nil || len(totals.Payables) != 1 || len(totals.Charges) != 1 {
		t.Fatalf("got %+v, %v; want one payable and one charge", totals, err)
	}
	if p := totals.Payables[0]; p.Exchange != "demo" || p.Currency.String() != "USD" || p.Amount.String() != "0.002" || p.Billable != 1 {
		t.Errorf("payable: got %+v", p)
	}
	if c := totals.Charges[0]; c.Advertiser != 1 || c.Charge.String() != "0.003" || c.Margin.String() != "0.0006" {
		t.Errorf("charge: got %+v", c)
	}
	if a := waitAttributed(t, l, 1)[0]; a.Conversion != "c1" || a.Touch != "click" || a.LineItem != 100 || a.Value != 30e9 {
		t.Errorf("attributed: got %+v", a)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// waitAttributed returns the attributed records once there are n.
func waitAttributed(t *testing.T, l *memLog, n int) []attributedRecord {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		l.mu.Lock()
		var out []attributedRecord
		for i := range l.partitions {
			for _, rec := range l.logs[partition{eventlog.TopicAttributed, i}] {
				var a attributedRecord
				if err := json.Unmarshal(rec.Value, &a); err != nil {
					t.Fatal(err)
				}
				out = append(out, a)
			}
		}
		grown := l.grown
		l.mu.Unlock()
		if len(out) >= n {
			return out
		}
		select {
		case <-grown:
		case <-deadline.C:
			t.Fatalf("%d attributed records; want %d", len(out), n)
		}
	}
}

func TestRunGoesOnWhereItStopped(t *testing.T) {
	l := newMemLog(2)
	path := filepath.Join(t.TempDir(), "r.db")
	for range 3 {
		s := open(t, path, Config{}, testDeps(l))
		stop := running(t, s)
		someEvents(l) // the second and third time these are repeats
		catchUp(t, s)
		if err := errors.Join(stop(), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, path, Config{}, testDeps(l))
	defer s.Close()
	from, to := EveryDay()
	lines, err := s.Summary(context.Background(), from, to)
	if err != nil || len(lines) != 1 || lines[0].Bids != 9 || lines[0].Clicks != 1 || lines[0].Conversions() != 1 || lines[0].Charge.String() != "0.003" {
		t.Errorf("got %+v, %v; want every event once", lines, err)
	}
}

func TestDeadLettersDoNotStopTheConsumer(t *testing.T) {
	l := newMemLog(1)
	deps := testDeps(l)
	var reasons []string
	deps.DeadLetter = func(_ eventlog.Record, reason string) { reasons = append(reasons, reason) }
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, deps)
	defer s.Close()
	f := func(topic, value, want string) {
		t.Helper()
		reasons = nil
		l.put(topic, []byte("k"), []byte(value), t0)
		readAll(t, s, l, topic)
		if len(reasons) != 1 || !strings.Contains(reasons[0], want) {
			t.Errorf("%s %q: got %q; want one reason with %q", topic, value, reasons, want)
		}
	}
	head := `{"v":1,"type":"win","at":"2026-11-20T12:00:00Z","advertiser":1,"line_item":100,"bid":"00000000000000070000000000000001"`
	f(eventlog.TopicExposures, ``, "no value")
	f(eventlog.TopicExposures, `{`, "JSON")
	f(eventlog.TopicExposures, `{"v":2}`, "v: got 2; want 1")
	f(eventlog.TopicExposures, `{"v":1,"type":"win"}`, "bid: missing")
	f(eventlog.TopicExposures, `{"v":1,"type":"win","bid":"00"}`, "bid id")
	f(eventlog.TopicExposures, strings.Replace(head, "win", "wink", 1)+`}`, `type: got "wink"`)
	f(eventlog.TopicExposures, strings.Replace(head, "2026", "1026", 1)+`}`, "at: got 1026")
	f(eventlog.TopicExposures, strings.Replace(head, `"advertiser":1`, `"advertiser":-1`, 1)+`}`, "advertiser: got -1")
	f(eventlog.TopicExposures, head+`,"user":"5"}`, "user")
	f(eventlog.TopicConversions, `{"v":1,"id":"c","advertiser":1,"at":"2026-11-20T12:00:00Z"}`, "order: 0 bytes")
	f(eventlog.TopicConversions, `{"v":1,"id":"c","order":"o","advertiser":1,"value_nanos":-1,"at":"2026-11-20T12:00:00Z"}`, "value_nanos: got -1")
	f(eventlog.TopicPostings, `{"v":1,"type":"bill","money_offset":1,"outcome":"guessed"}`, `outcome: got "guessed"`)
	f(eventlog.TopicPostings, `{"v":1,"type":"bill","money_offset":2,"outcome":"posted","at":"2026-11-20T12:00:00Z","advertiser":1,"line_item":1}`, "day: missing")
	f(eventlog.TopicAuctions, `{"v":1,"type":"counts","node":"n","rows":[{"bids":-1}]}`, "rows[0].bids: got -1")
	f(eventlog.TopicAuctions, `{"v":1,"type":"counts","node":"n","rows":[{"bids":9000000000000000000}]}`, "want 0 to 1000000000")
	f(eventlog.TopicPostings, `{"v":1,"type":"bill","money_offset":3,"outcome":"posted","at":"2026-11-20T12:00:00Z","day":"0001-01-01"}`, "day: got 0001")
	someEvents(l)
	readAll(t, s, l, topics[:]...)
	if n := len(cube(t, s, rollup.Hours)); n != 2 {
		t.Errorf("%d roll-up rows after the dead letters; want 2", n)
	}
	if got := s.Stats().DeadLetters; got != 16 {
		t.Errorf("Stats.DeadLetters: got %d; want 16", got)
	}
}

func TestTestTrafficIsNotCounted(t *testing.T) {
	l := newMemLog(1)
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, testDeps(l))
	defer s.Close()
	l.write(exposureRecord{V: 1, Type: "click", Bid: bid(1), User: 5, BidAt: t0, At: t0, Test: true, wirePlacement: place(1, 0)}, t0)
	for i, outcome := range []string{"test", "past_hard", "duplicate", "void", "bad_price"} { // none moves money
		p := fmt.Sprintf(`{"v":1,"type":"bill","money_offset":%d,"day":"0000-00-00","outcome":%q,"media_nanos":5}`, i, outcome)
		l.put(eventlog.TopicPostings, []byte("1"), []byte(p), t0)
	}
	readAll(t, s, l, topics[:]...)
	if n := s.Stats().DeadLetters; n != 0 {
		t.Errorf("%d dead letters; want none", n)
	}
	for _, table := range []string{"parts", "payables", "touches"} {
		if n := rowsOf(t, s, table); n != 0 {
			t.Errorf("%s has %d rows; want none", table, n)
		}
	}
}

func TestRunRetriesAFailingLog(t *testing.T) {
	l := newMemLog(1)
	deps := testDeps(l)
	failed := make(chan error, 100)
	deps.Failed = func(err error) { failed <- err }
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, deps)
	defer s.Close()
	l.fetchErr = errFlaky
	l.failAppends(errFlaky)
	stop := running(t, s)
	someEvents(l)
	catchUp(t, s)
	for range 2 { // once reading, at least once emitting
		if err := <-failed; !errors.Is(err, errFlaky) {
			t.Errorf("got %v; want %v", err, errFlaky)
		}
	}
	l.failAppends(nil)
	waitAttributed(t, l, 1)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestRunRefusesALogThatIsShorterThanWhatWasRead(t *testing.T) {
	l := newMemLog(1)
	path := filepath.Join(t.TempDir(), "r.db")
	s := open(t, path, Config{}, testDeps(l))
	someEvents(l)
	readAll(t, s, l, topics[:]...)
	s.Close()
	s = open(t, path, Config{}, testDeps(newMemLog(1)))
	defer s.Close()
	if err := s.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "another log") {
		t.Errorf("got %v; want a refusal", err)
	}
}

func TestGapIsReportedAndSkipped(t *testing.T) {
	l := newMemLog(1)
	deps := testDeps(l)
	type gap struct {
		topic    string
		from, to int64
	}
	gaps := make(chan gap, 10)
	deps.Gap = func(topic string, _ int32, from, to int64) { gaps <- gap{topic, from, to} }
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, deps)
	defer s.Close()
	someEvents(l)
	readAll(t, s, l, topics[:]...)
	for i := range uint64(4) {
		l.write(exposureRecord{V: 1, Type: "win", Bid: bid(10 + i), BidAt: t0, At: t0, wirePlacement: place(1, 0)}, t0)
	}
	l.first[partition{eventlog.TopicExposures, 0}] = 5 // two of the four are gone
	stop := running(t, s)
	catchUp(t, s)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := <-gaps; got != (gap{eventlog.TopicExposures, 3, 5}) {
		t.Errorf("got %v; want exposures 3 to 5", got)
	}
	from, to := EveryDay()
	if lines, err := s.Summary(context.Background(), from, to); err != nil || lines[0].Wins != 3 {
		t.Errorf("got %+v, %v; want 3 wins", lines, err)
	}
}

func TestFreshness(t *testing.T) {
	l := newMemLog(1)
	now := t0.Add(time.Hour)
	deps := testDeps(l)
	deps.Now = func() time.Time { return now }
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, deps)
	defer s.Close()
	f := func(wantAsOf time.Time, wantLag int64) {
		t.Helper()
		got, err := s.Freshness(context.Background())
		if err != nil || !got.AsOf.Equal(wantAsOf) || got.LagRecords != wantLag {
			t.Errorf("got %+v, %v; want %v, %d", got, err, wantAsOf, wantLag)
		}
	}
	f(now, 0) // there is nothing to read
	someEvents(l)
	f(time.Time{}, 6)
	readAll(t, s, l, topics[:]...)
	f(now, 0)
	e := exposureRecord{V: 1, Type: "win", Bid: bid(10), BidAt: t0, At: t0, wirePlacement: place(1, 0)}
	l.write(e, t0.Add(time.Minute))
	f(t0.Add(2*time.Second), 1) // all up to the click has been read
}

func TestConfigNamesTheWrongSetting(t *testing.T) {
	f := func(c Config, want string) {
		t.Helper()
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
	f(Config{Settle: -1}, "Settle is -1ns")
	f(Config{ClearingsFor: time.Hour}, "ClearingsFor is 1h0m0s; want at least 768h0m0s")
	f(Config{Skew: 2 * time.Hour}, "Skew is 2h0m0s")
	f(Config{LateAfter: -1}, "LateAfter is -1ns")
	f(Config{FinalAfter: time.Hour}, "FinalAfter is 1h0m0s")
	f(Config{BatchRecords: -1}, "BatchRecords is -1")
	f(Config{FetchRecords: 30_000}, "FetchRecords is 30000")
	f(Config{PruneRows: -1}, "PruneRows is -1")
	f(Config{PruneEvery: -1}, "PruneEvery is -1ns")
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestPruningFollowsTheClock lets Run prune by its own timer, in fake time.
func TestPruningFollowsTheClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.db")
	l := newMemLog(1)
	open(t, path, Config{}, testDeps(l)).Close() // outside of the bubble: the migrated file
	synctest.Test(t, func(t *testing.T) {
		l := newMemLog(1)
		start := time.Now()
		l.write(conversionRecord{V: 1, ID: "c", Order: "o", Advertiser: 1, At: start, User: 5}, start)
		deps := testDeps(l)
		deps.Now = time.Now
		s := open(t, path, Config{PruneEvery: 10 * time.Second}, deps)
		defer s.Close()
		stop := running(t, s)
		catchUp(t, s)
		time.Sleep(10 * time.Minute) // of the bubble's clock
		synctest.Wait()
		if n := rowsOf(t, s, "conversions WHERE user_key IS NOT NULL"); n != 1 {
			t.Errorf("after 10 minutes: %d users; want the open one", n)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := rowsOf(t, s, "conversions WHERE user_key IS NOT NULL"); n != 0 {
			t.Errorf("after 12 minutes: %d users; want none", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
