package consent

import (
	"encoding/json"
	"strings"
	"testing"

	"bidhawk/internal/openrtb"
)

func TestExplain(t *testing.T) {
	policy := DefaultPolicy(testVendor)
	f := func(s Signals, want string) {
		t.Helper()
		var lines []string
		for _, finding := range policy.Explain(&s) {
			line, err := json.Marshal(finding)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(line))
		}
		if got := strings.Join(lines, "\n"); got != strings.TrimSpace(want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	f(Signals{}, `
{"signal":"decision","says":"regime none","follows":"personal true, sync true, precise place true","reason":"none"}`)
	// All reasons are told, and the first is the decision's.
	f(Signals{COPPA: true, Lmt: openrtb.FlagNo, DNT: openrtb.FlagYes, USPrivacy: []byte("1NYN"), GPP: []byte("DBABjw~a~1YNN"), GPPSID: []int{5, 8}}, `
{"signal":"regs.coppa","says":"1","follows":"a child's data is not used","reason":"coppa"}
{"signal":"device.lmt","says":"0","follows":"nothing is refused","reason":"none"}
{"signal":"device.dnt","says":"1","follows":"no personal data is used","reason":"dnt"}
{"signal":"regs.gpp","says":"sections 5,6","follows":"each that applies must allow","reason":"none"}
{"signal":"regs.us_privacy","says":"opted out of sale","follows":"no personal data is used","reason":"us_opt_out"}
{"signal":"gpp section 5","says":"applies, and we have no layout for it","follows":"no basis","reason":"gpp_unknown_section"}
{"signal":"gpp section 8","says":"applies, but is not in the string","follows":"no basis","reason":"gpp_no_section"}
{"signal":"decision","says":"regime coppa","follows":"personal false, sync false, precise place false","reason":"coppa"}`)
	f(Signals{GDPR: openrtb.FlagYes, Consent: []byte(full().encode())}, `
{"signal":"regs.gdpr","says":"1","follows":"the GDPR applies","reason":"none"}
{"signal":"user.consent","says":"policy version 5 of 2026-05-28 by CMP 300, vendor list 150; vendor consent true, legitimate interest false; purposes by consent 1,2,3,4,7, by legitimate interest none; vendor disclosed true","follows":"a basis for all of 1,2,3,4,7; a precise place too","reason":"none"}
{"signal":"decision","says":"regime gdpr","follows":"personal true, sync true, precise place true","reason":"none"}`)
	f(Signals{GDPR: openrtb.FlagYes, Consent: []byte(edit(func(c *testTCF) {
		c.consent, c.disclosed, c.global, c.purposeOneTreatment = []int{2, 3, 4}, nil, true, true
		c.restrictions = []restriction{{3, 0, []int{testVendor}}, {4, 1, []int{testVendor}}, {2, 2, []int{testVendor}}}
	}))}, `
{"signal":"regs.gdpr","says":"1","follows":"the GDPR applies","reason":"none"}
{"signal":"user.consent","says":"policy version 5 of 2026-05-28 by CMP 300, vendor list 150; vendor consent true, legitimate interest false; purposes by consent 2,3,4, by legitimate interest none; no disclosedVendors segment; global scope; purpose 1 not disclosed in FR; the publisher forbids 3, requires consent for 4, legitimate interest for 2","follows":"no basis: gdpr_global_scope; needed and missing: purposes 1,2,3,7","reason":"gdpr_global_scope"}
{"signal":"decision","says":"regime gdpr","follows":"personal false, sync false, precise place false","reason":"gdpr_global_scope"}`)
	f(Signals{GPP: []byte("DBABLA~CKhhlBhkiBJY.YA"), GPPSID: []int{7}}, `
{"signal":"regs.gpp","says":"sections 7","follows":"each that applies must allow","reason":"none"}
{"signal":"gpp section 7","says":"Global Privacy Control, a known child or minor, opted out of targeted advertising, a notice was not given, 5 kinds of sensitive data refused","follows":"no personal data is used","reason":"gpc"}
{"signal":"decision","says":"regime us","follows":"personal false, sync false, precise place false","reason":"gpc"}`)
	f(Signals{GDPR: FlagUnknown, Consent: []byte("CPx")}, `
{"signal":"regs.gdpr","says":"neither 0 nor 1","follows":"the GDPR applies, without a basis","reason":"gdpr_malformed"}
{"signal":"user.consent","says":"ends within a field","follows":"an unreadable string gives no basis","reason":"gdpr_malformed"}
{"signal":"decision","says":"regime gdpr","follows":"personal false, sync false, precise place false","reason":"gdpr_malformed"}`)
}

// TestExplainKeepsStringsToItself: no finding repeats a string of the request.
func TestExplainKeepsStringsToItself(t *testing.T) {
	policy := DefaultPolicy(testVendor)
	for _, c := range cases() {
		for _, f := range policy.Explain(&c.signals) {
			for _, secret := range [][]byte{c.signals.Consent, c.signals.GPP} {
				if len(secret) > 0 && strings.Contains(f.Says+f.Follows, string(secret)) {
					t.Errorf("%s: %+v repeats the string", c.name, f)
				}
			}
		}
	}
}

func TestReasonsComeBackFromText(t *testing.T) {
	for r := range ReasonCount {
		text, err := r.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		back := ReasonCount
		if err := back.UnmarshalText(text); err != nil || back != r {
			t.Errorf("%s: got %v, %v", text, back, err)
		}
	}
	var r Reason
	if r.UnmarshalText([]byte("weather")) == nil {
		t.Error("a name that is none must be an error")
	}
}
