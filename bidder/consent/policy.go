package consent

import (
	"fmt"
	"time"
)

// Policy is what we are registered as and what we need: the side of the decision
// that requests do not bring. It is not changed while it is in use, and may be
// used by many goroutines.
type Policy struct {
	// VendorID is our id on the Global Vendor List of the TCF, at most 65535.
	// 0: not registered; then there is no basis under the GDPR.
	VendorID int
	// Needed are the purposes without which no personal data is used.
	Needed PurposeSet
	// Consent and LegitimateInterest are the purposes by the basis that the Global
	// Vendor List has for us; Flexible are those of either that a publisher may
	// put on the other basis.
	Consent, LegitimateInterest, Flexible PurposeSet
	// PreciseGeo: special feature 1 is among our declarations on the list.
	PreciseGeo bool
	// DisclosedFrom is the day from which on TC strings must have their
	// disclosedVendors segment. An older string may lack it; a segment that is there
	// always binds. Zero: every string must have it.
	DisclosedFrom time.Time
	// PurposeOneFree are publisher countries (ISO 3166-1 alpha-2) where purpose 1
	// counts as held if the string says that it was not disclosed there.
	PurposeOneFree []string
	// GDPRCountries are countries (alpha-3, as geo.country has them) whose users are
	// under the GDPR where the request doesn't say whether it applies.
	GDPRCountries []string
	// WithoutNotice uses personal data also where a US signal says that the
	// consumer was given no notice.
	WithoutNotice bool
}

// DefaultPolicy is the careful policy of a bidder that keeps profiles, caps and
// reports: purposes 1 (store and access), 2 (select basic ads), 3 and 4 (make and
// use profiles) and 7 (measure ads), all by consent, none flexible. It must agree
// with what the Global Vendor List says of the vendor.
func DefaultPolicy(vendor int) Policy {
	// Strings of up to 28 February 2026 stay valid without disclosedVendors (IAB
	// Europe, "All you need to know about the transition to TCF v2.3", as quoted in
	// prebid-server issue 4750). A string's policy version can't tell: it stayed 5
	// (GDPR-Transparency-and-Consent-Framework, issue 423).
	tcf23 := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	needed := purpose(1) | purpose(2) | purpose(3) | purpose(4) | purpose(7)
	return Policy{
		VendorID: vendor, Needed: needed, Consent: needed, PreciseGeo: true, DisclosedFrom: tcf23,
		GDPRCountries: []string{ // the European Economic Area and the United Kingdom
			"AUT", "BEL", "BGR", "HRV", "CYP", "CZE", "DNK", "EST", "FIN", "FRA", "DEU", "GRC", "HUN", "ISL", "IRL", "ITA",
			"LVA", "LIE", "LTU", "LUX", "MLT", "NLD", "NOR", "POL", "PRT", "ROU", "SVK", "SVN", "ESP", "SWE", "GBR",
		},
	}
}

// Validate names the first field that breaks its rule.
func (p *Policy) Validate() error {
	f := func(field string, value any, rule string) error {
		return fmt.Errorf("privacy.%s: got %v; want %s", field, value, rule)
	}
	registered := p.Consent | p.LegitimateInterest
	known := PurposeSet(1<<knownPurposes - 1)
	switch {
	case p.VendorID < 0 || p.VendorID > 0xFFFF:
		return f("vendor_id", p.VendorID, "0 to 65535")
	case p.Needed == 0:
		return f("needed", p.Needed, "at least one purpose")
	case registered&^known != 0:
		return f("consent, legitimate_interest", registered&^known, "purposes 1 to 11")
	case p.Needed&^registered != 0:
		return f("needed", p.Needed&^registered, "purposes of consent or legitimate_interest")
	case p.Consent&p.LegitimateInterest != 0:
		return f("legitimate_interest", p.Consent&p.LegitimateInterest, "no purpose that is in consent")
	case p.LegitimateInterest&consentOnly != 0:
		return f("legitimate_interest", p.LegitimateInterest&consentOnly, "none of 1,3,4,5,6 (TCF 2.2)")
	case p.Flexible&^registered != 0:
		return f("flexible", p.Flexible&^registered, "purposes of consent or legitimate_interest")
	case p.Flexible&consentOnly != 0:
		return f("flexible", p.Flexible&consentOnly, "none of 1,3,4,5,6 (TCF 2.2)")
	}
	for _, c := range p.PurposeOneFree {
		if !upperCase(c, 2) {
			return f("purpose_one_free", c, "ISO 3166-1 alpha-2 in upper case")
		}
	}
	for _, c := range p.GDPRCountries {
		if !upperCase(c, 3) {
			return f("gdpr_countries", c, "ISO 3166-1 alpha-3 in upper case")
		}
	}
	return nil
}

func upperCase(s string, n int) bool {
	for _, c := range s {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(s) == n
}
