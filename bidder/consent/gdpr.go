package consent

import (
	"bytes"

	"bidhawk/internal/openrtb"
)

// gdpr applies the GDPR where it applies: every TC string that was sent must be a
// basis, that of user.consent and that of the GPP's section 2.
func (p *Policy) gdpr(s *Signals, g *gpp, r *reader, v *verdict) {
	section, inGPP := g.section(sectionTCFEU)
	if !p.underGDPR(s, inGPP, v) {
		return
	}
	v.applies(RegimeGDPR)
	if p.VendorID == 0 {
		v.refuse(ReasonGDPRUnregistered, RegimeGDPR)
		v.note("policy.vendor_id", ReasonGDPRUnregistered, "0", "who is not on the Global Vendor List has no basis")
	}
	if len(s.Consent) == 0 && !inGPP {
		v.refuse(ReasonGDPRNoConsentString, RegimeGDPR)
		v.note("user.consent", ReasonGDPRNoConsentString, "not sent", "no basis")
	}
	if v.over() || p.VendorID == 0 {
		return
	}
	if len(s.Consent) > 0 {
		p.tcString("user.consent", s.Consent, r, v)
	}
	if inGPP && !bytes.Equal(section, s.Consent) && !v.over() {
		p.tcString("gpp section 2", section, r, v)
	}
}

// underGDPR says whether the GDPR applies: where the request says so, where it
// does not deny it and brings a TC string, and where it says nothing of a
// user in one of the policy's countries.
func (p *Policy) underGDPR(s *Signals, inGPP bool, v *verdict) bool {
	tc := len(s.Consent) > 0 || inGPP && len(s.GPPSID) == 0
	switch {
	case s.GDPR == openrtb.FlagYes:
		v.note("regs.gdpr", ReasonNone, "1", "the GDPR applies")
	case s.GDPR > openrtb.FlagYes:
		v.refuse(ReasonGDPRMalformed, RegimeGDPR)
		v.note("regs.gdpr", ReasonGDPRMalformed, "neither 0 nor 1", "the GDPR applies, without a basis")
	case s.hasSID(sectionTCFEU):
		v.note("regs.gpp_sid", ReasonNone, "2", "the GDPR applies")
	case s.GDPR == openrtb.FlagNo:
		v.note("regs.gdpr", ReasonNone, "0", "the GDPR does not apply; a TC string is ignored")
		return false
	case tc:
		v.note("regs.gdpr", ReasonNone, "not sent, but a TC string", "the GDPR applies")
	case p.inGDPRCountry(s.Country):
		v.note("geo.country", ReasonNone, "under the GDPR, and regs.gdpr was not sent", "the GDPR applies")
	default:
		return false
	}
	return true
}

// inGDPRCountry is on the way of every request that names a country and nothing
// of the GDPR, so it compares letters before strings.
func (p *Policy) inGDPRCountry(country []byte) bool {
	if len(country) == 0 {
		return false
	}
	for _, c := range p.GDPRCountries {
		if len(c) > 0 && c[0] == country[0] && c == string(country) {
			return true
		}
	}
	return false
}

// tcString applies one TC string.
func (p *Policy) tcString(signal string, text []byte, r *reader, v *verdict) {
	var t tcf
	if f := t.decode(text, p.VendorID, r); f != faultNone {
		v.refuse(ReasonGDPRMalformed, RegimeGDPR)
		v.note(signal, ReasonGDPRMalformed, f.String(), "an unreadable string gives no basis")
		return
	}
	held := p.held(&t)
	why := p.basis(&t, held)
	if why != ReasonNone {
		v.refuse(why, RegimeGDPR)
	}
	v.noSync = v.noSync || held&purpose(1) == 0
	geo := p.PreciseGeo && t.specialFeatures&specialFeature1 != 0
	v.noGeo = v.noGeo || !geo
	if v.explain {
		v.note(signal, why, t.String(), p.consequence(why, held, geo))
	}
}

// basis is the first cause why the string is no basis for what the policy needs.
func (p *Policy) basis(t *tcf, held PurposeSet) Reason {
	switch {
	case !t.serviceSpecific: // global scope ended on 1 September 2021: such a string is invalid
		return ReasonGDPRScope
	case t.policy < tcf22Policy && t.updated >= tcf22:
		return ReasonGDPRPolicyVersion
	case t.hasDisclosed && !t.disclosed, !t.hasDisclosed && t.updated >= p.disclosedFrom():
		return ReasonGDPRVendorNotDisclosed
	case p.Needed&^held == 0:
		return ReasonNone
	case !t.vendorConsent && p.Needed&^held&p.byConsent(t) != 0:
		return ReasonGDPRNoVendorConsent
	}
	return ReasonGDPRPurpose
}

// Since 30 September 2023 a new string must be of policy version 4 or later
// ("Consent string and vendor list formats v2", "Managing conflicting string
// versions"). tcf22 is the day after, in tenths of a second since 1970.
const (
	tcf22Policy = 4
	tcf22       = 1696118400 * 10
)

// disclosedFrom is DisclosedFrom as a string counts time.
func (p *Policy) disclosedFrom() uint64 {
	if ms := p.DisclosedFrom.UnixMilli(); ms > 0 {
		return uint64(ms / 100)
	}
	return 0
}

// byConsent are the purposes that rest on consent under the string's publisher
// restrictions, byInterest those on legitimate interest ("PubRestrictionEntry"): a
// restriction moves a flexible purpose to the other basis, and takes away one
// that is not flexible. One that is moved both ways is on neither. Validate keeps the
// purposes that need consent off the other basis.
func (p *Policy) byConsent(t *tcf) PurposeSet {
	moved := p.LegitimateInterest & p.Flexible & t.requireConsent
	return (p.Consent | moved) &^ (t.requireLI | t.notAllowed)
}

func (p *Policy) byInterest(t *tcf) PurposeSet {
	moved := p.Consent & p.Flexible & t.requireLI
	return (p.LegitimateInterest | moved) &^ (t.requireConsent | t.notAllowed)
}

// held are the purposes that the vendor has a basis for, the disclosure aside.
func (p *Policy) held(t *tcf) PurposeSet {
	var held PurposeSet
	if t.vendorConsent {
		held = p.byConsent(t) & t.purposesConsent
	}
	if t.vendorLI {
		held |= p.byInterest(t) & t.purposesLI
	}
	if t.purposeOneTreatment && p.purposeOneFree(t) {
		held |= purpose(1) &^ t.notAllowed
	}
	return held
}

func (p *Policy) purposeOneFree(t *tcf) bool {
	for _, c := range p.PurposeOneFree {
		if c == string(t.publisherCC[:]) {
			return true
		}
	}
	return false
}
