package loadtest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"bidhawk/internal/money"
)

// Result is what a run measured. Each request sent has exactly one outcome:
//
//	sent = bids + no_bids + http_errors + malformed
//
// Amounts are nanos; latencies are microseconds from the scheduled instant of
// each request whose bytes were written, timeouts included.
type Result struct {
	Sent             int64       `json:"sent"`
	Bids             int64       `json:"bids"`              // requests answered by at least one bid
	NoBids           int64       `json:"no_bids"`           // 204, or 200 without a bid
	HTTPErrors       int64       `json:"http_errors"`       // any other status, refused or broken connections, timeouts
	InvalidResponses int64       `json:"invalid_responses"` // 200s that broke at least one rule
	Late             int64       `json:"late"`              // answered after tmax; never cleared
	RPS              float64     `json:"rps"`
	LatencyUS        Latency     `json:"latency_us"`
	Wins             int64       `json:"wins"`
	Losses           int64       `json:"losses"`
	Impressions      int64       `json:"impressions"`  // people whose impression tracker was answered 2xx
	Clicks           int64       `json:"clicks"`       // clicks answered by a redirect
	Conversions      int64       `json:"conversions"`  // orders acknowledged
	BilledNanos      money.Nanos `json:"billed_nanos"` // the exchange's bill in Config.Currency; see the package's comment

	Malformed  int64                  `json:"malformed"` // 200s that are no BidResponse; also invalid
	Timeouts   int64                  `json:"timeouts"`  // of http_errors
	Refused    int64                  `json:"refused"`   // of http_errors: no connection
	Status     map[int]int64          `json:"status"`    // answers by HTTP status
	Invalid    map[Rule]int64         `json:"invalid"`   // breaches by rule
	Samples    []Sample               `json:"invalid_samples"`
	BidObjects int64                  `json:"bid_objects"` // bids within answers; each valid one is won, lost, or of a test
	TestBids   int64                  `json:"test_bids"`
	Rendered   int64                  `json:"rendered"` // wins that somebody saw: each has one billing notice
	BilledBids int64                  `json:"billed_bids"`
	Billed     map[string]money.Nanos `json:"billed_by_currency"`
	OrderNanos money.Nanos            `json:"order_nanos"` // value of the conversions
	Formats    map[string]FormatCount `json:"formats"`     // by format; those that were sent
	// Guaranteed deals must be bid on while their budget lasts: imps with one, and
	// those of them with a valid bid for it.
	GuaranteedOffered  int64 `json:"guaranteed_offered"`
	GuaranteedAnswered int64 `json:"guaranteed_answered"`

	Events      map[string]int64 `json:"events"` // acknowledged calls by kind, each once per bid
	Lines       []LineResult     `json:"lines"`  // by cid and crid
	Notices     NoticeResult     `json:"notices"`
	ElapsedMS   int64            `json:"elapsed_ms"` // of sending, without the drain
	DrainMS     int64            `json:"drain_ms"`
	Mode        string           `json:"mode"` // "closed", "poisson 5000/s", "uniform 5000/s"
	BodyBytes   int              `json:"body_bytes_median"`
	FloorReport *FloorReport     `json:"floor,omitempty"`
}

// Latency holds quantiles in microseconds.
type Latency struct {
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p999"`
	Max  int64 `json:"max"`
}

// Sample is one invalid answer, for whoever has to mend it.
type Sample struct {
	Rule     Rule   `json:"rule"`
	Detail   string `json:"detail"`
	Exchange string `json:"exchange"`
	Request  string `json:"request_id"`
	Bid      string `json:"bid_id,omitempty"`
	CRID     string `json:"crid,omitempty"`
}

// FormatCount is what imps of one format came to.
type FormatCount struct {
	Sent   int64 `json:"sent"` // imps
	Bids   int64 `json:"bids"` // bids, invalid ones too
	Wins   int64 `json:"wins"`
	Billed int64 `json:"billed"`
	// Invalid are the breaches of its bids by rule.
	Invalid map[Rule]int64 `json:"invalid,omitempty"`
}

// LineResult is what one creative of one line item did.
type LineResult struct {
	CID         string      `json:"cid"`
	CRID        string      `json:"crid"`
	Bids        int64       `json:"bids"`
	Wins        int64       `json:"wins"`
	Billed      int64       `json:"billed"`
	BilledNanos money.Nanos `json:"billed_nanos"`
	Impressions int64       `json:"impressions"`
	Clicks      int64       `json:"clicks"`
	Conversions int64       `json:"conversions"`
	OrderNanos  money.Nanos `json:"order_nanos"`
}

// NoticeResult is how notices and page events were delivered.
type NoticeResult struct {
	Attempts    int64                   `json:"attempts"`
	Retries     int64                   `json:"retries"`
	Repeats     int64                   `json:"repeats"`  // sent once more on purpose and acknowledged
	Rejected    int64                   `json:"rejected"` // attempts answered 4xx: not tried again
	Dropped     int64                   `json:"dropped"`  // bids not cleared because MaxPending was reached
	Undelivered map[string]*Undelivered `json:"undelivered"`
	LatencyUS   Latency                 `json:"latency_us"` // of acknowledged attempts
}

// Undelivered are notices of one kind that were given up, with the clearing
// prices of the bids whose billing notices they were.
type Undelivered struct {
	NeverArrived      int64       `json:"never_arrived"`
	NeverArrivedNanos money.Nanos `json:"never_arrived_nanos"`
	Refused           int64       `json:"refused"`
	RefusedNanos      money.Nanos `json:"refused_nanos"`
	InDoubt           int64       `json:"in_doubt"`
	InDoubtNanos      money.Nanos `json:"in_doubt_nanos"`
}

func (t *tally) result(cur string, elapsed time.Duration) *Result {
	r := &Result{
		Sent: t.sent.Load(), Bids: t.bids.Load(), NoBids: t.noBids.Load(), HTTPErrors: t.httpErrors.Load(),
		InvalidResponses: t.invalid.Load(), Late: t.late.Load(), LatencyUS: t.latency.quantiles(),
		Wins: t.wins.Load(), Losses: t.losses.Load(), Impressions: t.impressions.Load(),
		Clicks: t.clicks.Load(), Conversions: t.conversions.Load(),
		Malformed: t.malformed.Load(), Timeouts: t.timeouts.Load(), Refused: t.refused.Load(),
		BidObjects: t.bidObjects.Load(), TestBids: t.testBids.Load(), Rendered: t.rendered.Load(),
		BilledBids: t.billedBids.Load(), OrderNanos: money.Nanos(t.orderNanos.Load()),
		Notices: NoticeResult{
			Attempts: t.attempts.Load(), Retries: t.retries.Load(), Repeats: t.repeats.Load(),
			Rejected: t.rejected.Load(), Dropped: t.dropped.Load(), LatencyUS: t.noticeLatency.quantiles(),
		},
		GuaranteedOffered: t.guarOffered.Load(), GuaranteedAnswered: t.guarAnswered.Load(),
		ElapsedMS: elapsed.Milliseconds(),
	}
	if elapsed > 0 {
		r.RPS = float64(r.Sent) / elapsed.Seconds()
	}
	r.Events = map[string]int64{}
	for k := range t.events {
		if n := t.events[k].Load(); n > 0 {
			r.Events[errandKind(k).String()] = n
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r.BilledNanos, r.Formats = t.mu.billed[cur], t.formatCounts()
	r.Billed, r.Status, r.Invalid = maps.Clone(t.mu.billed), maps.Clone(t.mu.status), maps.Clone(t.mu.rules)
	r.Samples = slices.Clone(t.mu.samples)
	r.Notices.Undelivered = maps.Clone(t.mu.undelivered)
	for _, key := range slices.Sorted(maps.Keys(t.mu.lines)) {
		r.Lines = append(r.Lines, *t.mu.lines[key])
	}
	return r
}

// formatCounts is called with t.mu held.
func (t *tally) formatCounts() map[string]FormatCount {
	counts := map[string]FormatCount{}
	for i := range t.formats {
		f := &t.formats[i]
		c := FormatCount{
			Sent: f.imps.Load(), Bids: f.bids.Load(), Wins: f.wins.Load(), Billed: f.billed.Load(),
			Invalid: maps.Clone(t.mu.byFormat[i]),
		}
		if c.Sent > 0 {
			counts[Format(i).String()] = c
		}
	}
	return counts
}

// InDoubtNanos is what the server may have posted beyond the bill.
func (r *Result) InDoubtNanos() (sum money.Nanos) {
	for _, u := range r.Notices.Undelivered {
		sum += u.InDoubtNanos // only notices that bill have an amount
	}
	return sum
}

// writeFile writes the result as JSON, through a temporary file, so that a
// reader never sees half of it.
func (r *Result) writeFile(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("loadtest: json: %w", err)
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("loadtest: json: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("loadtest: json: %w", err)
	}
	return nil
}

// print writes the result for people.
func (r *Result) print(out io.Writer, cur string) error {
	ms := func(us int64) string { return fmt.Sprintf("%.2f", float64(us)/1000) }
	l, n := r.LatencyUS, r.Notices
	_, err := fmt.Fprintf(out, `%s: %d sent in %.1f s, %.0f requests/s, median body %d bytes
  answers      %d bids (%.1f%%), %d no-bids, %d http errors (%d timeouts, %d refused), %d invalid, %d late
  latency ms   p50 %s  p90 %s  p99 %s  p99.9 %s  max %s
  auctions     %d won, %d lost; %d rendered, %d billed
  people       %d impressions, %d clicks, %d conversions worth %s %s
  notices      %d attempts, %d retries, %d repeats on purpose, %d rejected, %d dropped; p99 %s ms
  bill         %s %s in %d nanos; in doubt %s
`, r.Mode, r.Sent, float64(r.ElapsedMS)/1000, r.RPS, r.BodyBytes,
		r.Bids, percent(r.Bids, r.Sent), r.NoBids, r.HTTPErrors, r.Timeouts, r.Refused, r.InvalidResponses, r.Late,
		ms(l.P50), ms(l.P90), ms(l.P99), ms(l.P999), ms(l.Max),
		r.Wins, r.Losses, r.Rendered, r.BilledBids,
		r.Impressions, r.Clicks, r.Conversions, r.OrderNanos, cur,
		n.Attempts, n.Retries, n.Repeats, n.Rejected, n.Dropped, ms(n.LatencyUS.P99),
		r.BilledNanos, cur, r.BilledNanos, r.InDoubtNanos())
	for _, name := range slices.Sorted(maps.Keys(r.Formats)) {
		if f := r.Formats[name]; err == nil && len(r.Formats) > 1 {
			_, err = fmt.Fprintf(out, "  %-14s %d imps, %d bids, %d won, %d billed\n", name, f.Sent, f.Bids, f.Wins, f.Billed)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Events)) {
		if n := r.Events[name]; err == nil && len(r.Formats) > 1 {
			_, err = fmt.Fprintf(out, "  %-14s %d acknowledged\n", name, n)
		}
	}
	for _, s := range r.Samples {
		if err == nil {
			_, err = fmt.Fprintf(out, "  invalid      %s: %s (request %s, crid %s)\n", s.Rule, s.Detail, s.Request, s.CRID)
		}
	}
	return err
}

func percent(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}
