package attribution

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/local"
)

// TestOnTheLocalLog runs a service on the log that installations use by default,
// stops both, and goes on.
func TestOnTheLocalLog(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	src := newMemLog(1)
	someEvents(src)
	for round := range 2 {
		l, err := local.Open(local.Config{Dir: filepath.Join(dir, "log"), Clock: testDeps(nil).Now})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.EnsureTopics(ctx, eventlog.Topics(3)...); err != nil {
			t.Fatal(err)
		}
		s := open(t, filepath.Join(dir, "r.db"), Config{}, testDeps(l))
		stop := running(t, s)
		for _, recs := range src.logs { // the second time these are repeats
			for _, rec := range recs {
				if err := l.Append(ctx, eventlog.Message{Topic: rec.Topic, Key: rec.Key, Value: rec.Value}); err != nil {
					t.Fatal(err)
				}
			}
		}
		catchUp(t, s)
		from, to := EveryDay()
		lines, err := s.Summary(ctx, from, to)
		if err != nil || len(lines) != 1 || lines[0].Bids != 9 || lines[0].Clicks != 1 || lines[0].Conversions() != 1 || lines[0].Charge.String() != "0.003" {
			t.Errorf("round %d: got %+v, %v; want every event once", round, lines, err)
		}
		if err := errors.Join(stop(), s.Close(), l.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
