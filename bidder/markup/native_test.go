package markup

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/openrtb"

	"github.com/prebid/openrtb/v20/native1/response"
)

// inFeed is a native ad with everything.
func inFeed() *campaigns.Creative {
	c := &campaigns.Creative{
		Name: "Tea", Format: campaigns.FormatNative, LandingURL: "https://shop.example/tea", ADomain: []string{"shop.example"},
		Native: &campaigns.NativeAd{
			Title: `Tëa for "two"`,
			Icon:  &campaigns.NativeImage{URL: "https://cdn.example/icon.png", W: 80, H: 80},
			Main: []campaigns.NativeImage{
				{URL: "https://cdn.example/square.jpg", W: 627, H: 627},
				{URL: "https://cdn.example/wide.jpg?a=1&b=2", W: 1200, H: 627},
				{URL: "https://cdn.example/huge", W: 2400, H: 1254},
			},
			Data: []campaigns.NativeData{
				{Type: 1, Value: "Tea House"}, {Type: 2, Value: "The best\ttea \\ in town <b>&"}, {Type: 12, Value: "Buy now"},
			},
			Video: film().VAST,
		},
	}
	c.ID = 42
	return c
}

func ask(tb testing.TB, text string) *openrtb.NativeRequest {
	tb.Helper()
	var r openrtb.NativeRequest
	if err := r.Decode([]byte(text)); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return &r
}

// answer is n's answer to r as prebid's types read it, and whether it stands in
// the object "native".
func answer(tb testing.TB, n *Native, r *openrtb.NativeRequest) (resp *response.Response, wrapped bool) {
	tb.Helper()
	text := n.Append(nil, r, values())
	var root struct {
		Native *response.Response `json:"native"`
		response.Response
	}
	if err := json.Unmarshal(text, &root); err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	if root.Native != nil {
		return root.Native, true
	}
	return &root.Response, false
}

// TestNativeFits is each rule of an asset, on an asset that is required.
func TestNativeFits(t *testing.T) {
	n := NewNative(inFeed(), options)
	f := func(asset, want string) {
		t.Helper()
		r := ask(t, `{"assets":[{"id":1,"required":1,`+asset+`}]}`)
		if got, ok := n.Fits(r); got != want || ok != (want == "") {
			t.Errorf("%s: got %q, %v; want %q", asset, got, ok, want)
		}
		// Where it is not required it is left out instead.
		r = ask(t, `{"assets":[{"id":1,`+asset+`}]}`)
		if got, ok := n.Fits(r); got != "" || !ok {
			t.Errorf("%s, not required: got %q, %v", asset, got, ok)
		}
		resp, _ := answer(t, n, r)
		if got := len(resp.Assets); got == 1 != (want == "") {
			t.Errorf("%s: %d assets in the answer", asset, got)
		}
	}
	f(`"title":{"len":13}`, "") // characters, not bytes
	f(`"title":{"len":12}`, UnfitTitle)

	f(`"img":{"type":1}`, "")
	f(`"img":{"type":2,"w":80,"h":80}`, "")
	f(`"img":{"type":1,"wmin":81}`, UnfitSize)
	f(`"img":{"type":3,"w":1200,"h":627}`, "")
	f(`"img":{"type":3,"w":1200,"h":628}`, UnfitSize)
	f(`"img":{"type":3,"w":1000}`, UnfitSize)
	f(`"img":{"type":3,"w":1000,"wmin":600}`, "") // a minimum beside it makes it a wish
	f(`"img":{"type":3,"wmin":2400,"hmin":1254}`, "")
	f(`"img":{"type":3,"wmin":2400,"hmin":1255}`, UnfitSize)
	f(`"img":{"type":3,"mimes":["image/gif","IMAGE/JPG "]}`, "")
	f(`"img":{"type":3,"mimes":["image/gif"]}`, UnfitMIME)
	f(`"img":{"type":3,"wmin":2000,"mimes":["image/jpeg"]}`, UnfitMIME)
	f(`"img":{"wmin":1300,"mimes":["image/jpeg"]}`, UnfitMIME) // the icon is too small besides
	f(`"img":{"type":3,"wmin":2000,"mimes":[" "]}`, UnfitMIME)
	f(`"img":{"type":1,"mimes":["image/jpeg"]}`, UnfitMIME)
	f(`"img":{"type":500}`, UnfitImage)
	f(`"img":{"w":80,"h":80}`, "")
	f(`"img":{}`, "")

	f(`"data":{"type":1}`, "")
	f(`"data":{"type":1,"len":9}`, "")
	f(`"data":{"type":1,"len":8}`, UnfitLength)
	f(`"data":{"type":3}`, UnfitData)

	video := func(mime, from, to, protocols string) string {
		return `"video":{"mimes":["` + mime + `"],"minduration":` + from + `,"maxduration":` + to + `,"protocols":[` + protocols + `]}`
	}
	f(video("video/mp4", "1", "4000", "2"), "")
	f(video("application/X-mpegURL", "3725", "3725", "99,13"), "")
	f(video("video/webm", "1", "4000", "2"), UnfitFile)
	f(video("video/mp4", "3726", "4000", "2"), UnfitDuration)
	f(video("video/mp4", "1", "3724", "2"), UnfitDuration)
	f(video("video/mp4", "1", "4000", "1,5,6,9"), UnfitProtocol)
}

func TestNativeFitsOfABareAd(t *testing.T) {
	bare := &campaigns.Creative{Native: &campaigns.NativeAd{}}
	tag := inFeed()
	tag.Native.Video = wrapped(3).VAST
	f := func(c *campaigns.Creative, asset, want string) {
		t.Helper()
		if got, ok := NewNative(c, options).Fits(ask(t, `{"assets":[{"id":1,"required":1,`+asset+`}]}`)); got != want || ok != (want == "") {
			t.Errorf("%s: got %q, %v; want %q", asset, got, ok, want)
		}
	}
	for _, c := range []*campaigns.Creative{bare, {}} {
		f(c, `"title":{"len":99}`, UnfitTitle)
		f(c, `"img":{"type":1}`, UnfitImage)
		f(c, `"img":{"type":3}`, UnfitImage)
		f(c, `"img":{}`, UnfitImage)
		f(c, `"data":{"type":1}`, UnfitData)
		f(c, `"video":{"mimes":["video/mp4"],"maxduration":9,"protocols":[2]}`, UnfitVideo)
	}
	// What a tag plays is its own affair; its wrapper has protocols of its own.
	f(tag, `"video":{"mimes":["video/webm"],"maxduration":4000,"protocols":[6]}`, "")
	f(tag, `"video":{"mimes":["video/webm"],"maxduration":4000,"protocols":[3,5]}`, UnfitProtocol)
}

// TestNativeReasonIsTheFirst: the reason is that of the first asset that is
// required and not filled.
func TestNativeReasonIsTheFirst(t *testing.T) {
	r := ask(t, `{"assets":[{"id":1,"title":{"len":1}},{"id":2,"required":1,"title":{"len":99}},
		{"id":3,"required":1,"data":{"type":7}},{"id":4,"required":1,"img":{"type":500}}]}`)
	if reason, ok := NewNative(inFeed(), options).Fits(r); ok || reason != UnfitData {
		t.Errorf("got %q, %v; want %q", reason, ok, UnfitData)
	}
}

func TestNativeAnswer(t *testing.T) {
	n := NewNative(inFeed(), options)
	r := ask(t, `{"ver":"1.2","privacy":1,"eventtrackers":[{"event":1,"methods":[2,1]},{"event":2,"methods":[1]},{"event":3,"methods":[1]}],"assets":[
		{"id":10,"required":1,"title":{"len":25}},{"id":0,"img":{"type":3,"wmin":600,"hmin":314}},{"id":-3,"img":{"type":1}},
		{"id":4,"data":{"type":2}},{"id":5,"data":{"type":9}},
		{"id":6,"video":{"mimes":["video/mp4"],"minduration":1,"maxduration":4000,"protocols":[2,3,7]}}]}`)
	want := `{"ver":"1.2","assets":[{"id":10,"title":{"text":"Tëa for \"two\""}},` +
		`{"id":0,"img":{"url":"https://cdn.example/wide.jpg?a=1&b=2","w":1200,"h":627}},` +
		`{"id":-3,"img":{"url":"https://cdn.example/icon.png","w":80,"h":80}},` +
		`{"id":4,"data":{"value":"The best\ttea \\ in town <b>&"}},{"id":6,"video":{"vasttag":"VAST"}}],` +
		`"link":{"url":"https://ads.example/t/click/CLICK-token_1"},` +
		`"eventtrackers":[{"event":1,"method":1,"url":"` + string(values().Impression) + `"},` +
		`{"event":2,"method":1,"url":"https://ads.example/t/event/viewable/EVENT-token_1"}],` +
		`"privacy":"https://ads.example/privacy"}`
	got := string(n.Append(nil, r, values()))
	from, to := strings.Index(got, `"<VAST`), strings.Index(got, `</VAST>"`)
	if from < 0 || to < 0 || got[:from+1]+"VAST"+got[to+len(`</VAST>`):] != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	// The video is VAST of the newest version offered; its impression is the ad's.
	resp, _ := answer(t, n, r)
	doc := mustParse(t, []byte(resp.Assets[4].Video.VASTTag))
	if v := doc.attrs["version"]; v != "4.0" {
		t.Errorf("version %s; want 4.0", v)
	}
	if imp := doc.texts("Ad/InLine/Impression"); imp != "about:blank" {
		t.Errorf("the video records the impression at %q", imp)
	}
	for _, b := range schemas(t)[VAST40].breaks([]byte(resp.Assets[4].Video.VASTTag), VAST40) {
		t.Error(b)
	}
	if len(doc.all("Ad/InLine/Creatives/Creative/CompanionAds")) > 0 {
		t.Error("a native ad has no room for companions")
	}
}

func TestNativeShape(t *testing.T) {
	n := NewNative(inFeed(), options)
	best := func(img, want string) {
		t.Helper()
		resp, _ := answer(t, n, ask(t, `{"assets":[{"id":1,"img":`+img+`}]}`))
		if len(resp.Assets) != 1 || !strings.HasPrefix(resp.Assets[0].Img.URL, "https://cdn.example/"+want) {
			t.Errorf("%s: got %+v; want %s", img, resp.Assets, want)
		}
	}
	best(`{"type":3,"wmin":300,"hmin":300}`, "square")
	best(`{"type":3,"wmin":300,"hmin":157}`, "wide")
	best(`{"type":3,"w":1910,"h":1000,"wmin":1300,"hmin":600}`, "huge")
	best(`{"type":3,"wmin":100}`, "square") // the smallest, where no shape is said
	best(`{"type":3}`, "square")
	best(`{"type":3,"w":999999999999,"wmin":1,"hmin":1}`, "wide")
	best(`{"w":80,"h":80}`, "icon")
}

// TestNativeVersions: roots and trackers of each version (Native 1.2 sections 4.1
// and 5.1).
func TestNativeVersions(t *testing.T) {
	n := NewNative(inFeed(), Options{PublicURL: "https://ads.example"})
	f := func(head, ver string, wrapped bool, impTrackers, eventTrackers int) {
		t.Helper()
		text := `{` + head + `"assets":[{"id":1,"title":{"len":99}}]}`
		if inner, ok := strings.CutPrefix(head, "wrapped "); ok {
			text = `{"native":{` + inner + `"assets":[{"id":1,"title":{"len":99}}]}}`
		}
		resp, in := answer(t, n, ask(t, text))
		if resp.Ver != ver || in != wrapped || len(resp.ImpTrackers) != impTrackers || len(resp.EventTrackers) != eventTrackers {
			t.Errorf("%s: got ver %s, wrapped %v, %d imptrackers, %d eventtrackers; want %s, %v, %d, %d", head,
				resp.Ver, in, len(resp.ImpTrackers), len(resp.EventTrackers), ver, wrapped, impTrackers, eventTrackers)
		}
		if resp.Link.URL != string(values().Click) || len(resp.Link.ClickTrackers) != 0 || resp.Privacy != "" || resp.JSTracker != "" {
			t.Errorf("%s: got %+v", head, resp)
		}
	}
	f(``, "1.2", false, 1, 0)
	f(`"ver":"1.2",`, "1.2", false, 1, 0)
	f(`"ver":"1.1","privacy":1,`, "1.1", false, 1, 0)
	f(`"ver":"1.0",`, "1.0", true, 1, 0)
	f(`"ver":1,`, "1.0", true, 1, 0)
	f(`"ver":"2.7",`, "1.2", false, 1, 0)
	f(`wrapped `, "1.2", true, 1, 0)
	f(`wrapped "ver":"1.1",`, "1.1", true, 1, 0)
	f(`"eventtrackers":[{"event":1,"methods":[1]}],`, "1.2", false, 0, 1)
	f(`"eventtrackers":[{"event":1,"methods":[2]},{"event":3,"methods":[1]}],`, "1.2", false, 1, 0) // no image for it
	f(`"eventtrackers":[{"event":2,"methods":[1]}],`, "1.2", false, 1, 1)
	f(`"eventtrackers":[{"event":2,"methods":[1]},{"event":1,"methods":[1]}],`, "1.2", false, 0, 2)
}

func TestNativeAnswerWithoutAssets(t *testing.T) {
	resp, _ := answer(t, NewNative(&campaigns.Creative{}, Options{}), ask(t, `{"privacy":1,"assets":[{"id":1,"title":{"len":99}}]}`))
	if len(resp.Assets) != 0 || resp.Link.URL == "" || resp.Privacy != "" {
		t.Errorf("got %+v", resp)
	}
}

// TestNativeOfSharedFiles answers what exchanges ask, with an ad that has much.
func TestNativeOfSharedFiles(t *testing.T) {
	root := os.Getenv("BIDHAWK_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, err := filepath.Glob(filepath.Join(root, "openrtb", "valid", "*.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("no test data: %s is absent (set BIDHAWK_DATA)", filepath.Join(root, "openrtb", "valid"))
	}
	c := inFeed()
	c.Native.Video.Duration = 15
	n := NewNative(c, options)
	var req openrtb.BidRequest
	var r openrtb.NativeRequest
	asked, fits := 0, 0
	reasons := map[string]int{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if req.Decode(body) != nil {
			continue
		}
		for i := range req.Imp {
			if req.Imp[i].Native == nil || r.Decode(req.Imp[i].Native.Request) != nil {
				continue
			}
			asked++
			if reason, ok := n.Fits(&r); !ok {
				reasons[reason]++
				continue
			}
			fits++
			checkAnswer(t, n, &r)
		}
	}
	t.Logf("%d of %d fit; others: %v", fits, asked, reasons)
	if asked < 140 || fits < asked/2 {
		t.Errorf("%d of %d fit; want half of 140 or more", fits, asked)
	}
}

// checkAnswer reads the answer to r back: every required asset by its id, no
// other ids, trackers as offered, and the bound on its size.
func checkAnswer(t testing.TB, n *Native, r *openrtb.NativeRequest) {
	t.Helper()
	resp, _ := answer(t, n, r)
	answered := map[int64]bool{}
	for _, a := range resp.Assets {
		if a.ID == nil || answered[*a.ID] {
			t.Fatalf("an asset without an id of its own: %+v", a)
		}
		answered[*a.ID] = true
	}
	for i := range r.Assets {
		id := int64(r.Assets[i].ID)
		if r.Assets[i].Required && !answered[id] {
			t.Fatalf("asset %d is required and not there", id)
		}
		delete(answered, id)
	}
	if len(answered) > 0 {
		t.Fatalf("not asked for: %v", answered)
	}
	for _, e := range resp.EventTrackers {
		if !r.Offers(int(e.Event), int(e.Method)) {
			t.Fatalf("event %d by method %d is not offered", e.Event, e.Method)
		}
	}
	checkSize(t, n.Append(nil, r, values()), n.Size(r, lengths(values())), 400)
}

// checkSize compares a bound with what text takes as a JSON string in an answer.
func checkSize(t testing.TB, text []byte, bound, slack int) {
	t.Helper()
	var plain, with openrtb.BidResponse
	plain.SeatBid = []openrtb.SeatBid{{Bid: []openrtb.Bid{{AdM: []byte("x")}}}}
	with.SeatBid = []openrtb.SeatBid{{Bid: []openrtb.Bid{{AdM: append([]byte("x"), text...)}}}}
	got := len(openrtb.AppendBidResponse(nil, &with)) - len(openrtb.AppendBidResponse(nil, &plain))
	if got > bound || bound-got > slack || len(text) > bound {
		t.Fatalf("takes %d bytes; the bound is %d, at most %d more: %s", got, bound, slack, text)
	}
}

func TestSizes(t *testing.T) {
	v := values()
	for name, c := range creatives() {
		for _, version := range c.versions {
			tm, err := VAST(c.ad, options, version)
			if err != nil {
				t.Fatal(name, err)
			}
			checkSize(t, tm.Append(nil, v), tm.Size(lengths(v)), 0)
		}
	}
	c := box()
	tm := Banner(c, options)
	checkSize(t, tm.Append(nil, v), tm.Size(lengths(v)), 0)
	c.ImageURL, c.HTML = "", "\"\\\n\x01\u2028é${CLICK_URL}${CLICK_URL_ESC}${CLICK_URL_ESC}"
	tm = Banner(c, options)
	checkSize(t, tm.Append(nil, v), tm.Size(lengths(v)), 0)
}
