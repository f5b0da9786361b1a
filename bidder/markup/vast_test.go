package markup

import (
	"strconv"
	"strings"
	"testing"

	"bidhawk/bidder/viewability"
	"bidhawk/campaigns"
)

// creatives are one of each kind, with the versions that each is served in.
func creatives() map[string]struct {
	ad       *campaigns.Creative
	versions []Version
} {
	every := []Version{VAST20, VAST30, VAST40, VAST41, VAST42}
	bare := film()
	bare.ADomain, bare.Cat, bare.LandingURL, bare.API = nil, nil, "", nil
	bare.VAST = &campaigns.VAST{Duration: 15, MediaFiles: bare.VAST.MediaFiles[:1]}
	overlayTag := wrapped(2)
	overlayTag.VAST.NonLinear = true
	script := film()
	script.API = []int{2}
	script.VAST.MediaFiles = append(script.VAST.MediaFiles, campaigns.MediaFile{URL: "https://cdn.example/ad.js", MIME: "application/javascript", W: 1, H: 1})
	return map[string]struct {
		ad       *campaigns.Creative
		versions []Version
	}{
		"film":        {film(), every},
		"bare":        {bare, every},
		"song":        {song(), every},
		"overlay":     {overlay(), every},
		"script":      {script, every},
		"tag of 2":    {wrapped(2), every},
		"tag of 3":    {wrapped(3), every[1:]},
		"tag of 4":    {wrapped(4), every[2:]},
		"overlay tag": {overlayTag, every},
	}
}

// TestVASTKeepsTheSchemas: order, required elements and attributes of every
// version, by schemas of the test's own.
func TestVASTKeepsTheSchemas(t *testing.T) {
	bySchema := schemas(t)
	for name, c := range creatives() {
		served := map[Version]bool{}
		for _, v := range c.versions {
			served[v] = true
			for _, b := range bySchema[v].breaks(render(t, c.ad, v), v) {
				t.Errorf("%s in %s: %s", name, v, b)
			}
		}
		for v := range Version(Versions) {
			if _, err := VAST(c.ad, options, v); (err == nil) != served[v] {
				t.Errorf("%s in %s: got %v; served must be %v", name, v, err, served[v])
			}
		}
	}
}

// TestSchemasSeeBreaks: the checker fails where a document is wrong.
func TestSchemasSeeBreaks(t *testing.T) {
	bySchema := schemas(t)
	f := func(v Version, old, changed string) {
		t.Helper()
		doc := string(render(t, film(), v))
		if n := strings.Count(doc, old); n == 0 {
			t.Fatalf("%q is not in %s", old, doc)
		}
		if len(bySchema[v].breaks([]byte(strings.ReplaceAll(doc, old, changed)), v)) == 0 {
			t.Errorf("%s with %q for %q breaks nothing", v, changed, old)
		}
	}
	f(VAST20, `<Ad id="42">`, `<Ad>`)
	f(VAST20, `<Linear>`, `<Linear skipoffset="00:00:05">`)
	f(VAST20, `<AdTitle>`, `<Advertiser>x</Advertiser><AdTitle>`)
	f(VAST30, `event="skip"`, `event="loaded"`)
	f(VAST30, `00:00:05`, `5`)
	f(VAST30, ` type="video/mp4"`, ``)
	f(VAST40, ` xmlns="http://www.iab.com/VAST"`, ``)
	f(VAST40, ` idValue="42"`, ``)
	f(VAST40, `<Category authority="iabtechlab.com">`, `<Category>`)
	f(VAST41, `<AdServingId>0123456789abcdef0123456789abcdef</AdServingId>`, ``)
	f(VAST41, `<AdServingId>0123456789abcdef0123456789abcdef</AdServingId>`, `<AdServingId></AdServingId>`)
	f(VAST42, `<UniversalAdId idRegistry="ads.example">42</UniversalAdId>`, ``)
	f(VAST42, `<Duration>01:02:05</Duration>`, ``)
	f(VAST42, `version="4.2"`, `version="4.1"`)
	f(VAST42, `</VAST>`, `</VAST><VAST/>`)
}

func TestVASTInline(t *testing.T) {
	for v := range Version(Versions) {
		doc := mustParse(t, render(t, film(), v))
		f := func(path, want string) {
			t.Helper()
			if got := doc.texts("Ad/InLine/" + path); got != want {
				t.Errorf("%s %s: got %q; want %q", v, path, got, want)
			}
		}
		since := func(first Version, want string) string {
			if v < first {
				return ""
			}
			return want
		}
		before := func(last Version, want string) string {
			if v >= last {
				return ""
			}
			return want
		}
		const click = "https://ads.example/t/click/CLICK-token_1"
		f("AdSystem", "Bidhawk")
		f("AdTitle", `Tea & "more" <now>`)
		f("Advertiser", since(VAST30, "shop.example"))
		f("Category", since(VAST40, "IAB8-18 IAB8"))
		f("AdServingId", since(VAST41, string(values().Bid)))
		f("Impression", string(values().Impression))
		f("Error", eventBase+"error/EVENT-token_1?code=[ERRORCODE]")
		f("ViewableImpression/Viewable", since(VAST40, eventBase+"viewable/EVENT-token_1"))
		f("Creatives/Creative/UniversalAdId", since(VAST40, "42 42-companion"))
		const linear = "Creatives/Creative/Linear/"
		f(linear+"Duration", "01:02:05")
		f(linear+"VideoClicks/ClickThrough", click)
		f(linear+"VideoClicks/ClickTracking", "") // the way through counts already
		f(linear+"MediaFiles/MediaFile", "https://cdn.example/tea.mp4?a=1&b=2 https://cdn.example/tea.m3u8")
		var tracked []string
		for _, e := range []string{"start", "firstQuartile", "midpoint", "thirdQuartile", "complete", "skip"} {
			if e != "skip" || v >= VAST30 {
				tracked = append(tracked, eventBase+e+"/EVENT-token_1")
			}
		}
		f(linear+"TrackingEvents/Tracking", strings.Join(tracked, " "))
		f("Creatives/Creative/CompanionAds/Companion/StaticResource", "https://cdn.example/tea.png?v=2")
		f("Creatives/Creative/CompanionAds/Companion/CompanionClickThrough", click)
		f("Creatives/Creative/CompanionAds/Companion/TrackingEvents/Tracking", eventBase+"companionView/EVENT-token_1")
		const verify = "AdVerifications/Verification/"
		f(verify+"JavaScriptResource", since(VAST41, "https://v.example/omid.js https://o.example/omid.js"))
		f("Extensions/Extension/"+verify+"JavaScriptResource", before(VAST41, "https://v.example/omid.js https://o.example/omid.js"))
		f(verify+"VerificationParameters", since(VAST41, `{"a":"<b>"}`))

		a := func(path, name, want string) {
			t.Helper()
			if got := doc.attr("Ad/InLine/"+path, name); got != want {
				t.Errorf("%s %s/@%s: got %q; want %q", v, path, name, got, want)
			}
		}
		a("Creatives/Creative/Linear", "skipoffset", since(VAST30, "00:00:05"))
		a(linear+"MediaFiles/MediaFile", "delivery", "progressive streaming")
		a(linear+"MediaFiles/MediaFile", "type", "video/mp4 application/x-mpegurl")
		a(linear+"MediaFiles/MediaFile", "width", "1280 640")
		a(linear+"MediaFiles/MediaFile", "bitrate", "2500")
		a("Creatives/Creative/CompanionAds/Companion/StaticResource", "creativeType", "image/png")
		a("Creatives/Creative/UniversalAdId", "idRegistry", since(VAST40, "ads.example ads.example"))
	}
}

func TestVASTWrapper(t *testing.T) {
	for v := range Version(Versions) {
		doc := mustParse(t, render(t, wrapped(2), v))
		f := func(path, want string) {
			t.Helper()
			if got := doc.texts("Ad/Wrapper/" + path); got != want {
				t.Errorf("%s %s: got %q; want %q", v, path, got, want)
			}
		}
		f("VASTAdTagURI", "https://other.example/vast?a=1&b=2")
		f("Impression", string(values().Impression))
		f("Error", eventBase+"error/EVENT-token_1?code=[ERRORCODE]")
		f("Creatives/Creative/Linear/VideoClicks/ClickTracking", string(values().Click))
		f("Creatives/Creative/Linear/VideoClicks/ClickThrough", "")
		f("Creatives/Creative/UniversalAdId", "")
		f("Creatives/Creative/Linear/Duration", "")
		if got := len(doc.all("Ad/Wrapper/Creatives/Creative/Linear/TrackingEvents/Tracking")); got != 5 && v < VAST30 || got != 6 && v >= VAST30 {
			t.Errorf("%s: %d events", v, got)
		}
		if got, want := doc.attr("Ad/Wrapper", "followAdditionalWrappers"), map[bool]string{true: "true"}[v >= VAST40]; got != want {
			t.Errorf("%s: followAdditionalWrappers %q; want %q", v, got, want)
		}
	}
}

func TestVASTAudio(t *testing.T) {
	for v := range Version(Versions) {
		doc := mustParse(t, render(t, song(), v))
		if got, want := doc.attr("Ad", "adType"), map[bool]string{true: "audio"}[v >= VAST41]; got != want {
			t.Errorf("%s: adType %q; want %q", v, got, want)
		}
		const file = "Ad/InLine/Creatives/Creative/Linear/MediaFiles/MediaFile"
		if w, h := doc.attr(file, "width"), doc.attr(file, "height"); w != "0" || h != "0" {
			t.Errorf("%s: a sound of %s x %s; want 0 x 0", v, w, h)
		}
		if len(doc.all("Ad/InLine/ViewableImpression")) > 0 {
			t.Errorf("%s: a sound can't be seen", v)
		}
	}
}

func TestVASTNonLinear(t *testing.T) {
	for v := range Version(Versions) {
		doc := mustParse(t, render(t, overlay(), v))
		const ads = "Ad/InLine/Creatives/Creative/NonLinearAds"
		if got := doc.texts(ads + "/NonLinear/StaticResource"); got != "https://cdn.example/bar.gif" {
			t.Errorf("%s: got %q", v, got)
		}
		if got := doc.texts(ads + "/NonLinear/NonLinearClickThrough"); got != string(values().Click) {
			t.Errorf("%s: got %q", v, got)
		}
		if got := doc.attr(ads+"/NonLinear", "width") + "x" + doc.attr(ads+"/NonLinear", "height"); got != "480x70" {
			t.Errorf("%s: got %s", v, got)
		}
		if len(doc.all("Ad/InLine/Creatives/Creative/Linear")) > 0 {
			t.Errorf("%s: an overlay is not linear", v)
		}
	}
}

func TestVASTScript(t *testing.T) {
	c := creatives()["script"].ad
	const file = "Ad/InLine/Creatives/Creative/Linear/MediaFiles/MediaFile"
	if got := mustParse(t, render(t, c, VAST30)).attr(file, "apiFramework"); got != "VPAID" {
		t.Errorf("got %q; want VPAID of the script alone", got)
	}
}

func TestVASTRefuses(t *testing.T) {
	f := func(v Version, change func(c *campaigns.Creative), want string) {
		t.Helper()
		c := film()
		change(c)
		_, err := VAST(c, options, v)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "creative 42") {
			t.Errorf("got %v; want an error of creative 42 with %q", err, want)
		}
	}
	f(VAST42, func(c *campaigns.Creative) { c.VAST = nil }, "field vast: must be given")
	f(VAST42, func(c *campaigns.Creative) { c.VAST.MediaFiles = nil }, "field vast.media_files: got none")
	f(VAST42, func(c *campaigns.Creative) { c.VAST.Duration = 0 }, "field vast.duration_seconds: got 0")
	f(VAST20, func(c *campaigns.Creative) { *c = *wrapped(3) }, "field vast.tag_version: got 3")
	f(VAST30, func(c *campaigns.Creative) { c.VAST.NonLinear = true }, `field vast.media_files[0].mime: got "video/mp4"`)
	f(VAST30, func(c *campaigns.Creative) { *c = *song(); c.VAST.NonLinear = true }, "field vast.non_linear: got true")
}

func TestProtocols(t *testing.T) {
	f := func(v Version, inline, wrapper int) {
		t.Helper()
		if got := Protocol(v, false); got != inline {
			t.Errorf("%s: got %d; want %d", v, got, inline)
		}
		if got := Protocol(v, true); got != wrapper {
			t.Errorf("%s wrapper: got %d; want %d", v, got, wrapper)
		}
	}
	f(VAST20, 2, 5)
	f(VAST30, 3, 6)
	f(VAST40, 7, 8)
	f(VAST41, 11, 12)
	f(VAST42, 13, 14)

	g := func(protocols []int, wrapper bool, want ...Version) {
		t.Helper()
		s := VersionsOf(protocols, wrapper)
		var wanted VersionSet
		for _, v := range want {
			wanted |= 1 << v
		}
		if s != wanted {
			t.Errorf("VersionsOf(%v, %v) = %b; want %b", protocols, wrapper, s, wanted)
		}
	}
	g(nil, false)
	g([]int{1, 4, 9, 10, 0, -1, 600}, false)
	g([]int{1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, false, VAST20, VAST30, VAST40, VAST41, VAST42)
	g([]int{2, 3, 7, 11, 13}, true)
	g([]int{2, 6, 14, 3}, true, VAST30, VAST42)
}

// TestMarksAreTextsOfNobody: a text that looks like a mark of ours stays a text.
func TestMarksAreTextsOfNobody(t *testing.T) {
	c := film()
	c.Name = "slot0-a slot1-c slot2-"
	c.VAST.MediaFiles[0].URL = "https://cdn.example/slot3-d.mp4"
	doc := mustParse(t, render(t, c, VAST42))
	if got := doc.texts("Ad/InLine/AdTitle"); got != c.Name {
		t.Errorf("got %q; want %q", got, c.Name)
	}
	if got := doc.texts("Ad/InLine/Creatives/Creative/Linear/MediaFiles/MediaFile"); !strings.HasPrefix(got, c.VAST.MediaFiles[0].URL) {
		t.Errorf("got %q", got)
	}
}

// TestMarksRunOut: an ad that holds every mark is refused, not served wrong.
func TestMarksRunOut(t *testing.T) {
	c := film()
	for n := range 1000 {
		c.VAST.Verification[0].Parameters += "slot" + strconv.Itoa(n) + "-"
	}
	if _, err := VAST(c, options, VAST42); err == nil || !strings.Contains(err.Error(), "mark") {
		t.Errorf("got %v; want an error about marks", err)
	}
}

func TestRegistryOfIDs(t *testing.T) {
	f := func(publicURL, want string) {
		t.Helper()
		tm, err := VAST(film(), Options{PublicURL: publicURL}, VAST42)
		if err != nil {
			t.Fatal(err)
		}
		root := mustParse(t, tm.Append(nil, values()))
		if got := root.attr("Ad/InLine/Creatives/Creative/UniversalAdId", "idRegistry"); got != want+" "+want {
			t.Errorf("%s: got %q; want %q twice", publicURL, got, want)
		}
	}
	f("https://Ads.Example:8443/x", "ads.example")
	f("", "unknown")
	f("://", "unknown")
}

func TestImageMIME(t *testing.T) {
	f := func(address, want string) {
		t.Helper()
		if got := imageMIME(address, "other"); got != want {
			t.Errorf("%s: got %s; want %s", address, got, want)
		}
	}
	f("https://cdn.example/a.jpg", "image/jpeg")
	f("https://cdn.example/a.JPEG?v=.png", "image/jpeg")
	f("https://cdn.example/a.png#x.gif", "image/png")
	f("https://cdn.example/a.b.gif", "image/gif")
	f("https://cdn.example/a.webp", "image/webp")
	f("https://cdn.example/a.avif", "image/avif")
	f("https://cdn.example/a.svg", "image/svg+xml")
	f("https://cdn.png/a", "other")
	f("", "other")
}

func TestEveryAddressIsInCDATA(t *testing.T) {
	for name, c := range creatives() {
		for _, v := range c.versions {
			doc := string(render(t, c.ad, v))
			if n, in := strings.Count(doc, "https://"), strings.Count(doc, "<![CDATA[https://"); n != in {
				t.Errorf("%s in %s: %d of %d addresses are in CDATA: %s", name, v, in, n, doc)
			}
		}
	}
}

func TestEventsAreListed(t *testing.T) {
	listed := map[string]bool{}
	for _, e := range Events() {
		if listed[string(e)] {
			t.Errorf("%s is listed twice", e)
		}
		listed[string(e)] = true
	}
	seen := map[string]bool{}
	for _, c := range creatives() {
		for _, v := range c.versions {
			for part := range strings.SplitSeq(string(render(t, c.ad, v)), eventBase) {
				if name, _, ok := strings.Cut(part, "/EVENT-token_1"); ok && !strings.Contains(name, "<") {
					seen[name] = true
				}
			}
		}
	}
	script, err := viewability.Load()
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(string(script.Plain), "events + '") {
		if name, _, ok := strings.Cut(part, "/'"); ok && !strings.Contains(name, "\n") {
			seen[name] = true
		}
	}
	for name := range seen {
		if !listed[name] {
			t.Errorf("%s is used and not listed", name)
		}
	}
	for name := range listed {
		if !seen[name] {
			t.Errorf("%s is listed and not used", name)
		}
	}
}
