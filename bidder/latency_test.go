package bidder

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestLatencyBucketsAreOrderedAndTight(t *testing.T) {
	last := -1
	for us := time.Duration(0); us < 1<<22; us = us + 1 + us/64 {
		d := us * time.Microsecond
		i := latencyBucket(d)
		if i < last {
			t.Fatalf("%v: bucket %d after %d", d, i, last)
		}
		last = i
		upper := latencyUpper(i)
		if d >= upper || (d >= 4*time.Microsecond && upper > d+d/4+time.Microsecond) {
			t.Fatalf("%v: bucket %d ends at %v; want within a quarter above", d, i, upper)
		}
	}
}

func TestLatencyQuantile(t *testing.T) {
	var l Latency
	for i := range 1000 {
		l.Observe(time.Duration(i+1) * time.Microsecond)
	}
	l.Observe(time.Hour)
	s := l.Snapshot()
	f := func(q float64, low, high time.Duration) {
		t.Helper()
		if got := s.Quantile(q); got < low || got > high {
			t.Fatalf("quantile %g: got %v; want %v to %v", q, got, low, high)
		}
	}
	f(0.5, 500*time.Microsecond, 640*time.Microsecond)
	f(0.99, 990*time.Microsecond, 1300*time.Microsecond)
	f(1, time.Minute, 135*time.Second)
	if got := s.Sub(s).Quantile(0.5); got != 0 {
		t.Fatalf("an empty window: got %v; want 0", got)
	}
	var out bytes.Buffer
	l.writePrometheus(&out, "x_seconds")
	if !strings.Contains(out.String(), "x_seconds_bucket{le=\"+Inf\"} 1001\n") || !strings.Contains(out.String(), "x_seconds_count 1001\n") {
		t.Fatalf("exposition:\n%s", out.String())
	}
}

func TestLatencyObserveDoesNotAllocate(t *testing.T) {
	var l Latency
	if n := testing.AllocsPerRun(1000, func() { l.Observe(time.Millisecond) }); n != 0 {
		t.Fatalf("got %v allocations; want 0", n)
	}
}
