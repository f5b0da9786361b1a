package bidder

import (
	"bidhawk/campaigns"
	"bidhawk/internal/openrtb"
	"bidhawk/targeting"
)

// index prepares what all impressions of the request share: who the user is,
// what they like, where they are, and the rows whose request-level targeting fits.
func (b *Bidder) index(a *auction) {
	r, f := &a.req, &a.facts
	tags, cats := f.Tags[:0], f.Categories[:0]
	*f = targeting.RequestFacts{}
	f.Exchange, f.Now = a.exchange.Name, a.now
	f.Categories = cats
	a.site, a.app = nil, false
	switch {
	case r.Site != nil:
		s := r.Site
		f.Domain, a.site = s.Domain, s.Domain
		f.Categories = append(append(append(f.Categories, s.Cat...), s.SectionCat...), s.PageCat...)
	case r.App != nil:
		s := r.App
		f.Bundle, a.site, a.app = s.Bundle, s.Bundle, true
		f.Categories = append(append(append(f.Categories, s.Cat...), s.SectionCat...), s.PageCat...)
	case r.DOOH != nil:
		f.Domain, a.site = r.DOOH.Domain, r.DOOH.Domain
	}
	if d := r.Device; d != nil {
		f.DeviceType, f.OS = d.DeviceType, d.OS
		if g := d.Geo; g != nil {
			f.Country, f.Region, f.City = g.Country, g.Region, g.City
		}
	}
	// Where the user lives is personal, unlike where the device calls from.
	if f.Country == nil && a.privacy.Personal && r.User != nil && r.User.Geo != nil {
		g := r.User.Geo
		f.Country, f.Region, f.City = g.Country, g.Region, g.City
	}
	f.Tags = tags
	if a.user != 0 {
		f.Tags = b.userTags(f.Tags, a)
	}
	a.book.index.Begin(&a.scratch, f)
}

// userTags appends the live tags of the user's profile with all their ancestors.
func (b *Bidder) userTags(dst []campaigns.TagKey, a *auction) []campaigns.TagKey {
	dst, known := b.deps.Profiles.AppendTags(dst, a.user, a.now)
	if known {
		b.metrics.profileHits.Add(1)
	} else {
		b.metrics.profileMisses.Add(1)
	}
	for _, k := range dst { // the range keeps the tags as they were before
		dst = b.deps.Ancestors(dst, k)
	}
	return dst
}

// impFacts fills a.imp for one impression: its fixed sizes, and the deals that
// our seat may use.
func (a *auction) impFacts(imp *openrtb.Imp) {
	f := &a.imp
	f.Sizes, f.Deals, f.PrivateOnly = f.Sizes[:0], f.Deals[:0], false
	a.dealIdx = a.dealIdx[:0]
	if b := imp.Banner; b != nil {
		for i := range b.Format {
			f.Sizes = appendSize(f.Sizes, b.Format[i].W, b.Format[i].H)
		}
		if len(b.Format) == 0 {
			f.Sizes = appendSize(f.Sizes, b.W, b.H)
		}
	}
	if v := imp.Video; v != nil {
		f.Sizes = appendSize(f.Sizes, v.W, v.H)
	}
	if imp.PMP == nil {
		return
	}
	f.PrivateOnly = imp.PMP.PrivateAuction
	for i := range imp.PMP.Deals {
		d := &imp.PMP.Deals[i]
		if len(d.WSeat) > 0 && !containsText(d.WSeat, a.exchange.Seat) {
			continue
		}
		f.Deals = append(f.Deals, d.ID)
		a.dealIdx = append(a.dealIdx, i)
	}
}

func appendSize(dst []campaigns.Size, w, h int) []campaigns.Size {
	if w > 0 && h > 0 {
		dst = append(dst, campaigns.Size{W: w, H: h})
	}
	return dst
}

func containsText(list [][]byte, s string) bool {
	for _, l := range list {
		if string(l) == s {
			return true
		}
	}
	return false
}
