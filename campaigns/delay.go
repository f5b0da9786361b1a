package campaigns

import (
	"math/bits"
	"time"

	"bidhawk/internal/money"
)

// Pending is the share of events that is still to come at an age, where delays are
// exponential with the given mean: exp(-age/mean) (Chapelle, "Modeling delayed
// feedback in display advertising", KDD 2014, section 3). It is rounded up, so that
// money is kept for what may come; 0 where mean is not above 0.
//
// It is integers throughout: what is held of a budget follows from it, and must be
// the same on every machine.
func Pending(age, mean time.Duration) money.PPM {
	if mean <= 0 {
		return 0
	}
	if age <= 0 {
		return MaxPPM
	}
	if age/mean >= maxExponent {
		return 0
	}
	// exp(-x) = 2^-k * exp(-r) with r = x - k*ln 2, all in units of 2^-fraction.
	whole, rest := uint64(age/mean), uint64(age%mean)
	hi, lo := bits.Mul64(rest, 1<<fraction)
	part, _ := bits.Div64(hi, lo, uint64(mean)) // rest < mean, so it fits
	x := whole<<fraction + part
	k := x / ln2
	v := expNegative(x-k*ln2) >> k
	ppm := (v*uint64(MaxPPM) + 1<<fraction - 1) >> fraction
	return money.PPM(ppm)
}

const (
	fraction    = 32
	ln2         = 2977044472 // ln 2 * 2^32, rounded
	maxExponent = 20         // exp(-20) is a five hundred millionth
)

// expNegative is exp(-r) for r from 0 to ln 2, by its power series: twelve terms
// leave less than 2^-32.
func expNegative(r uint64) uint64 {
	const one = 1 << fraction
	sum := uint64(one)
	for n := uint64(12); n >= 1; n-- { // Horner: 1 - r/1*(1 - r/2*(1 - ...))
		sum = one - (r*sum>>fraction)/n
	}
	return sum
}
