package replay

import (
	"slices"

	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// shader bids by a win curve whose classes are the quarters of value.
type shader struct {
	curve *control.WinCurve
	cuts  []money.CPM // upper ends of the classes but the last
	next  int         // auction of the next fit
}

const (
	valueClasses = 4
	refitEvery   = 2000               // auctions
	priorWeight  = money.PPM(100_000) // of what was learned before: the market moves
)

// newShader starts from the prices of a log before; an empty one teaches nothing.
func newShader(learned []Auction) (*shader, error) {
	curve, err := control.NewWinCurve(valueClasses)
	if err != nil {
		return nil, err
	}
	s := &shader{curve: curve}
	if len(learned) > 0 {
		values := make([]money.CPM, len(learned))
		for i := range learned {
			values[i] = learned[i].Value
		}
		slices.Sort(values)
		for k := 1; k < valueClasses; k++ {
			s.cuts = append(s.cuts, values[len(values)*k/valueClasses])
		}
	}
	for i := range learned {
		s.curve.Won(s.class(learned[i].Value), learned[i].Price)
	}
	s.curve.Fade(priorWeight)
	s.curve.Fit()
	return s, nil
}

func (s *shader) class(v money.CPM) int {
	for k, c := range s.cuts {
		if v <= c {
			return k
		}
	}
	return len(s.cuts)
}

func (s *shader) bid(value, worth money.CPM) money.CPM { return s.curve.Bid(s.class(value), worth) }

func (s *shader) learn(a *Auction, bid money.CPM, won bool) {
	if won {
		s.curve.Won(s.class(a.Value), a.Price)
	} else {
		s.curve.Lost(s.class(a.Value), bid)
	}
}

func (s *shader) refit(auction int) {
	if auction >= s.next {
		s.next = auction + refitEvery
		s.curve.Fit()
	}
}
