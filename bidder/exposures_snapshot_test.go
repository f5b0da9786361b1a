package bidder

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"bidhawk/pacing/frequency"
)

// TestANewNodeStartsFromASnapshotAndTheLog: lifetime counts are older than what the
// log keeps; from another node's state and the log's rest a new one knows them all.
func TestANewNodeStartsFromASnapshotAndTheLog(t *testing.T) {
	log := newMemLog()
	old := newMemory(t, log)
	old.catalog.Store(cappedEverywhere())
	log.addExposures(shown(1, alice, testNow), shown(2, alice, testNow), shown(3, bob, testNow))
	stop := old.run()
	old.caughtUp(3)
	var snapshot bytes.Buffer
	if err := old.x.WriteSnapshot(&snapshot); err != nil {
		t.Fatal(err)
	}
	stop()
	log.addExposures(shown(4, alice, testNow), shown(2, alice, testNow)) // after it, and a repeat of before
	log.mu.Lock()
	log.first = 3 // what the log no longer keeps
	log.mu.Unlock()

	node := func(from *bytes.Buffer) *memory {
		t.Helper()
		m := newMemory(t, log)
		m.catalog.Store(cappedEverywhere())
		if from != nil {
			if err := RestoreExposures(m.cfg.Dir, from); err != nil {
				t.Fatal(err)
			}
		}
		stop := m.run()
		defer stop()
		m.caughtUp(5)
		return m
	}
	f := func(m *memory, alices, bobs int) {
		t.Helper()
		for _, c := range cappedBy(t, m.catalog.Load()).User {
			if c.Window.String() != "the lifetime" {
				continue
			}
			if a, b := m.cfg.Frequency.Count(&c, subjectOf(frequency.User, alice), testNow), m.cfg.Frequency.Count(&c, subjectOf(frequency.User, bob), testNow); a != alices || b != bobs {
				t.Errorf("%d and %d towards %v; want %d and %d", a, b, &c, alices, bobs)
			}
		}
	}
	f(node(bytes.NewBuffer(bytes.Clone(snapshot.Bytes()))), 3, 1)
	f(node(nil), 2, 0) // without one it misses what the log no longer keeps, and takes the repeat for new

	broken := func(name string, b []byte) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "exposures")
		if err := RestoreExposures(dir, bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), "restore exposure counts") {
			t.Errorf("%s: got %v", name, err)
		}
		if left, _ := filepath.Glob(dir + "*"); len(left) != 0 {
			t.Errorf("%s: %v is left", name, left)
		}
	}
	whole := snapshot.Bytes()
	for cut := 0; cut < len(whole); cut += 1 + len(whole)/40 {
		broken("cut short", whole[:cut])
		flipped := bytes.Clone(whole)
		flipped[cut] ^= 0x40
		broken("a byte changed", flipped)
	}
	broken("more after it", append(bytes.Clone(whole), 0))
	if err := RestoreExposures(old.cfg.Dir, bytes.NewReader(whole)); err == nil || !strings.Contains(err.Error(), old.cfg.Dir) {
		t.Errorf("over a node's own counts: got %v", err)
	}
}

func FuzzRestoreExposures(f *testing.F) {
	f.Add([]byte(snapshotHead + "\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = RestoreExposures(filepath.Join(t.TempDir(), "x"), bytes.NewReader(b)) // must not panic
	})
}
