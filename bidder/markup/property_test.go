package markup

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"bidhawk/campaigns"
	"bidhawk/internal/openrtb"

	"pgregory.net/rapid"
)

// TestAnyCreative draws creatives whose texts try to get out of where they stand.
func TestAnyCreative(t *testing.T) {
	bySchema := schemas(t)
	rapid.Check(t, func(rt *rapid.T) { checkCreative(t, bySchema, drawCreative(rt)) })
}

// FuzzCreative is TestAnyCreative with the fuzzer's texts.
func FuzzCreative(f *testing.F) {
	f.Add("Tea", "https://cdn.example/tea.mp4?a=1&b=2", `<a href="${CLICK_URL}">`, uint16(0))
	f.Add(`"><script>]]>`, "\r\n\x00\xff\u2028", "${CLICK_URL_ESC}${CLICK_URL", uint16(0xFFFF))
	f.Add("slot0-a", "slot1-", "</VAST>&amp;<![CDATA[", uint16(0x5A5A))
	bySchema := schemas(f)
	f.Fuzz(func(t *testing.T, name, address, tag string, shape uint16) {
		bit := func(n int) bool { return shape&(1<<n) != 0 }
		c := film()
		c.Name, c.ImageURL = "x"+name, "x"+address
		c.ADomain, c.Cat = []string{"x" + name}, []string{"x" + tag}
		c.VAST.MediaFiles[0].URL, c.VAST.Verification[0].Parameters, c.VAST.Verification[0].Vendor = "x"+address, "x"+tag, "x"+name
		c.VAST.NonLinear = bit(0)
		if bit(0) {
			c.VAST.MediaFiles = []campaigns.MediaFile{{URL: "x" + address, MIME: "image/" + name}}
		}
		if bit(1) {
			c.VAST.TagURL, c.VAST.TagVersion, c.VAST.MediaFiles = "x"+address, int(shape>>12), nil
		}
		if bit(2) && !bit(0) {
			c.Format = campaigns.FormatAudio
		}
		if bit(3) {
			c.LandingURL = ""
		}
		c.VAST.SkipOffset, c.VAST.Duration = int(shape>>4&3), int(shape>>6)+1
		c.Native = inFeed().Native
		c.Native.Title, c.Native.Data[0].Value, c.Native.Main[0].URL = "x"+name, "x"+tag, "x"+address
		c.HTML = tag
		// One version each time: a fuzzer's time is its number of tries.
		checkBanner(t, c)
		checkVAST(t, bySchema, c, Version(shape>>8%Versions))
		if bit(11) {
			c.Native.Video = nil
		}
		checkNativeTexts(t, c)
	})
}

// drawCreative draws an ad of any shape.
func drawCreative(t *rapid.T) *campaigns.Creative {
	piece := rapid.SampledFrom([]string{
		"<", ">", "&", `"`, "'", "]]>", "<![CDATA[", "\r", "\n", "\t", "\x00", "\x1b", "\x7f", "\u2028", "é", "\U0001F600", "\ufffe",
		"\ufffd", "\xff", "\xc3", "${CLICK_URL}", "${CLICK_URL_ESC}", "slot0-a", "slot1-", "&amp;", "%3C", "\\", "</VAST>", "<script>", "a", "/", " ",
	})
	str := func(name string) string {
		return "x" + strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, name), "")
	}
	flip := func(name string) bool { return rapid.Bool().Draw(t, name) }
	n := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
	c := &campaigns.Creative{
		Name: str("name"), Format: campaigns.FormatVideo, W: n("w", 4000), H: n("h", 4000), ImageURL: str("image"), HTML: str("html"),
		API: rapid.SliceOfN(rapid.IntRange(1, 9), 0, 3).Draw(t, "api"),
		VAST: &campaigns.VAST{
			Duration: n("duration", 100_000) + 1, SkipOffset: n("skip", 20), NonLinear: flip("nonlinear"),
		},
	}
	c.ID = campaigns.ID(n("id", 1<<30))
	for range n("domains", 2) {
		c.ADomain = append(c.ADomain, str("domain"))
		c.Cat = append(c.Cat, str("cat"))
	}
	if flip("landing") {
		c.LandingURL = "https://shop.example"
	}
	kinds := []string{"video/", "application/javascript"}
	switch {
	case c.VAST.NonLinear:
		kinds = []string{"image/", "IMAGE/"}
	case flip("audio"):
		c.Format = campaigns.FormatAudio
	}
	for range n("files", 3) + 1 {
		mime := rapid.SampledFrom(kinds).Draw(t, "kind")
		if strings.HasSuffix(mime, "/") {
			mime += str("mime")
		}
		c.VAST.MediaFiles = append(c.VAST.MediaFiles, campaigns.MediaFile{
			URL: str("url"), MIME: mime, W: n("fw", 2000), H: n("fh", 2000), Bitrate: n("bitrate", 9000), Streaming: flip("streaming"),
		})
	}
	for range n("companions", 2) {
		c.VAST.Companions = append(c.VAST.Companions, campaigns.Companion{W: n("cw", 900), H: n("ch", 900), ImageURL: str("companion")})
		c.VAST.Verification = append(c.VAST.Verification, campaigns.Verification{Vendor: str("vendor"), ScriptURL: str("script"), Parameters: str("parameters")})
	}
	if flip("tag") {
		c.VAST.TagURL, c.VAST.TagVersion, c.VAST.MediaFiles = str("tag"), n("version", 2)+2, nil
	}
	c.Native = &campaigns.NativeAd{Title: str("title"), Video: c.VAST, Data: []campaigns.NativeData{{Type: 1, Value: str("value")}}}
	c.Native.Main = []campaigns.NativeImage{{URL: str("main"), W: n("mw", 1000), H: n("mh", 1000)}}
	return c
}

// checkCreative renders c in every way and reads it back: each text is what it
// was, and nothing else came of it.
func checkCreative(t *testing.T, bySchema [Versions]*schema, c *campaigns.Creative) {
	t.Helper()
	checkBanner(t, c)
	for v := range Version(Versions) {
		checkVAST(t, bySchema, c, v)
	}
	checkNativeTexts(t, c)
}

func checkBanner(t *testing.T, c *campaigns.Creative) {
	t.Helper()
	checkTag(t, c)
	image := *c
	image.HTML = ""
	checkImageBanner(t, &image)
}

func checkVAST(t *testing.T, bySchema [Versions]*schema, c *campaigns.Creative, v Version) {
	t.Helper()
	tm, err := VAST(c, options, v)
	if err != nil {
		if c.VAST.TagURL == "" || c.VAST.TagVersion <= v.major() {
			t.Fatalf("%s of %+v: %v", v, c.VAST, err)
		}
		return
	}
	doc := tm.Append(nil, values())
	if list := bySchema[v].breaks(doc, v); len(list) > 0 {
		t.Fatalf("%s: %q in %s", v, list, doc)
	}
	checkTexts(t, mustParse(t, doc), c, doc)
	checkSize(t, doc, tm.Size(lengths(values())), 0)
}

// checkTag compares with a naive replacement of the macros.
func checkTag(t *testing.T, c *campaigns.Creative) {
	t.Helper()
	if c.HTML == "" {
		return
	}
	tagged := *c
	tagged.API = nil
	want := strings.NewReplacer("${CLICK_URL}", "CLICK", "${CLICK_URL_ESC}", "ESCAPED").Replace(c.HTML) + pixel
	if got := banner(&tagged); got != want {
		t.Fatalf("got %q; want %q", got, want)
	}
}

// checkTexts compares what c's texts read as in a document.
func checkTexts(t *testing.T, root *node, c *campaigns.Creative, doc []byte) {
	t.Helper()
	same := func(what string, got []*node, want ...string) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: got %d; want %d in %s", what, len(got), len(want), doc)
		}
		for i := range want {
			if got[i].text != asXML(want[i]) {
				t.Fatalf("%s: got %q; want %q in %s", what, got[i].text, want[i], doc)
			}
		}
	}
	a := c.VAST
	if a.TagURL != "" {
		same("tag", root.all("Ad/Wrapper/VASTAdTagURI"), a.TagURL)
		same("impression", root.all("Ad/Wrapper/Impression"), string(values().Impression))
		return
	}
	same("title", root.all("Ad/InLine/AdTitle"), c.Name)
	if root.attrs["version"] >= "4.0" {
		same("category", root.all("Ad/InLine/Category"), c.Cat...)
	}
	files := root.all("Ad/InLine/Creatives/Creative/Linear/MediaFiles/MediaFile")
	mime := "type"
	if a.NonLinear {
		files, mime = root.all("Ad/InLine/Creatives/Creative/NonLinearAds/NonLinear/StaticResource"), "creativeType"
	}
	var urls []string
	for i, f := range a.MediaFiles {
		urls = append(urls, f.URL)
		if i < len(files) && files[i].attrs[mime] != asXML(f.MIME) {
			t.Fatalf("type: got %q; want %q in %s", files[i].attrs[mime], f.MIME, doc)
		}
	}
	same("files", files, urls...)
	verify := root.all("Ad/InLine/AdVerifications/Verification")
	verify = append(verify, root.all("Ad/InLine/Extensions/Extension/AdVerifications/Verification")...)
	if len(verify) != len(a.Verification) {
		t.Fatalf("%d verifications; want %d in %s", len(verify), len(a.Verification), doc)
	}
	for i, v := range a.Verification {
		same("script", verify[i].all("JavaScriptResource"), v.ScriptURL)
		if v.Parameters != "" {
			same("parameters", verify[i].all("VerificationParameters"), v.Parameters)
		}
		if verify[i].attrs["vendor"] != asXML(v.Vendor) {
			t.Fatalf("vendor: got %q; want %q", verify[i].attrs["vendor"], v.Vendor)
		}
	}
}

// asXML is s with U+FFFD for what XML 1.0 has no place for (section 2.2).
func asXML(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r < ' ' && !slices.Contains([]rune{'\t', '\n', '\r'}, r) || r == 0xFFFE || r == 0xFFFF {
			r = utf8.RuneError
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}

// checkNativeTexts compares what c's texts read as in a native answer.
func checkNativeTexts(t *testing.T, c *campaigns.Creative) {
	t.Helper()
	n := NewNative(c, options)
	r := ask(t, `{"eventtrackers":[{"event":1,"methods":[1]}],"assets":[{"id":1,"required":1,"title":{"len":1000000}},{"id":2,"required":1,"img":{"type":3}},
		{"id":3,"required":1,"data":{"type":1}},{"id":4,"video":{"mimes":["video/mp4"],"maxduration":1000000,"protocols":[2,3,5,6,7,8,11,12,13,14]}}]}`)
	if reason, ok := n.Fits(r); !ok {
		t.Fatalf("does not fit: %s", reason)
	}
	checkAnswer(t, n, r)
	resp, _ := answer(t, n, r)
	for _, f := range []struct{ what, got, want string }{
		{"title", resp.Assets[0].Title.Text, c.Native.Title}, {"image", resp.Assets[1].Img.URL, c.Native.Main[0].URL},
		{"data", resp.Assets[2].Data.Value, c.Native.Data[0].Value},
	} {
		if f.got != asJSON(f.want) {
			t.Fatalf("%s: got %q; want %q", f.what, f.got, f.want)
		}
	}
	if len(resp.Assets) > 3 {
		mustParse(t, []byte(resp.Assets[3].Video.VASTTag))
	}
}

// asJSON is s with U+FFFD for bytes that are no UTF-8, by another encoder.
func asJSON(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	var out string
	if json.Unmarshal(text, &out) != nil {
		return ""
	}
	return out
}

// TestNativeRequestsOfAnyShape draws requests: the ad fits or says why, and its
// answer keeps what it must.
func TestNativeRequestsOfAnyShape(t *testing.T) {
	n := NewNative(inFeed(), options)
	rapid.Check(t, func(rt *rapid.T) {
		text := drawRequest(rt)
		var r openrtb.NativeRequest
		if err := r.Decode([]byte(text)); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		reason, ok := n.Fits(&r)
		if ok != (reason == "") {
			t.Fatalf("%s: %v, %q", text, ok, reason)
		}
		if ok {
			checkAnswer(t, n, &r)
		}
	})
}

func drawRequest(t *rapid.T) string {
	type object = map[string]any
	size := func(name string) int { return rapid.SampledFrom([]int{0, 1, 80, 627, 1200, 2400}).Draw(t, name) }
	assets := []object{}
	for i := range rapid.IntRange(1, 8).Draw(t, "assets") {
		a := object{"id": i * 7, "required": rapid.IntRange(0, 1).Draw(t, "required")}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			a["title"] = object{"len": rapid.IntRange(1, 30).Draw(t, "len")}
		case 1:
			a["img"] = object{"type": rapid.IntRange(0, 4).Draw(t, "type"), "w": size("w"), "h": size("h"), "wmin": size("wmin"), "hmin": size("hmin")}
		case 2:
			a["data"] = object{"type": rapid.IntRange(1, 13).Draw(t, "type"), "len": rapid.IntRange(0, 30).Draw(t, "len")}
		default:
			a["video"] = object{
				"mimes": []string{"video/mp4"}, "minduration": 1, "maxduration": rapid.SampledFrom([]int{30, 4000}).Draw(t, "max"),
				"protocols": rapid.SliceOfN(rapid.IntRange(1, 14), 1, 4).Draw(t, "protocols"),
			}
		}
		assets = append(assets, a)
	}
	trackers := []object{}
	for range rapid.IntRange(0, 3).Draw(t, "trackers") {
		trackers = append(trackers, object{
			"event": rapid.IntRange(1, 5).Draw(t, "event"), "methods": rapid.SliceOfN(rapid.IntRange(1, 2), 0, 2).Draw(t, "methods"),
		})
	}
	r := object{
		"ver": rapid.SampledFrom([]string{"1", "1.0", "1.1", "1.2", "2"}).Draw(t, "ver"), "assets": assets, "eventtrackers": trackers,
		"privacy": rapid.IntRange(0, 1).Draw(t, "privacy"),
	}
	if rapid.Bool().Draw(t, "wrapped") {
		r = object{"native": r}
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
