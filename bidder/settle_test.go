package bidder

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/prebid/openrtb/v20/openrtb2"

	"bidhawk/campaigns"
	"bidhawk/pacing"
)

// dealsBid are the deals of the bids on request, sorted; "" is the open auction.
func dealsBid(t *testing.T, h *house, request string) (deals []string) {
	t.Helper()
	r := h.bid(request)
	if r.StatusCode() == 204 {
		return nil
	}
	var resp openrtb2.BidResponse
	if err := json.Unmarshal(r.Body(), &resp); err != nil || len(resp.SeatBid) != 1 {
		t.Fatalf("got %v, %s", err, r.Body())
	}
	for _, b := range resp.SeatBid[0].Bid {
		deals = append(deals, b.DealID)
	}
	slices.Sort(deals)
	return deals
}

// TestOneLaneDoesNotHideTheOther: where the dearest line items can't be afforded,
// those below them are tried, under deals as in the open auction, whatever the
// other of the two got.
func TestOneLaneDoesNotHideTheOther(t *testing.T) {
	onDeal := campaigns.Targeting{Deals: []string{"d1"}}
	var items []campaigns.LineItem
	for range 2 * firstTries {
		items = append(items, cpm(3_000_000, onDeal), cpm(3_000_000, campaigns.Targeting{}))
	}
	items = append(items, cpm(2_000_000, onDeal), cpm(2_000_000, campaigns.Targeting{}))
	h := newHouse(t, newCatalog(items, []campaigns.Creative{box()}), func(c *Config, _ *Deps) { c.MaxTries = 64 })
	request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0.5,"pmp":{"deals":[{"id":"d1"}]}`, 1)
	f := func(dealsDry, openDry bool) {
		t.Helper()
		clear(h.wallet.left)
		for i := range 2 * firstTries {
			if dealsDry {
				h.wallet.left[campaigns.ID(10+2*i)] = pacing.Amounts{}
			}
			if openDry {
				h.wallet.left[campaigns.ID(11+2*i)] = pacing.Amounts{}
			}
		}
		h.wallet.reserved = nil
		if got := dealsBid(t, h, request); !slices.Equal(got, []string{"", "d1"}) || len(h.wallet.reserved) != 2 {
			t.Errorf("dry: deals %v, open %v: got bids %q and %d reservations; want one of each", dealsDry, openDry, got, len(h.wallet.reserved))
		}
	}
	f(false, false)
	f(true, false)
	f(false, true)
	f(true, true)
}

// TestEveryGuaranteedDealIsBidOn: neither the many line items of another deal nor
// the bound of candidates keeps one back.
func TestEveryGuaranteedDealIsBidOn(t *testing.T) {
	var items []campaigns.LineItem
	for range 2 * firstTries {
		items = append(items, cpm(5_000_000, campaigns.Targeting{Deals: []string{"d1"}}))
	}
	for range 20 { // dearer, and below their floor
		items = append(items, cpm(9_000_000, campaigns.Targeting{}))
	}
	items = append(items, cpm(2_000_000, campaigns.Targeting{Deals: []string{"d2"}}))
	h := newHouse(t, newCatalog(items, []campaigns.Creative{box()}), func(c *Config, _ *Deps) { c.MaxTries, c.MaxCandidates = 64, 10 })
	f := func(deals string, want ...string) {
		t.Helper()
		request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":20,"pmp":{"deals":[`+deals+`]}`, 1)
		if got := dealsBid(t, h, request); !slices.Equal(got, want) {
			t.Errorf("%s: got bids under %q; want %q", deals, got, want)
		}
	}
	f(`{"id":"d1","guar":1},{"id":"d2","guar":1}`, "d1", "d2")
	f(`{"id":"d2","guar":1}`, "d2")
	f(`{"id":"d1"},{"id":"d2","guar":1}`, "d2")
}

// TestEveryAdOfALineIsTried: the one that is drawn first may be the one whose
// floor is too high, or whose advertiser is not let into the deal.
func TestEveryAdOfALineIsTried(t *testing.T) {
	short, long := campaigns.Creative{Format: campaigns.FormatVideo, VAST: film(15)}, campaigns.Creative{Format: campaigns.FormatVideo, VAST: film(30)}
	short.ADomain, long.ADomain = []string{"a.example"}, []string{"a.example", "b.example"}
	f := func(targeting campaigns.Targeting, offer, rest string, want int) {
		t.Helper()
		h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, targeting)}, []campaigns.Creative{short, long}), anyLength)
		request := strings.NewReplacer(`"banner":{"w":300,"h":250}`, `"video":{"mimes":["video/mp4"],"protocols":[3]`+offer+`}`, `"bidfloor":0.5`, `"bidfloor":0.5`+rest).Replace(plainRequest)
		for range 20 {
			r := h.bid(request)
			if want == 0 {
				if r.StatusCode() != 204 {
					t.Fatalf("%s%s: got %d; want 204", offer, rest, r.StatusCode())
				}
				continue
			}
			if _, bid := answered(t, r); bid.Dur != int64(want) {
				t.Fatalf("%s%s: got an ad of %d s; want %d", offer, rest, bid.Dur, want)
			}
		}
	}
	f(campaigns.Targeting{}, `,"durfloors":[{"mindur":20,"bidfloor":9}]`, ``, 15)
	f(campaigns.Targeting{}, `,"durfloors":[{"maxdur":20,"bidfloor":9}]`, ``, 30)
	f(campaigns.Targeting{}, `,"mincpmpersec":0.1`, ``, 15)
	f(campaigns.Targeting{}, `,"mincpmpersec":0.2`, ``, 0)
	deal := campaigns.Targeting{Deals: []string{"d1"}}
	f(deal, ``, `,"pmp":{"deals":[{"id":"d1","wadomain":["a.example"]}]}`, 15)
	f(deal, ``, `,"pmp":{"deals":[{"id":"d1","wadomain":["c.example"]}]}`, 0)
}

// TestBidsOnOneSlotDoNotCompete: a slot of a structured pod takes one of its bids,
// so that one under a deal and one in the open auction may be the same
// advertiser's; another slot's may not.
func TestBidsOnOneSlotDoNotCompete(t *testing.T) {
	items := []campaigns.LineItem{cpm(3_000_000, campaigns.Targeting{Deals: []string{"d1"}}), cpm(2_000_000, campaigns.Targeting{})}
	h := newHouse(t, newCatalog(items, []campaigns.Creative{{Format: campaigns.FormatVideo, VAST: film(15)}}), anyLength)
	slot := func(id string) string {
		return `{"id":"` + id + `","video":{"mimes":["video/mp4"],"protocols":[3],"podid":"p1"},"pmp":{"deals":[{"id":"d1"}]}}`
	}
	f := func(imps string, want ...string) {
		t.Helper()
		request := strings.Replace(plainRequest, `{"id":"1","banner":{"w":300,"h":250},"bidfloor":0.5}`, imps, 1)
		if got := dealsBid(t, h, request); !slices.Equal(got, want) {
			t.Errorf("%s: got bids under %q; want %q", imps, got, want)
		}
	}
	f(slot("1"), "", "d1")
	f(slot("1")+","+slot("2"), "", "d1")
}

// anyLength lets answers hold several VAST documents.
func anyLength(_ *Config, d *Deps) {
	for i := range d.Exchanges {
		d.Exchanges[i].MaxAnswerBytes = 0
	}
}

// TestOneBannerBesideABreak: an impression that takes a break of several videos,
// or else a banner, gets one banner.
func TestOneBannerBesideABreak(t *testing.T) {
	var items []campaigns.LineItem
	var ads []campaigns.Creative
	for i, domain := range []string{"a.example", "b.example", "c.example"} {
		banner, video := box(), campaigns.Creative{Format: campaigns.FormatVideo, VAST: film(15)}
		banner.ADomain, video.ADomain = []string{domain}, []string{domain}
		ads = append(ads, banner, video)
		for k := range 2 {
			li := cpm(2_000_000, campaigns.Targeting{})
			li.CreativeIDs = []campaigns.ID{campaigns.ID(100 + 2*i + k)}
			items = append(items, li)
		}
	}
	h := newHouse(t, newCatalog(items, ads), anyLength, func(c *Config, _ *Deps) { c.MaxTries = 64 })
	f := func(offer string, banners, videos int) {
		t.Helper()
		body := string(h.bid(strings.Replace(plainRequest, `"banner":{"w":300,"h":250}`, offer, 1)).Body())
		if b, v := strings.Count(body, `"mtype":1`), strings.Count(body, `"mtype":2`); b != banners || v != videos {
			t.Errorf("%s: got %d banners and %d videos; want %d and %d", offer, b, v, banners, videos)
		}
	}
	const pod = `"video":{"mimes":["video/mp4"],"protocols":[3],"poddur":90}`
	f(pod, 0, 3)
	f(`"banner":{"w":300,"h":250},`+pod, 1, 3)
}
