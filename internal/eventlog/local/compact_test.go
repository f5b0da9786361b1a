package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"bidhawk/internal/eventlog"
)

// clock is a time that only the test moves.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

type fataler interface{ Fatal(...any) }

func openMem(t fataler, fs vfs.FS, c *clock) *Log {
	l, err := Open(Config{Dir: "log", Clock: c.now, MaintainEvery: -1, FS: fs, CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const tombstonesFor = 24 * time.Hour // the default

// records reads what the partition holds now.
func records(t fataler, l *Log, topic string, p int32) []eventlog.Record {
	ctx := context.Background()
	_, next, err := l.Bounds(ctx, topic, p)
	if err != nil {
		t.Fatal(err)
	}
	open, err := l.Read(ctx, topic, p, eventlog.FirstOffset)
	if err != nil {
		t.Fatal(err)
	}
	r := open.(*reader)
	var out []eventlog.Record
	for { // scan and not Fetch: it does not wait where compaction took the last ones
		more, err := r.scan(next, 64)
		if err != nil {
			t.Fatal(err)
		}
		if len(more) == 0 {
			return out
		}
		out = append(out, more...)
		r.next = out[len(out)-1].Offset + 1
	}
}

// A log against naive lists, under random appends, compactions, passing time
// and reopenings. Compacted: the newest of each key always, nothing but it
// after Compact, old tombstones gone. Plain: exactly what is younger than the
// retention after Compact.
func TestCompactionAgainstModel(t *testing.T) {
	const retention = time.Hour
	type entry struct {
		offset int64
		at     time.Time
		key    string
		value  string // "" is a tombstone
	}
	rapid.Check(t, func(t *rapid.T) {
		ctx, fs, clk := context.Background(), vfs.NewMem(), newClock()
		l := openMem(t, fs, clk)
		defer func() { l.Close() }()
		ensure := func() {
			err := l.EnsureTopics(ctx, eventlog.TopicConfig{Name: "c", Partitions: 1, Compacted: true},
				eventlog.TopicConfig{Name: "r", Partitions: 1, Retention: retention})
			if err != nil {
				t.Fatal(err)
			}
		}
		ensure()
		var compactedLog, plainLog []entry // all ever appended
		plainFirst := int64(0)
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				for range rapid.IntRange(1, 8).Draw(t, "n") {
					e := entry{at: clk.now(), key: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "key")}
					m := eventlog.Message{Topic: "c", Key: []byte(e.key)}
					e.offset = int64(len(compactedLog))
					if rapid.IntRange(0, 3).Draw(t, "tombstone") > 0 {
						e.value = fmt.Sprint("v", e.offset)
						m.Value = []byte(e.value)
					}
					compactedLog = append(compactedLog, e)
					plainLog = append(plainLog, entry{offset: int64(len(plainLog)), at: clk.now(), key: e.key, value: "p"})
					if err := l.Append(ctx, m, eventlog.Message{Topic: "r", Key: m.Key, Value: []byte("p")}); err != nil {
						t.Fatal(err)
					}
				}
			},
			"pass time": func(t *rapid.T) {
				clk.advance(time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(t, "nanos")))
			},
			"reopen": func(t *rapid.T) {
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				l = openMem(t, fs, clk)
				ensure()
			},
			"compact": func(t *rapid.T) {
				if err := l.Compact(ctx); err != nil {
					t.Fatal(err)
				}
				want := map[string]entry{}
				for _, e := range compactedLog {
					want[e.key] = e
				}
				maps.DeleteFunc(want, func(_ string, e entry) bool {
					return e.value == "" && e.at.Before(clk.now().Add(-tombstonesFor))
				})
				got := records(t, l, "c", 0)
				for _, r := range got {
					if w := want[string(r.Key)]; w.offset != r.Offset || w.value != string(r.Value) || !w.at.Equal(r.Time) {
						t.Fatalf("after compaction key %s is %q at %d; want %+v", r.Key, r.Value, r.Offset, w)
					}
				}
				if len(got) != len(want) {
					t.Fatalf("after compaction %d records; want %v", len(got), want)
				}
				for plainFirst < int64(len(plainLog)) && plainLog[plainFirst].at.Before(clk.now().Add(-retention)) {
					plainFirst++
				}
			},
			"": func(t *rapid.T) {
				// The newest of each key is there, unless it is a tombstone that may have gone.
				newest := map[string]eventlog.Record{}
				for _, r := range records(t, l, "c", 0) {
					newest[string(r.Key)] = r
				}
				want := map[string]entry{}
				for _, e := range compactedLog {
					want[e.key] = e
				}
				for key, w := range want {
					r, ok := newest[key]
					if !ok && w.value == "" && w.at.Before(clk.now().Add(-tombstonesFor)) {
						continue
					}
					if !ok || r.Offset != w.offset || string(r.Value) != w.value {
						t.Fatalf("the newest of %s is %q at %d (found %t); want %+v", key, r.Value, r.Offset, ok, w)
					}
				}
				if first, next, _ := l.Bounds(ctx, "c", 0); first != 0 || next != int64(len(compactedLog)) {
					t.Fatalf("compacted bounds are [%d, %d); want [0, %d)", first, next, len(compactedLog))
				}
				first, next, _ := l.Bounds(ctx, "r", 0)
				if got := records(t, l, "r", 0); first != plainFirst || next != int64(len(plainLog)) || int64(len(got)) != next-first {
					t.Fatalf("plain holds %d records in [%d, %d); want [%d, %d)", len(got), first, next, plainFirst, len(plainLog))
				}
			},
		})
	})
}

// A reader that retention overtakes is told; it does not skip silently.
func TestRetentionOvertakesReader(t *testing.T) {
	ctx, clk := context.Background(), newClock()
	l := openMem(t, vfs.NewMem(), clk)
	defer l.Close()
	if err := l.EnsureTopics(ctx, eventlog.TopicConfig{Name: "r", Partitions: 1, Retention: time.Hour}); err != nil {
		t.Fatal(err)
	}
	append1 := func() {
		if err := l.Append(ctx, eventlog.Message{Topic: "r", Key: []byte("k"), Value: []byte("v")}); err != nil {
			t.Fatal(err)
		}
	}
	append1()
	r, err := l.Read(ctx, "r", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	clk.advance(2 * time.Hour)
	append1()
	if err := l.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Fetch(ctx, 1); !errors.Is(err, eventlog.ErrOffsetOutOfRange) {
		t.Errorf("fetch of a forgotten offset: %v", err)
	}
	if _, err := l.Read(ctx, "r", 0, 0); !errors.Is(err, eventlog.ErrOffsetOutOfRange) {
		t.Errorf("read of a forgotten offset: %v", err)
	}
	// A clock that jumps back does not make time run backwards in the log.
	clk.advance(-24 * time.Hour)
	append1()
	got := records(t, l, "r", 0)
	if len(got) != 2 || got[1].Time.Before(got[0].Time) {
		t.Errorf("records %+v; want two with ordered times", got)
	}
	// Retention may change; it acts at the next Compact.
	if err := l.EnsureTopics(ctx, eventlog.TopicConfig{Name: "r", Partitions: 1, Retention: 100 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	clk.advance(48 * time.Hour)
	if err := l.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if n := len(records(t, l, "r", 0)); n != 2 {
		t.Errorf("%d records with the longer retention; want 2", n)
	}
}

// Offsets are never given twice, even where the last record was a tombstone
// that has gone; and a key that came back stays.
func TestOffsetsOutliveTombstones(t *testing.T) {
	ctx, fs, clk := context.Background(), vfs.NewMem(), newClock()
	l := openMem(t, fs, clk)
	defer func() { l.Close() }()
	if err := l.EnsureTopics(ctx, eventlog.TopicConfig{Name: "c", Partitions: 1, Compacted: true}); err != nil {
		t.Fatal(err)
	}
	step := func(key string, value []byte) {
		t.Helper()
		err := l.Append(ctx, eventlog.Message{Topic: "c", Key: []byte(key), Value: value})
		if err == nil {
			err = l.Compact(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	step("back", nil)
	step("back", []byte("again"))
	step("gone", nil)
	clk.advance(tombstonesFor + time.Second)
	if err := l.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	step("back", []byte("newest")) // its first tombstone has gone, its index has not
	step("gone", nil)
	clk.advance(tombstonesFor + time.Second)
	if err := errors.Join(l.Compact(ctx), l.Close()); err != nil {
		t.Fatal(err)
	}
	l = openMem(t, fs, clk)
	if first, next, err := l.Bounds(ctx, "c", 0); first != 0 || next != 5 || err != nil {
		t.Errorf("bounds are [%d, %d), error %v; want [0, 5)", first, next, err)
	}
	if got := records(t, l, "c", 0); len(got) != 1 || string(got[0].Value) != "newest" || got[0].Offset != 3 {
		t.Errorf("records %+v; want only the newest of back", got)
	}
}

func TestCompactEnds(t *testing.T) {
	l := openMem(t, vfs.NewMem(), newClock())
	ctx, cancel := context.WithCancel(context.Background())
	if err := l.EnsureTopics(ctx, eventlog.TopicConfig{Name: "c", Partitions: 1, Compacted: true}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := l.Compact(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("compact with an ended context: %v", err)
	}
	l.Close()
	if err := l.Compact(context.Background()); !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("compact of a closed log: %v", err)
	}
}
