package pacing

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/local"
	"bidhawk/internal/money"
	"bidhawk/pacing/audit/tape"
)

// tapeLog writes a random log of n records, with the postings of those before
// offset published, and returns the balances at its end.
func tapeLog(t *testing.T, seed uint64, n int, published int64) (eventlog.Log, Totals) {
	t.Helper()
	log, err := local.Open(local.Config{Dir: filepath.Join(t.TempDir(), "log"), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	if err := log.EnsureTopics(t.Context(), eventlog.Topics(1)...); err != nil {
		t.Fatal(err)
	}
	x, l := tape.New(seed), newLedger(0)
	var msgs []eventlog.Message
	for range n {
		r := eventlog.Record{Topic: eventlog.TopicMoney, Value: x.Next()}
		r.Offset = x.Offset
		e, err := l.apply(&r)
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, eventlog.Message{Topic: eventlog.TopicMoney, Key: []byte("1"), Value: r.Value})
		if e.posting != nil && r.Offset < published {
			m, err := e.posting.message()
			if err != nil {
				t.Fatal(err)
			}
			msgs = append(msgs, m)
		}
	}
	if err := log.Append(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
	totals := Totals{Next: map[int32]int64{}, Accounts: map[string]money.Wide{}}
	l.totals(totals)
	return log, totals
}

// A rebuilt state is that of the ledger which folded the log, and never stands
// after a posting that is not published.
func TestRebuild(t *testing.T) {
	for _, published := range []int64{0, 700, 2000} {
		log, want := tapeLog(t, 3, 2000, published)
		dir := filepath.Join(t.TempDir(), "ledger")
		out, err := Rebuild(t.Context(), dir, log)
		if err != nil {
			t.Fatal(err)
		}
		if out.Records != 2000 || out.Next[0] != 2000 {
			t.Errorf("got %+v; want 2000 records", out)
		}
		db, err := openPebble(dir, true)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := loadLedger(db, 0, 1)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if newest, err := newestPosting(t.Context(), log, 0); err != nil || stored.next != newest+1 {
			t.Errorf("published to %d: the state stands at %d; %v", newest, stored.next, err)
		}
		got, err := ReadSnapshotBalances(t.Context(), dir, log)
		if err != nil || !maps.Equal(got.Accounts, want.Accounts) || got.Next[0] != want.Next[0] {
			t.Errorf("published to %d: the balances differ, %v", published, err)
		}
	}
}

// Bytes of a state directory that are flipped are never taken for balances: the
// error names the directory and, of a table, its file and the place in it.
func TestFlippedBytesAreFound(t *testing.T) {
	log, want := tapeLog(t, 5, 2000, 2000)
	dir := filepath.Join(t.TempDir(), "ledger")
	if _, err := Rebuild(t.Context(), dir, log); err != nil {
		t.Fatal(err)
	}
	db, err := openPebble(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.db.Flush(), db.Close()); err != nil { // into a table
		t.Fatal(err)
	}
	found := 0
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "LOCK" {
			return err
		}
		good, err := os.ReadFile(path)
		if err != nil || len(good) == 0 {
			return err
		}
		for _, at := range []int{0, len(good) / 3, len(good) / 2, len(good) - 1} {
			bad := append([]byte{}, good...)
			bad[at] ^= 0x5a
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				return err
			}
			got, err := ReadSnapshotBalances(t.Context(), dir, log)
			switch {
			case err != nil:
				found++
				t.Logf("%s byte %d: %v", e.Name(), at, err)
				if !strings.Contains(err.Error(), dir) || strings.HasSuffix(path, ".sst") && !strings.Contains(err.Error(), strings.TrimSuffix(e.Name(), ".sst")) {
					t.Errorf("%s byte %d: %v: the directory or the table is not named", e.Name(), at, err)
				}
			case !maps.Equal(got.Accounts, want.Accounts):
				t.Errorf("%s byte %d: wrong balances and no error", e.Name(), at)
			}
			if err := os.WriteFile(path, good, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 3 {
		t.Errorf("only %d flips were found", found)
	}
}
