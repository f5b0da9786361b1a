package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bidhawk/internal/eventlog"
)

func TestOfferReachesTheLogInOrder(t *testing.T) {
	log := newFakeLog()
	p := newPublisher(t, quick(), log, openSpill(t, vfs.NewMem(), 1<<20))
	var want []string
	value := make([]byte, 4)
	for i := range 5000 {
		copy(value, fmt.Sprintf("%04d", i)) // the caller's buffer is its own again at once
		want = append(want, string(value))
		if !p.Offer(eventlog.Message{Topic: auctions, Key: []byte("k"), Value: value}) {
			t.Fatalf("offer %d was dropped", i)
		}
	}
	if err := p.Close(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := log.values("k"); !slices.Equal(got, want) {
		t.Errorf("the log has %d values of 5000, or in another order", len(got))
	}
	if s := p.Stats(); s.Appended != 5000 || s.Dropped[auctions] != 0 {
		t.Errorf("stats %+v", s)
	}
	if p.Offer(msg(auctions, "k", "v")) {
		t.Error("an offer after close was taken")
	}
}

// A hung log never blocks Offer; the buffer's bounds hold and drops are counted.
func TestOfferIsBounded(t *testing.T) {
	f := func(name string, maxMessages, maxBytes, valueBytes, wantAtMost int) {
		t.Run(name, func(t *testing.T) {
			log := newFakeLog()
			log.set(hangs)
			cfg := quick()
			cfg.OfferMaxMessages, cfg.OfferMaxBytes = maxMessages, maxBytes
			cfg.AppendTimeout = time.Hour
			p := newPublisher(t, cfg, log, openSpill(t, vfs.NewMem(), 1<<20))
			taken := 0
			for range 1000 {
				if p.Offer(eventlog.Message{Topic: auctions, Key: []byte("k"), Value: make([]byte, valueBytes)}) {
					taken++
				}
				if s := p.Stats(); s.OfferedMessages > maxMessages || s.OfferedBytes > maxBytes {
					t.Fatalf("the buffer holds %d messages, %d bytes; at most %d, %d", s.OfferedMessages, s.OfferedBytes, maxMessages, maxBytes)
				}
			}
			// One buffer may hang in the append, the other is full.
			if taken == 0 || taken > 2*wantAtMost {
				t.Errorf("took %d of 1000; want at most twice %d", taken, wantAtMost)
			}
			if s := p.Stats(); s.Dropped[auctions] != uint64(1000-taken) || s.Dropped[money] != 0 {
				t.Errorf("took %d; counted %v as dropped", taken, s.Dropped)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if err := p.Close(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("close with a hung log: %v; want it to say what was lost", err)
			}
			if s := p.Stats(); s.Dropped[auctions] != 1000 {
				t.Errorf("after close %d of 1000 are counted as dropped", s.Dropped[auctions])
			}
		})
	}
	f("messages", 10, 1<<20, 10, 10)
	f("bytes", 1000, 1000, 80, 10)
}

func TestOfferRetriesAndDropsWhatIsRefused(t *testing.T) {
	log := newFakeLog()
	log.set(refuses)
	p := newPublisher(t, quick(), log, openSpill(t, vfs.NewMem(), 1<<20))
	p.Offer(msg(auctions, "k", "v"))
	for deadline := within(t, 10*time.Second); p.Stats().AppendErrors < 3; {
		if deadline.Err() != nil {
			t.Fatal("a refused offer is not retried")
		}
	}
	log.set(fine)
	if err := p.Close(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := log.values("k"); len(got) != 1 {
		t.Errorf("the log has %v", got)
	}
	for _, m := range []eventlog.Message{msg("other", "k", "v"), msg(auctions, "", "v")} {
		if p.Offer(m) {
			t.Errorf("offer to %q with key %q was taken", m.Topic, m.Key)
		}
	}
}

// BenchmarkOffer measures offers that are taken: whenever the buffer is half
// full the clock stops until the flusher has emptied it.
func BenchmarkOffer(b *testing.B) {
	m, p := offerFixture(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Offer(m)
		if i%offerBurst == offerBurst-1 {
			b.StopTimer()
			for p.Stats().OfferedMessages > 0 {
				runtime.Gosched()
			}
			b.StartTimer()
		}
	}
	if n := p.Stats().Dropped[auctions]; n > 0 {
		b.Fatalf("%d offers were dropped", n)
	}
}

// BenchmarkOfferContended measures every processor offering at once, drops included.
func BenchmarkOfferContended(b *testing.B) {
	m, p := offerFixture(b)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.Offer(m)
		}
	})
	b.ReportMetric(float64(p.Stats().Dropped[auctions])/float64(b.N), "dropped/op")
}

const offerBurst = 20_000

// discard is a log that is fast and keeps nothing.
type discard struct{ eventlog.Log }

func (discard) Append(context.Context, ...eventlog.Message) error { return nil }

func offerFixture(b testing.TB) (eventlog.Message, *eventlog.Publisher) {
	cfg := eventlog.PublisherConfig{Topics: []string{auctions}, OfferMaxMessages: 1 << 20, OfferMaxBytes: 16 << 20, OfferLinger: time.Millisecond}
	p := newPublisher(b, cfg, discard{}, openSpill(b, vfs.NewMem(), 1<<20))
	return eventlog.Message{Topic: auctions, Key: []byte("0123456789abcdef"), Value: make([]byte, 300)}, p
}
