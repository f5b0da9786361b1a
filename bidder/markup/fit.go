package markup

import (
	"cmp"

	"bidhawk/internal/openrtb"
)

// Reasons why a native ad does not fit: names of the first required asset that it
// can't fill.
const (
	UnfitTitle    = "native_title"          // too long, or none
	UnfitImage    = "native_image"          // none of the type
	UnfitSize     = "native_image_size"     // none as large, or of the very size
	UnfitMIME     = "native_image_mime"     // none of the types, as far as names say
	UnfitData     = "native_data"           // none of the type
	UnfitLength   = "native_data_length"    // too long
	UnfitVideo    = "native_video"          // none
	UnfitFile     = "native_video_mime"     // none of the types
	UnfitDuration = "native_video_duration" // too short or too long
	UnfitProtocol = "native_video_protocol" // no version of VAST that it can be served in
)

// Fits says whether the ad fills every asset that r requires; where it does not,
// reason is one of the names above. Nothing is cut to fit. It does not allocate.
func (n *Native) Fits(r *openrtb.NativeRequest) (reason string, ok bool) {
	for i := range r.Assets {
		if !r.Assets[i].Required {
			continue
		}
		if t, reason := n.fill(&r.Assets[i]); t == nil {
			return reason, false
		}
	}
	return "", true
}

// fill is what answers a; nil, with why, where the ad has nothing for it.
func (n *Native) fill(a *openrtb.NativeAsset) (t *Template, reason string) {
	switch a.Kind {
	case openrtb.NativeTitle:
		if n.title.chars == 0 || n.title.chars > a.Title.Len {
			return nil, UnfitTitle
		}
		return &n.title.Template, ""
	case openrtb.NativeImg:
		return n.fillImage(&a.Img)
	case openrtb.NativeVideo:
		return n.fillVideo(&a.Video)
	default:
		return n.fillData(&a.Data)
	}
}

// Types of image assets (Native 1.2 section 7.5); the logo is of 1.0 and 1.1.
const (
	imageIcon = 1
	imageLogo = 2
	imageMain = 3
)

// fillImage takes the icon or logo, or the best of the main images; where the
// type is not said, an icon only where no main image fits.
func (n *Native) fillImage(a *openrtb.NativeImgAsset) (*Template, string) {
	reason := UnfitImage
	if a.Type == imageMain || a.Type == 0 {
		var best *picture
		for i := range n.main {
			p := &n.main[i]
			if why := p.unfit(a); why != "" {
				reason = later(reason, why)
			} else if best == nil || p.closer(best, a) {
				best = p
			}
		}
		if best != nil {
			return &best.Template, ""
		}
	}
	if (a.Type == imageIcon || a.Type == imageLogo || a.Type == 0) && n.icon != nil {
		why := n.icon.unfit(a)
		if why == "" {
			return &n.icon.Template, ""
		}
		reason = later(reason, why)
	}
	return nil, reason
}

// later is the one of two reasons that is found later: an image of a wrong type
// has the right size.
func later(a, b string) string {
	if a == UnfitMIME {
		return a
	}
	return b
}

// unfit says why p does not do for a: a size without a minimum is exact, else
// the minimum counts (Native 1.2 section 4.4).
func (p *picture) unfit(a *openrtb.NativeImgAsset) string {
	switch {
	case !sideFits(p.w, a.W, a.WMin) || !sideFits(p.h, a.H, a.HMin):
		return UnfitSize
	case len(a.MIMEs) > 0 && !hasMIME(a.MIMEs, p.mime) && !hasMIME(a.MIMEs, p.alias):
		return UnfitMIME
	}
	return ""
}

func sideFits(side, exact, least int) bool {
	if least > 0 {
		return side >= least
	}
	return exact <= 0 || side == exact
}

// closer says that p suits a more than q does: its shape is nearer to the one
// that a is shown in, or it is as near and smaller.
func (p *picture) closer(q *picture, a *openrtb.NativeImgAsset) bool {
	w, h := cmp.Or(a.W, a.WMin), cmp.Or(a.H, a.HMin)
	if w > 0 && h > 0 {
		if d, e := distance(p, w, h), distance(q, w, h); d != e {
			return d < e
		}
	}
	return p.w*p.h < q.w*q.h
}

// distance is how far p's shape is from w:h, in millionths (2^-20) of the larger.
func distance(p *picture, w, h int) int {
	const bits = 20 // also of a side in pixels: 3*bits do not overflow
	a, b := min(p.w, 1<<bits)*min(h, 1<<bits), min(p.h, 1<<bits)*min(w, 1<<bits)
	return max(a-b, b-a) << bits / max(a, b, 1)
}

func (n *Native) fillData(a *openrtb.NativeDataAsset) (*Template, string) {
	reason := UnfitData
	for i := range n.data {
		d := &n.data[i]
		switch {
		case d.kind != a.Type || d.chars == 0:
		case a.Len > 0 && d.chars > a.Len:
			reason = UnfitLength
		default:
			return &d.Template, ""
		}
	}
	return nil, reason
}

// fillVideo takes the newest version that a's player reads.
func (n *Native) fillVideo(a *openrtb.NativeVideoAsset) (*Template, string) {
	k := n.video
	switch {
	case k == nil:
		return nil, UnfitVideo
	case !k.wrapper && !anyMIME(a.MIMEs, k.mimes):
		return nil, UnfitFile
	case k.duration < a.MinDuration || k.duration > a.MaxDuration:
		return nil, UnfitDuration
	}
	offered := VersionsOf(a.Protocols, k.wrapper)
	for v := Version(Versions); v > 0; v-- {
		if t := k.versions[v-1]; t != nil && offered.Has(v-1) {
			return t, ""
		}
	}
	return nil, UnfitProtocol
}

func anyMIME(list, mimes [][]byte) bool {
	for _, m := range mimes {
		if hasMIME(list, m) {
			return true
		}
	}
	return false
}
