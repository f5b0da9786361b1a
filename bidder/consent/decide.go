package consent

import (
	"strconv"

	"bidhawk/internal/openrtb"
)

// Decide is what s allows under p. It does not allocate, keeps nothing of s, and
// takes a time bounded by the length of its strings, of which it reads 4 KB each.
//
// Every regime that applies must allow; the first that does not is the reason.
func (p *Policy) Decide(s *Signals) Decision {
	var v verdict
	p.judge(s, &v)
	return v.decision()
}

// verdict gathers what the rules say. Rules after the first refusal are looked at
// only where all reasons are wanted (Explain); the decision is the same.
type verdict struct {
	reason   Reason
	regime   Regime
	noSync   bool
	noGeo    bool
	explain  bool
	findings []Finding
}

func (v *verdict) decision() Decision {
	ok := v.reason == ReasonNone
	return Decision{Personal: ok, Sync: ok && !v.noSync, PreciseGeo: ok && !v.noGeo, Reason: v.reason, Regime: v.regime}
}

// over says that nothing that follows can change anything.
func (v *verdict) over() bool { return v.reason != ReasonNone && !v.explain }

func (v *verdict) applies(r Regime) {
	if v.regime == RegimeNone {
		v.regime = r
	}
}

func (v *verdict) refuse(why Reason, r Regime) {
	if v.reason == ReasonNone {
		v.reason, v.regime = why, r
	}
}

// judge applies the rules in their order: what no basis can outweigh, then each
// regime that applies.
func (p *Policy) judge(s *Signals, v *verdict) {
	if absolute(s, v); v.over() {
		return
	}
	if len(s.Consent) == 0 && len(s.GPP) == 0 {
		p.regimes(s, nil, v) // nothing to decode
		return
	}
	var r reader // one for all strings: it is three kilobytes that Go clears
	p.regimes(s, &r, v)
}

func (p *Policy) regimes(s *Signals, r *reader, v *verdict) {
	var g gpp
	if g.find(s, r, v); v.over() {
		return
	}
	if p.gdpr(s, &g, r, v); v.over() {
		return
	}
	if p.usPrivacy("regs.us_privacy", s.USPrivacy, v); v.over() {
		return
	}
	p.sections(s, &g, r, v)
}

// absolute are the signals that say no by themselves.
func absolute(s *Signals, v *verdict) {
	if s.COPPA {
		v.refuse(ReasonCOPPA, RegimeCOPPA)
		v.note("regs.coppa", ReasonCOPPA, "1", "a child's data is not used")
	}
	v.setting("device.lmt", s.Lmt, ReasonLmt)
	v.setting("device.dnt", s.DNT, ReasonDNT)
	v.setting("regs.ext.gpc", s.GPC, ReasonGPC)
}

// setting is a flag of the device that refuses where it is set.
func (v *verdict) setting(signal string, f openrtb.Flag, why Reason) {
	switch f {
	case openrtb.FlagUnset:
	case openrtb.FlagNo:
		v.note(signal, ReasonNone, "0", "nothing is refused")
	default:
		v.refuse(why, RegimeDevice)
		v.note(signal, why, "1", "no personal data is used")
	}
}

// find reads the header of the GPP string, where any of its sections can apply.
func (g *gpp) find(s *Signals, r *reader, v *verdict) {
	if len(s.GPP) == 0 || s.noSectionApplies() {
		return
	}
	if len(s.GPPSID) > maxSections {
		v.refuse(ReasonGPPMalformed, RegimeOther)
		v.note("regs.gpp_sid", ReasonGPPMalformed, "more than 32 sections", "no basis")
		return
	}
	f := g.decode(s.GPP, r)
	if f != faultNone {
		v.refuse(ReasonGPPMalformed, RegimeOther)
		v.note("regs.gpp", ReasonGPPMalformed, f.String(), "an unreadable string gives no basis")
		return
	}
	if v.explain {
		v.note("regs.gpp", ReasonNone, "sections "+listIDs(g.ids[:g.n]), "each that applies must allow")
	}
}

// noSectionApplies: gpp_sid is -1 alone ("CMP API Specification", applicableSections).
func (s *Signals) noSectionApplies() bool { return len(s.GPPSID) == 1 && s.GPPSID[0] == -1 }

func (s *Signals) hasSID(id int) bool {
	for _, have := range s.GPPSID {
		if have == id {
			return true
		}
	}
	return false
}

// sections applies the sections of the GPP string that gpp_sid names; all of
// them where it names none.
func (p *Policy) sections(s *Signals, g *gpp, r *reader, v *verdict) {
	if len(s.GPPSID) == 0 {
		for _, id := range g.ids[:g.n] {
			if p.section(int(id), s, g, r, v); v.over() {
				return
			}
		}
		return
	}
	for _, id := range s.GPPSID {
		if p.section(id, s, g, r, v); v.over() {
			return
		}
	}
}

// section applies one section. The EU's is the GDPR's business.
func (p *Policy) section(id int, s *Signals, g *gpp, r *reader, v *verdict) {
	if id == -1 || id == sectionTCFEU {
		return
	}
	text, sent := g.section(id)
	us := id >= sectionUSP && id <= sectionUSTop
	switch {
	case id == sectionUSP && !sent && len(s.USPrivacy) > 0:
		return // the same signal came by its older way
	case us && !sent:
		v.refuse(ReasonGPPNoSection, RegimeUS)
		v.section(id, ReasonGPPNoSection, "applies, but is not in the string", "no basis")
	case id == sectionUSP:
		p.usPrivacy("gpp section 6", text, v)
	case us:
		p.usSection(id, text, r, v)
	default:
		v.refuse(ReasonGPPUnknownSection, RegimeOther)
		v.section(id, ReasonGPPUnknownSection, "applies, and we have no layout for it", "no basis")
	}
}

// usPrivacy applies a US privacy string.
func (p *Policy) usPrivacy(signal string, text []byte, v *verdict) {
	if len(text) == 0 && signal == "regs.us_privacy" {
		return
	}
	u, f := parseUSPrivacy(text)
	switch {
	case f != faultNone:
		v.refuse(ReasonUSPrivacyMalformed, RegimeUS)
		v.note(signal, ReasonUSPrivacyMalformed, f.String(), "an unreadable string gives no basis")
	case !u.applies:
		v.note(signal, ReasonNone, "1---", "US privacy law does not apply")
	case u.optedOut:
		v.refuse(ReasonUSOptOut, RegimeUS)
		v.note(signal, ReasonUSOptOut, "opted out of sale", "no personal data is used")
	case u.noNotice && !p.WithoutNotice:
		v.refuse(ReasonUSNoNotice, RegimeUS)
		v.note(signal, ReasonUSNoNotice, "no notice was given", "no personal data is used")
	default:
		v.applies(RegimeUS)
		v.note(signal, ReasonNone, "not opted out of sale", "allowed")
	}
}

// usSection applies one US section of the GPP string.
func (p *Policy) usSection(id int, text []byte, r *reader, v *verdict) {
	var c choices
	f := c.decode(id, text, r)
	if f != faultNone {
		why := ReasonGPPMalformed
		if f == faultVersion {
			why = ReasonGPPUnknownSection
		}
		v.refuse(why, RegimeUS)
		v.section(id, why, f.String(), "an unreadable section gives no basis")
		return
	}
	v.applies(RegimeUS)
	v.noGeo = v.noGeo || !c.geo
	why := ReasonNone
	switch {
	case c.gpc:
		why = ReasonGPC
	case c.child:
		why = ReasonUSChild
	case c.saleOut || c.sharingOut || c.targetingOut:
		why = ReasonUSOptOut
	case c.service:
		why = ReasonUSServiceProvider
	case c.noNotice && !p.WithoutNotice:
		why = ReasonUSNoNotice
	}
	if why != ReasonNone {
		v.refuse(why, RegimeUS)
	}
	if v.explain {
		v.section(id, why, c.String(), consequence(why, c.geo))
	}
}

// section notes something of one GPP section.
func (v *verdict) section(id int, why Reason, says, follows string) {
	if v.explain {
		v.note("gpp section "+strconv.Itoa(id), why, says, follows)
	}
}
