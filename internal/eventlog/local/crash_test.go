package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bidhawk/internal/eventlog"
)

// Crash at a random moment, while appenders append, readers read, compaction
// runs and topics are made. The next open has every record that was
// acknowledged, at the offset where it was seen.
func TestCrashLosesNothingAcknowledged(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			crashOnce(t, seed)
		})
	}
}

// witness collects what the log has promised.
type witness struct {
	sync.Mutex
	acked map[string]int             // appender -> appends acknowledged
	seen  map[string]eventlog.Record // topic/partition/offset -> what a reader saw
	total int
}

func (w *witness) ack(key string) int {
	w.Lock()
	defer w.Unlock()
	w.acked[key]++
	w.total++
	return w.total
}

func (w *witness) snapshot() *witness {
	w.Lock()
	defer w.Unlock()
	c := &witness{acked: map[string]int{}, seen: map[string]eventlog.Record{}}
	for k, v := range w.acked {
		c.acked[k] = v
	}
	for k, v := range w.seen {
		c.seen[k] = v
	}
	return c
}

func place(r eventlog.Record) string { return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset) }

func crashTopics() []eventlog.TopicConfig {
	return []eventlog.TopicConfig{{Name: "plain", Partitions: 2}, {Name: "compacted", Partitions: 2, Compacted: true}}
}

func crashOnce(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	fs, clk := vfs.NewCrashableMem(), newClock()
	l := openMem(t, fs, clk)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := l.EnsureTopics(ctx, crashTopics()...); err != nil {
		t.Fatal(err)
	}
	w := &witness{acked: map[string]int{}, seen: map[string]eventlog.Record{}}
	crashAt, crash := 1+rng.IntN(400), make(chan struct{})
	var wg sync.WaitGroup
	for a := range 6 {
		wg.Go(func() { appendNumbered(ctx, t, l, fmt.Sprint("appender-", a), w, crashAt, crash) })
	}
	for _, topic := range crashTopics() {
		for p := range topic.Partitions {
			wg.Go(func() { watch(ctx, t, l, topic.Name, p, w) })
		}
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := l.Compact(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("compact: %v", err)
			}
		}
	})
	<-crash
	before := w.snapshot() // promised before the crash
	after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * rng.IntN(3), RNG: rng})
	cancel()
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	l = openMem(t, after, clk)
	defer l.Close()
	checkPromises(t, l, before)
	if err := l.Compact(context.Background()); err != nil {
		t.Errorf("compact after the crash: %v", err)
	}
	checkPromises(t, l, before)
}

// appendNumbered appends pairs: one to each topic, under the same key.
func appendNumbered(ctx context.Context, t *testing.T, l *Log, key string, w *witness, crashAt int, crash chan struct{}) {
	for i := 0; ; i++ {
		v := fmt.Append(nil, i)
		err := l.Append(ctx,
			eventlog.Message{Topic: "plain", Key: []byte(key), Value: v},
			eventlog.Message{Topic: "compacted", Key: []byte(key), Value: v})
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("append: %v", err)
			}
			return
		}
		if w.ack(key) == crashAt {
			close(crash)
		}
	}
}

func watch(ctx context.Context, t *testing.T, l *Log, topic string, p int32, w *witness) {
	r, err := l.Read(ctx, topic, p, eventlog.FirstOffset)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("read: %v", err)
		}
		return
	}
	for {
		rs, err := r.Fetch(ctx, 16)
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("fetch: %v", err)
			}
			return
		}
		w.Lock()
		for _, rec := range rs {
			w.seen[place(rec)] = rec
		}
		w.Unlock()
	}
}

func checkPromises(t *testing.T, l *Log, w *witness) {
	t.Helper()
	for key, n := range w.acked {
		p := eventlog.PartitionOf([]byte(key), 2)
		next := 0
		for _, r := range records(t, l, "plain", p) {
			if string(r.Key) != key {
				continue
			}
			if string(r.Value) != fmt.Sprint(next) {
				t.Fatalf("plain: %s has %s after %d records", key, r.Value, next)
			}
			next++
		}
		if next < n {
			t.Errorf("plain: %s has %d records; %d were acknowledged", key, next, n)
		}
		newest := -1
		for _, r := range records(t, l, "compacted", p) {
			if string(r.Key) == key {
				fmt.Sscan(string(r.Value), &newest)
			}
		}
		if newest < n-1 {
			t.Errorf("compacted: the newest of %s is %d; %d was acknowledged", key, newest, n-1)
		}
	}
	for _, topic := range crashTopics() {
		for p := range topic.Partitions {
			for _, r := range records(t, l, topic.Name, p) {
				if s, ok := w.seen[place(r)]; ok && (string(s.Key) != string(r.Key) || string(s.Value) != string(r.Value)) {
					t.Errorf("%s was %s=%s and is now %s=%s", place(r), s.Key, s.Value, r.Key, r.Value)
				}
			}
		}
	}
}

// Retention deletes before it says so in memory; a crash in between, or right
// after, never leaves a hole.
func TestCrashDuringRetention(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 2))
		ctx, fs, clk := context.Background(), vfs.NewCrashableMem(), newClock()
		l := openMem(t, fs, clk)
		topic := eventlog.TopicConfig{Name: "r", Partitions: 1, Retention: time.Hour}
		if err := l.EnsureTopics(ctx, topic); err != nil {
			t.Fatal(err)
		}
		appended := int64(0)
		for range 1 + rng.IntN(8) {
			for range rng.IntN(20) {
				if err := l.Append(ctx, eventlog.Message{Topic: "r", Key: []byte("k"), Value: fmt.Append(nil, appended)}); err != nil {
					t.Fatal(err)
				}
				appended++
			}
			clk.advance(time.Duration(rng.IntN(50)) * time.Minute)
			if err := l.Compact(ctx); err != nil {
				t.Fatal(err)
			}
		}
		first, _, _ := l.Bounds(ctx, "r", 0)
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * rng.IntN(3), RNG: rng})
		l.Close()
		l = openMem(t, crashed, clk)
		gotFirst, gotNext, err := l.Bounds(ctx, "r", 0)
		if err != nil || gotFirst != first || gotNext != appended {
			t.Errorf("seed %d: bounds [%d, %d), error %v; want [%d, %d)", seed, gotFirst, gotNext, err, first, appended)
		}
		for i, r := range records(t, l, "r", 0) {
			if r.Offset != first+int64(i) || string(r.Value) != fmt.Sprint(r.Offset) {
				t.Fatalf("seed %d: record %d is %s at %d", seed, i, r.Value, r.Offset)
			}
		}
		l.Close()
	}
}
