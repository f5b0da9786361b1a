//go:build !race

package bidder

import (
	"testing"

	"bidhawk/campaigns"
)

// TestAllocHoldOut: an assignment allocates nothing, whether it is told or there is no
// room for it.
func TestAllocHoldOut(t *testing.T) {
	h := newHouse(t, withExperiment(newCatalog([]campaigns.LineItem{cpm(4_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}), 500_000))
	a := &auction{book: h.book.Load(), exchange: h.exchanges.Load().byName["demo"], now: testNow}
	l, c := &a.book.lines[0], &candidate{}
	held, calls := 0, 0
	if got := testing.AllocsPerRun(2*maxGhosts, func() {
		a.user += 0x9e3779b97f4a7c15
		calls++
		if h.holdOut(a, l, c, h.deps.BidIDs.Next()) == NoBidHoldout {
			held++
		}
	}); got != 0 {
		t.Errorf("got %v allocations; want 0", got)
	}
	if held < calls/3 || held > 2*calls/3 || h.metrics.ghostsLost.Load() == 0 {
		t.Errorf("held %d of %d, lost %d: the test did not reach what it is about", held, calls, h.metrics.ghostsLost.Load())
	}
}
