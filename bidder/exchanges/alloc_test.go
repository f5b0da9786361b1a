//go:build !race

package exchanges

import "testing"

// What a bid calls allocates nothing; a notice with a plain price neither.
func TestAllocNone(t *testing.T) {
	e := Default("demo")
	e.Required = []Field{FieldSeat, FieldADomain, FieldIURL}
	price := []byte("2.345678")
	if n := testing.AllocsPerRun(100, func() {
		e.Requires(FieldIURL)
		e.Omits(FieldLURL)
		e.ClearingPrice(price)
	}); n != 0 {
		t.Fatalf("got %v allocations; want none", n)
	}
}
