package bidder

import (
	"errors"
	"html"
	"strings"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
)

// perClickHouse has one line item that pays by the click, and a bid of it with
// its click and impression URLs.
func perClickHouse(t *testing.T) (h *house, burl, click, imp string) {
	t.Helper()
	li := campaigns.LineItem{Pricing: campaigns.PricingCPC, Price: 500_000, MaxBid: 9_000_000, ExpectedCTR: 10_000}
	h = newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()}))
	_, bid := answered(t, h.bid(plainRequest))
	for _, m := range links.FindAllStringSubmatch(bid.AdM, -1) {
		switch u := html.UnescapeString(m[1]); {
		case strings.Contains(u, "/t/click/"):
			click = u
		case strings.Contains(u, "/t/imp/"):
			imp = u
		}
	}
	return h, strings.Replace(bid.BURL, "${AUCTION_PRICE}", "1", 1), click, imp
}

func TestOnlyGetAndPostCount(t *testing.T) {
	h, burl, click, imp := perClickHouse(t)
	f := func(method, u string, status, records int) {
		t.Helper()
		before := len(h.events.msgs)
		r := h.call(method, u, "")
		if r.StatusCode() != status || len(h.events.msgs)-before != records {
			t.Errorf("%s %.40s: got %d and %d records; want %d and %d", method, u, r.StatusCode(), len(h.events.msgs)-before, status, records)
		}
		if r.StatusCode() == 405 && string(r.Header.Peek("Allow")) != "GET, POST" {
			t.Errorf("%s %.40s: a 405 must say what is allowed", method, u)
		}
	}
	for _, method := range []string{"HEAD", "PUT", "OPTIONS", "DELETE"} {
		f(method, burl, 405, 0)
		f(method, imp, 405, 0)
		f(method, "/t/conv?order=x", 405, 0)
	}
	f("PUT", click, 405, 0)
	f("HEAD", click, 302, 0) // a link that is checked
	if n := h.metrics.Notice(NoticeClick, NoticeAccepted); n != 0 {
		t.Errorf("a HEAD was counted as %d clicks", n)
	}
	f("GET", burl, 204, 1)
	f("POST", burl, 204, 1)
	f("GET", imp, 200, 1)
	f("GET", click, 302, 2)
}

// TestAPrefetchIsNoClick: a browser that loads ahead has clicked nothing.
func TestAPrefetchIsNoClick(t *testing.T) {
	h, _, click, _ := perClickHouse(t)
	f := func(status, records int, headers ...string) {
		t.Helper()
		before := len(h.events.msgs)
		if got := h.call("GET", click, "", headers...).StatusCode(); got != status || len(h.events.msgs)-before != records {
			t.Errorf("%q: got %d and %d records; want %d and %d", headers, got, len(h.events.msgs)-before, status, records)
		}
	}
	f(503, 0, "Sec-Purpose", "prefetch")
	f(503, 0, "Sec-Purpose", "prefetch;prerender")
	f(503, 0, "Purpose", "prefetch")
	f(503, 0, "X-Moz", "prefetch")
	f(302, 2, "Sec-Purpose", "")
	f(302, 2)
}

// TestAWrappedClickIsDurable: a player that is told 204 does not call again.
func TestAWrappedClickIsDurable(t *testing.T) {
	wrapper := campaigns.Creative{Format: campaigns.FormatVideo, VAST: &campaigns.VAST{Duration: 15, TagURL: "https://tag.example/v", TagVersion: 3}}
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{wrapper}))
	_, bid := answered(t, h.bid(strings.Replace(plainRequest, `"banner":{"w":300,"h":250}`, `"video":{"mimes":["video/mp4"],"protocols":[6]}`, 1)))
	_, rest, _ := strings.Cut(bid.AdM, "<ClickTracking><![CDATA[")
	click, _, _ := strings.Cut(rest, "]]>")
	f := func(err error, want int) {
		t.Helper()
		h.events.err = err
		if got := h.call("GET", click, "").StatusCode(); got != want {
			t.Errorf("log %v: got %d; want %d", err, got, want)
		}
	}
	f(errors.New("away"), 503)
	f(nil, 204)
}

// TestALossThatWasAWin is of the row "Loss reasons": 0 won, and frees nothing.
func TestALossThatWasAWin(t *testing.T) {
	h := oneLine(t)
	_, bid := answered(t, h.bid(plainRequest))
	f := func(reason string, losses, wins int) {
		t.Helper()
		h.events.msgs = nil
		if got := h.call("GET", strings.Replace(bid.LURL, "${AUCTION_LOSS}", reason, 1), "").StatusCode(); got != 204 {
			t.Errorf("reason %q: got %d; want 204", reason, got)
		}
		if l, w := len(h.events.of(eventlog.TopicMoney)), len(h.events.of(eventlog.TopicExposures)); l != losses || w != wins {
			t.Errorf("reason %q: got %d losses and %d wins; want %d and %d", reason, l, w, losses, wins)
		}
	}
	f("0", 0, 1)
	f("102", 1, 0)
	f("", 1, 0)
	f("${AUCTION_LOSS}", 1, 0)
}

// TestAPanicLosesNoNotice: rule 5 of the money, no 2xx for what is not durable.
func TestAPanicLosesNoNotice(t *testing.T) {
	h, burl, click, imp := perClickHouse(t)
	h.deps.Events = nil // the first use panics
	for _, u := range []string{burl, click, imp} {
		if r := h.call("GET", u, ""); r.StatusCode() != 500 {
			t.Errorf("%.40s: got %d; want 500", u, r.StatusCode())
		}
	}
}
