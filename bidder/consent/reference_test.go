package consent

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bidhawk/internal/openrtb"
)

// allows is the naive reference of the GDPR rules: purpose by purpose, in the
// specification's order of words, from what was encoded.
func allows(p *Policy, t *testTCF) (personal, sync, geo bool) {
	vendor := p.VendorID
	personal = !t.global
	if t.updated >= 1696118400*10 && t.policy < 4 {
		personal = false
	}
	if t.disclosed == nil && int64(t.updated) >= p.DisclosedFrom.Unix()*10 {
		personal = false
	}
	if t.disclosed != nil && !slices.Contains(t.disclosed, vendor) {
		personal = false
	}
	for id := 1; id <= 11; id++ {
		if p.Needed&purpose(id) != 0 && !holds(p, t, id) {
			personal = false
		}
	}
	return personal, personal && holds(p, t, 1), personal && p.PreciseGeo && slices.Contains(t.features, 1)
}

func holds(p *Policy, t *testTCF, id int) bool {
	vendor := p.VendorID
	restricted := func(kind int) bool {
		for _, r := range t.restrictions {
			if r.purpose == id && r.kind == kind && slices.Contains(r.vendors, vendor) {
				return true
			}
		}
		return false
	}
	if restricted(0) || restricted(3) {
		return false
	}
	if id == 1 && t.purposeOneTreatment && slices.Contains(p.PurposeOneFree, t.country) {
		return true
	}
	basis := ""
	if p.Consent&purpose(id) != 0 {
		basis = "consent"
	} else if p.LegitimateInterest&purpose(id) != 0 {
		basis = "interest"
	}
	flexible := p.Flexible&purpose(id) != 0
	for kind, to := range map[int]string{1: "consent", 2: "interest"} {
		if !restricted(kind) || basis == to {
			continue
		}
		if !flexible || restricted(3-kind) {
			return false
		}
		basis = to
		break
	}
	if restricted(1) && restricted(2) {
		return false
	}
	switch basis {
	case "consent":
		return slices.Contains(t.vendors, vendor) && slices.Contains(t.consent, id)
	case "interest":
		return slices.Contains(t.liVendors, vendor) && slices.Contains(t.li, id) && !slices.Contains([]int{1, 3, 4, 5, 6}, id)
	}
	return false
}

func randomPolicy(rnd *rand.Rand) Policy {
	p := Policy{VendorID: 1 + rnd.IntN(30), PreciseGeo: rnd.IntN(2) == 0, DisclosedFrom: time.Unix(1772323200, 0)}
	for id := 1; id <= knownPurposes; id++ {
		switch one := purpose(id); {
		case one&consentOnly != 0:
			p.Consent |= one
		case rnd.IntN(2) == 0:
			p.Consent |= one
			p.Flexible |= one * PurposeSet(rnd.IntN(2))
		default:
			p.LegitimateInterest |= one
			p.Flexible |= one * PurposeSet(rnd.IntN(2))
		}
		if rnd.IntN(8) == 0 {
			p.Needed |= purpose(id)
		}
	}
	p.Needed |= purpose(2)
	if rnd.IntN(2) == 0 {
		p.PurposeOneFree = []string{"DE", "FR"}
	}
	return p
}

// TestGDPRAgainstReference decides random strings under random policies.
func TestGDPRAgainstReference(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	counts := map[bool]int{}
	for range 4_000 {
		p, in := randomPolicy(rnd), randomTCF(rnd)
		if rnd.IntN(3) > 0 { // enough of both outcomes
			in.global, in.policy = false, 5
			in.country = []string{"DE", "AT"}[rnd.IntN(2)]
			for _, list := range []*[]int{&in.disclosed, &in.vendors, &in.liVendors} {
				*list = append(*list, p.VendorID)
				slices.Sort(*list)
				*list = slices.Compact(*list)
			}
		}
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		s := Signals{GDPR: openrtb.FlagYes, Consent: []byte(in.encode())}
		got := decide(t, &p, &s)
		personal, sync, geo := allows(&p, &in)
		if got.Personal != personal || got.Sync != sync || got.PreciseGeo != geo {
			t.Fatalf("%+v\n%+v\ngot %+v; want personal %v, sync %v, precise place %v", p, in, got, personal, sync, geo)
		}
		counts[personal]++
	}
	if counts[true] < 300 || counts[false] < 300 {
		t.Errorf("got %v outcomes; want 300 of each, or nothing is shown", counts)
	}
}

// TestMoreSignalsNeverAllowMore: a signal that is added to a request may take
// away what was allowed, and never give. The denial of the GDPR is the exception.
func TestMoreSignalsNeverAllowMore(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	policy := DefaultPolicy(testVendor)
	pick := func(of ...string) []byte { return []byte(of[rnd.IntN(len(of))]) }
	for range 2_000 {
		var s Signals
		before := policy.Decide(&s)
		steps := []func(){
			func() { s.Consent = pick(full().encode(), specTCF23, specGPP, "CPx") },
			func() { s.USPrivacy = pick("1YNN", "1YYN", "1---", "x") },
			func() { s.GPP = pick("DBAA", "DBABM~"+specGPP, "DBABjw~a~1YNN", "DBABLA~CKhhlBhkiBJY.QA", "x") },
			func() { s.GDPR = openrtb.FlagYes },
			func() { s.COPPA = true },
			func() { s.GPC = openrtb.FlagYes },
			func() { s.Lmt = openrtb.FlagYes },
		}
		rnd.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		for i, step := range steps[:1+rnd.IntN(len(steps))] {
			withGDPR := s.GDPR == openrtb.FlagYes
			step()
			after := decide(t, &policy, &s)
			// A consent string is what the GDPR waits for: it may give.
			if gave := after.Personal && !before.Personal; gave && !(withGDPR && len(s.Consent) > 0) {
				t.Fatalf("step %d of %+v: got %+v after %+v", i, s, after, before)
			}
			before = after
		}
	}
}

// FuzzDecide: any bytes in every place give a decision, the same in Explain, and
// what is unreadable never gives a basis.
func FuzzDecide(f *testing.F) {
	f.Add(uint8(2), []byte(specTCF23), []byte("1YNN"), []byte("DBABM~"+specGPP), 2, uint8(0))
	f.Add(uint8(0), []byte(""), []byte("1---"), []byte("DBABLA~CKhhlBhkiBJY.QA"), 7, uint8(0))
	f.Add(uint8(1), []byte("CPx"), []byte(""), []byte("DBAA"), -1, uint8(1))
	policy := DefaultPolicy(testVendor)
	f.Fuzz(func(t *testing.T, gdpr uint8, consent, usp, gppText []byte, sid int, flags uint8) {
		s := Signals{
			GDPR: openrtb.Flag(gdpr), Consent: consent, USPrivacy: usp, GPP: gppText,
			GPC: openrtb.Flag(flags & 3), COPPA: flags&4 != 0, Lmt: openrtb.Flag(flags >> 3 & 3), DNT: openrtb.Flag(flags >> 5 & 3),
		}
		if sid != 0 {
			s.GPPSID = []int{sid}
		}
		d := decide(t, &policy, &s)
		if !d.Personal {
			return
		}
		var r reader
		if s.COPPA || s.GPC > openrtb.FlagNo || s.Lmt > openrtb.FlagNo || s.DNT > openrtb.FlagNo {
			t.Fatalf("%+v: allowed against the device", s)
		}
		if _, fault := parseUSPrivacy(usp); len(usp) > 0 && fault != faultNone {
			t.Fatalf("us_privacy %q: allowed", usp)
		}
		var c tcf
		if fault := c.decode(consent, testVendor, &r); s.GDPR == openrtb.FlagYes && len(consent) > 0 && (fault != faultNone || !c.vendorConsent) {
			t.Fatalf("consent %q: allowed", consent)
		}
		var g gpp
		if fault := g.decode(gppText, &r); len(gppText) > 0 && sid != -1 && fault != faultNone {
			t.Fatalf("gpp %q: allowed", gppText)
		}
	})
}
