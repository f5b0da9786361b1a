package loadtest

import (
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
)

func everyFormat(t *testing.T, d *fakeDSP) Config {
	t.Helper()
	d.every, d.price = true, "250"
	cfg := d.config()
	cfg.Generate.Mix, cfg.Generate.Templates, cfg.Generate.DealShare = usualMix(), 1500, 0.3
	cfg.Generate.Seat, cfg.Generate.Domains = "our-seat", []string{"shop.example"}
	cfg.Count, cfg.People.ScreenDelay = 1500, 10*time.Millisecond
	cfg.People.CTR, cfg.People.CVR, cfg.People.RateSigma, cfg.People.PlayerErrorShare = 0.3, 0.5, 0, 0.1
	cfg.Market.AloneShare, cfg.Market.RivalMedian, cfg.Market.RivalDealShare = 0.5, 150_000_000, 0.05
	cfg.Notices.PostShare, cfg.Notices.RepeatShare = 0.3, 0.2
	return cfg
}

// A careful bidder breaks no rule in any format, and its own ledger is the
// exchange's bill, whatever bills.
func TestEveryFormatIsClearedAndBilled(t *testing.T) {
	for _, billing := range []string{BillingNotice, BillingVAST} {
		t.Run(billing, func(t *testing.T) {
			d := newFakeDSP(t)
			cfg := everyFormat(t, d)
			cfg.Billing = billing
			r := mustRun(t, cfg)
			if r.InvalidResponses != 0 || r.HTTPErrors != 0 {
				t.Fatalf("%d http errors, invalid %v %+v", r.HTTPErrors, r.Invalid, r.Samples)
			}
			for f := range Format(formats) {
				c := r.Formats[f.String()]
				if c.Sent == 0 || c.Bids == 0 || c.Wins == 0 || c.Billed == 0 || c.Billed > c.Wins || c.Wins > c.Bids {
					t.Errorf("%s: %+v: want some of each", f, c)
				}
			}
			checkLedger(t, d, r, billing)
			checkEvents(t, d, r)
		})
	}
}

// checkLedger adds up the fake's own books: price x multiplier.
func checkLedger(t *testing.T, d *fakeDSP, r *Result, billing string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var sum money.Nanos
	bids, multiplied := 0, 0
	for key, p := range d.ledger {
		streamed := strings.HasPrefix(key, "imp") && hasStream(d, key)
		if !strings.HasPrefix(key, "bill") && !(billing == BillingVAST && streamed) {
			continue
		}
		price, err := money.ParseMicros([]byte(p), money.RoundDown)
		times, errTimes := money.ParseMicros([]byte(d.times[key]), money.RoundDown)
		if err != nil || errTimes != nil {
			t.Fatalf("%s: price %q, multiplier %q", key, p, d.times[key])
		}
		if times != 1_000_000 {
			multiplied++
		}
		n, err := money.MulDiv(price, times, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		sum += money.Nanos(n)
		bids++
	}
	var billed money.Nanos
	for _, n := range r.Billed {
		billed += n
	}
	if billed != sum || int(r.BilledBids) != bids || multiplied == 0 || len(r.Billed) != 2 {
		t.Errorf("billed %v, %d in all for %d bids; the server's ledger has %d for %d, %d of them multiplied", r.Billed, billed, r.BilledBids, sum, bids, multiplied)
	}
	streamsBilled := 0
	for key := range d.ledger {
		if strings.HasPrefix(key, "bill") && hasStream(d, "imp"+strings.TrimPrefix(key, "bill")) {
			streamsBilled++
		}
	}
	if (streamsBilled > 0) != (billing == BillingNotice) {
		t.Errorf("%d billing notices for video and audio where %s bills", streamsBilled, billing)
	}
}

func hasStream(d *fakeDSP, impKey string) bool { return d.streams[strings.TrimPrefix(impKey, "imp")] }

func checkEvents(t *testing.T, d *fakeDSP, r *Result) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for event, kind := range map[string]string{
		"win": "win", "loss": "loss", "impression": "imp", "click": "click", "click_tracker": "beside", "viewable": "seen", "error": "error",
		"start": "ev-start", "first_quartile": "ev-firstQuartile", "midpoint": "ev-midpoint", "third_quartile": "ev-thirdQuartile", "complete": "ev-complete",
	} {
		if n := r.Events[event]; n == 0 || int(n) != d.byKind[kind] {
			t.Errorf("%s: %d, the server counted %d", event, n, d.byKind[kind])
		}
	}
	e := r.Events
	if !(e["start"] > e["first_quartile"] && e["first_quartile"] > e["third_quartile"] && e["complete"]*2 > e["start"]) {
		t.Errorf("quartiles %v: want a fall to about %v", e, Defaults().People.CompleteShare)
	}
	if d.posts == 0 || r.Conversions == 0 || r.TestBids == 0 {
		t.Errorf("%d notices by POST, %d conversions, %d bids of tests", d.posts, r.Conversions, r.TestBids)
	}
	if d.devices["imp"] == 0 || d.devices["ev-start"] == 0 || d.devices["ev-start"] == d.byKind["ev-start"] || d.devices["bill"]+d.devices["click"] != 0 {
		t.Errorf("calls that name the device, as servers that play ads make them: %v", d.devices)
	}
	if r.GuaranteedOffered == 0 || r.GuaranteedAnswered == 0 || r.GuaranteedAnswered > r.GuaranteedOffered {
		t.Errorf("guaranteed deals: %d offered, %d answered", r.GuaranteedOffered, r.GuaranteedAnswered)
	}
	count := map[string]int{}
	for _, q := range d.queries {
		for _, part := range strings.Split(q, "&") {
			count[part]++
		}
	}
	if count["c=405"] < int(e["error"]) || count["l=102"] == 0 || count["l=103"] == 0 {
		t.Errorf("%d of %d errors with the player's code; losses to a price and to a deal: %d, %d", count["c=405"], e["error"], count["l=102"], count["l=103"])
	}
}

// Each breach is counted for the format of its imp.
func TestBreachesAreCountedByFormat(t *testing.T) {
	d := newFakeDSP(t)
	cfg := everyFormat(t, d)
	cfg.Count = 300
	d.spoil = func(_, resp map[string]any) {
		for _, b := range resp["seatbid"].([]any)[0].(map[string]any)["bid"].([]any) {
			if b := b.(map[string]any); b["mtype"] == 2 {
				b["adm"] = strings.Replace(b["adm"].(string), "<Error>", "<Mistake>", 1)
			}
		}
	}
	r := mustRun(t, cfg)
	if len(r.Invalid) != 1 || r.Invalid[RuleVAST] == 0 {
		t.Fatalf("invalid %v: want vast alone", r.Invalid)
	}
	sum := int64(0)
	for name, f := range r.Formats {
		sum += f.Invalid[RuleVAST]
		if name == "banner" && f.Invalid != nil {
			t.Errorf("banners are %v", f.Invalid)
		}
	}
	if sum != r.Invalid[RuleVAST] || r.Formats["ctv"].Invalid[RuleVAST] == 0 {
		t.Errorf("%d by format of %d", sum, r.Invalid[RuleVAST])
	}
}
