package consent

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func decodeUS(id int, s string) (choices, fault) {
	var (
		c choices
		r reader
	)
	f := c.decode(id, []byte(s), &r)
	return c, f
}

// usVector is one GPP string of one US section that the IAB's own library
// (@iabgpp/cmpapi 3.2.0) wrote, with the values that it was given.
type usVector struct {
	ID      int    `json:"id"`
	Sale    int    `json:"sale"`
	Sharing int    `json:"sharing"`
	Target  int    `json:"target"`
	Notices []int  `json:"notices"`
	Sens    []int  `json:"sens"`
	Child   []int  `json:"child"`
	SP      int    `json:"sp"`
	Mode    int    `json:"mode"`
	GPC     bool   `json:"gpc"`
	S       string `json:"s"`
}

// TestUSSections: two strings of each of the 21 US sections.
func TestUSSections(t *testing.T) {
	file, err := os.ReadFile("testdata/us-sections.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	// Where precise geolocation stands among the sensitive data, by the
	// specifications' texts; 8th unless said. 0: none, or its values changed meaning.
	places := map[int]int{8: 3, 9: 0, 10: 0, 12: 0, 15: 11, 17: 9, 24: 0}
	seen := map[int]int{}
	for line := range bytes.Lines(file) {
		var v usVector
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		seen[v.ID]++
		var (
			g gpp
			r reader
		)
		if f := g.decode([]byte(v.S), &r); f != faultNone || g.n != 1 || int(g.ids[0]) != v.ID {
			t.Errorf("%s: got sections %v, %v; want %d", v.S, g.ids[:g.n], f, v.ID)
			continue
		}
		text, _ := g.section(v.ID)
		want := choices{
			saleOut: v.Sale == 1, sharingOut: v.Sharing == 1, targetingOut: v.Target == 1,
			noNotice: slices.Contains(v.Notices, 2), service: v.SP == 1 || v.Mode == 2, gpc: v.GPC,
		}
		for _, c := range v.Child {
			want.child = want.child || c != 0
		}
		for _, c := range v.Sens {
			if c == 1 {
				want.sensitive++
			}
		}
		place, ok := places[v.ID]
		if !ok {
			place = 8
		}
		want.geo = place > 0 && v.Sens[place-1] == 2
		if got, f := decodeUS(v.ID, string(text)); f != faultNone || got != want {
			t.Errorf("section %d, %s: got %+v, %v; want %+v", v.ID, v.S, got, f, want)
		}
	}
	for id := sectionUSLow; id <= sectionUSTop; id++ {
		if seen[id] < 2 {
			t.Errorf("section %d: %d strings; want 2", id, seen[id])
		}
	}
}

// TestUSSectionsHaveLayouts: every US section has one, and its length is that of
// the specification's core segment.
func TestUSSectionsHaveLayouts(t *testing.T) {
	fields := [sectionUSTop + 1]int{
		7: 27, 8: 20, 9: 17, 10: 16, 11: 18, 12: 19, 13: 20, 14: 20, 15: 23, 16: 18, 17: 23, 18: 18, 19: 18, 20: 20, 21: 24,
		22: 18, 23: 18, 24: 8, 25: 9, 26: 9, 27: 9,
	}
	for id := sectionUSLow; id <= sectionUSTop; id++ {
		if len(layouts[id]) != fields[id] {
			t.Errorf("section %d: layout of %d fields; want %d", id, len(layouts[id]), fields[id])
		}
	}
}

func TestUSFaults(t *testing.T) {
	f := func(id int, s string, want fault) {
		t.Helper()
		if _, got := decodeUS(id, s); got != want {
			t.Errorf("section %d, %q: got %q; want %q", id, s, got, want)
		}
	}
	f(8, "BIYWIIJo.YA", faultNone)
	f(8, "BIYWIIJo", faultNone)
	f(8, "BIYWIIJo.Y", faultNone)
	f(8, "", faultVersion)
	f(8, "CIYWIIJo", faultVersion)
	f(8, "B", faultShort)
	f(8, "BIYWII", faultShort)
	f(8, "BIYWI!Jo", faultAlphabet)
	f(8, "BIYWIIJo.", faultSegment)
	f(8, "BIYWIIJo.AA", faultSegment) // a second core
	f(8, "BIYWIIJo.gA", faultSegment) // a kind to come
	f(8, "BIYWIIJo.*", faultAlphabet)
	f(8, "B____________", faultValue)
	f(9, "BIYWIIJo.YA", faultNone) // GPC where the specification has none
	f(7, "DKhhlBhkiBJY", faultVersion)
	// Version 1 of the national section has 12 sensitive categories and 2 of children.
	f(7, "BVVVVVVVVVo", faultNone)
	f(7, "BVVVVVVVVV", faultNone)
	f(7, "BVVVVVVVV", faultShort)
	f(7, "CVVVVVVVVV", faultShort)
	// Maryland and Indiana with the header of the specification: id, version 1.
	f(24, "YBAB.BSGQ.QA", faultNone)
	f(24, "YCAB.BSGQ.QA", faultVersion)
	f(24, "YBAB", faultVersion)
	f(24, "YBAB.", faultShort)
	f(25, "ZBAB.BRGi.Sgo", faultNone)
	f(25, "BRGi.S", faultShort)
}

// TestUSHeaderForm: with its header or without, a section says the same.
func TestUSHeaderForm(t *testing.T) {
	f := func(id int, bare string) {
		t.Helper()
		with := string(alphabet[id]) + "BAB." + bare
		a, fa := decodeUS(id, bare)
		b, fb := decodeUS(id, with)
		if fa != faultNone || fb != faultNone || a != b {
			t.Errorf("section %d: bare %+v %v; with header %+v %v", id, a, fa, b, fb)
		}
	}
	f(24, "BSGQ.QA")
	f(25, "BRGi.Sgo")
	f(26, "BVoV.SiU")
	f(27, "Bagm.qEQ")
}

func TestUSPrivacy(t *testing.T) {
	f := func(s string, want usPrivacy, wantFault fault) {
		t.Helper()
		got, gf := parseUSPrivacy([]byte(s))
		if got != want || gf != wantFault {
			t.Errorf("%q: got %+v, %v; want %+v, %v", s, got, gf, want, wantFault)
		}
	}
	// The specification's four examples.
	f("1YNN", usPrivacy{applies: true}, faultNone)
	f("1NYY", usPrivacy{applies: true, noNotice: true, optedOut: true}, faultNone)
	f("1---", usPrivacy{}, faultNone)
	f("1-Y-", usPrivacy{applies: true, optedOut: true}, faultNone)
	f("1yny", usPrivacy{applies: true}, faultNone)
	f("1nyn", usPrivacy{applies: true, noNotice: true, optedOut: true}, faultNone)
	f("1-N-", usPrivacy{applies: true}, faultNone)
	f("1Y-N", usPrivacy{}, faultValue) // the opt-out is never unknown
	f("1--N", usPrivacy{}, faultValue)
	f("2YNN", usPrivacy{}, faultVersion)
	f("1YXN", usPrivacy{}, faultAlphabet)
	f("1\r\r\r", usPrivacy{}, faultAlphabet)
	f("1YN", usPrivacy{}, faultShort)
	f("", usPrivacy{}, faultShort)
	f("1YNNN", usPrivacy{}, faultTooLong)
	f("us_privacy", usPrivacy{}, faultTooLong)
}

func FuzzUSPrivacy(f *testing.F) {
	for _, s := range []string{"1YNN", "1---", "1-Y-", "1nny", "", "1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		u, fault := parseUSPrivacy(s)
		if fault != faultNone {
			if u != (usPrivacy{}) {
				t.Fatalf("%q: %v, yet %+v", s, fault, u)
			}
			return
		}
		upper := strings.ToUpper(string(s))
		if len(upper) != 4 || upper[0] != '1' || strings.Trim(upper[1:], "YN-") != "" {
			t.Fatalf("%q: accepted", s)
		}
		if u.applies != (upper != "1---") || u.optedOut != (upper[2] == 'Y') || u.noNotice != (u.applies && upper[1] == 'N') {
			t.Fatalf("%q: got %+v", s, u)
		}
	})
}
