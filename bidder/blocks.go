package bidder

import (
	"bytes"

	"bidhawk/internal/openrtb"
)

// allowed says whether the request's block lists let the ad on the impression
// (OpenRTB 2.6 sections 3.2.1 and 3.2.6: bcat, acat, badv, wlang, battr, btype).
func (a *ad) allowed(r *openrtb.BidRequest, imp *openrtb.Imp) bool {
	if len(r.BCat) > 0 || len(r.ACat) > 0 {
		// Creatives declare categories of taxonomy 1.0: a list of another one can't
		// be held against them yet, and may block.
		if r.CatTax != 1 || anyCategory(r.BCat, a.cat) || len(r.ACat) > 0 && !anyCategory(r.ACat, a.cat) {
			return false
		}
	}
	for _, d := range a.adomain {
		if inDomains(r.BAdv, d) {
			return false
		}
	}
	if len(r.WLang) > 0 && len(a.language) > 0 && !contains(r.WLang, a.language) {
		return false
	}
	b := imp.Banner
	for _, n := range b.BAttr {
		for _, have := range a.attr {
			if n == have {
				return false
			}
		}
	}
	for _, n := range b.BType {
		if n == a.bannerType {
			return false
		}
	}
	return true
}

// anyCategory says whether one of have is in list or below one of it.
func anyCategory(list, have [][]byte) bool {
	for _, c := range have {
		for _, l := range list {
			if len(c) >= len(l) && bytes.EqualFold(c[:len(l)], l) && (len(c) == len(l) || c[len(l)] == '-') {
				return true
			}
		}
	}
	return false
}

// inDomains says whether d or a parent domain of it is in list.
func inDomains(list [][]byte, d []byte) bool {
	for _, l := range list {
		n := len(d) - len(l)
		if n >= 0 && bytes.EqualFold(d[n:], l) && (n == 0 || d[n-1] == '.') {
			return true
		}
	}
	return false
}

func contains(list [][]byte, v []byte) bool {
	for _, l := range list {
		if bytes.EqualFold(l, v) {
			return true
		}
	}
	return false
}

// accepts says whether a banner takes a creative of w x h: one of its formats,
// or w and h where it lists none, or a flexible ratio at a width from wmin on.
func accepts(b *openrtb.Banner, w, h int) bool {
	for i := range b.Format {
		f := &b.Format[i]
		if f.W == w && f.H == h && w > 0 {
			return true
		}
		if f.WRatio > 0 && f.HRatio > 0 && w*f.HRatio == h*f.WRatio && w >= f.WMin {
			return true
		}
	}
	return len(b.Format) == 0 && b.W == w && b.H == h && w > 0
}
