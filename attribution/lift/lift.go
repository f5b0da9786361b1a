// Package lift says what an experiment shows: by how much those who could be shown ads
// differ from those who were held out, and how sure that is. It is pure. Its figures
// are estimates in floats: no money moves by them.
package lift

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
)

// Group is one side of an experiment. Value and Square are sums over its users, in
// whatever unit: of what each brought, and of that squared.
type Group struct {
	Users      int64
	Converters int64 // users with at least one conversion
	Exposed    int64 // users who were in fact shown an ad
	Value      float64
	Square     float64
}

// Interval is an estimate with the ends of its confidence interval.
type Interval struct {
	Estimate, Low, High float64
}

// Contains says whether x is within the ends.
func (i Interval) Contains(x float64) bool { return i.Low <= x && x <= i.High }

// ErrGroup reports a group without users, or whose counts contradict each other.
var ErrGroup = errors.New("a group needs users, and no more converters or exposed than those")

func (g Group) check() error {
	if g.Users < 1 || g.Converters < 0 || g.Converters > g.Users || g.Exposed < 0 || g.Exposed > g.Users || g.Value < 0 || g.Square < 0 {
		return ErrGroup
	}
	return nil
}

func (g Group) rate() float64 { return float64(g.Converters) / float64(g.Users) }
func (g Group) mean() float64 { return g.Value / float64(g.Users) }

// variance is the unbiased one of a user's value.
func (g Group) variance() float64 {
	if g.Users < 2 {
		return 0
	}
	n := float64(g.Users)
	return max(0, (g.Square-g.Value*g.Value/n)/(n-1))
}

// Result is what an experiment shows.
type Result struct {
	// Of everybody assigned, whether or not an ad was shown to them (intention to
	// treat): converters per user, and value per user, the ads' group less the other.
	Rate, Value Interval
	// Lift is the rates' ratio less one: 0.1 is a tenth more converters. Where nobody
	// held out converted there is none (not a number).
	Lift Interval
	// Of those who were shown an ad (treatment on the treated): the same differences
	// over the share of users that were. Where nobody was there is none.
	ExposedRate, ExposedValue Interval
	// P is the two-sided probability of rates that differ as much by chance alone.
	P float64
}

// Measure compares the group that ads may be shown to with the one held out, at a
// confidence level such as 0.95.
//
// Rates: Newcombe's hybrid score interval (Statistics in Medicine 17 (1998), 873-890,
// method 10). Value: Welch's, by the normal law, which the groups' size must allow.
// Lift: Katz's logarithmic interval of a ratio. The exposed: Bloom's estimator, which
// holds because nobody held out is shown an ad.
func Measure(treated, held Group, level float64) (Result, error) {
	if err := errors.Join(treated.check(), held.check()); err != nil {
		return Result{}, err
	}
	if !(level > 0.5 && level < 1) {
		return Result{}, errors.New("the confidence level must be above 0.5 and below 1")
	}
	z := Quantile(0.5 + level/2)
	r := Result{Rate: newcombe(treated, held, z), Value: welch(treated, held, z), Lift: katz(treated, held, z), P: pooled(treated, held)}
	share := float64(treated.Exposed) / float64(treated.Users)
	r.ExposedRate, r.ExposedValue = r.Rate.over(share), r.Value.over(share)
	return r, nil
}

func (i Interval) over(share float64) Interval {
	if share == 0 {
		return Interval{math.NaN(), math.NaN(), math.NaN()}
	}
	return Interval{i.Estimate / share, i.Low / share, i.High / share}
}

// Wilson is the score interval of a proportion x of n.
func Wilson(x, n int64, z float64) (low, high float64) {
	p, m := float64(x)/float64(n), float64(n)
	centre, half := p+z*z/(2*m), z*math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max(0, (centre-half)/(1+z*z/m)), min(1, (centre+half)/(1+z*z/m))
}

func newcombe(t, h Group, z float64) Interval {
	p, q := t.rate(), h.rate()
	tl, th := Wilson(t.Converters, t.Users, z)
	hl, hh := Wilson(h.Converters, h.Users, z)
	d := p - q
	return Interval{d, d - math.Hypot(p-tl, hh-q), d + math.Hypot(th-p, q-hl)}
}

func welch(t, h Group, z float64) Interval {
	d := t.mean() - h.mean()
	half := z * math.Sqrt(t.variance()/float64(t.Users)+h.variance()/float64(h.Users))
	return Interval{d, d - half, d + half}
}

func katz(t, h Group, z float64) Interval {
	if h.Converters == 0 || t.Converters == 0 {
		return Interval{math.NaN(), math.NaN(), math.NaN()}
	}
	ratio := t.rate() / h.rate()
	half := z * math.Sqrt((1-t.rate())/float64(t.Converters)+(1-h.rate())/float64(h.Converters))
	return Interval{ratio - 1, ratio*math.Exp(-half) - 1, ratio*math.Exp(half) - 1}
}

// pooled is the two-proportion z test.
func pooled(t, h Group) float64 {
	n, m := float64(t.Users), float64(h.Users)
	p := float64(t.Converters+h.Converters) / (n + m)
	if p == 0 || p == 1 {
		return 1
	}
	z := (t.rate() - h.rate()) / math.Sqrt(p*(1-p)*(1/n+1/m))
	return math.Erfc(math.Abs(z) / math.Sqrt2)
}

// Quantile is that of the standard normal law.
func Quantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// Bootstrap is the percentile interval of the difference in mean value, from the
// users' own values, resampled rounds times; seed alone decides. It asks nothing of
// the values' law, and needs them all.
func Bootstrap(treated, held []float64, level float64, rounds int, seed uint64) Interval {
	r := rand.New(rand.NewPCG(seed, 1))
	draw := func(values []float64) float64 {
		sum := 0.0
		for range values {
			sum += values[r.IntN(len(values))]
		}
		return sum / float64(len(values))
	}
	differences := make([]float64, rounds)
	for i := range differences {
		differences[i] = draw(treated) - draw(held)
	}
	slices.Sort(differences)
	at := func(p float64) float64 { return differences[min(rounds-1, int(p*float64(rounds)))] }
	return Interval{mean(treated) - mean(held), at((1 - level) / 2), at((1 + level) / 2)}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
