package bidder

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"bidhawk/bidder/offers"
	"bidhawk/campaigns"
	"bidhawk/pacing/frequency"
)

func rolling(max int, window string) campaigns.Cap {
	return campaigns.Cap{Max: max, Window: window, Kind: campaigns.CapRolling, Per: campaigns.PerUser}
}

// cappedHouse has one line item, of one creative; edit sets their caps.
func cappedHouse(t testing.TB, edit func(l *campaigns.LineItem, cat *campaigns.Catalog), deps ...func(*Config, *Deps)) *house {
	t.Helper()
	cat := newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()})
	edit(cat.LineItems[10], cat)
	return newHouse(t, cat, deps...)
}

func (h *house) status(request string) int { return h.bid(request).StatusCode() }

// TestEveryLevelCaps: a cap at each level refuses, an explanation names it, and the
// metrics say at which level.
func TestEveryLevelCaps(t *testing.T) {
	f := func(want string, edit func(l *campaigns.LineItem, cat *campaigns.Catalog), metric string) {
		t.Helper()
		h, request := cappedHouse(t, edit), strings.Replace(plainRequest, `"device":{`, `"device":{"ip":"203.0.114.7",`, 1)
		for i, want := range []int{200, 200, 204} {
			if got := h.status(request); got != want {
				t.Fatalf("bid %d: got %d; want %d", i, got, want)
			}
		}
		x := explained(t, h, request)
		l := x.Imps[0].LineItems[0]
		if x.NoBid != "frequency_cap" || len(l.Prices) != 1 || l.Prices[0].Cap != want || l.Prices[0].Reason != "frequency_cap" {
			t.Errorf("explained as %q, %+v; want %q", x.NoBid, l.Prices, want)
		}
		var out bytes.Buffer
		h.metrics.WritePrometheus(&out)
		if line := "bidhawk_frequency_refused_total{" + metric + "} 1\n"; !strings.Contains(out.String(), line) {
			t.Errorf("want %s in the metrics:\n%s", line, out.String())
		}
		if len(h.wallet.reserved) != 2 {
			t.Errorf("%d reservations; want 2", len(h.wallet.reserved))
		}
	}
	caps := func(c ...campaigns.Cap) []campaigns.Cap { return c }
	f("creative 100: 2 for each user in 7d", func(_ *campaigns.LineItem, cat *campaigns.Catalog) {
		cat.Creatives[100].FrequencyCaps = caps(rolling(2, "7d"))
	}, `level="creative",reason="reached"`)
	f("line_item 10: 2 for each user in a calendar day", func(l *campaigns.LineItem, _ *campaigns.Catalog) {
		l.FrequencyCap.PerDay, l.FrequencyCaps = 2, caps(rolling(3, "1h"))
	}, `level="line_item",reason="reached"`)
	f("campaign 3: 2 for each household in the lifetime", func(_ *campaigns.LineItem, cat *campaigns.Catalog) {
		cat.Campaigns[3].FrequencyCaps = caps(campaigns.Cap{Max: 2, Window: "lifetime", Kind: campaigns.CapRolling, Per: campaigns.PerHousehold})
	}, `level="campaign",reason="reached"`)
	f("advertiser 2: 2 for each user in 30m", func(l *campaigns.LineItem, cat *campaigns.Catalog) {
		cat.Advertisers[2].FrequencyCaps = caps(rolling(2, "30m"))
		l.FrequencyCaps = caps(rolling(9, "30m"))
	}, `level="advertiser",reason="reached"`)
}

func TestRecency(t *testing.T) {
	h := cappedHouse(t, func(l *campaigns.LineItem, _ *campaigns.Catalog) {
		l.FrequencyCaps = []campaigns.Cap{{Recency: "2s", Kind: campaigns.CapRolling, Per: campaigns.PerUser}}
	})
	if h.status(plainRequest) != 200 || h.status(plainRequest) != 204 {
		t.Fatal("want one bid, and none at once after it")
	}
	if p := explained(t, h, plainRequest).Imps[0].LineItems[0].Prices[0]; p.Cap != "line_item 10: 2s between two exposures of one user" {
		t.Errorf("explained as %q", p.Cap)
	}
}

// TestACappedCreativeLeavesItsPlaceToAnother of the same line item.
func TestACappedCreativeLeavesItsPlaceToAnother(t *testing.T) {
	capped, free := box(), box()
	capped.FrequencyCaps = []campaigns.Cap{rolling(1, "1h")}
	cat := newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{capped, free})
	h := newHouse(t, cat)
	shown := map[string]int{}
	for range 40 {
		_, bid := answered(t, h.bid(plainRequest))
		shown[bid.CrID]++
	}
	if shown["100"] != 1 || shown["101"] != 39 {
		t.Fatalf("got %v; want the capped one once", shown)
	}
}

// TestUnknownUsers: what caps mean where nobody knows whose exposure it would be.
func TestUnknownUsers(t *testing.T) {
	nobody := strings.Replace(plainRequest, `"user":{"buyeruid":"u7"}`, `"user":{}`, 1)
	elsewhere := strings.Replace(nobody, "news.example", "other.example", -1)
	f := func(policy campaigns.UnknownUsers, want ...int) {
		t.Helper()
		h := cappedHouse(t, func(l *campaigns.LineItem, _ *campaigns.Catalog) {
			l.FrequencyCaps, l.UnknownUsers = []campaigns.Cap{rolling(1, "1h")}, policy
		})
		for i, r := range []string{nobody, nobody, elsewhere, plainRequest, plainRequest} {
			if got := h.status(r); got != want[i] {
				t.Errorf("%q: request %d: got %d; want %d", policy, i, got, want[i])
			}
		}
	}
	f("", 204, 204, 204, 200, 204)
	f(campaigns.UnknownSkip, 204, 204, 204, 200, 204)
	f(campaigns.UnknownBid, 200, 200, 200, 200, 204)
	f(campaigns.UnknownSite, 200, 204, 200, 200, 204)
}

// TestHouseholdsShareACap: two users of one address are one home, where personal data
// may be used.
func TestHouseholdsShareACap(t *testing.T) {
	h := cappedHouse(t, func(l *campaigns.LineItem, _ *campaigns.Catalog) {
		l.FrequencyCaps = []campaigns.Cap{{Max: 1, Window: "1h", Kind: campaigns.CapRolling, Per: campaigns.PerHousehold}}
	})
	f := func(want int, pairs ...string) {
		t.Helper()
		if got := h.status(strings.NewReplacer(pairs...).Replace(plainRequest)); got != want {
			t.Errorf("%q: got %d; want %d", pairs, got, want)
		}
	}
	address := func(ip string) string { return `"device":{"ip":"` + ip + `",` }
	f(200, `"device":{`, address("203.0.114.7"))
	f(204, `"device":{`, address("203.0.114.7"), "u7", "u8")
	f(200, `"device":{`, address("203.0.114.8"), "u7", "u9")
	f(204, `"device":{`, address("203.0.114.0"))            // cut short: many homes
	f(204, `"device":{`, address("203.0.114.9")+`"lmt":1,`) // without a basis no home is known
}

// TestExposuresReachTheCaps goes round: bids, their impressions through the log, and
// what the follower teaches the bidder, with users, homes and sites.
func TestExposuresReachTheCaps(t *testing.T) {
	log := newMemLog()
	m := newMemory(t, log)
	h := cappedHouse(t, func(l *campaigns.LineItem, cat *campaigns.Catalog) {
		l.UnknownUsers = campaigns.UnknownSite
		l.FrequencyCaps = []campaigns.Cap{rolling(2, "1h"), {Max: 3, Window: "lifetime", Kind: campaigns.CapRolling, Per: campaigns.PerHousehold}}
		m.catalog.Store(cat)
	})
	m.open()
	h.deps.Frequency = m.cfg.Frequency
	m.x.cfg.Incarnation = h.deps.BidIDs.Incarnation()
	offset := int64(0)
	show := func(request string) {
		t.Helper()
		_, bid := answered(t, h.bid(request))
		from := len(h.events.msgs)
		if r := h.call("GET", trackerOf(t, bid.AdM), ""); r.StatusCode() != 200 {
			t.Fatalf("impression: got %d", r.StatusCode())
		}
		for _, msg := range h.events.msgs[from:] {
			log.add(string(msg.Value))
		}
		if err := m.x.apply(0, log.records[offset:]); err != nil {
			t.Fatal(err)
		}
		offset = int64(len(log.records))
		h.clock.Set(h.clock.Now().Add(time.Minute)) // no bid is in flight any more
		m.clock.Set(h.clock.Now())
	}
	home := strings.Replace(plainRequest, `"device":{`, `"device":{"ip":"203.0.114.7",`, 1)
	show(home)
	show(home)
	if got := h.status(home); got != 204 {
		t.Fatalf("the user's third within an hour: got %d", got)
	}
	other := strings.Replace(home, "u7", "u8", 1)
	show(other)
	if got := h.status(other); got != 204 {
		t.Fatalf("the home's fourth ever: got %d", got)
	}
	if p := explained(t, h, other).Imps[0].LineItems[0].Prices[0]; p.Cap != "line_item 10: 3 for each household in the lifetime" {
		t.Errorf("explained as %q", p.Cap)
	}
	nobody := strings.Replace(plainRequest, `"user":{"buyeruid":"u7"}`, `"user":{}`, 1)
	show(nobody)
	show(nobody)
	if got := h.status(nobody); got != 204 {
		t.Fatalf("the site's third without a user: got %d", got)
	}
	// A process that starts anew knows the same.
	m.close()
	m.open()
	h.deps.Frequency = m.cfg.Frequency
	for name, r := range map[string]string{"user": home, "home": other, "site": nobody} {
		if got := h.status(r); got != 204 {
			t.Errorf("%s, after a restart: got %d; want 204", name, got)
		}
	}
	h.clock.Set(h.clock.Now().Add(25 * time.Hour)) // the address tells another home on another day
	if got := h.status(home); got != 200 {
		t.Errorf("a day later: got %d; want 200", got)
	}
	m.close()
}

// trackerOf is the path of the impression's pixel in a banner.
func trackerOf(t testing.TB, adm string) string {
	t.Helper()
	_, rest, ok := strings.Cut(adm, "/t/imp/")
	if !ok {
		t.Fatalf("no impression tracker in %s", adm)
	}
	token, _, _ := strings.Cut(rest, `"`)
	return "/t/imp/" + token
}

// TestOneImpressionOnSeveralPathsCountsOnce: two exchanges that offer one source.tid.
func TestOneImpressionOnSeveralPathsCountsOnce(t *testing.T) {
	h := cappedHouse(t, func(l *campaigns.LineItem, cat *campaigns.Catalog) {
		l.FrequencyCaps = []campaigns.Cap{rolling(2, "1h")}
		cat.Advertisers[2].FrequencyCaps = []campaigns.Cap{rolling(2, "24h")}
	}, func(_ *Config, d *Deps) {
		var err error
		if d.Offers, err = offers.New(offers.DefaultConfig()); err != nil {
			t.Fatal(err)
		}
	})
	page := func(tid string) string {
		return strings.Replace(plainRequest, `"tmax":100`, `"source":{"tid":"`+tid+`"},"tmax":100`, 1)
	}
	f := func(exchange, request string, want int) {
		t.Helper()
		if got := h.call("POST", "/openrtb2/"+exchange, request).StatusCode(); got != want {
			t.Fatalf("%s: got %d; want %d", exchange, got, want)
		}
	}
	f("demo", page("t1"), 200)
	f("wordy", page("t1"), 200) // a no-bid in words: the first path has it
	if n := h.metrics.Totals(); n.Bids != 1 || n.NoBids["other_path"] != 1 {
		t.Fatalf("got %+v; want one bid, and other_path", n)
	}
	f("demo", page("t1"), 200) // the very same impression again is counted already
	h.clock.Set(h.clock.Now().Add(3 * time.Second))
	f("demo", page("t2"), 200)
	h.clock.Set(h.clock.Now().Add(1 * time.Second))
	f("demo", page("t3"), 204)
	l, _ := h.catalog.Lineage(10)
	caps := frequency.CapsOf(l, nil)
	who := frequency.Who{User: frequency.Subject{Kind: frequency.User, Key: uint64(h.keys.User('b', "demo", []byte("u7")))}}
	if h.deps.Frequency.Allows(&caps, who, h.clock.Now()) == nil {
		t.Fatal("two impressions are in flight: the cap is reached")
	}
}

func TestTokensKeepTheHousehold(t *testing.T) {
	h := oneLine(t)
	want := Token{Bid: h.deps.BidIDs.Next(), User: 7, Household: 9, Exchange: "demo", BidAt: testNow, Multiplier: 2 * oneImpression}
	payload := h.tokens.AppendPayload(nil, &want)
	text, _ := h.tokens.Sign(nil, payload, PurposeImpression, nil)
	got, err := h.tokens.Parse(text, PurposeImpression)
	if err != nil || got != want {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
	if n := textLen(&want); len(text) > n {
		t.Errorf("%d bytes; textLen says %d", len(text), n)
	}
	// Neither key can be read, nor how they differ.
	same := want
	same.Household = same.User
	p := h.tokens.AppendPayload(nil, &same)
	if bytes.Equal(p[18:26], p[len(p)-8:]) {
		t.Error("the keystream is used twice")
	}
}
