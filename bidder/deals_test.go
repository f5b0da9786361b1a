package bidder

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// dealOffer is a request with deals, as JSON, beside the open auction.
func dealOffer(deals string) string {
	return strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0.5,"pmp":{"deals":[`+deals+`]}`, 1)
}

// withDeals adds deals of the test's advertiser, where nothing else is said.
func withDeals(cat *campaigns.Catalog, deals ...campaigns.Deal) *campaigns.Catalog {
	cat.Deals = map[campaigns.ID]*campaigns.Deal{}
	for i := range deals {
		d := &deals[i]
		if d.AgencyID == 0 && d.AdvertiserID == 0 {
			d.AdvertiserID = 2
		}
		if d.Exchange == "" {
			d.Exchange = "demo"
		}
		if d.Status == "" {
			d.Status = campaigns.StatusActive
		}
		if d.Currency == (money.Currency{}) {
			d.Currency = money.USD
		}
		if d.End.IsZero() {
			d.Start, d.End = testNow.Add(-time.Hour), testNow.Add(time.Hour)
		}
		cat.Deals[d.ID] = d
	}
	return cat
}

func deal(id campaigns.ID, dealID string, kind campaigns.DealType, price money.CPM) campaigns.Deal {
	return campaigns.Deal{Meta: campaigns.Meta{ID: id}, DealID: dealID, Type: kind, Price: price}
}

// healthOf flushes and adds up what was published of deals.
func healthOf(t *testing.T, h *house) map[campaigns.ID]dealRow {
	t.Helper()
	if err := h.flushCounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	out, seqs := map[campaigns.ID]dealRow{}, map[string]bool{}
	for _, text := range h.events.of(eventlog.TopicAuctions) {
		var r dealsRecord
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if id := fmt.Sprint(r.Node, r.Seq); seqs[id] {
			t.Errorf("number %d was given twice", r.Seq)
		} else {
			seqs[id] = true
		}
		for _, row := range r.Deals {
			sum := out[row.Deal]
			sum.Requests, sum.Eligible, sum.Bids, sum.Guaranteed = sum.Requests+row.Requests, sum.Eligible+row.Eligible, sum.Bids+row.Bids, sum.Guaranteed+row.Guaranteed
			for _, m := range [...]struct {
				to   *map[string]int64
				from map[string]int64
			}{{&sum.Reasons, row.Reasons}, {&sum.Passbacks, row.Passbacks}, {&sum.Losses, row.Losses}} {
				if *m.to == nil {
					*m.to = map[string]int64{}
				}
				for k, n := range m.from {
					(*m.to)[k] += n
				}
			}
			if row.Seen.After(sum.Seen) {
				sum.Seen, sum.Floor, sum.FloorCur = row.Seen, row.Floor, row.FloorCur
			}
			out[row.Deal] = sum
		}
	}
	return out
}

// byDeals is a line item that names deals.
func byDeals(price money.CPM, ids ...campaigns.ID) campaigns.LineItem {
	return cpm(price, campaigns.Targeting{DealIDs: ids})
}

// TestDealHealth: each way of a deal through a request is counted once, under the
// reason that ended it.
func TestDealHealth(t *testing.T) {
	const own, foreign = 7, 9
	f := func(name string, items []campaigns.LineItem, request string, edit func(*house), want dealRow) {
		t.Helper()
		cat := withDeals(newCatalog(items, []campaigns.Creative{box()}), deal(own, "d1", campaigns.DealPrivateAuction, 1_000_000))
		other := deal(foreign, "d1", campaigns.DealPreferred, 1_000_000)
		other.AdvertiserID = 99 // somebody else's, of the same id
		cat.Deals[foreign] = &other
		other.Exchange, other.Status, other.Start, other.End, other.Currency = "demo", campaigns.StatusActive, testNow, testNow.Add(time.Hour), money.USD
		h := newHouse(t, cat)
		if edit != nil {
			edit(h)
		}
		h.bid(request)
		all := healthOf(t, h)
		got := all[own]
		if got.Requests != 1 || got.Eligible != want.Eligible || got.Bids != want.Bids || got.Guaranteed != want.Guaranteed ||
			!maps.Equal(got.Reasons, want.Reasons) || !maps.Equal(got.Passbacks, want.Passbacks) || !got.Seen.Equal(testNow) {
			t.Errorf("%s: got %+v; want %+v", name, got, want)
		}
		if o := all[foreign]; o.Requests != 1 || o.Eligible != 0 || o.Bids != 0 {
			t.Errorf("%s: somebody else's deal: got %+v", name, o)
		}
	}
	why := func(reason string) map[string]int64 { return map[string]int64{reason: 1} }
	one := []campaigns.LineItem{byDeals(4_000_000, own)}
	offer, guaranteed := dealOffer(`{"id":"d1","bidfloor":1}`), dealOffer(`{"id":"d1","bidfloor":1,"guar":1}`)
	f("bid", one, offer, nil, dealRow{Eligible: 1, Bids: 1})
	f("bid by the id itself", []campaigns.LineItem{cpm(4_000_000, campaigns.Targeting{Deals: []string{"d1"}})}, offer, nil, dealRow{Eligible: 1, Bids: 1})
	f("guaranteed, bid", one, guaranteed, nil, dealRow{Eligible: 1, Bids: 1, Guaranteed: 1})
	f("nobody names it", []campaigns.LineItem{cpm(4_000_000, campaigns.Targeting{})}, offer, nil, dealRow{Reasons: why("no_match")})
	f("targeting", []campaigns.LineItem{cpm(4_000_000, campaigns.Targeting{DealIDs: []campaigns.ID{own}, OS: []string{"ios"}})}, guaranteed, nil,
		dealRow{Guaranteed: 1, Reasons: why("no_match"), Passbacks: why("no_match")})
	f("floor", one, dealOffer(`{"id":"d1","bidfloor":9}`), nil, dealRow{Eligible: 1, Reasons: why("below_floor")})
	f("floor, beside a bid of the open auction", append([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, one...), dealOffer(`{"id":"d1","bidfloor":9}`), nil,
		dealRow{Eligible: 1, Reasons: why("below_floor")})
	f("seat of the deal", one, dealOffer(`{"id":"d1","wseat":["x"]}`), nil, dealRow{Reasons: why("seat_blocked")})
	f("advertisers of the deal", one, dealOffer(`{"id":"d1","wadomain":["x.example"]}`), nil, dealRow{Eligible: 1, Reasons: why("deal_advertiser")})
	f("outranked", []campaigns.LineItem{byDeals(2_000_000, own), cpm(9_000_000, campaigns.Targeting{Deals: []string{"d2"}})},
		dealOffer(`{"id":"d1","bidfloor":1},{"id":"d2","bidfloor":1}`), nil, dealRow{Eligible: 1, Reasons: why("outranked")})
	f("size", one, strings.Replace(guaranteed, `"w":300`, `"w":320`, 1), nil, dealRow{Eligible: 1, Guaranteed: 1, Reasons: why("creative_size"), Passbacks: why("creative_size")})
	f("budget", one, guaranteed, func(h *house) { h.wallet.left[10] = h.wallet.left[0] }, dealRow{Eligible: 1, Guaranteed: 1, Reasons: why("budget"), Passbacks: why("budget")})
	f("not ready", one, guaranteed, func(h *house) { h.Drain() }, dealRow{Guaranteed: 1, Reasons: why("not_ready"), Passbacks: why("not_ready")})
	f("no time", one, strings.Replace(guaranteed, `"tmax":100`, `"tmax":1`, 1), nil, dealRow{Guaranteed: 1, Reasons: why("insufficient_time"), Passbacks: why("insufficient_time")})
	f("no format of ours", one, strings.Replace(offer, `"banner":{"w":300,"h":250}`, `"audio":{"mimes":["audio/mp4"]}`, 1), nil, dealRow{Reasons: why("unsupported_format")})
}

// TestDealsOfALineItem: a line item bids under the deals that it names, at their
// exchange and in their time, and never in the open auction.
func TestDealsOfALineItem(t *testing.T) {
	f := func(name string, edit func(*campaigns.Deal), exchange string, status int) {
		t.Helper()
		d := deal(7, "d1", campaigns.DealPrivateAuction, 1_000_000)
		cat := withDeals(newCatalog([]campaigns.LineItem{byDeals(4_000_000, 7)}, []campaigns.Creative{box()}), d)
		edit(cat.Deals[7])
		r := newHouse(t, cat).call("POST", "/openrtb2/"+exchange, dealOffer(`{"id":"d1","bidfloor":1}`))
		if got := r.StatusCode(); got != status {
			t.Errorf("%s: got %d; want %d", name, got, status)
		} else if status == 200 {
			if _, bid := answered(t, r); bid.DealID != "d1" {
				t.Errorf("%s: got deal %q", name, bid.DealID)
			}
		}
	}
	f("in force", func(*campaigns.Deal) {}, "demo", 200)
	f("of the agency", func(d *campaigns.Deal) { d.AdvertiserID, d.AgencyID = 0, 1 }, "demo", 200)
	f("of our seat", func(d *campaigns.Deal) { d.Seat = "bh1" }, "demo", 200)
	f("of another seat", func(d *campaigns.Deal) { d.Seat = "x" }, "demo", 204)
	f("of another agency", func(d *campaigns.Deal) { d.AdvertiserID, d.AgencyID = 0, 5 }, "demo", 204)
	f("paused", func(d *campaigns.Deal) { d.Status = campaigns.StatusPaused }, "demo", 204)
	f("before its start", func(d *campaigns.Deal) { d.Start = testNow.Add(time.Second) }, "demo", 204)
	f("at its end", func(d *campaigns.Deal) { d.End = testNow }, "demo", 204)
	f("another exchange's", func(d *campaigns.Deal) { d.Exchange = "wordy" }, "demo", 204)
}

// TestAgreedPriceIsTheMost: no bid under a deal at a fixed price goes above it.
func TestAgreedPriceIsTheMost(t *testing.T) {
	f := func(kind campaigns.DealType, cur money.Currency, offer string, price float64) {
		t.Helper()
		d := deal(7, "d1", kind, 2_000_000)
		d.Currency = cur
		h := newHouse(t, withDeals(newCatalog([]campaigns.LineItem{byDeals(4_000_000, 7)}, []campaigns.Creative{box()}), d))
		r := h.bid(dealOffer(offer))
		if price == 0 {
			if got := healthOf(t, h)[7]; r.StatusCode() != 204 || got.Reasons["below_floor"] != 1 || got.Floor == 0 {
				t.Errorf("%s %s: got %d, %+v", kind, offer, r.StatusCode(), got)
			}
			return
		}
		if _, bid := answered(t, r); bid.Price != price {
			t.Errorf("%s %s: got %v; want %v", kind, offer, bid.Price, price)
		}
	}
	f(campaigns.DealPrivateAuction, money.USD, `{"id":"d1","bidfloor":1}`, 4)
	f(campaigns.DealPreferred, money.USD, `{"id":"d1","bidfloor":1}`, 2)
	f(campaigns.DealPreferred, money.Currency{'E', 'U', 'R'}, `{"id":"d1","bidfloor":1}`, 2.2)
	f(campaigns.DealGuaranteed, money.USD, `{"id":"d1","bidfloor":2,"at":3,"guar":1}`, 2)
	f(campaigns.DealGuaranteed, money.USD, `{"id":"d1","bidfloor":2.01,"at":3,"guar":1}`, 0)
}

// TestLossesOfDeals: a loss notice counts under its deal by its reason; reasons
// beyond a row's bound count together.
func TestLossesOfDeals(t *testing.T) {
	h := newHouse(t, withDeals(newCatalog([]campaigns.LineItem{byDeals(4_000_000, 7)}, []campaigns.Creative{box()}), deal(7, "d1", campaigns.DealPrivateAuction, 1)))
	_, bid := answered(t, h.bid(dealOffer(`{"id":"d1","bidfloor":1}`)))
	lose := func(reason int) {
		t.Helper()
		if got := h.call("GET", strings.NewReplacer("${AUCTION_LOSS}", fmt.Sprint(reason)).Replace(bid.LURL), "").StatusCode(); got != 204 {
			t.Fatalf("got %d", got)
		}
	}
	lose(102)
	lose(102)
	lose(0) // it won
	for r := range lossCodes {
		lose(200 + r)
	}
	got := healthOf(t, h)[7].Losses
	if got["102"] != 2 || got["0"] != 0 || got["200"] != 1 || got["other"] != 2 || len(got) != lossCodes {
		t.Errorf("got %v", got)
	}
}

// TestPassbacksAreAMetric: the alert's counter.
func TestPassbacksAreAMetric(t *testing.T) {
	h := newHouse(t, withDeals(newCatalog([]campaigns.LineItem{byDeals(4_000_000, 7)}, []campaigns.Creative{box()}), deal(7, "d1", campaigns.DealGuaranteed, 1_000_000)))
	h.bid(dealOffer(`{"id":"d1","bidfloor":1}`))
	h.bid(dealOffer(`{"id":"d1","bidfloor":9}`))
	h.bid(strings.Replace(dealOffer(`{"id":"d1","bidfloor":9}`), `"tmax"`, `"test":1,"tmax"`, 1))
	var text strings.Builder
	h.metrics.WritePrometheus(&text)
	if !strings.Contains(text.String(), "bidhawk_deal_passbacks_total{exchange=\"demo\"} 1\n") {
		t.Error("want one pass-back")
	}
	// Nothing new: nothing is published again.
	if got := healthOf(t, h)[7]; got.Requests != 2 || got.Guaranteed != 2 || got.Bids != 1 {
		t.Errorf("got %+v", got)
	}
	if got := healthOf(t, h)[7]; got.Requests != 2 {
		t.Errorf("after another flush: got %+v", got)
	}
}

// TestDealRowsAreBounded: what does not fit is not counted, and said.
func TestDealRowsAreBounded(t *testing.T) {
	c := newDealCounts(16)
	if !c.with(1, testNow, func(n *dealCount) { n.requests++ }) || c.with(17, testNow, func(n *dealCount) { t.Error("counted") }) {
		t.Error("a shard of one row took two")
	}
	seq := uint64(0)
	next := func() uint64 { seq++; return seq }
	if records, err := c.take(testNow.Add(time.Hour), "n", next); err != nil || len(records) != 1 {
		t.Errorf("got %d records, %v", len(records), err)
	}
	if !c.with(17, testNow.Add(time.Hour), func(n *dealCount) { n.requests++ }) {
		t.Error("a row of a past quarter was kept")
	}
}
