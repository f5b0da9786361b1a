//go:build unix

package supply

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cpuTime is the processor time that the process has used: on a machine shared with
// others it says more than the clock on the wall.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const (
	benchSites   = 2000
	benchRecords = 500 // of each site: a million in all
	benchSystems = 50
	benchSellers = 2000 // of each system
)

// benchWorld writes a cache of a million listings and 100,000 sellers.
func benchWorld(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	write := func(path, body string) {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(body), 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.Chtimes(full, testNow, testNow); err != nil {
			b.Fatal(err)
		}
	}
	var t strings.Builder
	for i := range benchSites {
		t.Reset()
		for j := range benchRecords {
			relation := "RESELLER"
			if j < benchSystems { // the first account at each system is the site's own
				relation = "DIRECT"
			}
			fmt.Fprintf(&t, "system%d.example, %d, %s, f08c47fec0942fa0\n", j%benchSystems, (i*7+j)%benchSellers, relation)
		}
		write(fmt.Sprintf("ads.txt/site%d.example", i), t.String())
	}
	for i := range benchSystems {
		t.Reset()
		t.WriteString(`{"version":"1.0","sellers":[`)
		for j := range benchSellers {
			if j > 0 {
				t.WriteByte(',')
			}
			fmt.Fprintf(&t, `{"seller_id":"%d","name":"Seller %d","seller_type":"BOTH","domain":"system%d.example"}`, j, j, (i+1)%benchSystems)
		}
		t.WriteString("]}")
		write(fmt.Sprintf("sellers.json/system%d.example", i), t.String())
	}
	return dir
}

// benchOffers sells every site through system 1, which pays system 2, as its
// sellers.json says; 4,000 of them, so that caches don't hold what a few touch.
func benchOffers() []*Offer {
	var out []*Offer
	for i := range 2 * benchSites {
		site := i * 7919 % benchSites
		own, first := (site*7+1)%benchSellers, (site*7+2)%benchSellers
		o := siteOffer(fmt.Sprintf("www.site%d.example", site), fmt.Sprintf("1 system2.example/%d system1.example/%d", first, own))
		o.AdSystem, o.Seller = "system1.example", []byte(fmt.Sprint(own))
		out = append(out, o)
	}
	return out
}

func BenchmarkJudge(b *testing.B) {
	s := mustLoad(b, benchWorld(b))
	r := s.Report()
	offers := benchOffers()
	run := func(name string, rules *Rules, want Verdict) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			start := cpuTime(b)
			for i := 0; b.Loop(); i++ {
				if v := s.Judge(rules, offers[i%len(offers)]); v != want {
					b.Fatalf("got %v; want %v", v, want)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(r.Bytes)/float64(r.Listings+r.Sellers), "bytes/entry")
			b.ReportMetric(float64(r.Listings), "listings")
		})
	}
	run("AdsTxt", &Rules{AdsTxt: Deny}, OK)
	run("All", &Rules{AdsTxt: Require, SellersJSON: Require, SChain: Require, IncompleteSChain: Deny,
		BlockedNodes: mustNodes(b, "bad.example", "worse.example/1")}, OK)
}

func BenchmarkLoad(b *testing.B) {
	dir := benchWorld(b)
	b.ReportAllocs()
	for b.Loop() {
		mustLoad(b, dir)
	}
}

func BenchmarkParseAdsTxt(b *testing.B) {
	var t strings.Builder
	for j := range benchRecords {
		fmt.Fprintf(&t, "system%d.example, %d, RESELLER, f08c47fec0942fa0 # comment\n", j%benchSystems, j)
	}
	body := []byte(t.String())
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if a, err := ParseAdsTxt(body); err != nil || len(a.Records) != benchRecords {
			b.Fatal(err)
		}
	}
}
