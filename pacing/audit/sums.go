package audit

import (
	"math"
	"math/bits"
)

// mulDiv is a x b / c, rounded up or down, of numbers that are not negative;
// what passes int64 is MaxInt64 and not ok.
func mulDiv(a, b, c int64, up bool) (v int64, ok bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if up {
		var carry uint64
		lo, carry = bits.Add64(lo, uint64(c-1), 0)
		hi += carry
	}
	if hi >= uint64(c) {
		return math.MaxInt64, false
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	if q > math.MaxInt64 {
		return math.MaxInt64, false
	}
	return int64(q), true
}

const million = 1_000_000

// share is ppm millionths of n, rounded down.
func share(n, ppm int64) int64 {
	v, _ := mulDiv(n, ppm, million, false)
	return v
}

// plus adds two numbers that are not negative; it stops at MaxInt64.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// sum is a + b of any sign; ok is false beyond int64.
func sum(a, b int64) (c int64, ok bool) {
	c = a + b
	return c, (c > a) == (b > 0)
}
