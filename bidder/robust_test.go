package bidder

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/identity"
	"bidhawk/bidder/offers"
	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

// TestTokenHasOneText: base64 passes over line ends, which would end a header.
func TestTokenHasOneText(t *testing.T) {
	k := testTokens(t, keyA)
	text, _ := k.Sign(nil, k.AppendPayload(nil, &Token{Bid: ids.BidID{Counter: 1}}), PurposeClick, nil)
	for _, end := range []string{"\n", "\r\n", "\r"} {
		for _, at := range []int{0, 7, len(text)} {
			broken := slices.Insert(slices.Clone(text), at, []byte(end)...)
			if _, err := k.Parse(broken, PurposeClick); !errors.Is(err, ErrTokenMalformed) {
				t.Errorf("%q at %d: got %v; want %v", end, at, err, ErrTokenMalformed)
			}
		}
	}
}

// TestSampleOutlivesAClockSetBack: refused requests are sampled again at once.
func TestSampleOutlivesAClockSetBack(t *testing.T) {
	h := newHouse(t, newCatalog(nil, nil))
	f := func(now time.Time, want int) {
		t.Helper()
		h.clock.Set(now)
		h.bid("{")
		if got := len(h.Refused()); got != want {
			t.Errorf("%v: got %d samples; want %d", now, got, want)
		}
	}
	f(testNow, 1)
	f(testNow.Add(sampleEvery/2), 1)
	f(testNow.Add(-time.Hour), 2)
	f(testNow.Add(sampleEvery-time.Hour), 3)
}

// TestOptOutOutlivesTheBid: what comes after an opt-out tells of nobody.
func TestOptOutOutlivesTheBid(t *testing.T) {
	optOuts := identity.NewOptOuts()
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}), func(_ *Config, d *Deps) {
		var err error
		if d.Users, err = identity.NewResolver(identity.Config{Order: identity.DefaultOrder()}, identity.Deps{Keys: d.Tokens.keys, OptOuts: optOuts}); err != nil {
			t.Fatal(err)
		}
	})
	user := h.keys.User(ids.KindBuyerUID, "demo", []byte("u7"))
	token := func(p Purpose) string {
		tok := Token{Bid: ids.BidID{Counter: 1}, BidAt: testNow, User: user, Exchange: "demo", Advertiser: 2, Campaign: 3, LineItem: 10, Creative: 100}
		text, _ := h.tokens.Sign(nil, h.tokens.AppendPayload(nil, &tok), p, nil)
		return string(text)
	}
	records := func() string {
		t.Helper()
		h.events.msgs = nil
		h.call("GET", "/t/imp/"+token(PurposeImpression), "")
		h.call("GET", "/t/click/"+token(PurposeClick), "")
		h.call("GET", "/t/event/start/"+token(PurposeEvent), "")
		h.call("GET", "/n/win/"+token(PurposeWin), "")
		h.call("GET", "/t/conv?order=1&click="+token(PurposeClick), "")
		if n := len(h.events.of(eventlog.TopicExposures)) + len(h.events.of(eventlog.TopicConversions)); n != 5 {
			t.Fatalf("got %d records; want 5: %v", n, h.events.msgs)
		}
		return fmt.Sprint(h.events.of(eventlog.TopicExposures), h.events.of(eventlog.TopicConversions))
	}
	if n := strings.Count(records(), user.String()); n != 5 {
		t.Fatalf("before: %d of 5 records name the user", n)
	}
	if err := optOuts.Add(user); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(records(), user.String()) {
		t.Fatal("a record names a user who opted out")
	}
	if c, err := h.VerifyClick(token(PurposeClick)); err != nil || c.User != 0 {
		t.Fatalf("the click id tells of user %v, %v", c.User, err)
	}
}

// TestHomeNeedsABasis: where a user lives targets only where the user may be known.
func TestHomeNeedsABasis(t *testing.T) {
	li := cpm(2_000_000, campaigns.Targeting{Countries: campaigns.Set{Include: []string{"USA"}}})
	h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()}))
	const home = `{"id":"r","imp":[{"id":"1","banner":{"w":300,"h":250}}],"user":{"id":"x","geo":{"country":"USA"}}%s}`
	f := func(more string, status int) {
		t.Helper()
		if got := h.bid(fmt.Sprintf(home, more)).StatusCode(); got != status {
			t.Errorf("%s: got %d; want %d", more, got, status)
		}
	}
	f("", 200)
	f(`,"regs":{"gpc":1}`, 204)
	f(`,"regs":{"gpc":1},"device":{"geo":{"country":"USA"}}`, 200)
}

// TestHashedListsHoldWhatTheyWereGiven, few entries and many.
func TestHashedListsHoldWhatTheyWereGiven(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var s hashed
	for _, n := range []int{0, 1, fewHashes, fewHashes + 1, 5000} {
		var list [][]byte
		for range n {
			list = append(list, fmt.Appendf(nil, "d%d.example", r.Uint64()))
		}
		s.reset()
		set := s.of(list)
		for _, e := range list {
			if !set.has(foldHash(e)) {
				t.Fatalf("of %d: %s is not found", n, e)
			}
		}
		for range 1000 {
			if e := fmt.Appendf(nil, "x%d.example", r.Uint64()); set.has(foldHash(e)) {
				t.Fatalf("of %d: %s is found", n, e)
			}
		}
	}
}

// TestPricingEndsWithItsTime: one impression of many candidates holds a request no
// longer than its deadline.
func TestPricingEndsWithItsTime(t *testing.T) {
	var items []campaigns.LineItem
	for range 10 * clockEvery {
		items = append(items, cpm(2_000_000, campaigns.Targeting{}))
	}
	h := newHouse(t, newCatalog(items, []campaigns.Creative{box()}))
	dear := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":3`, 1)
	f := func(tick time.Duration, reason string) {
		t.Helper()
		before := h.metrics.Totals().NoBids[reason]
		h.clock.tick = tick
		h.bid(dear)
		if got := h.metrics.Totals().NoBids; got[reason] != before+1 {
			t.Errorf("tick %v: got %v; want %s once more", tick, got, reason)
		}
	}
	f(0, "below_floor")
	f(20*time.Millisecond, "insufficient_time")
}

// TestExplanationsAreBounded, in time and in what they tell.
func TestExplanationsAreBounded(t *testing.T) {
	var items []campaigns.LineItem
	for range 10 * clockEvery {
		items = append(items, cpm(2_000_000, campaigns.Targeting{}))
	}
	var named, deals []string
	for i := range 3 * maxExplained {
		named = append(named, fmt.Sprintf("d%d", i))
		deals = append(deals, fmt.Sprintf(`{"id":"d%d","bidfloor":%d}`, i, 3-i/(3*maxExplained-1)*2))
	}
	items[0].Targeting.Deals = named
	h := newHouse(t, newCatalog(items, []campaigns.Creative{box()}))
	request := strings.Replace(plainRequest, `"bidfloor":0.5}`, `"bidfloor":0.5,"pmp":{"deals":[`+strings.Join(deals, ",")+`]}},{"id":"2","banner":{"w":300,"h":250}}`, 1)
	x := explained(t, h, request)
	if x.Cut || len(x.Imps) != 2 || len(x.Imps[0].LineItems) != maxExplained || x.Imps[0].Reasons["bid"] != len(items) {
		t.Errorf("in time: got %d impressions, %d of %v line items, cut: %v", len(x.Imps), len(x.Imps[0].LineItems), x.Imps[0].Reasons, x.Cut)
	}
	one := func(id campaigns.ID) []LineExplanation {
		x, err := h.Explain(ExplainQuery{Exchange: "demo", Request: []byte(request), LineItem: id})
		if err != nil {
			t.Fatal(err)
		}
		return x.Imps[0].LineItems
	}
	if l := one(10); len(l) != 1 || l[0].First != "bid" || len(l[0].Prices) != maxExplained+1 || l[0].Prices[maxExplained].Reason != "" {
		t.Errorf("of %d deals, the last of which it could use, got %+v", len(deals), l)
	}
	if l := one(9); len(l) != 0 {
		t.Errorf("a line item that is not there: got %+v", l)
	}
	h.clock.tick = explainFor / 20
	if x = explained(t, h, request); !x.Cut || len(x.Imps) != 1 || x.Imps[0].Reasons["bid"] >= len(items) {
		t.Errorf("late: got %d impressions, cut: %v", len(x.Imps), x.Cut)
	}
}

// TestPathsOutliveAReload: who offered an impression first is remembered by name,
// not by a place in the configuration.
func TestPathsOutliveAReload(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}), func(_ *Config, d *Deps) {
		var err error
		if d.Offers, err = offers.New(offers.DefaultConfig()); err != nil {
			t.Fatal(err)
		}
	})
	f := func(exchange string, status int) {
		t.Helper()
		request := strings.Replace(plainRequest, `"tmax"`, `"source":{"tid":"t1"},"tmax"`, 1)
		if got := h.call("POST", "/openrtb2/"+exchange, request).StatusCode(); got != status {
			t.Errorf("%s: got %d; want %d", exchange, got, status)
		}
	}
	f("demo", 200)
	if err := h.SetExchanges(append([]exchanges.Exchange{exchanges.Default("another")}, testExchanges()...)); err != nil {
		t.Fatal(err)
	}
	f("demo", 200)
	f("another", 204)
}

// TestReleaseForgets the request, and keeps no more than usual memory.
func TestReleaseForgets(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{Deals: []string{"d1"}})}, []campaigns.Creative{box()}))
	var ctx fasthttp.RequestCtx
	ctx.Request.SetBodyString(strings.Replace(plainRequest, `"bidfloor":0.5`, `"pmp":{"deals":[{"id":"d1"}]}`, 1))
	k := h.book.Load()
	a := &auction{exchange: k.exchanges.byName["demo"], book: k, now: testNow}
	if reason := h.serve(&ctx, a); reason != NoBidNone || a.user == 0 {
		t.Fatalf("got %v for user %v; want a bid for a user", reason, a.user)
	}
	if !a.release() {
		t.Errorf("%d bytes of a usual request are not kept", a.bytes())
	}
	f := a.facts
	if f.Country != nil || f.Region != nil || f.City != nil || f.OS != nil || f.Domain != nil || f.Bundle != nil || len(f.Tags) != 0 || a.user != 0 || a.site != nil ||
		f.Categories[:1][0] != nil || a.imp.Deals[:1][0] != nil || a.answer.resp.ID != nil || a.answer.resp.SeatBid[0].Bid[:1][0].ImpID != nil {
		t.Errorf("it still sees the request: %+v, %+v", f, a.imp)
	}
	for name, grow := range map[string]func(*auction){
		"answer":  func(a *auction) { a.answer.out = make([]byte, 0, keepBytes+1) },
		"body":    func(a *auction) { a.unpack.buf.Grow(keepBytes + 1) },
		"bids":    func(a *auction) { a.bids = make([]placed, 0, keepBytes/512+1) },
		"blocked": func(a *auction) { a.blocks.badv.hashes = make([]uint64, 0, keepBytes/8+1) },
	} {
		a := &auction{}
		if grow(a); a.release() {
			t.Errorf("%s: %d bytes are kept", name, a.bytes())
		}
	}
}

// TestExplanationsTellNothingOfOthers: an advertiser learns neither that others
// would bid nor, by a floor of their choice, how much.
func TestExplanationsTellNothingOfOthers(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	f := func(sees func(advertiser, agency campaigns.ID) bool, floor, noBid string, bids int) {
		t.Helper()
		request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":`+floor, 1)
		x, err := h.Explain(ExplainQuery{Exchange: "demo", Request: []byte(request), Sees: sees})
		if err != nil {
			t.Fatal(err)
		}
		if i := x.Imps[0]; x.NoBid != noBid || i.NoBid != noBid || len(i.Bids) != bids || len(i.LineItems) != len(i.Reasons) {
			t.Errorf("floor %s: got no-bid %q, %+v; want no-bid %q, %d bids", floor, x.NoBid, i, noBid, bids)
		}
	}
	owner := func(advertiser, agency campaigns.ID) bool { return advertiser == 2 && agency == 1 }
	other := func(advertiser, agency campaigns.ID) bool { return advertiser == 9 }
	f(owner, "1", "", 1)
	f(owner, "3", "below_floor", 0)
	f(nil, "3", "below_floor", 0)
	f(other, "1", "no_match", 0)
	f(other, "3", "no_match", 0)
}

// TestRatiosDoNotOverflow: a product that wraps around is no ratio.
func TestRatiosDoNotOverflow(t *testing.T) {
	f := func(w, h int, want bool) {
		t.Helper()
		if got := accepts(&openrtb.Banner{Format: []openrtb.Format{{WRatio: w, HRatio: h}}}, 64, 128); got != want {
			t.Errorf("%d:%d: got %v; want %v", w, h, got, want)
		}
	}
	f(1, 2, true)
	f(2, 1, false)
	f(maxRatio/2, maxRatio, true)
	f(1<<58, 1<<58, false) // both products are 0
}

// TestReloadedExchangesCompileNoMarkup: a kill switch would wait for thousands of
// ads. What depends on exchanges is new, and books in use stay as they were.
func TestReloadedExchangesCompileNoMarkup(t *testing.T) {
	c := creativeOf(t, creativeLibrary(t), json.RawMessage(`{"use":"film15"}`))
	c.Exchanges = map[string]campaigns.Registration{"wordy": {ID: "w-1", Status: campaigns.RegistrationApproved}}
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{c}))
	current := func() *ad { return h.book.Load().lines[0].ads[0] }
	standing := func(x *ad) (s string) {
		for _, r := range x.registered {
			s += fmt.Sprintf("%s %v;", r.id, r.approved)
		}
		return s
	}
	first := current()
	if err := h.SetExchanges(append([]exchanges.Exchange{exchanges.Default("another")}, testExchanges()...)); err != nil {
		t.Fatal(err)
	}
	second := current()
	if first.vast != second.vast || first == second {
		t.Error("the markup was compiled again, or the ad in use was changed")
	}
	if got, want := standing(first)+standing(second), " false;w-1 true; false; false;w-1 true;"; got != want {
		t.Errorf("registrations: got %q; want %q", got, want)
	}
	if err := h.SetCatalog(h.catalog); err != nil || current() != second {
		t.Errorf("an ad that did not change was made anew, or %v", err)
	}
}
