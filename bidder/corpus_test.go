package bidder

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prebid/openrtb/v20/openrtb2"

	"bidhawk/campaigns"
)

// dataDir is where the shared corpus lies; the test skips without it.
func dataDir(t *testing.T, parts ...string) string {
	t.Helper()
	root := os.Getenv("BIDHAWK_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	dir := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no corpus: %v", err)
	}
	return dir
}

// breaksMust lists the valid files that are 400, with the rule they break.
var breaksMust = map[string]string{
	"bsm-openrtb__breq.native.json":                              "bseat: not together with its alternative",
	"iab-openrtb3-converter__BANNER_VAST_NATIVE_APP_25.json":     "bseat: not together with its alternative",
	"iab-openrtb3-converter__siteappdooh_present_2to3.json":      "site: not together with its alternative",
	"prebid-server__admixer-optional-params-2.json":              "imp[1].id: unique within the request",
	"prebid-server__admixer-optional-params.json":                "imp[1].id: unique within the request",
	"prebid-server__adyoulike-multiformat-impression.json":       "imp[1].video.mimes: required",
	"prebid-server__audienceNetwork-native-1.1.json":             "imp[0].native.request: required",
	"prebid-server__bliink-multiple_format_request.json":         "imp[1].id: unique within the request",
	"prebid-server__contxtful-contxtful_relay_test.json":         "site: not together with its alternative",
	"prebid-server__grid-multitype-native-2.json":                "imp[0].native.request: required",
	"prebid-server__huaweiads-bad_response_dont_find_impid.json": "imp[1].id: unique within the request",
	"prebid-server__kargo-status-no-content.json":                "imp[0].video.mimes: required",
	"prebid-server__mediasquare-multi-format.json":               "site: not together with its alternative",
	"prebid-server__mediasquare-no-valid-imp-ext.json":           "imp[0].banner: required",
	"prebid-server__rubicon-25-26-transition-period-2.json":      "site: not together with its alternative",
	"prebid-server__rubicon-25-26-transition-period.json":        "site: not together with its alternative",
	"prebid-server__rubicon-simple-video.json":                   "site: not together with its alternative",
	"prebid-server__silverpush-banner-without-w-h.json":          "site: not together with its alternative",
	"prebid-server__smaato-video.json":                           "imp[0].video.rqddurs: not together with its alternative",
	"prebid-server__smartadserver-native-app.json":               "site: not together with its alternative",
	"prebid-server__yandex-simple-banner-sizes.json":             "imp[4].id: unique within the request",
}

// toleratedDeviation lists the invalid files that get a 200: the request can be
// understood, and what is odd about it does not change what it asks for.
var toleratedDeviation = map[string]string{
	"invalid__derived__bom.json":                                                  "a UTF-8 byte order mark",
	"invalid__derived__bool-for-int-test.json":                                    "a number, text or boolean where another of them is due",
	"invalid__derived__case-variant-key.json":                                     "a key in another case is an unknown field",
	"invalid__derived__duplicate-id.json":                                         "the last of two equal keys holds",
	"invalid__derived__floor-as-string.json":                                      "a number, text or boolean where another of them is due",
	"invalid__derived__id-as-int.json":                                            "a number, text or boolean where another of them is due",
	"invalid__derived__macro-in-id.json":                                          "an id is any text; it is echoed, escaped",
	"invalid__derived__negative-floor.json":                                       "a negative floor asks for nothing",
	"invalid__derived__tmax-as-float.json":                                        "a number, text or boolean where another of them is due",
	"invalid__derived__tmax-as-string.json":                                       "a number, text or boolean where another of them is due",
	"invalid__invalid-whole__bid-adj-factors-case-invalid-same-bidder-names.json": "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__imp-ext-prebid-bidder-empty.json":                    "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__interstital-bad-perc.json":                           "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__invalid-bidder-params.json":                          "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__invalid-source.json":                                 "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__preferred-media-type-not-defined.json":               "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__regs-gdpr-invalid.json":                              "an unknown value of gdpr: no personal data is used",
	"invalid__invalid-whole__site-ext-amp.json":                                   "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__user-ext-consent-int.json":                           "a consent string that can not be read is none: no personal data is used",
	"invalid__invalid-whole__user-ext-prebid-buyeruids-empty.json":                "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__user-ext-prebid-buyeruids-unknown.json":              "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__user-ext-prebid-empty.json":                          "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__user-gdpr-consent-invalid.json":                      "a consent string that can not be read is none: no personal data is used",
}

// broadHouse bids on every banner.
func broadHouse(t testing.TB) *house {
	var creatives []campaigns.Creative
	for _, size := range [][2]int{{300, 250}, {728, 90}, {320, 50}, {160, 600}, {970, 250}, {336, 280}, {300, 600}, {468, 60}, {320, 480}} {
		c := box()
		c.W, c.H = size[0], size[1]
		creatives = append(creatives, c)
	}
	return newHouse(t, newCatalog([]campaigns.LineItem{
		cpm(90_000_000, campaigns.Targeting{}),
		cpm(95_000_000, campaigns.Targeting{Deals: []string{"1", "12345", "dealid"}}),
	}, creatives))
}

func TestEveryValidRequestIsServed(t *testing.T) {
	h := broadHouse(t)
	bids := 0
	forEachFile(t, dataDir(t, "openrtb", "valid"), func(t *testing.T, name string, body []byte) {
		r := h.bid(string(body))
		switch r.StatusCode() {
		case 200:
			bids++
			checkAnswer(t, body, r.Body())
		case 204:
		case 400:
			if breaksMust[name] == "" {
				t.Errorf("400, and not in the table of requests that break a MUST")
			}
		default:
			t.Errorf("got status %d", r.StatusCode())
		}
	})
	if bids < 50 {
		t.Fatalf("only %d requests got a bid: the answers were hardly tested", bids)
	}
	t.Logf("%d requests got a bid; no-bids: %v", bids, h.metrics.Totals().NoBids)
	if n := h.metrics.panics.Load(); n != 0 {
		t.Fatalf("%d requests panicked", n)
	}
}

// checkAnswer holds an answer against its request, as strict decoders read both.
func checkAnswer(t *testing.T, request, answer []byte) {
	t.Helper()
	var resp openrtb2.BidResponse
	if err := json.Unmarshal(answer, &resp); err != nil {
		t.Fatalf("the answer does not decode: %v", err)
	}
	var req openrtb2.BidRequest
	if err := json.Unmarshal(request, &req); err != nil {
		return // one of the 12 that strict decoders refuse
	}
	if resp.ID != req.ID {
		t.Errorf("id: got %q; want %q", resp.ID, req.ID)
	}
	imps := map[string]*openrtb2.Imp{}
	for i := range req.Imp {
		imps[req.Imp[i].ID] = &req.Imp[i]
	}
	for _, sb := range resp.SeatBid {
		for _, b := range sb.Bid {
			imp := imps[b.ImpID]
			if imp == nil || imp.Banner == nil {
				t.Fatalf("bid on %q, which is no banner of the request", b.ImpID)
			}
			if b.DealID == "" && (imp.BidFloorCur == "" || imp.BidFloorCur == resp.Cur) && b.Price < imp.BidFloor {
				t.Errorf("price %v is below the floor %v", b.Price, imp.BidFloor)
			}
			if !fits(imp.Banner, b.W, b.H) {
				t.Errorf("size %dx%d is not asked for", b.W, b.H)
			}
			if b.AdM == "" || b.NURL == "" || b.BURL == "" || len(b.ADomain) == 0 || b.CrID == "" {
				t.Errorf("something is missing: %+v", b)
			}
			for _, blocked := range req.BAdv {
				if strings.EqualFold(blocked, b.ADomain[0]) {
					t.Errorf("advertiser %q is blocked", blocked)
				}
			}
		}
	}
}

func fits(b *openrtb2.Banner, w, h int64) bool {
	for _, f := range b.Format {
		if f.W == w && f.H == h || f.WRatio > 0 && f.HRatio > 0 && w*f.HRatio == h*f.WRatio {
			return true
		}
	}
	return len(b.Format) == 0 && b.W != nil && b.H != nil && *b.W == w && *b.H == h
}

func TestEveryHostileBodyIsRefusedAtOnce(t *testing.T) {
	h := broadHouse(t)
	counts := map[int]int{}
	forEachFile(t, dataDir(t, "openrtb", "invalid"), func(t *testing.T, name string, body []byte) {
		var headers []string
		if strings.HasSuffix(name, ".gz") {
			headers = []string{"Content-Encoding", "gzip"}
		}
		began := time.Now()
		r := h.call("POST", "/openrtb2/demo", string(body), headers...)
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
		counts[r.StatusCode()]++
		switch r.StatusCode() {
		case 400:
			if len(r.Body()) != 0 {
				t.Error("a 400 must have no content")
			}
		case 204:
		case 200:
			if toleratedDeviation[name] == "" {
				t.Error("200, and not in the table of tolerated deviations")
			}
			if name != "invalid__derived__duplicate-id.json" && name != "invalid__derived__case-variant-key.json" {
				checkAnswer(t, body, r.Body()) // strict decoders read these two another way
			}
		default:
			t.Errorf("got status %d", r.StatusCode())
		}
	})
	t.Logf("answers by status: %v", counts)
	if n := h.metrics.panics.Load(); n != 0 {
		t.Fatalf("%d requests panicked", n)
	}
}

func forEachFile(t *testing.T, dir string, f func(t *testing.T, name string, body []byte)) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) < 100 {
		t.Fatalf("%s has %d files; the corpus is not complete", dir, len(entries))
	}
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			f(t, e.Name(), body)
		})
	}
}
