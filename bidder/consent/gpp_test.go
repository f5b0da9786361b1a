package consent

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// sectionsOf decodes s into ids and texts.
func sectionsOf(s string) (ids []int, texts []string, f fault) {
	var (
		g gpp
		r reader
	)
	f = g.decode([]byte(s), &r)
	for _, id := range g.ids[:g.n] {
		text, _ := g.section(int(id))
		ids, texts = append(ids, int(id)), append(texts, string(text))
	}
	return ids, texts, f
}

// TestGPPExamples are the header and string examples of the specification, with
// six-bit padding as in its headers and eight-bit padding as in its strings.
func TestGPPExamples(t *testing.T) {
	f := func(s string, ids []int, texts ...string) {
		t.Helper()
		gotIDs, gotTexts, fault := sectionsOf(s)
		if fault != faultNone || !slices.Equal(gotIDs, ids) || !slices.Equal(gotTexts, texts) {
			t.Errorf("%s: got %v %q, %v; want %v %q", s, gotIDs, gotTexts, fault, ids, texts)
		}
	}
	f("DBABM~"+specGPP, []int{2}, specGPP)
	f("DBABMA~"+specGPP, []int{2}, specGPP)
	f("DBACNY~"+specGPP+"~1YNN", []int{2, 6}, specGPP, "1YNN")
	f("DBACNYA~"+specGPP+"~1YNN", []int{2, 6}, specGPP, "1YNN")
	f("DBABjw~"+specGPP+"~1YNN", []int{5, 6}, specGPP, "1YNN")
	f("DBAA", nil) // no section
	f("DBABM~", []int{2}, "")
}

func TestGPPFaults(t *testing.T) {
	f := func(s string, want fault) {
		t.Helper()
		if ids, _, got := sectionsOf(s); got != want || got != faultNone && len(ids) > 0 {
			t.Errorf("%.40q: got %q, sections %v; want %q", s, got, ids, want)
		}
	}
	f("", faultVersion)
	f("gppString", faultVersion)
	f("header~1YNN", faultVersion)
	f(specGPP, faultVersion) // a TC string
	f("DCABM~x", faultVersion)
	f("DBA", faultShort)
	f("DBAB", faultShort)
	f("DBAB*", faultAlphabet)
	f("DBABM", faultSections)
	f("DBABM~a~b", faultSections)
	f("DBAA~a", faultSections)
	f("DBACNY~a", faultSections)
	f("DBABAAAAAA~a", faultRange) // zeros without an end
	f("D___"+strings.Repeat("_", 40), faultVersion)
	f("DB__"+strings.Repeat("_", 40), faultSections) // 1, 2, 3... without an end
	f(encodeGPP([]int{63}, []string{"a"}), faultNone)
	f(encodeGPP([]int{64}, []string{"a"}), faultRange)
	f(encodeGPP([]int{62, 63}, []string{"a", "b"}), faultNone)
	f(encodeGPP([]int{63, 64}, []string{"a", "b"}), faultRange)
	f(encodeGPP([]int{40, 65}, []string{"a", "b"}), faultRange)
	f("DBABM~"+strings.Repeat("a", maxString-6), faultNone)
	f("DBABM~"+strings.Repeat("a", maxString-5), faultTooLong)
}

func TestFibonacci(t *testing.T) {
	for n := 1; n <= 63; n++ {
		var b bitText
		b.fibonacci(n)
		b.put(0, 9)
		var r reader
		if f := r.load([]byte(b.encoded(6))); f != faultNone {
			t.Fatal(f)
		}
		if got := r.fibonacci(63); got != n {
			t.Errorf("%s: got %d; want %d", b.String(), got, n)
		}
	}
	// The specification's table: 1 to 7.
	for i, code := range []string{"11", "011", "0011", "1011", "00011", "10011", "01011"} {
		var b bitText
		b.WriteString(code)
		var r reader
		r.load([]byte(b.encoded(6)))
		if got := r.fibonacci(63); got != i+1 {
			t.Errorf("%s: got %d; want %d", code, got, i+1)
		}
	}
}

func TestGPPAgainstEncoder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 2_000 {
		var ids []int
		var texts []string
		for id := 1; id <= 63 && len(ids) < maxSections; id++ {
			if rnd.IntN(3) == 0 {
				ids = append(ids, id)
				texts = append(texts, strings.Repeat("x", rnd.IntN(5)))
			}
		}
		s := encodeGPP(ids, texts)
		gotIDs, gotTexts, f := sectionsOf(s)
		if f != faultNone || !slices.Equal(gotIDs, ids) || !slices.Equal(gotTexts, texts) {
			t.Fatalf("%s: got %v %q, %v; want %v %q", s, gotIDs, gotTexts, f, ids, texts)
		}
	}
}

func FuzzGPP(f *testing.F) {
	for _, s := range []string{"DBABM~" + specGPP, "DBACNYA~" + specGPP + "~1YNN", "DBABjw~a~b", "DBAA", "", "DBABLA~CKhhlBhkiBJY.QA", "DBABUYA~BRGi.Sgo"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		var (
			g gpp
			r reader
			c choices
		)
		if fault := g.decode(s, &r); fault != faultNone {
			if g.n != 0 {
				t.Fatalf("%q: %v, yet %d sections", s, fault, g.n)
			}
			return
		}
		if g.n != strings.Count(string(s), "~") {
			t.Fatalf("%q: got %d sections", s, g.n)
		}
		for i, id := range g.ids[:g.n] {
			if i > 0 && id <= g.ids[i-1] {
				t.Fatalf("%q: ids %v are not in order", s, g.ids[:g.n])
			}
			text, ok := g.section(int(id))
			if !ok || strings.Contains(string(text), "~") {
				t.Fatalf("%q: section %d is %q, %v", s, id, text, ok)
			}
			// Every layout must bear every text.
			for us := sectionUSLow; us <= sectionUSTop; us++ {
				c.decode(us, text, &r)
			}
		}
	})
}
