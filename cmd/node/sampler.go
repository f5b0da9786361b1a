package node

import (
	"sync"
	"time"

	"bidhawk/bidder"
)

// second is what happened in one second, for the live page.
type second struct {
	At       time.Time         `json:"at"`
	Requests uint64            `json:"requests"`
	Answered uint64            `json:"answered"`
	Bids     uint64            `json:"bids"`
	NoBids   map[string]uint64 `json:"no_bids"`
	P50us    int64             `json:"p50_us"`
	P99us    int64             `json:"p99_us"`
	Wins     uint64            `json:"wins"`
	Billed   uint64            `json:"billed"`
	Losses   uint64            `json:"losses"`
	Shown    uint64            `json:"impressions"`
	Clicks   uint64            `json:"clicks"`
}

// sampler keeps the last two minutes of the bidder's counters, second by second.
type sampler struct {
	metrics *bidder.Metrics

	mu      sync.Mutex
	seconds []second // oldest first, at most keepSeconds

	// Of the sampling goroutine alone.
	last    bidder.Totals
	lastLat bidder.LatencySnapshot
	lastN   map[bidder.NoticeKind]uint64
}

const keepSeconds = 120

func newSampler(m *bidder.Metrics) *sampler {
	return &sampler{metrics: m, last: m.Totals(), lastLat: m.Handler.Snapshot(), lastN: make(map[bidder.NoticeKind]uint64)}
}

// sample adds the second that ends at now.
func (s *sampler) sample(now time.Time) {
	t, lat := s.metrics.Totals(), s.metrics.Handler.Snapshot()
	window := lat.Sub(s.lastLat)
	sec := second{
		At: now, Requests: t.Requests - s.last.Requests, Answered: t.Answered - s.last.Answered, Bids: t.Bids - s.last.Bids,
		NoBids: make(map[string]uint64), P50us: window.Quantile(0.5).Microseconds(), P99us: window.Quantile(0.99).Microseconds(),
		Wins: s.accepted(bidder.NoticeWin), Billed: s.accepted(bidder.NoticeBilling), Losses: s.accepted(bidder.NoticeLoss),
		Shown: s.accepted(bidder.NoticeImpression), Clicks: s.accepted(bidder.NoticeClick),
	}
	for reason, n := range t.NoBids {
		if d := n - s.last.NoBids[reason]; d > 0 {
			sec.NoBids[reason] = d
		}
	}
	s.last, s.lastLat = t, lat
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seconds) == keepSeconds {
		copy(s.seconds, s.seconds[1:])
		s.seconds = s.seconds[:keepSeconds-1]
	}
	s.seconds = append(s.seconds, sec)
}

func (s *sampler) accepted(k bidder.NoticeKind) uint64 {
	n := s.metrics.Notice(k, bidder.NoticeAccepted)
	d := n - s.lastN[k]
	s.lastN[k] = n
	return d
}

// window returns a copy of what is kept, oldest first.
func (s *sampler) window() []second {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]second(nil), s.seconds...)
}
