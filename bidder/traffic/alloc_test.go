//go:build !race

package traffic

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

// TestAllocationsOfAJudgement: none, whatever is found.
func TestAllocationsOfAJudgement(t *testing.T) {
	filter := newFilter(t, func(c *Config) { c.AddressesFile = testDatabase(t) })
	f := func(rest string, want Verdict) {
		t.Helper()
		r := decode(t, rest)
		var got Verdict
		if n := testing.AllocsPerRun(500, func() { got = filter.Judge(r, 7, noon) }); n != 0 {
			t.Errorf("%s: %v allocations; want 0", rest, n)
		}
		if got != want {
			t.Errorf("%s: got %v; want %v", rest, got, want)
		}
	}
	const sua = `"sua":{"browsers":[{"brand":"Chromium"},{"brand":"Google Chrome"}],"platform":{"brand":"Windows"}}`
	f(onDevice+windows+`,`+sua+`,"os":"Windows","language":"en","w":1920,"h":1080,"ifa":"3f1c2b6a-7d54-4e0b-9b39-6a5d4e3f2c1b","ip":"8.8.4.0","ipv6":"2a00:1::"}`, UserRate)
	f(onDevice+windows+`,"ip":"6.1.0.2"}`, DataCentre)
	f(onDevice+windows+`,"ip":"xyz"}`, UserRate)
	f(onDevice+`"ua":"okhttp/4"}`, Crawler)
	f(`"app":{"bundle":"1234567890"},"device":{`+windows+`}`, StoreAgainstUA)
}

// TestAllocationsOfANewAgent: a user agent that was never seen costs none either.
func TestAllocationsOfANewAgent(t *testing.T) {
	a := newAgents(listed(t), 1<<12)
	ua := []byte(browsers[0] + " Fetch sentry wget 000000")
	n := 0
	if allocs := testing.AllocsPerRun(500, func() {
		n++
		for at, v := len(ua)-1, n; v > 0; at, v = at-1, v/10 {
			ua[at] = byte('0' + v%10)
		}
		a.classify(ua)
	}); allocs != 0 {
		t.Errorf("%v allocations; want 0", allocs)
	}
}

func benchmarkFilter(b *testing.B) (*Filter, []*openrtb.BidRequest) {
	cfg := DefaultConfig()
	cfg.AddressesFile = testDatabase(b)
	f, err := New(cfg, 1)
	if err != nil {
		b.Fatal(err)
	}
	var requests []*openrtb.BidRequest
	for i := range 1024 {
		ua := bytes.ReplaceAll([]byte(browsers[i%len(browsers)]), []byte("537.36"), fmt.Appendf(nil, "537.%d", i))
		requests = append(requests, decode(b, fmt.Sprintf(`%s"ua":"%s","ip":"%d.%d.7.9","language":"en","w":1920,"h":1080}`, onDevice, ua, 11+i%80, i%256)))
	}
	return f, requests
}

func BenchmarkJudge(b *testing.B) {
	f, requests := benchmarkFilter(b)
	b.ReportAllocs()
	now, i := noon, 0
	for b.Loop() {
		f.Judge(requests[i%len(requests)], ids.UserKey(i), now)
		now = now.Add(100_000) // 10,000 a second
		i++
	}
}

func BenchmarkAgentKnown(b *testing.B) {
	a := newAgents(listed(b), 1<<16)
	ua := []byte(browsers[1])
	b.ReportAllocs()
	for b.Loop() {
		a.classify(ua)
	}
}

func benchmarkMatch(b *testing.B, ua []byte) {
	c := listed(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(ua)))
	for b.Loop() {
		c.match(ua)
	}
}

func BenchmarkAgentNewBrowser(b *testing.B) { benchmarkMatch(b, []byte(browsers[1])) }
func BenchmarkAgentNewCrawler(b *testing.B) {
	benchmarkMatch(b, []byte("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"))
}

// BenchmarkAgentNewWorst runs as many expressions as the bounds allow, each over
// a whole text of the largest size.
func BenchmarkAgentNewWorst(b *testing.B) {
	ua := bytes.Repeat([]byte(browsers[1]+" "), 9)
	benchmarkMatch(b, append(ua[:maxAgentBytes-300:maxAgentBytes-300], worstAgent(listed(b))...))
}

// BenchmarkAgentNaive is every expression of the list in turn, for scale.
func BenchmarkAgentNaive(b *testing.B) {
	n, ua := newNaive(b), []byte(browsers[1])
	for b.Loop() {
		n.match(ua)
	}
}

func BenchmarkAddress(b *testing.B) {
	raw, err := os.ReadFile(testDatabase(b))
	if err != nil {
		b.Fatal(err)
	}
	db, err := openDatabase(raw)
	if err != nil {
		b.Fatal(err)
	}
	for _, a := range []string{"81.2.69.160", "8.8.8.8", "2001:480:3a::1"} {
		b.Run(a, func(b *testing.B) {
			ip := netip.MustParseAddr(a)
			bits := within(ip)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := db.find(ip, bits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRate(b *testing.B) {
	cfg := DefaultConfig()
	s := newRates(cfg.RateCells, cfg.Window, 1)
	b.ReportAllocs()
	key, now := uint64(0), noon
	for b.Loop() {
		s.add(key, now)
		key, now = key+1, now.Add(100_000)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(DefaultConfig(), 1); err != nil {
			b.Fatal(err)
		}
	}
}
