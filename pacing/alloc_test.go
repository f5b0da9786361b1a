//go:build !race

package pacing

import (
	"testing"
	"time"
)

func TestReserveDoesNotAllocate(t *testing.T) {
	w := benchWallet(t)
	now := time.Now()
	f := func(name string, want Refusal, need Amounts, id int) {
		t.Helper()
		if n := testing.AllocsPerRun(500, func() {
			if _, why := w.Reserve(5, now, need, 0); why != want {
				t.Fatalf("%s: %v; want %v", name, why, want)
			}
			w.Reserve(999_999, now, need, 0) // never met: noted without allocating
		}); n != 0 {
			t.Errorf("%s: %v allocations; want 0", name, n)
		}
	}
	f("reserved", RefusedNot, Amounts{1, 1}, 5)
	f("exhausted", RefusedExhausted, Amounts{noLimit, noLimit}, 5)
}
