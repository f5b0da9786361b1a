package openrtb

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prebid/openrtb/v20/openrtb2"
)

// brokenValid are the files of openrtb/valid that break a MUST, with the field
// that breaks it and the reason.
var brokenValid = map[string]struct {
	field  string
	reason Reason
}{
	"bsm-openrtb__breq.native.json":                              {"bseat", ReasonExclusive},
	"iab-openrtb3-converter__BANNER_VAST_NATIVE_APP_25.json":     {"bseat", ReasonExclusive},
	"iab-openrtb3-converter__siteappdooh_present_2to3.json":      {"site", ReasonExclusive},
	"prebid-server__admixer-optional-params-2.json":              {"imp[1].id", ReasonDuplicate},
	"prebid-server__admixer-optional-params.json":                {"imp[1].id", ReasonDuplicate},
	"prebid-server__adyoulike-multiformat-impression.json":       {"imp[1].video.mimes", ReasonMissing},
	"prebid-server__audienceNetwork-native-1.1.json":             {"imp[0].native.request", ReasonMissing},
	"prebid-server__bliink-multiple_format_request.json":         {"imp[1].id", ReasonDuplicate},
	"prebid-server__contxtful-contxtful_relay_test.json":         {"site", ReasonExclusive},
	"prebid-server__grid-multitype-native-2.json":                {"imp[0].native.request", ReasonMissing},
	"prebid-server__huaweiads-bad_response_dont_find_impid.json": {"imp[1].id", ReasonDuplicate},
	"prebid-server__kargo-status-no-content.json":                {"imp[0].video.mimes", ReasonMissing},
	"prebid-server__mediasquare-multi-format.json":               {"site", ReasonExclusive},
	"prebid-server__mediasquare-no-valid-imp-ext.json":           {"imp[0].banner", ReasonMissing},
	"prebid-server__rubicon-25-26-transition-period-2.json":      {"site", ReasonExclusive},
	"prebid-server__rubicon-25-26-transition-period.json":        {"site", ReasonExclusive},
	"prebid-server__rubicon-simple-video.json":                   {"site", ReasonExclusive},
	"prebid-server__silverpush-banner-without-w-h.json":          {"site", ReasonExclusive},
	"prebid-server__smaato-video.json":                           {"imp[0].video.rqddurs", ReasonExclusive},
	"prebid-server__smartadserver-native-app.json":               {"site", ReasonExclusive},
	"prebid-server__yandex-simple-banner-sizes.json":             {"imp[4].id", ReasonDuplicate},
}

func TestValidFiles(t *testing.T) {
	files := jsonFiles(t, "valid")
	var r BidRequest // one for all, as in a pool
	for _, path := range files {
		name := filepath.Base(path)
		err := r.Decode(readFile(t, path))
		if err != nil {
			t.Errorf("%s: Decode: %v", name, err)
			continue
		}
		err = r.Validate()
		want, broken := brokenValid[name]
		if !broken {
			if err != nil {
				t.Errorf("%s: Validate: %v", name, err)
			}
			continue
		}
		if fe, ok := errors.AsType[*FieldError](err); !ok || fe.Field != want.field || fe.Reason != want.reason {
			t.Errorf("%s: Validate: got %v; want %s of %s", name, err, want.reason, want.field)
		}
	}
}

// TestAgreesWithPrebid compares every decoded field with the reading of
// encoding/json into prebid's types, where those accept the body.
func TestAgreesWithPrebid(t *testing.T) {
	compared := 0
	files := jsonFiles(t, "valid")
	var r BidRequest
	for _, path := range files {
		body := readFile(t, path)
		var q openrtb2.BidRequest
		if json.Unmarshal(body, &q) != nil || !comparable(body) {
			continue
		}
		if err := r.Decode(body); err != nil {
			t.Errorf("%s: prebid reads it, we do not: %v", filepath.Base(path), err)
			continue
		}
		compared++
		for _, diff := range prebidDiff(&r, &q) {
			t.Errorf("%s: %s", filepath.Base(path), diff)
		}
	}
	t.Logf("%d of %d files compared", compared, len(files))
	if compared < len(files)*9/10 {
		t.Errorf("compared %d of %d files; want nine of ten", compared, len(files))
	}
}

// acceptedInvalid are the files of openrtb/invalid that we accept, by why.
var acceptedInvalid = map[string][]string{
	"a deviation that is tolerated": {
		"derived__bom", "derived__bool-for-int-test", "derived__floor-as-string", "derived__id-as-int",
		"derived__negative-floor", "derived__tmax-as-float", "derived__tmax-as-string",
		"derived__duplicate-id",     // the last one holds
		"derived__case-variant-key", // another name, so an unknown field
		"derived__macro-in-id",      // an id is any text
	},
	"the native request is text here; the native encoder judges it": {
		"invalid-native__asset-data-invalid-type", "invalid-native__asset-data-no-type", "invalid-native__asset-empty",
		"invalid-native__asset-img-h-negative", "invalid-native__asset-img-hmin-negative",
		"invalid-native__asset-img-w-negative", "invalid-native__asset-img-wmin-negative",
		"invalid-native__asset-mixed-type", "invalid-native__asset-title-empty",
		"invalid-native__asset-video-mimes-empty", "invalid-native__asset-video-no-maxduration",
		"invalid-native__asset-video-no-mimes", "invalid-native__asset-video-no-minduration",
		"invalid-native__asset-video-no-protocols", "invalid-native__asset-video-protocols-empty",
		"invalid-native__asset-video-protocols-invalid", "invalid-native__assets-with-dup-ids",
		"invalid-native__assets-with-partial-ids", "invalid-native__context-type-content-incompatible-subtype",
		"invalid-native__context-type-product-incompatible-subtype",
		"invalid-native__context-type-social-incompatible-subtype", "invalid-native__contextsubtype-invalid",
		"invalid-native__contextsubtype-negative", "invalid-native__empty-object", "invalid-native__eventtracker-empty",
		"invalid-native__eventtracker-event-large", "invalid-native__eventtracker-methods-empty",
		"invalid-native__eventtracker-methods-large", "invalid-native__request-context-invalid",
		"invalid-native__request-plcmttype-invalid",
	},
	"a size is recommended, not required: no creative fits, so no bid": {
		"invalid-whole__banner-h-only", "invalid-whole__banner-w-only", "invalid-whole__banner-no-size",
		"invalid-whole__banner-hmax", "invalid-whole__banner-hmin", "invalid-whole__banner-wmax",
		"invalid-whole__banner-wmin", "invalid-whole__format-empty-array", "invalid-whole__format-empty-object",
		"invalid-whole__format-no-height", "invalid-whole__format-no-hratio", "invalid-whole__format-two-widths",
	},
	"wrong only for Prebid Server's own ext": {
		"invalid-whole__alias-bidder-self", "invalid-whole__alias-unknown-core",
		"invalid-whole__bid-adj-factors-case-invalid-same-bidder-names",
		"invalid-whole__bid-adjustment-invalid-bidder", "invalid-whole__bid-adjustment-negative",
		"invalid-whole__cache-nothing", "invalid-whole__imp-ext-empty", "invalid-whole__imp-ext-invalid-params",
		"invalid-whole__imp-ext-prebid-bidder-empty", "invalid-whole__imp-ext-unknown-bidder",
		"invalid-whole__imp-no-ext", "invalid-whole__interstital-bad-perc", "invalid-whole__interstitial-empty",
		"invalid-whole__invalid-bidder-params", "invalid-whole__invalid-source",
		"invalid-whole__preferred-media-type-not-defined", "invalid-whole__site-ext-amp",
		"invalid-whole__storedrequest-id-int", "invalid-whole__user-ext-prebid-buyeruids-empty",
		"invalid-whole__user-ext-prebid-buyeruids-unknown", "invalid-whole__user-ext-prebid-empty",
	},
	"odd, but no rule of OpenRTB and nothing that we read is broken": {
		"invalid-whole__audio-sequence-negative", "invalid-whole__device-geo-accuracy-negative",
		"invalid-whole__device-h-negative", "invalid-whole__device-ppi-negative", "invalid-whole__device-w-negative",
		"invalid-whole__no-site-or-app-or-dooh", "invalid-whole__site-empty",
		"invalid-whole__user-geo-accuracy-negative",
	},
	"privacy reads on the safe side: gdpr 2 is yes, a consent that is a number is no TCF string": {
		"invalid-whole__regs-gdpr-invalid", "invalid-whole__user-ext-consent-int",
		"invalid-whole__user-gdpr-consent-invalid",
	},
}

func TestInvalidFiles(t *testing.T) {
	accepted := map[string]bool{}
	for _, names := range acceptedInvalid {
		for _, name := range names {
			accepted["invalid__"+name+".json"] = true
		}
	}
	reasons := map[Reason]int{}
	var r BidRequest
	for _, path := range jsonFiles(t, "invalid") {
		name, body := filepath.Base(path), readFile(t, path)
		start := time.Now()
		err := r.Decode(body)
		if err == nil {
			err = r.Validate()
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("%s: took %v", name, d)
		}
		if accepted[name] != (err == nil) {
			t.Errorf("%s: got %v; accepted must be %v", name, err, accepted[name])
		}
		if err != nil {
			reasons[ReasonOf(err)]++
		}
		delete(accepted, name)
	}
	if len(accepted) > 0 {
		t.Errorf("listed, but there is no such file: %v", accepted)
	}
	t.Logf("refused: %v", reasons)
}

// TestGzipBomb unpacks the one packed file as the server does, with a bound.
func TestGzipBomb(t *testing.T) {
	f, err := os.Open(sharedData(t, "openrtb", "invalid", "invalid__derived__gzip-bomb-10mb.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(io.LimitReader(zr, MaxBody+1))
	if err != nil {
		t.Fatal(err)
	}
	var r BidRequest
	if err := r.Decode(body); ReasonOf(err) != ReasonLimit {
		t.Errorf("got %v; want a %s error", err, ReasonLimit)
	}
}

// jsonFiles lists the JSON files of one folder of the shared requests.
func jsonFiles(t *testing.T, folder string) []string {
	t.Helper()
	dir := sharedData(t, "openrtb", folder)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	if len(files) < 300 {
		t.Fatalf("%s holds %d files; want hundreds", dir, len(files))
	}
	return files
}
