package control

import "bidhawk/internal/money"

// Multiplier is what a bid is of the impression's value, in billionths: the
// bid is multiplier x value. It is the inverse of the budget's dual price.
type Multiplier int64

const (
	// One bids the value itself.
	One Multiplier = 1_000_000_000
	// Least and Most bound every multiplier.
	Least Multiplier = 1
	Most  Multiplier = 1_000_000 * One
)

// Bid is value x m, rounded down, at most money.MaxCPM; a value below zero
// counts as zero.
func (m Multiplier) Bid(value money.CPM) money.CPM {
	v, err := money.MulDiv(int64(max(value, 0)), int64(max(m, 0)), int64(One))
	if err != nil {
		return money.MaxCPM
	}
	return min(money.CPM(v), money.MaxCPM)
}

// PPM is m in parts per million, rounded down, for people and metrics.
func (m Multiplier) PPM() money.PPM { return money.PPM(m / (One / 1_000_000)) }
