package bidder

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"bidhawk/bidder/exchanges"
	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
)

// TestViewScriptIsServed: one script for all ads, which caches may keep.
func TestViewScriptIsServed(t *testing.T) {
	h := newHouse(t, newCatalog(nil, nil))
	r := h.call("GET", "/t/view.js", "")
	if r.StatusCode() != 200 || !bytes.Contains(r.Body(), []byte("IntersectionObserver")) {
		t.Fatalf("got %d, %d bytes", r.StatusCode(), len(r.Body()))
	}
	if got := string(r.Header.Peek("Cache-Control")); got != "public, max-age=3600" {
		t.Errorf("Cache-Control: got %q", got)
	}
	packed := h.call("GET", "/t/view.js", "", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(bytes.NewReader(packed.Body()))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(z); err != nil || !bytes.Equal(plain, r.Body()) {
		t.Errorf("packed: %v, %d bytes; want the same", err, len(plain))
	}
	if len(packed.Body()) > 3<<10 {
		t.Errorf("packed: %d bytes; want at most 3 KB", len(packed.Body()))
	}
	if got := h.call("GET", "/t/view.js", "", "If-None-Match", string(r.Header.Peek("ETag"))).StatusCode(); got != 304 {
		t.Errorf("known: got %d; want 304", got)
	}
	if got := h.call("POST", "/t/view.js", "").StatusCode(); got != 405 {
		t.Errorf("POST: got %d; want 405", got)
	}
}

// viewToken is the token that a banner's script reports with.
func viewToken(t *testing.T, markup string) string {
	t.Helper()
	_, rest, ok := strings.Cut(markup, `<script src="http://127.0.0.1:8080/t/view.js#300x250!`)
	token, _, closed := strings.Cut(rest, `" async=""></script>`)
	if !ok || !closed {
		t.Fatalf("the markup has no script:\n%s", markup)
	}
	return token
}

// TestAViewOfABannerCharges: the beacon is money once by the ledger's key, however
// often it comes; a token of another purpose, or altered, is refused.
func TestAViewOfABannerCharges(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{priced(campaigns.PricingVCPM)}, []campaigns.Creative{box()}))
	_, bid := answered(t, h.bid(inSlot(bannerSlot)))
	token := viewToken(t, bid.AdM)
	for range 2 {
		if got := h.call("GET", "/t/event/viewable/"+token, "").StatusCode(); got != 200 {
			t.Fatalf("got %d", got)
		}
	}
	got := h.events.of(eventlog.TopicMoney)
	if len(got) != 2 || !strings.Contains(got[0], `"type":"view"`) || got[0] != got[1] {
		t.Errorf("money: got %v; want the same view twice, which the ledger posts once", got)
	}
	if r := h.call("POST", "/t/event/engaged/"+token+"?ms=4321", ""); r.StatusCode() != 200 {
		t.Errorf("engaged: got %d", r.StatusCode())
	}
	seen := h.events.of(eventlog.TopicExposures)
	if len(seen) != 3 || !strings.Contains(seen[2], `"type":"engaged"`) || !strings.Contains(seen[2], `"engaged_ms":4321`) {
		t.Errorf("exposures: got %v", seen)
	}
	_, click, _ := strings.Cut(bid.AdM, "/t/click/")
	click, _, _ = strings.Cut(click, `"`)
	altered := token[:20] + string(token[20]^1) + token[21:]
	for _, bad := range []string{"", "x", click, altered, token + "A"} {
		h.call("GET", "/t/event/viewable/"+bad, "")
	}
	if n := len(h.events.of(eventlog.TopicMoney)); n != 2 {
		t.Errorf("money after bad tokens: got %d records; want 2", n)
	}
	m := &h.metrics.notices[NoticeEvent]
	if bad := m[NoticeForged].Load() + m[NoticeMalformed].Load(); bad != 5 {
		t.Errorf("got %d refused tokens; want 5", bad)
	}
}

func TestEngagement(t *testing.T) {
	f := func(text string, want int64) {
		t.Helper()
		if got := engagement([]byte(text)); got != want {
			t.Errorf("%q: got %d; want %d", text, got, want)
		}
	}
	f("", 0)
	f("0", 0)
	f("1500", 1500)
	f("-1", 0)
	f("1e3", 0)
	f("3600001", 3_600_000)
	f("99999999999999999999", 0)
}

// TestWhereBannersAreMeasured: the script is where it may run and can know, and
// nowhere else.
func TestWhereBannersAreMeasured(t *testing.T) {
	f := func(body string, api []int, scripts, want bool) {
		t.Helper()
		c := box()
		if api != nil {
			c.ImageURL, c.HTML, c.API = "", "<b></b>", api
		}
		h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(4_000_000, campaigns.Targeting{})}, []campaigns.Creative{c}), func(_ *Config, d *Deps) {
			d.Exchanges[0].NoScripts = !scripts
		})
		_, bid := answered(t, h.bid(body))
		if got := strings.Contains(bid.AdM, "/t/view.js#"); got != want {
			t.Errorf("script: got %v; want %v in\n%s", got, want, bid.AdM)
		}
	}
	inApp := func(slot string) string {
		return strings.Replace(inSlot(slot), `"site":{`, `"app":{"bundle":"com.news"},"was":{`, 1)
	}
	f(inSlot(bannerSlot), nil, true, true)
	f(inSlot(bannerSlot), nil, false, false)
	f(inSlot(`"banner":{"w":300,"h":250,"btype":[3]}`), nil, true, false)
	f(inSlot(`"banner":{"w":300,"h":250,"btype":[4]}`), nil, true, true)
	f(inApp(bannerSlot), nil, true, false)
	f(inApp(`"banner":{"w":300,"h":250,"api":[5]}`), []int{5}, true, true)
	var none exchanges.Exchange
	if none.NoScripts {
		t.Error("an exchange that says nothing takes no scripts")
	}
}
