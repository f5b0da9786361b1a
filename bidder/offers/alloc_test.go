//go:build !race

package offers

import (
	"os"
	"path/filepath"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/openrtb"
)

func benchRequest(t testing.TB) *openrtb.BidRequest {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "testdata", "bench-2400.json"))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, string(body))
}

func TestAllocationsOfAClaim(t *testing.T) {
	table, r := newTable(t, small()), benchRequest(t)
	n := campaigns.ID(0)
	if allocs := testing.AllocsPerRun(1000, func() {
		n++
		k := KeyOf(r, &r.Imp[0], user)
		table.Claim(k, n, 1, noon)
		table.Claim(k, n, 2, noon)
		table.Release(k, n, 1)
	}); allocs != 0 {
		t.Errorf("%v allocations; want 0", allocs)
	}
}

func BenchmarkKeyOf(b *testing.B) {
	r := benchRequest(b)
	b.ReportAllocs()
	for b.Loop() {
		KeyOf(r, &r.Imp[0], user)
	}
}

// BenchmarkClaim claims new offers at 5,000 a second.
func BenchmarkClaim(b *testing.B) {
	for name, k := range map[string]Key{"transaction": {transaction: 1}, "both": {transaction: 1, placement: 2}} {
		b.Run(name, func(b *testing.B) {
			table := newTable(b, DefaultConfig())
			b.ReportAllocs()
			now, li := noon, campaigns.ID(0)
			for b.Loop() {
				li++
				now = now.Add(200_000)
				table.Claim(k, li, 1, now)
			}
			b.ReportMetric(float64(table.Stats().Evicted)/float64(b.N)*1e6, "evicted/million")
		})
	}
}

// BenchmarkClaimAgain is the other path of an offer, refused.
func BenchmarkClaimAgain(b *testing.B) {
	table := newTable(b, DefaultConfig())
	table.Claim(Key{transaction: 1}, 1, 1, noon)
	b.ReportAllocs()
	for b.Loop() {
		table.Claim(Key{transaction: 1}, 1, 2, noon)
	}
}
