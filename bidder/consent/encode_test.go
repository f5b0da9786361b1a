package consent

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// The encoder of the tests: bits as text, so that it shares no line with the decoder.

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

type bitText struct{ strings.Builder }

func (b *bitText) put(v, width int) {
	for i := width - 1; i >= 0; i-- {
		b.WriteByte('0' + byte(v>>i&1))
	}
}

func (b *bitText) flag(on bool) { b.put(map[bool]int{true: 1}[on], 1) }

// encoded pads with zeros to a multiple of unit bits (6, or 8 as encoders do that
// go by bytes) and writes six bits per character.
func (b *bitText) encoded(unit int) string {
	s := b.String()
	for len(s)%unit != 0 {
		s += "0"
	}
	for len(s)%6 != 0 {
		s += "0"
	}
	var out strings.Builder
	for ; s != ""; s = s[6:] {
		v := 0
		for _, c := range s[:6] {
			v = 2*v + int(c-'0')
		}
		out.WriteByte(alphabet[v])
	}
	return out.String()
}

// restriction is one publisher restriction of a testTCF.
type restriction struct {
	purpose, kind int
	vendors       []int
}

// testTCF is a TC string to encode. Purposes and features are lists of ids.
type testTCF struct {
	version, cmp, list, policy int
	created, updated           int
	global                     bool // not service specific
	features, consent, li      []int
	purposeOneTreatment        bool
	country                    string
	vendors, liVendors         []int
	restrictions               []restriction
	disclosed                  []int // nil: no segment
	ranges                     bool  // ranges instead of bit fields
	unit                       int
	others                     []string // further segments, as text
}

func (t testTCF) encode() string {
	var b bitText
	b.put(t.version, 6)
	b.put(t.created, 36)
	b.put(t.updated, 36)
	b.put(t.cmp, 12)
	b.put(1, 12)
	b.put(2, 6)
	b.put(4, 6)
	b.put(13, 6)
	b.put(t.list, 12)
	b.put(t.policy, 6)
	b.flag(!t.global)
	b.flag(false)
	for id := 1; id <= 12; id++ {
		b.flag(slices.Contains(t.features, id))
	}
	for _, set := range [][]int{t.consent, t.li} {
		for id := 1; id <= 24; id++ {
			b.flag(slices.Contains(set, id))
		}
	}
	b.flag(t.purposeOneTreatment)
	for _, c := range t.country {
		b.put(int(c-'A'), 6)
	}
	b.vendors(t.vendors, t.ranges)
	b.vendors(t.liVendors, t.ranges)
	b.put(len(t.restrictions), 12)
	for _, r := range t.restrictions {
		b.put(r.purpose, 6)
		b.put(r.kind, 2)
		b.runs(r.vendors)
	}
	unit := max(t.unit, 6)
	segments := []string{b.encoded(unit)}
	if t.disclosed != nil {
		var d bitText
		d.put(1, 3)
		d.vendors(t.disclosed, t.ranges)
		segments = append(segments, d.encoded(unit))
	}
	return strings.Join(append(segments, t.others...), ".")
}

func (b *bitText) vendors(ids []int, ranges bool) {
	top := 0
	if len(ids) > 0 {
		top = slices.Max(ids)
	}
	b.put(top, 16)
	b.flag(ranges)
	if ranges {
		b.runs(ids)
		return
	}
	for id := 1; id <= top; id++ {
		b.flag(slices.Contains(ids, id))
	}
}

// runs writes ids, ascending, as ranges.
func (b *bitText) runs(ids []int) {
	var runs [][2]int
	for _, id := range ids {
		if n := len(runs); n > 0 && runs[n-1][1] == id-1 {
			runs[n-1][1] = id
		} else {
			runs = append(runs, [2]int{id, id})
		}
	}
	b.put(len(runs), 12)
	for _, r := range runs {
		b.flag(r[0] != r[1])
		b.put(r[0], 16)
		if r[0] != r[1] {
			b.put(r[1], 16)
		}
	}
}

// fibonacci writes n >= 1 in the GPP's code.
func (b *bitText) fibonacci(n int) {
	weights := []int{1, 2}
	for weights[len(weights)-1] <= n {
		weights = append(weights, weights[len(weights)-1]+weights[len(weights)-2])
	}
	code, top := make([]byte, len(weights)), 0
	for i := len(weights) - 1; i >= 0; i-- {
		code[i] = '0'
		if weights[i] <= n {
			n -= weights[i]
			code[i] = '1'
			top = max(top, i)
		}
	}
	b.Write(code[:top+1])
	b.WriteByte('1')
}

// encodeGPP writes sections (id and text, ascending) with their header.
func encodeGPP(ids []int, texts []string) string {
	var b bitText
	b.put(3, 6)
	b.put(1, 6)
	var runs [][2]int
	for _, id := range ids {
		if n := len(runs); n > 0 && runs[n-1][1] == id-1 {
			runs[n-1][1] = id
		} else {
			runs = append(runs, [2]int{id, id})
		}
	}
	b.put(len(runs), 12)
	last := 0
	for _, r := range runs {
		b.flag(r[0] != r[1])
		b.fibonacci(r[0] - last)
		if r[0] != r[1] {
			b.fibonacci(r[1] - r[0])
		}
		last = r[1]
	}
	return strings.Join(append([]string{b.encoded(6)}, texts...), "~")
}

// randomIDs are ids of 1 to top in ascending order, in runs and alone.
func randomIDs(rnd *rand.Rand, top int) []int {
	var ids []int
	for id := 1 + rnd.IntN(4); id <= top; id += 1 + rnd.IntN(1+rnd.IntN(9)) {
		ids = append(ids, id)
	}
	return ids
}

func randomPurposes(rnd *rand.Rand, top int) []int {
	var ids []int
	for id := 1; id <= top; id++ {
		if rnd.IntN(4) > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// randomTCF is a string of any kind that is valid, with restrictions and segments.
func randomTCF(rnd *rand.Rand) testTCF {
	top := 1 + rnd.IntN(60)
	t := testTCF{
		version: 2, cmp: rnd.IntN(4096), list: rnd.IntN(4096), policy: 2 + rnd.IntN(4),
		created: rnd.IntN(1 << 34), global: rnd.IntN(8) == 0,
		features: randomPurposes(rnd, 12), consent: randomPurposes(rnd, 24), li: randomPurposes(rnd, 24),
		purposeOneTreatment: rnd.IntN(4) == 0, country: string([]byte{'A' + byte(rnd.IntN(26)), 'A' + byte(rnd.IntN(26))}),
		vendors: randomIDs(rnd, top), liVendors: randomIDs(rnd, top), ranges: rnd.IntN(2) == 0, unit: 6 + 2*rnd.IntN(2),
	}
	// About the days when rules begin, on either side.
	t.updated = []int{1696118400, 1772323200}[rnd.IntN(2)]*10 + rnd.IntN(3) - 1
	for range rnd.IntN(4) {
		t.restrictions = append(t.restrictions, restriction{rnd.IntN(14), rnd.IntN(4), randomIDs(rnd, top)})
	}
	if rnd.IntN(3) > 0 {
		t.disclosed = append([]int{}, randomIDs(rnd, top)...)
	}
	if rnd.IntN(3) == 0 {
		t.others = append(t.others, "YAAAAAAAAAA") // publisherTC
	}
	return t
}
