package profiles

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// deadLetters collects reasons.
type deadLetters struct {
	mu      sync.Mutex
	reasons []string
}

func (d *deadLetters) add(r eventlog.Record, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reasons = append(d.reasons, fmt.Sprintf("%s/%d/%d: %s", r.Topic, r.Partition, r.Offset, reason))
}

func (d *deadLetters) list() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.reasons)
}

func memStore(t testing.TB, fs vfs.FS, dir string) *Store {
	cfg := testConfig(dir)
	cfg.fs = fs
	return openTest(t, cfg)
}

func newFeed(t testing.TB, l eventlog.Log, s *Store, dead *deadLetters) *Feed {
	t.Helper()
	f, err := NewFeed(Deps{Log: l, Store: s, Numbers: someTags, DeadLetter: dead.add})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func tagsOf(s *Store, user ids.UserKey) []campaigns.TagKey {
	tags, _ := s.AppendTags(nil, user, testNow)
	return tags
}

func TestFeed(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, fs, 3)
	s := memStore(t, fs, "profiles")
	var dead deadLetters
	full := func(user ids.UserKey, version uint64, paths ...string) Full {
		f := Full{User: user, Version: version, At: testNow}
		for _, p := range paths {
			f.Tags = append(f.Tags, TagPath{Path: p, Weight: 1})
		}
		return f
	}
	for u := ids.UserKey(1); u <= 50; u++ {
		appendFull(t, l, full(u, 2, "auto"))
	}
	f := newFeed(t, l, s, &dead)
	if f.Ready() {
		t.Error("ready before it ran")
	}
	stop := runner(t, f.Run)
	eventually(t, "ready", f.Ready)
	for u := ids.UserKey(1); u <= 50; u++ {
		if got := tagsOf(s, u); !slices.Equal(got, []campaigns.TagKey{1}) {
			t.Fatalf("user %d when ready: got %v; want [1]", u, got)
		}
	}
	appendFull(t, l, full(1, 1, "travel")) // older
	appendAll(t, l, eventlog.Message{Topic: eventlog.TopicProfiles, Key: userKey(1), Value: []byte(`{"v":7}`)},
		eventlog.Message{Topic: eventlog.TopicProfiles, Key: []byte("me"), Value: nil},
		eventlog.Message{Topic: eventlog.TopicProfiles, Key: userKey(2), Value: nil})
	appendFull(t, l, full(1, 3, "travel", "not/there", "auto/suv"))
	appendFull(t, l, full(3, 3))
	eventually(t, "changes", func() bool {
		_, known := s.AppendTags(nil, 2, testNow)
		return slices.Equal(tagsOf(s, 1), []campaigns.TagKey{2, 3}) && !known && len(tagsOf(s, 3)) == 0 && f.Stats().Dead == 2
	})
	stop()
	st := f.Stats()
	if want := (FeedStats{Applied: 53, Stale: 1, Dead: 2, UnknownTags: 1, Ready: true}); st != want {
		t.Errorf("stats: got %+v; want %+v", st, want)
	}
	if got := strings.Join(dead.list(), "\n"); !strings.Contains(got, "v: got 7; want 1") || !strings.Contains(got, "key: want 16 hex digits") {
		t.Errorf("dead letters: got %s", got)
	}
	restartFeed(t, fs, l, s, full(1, 9, "auto"))
}

// restartFeed reopens the store: it must go on behind what it has applied.
func restartFeed(t *testing.T, fs vfs.FS, l eventlog.Log, s *Store, next Full) {
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	appendFull(t, l, next)
	s = memStore(t, fs, "profiles")
	var dead deadLetters
	f := newFeed(t, l, s, &dead)
	stop := runner(t, f.Run)
	eventually(t, "ready", f.Ready)
	stop()
	if st := f.Stats(); st.Applied+st.Stale+st.Dead != 1 || st.Applied != 1 {
		t.Errorf("after a restart: got %+v; want the one new record and no replay", st)
	}
	if got := tagsOf(s, 3); len(got) != 0 {
		t.Errorf("user 3: got %v", got)
	}
	if _, known := s.AppendTags(nil, 40, testNow); !known {
		t.Error("user 40 was lost")
	}
}

// TestFeedOffsetOutOfRange: a log made anew is read from its start.
func TestFeedOffsetOutOfRange(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, fs, 1)
	s := memStore(t, fs, "profiles")
	mustApply(t, s, nil, Offset{eventlog.TopicProfiles, 0, 1000})
	appendFull(t, l, Full{User: 5, Version: 1, At: testNow, Tags: []TagPath{{0, "auto", 1, time.Time{}}}})
	f := newFeed(t, l, s, &deadLetters{})
	runner(t, f.Run)
	eventually(t, "user 5", func() bool { return len(tagsOf(s, 5)) == 1 && f.Ready() })
}

// TestFeedStoreFault: a store that fails ends the feed with an error.
func TestFeedStoreFault(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, fs, 2)
	s := memStore(t, fs, "profiles")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := newFeed(t, l, s, &deadLetters{}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), ErrStoreClosed.Error()) {
		t.Errorf("got %v; want ErrStoreClosed", err)
	}
}

func TestDepsRefuse(t *testing.T) {
	for _, field := range []string{"Log", "Store", "Numbers"} {
		d := Deps{Log: flakyLog{}, Store: &Store{}, Numbers: someTags}
		switch field {
		case "Log":
			d.Log = nil
		case "Store":
			d.Store = nil
		default:
			d.Numbers = nil
		}
		if _, err := NewFeed(d); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v; want an error that names %s", err, field)
		}
	}
}
