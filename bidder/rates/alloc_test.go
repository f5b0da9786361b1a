//go:build !race

package rates

import (
	"testing"
	"time"

	"bidhawk/internal/money"
)

func TestAllocNone(t *testing.T) {
	s := NewFixed(fixed())
	now := time.Unix(1_800_000_000, 0)
	if n := testing.AllocsPerRun(100, func() {
		table := s.At(now)
		table.Convert(1_234_567, eur, jpy, money.RoundUp)
		table.Between(jpy, eur)
		table.Knows(xxx)
	}); n != 0 {
		t.Fatalf("got %v allocations; want none", n)
	}
}
