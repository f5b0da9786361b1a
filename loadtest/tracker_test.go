package loadtest

import (
	"reflect"
	"strings"
	"testing"

	"bidhawk/internal/money"
)

func TestFindTrackers(t *testing.T) {
	f := func(request string, b *bid, want trackers) {
		t.Helper()
		e, broken := newJudge(false, false).bid(readFacts([]byte(request)), &answer{ID: "r", Cur: "USD"}, "s1", b)
		if broken != nil {
			t.Fatal(*broken)
		}
		if got := e.findTrackers(strings.ReplaceAll(b.AdM, "https://h/", "http://h/"), []string{"", "h"}); !reflect.DeepEqual(got, want) {
			t.Errorf("%.40s: %+v: want %+v", b.AdM, got, want)
		}
	}
	with := func(b *bid, pairs ...string) *bid {
		a := &answer{SeatBid: []seatBid{{Bid: []bid{*b}}}}
		adm(pairs...)(a)
		return &a.SeatBid[0].Bid[0]
	}
	quarters := []string{"http://h/0", "http://h/1", "http://h/2", "http://h/3", "http://h/4"}
	f(videoRequest, videoBid(), trackers{
		impression: "http://h/i", click: "http://h/t/click/1", redirects: true, events: quarters, failed: "http://h/e?c=[ERRORCODE]",
	})
	// A third party's impression beside ours, and its landing page with our tracker.
	f(videoRequest, with(videoBid(), "<Impression>", "<Impression>https://third.example/i</Impression><Impression>",
		"<ClickThrough>https://h/t/click/1</ClickThrough>", "<ClickThrough>https://shop.example/</ClickThrough><ClickTracking>https://h/c</ClickTracking>",
		"</Impression><Creatives>", "</Impression><ViewableImpression><Viewable>https://h/v</Viewable></ViewableImpression><Creatives>"), trackers{
		impression: "http://h/i", click: "http://h/c", landing: "https://shop.example/", events: quarters, failed: "http://h/e?c=[ERRORCODE]", viewable: "http://h/v",
	})
	wrapper := with(videoBid(), vastText, strings.Replace(wrapperText, "</Linear>", "<VideoClicks><ClickTracking>https://h/t/click/1</ClickTracking></VideoClicks></Linear>", 1))
	wrapper.Protocol = 6
	f(videoRequest, wrapper, trackers{impression: "http://h/i", click: "http://h/t/click/1", events: quarters, failed: "http://h/e"})
	native := nativeBid()
	native.AdM = strings.ReplaceAll(native.AdM, `\/`, "/")
	f(nativeRequest12, native, trackers{impression: "http://h/i", click: "http://h/t/click/1", redirects: true, viewable: "http://h/v"})
	f(nativeRequest12, with(native, `"imptrackers":["https://h/i"],`, "", `"link":{"url":"https://h/t/click/1"}`,
		`"link":{"url":"https://r.example/?u=http%3A%2F%2Fh%2Ft%2Fclick%2F2","clicktrackers":["https://h/c"]}`),
		trackers{impression: "http://h/i", click: "http://h/t/click/2", redirects: true, clicked: "http://h/c", viewable: "http://h/v"})
	banner := bannerBid()
	banner.AdM = `<a href="https://h/t/click/1"><img src="https://c/a.jpg"></a><img src="https://h/t/imp/1">`
	f(bannerRequest, banner, trackers{impression: "http://h/t/imp/1", click: "http://h/t/click/1", redirects: true})
}

func TestInPlayer(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := inPlayer(in, "405"); got != want {
			t.Errorf("%q: %q: want %q", in, got, want)
		}
	}
	f("http://h/e", "http://h/e")
	f("http://h/e?c=[ERRORCODE]&r=[CACHEBUSTING]", "http://h/e?c=405&r=12345678")
	f("http://[::1]/e?[ASSETURI]", "http://[::1]/e?")
}

func TestHostOf(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := hostOf(in); got != want {
			t.Errorf("%q: %q: want %q", in, got, want)
		}
	}
	f("http://h:1/x", "h:1")
	f("https://h:1/x", "")
	f("http://%zz/", "")
	f("", "")
}

func TestAcknowledged(t *testing.T) {
	f := func(e errand, status int, want bool) {
		t.Helper()
		if got := acknowledged(&e, status); got != want {
			t.Errorf("%s %d: %v: want %v", e.kind, status, got, want)
		}
	}
	f(errand{kind: errandBill}, 204, true)
	f(errand{kind: errandBill}, 302, false)
	f(errand{kind: errandClick, redirects: true}, 302, true)
	f(errand{kind: errandClick, redirects: true}, 200, false)
	f(errand{kind: errandClick}, 204, true)
	f(errand{kind: errandClick}, 302, true)
	f(errand{kind: errandComplete}, 302, true)
	f(errand{kind: errandComplete}, 404, false)
}

func TestAmounts(t *testing.T) {
	f := func(c *cleared, want int64) {
		t.Helper()
		if got := c.amount(); int64(got) != want {
			t.Errorf("%d x %d: %d: want %d", c.price, c.multiplier, got, want)
		}
	}
	f(&cleared{price: 2_500_100}, 2_500_100)
	f(&cleared{price: 2_500_100, multiplier: onePerson}, 2_500_100)
	f(&cleared{price: 2_500_100, multiplier: 14_320_000}, 35_801_432)
	f(&cleared{price: 100, multiplier: 10_000}, 1)
	f(&cleared{price: 1e12, multiplier: 1e12}, 1e18)
}

func TestWhatBills(t *testing.T) {
	for k := range errandKind(errandKinds) {
		if got := (&cleared{}).bills(k); got != (k == errandBill) {
			t.Errorf("%s bills: %v", k, got)
		}
		if got := (&cleared{vastBills: true}).bills(k); got != (k == errandImpression) {
			t.Errorf("%s bills where VAST does: %v", k, got)
		}
	}
}

func TestOurOwnBidsMeetFirst(t *testing.T) {
	f := func(offers []offer, want ...int) {
		t.Helper()
		compete(offers, false)
		for i := range offers {
			if offers[i].loss != want[i] {
				t.Errorf("bid %d: loss %d: want %d", i, offers[i].loss, want[i])
			}
		}
	}
	o := func(imp int, price int64, deal string, loss int) offer {
		return offer{impNo: imp, loss: loss, exhibit: &exhibit{price: money.CPM(price), bid: &bid{DealID: deal}}}
	}
	f([]offer{o(0, 5, "", 0), o(0, 6, "", 0), o(1, 1, "", 0)}, lossOutbid, 0, 0)
	f([]offer{o(0, 5, "", 0), o(0, 5, "", 0)}, 0, lossOutbid)
	f([]offer{o(0, 5, "", 0), o(0, 1, "d", 0)}, lossToDeal, 0)
	f([]offer{o(0, 5, "", 0), o(0, 9, "d", 100)}, 0, 100)
	pod := []offer{o(0, 5, "", 0), o(0, 6, "", 0)}
	for i := range pod {
		pod[i].exhibit.stream = &streamFacts{podDur: 60}
	}
	f(pod, 0, 0)
	late := []offer{o(0, 5, "", 0), o(0, 6, "", 100)}
	compete(late, true)
	if late[0].loss != lossExpired || late[1].loss != 100 {
		t.Errorf("late: %d and %d", late[0].loss, late[1].loss)
	}
}
