package attribution

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"bidhawk/internal/sqldb/sqldbtest"
)

// Two processes that read the log into one database would each count from positions
// of its own: the one that opened it last goes on, the other says so and ends.
func TestTheLastToOpenTheDatabaseWrites(t *testing.T) {
	l := newMemLog(2)
	path := filepath.Join(t.TempDir(), "r.db")
	first := open(t, path, Config{}, testDeps(l))
	defer first.Close()
	someEvents(l)
	second := open(t, path, Config{}, testDeps(l))
	defer second.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := first.Run(ctx); !errors.Is(err, errTakenOver) {
		t.Errorf("got %v; want errTakenOver", err)
	}
	stop := running(t, second)
	defer stop()
	catchUp(t, second)
	from, to := EveryDay()
	if lines, err := second.Summary(t.Context(), from, to); err != nil || len(lines) != 1 || lines[0].Bids != 9 {
		t.Errorf("got %+v, %v; want what was written counted once", lines, err)
	}
}

// A name with a NUL, which Postgres can't store as it is, stops nothing.
func TestANULStopsNothing(t *testing.T) {
	l := newMemLog(1)
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, testDeps(l))
	defer s.Close()
	defer running(t, s)()
	p := place(1, 0)
	p.Site, p.Deal = "a\x00b.example", "d\x00"
	for i, typ := range []string{"win", "impression", "click"} {
		l.write(exposureRecord{V: 1, Type: typ, Bid: bid(uint64(i)), User: 5, BidAt: t0, At: t0, wirePlacement: p}, t0)
	}
	l.write(conversionRecord{V: 1, ID: "c\x00", Order: "o\x00", Advertiser: 1, At: t0.Add(time.Hour), User: 5, Value: 30e9, Currency: "USD"}, t0)
	l.write(conversionRecord{V: 1, ID: "c\x00", Order: "o\x00", Advertiser: 1, At: t0.Add(time.Hour), User: 5, Value: 30e9, Currency: "USD"}, t0)
	catchUp(t, s)
	from, to := EveryDay()
	lines, err := s.Summary(t.Context(), from, to)
	if err != nil || len(lines) != 1 || lines[0].Clicks != 1 || lines[0].Conversions() != 1 {
		t.Errorf("got %+v, %v; want one click and one conversion", lines, err)
	}
}

// The server ends all sessions again and again, wherever they are: every event is
// counted once, and the service goes on by itself.
func TestLostConnectionsCountNothingTwice(t *testing.T) {
	source := sqldbtest.PostgresSource(t)
	l := newMemLog(4)
	deps := testDeps(l)
	var failures atomic.Int64
	deps.Failed = func(error) { failures.Add(1) }
	path := filepath.Join(t.TempDir(), rand.Text())
	onPostgres.Store(path, source)
	cfg := Config{Database: source, BatchRecords: 20, FetchRecords: 5}
	s, err := Open(t.Context(), cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stop := running(t, s)
	defer stop()
	const events, cuts = 600, 6
	for i := range events {
		l.write(exposureRecord{V: 1, Type: "impression", Bid: bid(uint64(i)), BidAt: t0, At: t0, wirePlacement: place(1, 0)}, t0)
		if i%(events/cuts) == events/cuts/2 {
			time.Sleep(20 * time.Millisecond) // so that a batch is under way
			sqldbtest.EndAll(t, source, s.store.db.Schema())
		}
	}
	catchUp(t, s)
	from, to := EveryDay()
	lines, err := s.Summary(t.Context(), from, to)
	if err != nil || len(lines) != 1 || lines[0].Impressions != events {
		t.Fatalf("got %+v, %v; want %d impressions", lines, err, events)
	}
	t.Logf("%d failures were retried", failures.Load())
}
