package openrtb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prebid/openrtb/v20/native1/request"
)

func mustDecodeNative(tb testing.TB, text string) *NativeRequest {
	tb.Helper()
	var n NativeRequest
	if err := n.Decode([]byte(text)); err != nil {
		tb.Fatalf("Decode(%.200s): %v", text, err)
	}
	return &n
}

func TestNativeRequest(t *testing.T) {
	n := mustDecodeNative(t, `{"ver":"1.2","context":1,"contextsubtype":11,"plcmttype":2,"plcmtcnt":3,"seq":1,"aurlsupport":1,
		"durlsupport":true,"privacy":"1","eventtrackers":[{"event":1,"methods":[1,2]},{"event":2,"methods":2},{"event":500}],"assets":[
		{"id":0,"required":1,"title":{"len":140}},
		{"id":"7","img":{"type":3,"w":1200.0,"h":627,"wmin":300,"hmin":157,"mimes":["image/png",""]}},
		{"id":2,"video":{"mimes":"video/mp4","minduration":5,"maxduration":30,"protocols":[2,3]},"title":null,"img":[],"data":""},
		{"id":3,"required":"0","data":{"type":12,"len":15}}],"new":{"x":[1]}}`)
	f := func(name string, got, want any) {
		t.Helper()
		if show(got) != show(want) {
			t.Errorf("%s: got %s; want %s", name, show(got), show(want))
		}
	}
	f("ver", n.Ver, "1.2")
	f("wrapped", n.Wrapped, false)
	f("context", []int{n.Context, n.ContextSubType, n.PlcmtType, n.PlcmtCnt, n.Seq}, "[1 11 2 3 1]")
	f("support", []bool{n.AURLSupport, n.DURLSupport, n.Privacy}, "[true true true]")
	f("trackers", n.EventTrackers, "[{1 [1 2]} {2 [2]} {500 []}]")
	f("assets", len(n.Assets), 4)
	f("title", []any{n.Assets[0].ID, n.Assets[0].Required, n.Assets[0].Kind, n.Assets[0].Title.Len}, "[0 true 1 140]")
	m := n.Assets[1].Img
	f("img", []any{n.Assets[1].ID, n.Assets[1].Kind, m.Type, m.W, m.H, m.WMin, m.HMin, show(m.MIMEs)}, "[7 2 3 1200 627 300 157 [image/png]]")
	v := n.Assets[2].Video
	f("video", []any{n.Assets[2].Kind, show(v.MIMEs), v.MinDuration, v.MaxDuration, v.Protocols}, "[3 [video/mp4] 5 30 [2 3]]")
	f("data", []any{n.Assets[3].Required, n.Assets[3].Kind, n.Assets[3].Data}, "[false 4 {12 15}]")
	f("offers", []bool{n.Offers(1, 1), n.Offers(1, 2), n.Offers(2, 1), n.Offers(3, 1)}, "[true true false false]")
}

func TestNativeRoots(t *testing.T) {
	const asset = `"assets":[{"id":1,"title":{"len":9}}]`
	f := func(text, ver string, wrapped bool) {
		t.Helper()
		n := mustDecodeNative(t, text)
		if string(n.Ver) != ver || n.Wrapped != wrapped || n.PlcmtCnt != 1 {
			t.Errorf("%s: got %q, %v; want %q, %v", text, n.Ver, n.Wrapped, ver, wrapped)
		}
	}
	f(`{`+asset+`}`, "", false)
	f(`{"ver":1,`+asset+`}`, "1", false)
	f(`{"native":{"ver":"1.0",`+asset+`}}`, "1.0", true)
	f("\ufeff {\"native\" : {\"ver\":\"1.1\","+asset+"}, \"ext\":1} ", "1.1", true)
	f(`{"native":{"native":{},"ver":"1.1",`+asset+`}}`, "1.1", true)
	f(`{"\u006eative":{"ver":"1.\u0031",`+asset+`}}`, "1.1", true)
	f(`{"native":null,`+asset+`}`, "", true)
}

func TestNativeErrors(t *testing.T) {
	var used NativeRequest // reused: nothing of it may stay
	f := func(text, field string, reason Reason) {
		t.Helper()
		err := used.Decode([]byte(text))
		if ReasonOf(err) != reason {
			t.Errorf("%.100s: got %v; want a %s error", text, err, reason)
			return
		}
		fe, ok := errors.AsType[*FieldError](err)
		if ok && fe.Field != field || !ok && field != "" || !strings.Contains(err.Error(), "native.request") {
			t.Errorf("%.100s: got %v; want field %q", text, err, field)
		}
		if used.Assets != nil || used.Ver != nil || used.Wrapped {
			t.Errorf("%.100s: holds a request after the error", text)
		}
	}
	asset := func(a string) string { return `{"ver":"1.2","assets":[{"id":9,"title":{"len":1}},` + a + `]}` }
	const first, second = "native.request.assets[0]", "native.request.assets[1]"
	f(``, "", ReasonSyntax)
	f(`placeholder request`, "", ReasonSyntax)
	f(`{"assets":[{"id":1,"title":{"len":9}}]}}`, "", ReasonSyntax)
	f(`{"assets":[{"id":1,"title":{"len":9}]}`, "", ReasonSyntax)
	f(strings.Repeat(`{"x":`, 70), "", ReasonDepth)
	f(strings.Repeat(` `, MaxBody+1), "native.request", ReasonLimit)
	f(`[1]`, "native.request", ReasonType)
	f(`{}`, "native.request.assets", ReasonMissing)
	f(`{"native":{"assets":[]}}`, "native.request.native.assets", ReasonMissing)
	f(`{"native":{"assets":[{}]}}`, "native.request.native.assets[0].id", ReasonMissing)
	f(`{"native":"{}"}`, "native.request.native", ReasonType)
	f(`{"assets":{"id":1}}`, "native.request.assets", ReasonType)
	f(`{"assets":[null]}`, first+".id", ReasonMissing)
	f(asset(`{"title":{"len":9}}`), second+".id", ReasonMissing)
	f(asset(`{"id":null,"title":{"len":9}}`), second+".id", ReasonMissing)
	f(asset(`{"id":"a","title":{"len":9}}`), second+".id", ReasonType)
	f(asset(`{"id":9,"title":{"len":9}}`), second+".id", ReasonDuplicate)
	f(asset(`{"id":1}`), second+".title", ReasonMissing)
	f(asset(`{"id":1,"title":{"len":9},"data":{"type":1}}`), second+".title", ReasonExclusive)
	f(asset(`{"id":1,"title":{}}`), second+".title.len", ReasonMissing)
	f(asset(`{"id":1,"title":{"len":-1}}`), second+".title.len", ReasonRange)
	f(asset(`{"id":1,"title":7}`), second+".title", ReasonType)
	f(asset(`{"id":1,"img":{"w":-1}}`), second+".img.w", ReasonRange)
	f(asset(`{"id":1,"img":{"hmin":-1}}`), second+".img.hmin", ReasonRange)
	f(asset(`{"id":1,"img":{"w":1e30}}`), second+".img.w", ReasonRange)
	f(asset(`{"id":1,"data":{"len":5}}`), second+".data.type", ReasonMissing)
	f(asset(`{"id":1,"video":{"minduration":1,"maxduration":2,"protocols":[2]}}`), second+".video.mimes", ReasonMissing)
	f(asset(`{"id":1,"video":{"mimes":["a"],"minduration":1,"maxduration":2}}`), second+".video.protocols", ReasonMissing)
	f(asset(`{"id":1,"video":{"mimes":["a"],"minduration":1,"protocols":[2]}}`), second+".video.maxduration", ReasonMissing)
	f(asset(strings.Repeat(`{"id":1,"title":{"len":9}},`, MaxNativeAssets)+`{}`), fmt.Sprintf("native.request.assets[%d]", MaxNativeAssets), ReasonLimit)
}

// TestNativeTrackersAreCut: a list that only offers is cut, not refused.
func TestNativeTrackersAreCut(t *testing.T) {
	trackers := strings.Repeat(`{"event":1,"methods":[1]},`, MaxNativeTrackers+5)
	n := mustDecodeNative(t, `{"eventtrackers":[`+strings.TrimSuffix(trackers, ",")+`],"assets":[{"id":1,"img":{}}]}`)
	if len(n.EventTrackers) != MaxNativeTrackers {
		t.Errorf("got %d trackers; want %d", len(n.EventTrackers), MaxNativeTrackers)
	}
}

// nativeTexts are the native requests of the shared files, by file and imp.
func nativeTexts(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	texts := map[string][]byte{}
	var r BidRequest
	for _, path := range jsonFiles(t, folder) {
		if r.Decode(readFile(t, path)) != nil {
			continue
		}
		for i := range r.Imp {
			if n := r.Imp[i].Native; n != nil && len(n.Request) > 0 {
				texts[fmt.Sprintf("%s imp[%d]", filepath.Base(path), i)] = bytes.Clone(n.Request)
			}
		}
	}
	return texts
}

// brokenNative are the native requests of openrtb/valid that are no JSON or break
// a MUST of Native 1.2, by how.
var brokenNative = map[Reason][]string{
	ReasonSyntax: {
		"bsm-openrtb__breq.native.json imp[0]",
		"mxmcherry-openrtb__native-ad.json imp[0]",
		"prebid-server__adkernel-multiformat-impression-2.json imp[2]",
		"prebid-server__adkernel-multiformat-impression.json imp[0]",
		"prebid-server__bliink-banner_native_video.json imp[1]",
		"prebid-server__bliink-multiple_format_request.json imp[1]",
		"prebid-server__mediasquare-multi-format.json imp[2]",
		"prebid-server__mediasquare-simple-native.json imp[0]",
		"prebid-server__metax-app-formats.json imp[0]",
		"prebid-server__relevantdigital-simple-native.json imp[0]",
		"prebid-server__sharethrough-multiformat-impression-2.json imp[0]",
		"prebid-server__sharethrough-multiformat-impression.json imp[0]",
	},
	ReasonType: {
		"prebid-server__orbidder-multibid-multi-format-with-mtype.json imp[0]",
		"prebid-server__orbidder-multibid-multi-format-with-mtype.json imp[1]",
		"prebid-server__orbidder-simple-web-native.json imp[0]",
		"prebid-server__taboola-multiFormatImpressionsRequest-2.json imp[0]",
		"prebid-server__taboola-multiFormatImpressionsRequest.json imp[0]",
	},
	ReasonMissing: {
		"composed__mixed-060.json imp[0]",
		"composed__native-127.json imp[0]",
		"iab-openrtb3-converter__NATIVE_APP_25_string.json imp[0]",
		"prebid-server__adverxo-multiformat.json imp[0]",
		"prebid-server__eventtracker-exchange-specific.json imp[0]",
		"prebid-server__improvedigital-native.json imp[0]",
		"prebid-server__mobilefuse-multi-imps-multi-format.json imp[1]",
		"prebid-server__readpeak-native.json imp[0]",
		"prebid-server__seedingAlliance-native.json imp[0]",
		"prebid-server__teal-multi-format-imp-mtype.json imp[0]",
		"prebid-server__triplelift_native-app-msn.json imp[0]",
		"prebid-server__triplelift_native-app.json imp[0]",
		"prebid-server__triplelift_native-badresponseext.json imp[0]",
		"prebid-server__triplelift_native-effective-publisher-allowed.json imp[0]",
		"prebid-server__triplelift_native-no-imp-ext-data.json imp[0]",
		"prebid-server__triplelift_native-site-msn-no-tag-code.json imp[0]",
		"prebid-server__triplelift_native-site-msn.json imp[0]",
		"prebid-server__yandex-native.json imp[0]",
	},
}

func TestNativeFiles(t *testing.T) {
	want := map[string]Reason{}
	for reason, names := range brokenNative {
		for _, name := range names {
			want[name] = reason
		}
	}
	var n NativeRequest // one for all, as in a pool
	compared, texts := 0, nativeTexts(t, "valid")
	for name, text := range texts {
		err := n.Decode(text)
		if reason, broken := want[name]; broken != (err != nil) || broken && ReasonOf(err) != reason {
			t.Errorf("%q: got %v; want %q; %.300s", name, err, reason, text)
		}
		delete(want, name)
		if err != nil || !comparable(text) {
			continue
		}
		if q, ok := prebidNative(text); ok {
			compared++
			for _, diff := range nativeDiff(&n, q) {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
	for name := range want {
		t.Errorf("listed, but there is no such request: %s", name)
	}
	t.Logf("%d of %d native requests compared", compared, len(texts))
	if compared < 140 {
		t.Errorf("compared %d requests; want 140", compared)
	}
}

// prebidNative is prebid's reading of text, in either root.
func prebidNative(text []byte) (*request.Request, bool) {
	var root struct {
		Native *request.Request `json:"native"`
		request.Request
	}
	if json.Unmarshal(text, &root) != nil {
		return nil, false
	}
	if root.Native != nil {
		return root.Native, len(root.Assets) == 0
	}
	return &root.Request, true
}

// nativeDiff lists where n differs from q, prebid's reading of the same text.
func nativeDiff(n *NativeRequest, q *request.Request) []string {
	d := &differ{}
	d.text("ver", n.Ver, q.Ver)
	d.text("context", n.Context, q.Context)
	d.text("contextsubtype", n.ContextSubType, q.ContextSubType)
	d.text("plcmttype", n.PlcmtType, q.PlcmtType)
	d.text("plcmtcnt", n.PlcmtCnt, orInt(q.PlcmtCnt, 1))
	d.text("seq", n.Seq, q.Seq)
	d.text("aurlsupport", n.AURLSupport, q.AURLSupport != 0)
	d.text("durlsupport", n.DURLSupport, q.DURLSupport != 0)
	d.text("privacy", n.Privacy, q.Privacy != 0)
	if d.length("eventtrackers", len(n.EventTrackers), len(q.EventTrackers)) {
		for i := range q.EventTrackers {
			d.text("event", n.EventTrackers[i].Event, q.EventTrackers[i].Event)
			d.ints("methods", n.EventTrackers[i].Methods, q.EventTrackers[i].Methods)
		}
	}
	if d.length("assets", len(n.Assets), len(q.Assets)) {
		for i := range q.Assets {
			d.in(fmt.Sprintf("assets[%d]", i), func() { d.nativeAsset(&n.Assets[i], &q.Assets[i]) })
		}
	}
	return d.diffs
}

func (d *differ) nativeAsset(a *NativeAsset, q *request.Asset) {
	d.text("id", a.ID, q.ID)
	d.text("required", a.Required, q.Required != 0)
	if d.both("title", a.Kind == NativeTitle, q.Title != nil) {
		d.text("title.len", a.Title.Len, q.Title.Len)
	}
	if d.both("data", a.Kind == NativeData, q.Data != nil) {
		d.text("data.type", a.Data.Type, q.Data.Type)
		d.text("data.len", a.Data.Len, q.Data.Len)
	}
	if m := q.Img; d.both("img", a.Kind == NativeImg, m != nil) {
		d.text("img.type", a.Img.Type, m.Type)
		d.text("img.size", []int{a.Img.W, a.Img.H, a.Img.WMin, a.Img.HMin}, []int64{m.W, m.H, m.WMin, m.HMin})
		d.texts("img.mimes", a.Img.MIMEs, m.MIMEs)
	}
	if v := q.Video; d.both("video", a.Kind == NativeVideo, v != nil) {
		d.texts("video.mimes", a.Video.MIMEs, v.MIMEs)
		d.text("video.duration", []int{a.Video.MinDuration, a.Video.MaxDuration}, []int64{v.MinDuration, v.MaxDuration})
		d.ints("video.protocols", a.Video.Protocols, v.Protocols)
	}
}

func TestNativeDiffSeesDifferences(t *testing.T) {
	const text = `{"ver":"1.2","eventtrackers":[{"event":1,"methods":[1]}],"assets":[{"id":1,"title":{"len":9}},
		{"id":2,"img":{"w":3}},{"id":3,"data":{"type":1}}]}`
	n := mustDecodeNative(t, text)
	q, ok := prebidNative([]byte(text))
	if diffs := nativeDiff(n, q); !ok || len(diffs) > 0 {
		t.Fatalf("differs before it was changed: %v", diffs)
	}
	n.Assets[0].Title.Len, n.Assets[1].Img.W, n.Assets[2].Kind, n.EventTrackers[0].Methods[0] = 8, 4, NativeImg, 2
	if diffs := nativeDiff(n, q); len(diffs) != 5 {
		t.Errorf("got %d differences; want 5: %q", len(diffs), diffs)
	}
}

// acceptedNative are the files of openrtb/invalid whose native request we accept
// once its assets have ids, by why.
var acceptedNative = map[string][]string{
	"an unknown value of an enumeration is tolerated": {
		"asset-data-invalid-type", "asset-video-protocols-invalid", "context-type-content-incompatible-subtype",
		"context-type-product-incompatible-subtype", "context-type-social-incompatible-subtype",
		"contextsubtype-invalid", "contextsubtype-negative", "eventtracker-event-large",
		"eventtracker-methods-large", "request-context-invalid", "request-plcmttype-invalid",
	},
	"a tracker without methods offers nothing": {"eventtracker-empty", "eventtracker-methods-empty"},
	"no duration is one of 0":                  {"asset-video-no-minduration"},
}

func TestInvalidNativeFiles(t *testing.T) {
	want := map[string]bool{}
	for _, names := range acceptedNative {
		for _, name := range names {
			want["invalid__invalid-native__"+name+".json imp[0]"] = true
		}
	}
	refused := 0
	var n NativeRequest
	for name, text := range nativeTexts(t, "invalid") {
		if !strings.HasPrefix(name, "invalid__invalid-native__") {
			continue
		}
		if n.Decode(text) == nil {
			t.Errorf("%s: an asset without an id of its own is accepted: %s", name, text)
		}
		err := n.Decode(numbered(t, text))
		if want[name] != (err == nil) {
			t.Errorf("%s: got %v; accepted must be %v; %s", name, err, want[name], text)
		}
		if err != nil {
			refused++
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("listed, but there is no such request: %s", name)
	}
	t.Logf("%d refused", refused)
}

// numbered gives the assets of text ids where none has one: these files are of
// Prebid Server, which does so before it sends them on.
func numbered(t *testing.T, text []byte) []byte {
	t.Helper()
	var r map[string]any
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	assets, _ := r["assets"].([]any)
	for _, a := range assets {
		if _, has := a.(map[string]any)["id"]; has {
			return text
		}
	}
	for i, a := range assets {
		a.(map[string]any)["id"] = i
	}
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
