package bidder

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

func explained(t testing.TB, h *house, request string) *Explanation {
	t.Helper()
	x, err := h.Explain(ExplainQuery{Exchange: "demo", Request: []byte(request)})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestExplainTakesNothing: no money, no count, no cap.
func TestExplainTakesNothing(t *testing.T) {
	li := cpm(2_000_000, campaigns.Targeting{})
	li.FrequencyCap.PerDay = 1
	h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()}))
	for range 5 {
		if x := explained(t, h, plainRequest); x.NoBid != "" || len(x.Imps[0].Bids) != 1 || x.Imps[0].Bids[0].Price != "2" {
			t.Fatalf("got %+v", x)
		}
	}
	if len(h.wallet.reserved) != 0 || h.deps.Frequency.Len() != 0 || len(h.events.msgs) != 0 || h.metrics.Totals().Requests != 0 {
		t.Fatalf("it took %d reservations, %d cap keys, %d events, %d requests", len(h.wallet.reserved), h.deps.Frequency.Len(),
			len(h.events.msgs), h.metrics.Totals().Requests)
	}
	h.bid(plainRequest)
	if x := explained(t, h, plainRequest); x.NoBid != "frequency_cap" || x.Imps[0].LineItems[0].First != "frequency_cap" {
		t.Fatalf("capped: got %q, %q", x.NoBid, x.Imps[0].LineItems[0].First)
	}
	raw, err := json.Marshal(explained(t, h, plainRequest))
	if err != nil || strings.Contains(string(raw), "u7") {
		t.Fatalf("the explanation tells the user's id, or is no JSON: %v\n%s", err, raw)
	}
}

func TestExplainNamesTheFirstAndAllReasons(t *testing.T) {
	c := box()
	c.Cat, c.ADomain = []string{"IAB7-39"}, []string{"www.brand.example"}
	li := cpm(2_000_000, campaigns.Targeting{Countries: campaigns.Set{Include: []string{"DEU"}}})
	h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{c}))
	h.wallet.left[10] = pacing.Amounts{}
	f := func(request, first string, all ...string) {
		t.Helper()
		x := explained(t, h, request)
		l := x.Imps[0].LineItems[0]
		if l.First != first || !slices.Equal(l.Reasons, all) {
			t.Errorf("got %q of %q; want %q of %q", l.First, l.Reasons, first, all)
		}
	}
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(plainRequest) }
	f(plainRequest, "no_match", "no_match", "budget")
	f(edit("USA", "DEU"), "budget", "budget")
	h.wallet.left = map[campaigns.ID]pacing.Amounts{}
	f(edit("USA", "DEU"), "bid")
	f(edit("USA", "DEU", `"w":300`, `"w":301`, `"tmax":100`, `"bcat":["IAB7"],"badv":["brand.example"]`, `"bidfloor":0.5`, `"bidfloor":9`),
		"creative_size", "creative_size", "blocked_category", "blocked_advertiser", "below_floor")
	f(edit(`"banner":{"w":300,"h":250}`, `"audio":{"mimes":["audio/mp4"]}`), "no_match", "no_match", "no_creative")
	x := explained(t, h, edit("USA", "DEU", `"tmax":100`, `"tmax":3,"wseat":["x"],"cur":["XAU"]`))
	if want := []string{"insufficient_time", "seat_blocked", "currency"}; !slices.Equal(x.Refused, want) || x.NoBid != want[0] {
		t.Errorf("refused by %q, counted %q; want %q", x.Refused, x.NoBid, want)
	}
	p := explained(t, h, edit("USA", "DEU", `"bidfloor":0.5`, `"bidfloor":0.5,"bidfloorcur":"EUR"`)).Imps[0].LineItems[0].Prices[0]
	if p.Value != "2" || p.Floor != "0.5" || p.FloorCur != "EUR" || p.FloorIn != "0.55" || p.Bid != "2" {
		t.Errorf("price: %+v", p)
	}
}

// TestExplainAgreesWithTheBid: what is explained is what a bid then does.
// TestExplainFindsTheAdAndTheDeal: what speaks against one ad or one deal does not
// speak against the line item where another could bid.
func TestExplainFindsTheAdAndTheDeal(t *testing.T) {
	short, long := campaigns.Creative{Format: campaigns.FormatVideo, VAST: film(15)}, campaigns.Creative{Format: campaigns.FormatVideo, VAST: film(30)}
	line := cpm(2_000_000, campaigns.Targeting{Deals: []string{"d1", "d2"}})
	h := newHouse(t, newCatalog([]campaigns.LineItem{line}, []campaigns.Creative{long, short}))
	f := func(deals, first string, prices int) {
		t.Helper()
		request := strings.NewReplacer(`"banner":{"w":300,"h":250}`, `"video":{"mimes":["video/mp4"],"protocols":[3]}`,
			`"bidfloor":0.5`, `"pmp":{"deals":[`+deals+`]}`).Replace(plainRequest)
		if l := explained(t, h, request).Imps[0].LineItems[0]; l.First != first || len(l.Prices) != prices {
			t.Errorf("%s: got %q of %q and %d prices; want %q and %d", deals, l.First, l.Reasons, len(l.Prices), first, prices)
		}
	}
	f(`{"id":"d1","durfloors":[{"mindur":20,"bidfloor":9}]}`, "bid", 2)
	f(`{"id":"d1","wadomain":["other.example"]},{"id":"d2"}`, "bid", 1)
	f(`{"id":"d1","wadomain":["other.example"]}`, "deal_advertiser", 0)
	f(`{"id":"d1","bidfloor":9}`, "below_floor", 2)
}

func TestExplainAgreesWithTheBid(t *testing.T) {
	pieces := []string{`"bidfloor":0.5`, `"bidfloor":1.5`, `"bidfloor":9`, `"bidfloor":0.1,"pmp":{"deals":[{"id":"d1","bidfloor":1,"guar":1}]}`,
		`"bidfloor":1,"pmp":{"private_auction":1,"deals":[{"id":"d2"}]}`, `"bidfloor":1,"pmp":{"deals":[{"id":"d1","wadomain":["a.example"]}]}`}
	heads := []string{`"tmax":100`, `"tmax":4`, `"bcat":["IAB7"]`, `"badv":["shop.example"]`, `"cur":["EUR"]`, `"regs":{"coppa":1}`, `"bseat":["bh1"]`}
	sizes := []string{`"banner":{"w":300,"h":250}`, `"banner":{"w":728,"h":90}`, `"video":{"mimes":["video/mp4"]}`, `"banner":{"format":[{"w":728,"h":90},{"w":300,"h":250}]}`}
	wide := box()
	wide.W, wide.H, wide.Cat = 728, 90, []string{"IAB7-1"}
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(r, "line items")
		var items []campaigns.LineItem
		left := map[campaigns.ID]pacing.Amounts{}
		for i := range n {
			target := campaigns.Targeting{}
			switch rapid.IntRange(0, 3).Draw(r, "target") {
			case 1:
				target.Deals = []string{"d1"}
			case 2:
				target.Deals = []string{"d2"}
			case 3:
				target.Countries.Exclude = []string{"USA"}
			}
			li := cpm(1_000_000+100_000*money.CPM(rapid.IntRange(0, 20).Draw(r, "price")), target)
			li.CreativeIDs = [][]campaigns.ID{{100}, {101}, {100, 101}}[rapid.IntRange(0, 2).Draw(r, "creatives")]
			items = append(items, li)
			if rapid.Bool().Draw(r, "broke") {
				left[campaigns.ID(10+i)] = pacing.Amounts{}
			}
		}
		h := newHouse(t, newCatalog(items, []campaigns.Creative{box(), wide}))
		h.wallet.left = left
		request := strings.NewReplacer(
			`"tmax":100`, rapid.SampledFrom(heads).Draw(r, "head"), `"bidfloor":0.5`, rapid.SampledFrom(pieces).Draw(r, "price"),
			`"banner":{"w":300,"h":250}`, rapid.SampledFrom(sizes).Draw(r, "size"),
		).Replace(plainRequest)
		x := explained(t, h, request)
		resp := h.bid(request)
		var got []string
		if resp.StatusCode() == 200 {
			var a struct {
				SeatBid []struct {
					Bid []struct {
						DealID string
						Price  json.Number
					}
				}
			}
			if err := json.Unmarshal(resp.Body(), &a); err != nil {
				r.Fatal(err)
			}
			for _, b := range a.SeatBid[0].Bid {
				got = append(got, fmt.Sprintf("%s %s", b.DealID, b.Price))
			}
		}
		var want []string
		for _, b := range x.Imps[0].Bids {
			want = append(want, fmt.Sprintf("%s %s", b.Deal, b.Price))
		}
		if !slices.Equal(got, want) {
			r.Fatalf("%s\nbid %q; explained %q, no-bid %q", request, got, want, x.NoBid)
		}
		if len(got) == 0 && h.metrics.Totals().NoBids[x.NoBid] != 1 {
			r.Fatalf("%s\ncounted %v; explained %q", request, h.metrics.Totals().NoBids, x.NoBid)
		}
		if len(got) > 0 && x.Imps[0].Reasons[bidding] == 0 {
			r.Fatalf("%s\nbid, but of the line items %v", request, x.Imps[0].Reasons)
		}
	})
}
