package bidder

import (
	"slices"

	"bidhawk/internal/openrtb"
)

// rule is one thing that an impression asks of an ad of its medium. It returns
// NoBidNone where the ad keeps it. Bids stop at the first rule that is broken;
// explanations name all.
type rule func(a *auction, imp *openrtb.Imp, ad *ad) NoBid

// rules are those of each medium, in the order of NoBid's values; cheap ones of
// the ad itself come before lists of the request.
var rules = [mediumCount][]rule{
	mediumBanner: {registered, bannerSize, bannerMIME, framework, expansion, bannerType, attribute, category, advertiserDomain, advertisedApp, language, running},
	mediumVideo:  {registered, mediaFiles, duration, protocol, linearity, framework, attribute, category, advertiserDomain, advertisedApp, language, running},
	mediumAudio:  {registered, mediaFiles, duration, protocol, framework, attribute, category, advertiserDomain, advertisedApp, language, running},
	mediumNative: {registered, framework, nativeAssets, attribute, category, advertiserDomain, advertisedApp, language, running},
}

// refusal is the first rule that ad breaks on imp, which offers its medium.
func (ad *ad) refusal(a *auction, imp *openrtb.Imp) NoBid {
	for _, r := range rules[ad.medium] {
		if reason := r(a, imp, ad); reason != NoBidNone {
			return reason
		}
	}
	return NoBidNone
}

// running: no kill switch stops the creative.
func running(a *auction, _ *openrtb.Imp, ad *ad) NoBid {
	if a.kill.StopsCreative(ad.creative.ID) {
		return NoBidKilled
	}
	return NoBidNone
}

// registered asks for what the exchange wants of a creative before any auction:
// its review where it has one, its own id where it hosts the markup, and the
// fields that it does not do without.
func registered(a *auction, _ *openrtb.Imp, ad *ad) NoBid {
	r := &ad.registered[a.exchange.index]
	switch {
	case a.exchange.CreativeApproval && !r.approved, a.exchange.RegisteredCreatives && len(r.id) == 0:
		return NoBidNotApproved
	case !r.complete:
		return NoBidIncomplete
	}
	return NoBidNone
}

// offered is the lists that all mediums have.
func offered(imp *openrtb.Imp, m medium) (api, battr []int) {
	switch m {
	case mediumBanner:
		return imp.Banner.API, imp.Banner.BAttr
	case mediumVideo:
		return imp.Video.API, imp.Video.BAttr
	case mediumAudio:
		return imp.Audio.API, imp.Audio.BAttr
	default:
		return imp.Native.API, imp.Native.BAttr
	}
}

// framework: what is not listed is not supported (section 3.2.6).
func framework(_ *auction, imp *openrtb.Imp, ad *ad) NoBid {
	if len(ad.frameworks) == 0 {
		return NoBidNone
	}
	api, _ := offered(imp, ad.medium)
	for _, family := range ad.frameworks {
		if !slices.ContainsFunc(family, func(f int) bool { return slices.Contains(api, f) }) {
			return NoBidAPI
		}
	}
	return NoBidNone
}

func attribute(_ *auction, imp *openrtb.Imp, ad *ad) NoBid {
	_, battr := offered(imp, ad.medium)
	for _, n := range battr {
		if slices.Contains(ad.attr, n) {
			return NoBidAttribute
		}
	}
	return NoBidNone
}

func bannerSize(_ *auction, imp *openrtb.Imp, ad *ad) NoBid {
	if !accepts(imp.Banner, ad.creative.W, ad.creative.H) {
		return NoBidSize
	}
	return NoBidNone
}

// maxRatio bounds either side of a flexible ratio: more can't be multiplied.
const maxRatio = 1 << 20

// accepts says whether a banner takes a creative of w x h: one of its formats,
// or w and h where it lists none, or a flexible ratio at a width from wmin on.
func accepts(b *openrtb.Banner, w, h int) bool {
	for i := range b.Format {
		f := &b.Format[i]
		if f.W == w && f.H == h && w > 0 {
			return true
		}
		if f.WRatio > 0 && f.HRatio > 0 && max(f.WRatio, f.HRatio) <= maxRatio && w*f.HRatio == h*f.WRatio && w >= f.WMin {
			return true
		}
	}
	return len(b.Format) == 0 && b.W == w && b.H == h && w > 0
}

func bannerMIME(_ *auction, imp *openrtb.Imp, ad *ad) NoBid {
	list := imp.Banner.MIMEs
	if len(list) == 0 {
		return NoBidNone
	}
	for _, m := range ad.mimes {
		if containsFold(list, m) {
			return NoBidNone
		}
	}
	return NoBidMIME
}

// expansion: a banner may expand only in the directions that are offered.
func expansion(_ *auction, imp *openrtb.Imp, ad *ad) NoBid {
	for _, d := range ad.creative.ExpDir {
		if !slices.Contains(imp.Banner.ExpDir, d) {
			return NoBidExpands
		}
	}
	return NoBidNone
}

func bannerType(_ *auction, imp *openrtb.Imp, ad *ad) NoBid {
	for _, t := range ad.bannerType {
		if slices.Contains(imp.Banner.BType, t) {
			return NoBidBannerType
		}
	}
	return NoBidNone
}

func nativeAssets(a *auction, _ *openrtb.Imp, ad *ad) NoBid {
	if _, ok := ad.native.Fits(&a.native); !ok {
		return NoBidAssets
	}
	return NoBidNone
}
