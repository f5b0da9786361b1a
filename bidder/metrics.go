package bidder

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bidhawk/bidder/consent"
	"bidhawk/bidder/exchanges"
	"bidhawk/internal/openrtb"
	"bidhawk/pacing"
	"bidhawk/pacing/frequency"
)

// Metrics counts what the bidder did. All counters only grow. Safe for
// concurrent use.
type Metrics struct {
	mu              sync.Mutex                  // guards exchanges
	exchanges       map[string]*exchangeMetrics // grows only: what was counted stays
	unknownExchange atomic.Uint64
	panics          atomic.Uint64
	trimmedBids     atomic.Uint64
	overMax         atomic.Uint64
	ghostsLost      atomic.Uint64
	profileHits     atomic.Uint64
	profileMisses   atomic.Uint64
	notices         [noticeKinds][noticeResults]atomic.Uint64
	lossReasons     [256]atomic.Uint64
	refusals        map[pacing.Refusal]*atomic.Uint64 // read-only after newMetrics
	caps            [capReasons][frequency.LevelCount]atomic.Uint64
	feedback        feedback
	withheld        [consent.ReasonCount]atomic.Uint64
	badPrices       [exchanges.PriceProblems]atomic.Uint64
	badRequests     map[openrtb.Reason]*atomic.Uint64 // read-only after newMetrics
	// Handler is the time from a body read to its answer built.
	Handler Latency
}

type exchangeMetrics struct {
	all *Metrics
	// path is the exchange to offers.Table: the same whatever is configured beside it.
	path    uint16
	results [noBidCount]atomic.Uint64 // by reason; NoBidNone: answered with bids
	bids    atomic.Uint64
}

func newMetrics() *Metrics {
	m := &Metrics{exchanges: make(map[string]*exchangeMetrics)}
	m.refusals = make(map[pacing.Refusal]*atomic.Uint64)
	for _, r := range pacing.Refusals() {
		m.refusals[r] = new(atomic.Uint64)
	}
	m.badRequests = make(map[openrtb.Reason]*atomic.Uint64)
	for _, r := range badReasons {
		m.badRequests[r] = new(atomic.Uint64)
	}
	return m
}

// badReasons are why a body is refused: those of the decoder, and our own of its
// transport.
var badReasons = [...]openrtb.Reason{
	openrtb.ReasonSyntax, openrtb.ReasonDepth, openrtb.ReasonLimit, openrtb.ReasonType, openrtb.ReasonRange,
	openrtb.ReasonEncoding, openrtb.ReasonMissing, openrtb.ReasonExclusive, openrtb.ReasonDuplicate, openrtb.ReasonOther,
}

// exchange is the counters of one exchange, made at its first call.
func (m *Metrics) exchange(name string) *exchangeMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.exchanges[name]
	if e == nil {
		e = &exchangeMetrics{all: m, path: uint16(len(m.exchanges))}
		m.exchanges[name] = e
	}
	return e
}

// names lists the exchanges that have counters.
func (m *Metrics) names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.exchanges))
}

func (e *exchangeMetrics) finish(reason NoBid, bids int, took time.Duration) {
	if bids > 0 {
		reason = NoBidNone
	}
	e.results[reason].Add(1)
	e.bids.Add(uint64(bids))
	e.all.Handler.Observe(took)
}

// BodyTooLarge counts a body that the server refused before it was read whole.
func (m *Metrics) BodyTooLarge() { m.badRequests[openrtb.ReasonLimit].Add(1) }

// refused counts a bid that the wallet did not afford; a request may try several.
func (m *Metrics) refused(r pacing.Refusal) {
	if c := m.refusals[r]; c != nil {
		c.Add(1)
	}
}

// Totals are sums over all exchanges.
type Totals struct {
	Requests, Answered, Bids, BadRequests uint64
	NoBids                                map[string]uint64 // by reason, without zeros
}

// Totals adds the counters up.
func (m *Metrics) Totals() Totals {
	t := Totals{NoBids: make(map[string]uint64)}
	for _, name := range m.names() {
		e := m.exchange(name)
		t.Bids += e.bids.Load()
		for r := range e.results {
			n := e.results[r].Load()
			t.Requests += n
			switch reason := NoBid(r); {
			case n == 0:
			case reason == NoBidNone:
				t.Answered += n
			default:
				t.NoBids[reason.String()] += n
				if reason == NoBidMalformed || reason == NoBidInvalid {
					t.BadRequests += n
				}
			}
		}
	}
	return t
}

// Notice counts the notices of a kind that ended as result.
func (m *Metrics) Notice(kind NoticeKind, result NoticeResult) uint64 {
	return m.notices[kind][result].Load()
}

// WritePrometheus writes every counter in the Prometheus text format.
func (m *Metrics) WritePrometheus(w io.Writer) {
	for _, name := range m.names() {
		e := m.exchange(name)
		fmt.Fprintf(w, "bidhawk_bids_total{exchange=%q} %d\n", name, e.bids.Load())
		var answered, noBid, bad uint64
		for r := range e.results {
			n := e.results[r].Load()
			switch reason := NoBid(r); {
			case reason == NoBidNone:
				answered = n
				continue
			case reason == NoBidMalformed || reason == NoBidInvalid:
				bad += n
			default:
				noBid += n
			}
			fmt.Fprintf(w, "bidhawk_no_bids_total{exchange=%q,reason=%q} %d\n", name, NoBid(r), n)
		}
		fmt.Fprintf(w, "bidhawk_requests_total{exchange=%q,result=\"bid\"} %d\n", name, answered)
		fmt.Fprintf(w, "bidhawk_requests_total{exchange=%q,result=\"no_bid\"} %d\n", name, noBid)
		fmt.Fprintf(w, "bidhawk_requests_total{exchange=%q,result=\"bad_request\"} %d\n", name, bad)
	}
	fmt.Fprintf(w, "bidhawk_requests_unknown_exchange_total %d\n", m.unknownExchange.Load())
	fmt.Fprintf(w, "bidhawk_request_panics_total %d\n", m.panics.Load())
	fmt.Fprintf(w, "bidhawk_bids_left_out_total %d\n", m.trimmedBids.Load())
	fmt.Fprintf(w, "bidhawk_bids_over_max_total %d\n", m.overMax.Load())
	fmt.Fprintf(w, "bidhawk_experiment_assignments_lost_total %d\n", m.ghostsLost.Load())
	fmt.Fprintf(w, "bidhawk_profile_lookups_total{result=\"known\"} %d\n", m.profileHits.Load())
	fmt.Fprintf(w, "bidhawk_profile_lookups_total{result=\"unknown\"} %d\n", m.profileMisses.Load())
	for _, r := range pacing.Refusals() {
		fmt.Fprintf(w, "bidhawk_bids_refused_total{reason=%q} %d\n", r, m.refusals[r].Load())
	}
	for r := range m.caps {
		for l := range m.caps[r] {
			fmt.Fprintf(w, "bidhawk_frequency_refused_total{level=%q,reason=%q} %d\n", frequency.Level(l), capReason(r), m.caps[r][l].Load())
		}
	}
	for k := range m.notices {
		for r := range m.notices[k] {
			fmt.Fprintf(w, "bidhawk_notices_total{kind=%q,result=%q} %d\n", NoticeKind(k), NoticeResult(r), m.notices[k][r].Load())
		}
	}
	for r := range m.withheld {
		if n := m.withheld[r].Load(); n > 0 {
			fmt.Fprintf(w, "bidhawk_personal_data_withheld_total{reason=%q} %d\n", consent.Reason(r), n)
		}
	}
	for code := range m.feedback.statuses {
		if n := m.feedback.statuses[code].Load(); n > 0 {
			fmt.Fprintf(w, "bidhawk_bid_feedback_total{status=\"%d\"} %d\n", code, n)
		}
	}
	for p := range m.badPrices {
		if n := m.badPrices[p].Load(); n > 0 {
			fmt.Fprintf(w, "bidhawk_bad_prices_total{reason=%q} %d\n", exchanges.PriceProblem(p), n)
		}
	}
	for _, r := range badReasons {
		fmt.Fprintf(w, "bidhawk_bad_requests_total{reason=%q} %d\n", r, m.badRequests[r].Load())
	}
	for reason := range m.lossReasons {
		if n := m.lossReasons[reason].Load(); n > 0 {
			fmt.Fprintf(w, "bidhawk_losses_total{reason=\"%d\"} %d\n", reason, n)
		}
	}
	m.Handler.writePrometheus(w, "bidhawk_handler_seconds")
}
