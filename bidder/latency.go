package bidder

import (
	"fmt"
	"io"
	"math/bits"
	"sync/atomic"
	"time"
)

// Latency is a histogram of durations with buckets a quarter of an octave wide
// from 1 µs to 134 s: it takes no lock and 0 allocations. Safe for concurrent use.
type Latency struct {
	buckets [latencyBuckets]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

// Four buckets an octave: each octave of microseconds is split linearly.
const (
	latencyOctaves = 26
	latencyBuckets = latencyOctaves*4 + 1 // the last holds what is longer
)

func latencyBucket(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < 4 {
		return int(us)
	}
	octave := bits.Len64(us) - 1 // >= 2
	i := (octave-1)*4 + int(us>>(octave-2)&3)
	return min(i, latencyBuckets-1)
}

// latencyUpper is the first duration beyond bucket i.
func latencyUpper(i int) time.Duration {
	i++
	if i < 4 {
		return time.Duration(i) * time.Microsecond
	}
	octave, quarter := i/4+1, i%4
	return time.Duration(4+quarter) << (octave - 2) * time.Microsecond
}

// Observe counts d.
func (l *Latency) Observe(d time.Duration) {
	l.buckets[latencyBucket(d)].Add(1)
	l.sum.Add(int64(d))
}

// LatencySnapshot is a Latency at one moment; subtract an earlier one for a window.
type LatencySnapshot struct {
	Buckets [latencyBuckets]uint64
	Count   uint64
	Sum     time.Duration
}

// Snapshot reads the counts; they may be a few observations apart.
func (l *Latency) Snapshot() (s LatencySnapshot) {
	for i := range l.buckets {
		s.Buckets[i] = l.buckets[i].Load()
		s.Count += s.Buckets[i]
	}
	s.Sum = time.Duration(l.sum.Load())
	return s
}

// Sub is what came after earlier.
func (s LatencySnapshot) Sub(earlier LatencySnapshot) LatencySnapshot {
	for i := range s.Buckets {
		s.Buckets[i] -= earlier.Buckets[i]
	}
	s.Count -= earlier.Count
	s.Sum -= earlier.Sum
	return s
}

// Quantile is an upper bound of the q-quantile, 0 < q <= 1, at most 25% above
// it; 0 where nothing was counted.
func (s LatencySnapshot) Quantile(q float64) time.Duration {
	if s.Count == 0 {
		return 0
	}
	rank, seen := uint64(q*float64(s.Count)), uint64(0)
	for i, n := range s.Buckets {
		seen += n
		if n > 0 && seen >= rank {
			return latencyUpper(min(i, latencyBuckets-2))
		}
	}
	return latencyUpper(latencyBuckets - 2)
}

// writePrometheus writes the histogram with all its buckets up to 131 ms, and
// one an octave beyond.
func (l *Latency) writePrometheus(w io.Writer, name string) {
	s := l.Snapshot()
	fmt.Fprintf(w, "# TYPE %s histogram\n", name)
	seen := uint64(0)
	for i, n := range s.Buckets[:latencyBuckets-1] {
		seen += n
		if i < 64 || i%4 == 3 {
			fmt.Fprintf(w, "%s_bucket{le=\"%g\"} %d\n", name, latencyUpper(i).Seconds(), seen)
		}
	}
	fmt.Fprintf(w, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %g\n%s_count %d\n", name, s.Count, name, s.Sum.Seconds(), name, s.Count)
}
