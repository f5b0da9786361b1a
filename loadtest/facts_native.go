package loadtest

import (
	"bytes"
	"encoding/json"
	"strings"
)

// nativeFacts are the facts of imp.native: the Native 1.2 markup request
// (section 4) that its "request" holds as text or as an object.
type nativeFacts struct {
	ok       bool // the request could be read
	ver      string
	verSaid  bool // by the markup request itself, not by imp.native alone
	wrapped  bool // the 1.0 root: {"native": {...}}
	assets   []assetFacts
	trackers map[int][]int // offered methods by event
	battr    []int
	api      []int
}

type assetKind uint8

const (
	assetUnknown assetKind = iota
	assetTitle
	assetImage
	assetVideo
	assetData
)

func (k assetKind) String() string { return [...]string{"nothing", "title", "img", "video", "data"}[k] }

// assetFacts are the facts of one asset.
type assetFacts struct {
	id         int
	required   bool
	kind       assetKind
	length     int // of a title or data; 0: unbounded
	w, h       int // exact where not 0
	wMin, hMin int
	mimes      []string
	video      *streamFacts
}

func readNative(m map[string]any) *nativeFacts {
	if m == nil {
		return nil
	}
	n := &nativeFacts{battr: numbers(m["battr"]), api: numbers(m["api"]), trackers: map[int][]int{}}
	root := object(m["request"])
	if s := text(m["request"]); s != "" {
		dec := json.NewDecoder(bytes.NewReader([]byte(s)))
		dec.UseNumber()
		if dec.Decode(&root) != nil {
			return n
		}
	}
	if root == nil {
		return n
	}
	n.ver = text(m["ver"])
	if inner := object(root["native"]); inner != nil {
		root, n.wrapped = inner, true
	}
	n.ok = true
	if v := text(root["ver"]); v != "" {
		n.ver, n.verSaid = v, true
	}
	for _, v := range list(root["assets"]) {
		n.assets = append(n.assets, readAsset(object(v)))
	}
	for _, v := range list(root["eventtrackers"]) {
		o := object(v)
		event := number(o["event"])
		n.trackers[event] = append(n.trackers[event], numbers(o["methods"])...)
	}
	return n
}

func readAsset(o map[string]any) assetFacts {
	a := assetFacts{id: number(o["id"]), required: number(o["required"]) == 1}
	if m := object(o["title"]); m != nil {
		a.kind, a.length = assetTitle, number(m["len"])
	}
	if m := object(o["img"]); m != nil {
		a.kind, a.mimes = assetImage, texts(m["mimes"])
		a.w, a.h, a.wMin, a.hMin = number(m["w"]), number(m["h"]), number(m["wmin"]), number(m["hmin"])
	}
	if m := object(o["video"]); m != nil {
		a.kind, a.video = assetVideo, readStream(m)
	}
	if m := object(o["data"]); m != nil {
		a.kind, a.length = assetData, number(m["len"])
	}
	return a
}

// before11: the answer's root is wrapped too (Native 1.1 dropped that).
func (n *nativeFacts) before11() bool { return n.ver == "1" || strings.HasPrefix(n.ver, "1.0") }

func (n *nativeFacts) asset(id int) *assetFacts {
	for i := range n.assets {
		if n.assets[i].id == id {
			return &n.assets[i]
		}
	}
	return nil
}
