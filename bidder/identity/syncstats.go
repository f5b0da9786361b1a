package identity

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// syncCounters are those of all exchanges together.
type syncCounters struct {
	unknown       atomic.Uint64
	cookies       atomic.Uint64
	optOuts       atomic.Uint64
	optOutsFailed atomic.Uint64

	mu      sync.Mutex
	reasons map[string]uint64 // guarded by mu
}

// maxReasons bounds the reasons that are told apart.
const maxReasons = 64

func (c *syncCounters) refused(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.reasons[reason]; !ok && len(c.reasons) >= maxReasons {
		reason = "(other)"
	}
	c.reasons[reason]++
}

// SyncStats are a Syncer's counters; they start at 0 with the process.
type SyncStats struct {
	// Results is by exchange and result, without zeros.
	Results map[string]map[SyncResult]uint64
	// NoConsent is by the reason that Allowed gave.
	NoConsent       map[string]uint64
	UnknownExchange uint64
	CookiesSet      uint64
	OptOuts         uint64
	OptOutsFailed   uint64
}

// Stats reads the counters: for metrics.
func (s *Syncer) Stats() SyncStats {
	st := SyncStats{
		Results: make(map[string]map[SyncResult]uint64), UnknownExchange: s.stats.unknown.Load(),
		CookiesSet: s.stats.cookies.Load(), OptOuts: s.stats.optOuts.Load(), OptOutsFailed: s.stats.optOutsFailed.Load(),
	}
	for name, e := range s.exchanges {
		st.Results[name] = make(map[SyncResult]uint64)
		for r := range e.counts {
			if n := e.counts[r].Load(); n > 0 {
				st.Results[name][SyncResult(r)] = n
			}
		}
	}
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	st.NoConsent = maps.Clone(s.stats.reasons)
	return st
}

// WritePrometheus writes every counter in the Prometheus text format.
func (s *Syncer) WritePrometheus(w io.Writer) {
	for _, name := range slices.Sorted(maps.Keys(s.exchanges)) {
		e := s.exchanges[name]
		for r := range e.counts {
			fmt.Fprintf(w, "bidhawk_syncs_total{exchange=%q,result=%q} %d\n", name, SyncResult(r), e.counts[r].Load())
		}
	}
	st := s.Stats()
	for _, reason := range slices.Sorted(maps.Keys(st.NoConsent)) {
		fmt.Fprintf(w, "bidhawk_syncs_without_consent_total{reason=%q} %d\n", reason, st.NoConsent[reason])
	}
	fmt.Fprintf(w, "bidhawk_syncs_unknown_exchange_total %d\n", st.UnknownExchange)
	fmt.Fprintf(w, "bidhawk_sync_cookies_set_total %d\n", st.CookiesSet)
	fmt.Fprintf(w, "bidhawk_sync_opt_outs_total{result=\"done\"} %d\n", st.OptOuts)
	fmt.Fprintf(w, "bidhawk_sync_opt_outs_total{result=\"failed\"} %d\n", st.OptOutsFailed)
}
