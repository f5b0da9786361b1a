//go:build !race

package consent

import "testing"

// TestAllocDecide: no path of the decision allocates, whatever the signals.
func TestAllocDecide(t *testing.T) {
	policy := DefaultPolicy(testVendor)
	for _, c := range cases() {
		if n := testing.AllocsPerRun(200, func() { policy.Decide(&c.signals) }); n != 0 {
			t.Errorf("%s: %v allocations; want 0", c.name, n)
		}
	}
}
