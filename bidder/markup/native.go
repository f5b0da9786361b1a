package markup

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"bidhawk/campaigns"
	"bidhawk/internal/openrtb"
)

// Native is a native ad, ready but for what is asked for and the values of a bid.
// It is immutable and safe for concurrent use.
type Native struct {
	title    asset
	icon     *picture
	main     []picture
	data     []datum
	video    *clip
	viewable Template // address of the event "viewable"
	privacy  []byte   // JSON text of an address; empty: none
}

// asset is a text of an answer, such as `"title":{"text":"..."}`, and its length
// in characters.
type asset struct {
	Template
	chars int
}

type picture struct {
	Template
	w, h  int
	mime  []byte // empty: not known
	alias []byte // what else mime is called; nil: nothing
}

type datum struct {
	asset
	kind int
}

type clip struct {
	versions [Versions]*Template // nil where it can't be served in it
	mimes    [][]byte            // nil of a wrapper: its tag's affair
	duration int
	wrapper  bool
}

// NewNative compiles a native ad.
func NewNative(c *campaigns.Creative, o Options) *Native {
	n := &Native{}
	var b builder
	b.add(jsonText(o.PublicURL + eventPath + string(EventViewable) + "/"))
	b.slot(slotEvent)
	n.viewable = b.template()
	n.privacy = []byte(jsonText(o.PrivacyURL))
	ad := c.Native
	if ad == nil {
		return n
	}
	n.title = newAsset(`"title":{"text":"`, ad.Title)
	if ad.Icon != nil {
		p := newPicture(ad.Icon)
		n.icon = &p
	}
	for i := range ad.Main {
		n.main = append(n.main, newPicture(&ad.Main[i]))
	}
	for _, d := range ad.Data {
		n.data = append(n.data, datum{newAsset(`"data":{"value":"`, d.Value), d.Type})
	}
	if ad.Video != nil {
		n.video = newClip(c, o)
	}
	return n
}

func newAsset(intro, value string) asset {
	var b builder
	b.add(intro + jsonText(value) + `"}`)
	return asset{b.template(), utf8.RuneCountInString(value)}
}

func newPicture(m *campaigns.NativeImage) picture {
	var b builder
	b.add(`"img":{"url":"` + jsonText(m.URL) + `"`)
	if m.W > 0 && m.H > 0 {
		b.add(`,"w":` + strconv.Itoa(m.W) + `,"h":` + strconv.Itoa(m.H))
	}
	b.add("}")
	p := picture{Template: b.template(), w: m.W, h: m.H, mime: []byte(imageMIME(m.URL, ""))}
	if string(p.mime) == "image/jpeg" {
		p.alias = []byte("image/jpg") // as the specification itself has it
	}
	return p
}

// newClip compiles the video in every version that it can be served in.
func newClip(c *campaigns.Creative, o Options) *clip {
	v := c.Native.Video
	k := &clip{duration: v.Duration, wrapper: v.TagURL != ""}
	for _, f := range v.MediaFiles {
		k.mimes = append(k.mimes, []byte(f.MIME))
	}
	for version := range Version(Versions) {
		d := document{creative: c, ad: v, options: o, version: version, inNative: true}
		var b builder
		b.add(`"video":{"vasttag":"`)
		if d.check() != nil || d.compile(&b, jsonText) != nil {
			continue
		}
		b.add(`"}`)
		t := b.template()
		k.versions[version] = &t
	}
	return k
}

// Append appends the answer to r, which the ad must fit, as Native 1.2 section 5
// has it: the assets that r asks for and the ad can fill, by r's ids. Where r asked
// by version 1.0, or in the object "native" as that has it, the answer stands in
// such an object too. Our impression is an event tracker where r offers an image
// for it, else an imptracker. It allocates only when dst must grow.
func (n *Native) Append(dst []byte, r *openrtb.NativeRequest, v *Values) []byte {
	wrapped := wraps(r)
	if wrapped {
		dst = append(dst, `{"native":`...)
	}
	dst = append(dst, `{"ver":"`...)
	dst = append(dst, version(r)...)
	dst = append(dst, `","assets":`...)
	between := byte('[')
	for i := range r.Assets {
		t, _ := n.fill(&r.Assets[i])
		if t == nil {
			continue
		}
		dst = append(dst, between)
		dst = append(dst, `{"id":`...)
		dst = strconv.AppendInt(dst, int64(r.Assets[i].ID), 10)
		dst = append(dst, ',')
		dst = append(t.Append(dst, v), '}')
		between = ','
	}
	if between == '[' {
		dst = append(dst, '[')
	}
	dst = append(dst, `],"link":{"url":"`...)
	dst = append(dst, v.Click...)
	dst = append(dst, `"}`...)
	dst = n.appendTrackers(dst, r, v)
	if r.Privacy && len(n.privacy) > 0 {
		dst = append(dst, `,"privacy":"`...)
		dst = append(dst, n.privacy...)
		dst = append(dst, '"')
	}
	dst = append(dst, '}')
	if wrapped {
		dst = append(dst, '}')
	}
	return dst
}

// Events and methods of native trackers (Native 1.2 sections 7.6 and 7.7).
const (
	nativeImpression  = 1
	nativeViewable    = 2 // half of it for a second, by the MRC's definition
	nativeMethodImage = 1
)

// CountsViews says whether a placement tells us that an ad was seen.
func CountsViews(r *openrtb.NativeRequest) bool { return r.Offers(nativeViewable, nativeMethodImage) }

func (n *Native) appendTrackers(dst []byte, r *openrtb.NativeRequest, v *Values) []byte {
	impression, viewable := r.Offers(nativeImpression, nativeMethodImage), CountsViews(r)
	if !impression {
		dst = append(dst, `,"imptrackers":["`...)
		dst = append(dst, v.Impression...)
		dst = append(dst, `"]`...)
	}
	if !impression && !viewable {
		return dst
	}
	dst = append(dst, `,"eventtrackers":[`...)
	if impression {
		dst = append(dst, `{"event":1,"method":1,"url":"`...)
		dst = append(dst, v.Impression...)
		dst = append(dst, `"}`...)
	}
	if viewable {
		if impression {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"event":2,"method":1,"url":"`...)
		dst = n.viewable.Append(dst, v)
		dst = append(dst, `"}`...)
	}
	return append(dst, ']')
}

// Size is at least how many bytes the answer to r takes as text of a JSON string,
// which is how a bid carries it and what exchanges bound.
func (n *Native) Size(r *openrtb.NativeRequest, l Lengths) int {
	const frame, perAsset = 240, 32 // what stands around the assets, and around each; a test measures them
	size := frame + l.Click + l.Impression
	if CountsViews(r) {
		size += n.viewable.Size(l)
	}
	if r.Privacy {
		size += 2 * len(n.privacy)
	}
	for i := range r.Assets {
		if t, _ := n.fill(&r.Assets[i]); t != nil {
			size += perAsset + t.Size(l)
		}
	}
	return size
}

// version is what the answer says of itself: what r asked for where that is a
// version there is.
func version(r *openrtb.NativeRequest) string {
	switch string(r.Ver) {
	case "1", "1.0":
		return "1.0"
	case "1.1":
		return "1.1"
	}
	return "1.2"
}

// wraps says that the answer's root is an object with the field "native": before
// version 1.1 (Native 1.2 section 5.1, note), and where the request's was.
func wraps(r *openrtb.NativeRequest) bool { return r.Wrapped || version(r) == "1.0" }

// hasMIME says whether list, of a request, holds the type mime; case is no matter.
func hasMIME(list [][]byte, mime []byte) bool {
	for _, m := range list {
		if len(mime) > 0 && bytes.EqualFold(bytes.TrimSpace(m), mime) {
			return true
		}
	}
	return false
}
