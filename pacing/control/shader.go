package control

import (
	"slices"
	"sync"
	"sync/atomic"

	"bidhawk/internal/money"
)

// Shader shades the bids of one market, such as an exchange's banners, under first
// price: a WinCurve over the quarters of what impressions are worth, learned while
// it is bid with. Bid and Class read a snapshot and take no lock; Refit makes the
// next one. It bids what an impression is worth until it has heard what wins of
// enough bids, won and lost.
//
// All its prices are in one currency. It is safe for concurrent use.
type Shader struct {
	fitted atomic.Pointer[fittedShade]
	values [shadeSample]atomic.Int64 // what impressions were worth of late; 0: none

	mu struct {
		sync.Mutex
		curve *WinCurve // nil before the first outcome: it is large
		heard [ShadeClasses]shadeHeard
		fresh int64 // outcomes since they were last halved
		dirty bool  // since the last fit
	}
}

// ShadeClasses is how many classes of value a Shader tells apart.
const ShadeClasses = 4

const (
	shadeSample = 1024
	shadeEvery  = 8      // of the impressions one is sampled
	shadeWins   = 50     // that must have told the least price that wins,
	shadeLosses = 10     // and losses, before a class is shaded
	shadeRecent = 1000   // wins of which nearly all must have told it
	shadeMemory = 50_000 // outcomes after which the past counts half
)

// shadeHeard counts a class's outcomes. Of the last wins some told the least price
// and others were silent: of an exchange where many are, only the prices beyond our
// bids would be known.
type shadeHeard struct{ wins, losses, told, silent int64 }

func (h *shadeHeard) win(told bool) {
	if told {
		h.wins, h.told = h.wins+1, h.told+1
	} else {
		h.silent++
	}
	if h.told+h.silent >= shadeRecent {
		h.told, h.silent = h.told/2, h.silent/2
	}
}

func (h *shadeHeard) enough() bool {
	return h.wins >= shadeWins && h.losses >= shadeLosses && h.silent <= h.told/10
}

// fittedShade does not change.
type fittedShade struct {
	cuts  [ShadeClasses - 1]money.CPM // upper ends of the classes but the last
	curve *WinCurve                   // nil: none yet
	on    [ShadeClasses]bool
}

// Sample counts what an impression is worth. random is any number: most are
// passed over, so that bidders do not meet in one place.
func (s *Shader) Sample(value money.CPM, random uint32) {
	if random%shadeEvery == 0 && value > 0 {
		s.values[random/shadeEvery%shadeSample].Store(int64(value))
	}
}

// Class is that of value, to tell with the bid's outcome; ok is false before enough
// were sampled to tell classes apart.
func (s *Shader) Class(value money.CPM) (class int, ok bool) {
	f := s.fitted.Load()
	if f == nil {
		return 0, false
	}
	return f.class(value), true
}

func (f *fittedShade) class(value money.CPM) int {
	for k, c := range f.cuts {
		if value <= c {
			return k
		}
	}
	return ShadeClasses - 1
}

// Bid is what to bid for an impression of value where its budget leaves worth to
// bid, multiplier x value: more than nothing and at most worth. Over the last fifth
// of the multiplier the shading is taken back: who can't spend a budget by bidding
// nearly all of the value would rather win than save.
func (s *Shader) Bid(value, worth money.CPM) money.CPM {
	f := s.fitted.Load()
	if f == nil || f.curve == nil || worth <= 0 || worth >= value {
		return worth
	}
	class := f.class(value)
	if !f.on[class] {
		return worth
	}
	bid := f.curve.Bid(class, worth)
	if bid <= 0 || bid >= worth { // nothing that was seen would be won
		return worth
	}
	if back := worth - value/5*4; back > 0 {
		v, err := money.MulDiv(int64(worth-bid), int64(back), int64(value-value/5*4))
		if err != nil {
			return worth
		}
		bid = min(bid+money.CPM(v), worth)
	}
	return bid
}

// Outcome is of a bid whose value was of class: least is the least price that would
// have won, 0 where the exchange does not say.
func (s *Shader) Outcome(class int, bid, least money.CPM, won bool) {
	if class < 0 || class >= ShadeClasses {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.curve == nil {
		s.mu.curve, _ = NewWinCurve(ShadeClasses) // its bound holds
	}
	h := &s.mu.heard[class]
	switch {
	case won && least <= 0:
		h.win(false)
	case won:
		h.win(true)
		if bid > 0 { // more than that cannot have been needed
			least = min(least, bid)
		}
		s.mu.curve.Won(class, least)
	case least > bid: // what would have won is known
		h.losses++
		s.mu.curve.Won(class, least)
	default:
		h.losses++
		s.mu.curve.Lost(class, bid)
	}
	s.mu.dirty = true
	if s.mu.fresh++; s.mu.fresh >= shadeMemory {
		s.fade(500_000)
	}
}

// fade gives what was heard so far the weight keep; mu is held.
func (s *Shader) fade(keep money.PPM) {
	s.mu.fresh = 0
	if s.mu.curve == nil {
		return
	}
	s.mu.curve.Fade(keep)
	for i := range s.mu.heard {
		h := &s.mu.heard[i]
		h.wins, h.losses = h.wins*int64(keep)/1_000_000, h.losses*int64(keep)/1_000_000
	}
}

// Refit makes the snapshot that bids read from now on, where something is new. It is
// for one goroutine, now and then.
func (s *Shader) Refit() {
	old := s.fitted.Load()
	cuts, moved, ok := s.cut(old)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if moved && old != nil { // what was heard is of other classes
		s.fade(100_000)
		s.mu.dirty = true
	}
	if !moved && !s.mu.dirty {
		return
	}
	next := &fittedShade{cuts: cuts}
	if s.mu.curve != nil {
		next.curve = s.mu.curve.Clone()
		next.curve.Fit()
		for i := range s.mu.heard {
			next.on[i] = s.mu.heard[i].enough()
		}
	}
	s.mu.dirty = false
	s.fitted.Store(next)
}

// cut is the quarters of the values that were sampled: the old ones while each holds
// a tenth to nearly a half of them; ok is false before there are enough.
func (s *Shader) cut(old *fittedShade) (cuts [ShadeClasses - 1]money.CPM, moved, ok bool) {
	values := make([]money.CPM, 0, shadeSample)
	for i := range s.values {
		if v := s.values[i].Load(); v > 0 {
			values = append(values, money.CPM(v))
		}
	}
	if len(values) < shadeSample/4 {
		return cuts, false, old != nil
	}
	slices.Sort(values)
	for k := range cuts {
		cuts[k] = values[len(values)*(k+1)/ShadeClasses]
	}
	if old == nil {
		return cuts, true, true
	}
	at := func(v money.CPM) int { // how many are at most v
		n, _ := slices.BinarySearch(values, v+1)
		return n
	}
	for k := range cuts { // an old end lies well off the quarter that it was
		if n, want := at(old.cuts[k]), at(cuts[k]); max(n-want, want-n) > len(values)*3/20 {
			return cuts, true, true
		}
	}
	return old.cuts, false, true
}
