// Package money holds the integer types of prices and amounts. There is no
// floating point on the way of a cent: a CPM price is an integer number of
// micros, and one impression at a CPM of 1 micro costs exactly 1 nano, so
// ledgers add int64 nanos without rounding.
package money

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Nanos is an amount: billionths of one currency unit. Its range is about
// ±9.2e9 units; sums that can pass it use Wide.
type Nanos int64

// CPM is a price per 1,000 impressions, in millionths of a currency unit.
// The OpenRTB price 2.5 is CPM 2_500_000.
type CPM int64

// PPM is a ratio in parts per million: 15% is 150_000.
type PPM int64

// Unit is one currency unit in nanos.
const Unit Nanos = 1_000_000_000

// MaxCPM bounds every price that enters: 1,000,000 currency units per mille.
const MaxCPM CPM = 1_000_000 * 1_000_000

var (
	// ErrOverflow reports an amount outside the range of its type.
	ErrOverflow = errors.New("amount overflows 64 bits")
	// ErrSyntax reports text that is not a decimal number.
	ErrSyntax = errors.New("not a decimal number")
)

// PerImpression is what one impression costs at price p. It is exact.
func (p CPM) PerImpression() Nanos { return Nanos(p) }

// Add returns a+b, or ErrOverflow.
func Add(a, b Nanos) (Nanos, error) {
	s := a + b
	if (s > a) != (b > 0) && b != 0 {
		return 0, fmt.Errorf("%d + %d: %w", a, b, ErrOverflow)
	}
	return s, nil
}

// MulDiv returns a*num/den with a 128-bit intermediate, rounded towards zero.
// All arguments are non-negative and den > 0. It returns ErrOverflow where the
// result does not fit or an argument breaks that rule.
func MulDiv(a, num, den int64) (int64, error) {
	q, _, err := mulDivRem(a, num, den)
	return q, err
}

// MulDivUp is MulDiv, rounded up.
func MulDivUp(a, num, den int64) (int64, error) {
	q, r, err := mulDivRem(a, num, den)
	if err != nil || r == 0 {
		return q, err
	}
	if q == math.MaxInt64 {
		return 0, ErrOverflow
	}
	return q + 1, nil
}

func mulDivRem(a, num, den int64) (q, r int64, err error) {
	if a < 0 || num < 0 || den <= 0 {
		return 0, 0, fmt.Errorf("%d * %d / %d: %w", a, num, den, ErrOverflow)
	}
	hi, lo := bits.Mul64(uint64(a), uint64(num))
	if hi >= uint64(den) {
		return 0, 0, fmt.Errorf("%d * %d / %d: %w", a, num, den, ErrOverflow)
	}
	uq, ur := bits.Div64(hi, lo, uint64(den))
	if uq > math.MaxInt64 {
		return 0, 0, fmt.Errorf("%d * %d / %d: %w", a, num, den, ErrOverflow)
	}
	return int64(uq), int64(ur), nil
}

// Of returns the share p of n, rounded towards zero; n must not be negative.
func (p PPM) Of(n Nanos) (Nanos, error) {
	v, err := MulDiv(int64(n), int64(p), 1_000_000)
	return Nanos(v), err
}
