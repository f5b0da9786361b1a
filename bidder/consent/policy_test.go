package consent

import (
	"strings"
	"testing"
)

func TestPolicyValidate(t *testing.T) {
	f := func(change func(*Policy), want string) {
		t.Helper()
		p := DefaultPolicy(testVendor)
		change(&p)
		err := p.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
	set := func(ids ...int) PurposeSet {
		s, err := PurposesOf(ids...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	f(func(p *Policy) {}, "")
	f(func(p *Policy) { p.VendorID = 0 }, "")
	f(func(p *Policy) { p.VendorID = -1 }, "privacy.vendor_id: got -1; want 0 to 65535")
	f(func(p *Policy) { p.VendorID = 1 << 16 }, "privacy.vendor_id: got 65536")
	f(func(p *Policy) { p.Needed = 0 }, "privacy.needed: got none")
	f(func(p *Policy) { p.Needed |= set(9) }, "privacy.needed: got 9; want purposes of consent")
	f(func(p *Policy) { p.Consent |= 1 << 11 }, "got 12; want purposes 1 to 11")
	f(func(p *Policy) { p.LegitimateInterest = set(2, 9) }, "privacy.legitimate_interest: got 2; want no purpose that is in consent")
	f(func(p *Policy) { p.Consent, p.LegitimateInterest = set(1, 2, 7), set(3, 4) }, "privacy.legitimate_interest: got 3,4; want none of")
	f(func(p *Policy) { p.Consent, p.LegitimateInterest, p.Flexible = set(1, 3, 4), set(2, 7), set(2, 7) }, "")
	f(func(p *Policy) { p.Flexible = set(2, 9) }, "privacy.flexible: got 9; want purposes of consent")
	f(func(p *Policy) { p.Flexible = set(1) }, "privacy.flexible: got 1; want none of")
	f(func(p *Policy) { p.PurposeOneFree = []string{"DE", "fr"} }, "privacy.purpose_one_free: got fr")
	f(func(p *Policy) { p.GDPRCountries = []string{"DE"} }, "privacy.gdpr_countries: got DE")
}

func TestPurposesOf(t *testing.T) {
	f := func(want string, ids ...int) {
		t.Helper()
		s, err := PurposesOf(ids...)
		got := s.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v: got %q; want %q", ids, got, want)
		}
	}
	f("none")
	f("1,3,11", 11, 3, 1, 3)
	f("purpose: got 12; want 1 to 11", 1, 12)
	f("purpose: got 0; want 1 to 11", 0)
}
