package loadtest

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
)

// privacy sets regs, consent, ids and the place of the supply chain: all of
// them as requests have them, with basis and without.
func (g *generator) privacy(r *request, where *place) {
	rules := &regs{}
	switch {
	case where.eu:
		g.gdpr(rules, r.User)
	case where.country == "USA" && g.likely(0.5):
		rules.USPrivacy = one(g.rnd, "1YNN", "1YNY", "1YYN", "1---")
	case where.country == "USA" && g.likely(0.5):
		// As in the tests of the IAB's own GPP library: usnat, uspv1.
		if rules.GPP, rules.GPPSID = "DBABLA~BVQqAAAAAgA.QA", []int{7}; g.likely(0.3) {
			rules.GPP, rules.GPPSID = "DBABTA~1YNN", []int{6}
		}
	}
	if g.likely(0.02) {
		rules.COPPA = 1
	}
	if g.likely(0.03) {
		if rules.Ext == nil {
			rules.Ext = &regsExt{}
		}
		rules.Ext.GPC = 1
	}
	if rules.COPPA+rules.GDPR > 0 || rules.USPrivacy+rules.GPP != "" || rules.Ext != nil {
		r.Regs = rules
	}
	if g.likely(0.05) {
		r.Device.Lmt = 1
	} else if g.likely(0.03) {
		r.Device.DNT = 1
	}
	if r.User != nil {
		g.identities(r.User)
	}
	if chain := r.Source.SChain; g.likely(0.4) { // before 2.6 it stood in an ext
		r.Source.SChain = nil
		if g.likely(0.7) {
			r.Source.Ext = &topExt{chain}
		} else {
			r.Ext = &topExt{chain}
		}
	}
	if g.likely(0.03) {
		for _, chain := range []*topExt{{r.Source.SChain}, r.Source.Ext, r.Ext} {
			if chain != nil && chain.SChain != nil {
				chain.SChain.Complete = 0
			}
		}
	}
}

// gdpr: a fifth still say it as in 2.5. A screen has no user to consent.
func (g *generator) gdpr(rules *regs, u *user) {
	older := g.likely(0.2)
	if older {
		rules.Ext = &regsExt{GDPR: 1}
	} else {
		rules.GDPR = 1
	}
	switch {
	case u == nil:
	case older:
		u.Ext = &userExt{consent(g.rnd)}
	default:
		u.Consent = consent(g.rnd)
	}
}

func (g *generator) identities(u *user) {
	if g.likely(0.3) {
		u.YOB, u.Gender = 1950+g.rnd.IntN(55), one(g.rnd, "M", "F", "O")
	}
	for _, s := range []struct {
		source string
		atype  int
	}{{"pubcid.example", 1}, {"id5-sync.com", 1}, {"uidapi.com", 3}, {"liveramp.com", 3}} {
		if g.likely(0.25) {
			u.EIDs = append(u.EIDs, eid{s.source, []uid{{fmt.Sprintf("%016x-%s", g.rnd.Uint64(), userMark), s.atype}}})
		}
	}
}

// consent is a TCF string (IAB Consent string v2.2, core and the disclosed
// vendors that 2.3 demands): most people agree to all, some to little or nothing.
func consent(r *rand.Rand) string {
	const all, measure, none = 1<<24 - 1, 0b100000100000000000000000, 0
	purposes := one(r, all, all, all, measure, none)
	special := one(r, 0, 1<<11)
	vendors := 1200
	if purposes == none {
		vendors = 0
	}
	var core bits
	created := uint64(17_600_000_000) // deciseconds: in 2025
	for _, f := range []struct{ value, width uint64 }{
		{2, 6}, {created, 36}, {created, 36}, {10, 12}, {1, 12}, {1, 6}, // version, dates, CMP, its version, screen
		{4, 6}, {13, 6}, {120, 12}, {5, 6}, {1, 1}, {0, 1}, // language EN, vendor list, policy, service specific, texts
		{uint64(special), 12}, {uint64(purposes), 24}, {uint64(purposes), 24}, // LI transparency as the consents
		{0, 1}, {3, 6}, {4, 6}, // purpose one, publisher's country DE
	} {
		core.put(f.value, f.width)
	}
	core.vendors(vendors)
	core.vendors(vendors)
	core.put(0, 12) // no publisher restrictions
	var disclosed bits
	disclosed.put(1, 3) // segment type
	disclosed.vendors(1200)
	return core.String() + "." + disclosed.String()
}

// bits is written from the most significant bit on.
type bits struct {
	bytes []byte
	used  uint64
}

func (b *bits) put(v, width uint64) {
	for i := width; i > 0; i-- {
		if b.used%8 == 0 {
			b.bytes = append(b.bytes, 0)
		}
		b.bytes[len(b.bytes)-1] |= byte(v>>(i-1)&1) << (7 - b.used%8)
		b.used++
	}
}

// vendors writes the section in which vendors 1 to n are set: as one range, or
// none at all.
func (b *bits) vendors(n int) {
	b.put(uint64(n), 16)
	if n == 0 {
		b.put(0, 1)
		return
	}
	b.put(1, 1)  // ranges
	b.put(1, 12) // one entry
	b.put(1, 1)  // from, to
	b.put(1, 16)
	b.put(uint64(n), 16)
}

func (b *bits) String() string { return base64.RawURLEncoding.EncodeToString(b.bytes) }
