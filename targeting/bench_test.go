package targeting

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"bidhawk/campaigns"
)

// benchSizes are the numbers of line items that are measured.
func benchSizes() []int { return []int{1_000, 10_000, 100_000} }

func benchIndex(b *testing.B, lines int) (*Index, []*benchRequest, *campaigns.Catalog) {
	b.Helper()
	w := newWorkload(1)
	cat := w.catalog(lines)
	ix, err := Build(cat, Params{Tags: w.tags, Now: epoch})
	if err != nil {
		b.Fatal(err)
	}
	requests := make([]*benchRequest, 2000)
	for i := range requests {
		requests[i] = w.request(max(1, lines/50))
	}
	return ix, requests, cat
}

// BenchmarkMatch measures all matches of a request of the heavy workload, the facts given.
func BenchmarkMatch(b *testing.B) {
	for _, lines := range benchSizes() {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			ix, requests, _ := benchIndex(b, lines)
			benchMatch(b, ix, requests)
		})
	}
}

// BenchmarkPlain is the same for the world of the end-to-end benchmark.
func BenchmarkPlain(b *testing.B) {
	for _, lines := range benchSizes() {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			w := newPlainWorld(1)
			ix, err := Build(w.catalog(lines), Params{Tags: plainTags{}, Now: epoch})
			if err != nil {
				b.Fatal(err)
			}
			requests := make([]*benchRequest, 2000)
			for i := range requests {
				requests[i] = w.request(i)
			}
			benchMatch(b, ix, requests)
		})
	}
}

// benchMatch times matches: ns/op is the mean; p50-ns and p99-ns are of single
// matches, each timed (about 0.05 us of it is the clock).
func benchMatch(b *testing.B, ix *Index, requests []*benchRequest) {
	var s Scratch
	dst := make([]int32, 0, ix.Len())
	took := make([]time.Duration, 0, 10_000_000)
	matches, i := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		r := requests[i%len(requests)]
		i++
		start := time.Now()
		dst = ix.Match(dst[:0], &s, &r.RequestFacts, &r.imp)
		if took = append(took, time.Since(start)); len(took) == cap(took) {
			took = took[:0]
		}
		matches += len(dst)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
	b.ReportMetric(100*float64(matches)/float64(b.N)/float64(ix.Len()), "%match")
}

// BenchmarkBuild measures a full build and what the index holds beside the catalog.
func BenchmarkBuild(b *testing.B) {
	for _, lines := range benchSizes() {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			_, _, cat := benchIndex(b, lines)
			var ix *Index
			before := heapBytes()
			for b.Loop() {
				ix, _ = Build(cat, Params{Tags: workloadTags{}, Now: epoch})
			}
			b.ReportMetric(float64(heapBytes()-before)/float64(lines), "B/line")
			runtime.KeepAlive(ix)
			runtime.KeepAlive(cat)
		})
	}
}

func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkValues counts the workload's values: about 41 a line item.
func BenchmarkValues(b *testing.B) {
	w := newWorkload(1)
	values := 0
	for b.Loop() {
		t := w.targeting()
		values += len(t.HoursOfWeek) + len(t.Sizes) + len(t.Tags.NoneOf)
		for _, g := range t.Tags.AnyOf {
			values += len(g)
		}
		for d := range numDims {
			set := asks(&t, d)
			if d != dimSize {
				values += len(set.Include) + len(set.Exclude)
			}
		}
	}
	b.ReportMetric(float64(values)/float64(b.N), "values/line")
}
