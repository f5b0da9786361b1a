//go:build !race

package eventlog_test

import "testing"

func TestOfferDoesNotAllocate(t *testing.T) {
	m, p := offerFixture(t)
	// The flusher allocates now and then, in the background; a whole allocation
	// per offer would be Offer's own.
	if n := testing.AllocsPerRun(10_000, func() { p.Offer(m) }); n >= 1 {
		t.Errorf("Offer allocates %v times; want 0", n)
	}
}
