package control

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"bidhawk/internal/money"
)

// WinCurve learns what wins a first-price auction, by classes of impressions
// that the caller chooses, and makes the best bid of what an impression is worth:
// the b that maximizes (worth - b) x P(win at b). Worth is multiplier x value, so
// that the dual multiplier keeps the budget and the curve shades.
//
// Losers' prices are censored, so P is Kaplan and Meier's estimate
// w(b) = 1 - prod(1 - d_j/n_j) over the prices j up to b: d_j auctions were won
// where j was the least price that wins (AUCTION_MIN_TO_WIN), n_j had not been
// lost below j.
//
// Observe and Fit are for one goroutine; Bid may run beside Observe, not beside
// Fit: fit a Clone and swap it. Only Fit allocates.
type WinCurve struct {
	classes []winClass
}

// winClass counts by price bin. A bin's price is the dearest seen in it, so that
// a price that many auctions share is bid exactly.
type winClass struct {
	won, lost [winBins]float64
	dearest   [winBins]money.CPM
	steps     []winStep
}

// winStep says that from worth on, bid is the best.
type winStep struct {
	worth float64
	bid   money.CPM
}

const (
	octaves = 41 // up to money.MaxCPM and beyond
	perOct  = 32 // a bin is at most 3% wide
	winBins = octaves * perOct
)

// NewWinCurve makes an empty curve. It bids the worth until Fit has seen a win.
func NewWinCurve(classes int) (*WinCurve, error) {
	if classes < 1 || classes > 1024 {
		return nil, fmt.Errorf("control: win curve of %d classes; want 1 to 1024", classes)
	}
	return &WinCurve{classes: make([]winClass, classes)}, nil
}

// Clone is a copy that shares nothing with w.
func (w *WinCurve) Clone() *WinCurve {
	c := &WinCurve{classes: slices.Clone(w.classes)}
	for i := range c.classes {
		c.classes[i].steps = slices.Clone(c.classes[i].steps)
	}
	return c
}

// bin of p: its octave, then 32 even parts of it.
func bin(p money.CPM) int {
	if p < 1 {
		return 0
	}
	o := bits.Len64(uint64(p)) - 1
	part := uint64(p) << 5 >> o & (perOct - 1)
	return min(o*perOct+int(part), winBins-1)
}

// Won adds a win: price is the least that would have won.
func (w *WinCurve) Won(class int, price money.CPM) {
	c, b := &w.classes[class], bin(price)
	c.won[b]++
	c.dearest[b] = max(c.dearest[b], price)
}

// Lost adds a loss of bid: what would have won is more than it.
func (w *WinCurve) Lost(class int, bid money.CPM) {
	if bid > 0 {
		w.classes[class].lost[bin(bid)]++
	}
}

// Fade gives what was seen so far the weight keep.
func (w *WinCurve) Fade(keep money.PPM) {
	f := float64(keep) / 1e6
	for i := range w.classes {
		c := &w.classes[i]
		for b := range winBins {
			c.won[b] *= f
			c.lost[b] *= f
		}
	}
}

// Fit makes the bids anew from what was seen.
func (w *WinCurve) Fit() {
	for i := range w.classes {
		w.classes[i].fit()
	}
}

type winPoint struct {
	win   float64
	price float64
}

// fit keeps the prices that are best for some worth: the upper envelope of the
// lines (worth - price) x win.
func (c *winClass) fit() {
	var risk float64
	for b := range winBins {
		risk += c.won[b] + c.lost[b]
	}
	var hull []winPoint
	var worths []float64
	survive := 1.0
	for b := range winBins {
		if c.won[b] > 0 && risk > 0 {
			survive *= math.Max(0, 1-c.won[b]/risk)
			p := winPoint{win: 1 - survive, price: float64(c.dearest[b])}
			hull, worths = extend(hull, worths, p)
		}
		risk -= c.won[b] + c.lost[b]
	}
	c.steps = c.steps[:0]
	for i, p := range hull {
		c.steps = append(c.steps, winStep{worth: worths[i], bid: money.CPM(p.price)})
	}
}

// extend adds a dearer price to the envelope. worths[i] is the worth from which
// hull[i] is better than hull[i-1], or than no bid.
func extend(hull []winPoint, worths []float64, p winPoint) ([]winPoint, []float64) {
	for {
		n := len(hull)
		from := p.price
		if n > 0 {
			last := hull[n-1]
			if p.win <= last.win {
				return hull, worths
			}
			from = (p.win*p.price - last.win*last.price) / (p.win - last.win)
			if from <= worths[n-1] {
				hull, worths = hull[:n-1], worths[:n-1]
				continue
			}
		}
		return append(hull, p), append(worths, from)
	}
}

// Bid is the best bid where the impression is worth so much: never more than
// it, 0 where no bid is.
func (w *WinCurve) Bid(class int, worth money.CPM) money.CPM {
	steps := w.classes[class].steps
	if len(steps) == 0 {
		return max(worth, 0)
	}
	x := float64(worth)
	low, high := 0, len(steps) // the first step beyond x
	for low < high {
		if mid := (low + high) / 2; steps[mid].worth <= x {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == 0 {
		return 0
	}
	return steps[low-1].bid
}
