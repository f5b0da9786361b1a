package consent

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func decodeTCF(s string, vendor int) (tcf, fault) {
	var (
		t tcf
		r reader
	)
	f := t.decode([]byte(s), vendor, &r)
	return t, f
}

// The example of the TCF 2.3 specification ("TC String Format"), and one of the
// GPP's ("GPP String Examples"); what they say was read with the IAB's
// @iabtcf/core 1.5.6 too.
const (
	specTCF23 = "CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA"
	specGPP   = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
)

func TestTCFExamples(t *testing.T) {
	got, f := decodeTCF(specTCF23, 4)
	want := tcf{
		created: 17489088000, updated: 17489088000, cmp: 880, vendorList: 48, policy: 2, serviceSpecific: true,
		publisherCC: [2]byte{'D', 'E'}, vendorConsent: true, hasDisclosed: true, disclosed: true,
	}
	if f != faultNone || got != want {
		t.Errorf("specification's example: got %+v, %v; want %+v", got, f, want)
	}
	disclosed := []int{1, 2, 3, 4, 5, 100, 404}
	for vendor := 1; vendor < 500; vendor++ {
		got, f := decodeTCF(specTCF23, vendor)
		if f != faultNone || got.disclosed != slices.Contains(disclosed, vendor) || got.vendorConsent != (vendor <= 4) || got.vendorLI {
			t.Errorf("vendor %d: got disclosed %v, consent %v, interest %v, %v; want disclosed %v, consent to 4",
				vendor, got.disclosed, got.vendorConsent, got.vendorLI, f, disclosed)
		}
	}
	got, f = decodeTCF(specGPP, 1)
	want = tcf{
		created: 16504920000, updated: 16504920000, cmp: 31, cmpVersion: 640, vendorList: 126, policy: 2,
		serviceSpecific: true, publisherCC: [2]byte{'D', 'E'},
	}
	if f != faultNone || got != want {
		t.Errorf("GPP's example: got %+v, %v; want %+v", got, f, want)
	}
}

// TestTCFInUse reads strings as CMPs write them, from public test requests; what
// they say is as @iabtcf/core 1.5.6 reads them.
func TestTCFInUse(t *testing.T) {
	// Bit fields of 957 vendors, 623 with consent; padded by bytes; publisherTC.
	const bitFields = "CPCfkEbPCfkEbERACAENBbCsAP_AAH_AAAAAHetf_X_fb39j-_59_9t0eY1f9_7_v-wzjhfds-8NyPvX_L8X42M7PF36pq4KuR4Eu3LBIQFlHOHUTUmw6okVrTPsak2Mr7NKJ7LEinMbe2dYGHtfn91TuZKYr_7s_9fz__-v_v__79f3r-3_3_vp9X---_e_V399xKB3QBJhqXwAWYljgSTRpVCiBCFYSHQCgAooBhaJrCAhYFOyuAj1BAwAQGoCMCIEGIKMWAQAAAQBIREBIAeCARAEQCAAEAKkBCAAiYBBYAWBgEAAoBoWIEUAQgSEGRwVHKYEBEi0UE8lYAlF3sYYQhlFgBQKP6KjARKEAAAA.YAAAAAAAAAAA"
	consents, interests := 0, 0
	for vendor := 1; vendor <= 2000; vendor++ {
		got, f := decodeTCF(bitFields, vendor)
		if f != faultNone {
			t.Fatalf("vendor %d: %v", vendor, f)
		}
		if got.vendorConsent {
			consents++
		}
		if got.vendorLI {
			interests++
		}
	}
	if consents != 623 || interests != 261 {
		t.Errorf("got %d vendors with consent, %d with interest; want 623, 261", consents, interests)
	}
	got, _ := decodeTCF(bitFields, 8)
	if got.purposesConsent.String() != "1,2,3,4,5,6,7,8,9,10" || got.purposesLI.String() != "2,3,4,5,6,7,8,9,10" ||
		got.specialFeatures != 3<<10 || got.hasDisclosed || string(got.publisherCC[:]) != "AA" {
		t.Errorf("got %+v", got)
	}
	// Ranges: one vendor, 856.
	const ranges = "CPaYLJBPaYLJBIPAAAENCSCgAPAAAAAAAAAAGsQAQGsAAAAA.YAAAAAAAAAAA"
	for _, vendor := range []int{1, 855, 856, 857} {
		if got, f := decodeTCF(ranges, vendor); f != faultNone || got.vendorConsent != (vendor == 856) {
			t.Errorf("vendor %d: got %v, %v; want %v", vendor, got.vendorConsent, f, vendor == 856)
		}
	}
	// Of 2020: global scope, with the disclosedVendors of that time.
	const global = "COwK6gaOwK6gaFmAAAENAPCAAAAAAAAAAAAAAAAAAAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw"
	if got, f := decodeTCF(global, 720); f != faultNone || got.serviceSpecific || !got.disclosed {
		t.Errorf("global scope: got %+v, %v; want vendor 720 disclosed, not service specific", got, f)
	}
}

func TestTCFFaults(t *testing.T) {
	f := func(s string, want fault) {
		t.Helper()
		if _, got := decodeTCF(s, 7); got != want {
			t.Errorf("%.60s: got %q; want %q", s, got, want)
		}
	}
	valid := testTCF{version: 2, policy: 5, country: "AA", vendors: []int{1, 7, 9}, liVendors: []int{7}, disclosed: []int{7}}
	core, segment, _ := strings.Cut(valid.encode(), ".")
	f(core, faultNone)
	f(core+"."+segment, faultNone)
	f("", faultVersion)
	f("abcdef", faultVersion)
	f("BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", faultVersion) // TCF 1
	f("DBACNYA~"+core+"~1YNN", faultAlphabet)              // a GPP string
	f("C", faultShort)
	f(core[:35], faultShort)
	f(core[:len(core)-3], faultShort)
	f(core[:20]+"="+core[21:], faultAlphabet)
	f(core[:20]+"+"+core[21:], faultAlphabet)
	f(core[:20]+"\x80"+core[21:], faultAlphabet)
	f(core+"===", faultAlphabet)
	f(core+".", faultSegment)
	f(core+"."+segment+"."+segment, faultSegment)
	f(core+"."+core, faultSegment)
	f(core+"."+segment[:3], faultShort)
	valid.ranges, valid.disclosed = true, []int{3, 5, 7}
	_, ranges, _ := strings.Cut(valid.encode(), ".")
	f(core+"."+ranges, faultNone)
	f(core+"."+ranges[:len(ranges)-1], faultShort)
	f(core+"."+ranges[:len(ranges)-4], faultShort)
	f(core+".Y*", faultAlphabet) // in a segment that we do not read
	f(core+".4AAA", faultNone)   // one of a kind to come
	f(core+strings.Repeat("A", maxString-len(core)), faultNone)
	f(core+strings.Repeat("A", maxString-len(core)+1), faultTooLong)

	broken := func(want fault, ids ...int) {
		t.Helper()
		var b bitText
		b.WriteString(strings.Repeat("0", 4) + "10") // version 2
		b.put(0, 36+36+12+12+6+12+12+6+2+12+24+24+1+12)
		b.put(100, 16) // highest vendor
		b.flag(true)
		b.put(1, 12)
		b.flag(len(ids) > 1)
		for _, id := range ids {
			b.put(id, 16)
		}
		b.put(0, 16+1+12) // no legitimate interest, no restriction
		f(b.encoded(6), want)
	}
	broken(faultNone, 5)
	broken(faultNone, 5, 100)
	broken(faultNone, 5, 5)
	broken(faultRange, 0)
	broken(faultRange, 6, 5)
	broken(faultRange, 101)
	broken(faultRange, 5, 101)
	valid.country = "A\x7e"
	f(valid.encode(), faultValue)
}

// TestTCFAgainstEncoder decodes what the tests' own encoder wrote.
func TestTCFAgainstEncoder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2_000 {
		in := randomTCF(rnd)
		s := in.encode()
		vendor := 1 + rnd.IntN(62)
		got, f := decodeTCF(s, vendor)
		if f != faultNone {
			t.Fatalf("%+v\n%s: %v", in, s, f)
		}
		want := tcf{
			created: uint64(in.created), updated: uint64(in.updated), cmp: in.cmp, cmpVersion: 1, vendorList: in.list,
			policy: in.policy, serviceSpecific: !in.global, purposeOneTreatment: in.purposeOneTreatment,
			publisherCC:   [2]byte([]byte(in.country)),
			vendorConsent: slices.Contains(in.vendors, vendor), vendorLI: slices.Contains(in.liVendors, vendor),
			hasDisclosed: in.disclosed != nil, disclosed: slices.Contains(in.disclosed, vendor),
		}
		for _, id := range in.features {
			want.specialFeatures |= 1 << (12 - id)
		}
		for id := 1; id <= 24; id++ {
			if slices.Contains(in.consent, id) {
				want.purposesConsent |= purpose(id)
			}
			if slices.Contains(in.li, id) {
				want.purposesLI |= purpose(id)
			}
		}
		for _, r := range in.restrictions {
			if !slices.Contains(r.vendors, vendor) {
				continue
			}
			field := []*PurposeSet{&want.notAllowed, &want.requireConsent, &want.requireLI, &want.notAllowed}[r.kind]
			*field |= purpose(r.purpose)
		}
		if got != want {
			t.Fatalf("%s, vendor %d:\ngot  %+v\nwant %+v", s, vendor, got, want)
		}
	}
}

func FuzzTCF(f *testing.F) {
	for _, s := range []string{specTCF23, specGPP, "", "C", "CAAA.", "...."} {
		f.Add([]byte(s), 7)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		in := randomTCF(rnd)
		f.Add([]byte(in.encode()), 1+rnd.IntN(62))
	}
	f.Fuzz(func(t *testing.T, s []byte, vendor int) {
		vendor = 1 + vendor&0x7FFF
		before := string(s)
		first, fault := decodeTCF(before, vendor)
		// A reader that was used for another string must give the same.
		var again tcf
		r := reader{pos: 5, short: true}
		for i := range r.bytes {
			r.bytes[i] = 0xFF
		}
		if f := again.decode(s, vendor, &r); f != fault || fault == faultNone && again != first {
			t.Fatalf("%q: got %v %+v; first %v %+v", s, f, again, fault, first)
		}
		if string(s) != before {
			t.Fatal("the input was changed")
		}
		if fault == faultNone && (len(s) > maxString || s[0] != 'C') {
			t.Fatalf("%q: accepted", s)
		}
		if fault == faultNone && first.disclosed && !first.hasDisclosed {
			t.Fatalf("%q: disclosed without a segment", s)
		}
	})
}
