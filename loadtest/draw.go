package loadtest

import "math"

// Every random decision is a pure function of the seed and of what is being
// decided, so it depends neither on the order of goroutines nor on the server.

// Purposes keep draws about one request independent of each other.
const (
	forUser = iota + 1
	forTemplate
	forExchange
	forArrival
	forRival
	forRivalMedian
	forAlone
	forRender
	forRenderDelay
	forClick
	forClickDelay
	forConversion
	forConversionDelay
	forValue
	forRepeat
	forRepeatDelay
	forCreativeCTR
	forUserCTR
	forCohort
	forJitter
	forRunID
	forRivalDeal
	forPlayerError
	forQuartile
	forViewable
	forPost
)

// mix is the finalizer of splitmix64: a bijection that spreads every bit.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// draw returns 64 uniform bits for one purpose and one key.
func draw(seed uint64, purpose, key uint64) uint64 {
	return mix(mix(mix(seed)^purpose) ^ key)
}

// unit maps 64 uniform bits to (0, 1).
func unit(u uint64) float64 { return (float64(u>>11) + 0.5) / (1 << 53) }

// chance is true for a share p of all u.
func chance(u uint64, p float64) bool { return unit(u) < p }

// normal maps 64 uniform bits to the standard normal distribution.
func normal(u uint64) float64 { return math.Sqrt2 * math.Erfinv(2*unit(u)-1) }

// exponential maps 64 uniform bits to the exponential distribution of mean 1.
func exponential(u uint64) float64 { return -math.Log(unit(u)) }

// hashString is FNV-1a, finished by mix.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// zipf maps 64 uniform bits to a rank in [0, n) whose frequency falls as
// 1/(rank+1)^s: the inverse of the bounded Pareto distribution, which needs no
// table, so n may be millions.
type zipf struct {
	n    int
	s    float64
	span float64 // (n+1)^(1-s) - 1, or ln(n+1) where s is 1
}

func newZipf(n int, s float64) zipf {
	z := zipf{n: n, s: s}
	if s == 1 {
		z.span = math.Log(float64(n + 1))
	} else {
		z.span = math.Pow(float64(n+1), 1-s) - 1
	}
	return z
}

func (z zipf) rank(u uint64) int {
	var x float64
	if z.s == 1 {
		x = math.Exp(z.span * unit(u))
	} else {
		x = math.Pow(z.span*unit(u)+1, 1/(1-z.s))
	}
	return min(max(int(x)-1, 0), z.n-1)
}
