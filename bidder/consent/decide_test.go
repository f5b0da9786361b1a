package consent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/openrtb"
)

const testVendor = 7

// afterTCF23 and beforeTCF23 are timestamps of strings, in tenths of a second.
const (
	afterTCF23  = 1780000000 * 10 // May 2026
	beforeTCF23 = 1750000000 * 10 // June 2025
)

// full is a string that gives testVendor everything.
func full() testTCF {
	return testTCF{
		version: 2, policy: 5, cmp: 300, list: 150, created: afterTCF23, updated: afterTCF23, country: "FR",
		features: []int{1}, consent: []int{1, 2, 3, 4, 7}, vendors: []int{3, testVendor}, disclosed: []int{testVendor},
	}
}

func edit(change func(*testTCF)) string {
	t := full()
	change(&t)
	return t.encode()
}

// decide also holds Explain to the same decision.
func decide(t *testing.T, p *Policy, s *Signals) Decision {
	t.Helper()
	d := p.Decide(s)
	if (d.Reason == ReasonNone) != d.Personal || d.Sync && !d.Personal || d.PreciseGeo && !d.Personal {
		t.Errorf("%+v contradicts itself", d)
	}
	findings := p.Explain(s)
	last := findings[len(findings)-1]
	want := Finding{
		Signal: "decision", Says: "regime " + d.Regime.String(), Reason: d.Reason,
		Follows: fmt.Sprintf("personal %t, sync %t, precise place %t", d.Personal, d.Sync, d.PreciseGeo),
	}
	if last != want {
		t.Errorf("explanation ends in %+v; Decide says %+v", last, want)
	}
	for _, f := range findings[:len(findings)-1] {
		if f.Reason != ReasonNone {
			if f.Reason != d.Reason {
				t.Errorf("the first finding that refuses says %v; Decide says %v: %+v", f.Reason, d.Reason, findings)
			}
			return d
		}
	}
	if !d.Personal {
		t.Errorf("no finding refuses; Decide says %v", d.Reason)
	}
	return d
}

// TestSignals is of the row "User, device": from a request's JSON to the decision.
func TestSignals(t *testing.T) {
	policy := DefaultPolicy(testVendor)
	f := func(members string, reason Reason, regime Regime) {
		t.Helper()
		var r openrtb.BidRequest
		if err := r.Decode([]byte(`{"id":"1","imp":[{"id":"1","banner":{}}]` + members + `}`)); err != nil {
			t.Fatal(err)
		}
		s := SignalsOf(&r)
		if d := decide(t, &policy, &s); d.Reason != reason || d.Regime != regime {
			t.Errorf("%s: got %v of %v; want %v of %v", members, d.Reason, d.Regime, reason, regime)
		}
	}
	ok := full().encode()
	f(``, ReasonNone, RegimeNone)
	f(`,"regs":{}`, ReasonNone, RegimeNone)
	f(`,"regs":{"coppa":1}`, ReasonCOPPA, RegimeCOPPA)
	f(`,"device":{"lmt":1}`, ReasonLmt, RegimeDevice)
	f(`,"device":{"dnt":1}`, ReasonDNT, RegimeDevice)
	f(`,"device":{"lmt":0,"dnt":0}`, ReasonNone, RegimeNone)
	f(`,"regs":{"ext":{"gpc":"1"}}`, ReasonGPC, RegimeDevice)
	f(`,"regs":{"ext":{"gpc":0}}`, ReasonNone, RegimeNone)
	f(`,"regs":{"coppa":1,"gdpr":1},"device":{"lmt":1}`, ReasonCOPPA, RegimeCOPPA)
	f(`,"regs":{"gdpr":1},"user":{"consent":"`+ok+`"},"device":{"lmt":1}`, ReasonLmt, RegimeDevice)

	f(`,"regs":{"gdpr":1}`, ReasonGDPRNoConsentString, RegimeGDPR)
	f(`,"regs":{"ext":{"gdpr":1}}`, ReasonGDPRNoConsentString, RegimeGDPR)
	f(`,"regs":{"gdpr":2}`, ReasonGDPRNoConsentString, RegimeGDPR)
	f(`,"regs":{"gdpr":1},"user":{"consent":""}`, ReasonGDPRNoConsentString, RegimeGDPR)
	f(`,"regs":{"gdpr":0},"user":{"consent":"CPx"}`, ReasonNone, RegimeNone)
	f(`,"user":{"consent":"CPx"}`, ReasonGDPRMalformed, RegimeGDPR)
	f(`,"regs":{},"user":{"ext":{"consent":"CPx"}}`, ReasonGDPRMalformed, RegimeGDPR)
	f(`,"user":{"consent":"`+ok+`"}`, ReasonNone, RegimeGDPR)
	f(`,"regs":{"gdpr":1},"user":{"consent":"`+ok+`"}`, ReasonNone, RegimeGDPR)
	f(`,"device":{"geo":{"country":"DEU"}}`, ReasonGDPRNoConsentString, RegimeGDPR)
	f(`,"device":{"geo":{"country":"GB"}}`, ReasonNone, RegimeNone)
	f(`,"device":{"geo":{"country":"GBR"}}`, ReasonGDPRNoConsentString, RegimeGDPR)
	f(`,"user":{"geo":{"country":"DEU"}}`, ReasonGDPRNoConsentString, RegimeGDPR)
	f(`,"regs":{"gdpr":0},"device":{"geo":{"country":"DEU"}}`, ReasonNone, RegimeNone)
	f(`,"device":{"geo":{"country":"USA"}},"user":{"geo":{"country":"DEU"}}`, ReasonNone, RegimeNone)

	f(`,"regs":{"us_privacy":"1YNN"}`, ReasonNone, RegimeUS)
	f(`,"regs":{"us_privacy":"1---"}`, ReasonNone, RegimeNone)
	f(`,"regs":{"us_privacy":"1yyn"}`, ReasonUSOptOut, RegimeUS)
	f(`,"regs":{"us_privacy":"1NNN"}`, ReasonUSNoNotice, RegimeUS)
	f(`,"regs":{"us_privacy":"1YY"}`, ReasonUSPrivacyMalformed, RegimeUS)
	f(`,"regs":{"us_privacy":"1YYN","gdpr":1},"user":{"consent":"`+ok+`"}`, ReasonUSOptOut, RegimeUS)

	f(`,"regs":{"gpp":"DBAA"}`, ReasonNone, RegimeNone)
	f(`,"regs":{"gpp":"gppString"}`, ReasonGPPMalformed, RegimeOther)
	f(`,"regs":{"gpp":"gppString","gpp_sid":[-1]}`, ReasonNone, RegimeNone)
	f(`,"regs":{"gpp":"DBAA","gpp_sid":[7]}`, ReasonGPPNoSection, RegimeUS)
	f(`,"regs":{"gpp_sid":[7]}`, ReasonGPPNoSection, RegimeUS)
	f(`,"regs":{"gpp_sid":[6]}`, ReasonGPPNoSection, RegimeUS)
	f(`,"regs":{"gpp_sid":[6],"us_privacy":"1YNN"}`, ReasonNone, RegimeUS)
	f(`,"regs":{"gpp_sid":[2]}`, ReasonGDPRNoConsentString, RegimeGDPR)
	f(`,"regs":{"gpp_sid":[2],"gdpr":0}`, ReasonGDPRNoConsentString, RegimeGDPR)
	f(`,"regs":{"gpp_sid":[2]},"user":{"consent":"`+ok+`"}`, ReasonNone, RegimeGDPR)
	f(`,"regs":{"gpp_sid":[0],"gpp":"DBAA"}`, ReasonGPPUnknownSection, RegimeOther)
	f(`,"regs":{"gpp_sid":[5],"gpp":"DBABjw~a~1YNN"}`, ReasonGPPUnknownSection, RegimeOther)
	f(`,"regs":{"gpp_sid":[6],"gpp":"DBABjw~a~1YNN"}`, ReasonNone, RegimeUS)
	f(`,"regs":{"gpp":"DBABjw~a~1YNN"}`, ReasonGPPUnknownSection, RegimeOther)
	f(`,"regs":{"gpp_sid":[6],"gpp":"DBABjw~a~1YYN"}`, ReasonUSOptOut, RegimeUS)
	f(`,"regs":{"gpp_sid":[6],"gpp":"DBABjw~a~1Y"}`, ReasonUSPrivacyMalformed, RegimeUS)
	f(`,"regs":{"gpp_sid":[6],"gpp":"DBABjw~a~"}`, ReasonUSPrivacyMalformed, RegimeUS)
	f(`,"regs":{"gpp":"DBABM~`+ok+`"}`, ReasonNone, RegimeGDPR)
	f(`,"regs":{"gdpr":0,"gpp":"DBABM~CPx"}`, ReasonNone, RegimeNone)
	f(`,"regs":{"gpp_sid":[2],"gpp":"DBABM~`+ok+`"}`, ReasonNone, RegimeGDPR)
	f(`,"regs":{"gpp_sid":[2],"gpp":"DBABM~CPx"}`, ReasonGDPRMalformed, RegimeGDPR)
	// Two strings: both must be a basis.
	f(`,"regs":{"gpp":"DBABM~`+ok+`"},"user":{"consent":"CPx"}`, ReasonGDPRMalformed, RegimeGDPR)
	f(`,"regs":{"gpp":"DBABM~CPx"},"user":{"consent":"`+ok+`"}`, ReasonGDPRMalformed, RegimeGDPR)
	f(`,"regs":{"gpp_sid":[6],"gdpr":1,"gpp":"DBACNY~CPx~1YNN"},"user":{"consent":"`+ok+`"}`, ReasonGDPRMalformed, RegimeGDPR)
	// The specification's second example: no purpose of its string is consented to.
	f(`,"regs":{"gpp":"DBACNYA~`+specGPP+`~1YNN","gpp_sid":[2]}`, ReasonGDPRNoVendorConsent, RegimeGDPR)
	f(`,"regs":{"gpp":"DBACNYA~`+specGPP+`~1YNN","gpp_sid":[6]}`, ReasonNone, RegimeUS)
	f(`,"regs":{"gpp":"DBABM~`+strings.Repeat("a", maxString)+`","gpp_sid":[2]}`, ReasonGPPMalformed, RegimeOther)
	f(`,"regs":{"gpp":"DBAA","gpp_sid":[-1`+strings.Repeat(",-1", maxSections)+`]}`, ReasonGPPMalformed, RegimeOther)
}

func TestGDPR(t *testing.T) {
	policy := DefaultPolicy(testVendor)
	f := func(consent string, reason Reason) {
		t.Helper()
		s := Signals{GDPR: openrtb.FlagYes, Consent: []byte(consent)}
		if d := decide(t, &policy, &s); d.Reason != reason {
			t.Errorf("got %v; want %v", d.Reason, reason)
		}
	}
	f(edit(func(c *testTCF) {}), ReasonNone)
	f(edit(func(c *testTCF) { c.ranges = true }), ReasonNone)
	f(edit(func(c *testTCF) { c.unit = 8 }), ReasonNone)
	f(edit(func(c *testTCF) { c.version = 1 }), ReasonGDPRMalformed)
	f(edit(func(c *testTCF) { c.global = true }), ReasonGDPRScope)
	f(edit(func(c *testTCF) { c.policy = 3 }), ReasonGDPRPolicyVersion)
	f(edit(func(c *testTCF) { c.policy = 4 }), ReasonNone)
	f(edit(func(c *testTCF) { c.vendors = []int{6, 8} }), ReasonGDPRNoVendorConsent)
	f(edit(func(c *testTCF) { c.consent = []int{1, 2, 3, 4} }), ReasonGDPRPurpose)
	f(edit(func(c *testTCF) { c.consent, c.li = []int{1, 3, 4}, []int{2, 7}; c.liVendors = c.vendors }), ReasonGDPRPurpose)
	f(edit(func(c *testTCF) { c.purposeOneTreatment, c.consent = true, []int{2, 3, 4, 7} }), ReasonGDPRPurpose)
	// TCF 2.3: the segment is due from March 2026 on, and binds at any time.
	f(edit(func(c *testTCF) { c.disclosed = nil }), ReasonGDPRVendorNotDisclosed)
	f(edit(func(c *testTCF) { c.disclosed = []int{} }), ReasonGDPRVendorNotDisclosed)
	f(edit(func(c *testTCF) { c.disclosed = []int{6, 8} }), ReasonGDPRVendorNotDisclosed)
	f(edit(func(c *testTCF) { c.disclosed, c.updated = nil, beforeTCF23 }), ReasonNone)
	f(edit(func(c *testTCF) { c.disclosed, c.updated = nil, 1772323200*10-1 }), ReasonNone)
	f(edit(func(c *testTCF) { c.disclosed, c.updated = nil, 1772323200*10 }), ReasonGDPRVendorNotDisclosed)
	f(edit(func(c *testTCF) { c.disclosed, c.updated = []int{6}, beforeTCF23 }), ReasonGDPRVendorNotDisclosed)
	policy.DisclosedFrom = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	f(edit(func(c *testTCF) { c.disclosed = nil }), ReasonNone)
	policy.DisclosedFrom = time.Time{}
	f(edit(func(c *testTCF) { c.disclosed, c.updated = nil, beforeTCF23 }), ReasonGDPRVendorNotDisclosed)
	policy = DefaultPolicy(0)
	f(edit(func(c *testTCF) {}), ReasonGDPRUnregistered)
	policy = DefaultPolicy(testVendor)
	policy.PurposeOneFree = []string{"FR"}
	f(edit(func(c *testTCF) { c.purposeOneTreatment, c.consent = true, []int{2, 3, 4, 7} }), ReasonNone)
	f(edit(func(c *testTCF) { c.purposeOneTreatment, c.consent, c.country = true, []int{2, 3, 4, 7}, "DE" }), ReasonGDPRPurpose)
	f(edit(func(c *testTCF) { c.consent = []int{2, 3, 4, 7} }), ReasonGDPRPurpose)
	f(edit(func(c *testTCF) {
		c.purposeOneTreatment, c.consent = true, []int{2, 3, 4, 7}
		c.restrictions = []restriction{{1, 0, []int{testVendor}}}
	}), ReasonGDPRPurpose)
}

// TestRestrictions goes through the table of PubRestrictionEntry for purpose 2.
func TestRestrictions(t *testing.T) {
	const (
		consent  = 1
		interest = 2
		flexible = 4
	)
	us, others := []int{testVendor}, []int{3, 9}
	f := func(registered int, restrictions []restriction, byConsent, byInterest bool) {
		t.Helper()
		policy := DefaultPolicy(testVendor)
		policy.Needed = purpose(2)
		policy.Consent, policy.LegitimateInterest = purpose(1), 0
		if registered&consent != 0 {
			policy.Consent |= purpose(2)
		} else {
			policy.LegitimateInterest = purpose(2)
		}
		if registered&flexible != 0 {
			policy.Flexible = purpose(2)
		}
		if err := policy.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, user := range []struct{ consents, accepts bool }{{true, false}, {false, true}} {
			s := Signals{GDPR: openrtb.FlagYes, Consent: []byte(edit(func(c *testTCF) {
				c.restrictions, c.consent = restrictions, []int{1}
				c.vendors, c.liVendors = nil, nil
				if user.consents {
					c.consent, c.vendors = []int{1, 2}, us
				}
				if user.accepts {
					c.li, c.liVendors = []int{2}, us
				}
			}))}
			want := user.consents && byConsent || user.accepts && byInterest
			if d := decide(t, &policy, &s); d.Personal != want {
				t.Errorf("registered %d, %+v, user %+v: got %v; want %v", registered, restrictions, user, d, want)
			}
		}
	}
	f(consent, nil, true, false)
	f(interest, nil, false, true)
	f(consent|flexible, nil, true, false) // flexible without a restriction changes nothing
	f(interest|flexible, nil, false, true)
	for _, registered := range []int{consent, interest, consent | flexible, interest | flexible} {
		f(registered, []restriction{{2, 0, us}}, false, false)
		f(registered, []restriction{{2, 3, us}}, false, false)
		f(registered, []restriction{{2, 1, us}, {2, 2, us}}, false, false)
		f(registered, []restriction{{2, 0, others}, {3, 0, us}}, registered&consent != 0, registered&interest != 0)
	}
	f(consent, []restriction{{2, 1, us}}, true, false)
	f(consent|flexible, []restriction{{2, 1, us}}, true, false)
	f(interest, []restriction{{2, 1, us}}, false, false)
	f(interest|flexible, []restriction{{2, 1, us}}, true, false)
	f(interest, []restriction{{2, 2, us}}, false, true)
	f(interest|flexible, []restriction{{2, 2, us}}, false, true)
	f(consent, []restriction{{2, 2, us}}, false, false)
	f(consent|flexible, []restriction{{2, 2, us}}, false, true)
}

// TestUSChoices: every choice of a section that refuses, by the national section's fields.
func TestUSChoices(t *testing.T) {
	policy := DefaultPolicy(testVendor)
	const sale, sharing, targeting, place, child, mode = 6, 7, 8, 16, 25, 31
	section := func(set map[int]int, gpc bool) string {
		var b bitText
		b.put(2, 6)
		for i := range len(usNat2) {
			v := set[i]
			if _, ok := set[i]; !ok && i <= targeting { // notices given, no opt-out
				v = map[bool]int{true: 1, false: 2}[i < sale]
			}
			b.put(v, 2)
		}
		s := b.encoded(6)
		if gpc {
			s += ".YA"
		}
		return s
	}
	f := func(set map[int]int, gpc bool, reason Reason, geo bool) {
		t.Helper()
		s := Signals{GPP: []byte(encodeGPP([]int{7}, []string{section(set, gpc)})), GPPSID: []int{7}}
		if d := decide(t, &policy, &s); d.Reason != reason || d.PreciseGeo != geo || d.Regime != RegimeUS || d.Sync != d.Personal {
			t.Errorf("%v: got %+v; want %v, precise place %v", set, d, reason, geo)
		}
	}
	f(nil, false, ReasonNone, false)
	f(map[int]int{place: 2}, false, ReasonNone, true)
	f(map[int]int{place: 1}, false, ReasonNone, false)
	f(nil, true, ReasonGPC, false)
	f(map[int]int{sale: 1}, false, ReasonUSOptOut, false)
	f(map[int]int{sharing: 1}, false, ReasonUSOptOut, false)
	f(map[int]int{targeting: 1}, false, ReasonUSOptOut, false)
	f(map[int]int{sale: 0, sharing: 0, targeting: 0}, false, ReasonNone, false)
	f(map[int]int{child: 1}, false, ReasonUSChild, false)
	f(map[int]int{child + 2: 2}, false, ReasonUSChild, false)
	f(map[int]int{mode: 1}, false, ReasonUSServiceProvider, false)
	f(map[int]int{mode: 2}, false, ReasonNone, false)
	f(map[int]int{0: 2}, false, ReasonUSNoNotice, false)
	f(map[int]int{2: 2, place: 2}, false, ReasonUSNoNotice, false)
	f(map[int]int{sale: 3}, false, ReasonGPPMalformed, false)
	policy.WithoutNotice = true
	f(map[int]int{2: 2, place: 2}, false, ReasonNone, true)

	// A section of a version to come, and two sections of which one refuses.
	s := Signals{GPP: []byte("DBABLA~DKhhlBhkiBJY"), GPPSID: []int{7}}
	if d := decide(t, &policy, &s); d.Reason != ReasonGPPUnknownSection {
		t.Errorf("version 3: got %v; want gpp_unknown_section", d.Reason)
	}
	s = Signals{GPP: []byte(encodeGPP([]int{6, 7}, []string{"1YNN", section(map[int]int{sale: 1}, false)})), GPPSID: []int{6, 7}}
	if d := decide(t, &policy, &s); d.Reason != ReasonUSOptOut {
		t.Errorf("one of two sections: got %v; want us_opt_out", d.Reason)
	}
	// A precise place needs every section's word, in either order.
	allowed, silent := section(map[int]int{place: 2, 2: 1}, false), "BUqAAFA" // Oregon, nothing said of the place
	for _, order := range [][]int{{7, 15}, {15, 7}} {
		s := Signals{GPP: []byte(encodeGPP([]int{7, 15}, []string{allowed, silent + "AAA"})), GPPSID: order}
		if d := decide(t, &policy, &s); !d.Personal || d.PreciseGeo {
			t.Errorf("sections %v: got %+v; want personal, no precise place", order, d)
		}
	}
	s.GPPSID = []int{6}
	if d := decide(t, &policy, &s); d.Reason != ReasonNone {
		t.Errorf("a section that does not apply: got %v; want none", d.Reason)
	}
}

// TestSyncAndPlace: ids are matched with purpose 1, a precise place is used with
// special feature 1.
func TestSyncAndPlace(t *testing.T) {
	policy := DefaultPolicy(testVendor)
	f := func(consent string, sync, geo bool) {
		t.Helper()
		s := Signals{GDPR: openrtb.FlagYes, Consent: []byte(consent)}
		if d := decide(t, &policy, &s); !d.Personal || d.Sync != sync || d.PreciseGeo != geo {
			t.Errorf("got %+v; want personal, sync %v, precise place %v", d, sync, geo)
		}
	}
	f(edit(func(c *testTCF) {}), true, true)
	f(edit(func(c *testTCF) { c.features = []int{2} }), true, false)
	policy.PreciseGeo = false
	f(edit(func(c *testTCF) {}), true, false)
	policy = DefaultPolicy(testVendor)
	policy.Needed &^= purpose(1)
	f(edit(func(c *testTCF) { c.consent = []int{2, 3, 4, 7} }), false, true)
	f(edit(func(c *testTCF) {}), true, true)
	none := Signals{}
	if d := decide(t, &policy, &none); d != (Decision{Personal: true, Sync: true, PreciseGeo: true}) {
		t.Errorf("no signal: got %+v", d)
	}
}

func TestUnknownFlags(t *testing.T) {
	policy := DefaultPolicy(testVendor)
	f := func(s Signals, reason Reason) {
		t.Helper()
		if d := decide(t, &policy, &s); d.Reason != reason {
			t.Errorf("got %v; want %v", d.Reason, reason)
		}
	}
	consent := []byte(full().encode())
	f(Signals{GDPR: ParseFlag([]byte("${GDPR}")), Consent: consent}, ReasonGDPRMalformed)
	f(Signals{GDPR: ParseFlag([]byte("1")), Consent: consent}, ReasonNone)
	f(Signals{GDPR: ParseFlag(nil), Consent: consent}, ReasonNone)
	f(Signals{GDPR: ParseFlag([]byte("0")), Consent: []byte("CPx")}, ReasonNone)
	f(Signals{GPC: FlagUnknown}, ReasonGPC)
	f(Signals{Lmt: FlagUnknown}, ReasonLmt)
}

func TestAppendSIDs(t *testing.T) {
	f := func(text string, want ...int) {
		t.Helper()
		if got := AppendSIDs(nil, []byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: got %v; want %v", text, got, want)
		}
	}
	f("")
	f("7", 7)
	f("2,6", 2, 6)
	f("-1", -1)
	f("${GPP_SID}", 0)
	f("7,", 7, 0)
	f("7,x", 7, 0)
	f("123", 0)
	f("-2", 0)
}

func TestReasonNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range ReasonCount {
		if name := r.String(); name == "" || seen[name] || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("reason %d: name %q", r, name)
		} else {
			seen[name] = true
		}
	}
	for r := range RegimeCount {
		if r.String() == "" {
			t.Errorf("regime %d has no name", r)
		}
	}
	for f := range faultCount {
		if f.String() == "" {
			t.Errorf("fault %d has no text", f)
		}
	}
}
