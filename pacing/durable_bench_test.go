package pacing

import (
	"context"
	"crypto/rand"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/kafka"
	"bidhawk/internal/eventlog/spill"
	"bidhawk/internal/ids"
)

// BenchmarkDurablePosting sends bills one by one, as bidders do, through the real
// Kafka of BIDHAWK_KAFKA_BROKERS into one shard that knows ten million bids
// already (BIDHAWK_BENCH_DEDUP of them), until every one is posted. It says how
// long a sender waits for its acknowledgement, and how many a second are posted.
func BenchmarkDurablePosting(b *testing.B) {
	brokers := os.Getenv("BIDHAWK_KAFKA_BROKERS")
	if brokers == "" {
		b.Skip("BIDHAWK_KAFKA_BROKERS is not set; start one with scripts/kafka up")
	}
	const bills, senders = 300_000, 512
	d := newDurable(b, strings.Split(brokers, ","))
	known := d.know(number(b, "BIDHAWK_BENCH_DEDUP", 10_000_000))
	for b.Loop() {
		began := time.Now()
		waits := d.send(bills, senders)
		sent := time.Since(began)
		d.until("posted", func() bool { return d.pacer.Stats().Outcomes[OutcomePosted] >= d.sent })
		posted := time.Since(began)
		slices.Sort(waits)
		b.ReportMetric(bills/posted.Seconds(), "posted/s")
		b.ReportMetric(bills/sent.Seconds(), "acknowledged/s")
		b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "ms-ack-p50")
		b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "ms-ack-p99")
	}
	b.ReportMetric(float64(known), "dedup-ids")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-heap")
}

func number(b *testing.B, name string, def int) int {
	s := os.Getenv(name)
	if s == "" {
		return def
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatalf("%s: got %q; want a number", name, s)
	}
	return n
}

// durable is a pacer on a Kafka, and a bidder's publisher.
type durable struct {
	*takeoverWorld
	pacer     *takeoverPacer
	publisher *eventlog.Publisher
	lease     Lease
	sent      int64
}

func newDurable(b *testing.B, brokers []string) *durable {
	log, err := kafka.Open(kafka.Config{Brokers: brokers, Clock: time.Now, TopicPrefix: "bench-" + rand.Text() + "."})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	topics := eventlog.Topics(1)
	if err := log.EnsureTopics(b.Context(), topics...); err != nil {
		b.Fatal(err)
	}
	q, err := spill.Open(spill.Config{Dir: b.TempDir(), MaxBytes: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	p, err := eventlog.NewPublisher(eventlog.PublisherConfig{Topics: []string{eventlog.TopicMoney}}, log, q)
	if err != nil {
		b.Fatal(err)
	}
	w := newTakeover(b)
	deps := Deps{Log: log, Dir: b.TempDir(), Clock: time.Now, Catalog: w.readCatalog, Logger: zap.NewNop()}
	cfg := DefaultConfig()
	cfg.CloseAfter = time.Hour
	pacer, err := NewPacer(b.Context(), cfg, deps)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- pacer.Run(ctx) }()
	b.Cleanup(func() {
		_ = p.Close(context.Background())
		cancel()
		<-ran
		_ = pacer.Close()
		_ = q.Close()
	})
	d := &durable{takeoverWorld: w, pacer: &takeoverPacer{Pacer: pacer}, publisher: p}
	d.lease = d.grant(d.pacer, 2)
	return d
}

// know puts n bids into the lease, in memory and in the next snapshot.
func (d *durable) know(n int) int {
	r := d.pacer.shards[0]
	r.mu.Lock()
	defer r.mu.Unlock()
	ls := r.mu.shard.ledger.leases[d.lease.ID]
	for i := range n {
		id := ids.BidID{Incarnation: 99, Counter: uint64(i + 1)}
		ls.bids[id] = bid{flags: bidBilled | bidFixed, media: 2_000_000, payable: 2_000_000}
	}
	return len(ls.bids)
}

// send bills n bids, and returns how long each waited.
func (d *durable) send(n, senders int) []time.Duration {
	waits := make([]time.Duration, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				notice := (&scene{}).notice(d.lease.ID, uint64(d.sent)+uint64(i)+1)
				notice.Advertiser, notice.Campaign, notice.LineItem, notice.Day = d.lease.Advertiser, 1, 2, d.lease.Day
				m, err := BillMessage(&notice)
				began := time.Now()
				if err == nil {
					err = d.publisher.Publish(context.Background(), m)
				}
				if waits[i] = time.Since(began); err != nil {
					d.b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	d.sent += int64(n)
	return waits
}
