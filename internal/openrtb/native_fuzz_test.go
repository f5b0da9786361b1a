package openrtb

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// FuzzNative holds NativeRequest.Decode to: no panic; what it accepts is JSON and
// keeps what check says; its strings are valid UTF-8; what n held before does not
// matter; and where prebid's types accept the text too, the fields agree.
func FuzzNative(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", "openrtb", "valid", "*native*.json"))
	if err != nil {
		f.Fatal(err)
	}
	var r BidRequest
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil || r.Decode(body) != nil {
			continue
		}
		for i := range r.Imp {
			if n := r.Imp[i].Native; n != nil {
				f.Add(bytes.Clone(n.Request))
			}
		}
	}
	f.Add([]byte(`{"native":{"ver":1.1,"assets":[{"id":"1","data":{"type":1}},{"id":2,"img":{"mimes":["\u0061",null]}}]}}`))
	f.Add([]byte(richNative))
	f.Fuzz(checkNative)
}

// richNative has everything that is read.
const richNative = `{"ver":"1.2","context":1,"contextsubtype":11,"plcmttype":2,"plcmtcnt":3,"seq":1,"aurlsupport":1,"durlsupport":1,
	"privacy":1,"eventtrackers":[{"event":1,"methods":[1,2]},{"event":2,"methods":[1]}],"assets":[
	{"id":0,"required":1,"title":{"len":140}},{"id":1,"required":1,"img":{"type":3,"wmin":300,"hmin":157,"mimes":["image\/png","image/jpg"]}},
	{"id":2,"video":{"mimes":["video/mp4"],"minduration":5,"maxduration":30,"protocols":[2,3,7]}},
	{"id":3,"data":{"type":12,"len":15}},{"id":4,"img":{"type":1,"w":80,"h":80}},{"id":5,"required":1,"data":{"type":1,"len":25}}]}`

func checkNative(t *testing.T, text []byte) {
	sent := bytes.Clone(text)
	var n, used NativeRequest
	err := n.Decode(text)
	if e := used.Decode([]byte(richNative)); e != nil {
		t.Fatal(e)
	}
	usedErr := used.Decode(text)
	if !bytes.Equal(sent, text) {
		t.Fatal("Decode changed the text")
	}
	if (err == nil) != (usedErr == nil) || !reflect.DeepEqual(content(&n), content(&used)) {
		t.Fatalf("a used NativeRequest reads it otherwise: %v, %v", err, usedErr)
	}
	if err != nil {
		if ReasonOf(err) == ReasonOther || err.Error() == "" {
			t.Fatalf("error %#v has no reason", err)
		}
		return
	}
	if !json.Valid(text[bomLen(text):]) || n.check() != nil {
		t.Fatalf("accepted: %q", text)
	}
	checkUTF8(t, reflect.ValueOf(content(&n)), "native")
	if !comparable(text) {
		return
	}
	if q, ok := prebidNative(text[bomLen(text):]); ok && len(q.EventTrackers) <= MaxNativeTrackers {
		if diffs := nativeDiff(&n, q); len(diffs) > 0 {
			t.Fatalf("prebid reads %q otherwise:\n%q", text, diffs)
		}
	}
}

// nativeContent is what a NativeRequest says, without its memory.
type nativeContent struct {
	Ver           []byte
	Wrapped       bool
	Numbers       []int
	Supports      []bool
	EventTrackers []NativeTracker
	Assets        []NativeAsset
}

func content(n *NativeRequest) nativeContent {
	return nativeContent{
		n.Ver, n.Wrapped, []int{n.Context, n.ContextSubType, n.PlcmtType, n.PlcmtCnt, n.Seq},
		[]bool{n.AURLSupport, n.DURLSupport, n.Privacy}, n.EventTrackers, n.Assets,
	}
}
