package api

import (
	"sync"
	"time"
)

// limiter is a set of token buckets by name. Memory is bounded: full buckets are
// forgotten, which changes nothing, and where none is full the set is refused to grow.
// It is safe for concurrent use.
type limiter struct {
	burst float64
	every time.Duration // one token
	max   int           // buckets

	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(burst int, every time.Duration, buckets int) *limiter {
	return &limiter{burst: float64(burst), every: every, max: buckets, buckets: map[string]bucket{}}
}

// take takes n tokens of name; else it says how long to wait for them.
func (l *limiter) take(name string, n int, now time.Time) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.buckets[name]
	if !known {
		if len(l.buckets) >= l.max && !l.sweep(now) {
			return l.every, false
		}
		b = bucket{l.burst, now}
	}
	b.tokens, b.at = l.level(b, now), now
	if need := min(float64(n), l.burst); b.tokens < need {
		l.buckets[name] = b
		return time.Duration((need - b.tokens) * float64(l.every)), false
	}
	b.tokens -= float64(n) // a large n may leave a debt
	l.buckets[name] = b
	return 0, true
}

func (l *limiter) level(b bucket, now time.Time) float64 {
	return min(l.burst, b.tokens+float64(max(0, now.Sub(b.at)))/float64(l.every))
}

// sweep forgets full buckets; false where there was none.
func (l *limiter) sweep(now time.Time) bool {
	for name, b := range l.buckets {
		if l.level(b, now) >= l.burst {
			delete(l.buckets, name)
		}
	}
	return len(l.buckets) < l.max
}
