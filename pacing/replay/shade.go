package replay

import (
	"container/heap"
	"slices"
	"time"

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

// outcome is what a notice tells a control.Shader.
type outcome struct {
	at         time.Time
	class      int
	bid, least money.CPM
	won        bool
}

// outcomes is a min-heap by instant.
type outcomes []outcome

func (o *outcomes) push(x outcome) { heap.Push(o, x) }

// until tells s what has come by now.
func (o *outcomes) until(now time.Time, s *control.Shader) {
	for len(*o) > 0 && !(*o)[0].at.After(now) {
		x := heap.Pop(o).(outcome)
		s.Outcome(x.class, x.bid, x.least, x.won)
	}
}

func (o outcomes) Len() int           { return len(o) }
func (o outcomes) Less(i, j int) bool { return o[i].at.Before(o[j].at) }
func (o outcomes) Swap(i, j int)      { o[i], o[j] = o[j], o[i] }
func (o *outcomes) Push(x any)        { *o = append(*o, x.(outcome)) }
func (o *outcomes) Pop() any {
	last := len(*o) - 1
	x := (*o)[last]
	*o = (*o)[:last]
	return x
}
