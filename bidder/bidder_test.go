package bidder

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prebid/openrtb/v20/openrtb2"
	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/pacing"
	"bidhawk/scoring"
)

const plainRequest = `{"id":"r1","tmax":100,"imp":[{"id":"1","banner":{"w":300,"h":250},"bidfloor":0.5}],
"site":{"domain":"news.example","page":"https://news.example/a","cat":["IAB1-6"]},"device":{"devicetype":2,"os":"Windows","geo":{"country":"USA","region":"CA","city":"Fresno"}},"user":{"buyeruid":"u7"}}`

// answered decodes the one bid of a 200.
func answered(t *testing.T, r *fasthttp.Response) (openrtb2.BidResponse, openrtb2.Bid) {
	t.Helper()
	if r.StatusCode() != 200 {
		t.Fatalf("got status %d; want 200", r.StatusCode())
	}
	var resp openrtb2.BidResponse
	if err := json.Unmarshal(r.Body(), &resp); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, r.Body())
	}
	if len(resp.SeatBid) != 1 || len(resp.SeatBid[0].Bid) == 0 {
		t.Fatalf("the answer has no bid:\n%s", r.Body())
	}
	return resp, resp.SeatBid[0].Bid[0]
}

func TestBidHasWhatAnExchangeNeeds(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_345_678, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	r := h.call("POST", "/openrtb2/demo", plainRequest, "X-Openrtb-Version", "2.6")
	if got := string(r.Header.Peek("X-Openrtb-Version")); got != "2.6" {
		t.Errorf("x-openrtb-version: got %q; want the request's", got)
	}
	resp, bid := answered(t, r)
	if resp.ID != "r1" || resp.Cur != "USD" || resp.SeatBid[0].Seat != "bh1" {
		t.Errorf("answer: id %q, cur %q, seat %q", resp.ID, resp.Cur, resp.SeatBid[0].Seat)
	}
	if bid.ImpID != "1" || bid.Price != 2.3456 || bid.CID != "3" || bid.CrID != "100" || bid.W != 300 || bid.H != 250 ||
		bid.MType != 1 || len(bid.ADomain) != 1 || bid.ADomain[0] != "shop.example" {
		t.Errorf("bid: %+v", bid)
	}
	for name, u := range map[string]string{"nurl": bid.NURL, "burl": bid.BURL, "lurl": bid.LURL} {
		if !strings.HasPrefix(u, "http://127.0.0.1:8080/n/") || !strings.Contains(u, "${AUCTION_") {
			t.Errorf("%s: got %q", name, u)
		}
	}
	if got := h.wallet.reserved; len(got) != 1 || got[0] != (pacing.Amounts{Media: 2_345_600, Charge: 2_345_678}) {
		t.Errorf("reserved %+v; want the bid and the rule's price", got)
	}
}

func TestNoBidReasons(t *testing.T) {
	line := func(edit func(*campaigns.LineItem)) *campaigns.Catalog {
		li := cpm(2_000_000, campaigns.Targeting{})
		edit(&li)
		return newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()})
	}
	plain := line(func(*campaigns.LineItem) {})
	f := func(name string, cat *campaigns.Catalog, setup func(*house), request string, want NoBid) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, cat)
			if setup != nil {
				setup(h)
			}
			if r := h.bid(request); want == NoBidNone && r.StatusCode() != 200 || want != NoBidNone && r.StatusCode() != 204 {
				t.Fatalf("got status %d", r.StatusCode())
			}
			if n := h.metrics.exchange("demo").results[want].Load(); n != 1 {
				t.Fatalf("counted %v; want 1 %v", h.metrics.Totals().NoBids, want)
			}
		})
	}
	edit := func(old, new string) string {
		if !strings.Contains(plainRequest, old) {
			t.Fatalf("%q is not in the request", old)
		}
		return strings.Replace(plainRequest, old, new, 1)
	}
	f("bids", plain, nil, plainRequest, NoBidNone)
	f("not ready", plain, func(h *house) { h.ready = fmt.Errorf("profiles are loading") }, plainRequest, NoBidNotReady)
	f("draining", plain, func(h *house) { h.Drain() }, plainRequest, NoBidNotReady)
	f("killed", func() *campaigns.Catalog { c := *plain; c.Kill.All = true; return &c }(), nil, plainRequest, NoBidKilled)
	f("wseat", plain, nil, edit(`"tmax":100`, `"wseat":["other"]`), NoBidSeatBlocked)
	f("wseat ours", plain, nil, edit(`"tmax":100`, `"wseat":["other","bh1"]`), NoBidNone)
	f("bseat", plain, nil, edit(`"tmax":100`, `"bseat":["bh1"]`), NoBidSeatBlocked)
	f("currency", plain, nil, edit(`"tmax":100`, `"cur":["XAU"]`), NoBidCurrency)
	f("second currency", plain, nil, edit(`"tmax":100`, `"cur":["XAU","EUR"]`), NoBidNone)
	f("floor currency", plain, nil, edit(`"bidfloor":0.5`, `"bidfloor":0.5,"bidfloorcur":"XAU"`), NoBidCurrency)
	f("no time", plain, nil, edit(`"tmax":100`, `"tmax":5`), NoBidTimeout)
	f("too slow", plain, func(h *house) { h.clock.tick = 60 * time.Millisecond }, plainRequest, NoBidTimeout)
	f("video", plain, nil, edit(`"banner":{"w":300,"h":250}`, `"video":{"mimes":["video/mp4"]}`), NoBidUnsupportedFormat)
	f("targeting", line(func(l *campaigns.LineItem) { l.Targeting.Countries.Include = []string{"DEU"} }), nil, plainRequest, NoBidNoMatch)
	f("size", plain, nil, edit(`"w":300,"h":250`, `"w":728,"h":90`), NoBidSize)
	f("floor", plain, nil, edit(`"bidfloor":0.5`, `"bidfloor":2.0001`), NoBidBelowFloor)
	f("at the floor", plain, nil, edit(`"bidfloor":0.5`, `"bidfloor":2`), NoBidNone)
	f("floor in euros", plain, nil, edit(`"bidfloor":0.5`, `"bidfloor":1.9,"bidfloorcur":"EUR"`), NoBidBelowFloor)
	f("badv", plain, nil, edit(`"tmax":100`, `"badv":["SHOP.example"]`), NoBidAdvertiser)
	f("badv of another", plain, nil, edit(`"tmax":100`, `"badv":["op.example"]`), NoBidNone)
	f("dsa that nobody would show", plain, nil, edit(`"tmax":100`, `"regs":{"ext":{"dsa":{"dsarequired":2}}}`), NoBidDSA)
	f("dsa supported", plain, nil, edit(`"tmax":100`, `"regs":{"ext":{"dsa":{"dsarequired":1}}}`), NoBidNone)
	f("btype", plain, nil, edit(`"w":300`, `"btype":[2],"w":300`), NoBidBannerType)
	f("private auction", plain, nil, edit(`"bidfloor":0.5`, `"pmp":{"private_auction":1,"deals":[{"id":"d1"}]}`), NoBidNoMatch)
	f("budget", plain, func(h *house) { h.wallet.left[10] = pacing.Amounts{Media: 1e9, Charge: 1} }, plainRequest, NoBidBudget)
	f("capped user unknown", line(func(l *campaigns.LineItem) { l.FrequencyCap.PerDay = 1 }), nil,
		edit(`"user":{"buyeruid":"u7"}`, `"user":{}`), NoBidFrequency)
	f("malformed", plain, nil, edit(`"tmax":100`, `"tmax":100`), NoBidNone)
}

func TestBlockListsOfDeclaredCreatives(t *testing.T) {
	f := func(c campaigns.Creative, request string, want int) {
		t.Helper()
		h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{c}))
		if got := h.bid(strings.Replace(plainRequest, `"tmax":100`, request, 1)).StatusCode(); got != want {
			t.Errorf("%s: got %d; want %d", request, got, want)
		}
	}
	c := box()
	c.Cat, c.Attr, c.Language, c.ADomain = []string{"IAB7-39"}, []int{6}, "en", []string{"www.brand.example"}
	f(c, `"bcat":["IAB7-39"]`, 204)
	f(c, `"bcat":["iab7"]`, 204)
	f(c, `"bcat":["IAB7-3"]`, 200) // a prefix of the text is no parent
	f(c, `"acat":["IAB7"]`, 200)
	f(c, `"acat":["IAB1"]`, 204)
	f(c, `"badv":["brand.example"]`, 204)
	f(c, `"wlang":["de"]`, 204)
	f(c, `"wlang":["de","EN"]`, 200)
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{c}))
	if got := h.bid(strings.Replace(plainRequest, `"w":300`, `"battr":[1,6],"w":300`, 1)).StatusCode(); got != 204 {
		t.Errorf("battr: got %d; want 204", got)
	}
}

func TestDealsHaveTheirOwnFloorAndPrice(t *testing.T) {
	cat := newCatalog([]campaigns.LineItem{cpm(3_000_000, campaigns.Targeting{Deals: []string{"d1", "d2"}})}, []campaigns.Creative{box()})
	f := func(pmp string, wantDeal string, wantPrice float64) {
		t.Helper()
		r := newHouse(t, cat).bid(strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":9,"pmp":`+pmp, 1))
		if wantDeal == "" {
			if r.StatusCode() != 204 {
				t.Errorf("%s: got %d; want 204", pmp, r.StatusCode())
			}
			return
		}
		_, bid := answered(t, r)
		if bid.DealID != wantDeal || bid.Price != wantPrice {
			t.Errorf("%s: got deal %q at %v; want %q at %v", pmp, bid.DealID, bid.Price, wantDeal, wantPrice)
		}
	}
	f(`{"deals":[{"id":"d2","bidfloor":2}]}`, "d2", 3)
	f(`{"deals":[{"id":"d2","bidfloor":2,"at":3}]}`, "d2", 2)
	f(`{"private_auction":1,"deals":[{"id":"x"},{"id":"d1","bidfloor":1,"wseat":["bh1"]}]}`, "d1", 3)
	f(`{"deals":[{"id":"d1","wseat":["other"]}]}`, "", 0)
	f(`{"deals":[{"id":"d1","wadomain":["brand.example"]}]}`, "", 0)
	f(`{"deals":[{"id":"d1","bidfloor":3.1}]}`, "", 0)
	f(`{"deals":[{"id":"d1","bidfloor":2.8,"bidfloorcur":"EUR"}]}`, "", 0)
	f(`{"deals":[{"id":"x"}]}`, "", 0)
}

func TestTheDearestAffordableBidWins(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{
		cpm(1_000_000, campaigns.Targeting{}), cpm(3_000_000, campaigns.Targeting{}), cpm(2_000_000, campaigns.Targeting{}),
	}, []campaigns.Creative{box()}))
	f := func(want float64) {
		t.Helper()
		if _, bid := answered(t, h.bid(plainRequest)); bid.Price != want {
			t.Fatalf("got %v; want %v", bid.Price, want)
		}
	}
	f(3)
	h.wallet.left[11] = pacing.Amounts{}
	f(2)
	if n := h.metrics.refusals[pacing.RefusedExhausted].Load(); n != 1 {
		t.Fatalf("counted %d refusals; want 1 exhausted", n)
	}
	h.wallet.left[12] = pacing.Amounts{}
	f(1)
}

func TestAnswersInAnAllowedCurrency(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_200_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	resp, bid := answered(t, h.bid(strings.Replace(plainRequest, `"tmax":100`, `"cur":["EUR"]`, 1)))
	if resp.Cur != "EUR" || bid.Price != 2 {
		t.Fatalf("got %v %s; want 2 EUR at 1.1 dollars", bid.Price, resp.Cur)
	}
	if got := h.wallet.reserved[0]; got.Media != 2_200_000 {
		t.Fatalf("reserved %d nano-dollars; want 2200000", got.Media)
	}
}

func TestTagsReachTheBid(t *testing.T) {
	cat := newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{Tags: campaigns.TagRule{AnyOf: [][]string{{"auto"}}}})}, []campaigns.Creative{box()})
	f := func(tags []campaigns.TagKey, request string, want int) {
		t.Helper()
		h := newHouse(t, cat)
		h.users[h.keys.User('b', "demo", []byte("u7"))] = tags
		if got := h.bid(request).StatusCode(); got != want {
			t.Errorf("%v: got %d; want %d", tags, got, want)
		}
	}
	child := []campaigns.TagKey{campaigns.NewTagKey(0, 2)}
	f(child, plainRequest, 200)
	f([]campaigns.TagKey{campaigns.NewTagKey(2, 2)}, plainRequest, 200) // its own advertiser's
	f([]campaigns.TagKey{campaigns.NewTagKey(9, 2)}, plainRequest, 204) // another advertiser's
	f(nil, plainRequest, 204)
	// No legal basis: the profile is not read.
	for _, regs := range []string{`"regs":{"coppa":1}`, `"regs":{"gdpr":1}`, `"regs":{"us_privacy":"1YYN"}`, `"regs":{"gpp":"DBABTA~1YYN","gpp_sid":[6]}`, `"regs":{"gpp":"DB??"}`} {
		f(child, strings.Replace(plainRequest, `"tmax":100`, regs, 1), 204)
	}
	f(child, strings.Replace(plainRequest, `"devicetype":2`, `"lmt":1`, 1), 204)
	f(child, strings.Replace(plainRequest, `"tmax":100`, `"regs":{"us_privacy":"1YNN","gdpr":0}`, 1), 200)
}

func TestFrequencyCap(t *testing.T) {
	li := cpm(2_000_000, campaigns.Targeting{})
	li.FrequencyCap.PerDay = 2
	h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()}))
	f := func(request string, want int) {
		t.Helper()
		if got := h.bid(request).StatusCode(); got != want {
			t.Fatalf("got %d; want %d", got, want)
		}
	}
	f(plainRequest, 200)
	f(plainRequest, 200)
	f(plainRequest, 204)
	f(strings.Replace(plainRequest, "u7", "u8", 1), 200)
	h.clock.Set(testNow.Add(time.Minute)) // the bids in flight were lost
	f(plainRequest, 200)
	// A bid that can't be paid for is not in flight.
	h.wallet.left[10] = pacing.Amounts{}
	f(plainRequest, 204)
	delete(h.wallet.left, 10)
	f(plainRequest, 200)
}

func TestTestAuctionsReserveAndPostNothing(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	_, bid := answered(t, h.bid(strings.Replace(plainRequest, `"tmax":100`, `"test":1`, 1)))
	if len(h.wallet.reserved) != 0 {
		t.Fatalf("reserved %+v; want nothing", h.wallet.reserved)
	}
	r := h.call("GET", strings.Replace(bid.BURL, "${AUCTION_PRICE}", "1.5", 1), "")
	if r.StatusCode() != 204 || len(h.events.msgs) != 0 {
		t.Fatalf("burl of a test: got %d and %d records; want 204 and none", r.StatusCode(), len(h.events.msgs))
	}
	if n := h.metrics.Notice(NoticeBilling, NoticeTest); n != 1 {
		t.Fatalf("counted %d test notices; want 1", n)
	}
}

func TestTransport(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	f := func(name string, r *fasthttp.Response, want int) {
		t.Helper()
		if r.StatusCode() != want {
			t.Errorf("%s: got %d; want %d", name, r.StatusCode(), want)
		}
		if want >= 400 && len(r.Body()) != 0 {
			t.Errorf("%s: got content with a %d", name, want)
		}
	}
	pack := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.String()
	}
	f("plain", h.bid(plainRequest), 200)
	f("unknown exchange", h.call("POST", "/openrtb2/nobody", plainRequest), 404)
	f("GET", h.call("GET", "/openrtb2/demo", ""), 405)
	f("unknown path", h.call("GET", "/", ""), 404)
	f("malformed", h.bid(`{"id":`), 400)
	f("no imp", h.bid(`{"id":"1","imp":[]}`), 400)
	f("gzip", h.call("POST", "/openrtb2/demo", pack(plainRequest), "Content-Encoding", "gzip"), 200)
	f("gzip again, reused", h.call("POST", "/openrtb2/demo", pack(plainRequest), "Content-Encoding", "gzip"), 200)
	f("gzip that is none", h.call("POST", "/openrtb2/demo", plainRequest, "Content-Encoding", "gzip"), 400)
	f("gzip bomb", h.call("POST", "/openrtb2/demo", pack(`{"id":"1","x":"`+strings.Repeat("a", 1<<20)+`"}`), "Content-Encoding", "gzip"), 400)
	f("unknown encoding", h.call("POST", "/openrtb2/demo", plainRequest, "Content-Encoding", "br"), 400)
	f("too large", h.bid(`{"id":"1","x":"`+strings.Repeat("a", 300<<10)+`"}`), 400)

	r := h.call("POST", "/openrtb2/demo", plainRequest, "Accept-Encoding", "gzip")
	if got := string(r.Header.ContentEncoding()); got != "gzip" {
		t.Fatalf("content encoding: got %q; want gzip", got)
	}
	body, err := r.BodyGunzip()
	if err != nil || !json.Valid(body) {
		t.Fatalf("the gzipped answer is not JSON: %v", err)
	}
	r = h.call("POST", "/openrtb2/wordy", strings.Replace(plainRequest, `"tmax":100`, `"tmax":1`, 1))
	if r.StatusCode() != 200 || string(r.Body()) != `{"id":"r1","nbr":15}` {
		t.Fatalf("no-bid in words: got %d %s", r.StatusCode(), r.Body())
	}
}

var links = regexp.MustCompile(`(?:href|src)="([^"]+)"`)

func TestNoticesBecomeRecords(t *testing.T) {
	li := campaigns.LineItem{Pricing: campaigns.PricingCPC, Price: 500_000, MaxBid: 9_000_000, ExpectedCTR: 10_000}
	h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()}))
	_, bid := answered(t, h.bid(plainRequest))
	get := func(u string, want int) *fasthttp.Response {
		t.Helper()
		r := h.call("GET", u, "")
		if r.StatusCode() != want {
			t.Fatalf("%.60s: got %d; want %d", u, r.StatusCode(), want)
		}
		return r
	}
	get(strings.Replace(bid.NURL, "${AUCTION_PRICE}", "1.25", 1), 204)
	get(strings.Replace(bid.BURL, "${AUCTION_PRICE}", "1.25", 1), 204)
	get(strings.NewReplacer("${AUCTION_LOSS}", "102", "${AUCTION_MIN_TO_WIN}", "4.5").Replace(bid.LURL), 204)
	var click, imp string
	for _, m := range links.FindAllStringSubmatch(bid.AdM, -1) {
		switch u := html.UnescapeString(m[1]); {
		case strings.Contains(u, "/t/click/"):
			click = u
		case strings.Contains(u, "/t/imp/"):
			imp = u
		}
	}
	if r := get(imp, 200); !bytes.Equal(r.Body(), pixel) {
		t.Error("the impression tracker must answer a pixel")
	}
	location, err := url.Parse(string(get(click, 302).Header.Peek("Location")))
	if err != nil || location.Host != "shop.example" || location.Query().Get("b") != "1" {
		t.Fatalf("click leads to %v", location)
	}
	id := location.Query().Get(ClickParam)
	get("/t/conv?click="+id+"&order=A-17&value=12.5&cur=USD", 200)
	get("/t/conv?click="+id+"&value=12.5", 400)
	get("/t/conv?click="+id+"&order=x&value=-1", 400)
	get("/t/conv?click="+id+"&order=x&cur=usd", 400)
	get("/t/conv?order=x", 400)

	money := h.events.of(eventlog.TopicMoney)
	exposures := h.events.of(eventlog.TopicExposures)
	conversions := h.events.of(eventlog.TopicConversions)
	if len(money) != 3 || len(exposures) != 3 || len(conversions) != 1 {
		t.Fatalf("got %d money, %d exposure and %d conversion records; want 3, 3, 1", len(money), len(exposures), len(conversions))
	}
	for i, want := range []string{`"type":"bill"`, `"type":"loss"`, `"type":"click"`} {
		if !strings.Contains(money[i], want) || !strings.Contains(money[i], `"bid":"`+bid.ID+`"`) || !strings.Contains(money[i], `"lease":77`) {
			t.Errorf("money record %d: %s; want %s", i, money[i], want)
		}
	}
	if !strings.Contains(money[0], `"price_micros":1250000`) || !strings.Contains(money[1], `"min_to_win_micros":4500000`) {
		t.Errorf("prices: %s %s", money[0], money[1])
	}
	if !strings.Contains(conversions[0], `"value_nanos":12500000000`) || !strings.Contains(conversions[0], `"click_line_item":10`) {
		t.Errorf("conversion: %s", conversions[0])
	}
	all := strings.Join(append(append(money, exposures...), conversions...), "")
	if strings.Contains(all, "u7") {
		t.Error("a raw user id got into a record")
	}
}

func TestBadNotices(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	_, bid := answered(t, h.bid(plainRequest))
	f := func(name, u string, kind NoticeKind, want NoticeResult, status int) {
		t.Helper()
		before, records := h.metrics.Notice(kind, want), len(h.events.msgs)
		r := h.call("GET", u, "")
		if r.StatusCode() != status || h.metrics.Notice(kind, want) != before+1 {
			t.Errorf("%s: got %d, counted %d more %v; want %d and 1", name, r.StatusCode(), h.metrics.Notice(kind, want)-before, want, status)
		}
		if status >= 400 && len(h.events.msgs) != records {
			t.Errorf("%s: a refused notice left a record", name)
		}
	}
	priced := func(p string) string { return strings.Replace(bid.BURL, "${AUCTION_PRICE}", p, 1) }
	altered := []byte(priced("1"))
	if at := len("http://127.0.0.1:8080/n/bill/") + 20; altered[at] == 'A' {
		altered[at] = 'B'
	} else {
		altered[at] = 'A'
	}
	f("altered", string(altered), NoticeBilling, NoticeForged, 400)
	f("of another purpose", strings.Replace(bid.NURL, "/n/win/", "/n/bill/", 1), NoticeBilling, NoticeForged, 400)
	f("no token", "/n/bill/", NoticeBilling, NoticeMalformed, 400)
	f("not base64", "/n/bill/!!!?p=1", NoticeBilling, NoticeMalformed, 400)
	f("far too long", "/n/bill/"+strings.Repeat("A", 5000), NoticeBilling, NoticeMalformed, 400)
	f("unreplaced macro", bid.BURL, NoticeBilling, NoticeBadPrice, 204)
	f("price in words", priced("cheap"), NoticeBilling, NoticeBadPrice, 204)
	f("negative price", priced("-1"), NoticeBilling, NoticeBadPrice, 204)
	f("no price", strings.TrimSuffix(bid.BURL, "?p=${AUCTION_PRICE}"), NoticeBilling, NoticeBadPrice, 204)
	f("by POST too", priced("1"), NoticeBilling, NoticeAccepted, 204)
	h.clock.Set(testNow.Add(72 * time.Hour))
	f("expired", priced("1"), NoticeBilling, NoticeExpired, 204)
	h.events.err = fmt.Errorf("disk full")
	f("not durable", priced("1"), NoticeBilling, NoticeFailed, 503)
	for _, m := range h.events.of(eventlog.TopicMoney)[:4] {
		if !strings.Contains(m, `"price_bad":"`) || !strings.Contains(m, `"price_micros":0`) {
			t.Errorf("a bad price must be recorded without one: %s", m)
		}
	}
}

func TestCountsAreFlushedOnceAndBounded(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	total := func() (n int64, rows int) {
		for _, v := range h.events.of(eventlog.TopicAuctions) {
			var r countsRecord
			if err := json.Unmarshal([]byte(v), &r); err != nil {
				t.Fatal(err)
			}
			for _, row := range r.Rows {
				n += row.Bids
				rows++
			}
		}
		return n, rows
	}
	for i := range 3000 {
		h.bid(strings.Replace(plainRequest, `"domain":"news.example"`, fmt.Sprintf(`"domain":"s%d.example"`, i), 1))
	}
	for range 2 {
		if err := h.flushCounts(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	n, rows := total()
	if n != 3000 {
		t.Fatalf("counted %d bids; want 3000", n)
	}
	if rows > 1000+2*16 {
		t.Fatalf("got %d rows; want at most the bound", rows)
	}
}

func TestCTRMovesTheCPCBid(t *testing.T) {
	li := campaigns.LineItem{Pricing: campaigns.PricingCPC, Price: 1_000_000, MaxBid: 90_000_000, ExpectedCTR: 2_000}
	h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()}))
	f := func(want float64) {
		t.Helper()
		if _, bid := answered(t, h.bid(plainRequest)); bid.Price != want {
			t.Fatalf("got %v; want %v", bid.Price, want)
		}
	}
	f(2) // one dollar a click at 0.2%
	h.deps.Rates.(*scoring.Rates).Observe(100, 1000, 10)
	f(6) // (10 + 1000*0.2%) of 2000
}

func TestPanicIsANoBid(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	h.deps.Ready = func() error { panic("planted") }
	if r := h.bid(plainRequest); r.StatusCode() != 204 {
		t.Fatalf("got %d; want 204", r.StatusCode())
	}
	if n := h.metrics.panics.Load(); n != 1 {
		t.Fatalf("counted %d panics; want 1", n)
	}
}

// TestTheWalkThatStopsFindsTheSameBids holds the walk that stops early against
// one that prices every candidate.
func TestTheWalkThatStopsFindsTheSameBids(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(r, "line items")
		prices := rapid.SliceOfNDistinct(rapid.Int64Range(1, 500), n, n, rapid.ID).Draw(r, "prices")
		broke := rapid.SliceOfN(rapid.Bool(), n, n).Draw(r, "broke")
		var items []campaigns.LineItem
		best := 0.0
		left := map[campaigns.ID]pacing.Amounts{}
		for i, p := range prices {
			items = append(items, cpm(money.CPM(p*100_000), campaigns.Targeting{}))
			if broke[i] {
				left[campaigns.ID(10+i)] = pacing.Amounts{}
			} else {
				best = max(best, float64(p)/10)
			}
		}
		h := newHouse(t, newCatalog(items, []campaigns.Creative{box()}))
		h.cfg.MaxTries = 64
		h.wallet.left = left
		resp := h.bid(strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0`, 1))
		if best == 0 {
			if resp.StatusCode() != 204 {
				r.Fatalf("nobody can pay: got %d", resp.StatusCode())
			}
			return
		}
		if _, bid := answered(t, resp); bid.Price != best {
			r.Fatalf("got %v; want %v, the dearest that can pay", bid.Price, best)
		}
	})
}

func TestClicksLeadOnlyWhereTheyMay(t *testing.T) {
	cat := newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()})
	h := newHouse(t, cat)
	_, bid := answered(t, h.bid(plainRequest))
	click := regexp.MustCompile(`http://127\.0\.0\.1:8080/t/click/[\w-]+`).FindString(bid.AdM)
	f := func(name string, want int) {
		t.Helper()
		if got := h.call("GET", click, "").StatusCode(); got != want {
			t.Errorf("%s: got %d; want %d", name, got, want)
		}
	}
	f("registered", 302)
	cat.Advertisers[2].RedirectHosts = []string{"other.example"}
	f("no longer registered", 404)
	delete(cat.Creatives, 100)
	f("creative gone", 404)
	h.book.Store(nil)
	f("starting", 503) // asked again, not lost
}

func TestCountsThatCouldNotBeWrittenAreSentAgain(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	h.bid(plainRequest)
	h.events.err = fmt.Errorf("log away")
	if err := h.flushCounts(t.Context()); err == nil {
		t.Fatal("a log that is away must be an error")
	}
	h.events.err = nil
	for range 2 {
		if err := h.flushCounts(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := h.events.of(eventlog.TopicAuctions)
	if len(got) != 1 || !strings.Contains(got[0], `"seq":1,`) || !strings.Contains(got[0], `"bids":1`) {
		t.Fatalf("got %q; want the one record, once", got)
	}
}

// A bid above its line item's maximum is taken out before the answer, whatever
// priced it, and told of; the others go out.
func TestNoBidAboveItsMaximumLeaves(t *testing.T) {
	li := cpm(2_000_000, campaigns.Targeting{})
	h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()}))
	var told []OverMax
	h.deps.OverMax = func(o OverMax) { told = append(told, o) }
	k := h.book.Load()
	a := &auction{exchange: k.exchanges.byName["demo"], book: k, kill: h.killed(), now: testNow}
	if err := a.req.Decode([]byte(plainRequest)); err != nil {
		t.Fatal(err)
	}
	if r := h.admit(a); r != NoBidNone {
		t.Fatal(r)
	}
	if r := h.decide(a); r != NoBidNone || len(a.bids) != 1 {
		t.Fatalf("%v, %d bids", r, len(a.bids))
	}
	good := a.bids[0]
	most := k.lines[good.row].item.MaxBid
	f := func(price money.CPM, sent bool) {
		t.Helper()
		told = nil
		bad := good
		bad.price = price
		a.bids = append(a.bids[:0], good, bad)
		before := h.metrics.overMax.Load()
		h.guard(a)
		if kept := len(a.bids) == 2; kept != sent || a.bids[0].price != good.price || (len(told) == 0) != sent || (h.metrics.overMax.Load() == before) != sent {
			t.Errorf("price %d of at most %d: %d bids are left, told %+v", price, most, len(a.bids), told)
		}
		if !sent && (told[0].LineItem != k.lines[good.row].item.ID || told[0].Exchange != "demo" || told[0].Max != most || told[0].Bid <= most) {
			t.Errorf("told %+v", told)
		}
	}
	f(most, true)
	f(most+most/1_000_000+2, false)
	f(10*most, false)
	f(money.MaxCPM, false)
}
