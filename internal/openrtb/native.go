package openrtb

import "strconv"

// NativeRequest is the native markup request of an imp (OpenRTB Native 1.2
// section 4.1; 1.0 and 1.1 are read too). One goroutine uses it at a time; it is
// reused from request to request and must not be copied. Its zero value is ready
// for Decode.
type NativeRequest struct {
	Ver []byte // "1.2"; nil where not said
	// Wrapped says that the object stood in the member "native" of another one, as
	// version 1.0 had it.
	Wrapped        bool
	Context        int // AdCOM-like lists; 0: not said
	ContextSubType int
	PlcmtType      int
	PlcmtCnt       int // identical placements; 1 where not said
	Seq            int
	AURLSupport    bool
	DURLSupport    bool
	Privacy        bool // a link to the buyer's privacy notice is shown
	EventTrackers  []NativeTracker
	Assets         []NativeAsset // at least one, each with an id of its own

	mem      BidRequest // whose memory holds strings, lists and the parser
	assets   arena[NativeAsset]
	trackers arena[NativeTracker]
}

// NativeKind is which of its four objects an asset is.
type NativeKind uint8

// The kinds of an asset.
const (
	NativeTitle NativeKind = iota + 1
	NativeImg
	NativeVideo
	NativeData
)

// NativeAsset is one asset that is asked for (section 4.2). Of the four objects
// only the one of Kind means anything.
type NativeAsset struct {
	ID       int // echoed in the answer
	Required bool
	Kind     NativeKind
	Title    NativeTitleAsset
	Img      NativeImgAsset
	Video    NativeVideoAsset
	Data     NativeDataAsset

	hasID bool
	kinds uint8 // bit per kind that was sent
}

// NativeTitleAsset is a title of at most Len characters (section 4.3).
type NativeTitleAsset struct{ Len int }

// NativeImgAsset is an image (section 4.4); sizes are pixels, 0 where not said.
// W or H without its minimum is exact.
type NativeImgAsset struct {
	Type    int // 1 icon, 3 main; 0: not said
	W, WMin int
	H, HMin int
	MIMEs   [][]byte // nil: all
}

// NativeVideoAsset is a video (section 4.5); durations are seconds.
type NativeVideoAsset struct {
	MIMEs                    [][]byte
	MinDuration, MaxDuration int
	Protocols                []int
}

// NativeDataAsset is a text of at most Len characters, 0: any (section 4.6).
type NativeDataAsset struct{ Type, Len int }

// NativeTracker is an event that can be tracked, and how (section 4.7).
type NativeTracker struct {
	Event   int   // 1 impression, 2 to 4 viewable
	Methods []int // 1 image, 2 script
}

// Offers says whether event can be tracked by method.
func (n *NativeRequest) Offers(event, method int) bool {
	for i := range n.EventTrackers {
		if n.EventTrackers[i].Event != event {
			continue
		}
		for _, m := range n.EventTrackers[i].Methods {
			if m == method {
				return true
			}
		}
	}
	return false
}

// check is what the specification says must hold.
func (n *NativeRequest) check() *FieldError {
	if len(n.Assets) == 0 {
		return missing("assets")
	}
	for i := range n.Assets {
		a := &n.Assets[i]
		e := a.check()
		for j := range i {
			if e == nil && n.Assets[j].ID == a.ID {
				e = &FieldError{
					Field: "id", Value: strconv.Itoa(a.ID), Rule: "want an id of its own for every asset", Reason: ReasonDuplicate,
				}
			}
		}
		if e != nil {
			return e.within("assets[" + strconv.Itoa(i) + "]")
		}
	}
	return nil
}

func (a *NativeAsset) check() *FieldError {
	const rule = "want exactly one of title, img, video and data"
	switch {
	case !a.hasID:
		return missing("id")
	case a.kinds == 0:
		return &FieldError{Field: "title", Rule: rule, Reason: ReasonMissing}
	case a.kinds&(a.kinds-1) != 0:
		return exclusive("title", rule)
	}
	switch a.Kind {
	case NativeTitle:
		if a.Title.Len == 0 {
			return missing("title.len")
		}
		return notNegative(named{"title.len", a.Title.Len})
	case NativeData:
		if a.Data.Type == 0 {
			return missing("data.type")
		}
		return notNegative(named{"data.type", a.Data.Type}, named{"data.len", a.Data.Len})
	case NativeVideo:
		return a.Video.check()
	}
	m := &a.Img
	return notNegative(named{"img.w", m.W}, named{"img.h", m.H}, named{"img.wmin", m.WMin}, named{"img.hmin", m.HMin})
}

func (v *NativeVideoAsset) check() *FieldError {
	switch {
	case len(v.MIMEs) == 0:
		return missing("video.mimes")
	case len(v.Protocols) == 0:
		return missing("video.protocols")
	case v.MaxDuration == 0:
		return missing("video.maxduration")
	}
	return notNegative(named{"video.minduration", v.MinDuration}, named{"video.maxduration", v.MaxDuration})
}
