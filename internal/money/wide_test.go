package money

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// Wide must agree with math/big on every sum, its text and its sign.
func TestWideAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w Wide
		ref := new(big.Int)
		for _, n := range rapid.SliceOf(rapid.Int64()).Draw(t, "amounts") {
			w = w.Add(Nanos(n))
			ref.Add(ref, big.NewInt(n))
		}
		if w.Big().Cmp(ref) != 0 || w.String() != ref.String() || w.Sign() != ref.Sign() {
			t.Fatalf("got %v; want %v", w, ref)
		}
		if w.Neg().Big().Cmp(new(big.Int).Neg(ref)) != 0 || w.Plus(w.Neg()) != (Wide{}) {
			t.Fatalf("-%v: got %v", w, w.Neg())
		}
		var back Wide
		text, _ := w.MarshalText()
		if err := back.UnmarshalText(text); err != nil || back != w {
			t.Fatalf("%s read back as %v, %v", text, back, err)
		}
		n, err := w.Nanos()
		if ref.IsInt64() != (err == nil) || err == nil && int64(n) != ref.Int64() {
			t.Fatalf("Nanos of %v: got %d, %v", ref, n, err)
		}
	})
}

func TestWideBeyond64Bits(t *testing.T) {
	w := WideOf(math.MaxInt64).Add(math.MaxInt64)
	if w.String() != "18446744073709551614" {
		t.Errorf("got %v", w)
	}
	if err := w.UnmarshalText([]byte("x1")); err == nil {
		t.Error("x1 was read")
	}
	if err := w.UnmarshalText([]byte("170141183460469231731687303715884105728")); err == nil {
		t.Error("2^127 was read")
	}
}
