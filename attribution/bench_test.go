package attribution

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// benchLog is traffic like production's: of 100 wins 95 impressions, 95
// postings, 1 click and a few conversions; Zipf sites, 200 line items, 8 partitions.
func benchLog(wins int) *memLog {
	l := newMemLog(8)
	r := rand.New(rand.NewPCG(1, 2))
	sites := rand.NewZipf(r, 1.2, 4, 5_000)
	offsets := map[int32]int64{}
	for i := range wins {
		at := t0.Add(time.Duration(i) * time.Millisecond)
		advertiser := int64(r.IntN(3) + 1)
		p := place(advertiser, int64(r.IntN(70)))
		p.Site = fmt.Sprintf("site-%d.example", sites.Uint64())
		e := exposureRecord{V: 1, Type: "win", Bid: bid(uint64(i) * 3), User: userKey(1 + r.Uint64N(50_000)), BidAt: at, At: at, wirePlacement: p}
		l.write(e, at)
		if r.IntN(100) < 95 {
			e.Type = "impression"
			l.write(e, at)
			n := eventlog.PartitionOf([]byte(fmt.Sprint(advertiser)), l.partitions)
			offsets[n]++
			l.write(postingRecord{
				V: 1, Type: "bill", MoneyPartition: n, MoneyOffset: offsets[n], At: at, Day: wireDay{dayOf(at, time.UTC), true},
				Outcome: "posted", Media: 2_000_000, Payable: 2_000_000, PayableCurrency: "USD", Charge: 3_000_000, Margin: 1_000_000, wirePlacement: p,
			}, at)
		}
		if r.IntN(100) == 0 {
			e.Type = "click"
			l.write(e, at)
		}
		if r.IntN(500) == 0 {
			l.write(conversionRecord{
				V: 1, ID: fmt.Sprint("c", i), Order: fmt.Sprint("o", i), Advertiser: advertiser, At: at.Add(time.Minute), User: e.User, Value: 1e9,
			}, at)
		}
	}
	return l
}

// BenchmarkApply rolls up traffic in batches of 20,000 records; events/s counts
// records, decoding and the transaction included.
func BenchmarkApply(b *testing.B) {
	l := benchLog(100_000)
	var fetches []fetch
	total := 0
	for p, recs := range l.logs {
		for len(recs) > 0 {
			n := min(len(recs), 2_500)
			fetches = append(fetches, fetch{p, recs[:n]})
			recs = recs[n:]
			total += n
		}
	}
	// Partitions are read side by side.
	order := rand.New(rand.NewPCG(3, 4)).Perm(len(fetches))
	next := map[partition]int{}
	byPartition := map[partition][]fetch{}
	for _, f := range fetches {
		byPartition[f.partition] = append(byPartition[f.partition], f)
	}
	b.ReportAllocs()
	events, cpu := 0, time.Duration(0)
	for b.Loop() {
		b.StopTimer()
		s := open(b, filepath.Join(b.TempDir(), "r.db"), Config{}, testDeps(l))
		if _, err := s.assign(context.Background()); err != nil {
			b.Fatal(err)
		}
		clear(next)
		b.StartTimer()
		began, batches := cpuTime(), 0
		var batch []fetch
		for i, o := range order {
			p := fetches[o].partition
			batch = append(batch, byPartition[p][next[p]])
			next[p]++
			if len(batch) == 8 || i == len(order)-1 {
				if err := s.apply(context.Background(), batch); err != nil {
					b.Fatal(err)
				}
				batch = batch[:0]
				if batches++; batches%8 == 0 { // as the service does beside it
					mergeDue(b, s)
				}
			}
		}
		events += total
		cpu += cpuTime() - began
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(events)/cpu.Seconds(), "events/cpu-s")
}

// BenchmarkReport asks 30 days of 200 line items: from the sums by line item and
// day, and by creative and exchange from the rows of quarter hours.
func BenchmarkReport(b *testing.B) {
	l := newMemLog(1)
	s := open(b, filepath.Join(b.TempDir(), "r.db"), Config{}, testDeps(l))
	defer s.Close()
	r := rand.New(rand.NewPCG(1, 2))
	n := uint64(0)
	for range 300_000 {
		at := t0.Add(time.Duration(r.IntN(30*24*60)) * time.Minute)
		p := place(1, int64(r.IntN(200)))
		p.Site = fmt.Sprintf("site-%d.example", r.IntN(50))
		n++
		l.write(exposureRecord{V: 1, Type: "win", Bid: bidID{ids.BidID{Incarnation: 1, Counter: n}, true}, BidAt: at, At: at, wirePlacement: p}, at)
	}
	readAll(b, s, l, topics[:]...)
	q := Query{From: dayOf(t0, time.UTC), To: dayOf(t0, time.UTC) + 31, Advertisers: []campaigns.ID{1}}
	for _, c := range []struct {
		name string
		by   []Dimension
	}{
		{"day,line_item", []Dimension{ByDay, ByLineItem}},
		{"day,line_item,creative,exchange", []Dimension{ByDay, ByLineItem, ByCreative, ByExchange}},
		{"site", []Dimension{BySite}},
	} {
		b.Run(c.name, func(b *testing.B) {
			q.GroupBy = c.by
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				rep, err := s.Report(context.Background(), q)
				if err != nil {
					b.Fatal(err)
				}
				rows = len(rep.Rows)
			}
			b.ReportMetric(float64(rows), "rows")
		})
	}
}
