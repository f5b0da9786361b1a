package models

import (
	"math/big"
	"math/bits"
	"slices"
	"sync"
	"time"
)

// Split shares total by weights so that the shares sum to it exactly: each gets its
// share rounded down, and what is left over goes, one by one, to the largest
// remainders (Hare and Niemeyer), of equal ones to the first. Weights that are all 0
// count the same. Total must not be negative; the weights' sum must fit 63 bits.
func Split(total int64, weights []uint64) []int64 {
	shares := make([]int64, len(weights))
	var sum uint64
	for _, w := range weights {
		sum += w
	}
	if len(weights) == 0 || total == 0 {
		return shares
	}
	if sum == 0 {
		return Split(total, slices.Repeat([]uint64{1}, len(weights)))
	}
	rest, left := make([]uint64, len(weights)), total
	for i, w := range weights {
		hi, lo := bits.Mul64(uint64(total), w)
		q, r := bits.Div64(hi, lo, sum) // w is at most sum, so that q fits
		shares[i], rest[i] = int64(q), r
		left -= int64(q)
	}
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case rest[a] > rest[b]:
			return -1
		case rest[a] < rest[b]:
			return 1
		}
		return 0
	})
	for _, i := range order[:left] {
		shares[i]++
	}
	return shares
}

// one is the weight of a touch that is not decayed. 2^48 leaves room for the sum of
// 2^15 touches.
const one = 1 << 48

// halved is one, halved once per halfLife of age, in integers: every machine makes the
// same of it.
func halved(age, halfLife time.Duration) uint64 {
	if age <= 0 {
		return one
	}
	whole, part := age/halfLife, age%halfLife
	if whole >= 48 {
		return 0
	}
	w := uint64(one)
	// part/halfLife in binary, 32 places: each place set multiplies by its root.
	fraction, _ := bits.Div64(uint64(part)>>32, uint64(part)<<32, uint64(halfLife))
	for i, root := range roots() {
		if fraction&(1<<(31-i)) != 0 {
			hi, lo := bits.Mul64(w, root)
			w = hi<<1 | lo>>63 // root is in 63 places
		}
	}
	return w >> whole
}

// roots are 2^-(1/2), 2^-(1/4), 2^-(1/8) and so on, in 63 binary places.
var roots = sync.OnceValue(func() (out [32]uint64) {
	x := new(big.Int).Lsh(big.NewInt(1), 62) // 2^-1
	for i := range out {
		x.Sqrt(new(big.Int).Lsh(x, 63)) // of x/2^63, in 63 places
		out[i] = x.Uint64()
	}
	return out
})
