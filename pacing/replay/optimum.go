package replay

import (
	"math"
	"math/bits"
	"slices"

	"bidhawk/internal/money"
)

// Best is what a bidder who knew the whole log would have got.
type Best struct {
	// Value is the linear program's: max sum v x, sum p x <= budget, 0 <= x <= 1,
	// where an auction costs the market's price. Under second price that is what
	// a winner pays; under first price it is the least winning bid, which nobody
	// can know, so that no bidder reaches this.
	Value int64 // of money.CPM, summed
	// Multiplier is the bid per value that wins what the program takes: its
	// inverse dual price. Infinite where the budget buys everything.
	Multiplier float64
}

// Optimum solves the linear program. It is a fractional knapsack: taking
// auctions by value per cost is exact.
func Optimum(auctions []Auction, budget money.Nanos) Best {
	order := make([]int32, 0, len(auctions))
	for i := range auctions {
		if auctions[i].Value > 0 { // what brings nothing is not taken, though it be free
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(i, j int32) int { return byWorth(&auctions[i], &auctions[j]) })
	var best Best
	for _, i := range order {
		a := &auctions[i]
		cost := a.Price.PerImpression()
		if cost > budget {
			part, err := money.MulDiv(int64(a.Value), int64(budget), int64(cost))
			if err == nil {
				best.Value += part
			}
			best.Multiplier = float64(a.Price) / float64(a.Value)
			return best
		}
		budget -= cost
		best.Value += int64(a.Value)
	}
	best.Multiplier = math.Inf(1)
	return best
}

// byWorth orders by value per cost, the best first; what costs nothing before all.
func byWorth(a, b *Auction) int { // values above 0
	ah, al := bits.Mul64(uint64(a.Value), uint64(b.Price))
	bh, bl := bits.Mul64(uint64(b.Value), uint64(a.Price))
	switch {
	case ah != bh:
		return order(bh < ah)
	case al != bl:
		return order(bl < al)
	}
	return 0
}

func order(first bool) int {
	if first {
		return -1
	}
	return 1
}

// FixedFactor is the shading baseline under first price: every bid is factor x
// value, until the budget is out. The factor is the best in hindsight, of a grid
// of 1% steps around what the budget needs.
func FixedFactor(auctions []Auction, budget money.Nanos) (value int64, factor float64) {
	start := Optimum(auctions, budget).Multiplier
	if math.IsInf(start, 1) {
		start = 1
		for i := range auctions {
			if v := auctions[i].Value; v > 0 {
				start = max(start, float64(auctions[i].Price)/float64(v))
			}
		}
	}
	for f := start * 2; f > start/30; f /= 1.01 {
		if v := fixed(auctions, budget, f); v > value {
			value, factor = v, f
		}
	}
	return value, factor
}

func fixed(auctions []Auction, budget money.Nanos, factor float64) (value int64) {
	for i := range auctions {
		a := &auctions[i]
		bid := money.CPM(min(factor*float64(a.Value), float64(money.MaxCPM)))
		if bid > 0 && bid >= a.Price && bid.PerImpression() <= budget {
			budget -= bid.PerImpression()
			value += int64(a.Value)
		}
	}
	return value
}
