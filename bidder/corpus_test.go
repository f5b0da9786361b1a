package bidder

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prebid/openrtb/v20/openrtb2"
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
	"invalid__invalid-whole__alias-bidder-self.json":                              "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__alias-unknown-core.json":                             "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__bid-adjustment-invalid-bidder.json":                  "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__bid-adjustment-negative.json":                        "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__cache-nothing.json":                                  "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__storedrequest-id-int.json":                           "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__imp-ext-empty.json":                                  "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__imp-no-ext.json":                                     "wrong only for Prebid Server's own ext",
	"invalid__invalid-whole__audio-sequence-negative.json":                        "audio.sequence is deprecated and not read",
	"invalid__invalid-whole__no-site-or-app-or-dooh.json":                         "site, app and dooh are recommended, not required (section 3.2.1)",
	"invalid__invalid-whole__site-empty.json":                                     "an empty site says nothing",
}

// refusedByStrictDecoders are the valid files that prebid's types can't decode
// (the last column of the corpus's INDEX.tsv): what exchanges really send.
var refusedByStrictDecoders = []string{
	"iab-openrtb3-converter__DefaultRequestValueIsNullNative_3to2.json", "iab-openrtb3-converter__NATIVE_APP_24.json",
	"iab-openrtb3-converter__NATIVE_SITE_23.json", "iab-openrtb3-converter__NATIVE_SITE_24.json",
	"iab-openrtb3-converter__TC36.json", "iab-openrtb3-converter__adTypeMappingAllAdTypes2to3.json",
	"iab-openrtb3-converter__adTypeMappingAllAdTypesSite2to3.json", "iab-openrtb3-converter__idStringFormat47.json",
	"iab-openrtb3-converter__nativeStringBackupConfigFalse.json", "scala-openrtb__bidswitch-bidrequest.json",
	"scala-openrtb__elasticads-bidrequest.json", "scala-openrtb__openrtb-like-bidrequest-native.json",
}

// leastBids are how many bids of each medium the valid files must get, so that
// the answers' checks see enough of them: somewhat less than they do get.
var leastBids = map[medium]int{mediumBanner: 280, mediumVideo: 200, mediumAudio: 20, mediumNative: 100}

// TestEveryValidRequestIsServed plays the corpus: each file gets a 200 or a 204,
// but for those that break a MUST, and each bid keeps what its request asks for.
func TestEveryValidRequestIsServed(t *testing.T) {
	houses := broadHouses{}
	var bids [mediumCount]int
	requests := 0
	forEachFile(t, dataDir(t, "openrtb", "valid"), func(t *testing.T, name string, body []byte) {
		r := houses.bid(t, body)
		if rule := breaksMust[name]; rule != "" != (r.StatusCode() == 400) {
			t.Errorf("got status %d; the table of requests that break a MUST says %q", r.StatusCode(), rule)
		}
		switch r.StatusCode() {
		case 200:
			requests++
			for m, n := range checkAnswer(t, body, r.Body()) {
				bids[m] += n
			}
		case 204, 400:
		default:
			t.Errorf("got status %d", r.StatusCode())
		}
	})
	for m, n := range bids {
		if least := leastBids[medium(m)]; n < least {
			t.Errorf("only %d %v bids; want at least %d, or their answers are hardly tested", n, medium(m), least)
		}
		t.Logf("%v: %d bids", medium(m), n)
	}
	t.Logf("%d requests got bids; no-bids: %v", requests, houses.noBids(t))
}

// TestStrictDecodersRefuseWhatWeServe: the files are what the list says, and get
// an answer.
func TestStrictDecodersRefuseWhatWeServe(t *testing.T) {
	houses := broadHouses{}
	dir := dataDir(t, "openrtb", "valid")
	bids := 0
	for _, name := range refusedByStrictDecoders {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var req openrtb2.BidRequest
		if json.Unmarshal(body, &req) == nil {
			t.Errorf("%s: strict decoders take it; it does not belong on the list", name)
		}
		switch r := houses.bid(t, body); r.StatusCode() {
		case 200:
			bids++
			checkAnswer(t, body, r.Body())
		case 204:
		default:
			t.Errorf("%s: got %d; want 200 or 204", name, r.StatusCode())
		}
	}
	t.Logf("%d of %d got bids; no-bids: %v", bids, len(refusedByStrictDecoders), houses.noBids(t))
}

func TestEveryHostileBodyIsRefusedAtOnce(t *testing.T) {
	h := broadHouse(t, "bh1")
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
