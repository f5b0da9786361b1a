package consent

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bidhawk/internal/openrtb"
)

// ids are every step-th of 1 to top, and testVendor.
func ids(top, step int) []int {
	list := []int{testVendor}
	for id := 1; id <= top; id += step {
		list = append(list, id)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Realistic strings: a CMP that disclosed all of a list of 1,500 and got consent
// for half, as bit fields; a CMP with 62 chosen vendors, as ranges.
func bitFieldTCF() testTCF {
	c := full()
	c.vendors, c.liVendors = append(ids(1500, 2), ids(300, 2)[1:]...), ids(1400, 3)
	slices.Sort(c.vendors)
	c.vendors = slices.Compact(c.vendors)
	c.disclosed, c.unit = ids(1500, 1), 8
	return c
}

func rangeTCF() testTCF {
	c := full()
	c.vendors, c.liVendors, c.disclosed = ids(1450, 24), ids(1450, 48), ids(1450, 24)
	c.ranges, c.unit = true, 8
	return c
}

type signalCase struct {
	name    string
	signals Signals
}

// cases are signals that take each way through the decision.
func cases() []signalCase {
	tc := func(s string) Signals { return Signals{GDPR: openrtb.FlagYes, Consent: []byte(s)} }
	g := func(s string, sid ...int) Signals { return Signals{GPP: []byte(s), GPPSID: sid} }
	return []signalCase{
		{"none", Signals{}},
		{"coppa", Signals{COPPA: true}},
		{"us_privacy", Signals{USPrivacy: []byte("1YNN")}},
		{"us_privacy broken", Signals{USPrivacy: []byte("1YNX")}},
		{"gdpr bit fields", tc(bitFieldTCF().encode())},
		{"gdpr ranges", tc(rangeTCF().encode())},
		{"gdpr refused", tc(specTCF23)},
		{"gdpr broken", tc("CPx")},
		{"gdpr too long", tc(strings.Repeat("C", maxString+1))},
		{"gdpr unknown flag", Signals{GDPR: FlagUnknown}},
		{"gdpr by country", Signals{Country: []byte("GBR")}},
		{"country without gdpr", Signals{Country: []byte("USA")}},
		{"gdpr in gpp", g(encodeGPP([]int{2}, []string{rangeTCF().encode()}), 2)},
		{"gpp usnat", g("DBABLA~CFVqVmoCCIgA.QA", 7)},
		{"gpp usca", g("DBABBg~BIYWIIJo.YA", 8)},
		{"gpp two sections", g("DBACNYA~" + specGPP + "~1YNN")},
		{"gpp broken", g("gppString", 7)},
		{"gpp no section", g("DBAA", 7)},
		{"gpp unknown section", g("DBABjw~a~1YNN", 5)},
	}
}

func BenchmarkTCF(b *testing.B) {
	for _, c := range []struct {
		name string
		tcf  testTCF
	}{{"bitfield", bitFieldTCF()}, {"range", rangeTCF()}} {
		for _, disclosed := range []bool{false, true} {
			if !disclosed {
				c.tcf.disclosed = nil
			} else if c.tcf.ranges {
				c.tcf.disclosed = rangeTCF().disclosed
			} else {
				c.tcf.disclosed = bitFieldTCF().disclosed
			}
			s := []byte(c.tcf.encode())
			b.Run(fmt.Sprintf("%s/disclosed=%t/%dB", c.name, disclosed, len(s)), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var (
						r reader
						t tcf
					)
					if f := t.decode(s, testVendor, &r); f != faultNone || !t.vendorConsent {
						b.Fatal(f)
					}
				}
			})
		}
	}
}

func BenchmarkGPP(b *testing.B) {
	for _, c := range []struct {
		name, s string
		id      int
	}{{"usnat", "DBABLA~CFVqVmoCCIgA.QA", 7}, {"usca", "DBABBg~BIYWIIJo.YA", 8}} {
		s := []byte(c.s)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var (
					r  reader
					g  gpp
					c2 choices
				)
				f := g.decode(s, &r)
				text, ok := g.section(c.id)
				if f2 := c2.decode(c.id, text, &r); f != faultNone || f2 != faultNone || !ok {
					b.Fatal(f, f2)
				}
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	policy := DefaultPolicy(testVendor)
	for _, c := range cases() {
		b.Run(strings.ReplaceAll(c.name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				policy.Decide(&c.signals)
			}
		})
	}
}
