package campaigns

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCreativeRules(t *testing.T) {
	f := func(field, value, rule string, edit func(*Creative, *Refs)) {
		t.Helper()
		w := newWorld()
		edit(w.creative, &w.refs)
		rejects(t, w.creative, &w.refs, "creative."+field, value, rule)
	}
	html := func(s string) func(*Creative, *Refs) {
		return func(c *Creative, _ *Refs) { c.ImageURL, c.HTML = "", s }
	}
	f("name", "", "1 to 200", func(c *Creative, _ *Refs) { c.Name = "" })
	f("advertiser_id", "2", "existing advertiser", func(c *Creative, r *Refs) { r.Advertiser = nil })
	f("advertiser_id", "2", "must not change", func(c *Creative, r *Refs) { r.Before = &Creative{AdvertiserID: 9} })
	f("format", "popup", "banner, video, audio or native", func(c *Creative, _ *Refs) { c.Format = "popup" })
	f("w", "0", "1 to 10000", func(c *Creative, _ *Refs) { c.W = 0 })
	f("h", "10001", "1 to 10000", func(c *Creative, _ *Refs) { c.H = 10001 })
	f("image_url", "", "exactly one", func(c *Creative, _ *Refs) { c.ImageURL = "" })
	f("html", "<a>", "exactly one", func(c *Creative, _ *Refs) { c.HTML = "<a>" })
	for _, u := range []string{"http://cdn.example/a.png", "//cdn.example/a", "https://", "https://u:p@cdn.example/", "https://cdn.example:8443/",
		"https://cdn/a", `https://cdn.example\a`, "javascript:alert(1)", "https://cdn.example/\x00", "https://" + long(2048)} {
		f("image_url", u[:min(len(u), 12)], "must be a", func(c *Creative, _ *Refs) { c.ImageURL = u })
	}
	f("html", "<p>", "at most 65536", html("<p>"+long(MaxHTMLBytes)))
	f("html", "\x00", "UTF-8", html("\x00"))
	for _, s := range []string{`<img src="http://x.example/a">`, `<IMG SRC = 'HTTP://x'>`, `<i style="background:url( http://x)">`} {
		f("html", s[:5], "https", html(s))
	}
	f("landing_url", "", "must be given", func(c *Creative, _ *Refs) { c.LandingURL = "" })
	f("landing_url", "", "must be given", func(c *Creative, _ *Refs) { c.ImageURL, c.HTML, c.LandingURL = "", `<a href="${CLICK_URL}">`, "" })
	f("landing_url", "http://shop", "https", func(c *Creative, _ *Refs) { c.LandingURL = "http://shop.acme.example/" })
	f("landing_url", "https://evil", "redirect_hosts", func(c *Creative, _ *Refs) { c.LandingURL = "https://evil.example/" })
	f("landing_url", "https://sub", "redirect_hosts", func(c *Creative, _ *Refs) { c.LandingURL = "https://sub.shop.acme.example/" })
	f("adomain[0]", "acme", "domain name", func(c *Creative, _ *Refs) { c.ADomain = []string{"acme"} })
	f("adomain", "11", "at most 10", func(c *Creative, _ *Refs) { c.ADomain = repeat(11, "a.b") })
	f("cat[0]", "x", "IAB content", func(c *Creative, _ *Refs) { c.Cat = []string{"x"} })
	f("cat[1]", "iab1", "cattax 1", func(c *Creative, _ *Refs) { c.Cat = []string{"IAB1", "iab1"} })
	f("cat[0]", "IAB1", "cattax 6", func(c *Creative, _ *Refs) { c.CatTax, c.Cat = 6, []string{"IAB1"} })
	f("cat[0]", "IAB1", "IAB content", func(c *Creative, r *Refs) { r.Categories = nil; c.Cat = []string{"IAB1"} })
	for _, n := range []int{-1, 0, 3, 4, 8, 10, 500} {
		f("cattax", fmt.Sprint(n), "1, 2, 5, 6, 7 or 9", func(c *Creative, _ *Refs) { c.CatTax = n })
	}
	f("cat", "21", "at most 20", func(c *Creative, _ *Refs) { c.Cat = repeat(21, "IAB1") })
	f("bundle", "com.a b", "bundle id", func(c *Creative, _ *Refs) { c.Bundle = "com.a b" })
	f("bundle", "aaa", "1 to 256", func(c *Creative, _ *Refs) { c.Bundle = long(257) })
	f("api[0]", "0", "1 to 9", func(c *Creative, _ *Refs) { c.API = []int{0} })
	f("api[1]", "10", "1 to 9", func(c *Creative, _ *Refs) { c.API = []int{7, 10} })
	f("api[0]", "1000", "500 to 999", func(c *Creative, _ *Refs) { c.API = []int{1000} })
	f("api", "21", "at most 20", func(c *Creative, _ *Refs) { c.API = ones(21) })
	f("attr[1]", "19", "AdCOM", func(c *Creative, _ *Refs) { c.Attr = []int{1, 19} })
	f("attr", "51", "at most 50", func(c *Creative, _ *Refs) { c.Attr = ones(51) })
	f("language", "eng", "639-1", func(c *Creative, _ *Refs) { c.Language = "eng" })
}

func ones(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// creativeRule returns an f that edits the creative that plant makes and expects
// exactly one violation.
func creativeRule(t *testing.T, plant func(*world) *Creative) func(field, value, rule string, edit func(*Creative)) {
	return func(field, value, rule string, edit func(*Creative)) {
		t.Helper()
		w := newWorld()
		v := plant(w)
		edit(v)
		rejects(t, v, &w.refs, "creative."+field, value, rule)
	}
}

// TestValidCreatives: what each format may hold.
func TestValidCreatives(t *testing.T) {
	f := func(name string, plant func(*world) *Creative, edit func(*Creative)) {
		t.Helper()
		w := newWorld()
		v := plant(w)
		edit(v)
		v.Normalize()
		if err := v.Validate(&w.refs); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	banner := func(w *world) *Creative { return w.creative }
	video, audio, native := (*world).video, (*world).audio, (*world).native
	f("MRAID", banner, func(v *Creative) {
		v.ImageURL, v.HTML, v.API, v.ExpDir = "", "<b>${CLICK_URL}</b>", []int{3, 5, 6}, []int{1, 6}
	})
	f("html without clicks", banner, func(v *Creative) { v.ImageURL, v.HTML, v.LandingURL = "", "<b>", "" })
	f("a framework of an exchange", banner, func(v *Creative) { v.API = []int{500, 999} })
	f("later taxonomy", banner, func(v *Creative) { v.CatTax, v.Cat = 6, []string{"Rm3SiT"} })
	f("app", banner, func(v *Creative) { v.Bundle = "com.acme.app" })
	f("video", video, func(*Creative) {})
	f("video that leads nowhere", video, func(v *Creative) { v.LandingURL = "" })
	f("video with all", video, func(v *Creative) {
		v.W, v.H, v.API = 640, 360, []int{7}
		v.VAST.SkipOffset = 29
		v.VAST.Companions = []Companion{{W: 300, H: 250, ImageURL: "https://cdn.example/c.png"}}
		v.VAST.Verification = []Verification{{"acme.example-omid", "https://v.example/omid.js", `{"a":1}`}}
		v.VAST.MediaFiles = append(v.VAST.MediaFiles, MediaFile{URL: "https://cdn.example/a.m3u8", MIME: "application/vnd.apple.mpegurl", W: 640, H: 360, Streaming: true})
	})
	f("VPAID", video, func(v *Creative) { v.API, v.VAST.MediaFiles[0].MIME = []int{2}, "application/javascript" })
	f("tag", video, func(v *Creative) {
		v.LandingURL = ""
		v.VAST = &VAST{TagURL: "https://tag.example/vast?cb=[CACHEBUSTING]&p=${AUCTION_PRICE}", TagVersion: 4, Duration: 3600}
	})
	f("overlay", video, func(v *Creative) {
		v.VAST.NonLinear, v.VAST.MediaFiles[0].MIME = true, "image/png"
	})
	f("audio", audio, func(v *Creative) {
		v.VAST.Companions = []Companion{{W: 300, H: 250, ImageURL: "https://cdn.example/c.png"}}
	})
	f("audio tag", audio, func(v *Creative) {
		v.VAST = &VAST{TagURL: "https://tag.example/vast", TagVersion: 4, Duration: 15}
	})
	f("native", native, func(*Creative) {})
	f("native of a title", native, func(v *Creative) { v.Native = &NativeAd{Title: "A"} })
	f("registered", banner, func(v *Creative) {
		v.Exchanges = map[string]Registration{"google": {Status: " Approved "}, "xandr": {RegistrationRejected, "77", "blurred"}, "index": {Status: RegistrationPending, ID: "a/b"}}
	})
}

func TestFieldsOfOtherFormats(t *testing.T) {
	f := func(plant func(*world) *Creative, field, value string, edit func(*Creative)) {
		t.Helper()
		creativeRule(t, plant)(field, value, "must not be given where the format is", edit)
	}
	banner := func(w *world) *Creative { return w.creative }
	f(banner, "vast", "{...}", func(v *Creative) { v.VAST = &VAST{} })
	f(banner, "native", "{...}", func(v *Creative) { v.Native = &NativeAd{} })
	for _, plant := range []func(*world) *Creative{(*world).video, (*world).audio} {
		f(plant, "image_url", "https://cdn", func(v *Creative) { v.ImageURL = "https://cdn.example/a.png" })
		f(plant, "html", "<b>", func(v *Creative) { v.HTML = "<b>" })
		f(plant, "expdir", "[1]", func(v *Creative) { v.ExpDir = []int{1} })
		f(plant, "native", "{...}", func(v *Creative) { v.Native = &NativeAd{} })
	}
	f((*world).audio, "w", "640", func(v *Creative) { v.W = 640 })
	f((*world).audio, "h", "360", func(v *Creative) { v.H = 360 })
	f((*world).native, "w", "300", func(v *Creative) { v.W = 300 })
	f((*world).native, "h", "250", func(v *Creative) { v.H = 250 })
	f((*world).native, "image_url", "https://cdn", func(v *Creative) { v.ImageURL = "https://cdn.example/a.png" })
	f((*world).native, "html", "<b>", func(v *Creative) { v.HTML = "<b>" })
	f((*world).native, "expdir", "[1]", func(v *Creative) { v.ExpDir = []int{1} })
	f((*world).native, "vast", "{...}", func(v *Creative) { v.VAST = &VAST{} })
}

func TestExpandableRules(t *testing.T) {
	f := creativeRule(t, func(w *world) *Creative {
		w.creative.ImageURL, w.creative.HTML = "", "<b>"
		return w.creative
	})
	f("expdir[0]", "0", "1 to 6", func(v *Creative) { v.ExpDir = []int{0} })
	f("expdir[1]", "7", "1 to 6", func(v *Creative) { v.ExpDir = []int{1, 7} })
	f("expdir", "7", "at most 6", func(v *Creative) { v.ExpDir = ones(7) })
	f("expdir", "[1]", "does not expand", func(v *Creative) { v.HTML, v.ImageURL, v.ExpDir = "", "https://cdn.example/a", []int{1} })
}

func TestVideoRules(t *testing.T) {
	f := creativeRule(t, (*world).video)
	f("w", "10001", "1 to 10000", func(v *Creative) { v.W, v.H = 10_001, 1 })
	f("h", "0", "1 to 10000", func(v *Creative) { v.W = 640 })
	f("vast", "", "must be given where the format is video", func(v *Creative) { v.VAST = nil })
	f("landing_url", "http://shop", "https", func(v *Creative) { v.LandingURL = "http://shop.acme.example/" })
	f("landing_url", "https://evil", "redirect_hosts", func(v *Creative) { v.LandingURL = "https://evil.example/" })
	g := func(field, value, rule string, edit func(*VAST)) {
		t.Helper()
		f("vast."+field, value, rule, func(v *Creative) { edit(v.VAST) })
	}
	g("media_files", "[]", "exactly one", func(a *VAST) { a.MediaFiles = nil })
	g("tag_url", "https://tag", "exactly one", func(a *VAST) { a.TagURL = "https://tag.example/" })
	g("tag_url", "http://tag", "https", func(a *VAST) { *a = VAST{TagURL: "http://tag.example/", TagVersion: 3, Duration: 1} })
	g("tag_url", "https://aaa", "at most 2048", func(a *VAST) { *a = VAST{TagURL: "https://" + long(2048), TagVersion: 3, Duration: 1} })
	for _, n := range []int{0, 1, 5} {
		g("tag_version", fmt.Sprint(n), "2 to 4", func(a *VAST) { *a = VAST{TagURL: "https://tag.example/", TagVersion: n, Duration: 1} })
	}
	g("tag_version", "4", "without tag_url", func(a *VAST) { a.TagVersion = 4 })
	g("duration_seconds", "0", "1 to 3600", func(a *VAST) { a.Duration = 0 })
	g("duration_seconds", "3601", "1 to 3600", func(a *VAST) { a.Duration = 3601 })
	g("skip_offset_seconds", "30", "less than duration", func(a *VAST) { a.SkipOffset = 30 })
	g("skip_offset_seconds", "-1", "less than duration", func(a *VAST) { a.SkipOffset = -1 })
	g("skip_offset_seconds", "5", "overlay", func(a *VAST) { a.NonLinear, a.SkipOffset, a.MediaFiles[0].MIME = true, 5, "image/png" })
	g("media_files", "51", "at most 50", func(a *VAST) {
		for len(a.MediaFiles) < 51 {
			a.MediaFiles = append(a.MediaFiles, a.MediaFiles[0])
		}
	})
	g("companions[0].image_url", "http://cdn", "https", func(a *VAST) { a.Companions = []Companion{{W: 300, H: 250, ImageURL: "http://cdn.example/"}} })
	g("companions[0].w", "0", "1 to 10000", func(a *VAST) { a.Companions = []Companion{{W: 0, H: 250, ImageURL: "https://cdn.example/"}} })
	g("companions[0].h", "10001", "1 to 10000", func(a *VAST) { a.Companions = []Companion{{W: 300, H: 10_001, ImageURL: "https://cdn.example/"}} })
	g("companions", "21", "at most 20", func(a *VAST) {
		for range 21 {
			a.Companions = append(a.Companions, Companion{W: 300, H: 250, ImageURL: "https://cdn.example/"})
		}
	})
	ok := Verification{"acme-omid", "https://v.example/a.js", ""}
	with := func(edit func(*Verification)) func(*VAST) {
		return func(a *VAST) {
			v := ok
			edit(&v)
			a.Verification = []Verification{v}
		}
	}
	g("verification[0].vendor", "", "vendor", with(func(v *Verification) { v.Vendor = "" }))
	g("verification[0].vendor", "a b", "vendor", with(func(v *Verification) { v.Vendor = "a b" }))
	g("verification[0].vendor", "aaa", "1 to 128", with(func(v *Verification) { v.Vendor = long(129) }))
	g("verification[0].script_url", "", "https", with(func(v *Verification) { v.ScriptURL = "" }))
	g("verification[0].script_url", "http://v", "https", with(func(v *Verification) { v.ScriptURL = "http://v.example/" }))
	g("verification[0].parameters", "aaa", "1 to 4096", with(func(v *Verification) { v.Parameters = long(4097) }))
	g("verification[0].parameters", "\x00", "control", with(func(v *Verification) { v.Parameters = "\x00" }))
	g("verification", "11", "at most 10", func(a *VAST) {
		for range 11 {
			a.Verification = append(a.Verification, ok)
		}
	})
}

func TestMediaFileRules(t *testing.T) {
	f := func(field, value, rule string, edit func(*MediaFile)) {
		t.Helper()
		creativeRule(t, (*world).video)("vast.media_files[1]."+field, value, rule, func(v *Creative) {
			second := v.VAST.MediaFiles[0]
			edit(&second)
			v.VAST.MediaFiles = append(v.VAST.MediaFiles, second)
		})
	}
	f("url", "", "https", func(m *MediaFile) { m.URL = "" })
	f("url", "http://cdn", "https", func(m *MediaFile) { m.URL = "http://cdn.example/a" })
	for _, mime := range []string{"", "mp4", "video/", "/mp4", "video/MP4", "video/mp4; codecs=avc1", "video/" + long(100)} {
		f("mime", mime[:min(len(mime), 20)], "media type in lower case", func(m *MediaFile) { m.MIME = mime })
	}
	for _, mime := range []string{"audio/mpeg", "image/png", "text/html", "application/javascript"} {
		f("mime", mime, "type of video", func(m *MediaFile) { m.MIME = mime })
	}
	f("w", "0", "1 to 10000", func(m *MediaFile) { m.W = 0 })
	f("h", "10001", "1 to 10000", func(m *MediaFile) { m.H = 10_001 })
	f("bitrate_kbps", "-1", "0 to 200000", func(m *MediaFile) { m.Bitrate = -1 })
	f("bitrate_kbps", "200001", "0 to 200000", func(m *MediaFile) { m.Bitrate = 200_001 })
	f("streaming", "false", "HLS and DASH", func(m *MediaFile) { m.MIME = "application/dash+xml" })
	creativeRule(t, (*world).video)("vast.media_files[0].mime", "video/mp4", "type of image", func(v *Creative) { v.VAST.NonLinear = true })

	g := creativeRule(t, (*world).audio)
	g("vast.media_files[0].mime", "video/mp4", "type of audio", func(v *Creative) { v.VAST.MediaFiles[0].MIME = "video/mp4" })
	g("vast.media_files[0].mime", "application/javascript", "type of audio", func(v *Creative) { v.API, v.VAST.MediaFiles[0].MIME = []int{2}, "application/javascript" })
	g("vast.media_files[0].w", "1", "for audio", func(v *Creative) { v.VAST.MediaFiles[0].W = 1 })
	g("vast.media_files[0].h", "1", "for audio", func(v *Creative) { v.VAST.MediaFiles[0].H = 1 })
	g("vast.non_linear", "true", "audio", func(v *Creative) {
		v.VAST = &VAST{TagURL: "https://tag.example/", TagVersion: 4, Duration: 9, NonLinear: true}
	})
	g("vast", "", "must be given where the format is audio", func(v *Creative) { v.VAST = nil })
}

func TestNativeRules(t *testing.T) {
	f := creativeRule(t, (*world).native)
	f("native", "", "must be given where the format is native", func(v *Creative) { v.Native = nil })
	f("landing_url", "", "native ad", func(v *Creative) { v.LandingURL = "" })
	g := func(field, value, rule string, edit func(*NativeAd)) {
		t.Helper()
		f("native."+field, value, rule, func(v *Creative) { edit(v.Native) })
	}
	g("title", "", "1 to 200", func(a *NativeAd) { a.Title = "" })
	g("title", "aaa", "1 to 200", func(a *NativeAd) { a.Title = long(201) })
	g("title", "a\nb", "control", func(a *NativeAd) { a.Title = "a\nb" })
	g("icon.url", "http://cdn", "https", func(a *NativeAd) { a.Icon.URL = "http://cdn.example/" })
	g("icon.w", "0", "1 to 10000", func(a *NativeAd) { a.Icon.W = 0 })
	g("main[1].url", "", "https", func(a *NativeAd) { a.Main[1].URL = "" })
	g("main[1].h", "10001", "1 to 10000", func(a *NativeAd) { a.Main[1].H = 10_001 })
	g("main[1]", "1200x627", "no other has", func(a *NativeAd) { a.Main[1].W, a.Main[1].H = 1200, 627 })
	g("main", "21", "at most 20", func(a *NativeAd) {
		a.Main = nil
		for i := range 21 {
			a.Main = append(a.Main, NativeImage{URL: "https://cdn.example/", W: 100 + i, H: 100})
		}
	})
	for _, n := range []int{0, 13, 499, 1000} {
		g("data[0].type", fmt.Sprint(n), "1 to 12", func(a *NativeAd) { a.Data[0].Type = n })
	}
	g("data[3].type", "12", "no other has", func(a *NativeAd) { a.Data[3].Type = 12 })
	g("data[0].value", "", "1 to 1000", func(a *NativeAd) { a.Data[0].Value = "" })
	g("data[0].value", "aaa", "1 to 1000", func(a *NativeAd) { a.Data[0].Value = long(1001) })
	for _, s := range []string{"good", "5.1", "-1", "NaN", "0x1", "1e0", "1.2.3", "."} {
		g("data[1].value", s, "must be a number", func(a *NativeAd) { a.Data[1].Value = s })
	}
	g("data[1].value", "many", "must be a number", func(a *NativeAd) { a.Data[1] = NativeData{5, "many"} })
	g("data", "33", "at most 32", func(a *NativeAd) {
		a.Data = nil
		for i := range 33 {
			a.Data = append(a.Data, NativeData{500 + i, "x"})
		}
	})
	g("video.duration_seconds", "0", "1 to 3600", func(a *NativeAd) { a.Video.Duration = 0 })
	g("video.media_files[0].url", "", "https", func(a *NativeAd) { a.Video.MediaFiles[0].URL = "" })
	g("video.non_linear", "true", "native ad", func(a *NativeAd) { a.Video.NonLinear, a.Video.MediaFiles[0].MIME = true, "image/png" })
}

func TestRegistrationRules(t *testing.T) {
	f := func(name string, r Registration, field, value, rule string) {
		t.Helper()
		creativeRule(t, func(w *world) *Creative { return w.creative })(field, value, rule, func(v *Creative) {
			v.Exchanges = map[string]Registration{name: r, "other": {Status: RegistrationPending}}
		})
	}
	f("Google", Registration{Status: RegistrationPending}, "exchanges", "Google", "exchange's name")
	f("", Registration{Status: RegistrationPending}, "exchanges", "", "exchange's name")
	f("google", Registration{}, "exchanges.google.status", "", "pending, approved or rejected")
	f("google", Registration{Status: "ok"}, "exchanges.google.status", "ok", "pending, approved or rejected")
	f("google", Registration{RegistrationApproved, "a b", ""}, "exchanges.google.id", "a b", "visible ASCII")
	f("google", Registration{RegistrationApproved, long(129), ""}, "exchanges.google.id", "aaa", "1 to 128")
	f("google", Registration{RegistrationRejected, "", long(501)}, "exchanges.google.reason", "aaa", "1 to 500")
	f("google", Registration{RegistrationRejected, "", "a\x01"}, "exchanges.google.reason", "a", "control")
	f("google", Registration{RegistrationApproved, "", "nice"}, "exchanges.google.reason", "nice", "not rejected")
	creativeRule(t, func(w *world) *Creative { return w.creative })("exchanges", "65", "at most 64", func(v *Creative) {
		v.Exchanges = map[string]Registration{}
		for i := range 65 {
			v.Exchanges[fmt.Sprintf("x%d", i)] = Registration{Status: RegistrationPending}
		}
	})
}

func TestSeveralViolationsOfACreative(t *testing.T) {
	w := newWorld()
	v := w.video()
	v.VAST.MediaFiles[0].URL, v.VAST.Duration, v.Language = "", 0, "eng"
	var ve *ValidationError
	if err := v.Validate(&w.refs); !errors.As(err, &ve) || len(ve.Violations) != 3 || !strings.Contains(err.Error(), "vast.media_files[0].url") {
		t.Errorf("got %v; want three violations", err)
	}
}
