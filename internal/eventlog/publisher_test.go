package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/spill"
)

func msg(topic, key, value string) eventlog.Message {
	return eventlog.Message{Topic: topic, Key: []byte(key), Value: []byte(value)}
}

func TestPublishReachesTheLog(t *testing.T) {
	log := newFakeLog()
	p := newPublisher(t, quick(), log, openSpill(t, vfs.NewMem(), 1<<20))
	ctx := within(t, 10*time.Second)
	value := []byte("one")
	if err := p.Publish(ctx, eventlog.Message{Topic: money, Key: []byte("k"), Value: value}, msg(money, "k", "two")); err != nil {
		t.Fatal(err)
	}
	copy(value, "xxx")
	if got := log.values("k"); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the log has %q", got)
	}
	if s := p.Stats(); s.Appended != 2 || s.Spilled != 0 || s.LastError != nil {
		t.Errorf("stats %+v", s)
	}
}

// A log that errs, half-appends, hangs or answers too late: Publish returns nil
// in bounded time, the message is durable, and the order holds once it heals.
func TestPublishSpillsAndDrainsInOrder(t *testing.T) {
	f := func(name string, w weather) {
		t.Run(name, func(t *testing.T) {
			log := newFakeLog()
			p := newPublisher(t, quick(), log, openSpill(t, vfs.NewMem(), 1<<20))
			ctx := within(t, 20*time.Second)
			var want []string
			publish := func(n int) {
				for range n {
					v := fmt.Sprint("v", len(want))
					want = append(want, v)
					if err := p.Publish(ctx, msg(money, "k", v)); err != nil {
						t.Fatalf("publish %s: %v", v, err)
					}
				}
			}
			publish(3)
			log.set(w)
			publish(5)
			if s := p.Stats(); s.Spilled != 5 || s.AppendErrors == 0 || s.LastError == nil {
				t.Errorf("under weather: stats %+v", s)
			}
			log.set(fine)
			publish(4) // these meet a spill that is still draining
			if err := p.WaitDrained(ctx); err != nil {
				t.Fatal(err)
			}
			publish(2)
			if got := log.values("k"); !slices.Equal(got, want) {
				t.Errorf("the log has %v; want %v", got, want)
			}
			if s := p.Stats(); s.SpillRecords != 0 || s.SpillBytes != 0 || s.Drained != s.Spilled {
				t.Errorf("after draining: stats %+v", s)
			}
		})
	}
	f("refuses", refuses)
	f("partial", partial)
	f("hangs", hangs)
	f("late", late)
}

// Any weather, any number of publishers: whatever was acknowledged arrives, and
// the first copies of a key's messages are in the order of its publisher.
func TestPublishOrderUnderRandomWeather(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		badPercent := rapid.IntRange(0, 95).Draw(rt, "bad percent")
		publishers := rapid.IntRange(1, 4).Draw(rt, "publishers")
		log := newFakeLog()
		rng := rand.New(rand.NewPCG(seed, 2)) // used under log.mu
		log.setFunc(func() weather {
			if rng.IntN(100) >= badPercent {
				return fine
			}
			return weather(1 + rng.IntN(4))
		})
		q, err := spill.Open(spill.Config{Dir: "spill", MaxBytes: 1 << 20, FS: vfs.NewMem()})
		if err != nil {
			rt.Fatal(err)
		}
		defer q.Close()
		cfg := quick()
		cfg.SpillAfter, cfg.AppendTimeout = time.Millisecond, time.Millisecond
		p, err := eventlog.NewPublisher(cfg, log, q)
		if err != nil {
			rt.Fatal(err)
		}
		defer p.Close(context.Background())
		acked := make([][]string, publishers)
		var wg sync.WaitGroup
		for k := range publishers {
			wg.Go(func() {
				for i := range 12 {
					v := fmt.Sprintf("%03d", i)
					// No retry on an error: what was not acknowledged may or may not arrive.
					if p.Publish(context.Background(), msg(money, fmt.Sprint(k), v)) == nil {
						acked[k] = append(acked[k], v)
					}
				}
			})
		}
		wg.Wait()
		log.set(fine)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := p.WaitDrained(ctx); err != nil {
			rt.Fatal(err)
		}
		for k, want := range acked {
			if got := log.values(fmt.Sprint(k)); !slices.Equal(got, want) || len(want) != 12 {
				rt.Fatalf("key %d: the log has %v; acknowledged %v", k, got, want)
			}
		}
	})
}

// A caller that gives up may reuse its buffers at once, though the message is
// still on its way.
func TestPublishKeepsItsOwnCopy(t *testing.T) {
	log := newFakeLog()
	log.set(hangs)
	cfg := quick()
	cfg.SpillAfter = 100 * time.Millisecond
	p := newPublisher(t, cfg, log, openSpill(t, vfs.NewMem(), 1<<20))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	key, value := []byte("k"), []byte("value")
	if err := p.Publish(ctx, eventlog.Message{Topic: money, Key: key, Value: value}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("publish to a log that hangs, with a short deadline: %v", err)
	}
	copy(key, "x")
	copy(value, "xxxxx")
	for deadline := within(t, 10*time.Second); p.Stats().Spilled == 0; {
		if deadline.Err() != nil {
			t.Fatal("the message was not spilled")
		}
		runtime.Gosched()
	}
	log.set(fine)
	if err := p.WaitDrained(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := log.values("k"); !slices.Equal(got, []string{"value"}) {
		t.Errorf("the log has %q", got)
	}
}

func TestPublishRefusals(t *testing.T) {
	log := newFakeLog()
	p := newPublisher(t, quick(), log, openSpill(t, vfs.NewMem(), 1<<20))
	f := func(m eventlog.Message, want error) {
		t.Helper()
		if err := p.Publish(within(t, time.Second), msg(money, "k", "good"), m); !errors.Is(err, want) {
			t.Errorf("publish to %q: error %v; want %v", m.Topic, err, want)
		}
	}
	f(msg("other", "k", "v"), eventlog.ErrUnknownTopic)
	f(msg("", "k", "v"), eventlog.ErrUnknownTopic)
	f(msg(money, "", "v"), eventlog.ErrNoKey)
	f(eventlog.Message{Topic: money, Key: []byte("k"), Value: make([]byte, eventlog.MaxMessageBytes)}, eventlog.ErrTooLarge)
	if log.appends() != 0 || p.Stats().Spilled != 0 {
		t.Error("a refused call reached the log or the spill")
	}
}

func TestPublishSpillFull(t *testing.T) {
	log := newFakeLog()
	log.set(refuses)
	p := newPublisher(t, quick(), log, openSpill(t, vfs.NewMem(), 1000))
	ctx := within(t, 10*time.Second)
	var acked []string
	var err error
	for i := 0; err == nil; i++ {
		v := fmt.Sprintf("%0100d", i)
		if err = p.Publish(ctx, msg(money, "k", v)); err == nil {
			acked = append(acked, v)
		}
	}
	if !errors.Is(err, spill.ErrFull) || !strings.Contains(err.Error(), "of at most 1000") {
		t.Fatalf("a full spill is error %q; want ErrFull with its bound", err)
	}
	if s := p.Stats(); len(acked) != 9 || s.SpillRecords != 9 || s.SpillErrors != 1 || s.SpillBytes > 1000 {
		t.Errorf("acknowledged %d, stats %+v", len(acked), s)
	}
	log.set(fine)
	if err := p.WaitDrained(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(ctx, msg(money, "k", "after")); err != nil {
		t.Fatal(err)
	}
	if got := log.values("k"); !slices.Equal(got, append(acked, "after")) {
		t.Errorf("the log has %v", got)
	}
}

// A publisher that starts on a spill left by another drains it first.
func TestPublishAfterRestart(t *testing.T) {
	log, fs := newFakeLog(), vfs.NewMem()
	log.set(refuses)
	q := openSpill(t, fs, 1<<20)
	p := newPublisher(t, quick(), log, q)
	ctx := within(t, 10*time.Second)
	if err := p.Publish(ctx, msg(money, "k", "one"), msg(money, "k", "two")); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	if err := p.WaitDrained(short); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errDown) {
		t.Errorf("waiting for a log that is down: %v; want the deadline and the log's error", err)
	}
	if err := errors.Join(p.Close(ctx), q.Close()); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(ctx, msg(money, "k", "closed")); !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("publish after close: %v", err)
	}

	log.set(fine)
	p = newPublisher(t, quick(), log, openSpill(t, fs, 1<<20))
	if err := p.Publish(ctx, msg(money, "k", "three")); err != nil {
		t.Fatal(err)
	}
	if err := p.WaitDrained(ctx); err != nil {
		t.Fatal(err)
	}
	if got := log.values("k"); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("the log has %v", got)
	}
}

// Crash at a random moment while publishers spill and the drainer drains: every
// message acknowledged before the crash is in the log after a restart.
func TestPublishSurvivesCrashes(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 3))
			log, fs := newFakeLog(), vfs.NewCrashableMem()
			weathers := rand.New(rand.NewPCG(seed, 4))
			log.setFunc(func() weather { return []weather{fine, refuses, partial}[weathers.IntN(3)] })
			p := newPublisher(t, quick(), log, openSpill(t, fs, 1<<20))
			var (
				mu    sync.Mutex
				acked = map[string][]string{}
				count int
				wg    sync.WaitGroup
			)
			crashAt, crash := 1+rng.IntN(150), make(chan struct{})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			for k := range 4 {
				wg.Go(func() {
					for i := range 100 {
						key, v := fmt.Sprint(k), fmt.Sprintf("%03d", i)
						if p.Publish(ctx, msg(money, key, v)) != nil {
							return
						}
						mu.Lock()
						acked[key] = append(acked[key], v)
						if count++; count == crashAt {
							close(crash)
						}
						mu.Unlock()
					}
				})
			}
			<-crash
			mu.Lock()
			before := map[string][]string{}
			for k, v := range acked {
				before[k] = slices.Clone(v)
			}
			mu.Unlock()
			after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * rng.IntN(3), RNG: rand.New(rand.NewPCG(seed, 5))})
			cancel()
			wg.Wait()
			p.Close(context.Background())

			log.set(fine)
			p = newPublisher(t, quick(), log, openSpill(t, after, 1<<20))
			if err := p.WaitDrained(within(t, 20*time.Second)); err != nil {
				t.Fatal(err)
			}
			for k, want := range before {
				got := log.values(k)
				if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
					t.Errorf("key %s: the log has %v; acknowledged before the crash %v", k, got, want)
				}
			}
		})
	}
}
