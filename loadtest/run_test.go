package loadtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"bidhawk/internal/money"
)

func TestBillIsTheServersLedger(t *testing.T) {
	for _, auction := range []string{"first", "second"} {
		t.Run(auction, func(t *testing.T) {
			d := newFakeDSP(t)
			d.price = "30.25"
			cfg := d.config()
			cfg.Auction, cfg.Count = auction, 400
			cfg.Market.AloneShare, cfg.Market.RivalMedian = 0.1, 28_000_000
			cfg.Notices.RepeatShare = 0.5
			cfg.People.CTR, cfg.People.CVR, cfg.People.RateSigma = 0.5, 0.5, 0
			r := mustRun(t, cfg)
			sum, bids := d.book(t)
			if r.BilledNanos != sum || int(r.BilledBids) != bids || sum == 0 {
				t.Errorf("bill %d for %d bids; the server's ledger has %d for %d", r.BilledNanos, r.BilledBids, sum, bids)
			}
			if r.Rendered != r.BilledBids || r.Impressions != r.BilledBids || r.Wins <= r.Rendered-1 {
				t.Errorf("%d wins, %d rendered, %d billed, %d impressions", r.Wins, r.Rendered, r.BilledBids, r.Impressions)
			}
			if r.Wins+r.Losses != r.BidObjects || r.Losses == 0 || r.InvalidResponses != 0 {
				t.Errorf("%d bids: %d won, %d lost; invalid %v %+v", r.BidObjects, r.Wins, r.Losses, r.Invalid, r.Samples)
			}
			checkPeople(t, d, r)
			if first := 30_250_000 * money.Nanos(bids); sum > first || auction == "second" && sum == first {
				t.Errorf("bill %d of %d bids at 30.25: want at most %d, less in a second-price auction", sum, bids, first)
			}
		})
	}
}

func checkPeople(t *testing.T, d *fakeDSP, r *Result) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Clicks == 0 || int(r.Clicks) != d.byKind["click"] || int(r.Impressions) != d.byKind["imp"] || int(r.Wins) != d.byKind["win"] {
		t.Errorf("clicks %d, impressions %d, wins %d; the server counted %v", r.Clicks, r.Impressions, r.Wins, d.byKind["click"])
	}
	if r.Conversions == 0 || int(r.Conversions) != len(d.orders) || r.OrderNanos <= 0 {
		t.Errorf("%d conversions worth %d; the server has %d orders", r.Conversions, r.OrderNanos, len(d.orders))
	}
	calls := 0
	for key, n := range d.calls {
		if strings.HasPrefix(key, "bill") {
			calls += n
		}
	}
	if r.Notices.Repeats == 0 || calls <= int(r.BilledBids) {
		t.Errorf("%d repeats, %d billing calls for %d bids: nothing was repeated", r.Notices.Repeats, calls, r.BilledBids)
	}
	for _, q := range d.queries {
		if !strings.HasPrefix(q, "l=102&m=") || strings.HasSuffix(q, "m=") {
			t.Fatalf("loss notice with %q: want a reason and a price to win", q)
		}
	}
	if len(d.queries) == 0 {
		t.Error("no loss notice")
	}
}

func TestEveryRuleFires(t *testing.T) {
	set := func(field string, v any) func(req, resp map[string]any) {
		return func(_, resp map[string]any) { firstBid(resp)[field] = v }
	}
	for _, c := range []struct {
		rule  Rule
		spoil func(req, resp map[string]any)
	}{
		{RuleID, func(_, resp map[string]any) { resp["id"] = "another" }},
		{RuleCurrency, func(_, resp map[string]any) { resp["cur"] = "JPY" }},
		{RuleEmptySeat, func(_, resp map[string]any) { resp["seatbid"] = []any{map[string]any{"seat": "x"}} }},
		{RuleJSON, func(_, resp map[string]any) { resp["seatbid"] = "none" }},
		{RuleBidID, set("id", "always the same")},
		{RuleBidID, set("id", "")},
		{RuleImpID, set("impid", "99")},
		{RulePrice, set("price", 0)},
		{RulePrice, set("price", "250")},
		{RulePrice, set("price", nil)},
		{RuleDecimals, set("price", json.Number("250.12345"))},
		{RuleDeal, set("dealid", "no-such-deal")},
		{RuleFloor, func(_, resp map[string]any) {
			if b := firstBid(resp); b["dealid"] == nil {
				b["price"] = json.Number("0.0001")
			}
		}},
		{RuleMedium, set("mtype", 3)},
		{RuleMedium, set("mtype", 4)},
		{RuleSize, set("w", 301)},
		{RuleMarkup, set("adm", " ")},
		{RuleMacro, set("adm", "<img src='https://x.example/?p=${AUCTION_PRIZE}'>")},
		{RuleMacro, set("burl", "https://x.example/?p=${AUCTION_PRICE")},
		{RuleMacro, set("adm", "<a href='${CLICK_URL}'>")},
		{RuleCreative, set("crid", "")},
		{RuleCreative, set("cid", "")},
		{RuleADomain, set("adomain", []string{})},
		{RuleNoticeMissing, set("burl", "")},
		{RuleSecure, set("adm", "<img src='http://cdn.example/ad.png'>")},
		{RuleBAdv, func(req, resp map[string]any) {
			blocked := req["badv"].([]any)[0].(string)
			firstBid(resp)["adomain"] = []string{"WWW." + blocked}
		}},
		{RuleCategory, func(req, resp map[string]any) {
			firstBid(resp)["cat"] = []string{req["bcat"].([]any)[0].(string) + "-3"}
		}},
		{RuleAttribute, func(req, resp map[string]any) {
			imp := req["imp"].([]any)[0].(map[string]any)
			if b, ok := imp["banner"].(map[string]any); ok && b["battr"] != nil {
				firstBid(resp)["attr"] = []any{b["battr"].([]any)[0]}
			}
		}},
	} {
		t.Run(string(c.rule), func(t *testing.T) {
			d := newFakeDSP(t)
			d.price, d.spoil = "250", c.spoil
			cfg := d.config()
			cfg.Count, cfg.Notices.RepeatShare = 60, 0
			r := mustRun(t, cfg)
			if r.Invalid[c.rule] == 0 || r.InvalidResponses == 0 {
				t.Fatalf("rule %s did not fire: %v", c.rule, r.Invalid)
			}
			if len(r.Invalid) != 1 {
				t.Errorf("other rules fired too: %v %+v", r.Invalid, r.Samples)
			}
			if len(r.Samples) == 0 || r.Samples[0].Rule != c.rule || r.Samples[0].Detail == "" || r.Samples[0].Request == "" {
				t.Errorf("samples %+v", r.Samples)
			}
		})
	}
}

func firstBid(resp map[string]any) map[string]any {
	return resp["seatbid"].([]any)[0].(map[string]any)["bid"].([]any)[0].(map[string]any)
}

func TestACorrectBidderBreaksNoRule(t *testing.T) {
	d := newFakeDSP(t)
	d.price = "250"
	cfg := d.config()
	cfg.Count, cfg.Generate.TestShare = 800, 0.1
	cfg.Generate.BlockedDomains = []string{"elsewhere.example"}
	r := mustRun(t, cfg)
	if r.InvalidResponses != 0 || r.Bids == 0 || r.NoBids == 0 || r.Late != 0 {
		t.Fatalf("%d invalid, %d bids, %d no-bids, %d late: %+v", r.InvalidResponses, r.Bids, r.NoBids, r.Late, r.Samples)
	}
	if r.TestBids == 0 || r.TestBids+r.Wins+r.Losses != r.BidObjects {
		t.Errorf("%d bids: %d of tests, %d won, %d lost", r.BidObjects, r.TestBids, r.Wins, r.Losses)
	}
}

// A server that stalls once for 400 ms: a generator that waits for answers
// before it sends would see one slow request; the schedule sees them all.
func TestStallIsNotOmitted(t *testing.T) {
	const rate, stall = 500, 400 * time.Millisecond
	d := newFakeDSP(t)
	var once sync.Once
	var lock sync.RWMutex
	d.before = func(*fasthttp.RequestCtx) {
		once.Do(func() { // the first request holds up everybody
			lock.Lock()
			time.Sleep(stall)
			lock.Unlock()
		})
		lock.RLock()
		defer lock.RUnlock()
	}
	cfg := d.config()
	cfg.Rate, cfg.Arrivals, cfg.Connections, cfg.BidsOnly = rate, "uniform", 2, true
	cfg.Count, cfg.Duration, cfg.Generate.TMax = 0, 2*time.Second, 0
	r := mustRun(t, cfg)
	if r.Sent != 1000 {
		t.Errorf("sent %d: want 1000, the whole schedule", r.Sent)
	}
	// 200 of the 1,000 requests were due during the stall: the slowest tenth of
	// all waited at least half of it.
	if r.LatencyUS.P90 < (stall/4).Microseconds() || r.LatencyUS.Max < stall.Microseconds() {
		t.Errorf("latency %+v us: the stall of %s is missing", r.LatencyUS, stall)
	}
	if r.Late == 0 {
		t.Error("nothing was late, though the stall is longer than any tmax")
	}
}

func TestServerDiesAndReturns(t *testing.T) {
	d := newFakeDSP(t)
	d.price = "250"
	cfg := d.config()
	cfg.Count, cfg.Duration, cfg.Rate = 0, 2*time.Second, 400
	cfg.People.RenderDelay = 200 * time.Millisecond
	addr := d.addr
	var snapshots int
	restarted := make(chan struct{})
	cfg.ProgressEvery = 400 * time.Millisecond
	cfg.OnProgress = func(s Snapshot) {
		snapshots++
		switch snapshots {
		case 1:
			d.stop()
		case 2:
			d.start(t, addr)
			close(restarted)
		}
	}
	r := mustRun(t, cfg)
	<-restarted
	sum, bids := d.book(t)
	if r.HTTPErrors == 0 || r.Refused == 0 {
		t.Errorf("%d http errors, %d refused: the server was never down", r.HTTPErrors, r.Refused)
	}
	if r.Notices.Retries == 0 || len(r.Notices.Undelivered) != 0 {
		t.Errorf("%d retries, undelivered %v", r.Notices.Retries, r.Notices.Undelivered)
	}
	if r.BilledNanos != sum || int(r.BilledBids) != bids || r.BilledBids != r.Rendered || sum == 0 {
		t.Errorf("bill %d for %d bids; the server's ledger has %d for %d", r.BilledNanos, r.BilledBids, sum, bids)
	}
}

func TestNoticesAreRetriedAndGivenUp(t *testing.T) {
	d := newFakeDSP(t)
	d.price = "250"
	d.notice = func(kind string, try int) int {
		switch {
		case kind == "bill" && try <= 2:
			return 503
		case kind == "imp":
			return 503 // for good
		case kind == "win":
			return 410
		}
		return 0
	}
	cfg := d.config()
	cfg.Count, cfg.Notices.RetryFor, cfg.Notices.RepeatShare = 50, 500*time.Millisecond, 0
	r := mustRun(t, cfg)
	sum, bids := d.book(t)
	if r.BilledNanos != sum || int(r.Rendered) != bids || bids == 0 {
		t.Errorf("bill %d; ledger %d of %d bids; %d rendered", r.BilledNanos, sum, bids, r.Rendered)
	}
	u := r.Notices.Undelivered
	if u["impression"] == nil || u["impression"].InDoubt != r.Rendered || r.Impressions != 0 {
		t.Errorf("impressions in doubt: %+v: want %d", u["impression"], r.Rendered)
	}
	if u["win"] == nil || u["win"].Refused != r.Wins {
		t.Errorf("win notices refused: %+v: want %d", u["win"], r.Wins)
	}
	if u["billing"] != nil || r.InDoubtNanos() != 0 {
		t.Errorf("billing undelivered: %+v", u["billing"])
	}
}

func TestLateAnswersAreNotCleared(t *testing.T) {
	d := newFakeDSP(t)
	d.price = "250"
	d.before = func(*fasthttp.RequestCtx) { time.Sleep(320 * time.Millisecond) }
	cfg := d.config()
	cfg.Count, cfg.Connections, cfg.Generate.TMax = 16, 16, 0
	r := mustRun(t, cfg)
	if r.Late != 16 || r.Wins != 0 || r.Losses != r.BidObjects || r.Losses == 0 || r.BilledNanos != 0 {
		t.Errorf("%d late, %d won, %d lost, bill %d", r.Late, r.Wins, r.Losses, r.BilledNanos)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, q := range d.queries {
		if !strings.HasPrefix(q, "l=2&") {
			t.Errorf("loss notice %q: want reason 2, expired", q)
		}
	}
}

func TestTimeoutsAndStatusesAreCounted(t *testing.T) {
	d := newFakeDSP(t)
	var mu sync.Mutex
	n := 0
	d.before = func(ctx *fasthttp.RequestCtx) {
		mu.Lock()
		n++
		slow := n == 3
		mu.Unlock()
		if slow {
			time.Sleep(300 * time.Millisecond)
		}
	}
	d.spoil = func(_, resp map[string]any) { resp["seatbid"] = []any{} }
	cfg := d.config()
	cfg.Count, cfg.Connections, cfg.Timeout = 20, 1, 150*time.Millisecond
	r := mustRun(t, cfg)
	if r.Timeouts != 1 || r.HTTPErrors != 1 || r.NoBids != 19 || r.LatencyUS.Max < 150_000 {
		t.Errorf("%d timeouts, %d http errors, %d no-bids, max %d us", r.Timeouts, r.HTTPErrors, r.NoBids, r.LatencyUS.Max)
	}
}

func TestReplayAndJSON(t *testing.T) {
	dir := t.TempDir()
	one := `{"id":"a1","imp":[{"id":"1","banner":{"w":300,"h":250},"bidfloor":"0.5"}],"cur":"USD"}`
	for name, body := range map[string]string{"a.json": one, "b.json": `{"id":`, "c.txt": "no"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := newFakeDSP(t)
	cfg := d.config()
	cfg.Requests, cfg.Count, cfg.JSON = dir, 10, filepath.Join(dir, "out", "result.json")
	if _, err := Run(t.Context(), cfg, io.Discard); err == nil {
		t.Error("a result file in a missing folder: want an error")
	}
	cfg.JSON = filepath.Join(dir, "result.json.out")
	r := mustRun(t, cfg)
	if r.Bids != 5 || r.HTTPErrors != 5 || r.Status[400] != 5 || r.InvalidResponses != 0 {
		t.Errorf("%d bids, %d http errors, status %v, invalid %v", r.Bids, r.HTTPErrors, r.Status, r.Invalid)
	}
	b, err := os.ReadFile(cfg.JSON)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	for _, want := range strings.Fields("sent bids no_bids http_errors invalid_responses late rps latency_us wins losses impressions clicks conversions billed_nanos") {
		if _, ok := fields[want]; !ok {
			t.Errorf("the result has no field %q", want)
		}
	}
	var l map[string]int64
	if err := json.Unmarshal(fields["latency_us"], &l); err != nil || len(l) != 5 {
		t.Errorf("latency_us %s: %v", fields["latency_us"], err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	d := newFakeDSP(t)
	d.price = "250"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := d.config()
	cfg.Count, cfg.Duration, cfg.Rate = 0, time.Hour, 300
	cfg.ProgressEvery = 100 * time.Millisecond
	cfg.OnProgress = func(s Snapshot) {
		if s.Sent > 30 {
			cancel()
		}
	}
	r, err := Run(ctx, cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if sum, _ := d.book(t); r.BilledNanos != sum || sum == 0 || len(r.Notices.Undelivered) != 0 {
		t.Errorf("bill %d, ledger %d, undelivered %v: an ended run must drain", r.BilledNanos, sum, r.Notices.Undelivered)
	}
}

func TestFloor(t *testing.T) {
	if _, err := processCPU(os.Getpid()); err != nil {
		t.Skip(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asFloorServer, "1")
	// The target is a floor server too: the ratio of equals is about one.
	target, err := startFloor(t.Context(), []string{exe})
	if err != nil {
		t.Fatal(err)
	}
	defer target.stop()
	cfg := Defaults()
	cfg.Target, cfg.Now, cfg.Floor, cfg.Duration, cfg.Connections = "http://"+target.addr, time.Now, true, 2*time.Second, 8
	cfg.Generate.Templates = 1
	cfg.FloorWith = FloorConfig{Command: []string{exe}, Pairs: 5}
	var out strings.Builder
	r, err := Run(t.Context(), cfg, &out)
	if err != nil {
		t.Fatal(err)
	}
	f := r.FloorReport
	if f.Pairs != 5 || f.BidRate != 1 || f.Target.HTTPErrors+f.Floor.HTTPErrors != 0 || r.HTTPErrors != 0 {
		t.Errorf("report %+v", f)
	}
	if f.RPSRatio.Median < 0.4 || f.RPSRatio.Median > 2.5 || f.RPSRatio.Min > f.RPSRatio.Median || f.RPSRatio.Max < f.RPSRatio.Median {
		t.Errorf("ratio of two equal servers: %+v", f.RPSRatio)
	}
	if f.Target.CPUMicros.Median <= 0 || f.Floor.CPUMicros.Median <= 0 {
		t.Errorf("CPU per request: %+v and %+v", f.Target.CPUMicros, f.Floor.CPUMicros)
	}
	for _, want := range []string{"ratio of requests/s", "CPU us/request", "5 pairs"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
	t.Log("\n" + out.String())
}

func TestFloorServerNeedsACommand(t *testing.T) {
	cfg := Defaults()
	cfg.Now, cfg.Floor = time.Now, true
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "floor command") {
		t.Errorf("%v: want the floor command named", err)
	}
	cfg.FloorWith.Command = []string{"/bin/echo", "hello"}
	cfg.Generate.Templates = 1
	cfg.FloorWith.TargetPID = os.Getpid()
	if _, err := Run(t.Context(), cfg, io.Discard); err == nil || !strings.Contains(err.Error(), "listening on") {
		t.Errorf("%v: want the child's first line named", err)
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	f := func(want string, change func(*Config)) {
		t.Helper()
		cfg := Defaults()
		cfg.Now = time.Now
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q named", err, want)
		}
	}
	f("target: https://x", func(c *Config) { c.Target = "https://x" })
	f("exchange: a/b", func(c *Config) { c.Exchange = "demo,a/b" })
	f("rate: -1", func(c *Config) { c.Rate = -1 })
	f("arrivals: bursts", func(c *Config) { c.Arrivals = "bursts" })
	f("connections: 0", func(c *Config) { c.Connections = 0 })
	f("duration: 0s", func(c *Config) { c.Duration = 0 })
	f("auction: third", func(c *Config) { c.Auction = "third" })
	f("currency: usd", func(c *Config) { c.Currency = "usd" })
	f("users: 0", func(c *Config) { c.Users = 0 })
	f("now: nil", func(c *Config) { c.Now = nil })
	f("ctr: 1.5", func(c *Config) { c.People.CTR = 1.5 })
	f("median-bytes: 10", func(c *Config) { c.Generate.MedianBytes = 10 })
	f("repeat-share: -1", func(c *Config) { c.Notices.RepeatShare = -1 })
	f("rival-median: 0", func(c *Config) { c.Market.RivalMedian = 0 })
}

func TestSnapshotFitsItsHeader(t *testing.T) {
	s := Snapshot{Elapsed: time.Minute, Sent: 10, Bids: 5}
	if got, want := len(fmt.Sprint(s)), len(SnapshotHeader()); got != want {
		t.Errorf("row of %d characters under a header of %d:\n%s\n%s", got, want, SnapshotHeader(), s)
	}
}
