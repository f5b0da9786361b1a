package campaigns

import (
	"fmt"
	"testing"
)

// BenchmarkValidateLongLists is the slowest edit: 10,000 domains included and excluded.
func BenchmarkValidateLongLists(b *testing.B) {
	w := newWorld()
	for i := range MaxDomains {
		w.lineItem.Targeting.Domains.Include = append(w.lineItem.Targeting.Domains.Include, fmt.Sprintf("news-%05d.example", i))
		w.lineItem.Targeting.Domains.Exclude = append(w.lineItem.Targeting.Domains.Exclude, fmt.Sprintf("spam-%05d.example", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		w.lineItem.Normalize()
		if err := w.lineItem.Validate(&w.refs); err != nil {
			b.Fatal(err)
		}
	}
}
