package bidder

import (
	"bytes"
	"slices"

	"bidhawk/internal/openrtb"
)

// The block and allow lists of a request (OpenRTB 2.6 section 3.2.1). They may
// hold thousands of entries and every ad is held against them: they are hashed
// once, when the first ad asks.

// hashed is a list as a set of 64-bit hashes. What is hashed alike counts as
// equal: of a billion pairs of entries and ads one in ten billion is refused for
// nothing.
type hashed struct {
	ready  bool
	bloom  [16]uint64 // of 1024 bits, the tenth lowest of each hash
	hashes []uint64   // sorted where there are more than fewHashes
}

// fewHashes are faster looked through than searched.
const fewHashes = 64

func (s *hashed) reset() {
	s.ready = false
	s.hashes = s.hashes[:0]
}

func (s *hashed) fill(list [][]byte) {
	s.ready, s.bloom, s.hashes = true, [16]uint64{}, s.hashes[:0]
	for _, e := range list {
		h := foldHash(e)
		s.bloom[h>>6&15] |= 1 << (h & 63)
		s.hashes = append(s.hashes, h)
	}
	if len(s.hashes) > fewHashes {
		slices.Sort(s.hashes)
	}
}

func (s *hashed) has(h uint64) bool {
	if s.bloom[h>>6&15]&(1<<(h&63)) == 0 {
		return false
	}
	if len(s.hashes) <= fewHashes {
		return slices.Contains(s.hashes, h)
	}
	_, found := slices.BinarySearch(s.hashes, h)
	return found
}

func (s *hashed) hasAny(hs []uint64) bool {
	for _, h := range hs {
		if s.has(h) {
			return true
		}
	}
	return false
}

// of is the set of list, which is the same throughout a request.
func (s *hashed) of(list [][]byte) *hashed {
	if !s.ready {
		s.fill(list)
	}
	return s
}

// blockSets are the lists of one request.
type blockSets struct{ bcat, acat, badv, bapp hashed }

func (s *blockSets) reset() {
	s.bcat.reset()
	s.acat.reset()
	s.badv.reset()
	s.bapp.reset()
}

// foldHash is FNV-1a of s in lower case.
func foldHash(s []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range s {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// appendDomainHashes appends the hashes of domain and of its parents: a list
// that names one of them means domain too.
func appendDomainHashes(dst []uint64, domain []byte) []uint64 {
	for {
		dst = append(dst, foldHash(domain))
		dot := bytes.IndexByte(domain, '.')
		if dot < 0 {
			return dst
		}
		domain = domain[dot+1:]
	}
}

// category holds the ad's categories against bcat and acat, in the taxonomy of
// the request: a list that names a parent means its children. Where an ad's
// category has no counterpart in that taxonomy, it may be a blocked one.
func category(a *auction, _ *openrtb.Imp, ad *ad) NoBid {
	r := &a.req
	if len(r.BCat) == 0 && len(r.ACat) == 0 {
		return NoBidNone
	}
	if len(r.ACat) > 0 && len(ad.claims) == 0 {
		return NoBidCategory
	}
	for i := range ad.claims {
		ids := ad.claims[i].in[r.CatTax]
		switch {
		case len(ids) == 0: // the taxonomy is not known, or has nothing like it
			return NoBidCategory
		case len(r.BCat) > 0 && a.blocks.bcat.of(r.BCat).hasAny(ids):
			return NoBidCategory
		case len(r.ACat) > 0 && !a.blocks.acat.of(r.ACat).hasAny(ids):
			return NoBidCategory
		}
	}
	return NoBidNone
}

func advertiserDomain(a *auction, _ *openrtb.Imp, ad *ad) NoBid {
	if len(a.req.BAdv) > 0 && a.blocks.badv.of(a.req.BAdv).hasAny(ad.domains) {
		return NoBidAdvertiser
	}
	return NoBidNone
}

func advertisedApp(a *auction, _ *openrtb.Imp, ad *ad) NoBid {
	if ad.app != 0 && len(a.req.BApp) > 0 && a.blocks.bapp.of(a.req.BApp).has(ad.app) {
		return NoBidApp
	}
	return NoBidNone
}

// language holds the ad against wlang, or wlangb, whose tags begin with the
// language that wlang would name.
func language(a *auction, _ *openrtb.Imp, ad *ad) NoBid {
	r := &a.req
	if len(ad.language) == 0 || len(r.WLang) == 0 && len(r.WLangB) == 0 {
		return NoBidNone
	}
	for _, l := range r.WLang {
		if bytes.EqualFold(l, ad.language) {
			return NoBidNone
		}
	}
	for _, l := range r.WLangB {
		primary, _, _ := bytes.Cut(l, dash)
		if bytes.EqualFold(primary, ad.language) {
			return NoBidNone
		}
	}
	return NoBidLanguage
}

var dash = []byte("-")

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

func containsFold(list [][]byte, v []byte) bool {
	for _, l := range list {
		if bytes.EqualFold(l, v) {
			return true
		}
	}
	return false
}
