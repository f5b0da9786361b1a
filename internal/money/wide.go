package money

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
)

// Wide is a 128-bit amount in nanos, for sums that can pass the range of
// Nanos. The zero value is 0; values compare with ==. No sum of Nanos that fits
// a machine's lifetime overflows it.
type Wide struct {
	hi int64
	lo uint64
}

// WideOf is n.
func WideOf(n Nanos) Wide { return Wide{int64(n) >> 63, uint64(n)} }

// Add returns w + n.
func (w Wide) Add(n Nanos) Wide { return w.Plus(WideOf(n)) }

// Plus returns w + o.
func (w Wide) Plus(o Wide) Wide {
	lo, carry := bits.Add64(w.lo, o.lo, 0)
	return Wide{w.hi + o.hi + int64(carry), lo}
}

// Neg returns -w.
func (w Wide) Neg() Wide {
	lo, borrow := bits.Sub64(0, w.lo, 0)
	return Wide{-w.hi - int64(borrow), lo}
}

// Sign is -1, 0 or 1.
func (w Wide) Sign() int {
	switch {
	case w.hi < 0:
		return -1
	case w == (Wide{}):
		return 0
	}
	return 1
}

// Nanos returns w where it fits, or else ErrOverflow.
func (w Wide) Nanos() (Nanos, error) {
	if w.hi != int64(w.lo)>>63 {
		return 0, fmt.Errorf("%v: %w", w, ErrOverflow)
	}
	return Nanos(w.lo), nil
}

// Big returns w as a new big.Int.
func (w Wide) Big() *big.Int {
	b := big.NewInt(w.hi)
	b.Lsh(b, 64)
	return b.Add(b, new(big.Int).SetUint64(w.lo))
}

// String prints w in nanos: an integer without a point.
func (w Wide) String() string { return w.Big().String() }

// MarshalText is String.
func (w Wide) MarshalText() ([]byte, error) { return w.Big().Append(nil, 10), nil }

// UnmarshalText reads what MarshalText wrote.
func (w *Wide) UnmarshalText(t []byte) error {
	b, ok := new(big.Int).SetString(string(t), 10)
	if !ok {
		return fmt.Errorf("%.50q: %w", t, ErrSyntax)
	}
	if b.BitLen() > 127 {
		return fmt.Errorf("%.50q: %w", t, ErrOverflow)
	}
	lo := new(big.Int).And(b, new(big.Int).SetUint64(math.MaxUint64))
	w.lo = lo.Uint64()
	w.hi = new(big.Int).Rsh(b, 64).Int64()
	return nil
}
