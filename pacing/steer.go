package pacing

import (
	"math"

	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// steering finds the multiplier of one account: what to bid of an impression's
// value so that the budget lasts as long as its traffic does.
type steering struct {
	ctl     *control.Controller // nil: the value itself
	caution int64               // wins that its configuration is made for
	tight   horizon             // that it is planned for
	binding bool                // that horizon's plan is felt
	rate    outlook             // that it was last planned for
	told    outcomes            // of line items
	open    tries               // what nothing is known of yet
}

// leastMultiplier is where shading ends and throttling begins: a bid of a tenth
// of the value still means something; what is won below that is what nobody wants.
const leastMultiplier money.PPM = 100_000

// tries is what bids reserved that nothing is known of yet, and the multiplier that
// they were made with.
type tries struct {
	reserved float64 // nanos
	log      float64 // mean of the multiplier's logarithm
}

// made adds bids.
func (t *tries) made(reserved money.Nanos, m control.Multiplier) {
	if reserved > 0 && m > 0 {
		t.reserved += float64(reserved)
		t.log += (math.Log(float64(m)) - t.log) * float64(reserved) / t.reserved
	}
}

// heard takes away bids whose outcomes came, and is what they were made with, 0
// where nobody knows: any are as likely to be heard of as any others. What is open
// is part of what is held.
func (t *tries) heard(resolved, held money.Nanos) control.Multiplier {
	if t.reserved <= 0 {
		return 0
	}
	t.reserved = max(min(t.reserved-float64(resolved), float64(held)), 0)
	return control.Multiplier(math.Exp(t.log))
}

// outcomes turns what bidders say and what the ledger counts into batches.
type outcomes struct {
	met, asks      int64       // since the last batch
	kept, resolved money.Nanos // since the last batch
	perBid         money.Nanos // charge that a bid reserves
	seen           yield       // the ledger's count
	begun          bool        // seen is
	made, known    money.Nanos // reserved, and of that resolved; both fade
}

const outcomesMemory = 4000 // bids

// heard is what a request tells of a line item's bids.
type heard struct {
	control.Batch
	reserved, resolved money.Nanos
	pending            int64 // wins that nobody knows of yet
	told               bool  // of losses, too, by nearly every exchange
}

// hear takes a request's word and the ledger's. It counts outcomes, not bids times
// a win rate, which would be that of the multipliers of the past.
func (o *outcomes) hear(n *node, d *LeaseDemand, told bool) heard {
	o.met, o.asks = o.met+max(d.Met, 0), o.asks+max(d.Asks, 0)
	if d.Bids > 0 && d.Reserved >= money.Nanos(d.Bids) {
		o.perBid = d.Reserved / money.Nanos(d.Bids)
	}
	kept, resolved := o.fresh(n.line.Yield)
	o.kept, o.resolved = addClamped(o.kept, kept), addClamped(o.resolved, resolved)
	o.made, o.known = addClamped(o.made, max(d.Reserved, 0)), addClamped(o.known, resolved)
	h := heard{reserved: max(d.Reserved, 0), resolved: resolved, told: told}
	if o.perBid <= 0 {
		return h
	}
	h.pending = int64(share(n.line.Yield.ratio(o.perBid), o.made-o.known) / o.perBid)
	if o.made/o.perBid > outcomesMemory {
		o.made, o.known = o.made/2, o.known/2
	}
	h.Batch = o.batch(told)
	return h
}

// fresh is what y has more than when it was last seen.
func (o *outcomes) fresh(y yield) (kept, resolved money.Nanos) {
	if o.begun {
		kept, resolved = y.Kept-o.seen.Kept, y.Resolved-o.seen.Resolved
		if y.Bids < o.seen.Bids { // it was halved meanwhile
			kept, resolved = max(kept+y.Kept, 0), resolved+y.Resolved
		}
		if kept < 0 || resolved < kept {
			kept, resolved = 0, 0
		}
	}
	o.seen, o.begun = y, true
	return kept, resolved
}

// batch is what has come since the last one, by the auctions that were met; none
// while it says little.
func (o *outcomes) batch(told bool) (b control.Batch) {
	switch {
	case o.asks == 0: // nothing that it could bid was enough
		b.Auctions = o.met
	case o.resolved < o.perBid, !told && o.known < o.made/2:
		// Where losses are not told, wins are known first: until half is known, what
		// is known says little.
		return b
	default:
		bids := int64(o.resolved / o.perBid)
		b.Wins, b.Spent = int64(o.kept/o.perBid), o.kept
		if a, err := money.MulDiv(bids, max(o.met, o.asks), o.asks); err == nil {
			b.Auctions = a
		}
	}
	o.met, o.asks, o.kept, o.resolved = 0, 0, 0, 0
	return b
}

// observe learns from what was heard, with so much held. An outcome is taken for
// that of the multiplier which was bid, so that a late one is as good as another.
// Where losses are not told wins come first and in lumps: then the more wins are
// pending, the more slowly, for a controller that is quicker than what it hears of swings.
func (s *steering) observe(h heard, held money.Nanos) {
	if s.ctl == nil {
		return
	}
	s.open.made(h.reserved, s.ctl.Multiplier())
	h.At = s.open.heard(h.resolved, held)
	state := s.ctl.State()
	if h.told {
		if h.pending = 0; s.caution > 0 { // what is known now is more than all before
			state.Evidence = 0
		}
	}
	if wins := max(s.caution, 1); h.pending > 2*wins || h.pending < wins/2 {
		s.restart(state, h.pending)
	}
	s.ctl.Observe(h.Batch)
}

// restart makes the controller anew from a state; from one that is none there is
// no controller.
func (s *steering) restart(state control.State, pending int64) {
	s.caution = pending
	if ctl, err := control.New(steeringConfig(pending), state); err == nil {
		s.ctl = ctl
	}
}

// steeringConfig is for so many wins that are still unknown when the multiplier
// moves: it moves by less than a quarter of what they could ask for.
func steeringConfig(pending int64) control.Config {
	c := control.DefaultConfig()
	wins := min(4*max(pending, 0), 100_000)
	c.Prior, c.Doubt = max(c.Prior, wins), max(c.Doubt, wins)
	c.Memory = max(c.Memory, c.Prior)
	c.Floor, c.Ceiling = control.Multiplier(leastMultiplier)*control.One/1_000_000, control.One
	return c
}

// outlook is what a horizon leaves to spend, over how many auctions.
type outlook struct {
	rest     money.Nanos
	auctions int64
}

// tighter says whether o leaves less for an auction than p.
func (o outlook) tighter(p outlook) bool {
	return p.auctions == 0 || o.auctions > 0 && float64(o.rest)/float64(o.auctions) < float64(p.rest)/float64(p.auctions)
}

// start is a guess of the multiplier where nothing is known: in the middle between
// the value itself and what would keep the budget if each auction were won for all
// that is bid. Money that is not spent meanwhile is spent better later.
func (o outlook) start(price money.Nanos) control.Multiplier {
	least := float64(max(o.rest, 0)) / float64(o.auctions) / float64(price)
	return control.Multiplier(float64(control.One) * min(max(math.Sqrt(least), float64(leastMultiplier)/1e6), 1))
}

// aim re-plans for the tightest horizon h. anew: its flight or its budget is new.
// full: no more can be spent than what comes back of bids, so that a higher
// multiplier would win the same money's worth for more.
func (s *steering) aim(h horizon, o outlook, anew, full bool, price money.Nanos) {
	if o.auctions <= 0 || price <= 0 {
		return
	}
	if s.ctl == nil {
		s.restart(control.State{Multiplier: o.start(price), Price: price}, 0)
		anew = true
	}
	if full && !anew && h == s.tight && s.rate.auctions > 0 && s.rate.tighter(o) {
		return
	}
	s.rate = o
	if anew || h != s.tight {
		s.ctl.Plan(o.rest, o.auctions)
	} else {
		s.ctl.Replan(o.rest, o.auctions)
	}
	s.tight = h
}

// multiplier is what n bids of an impression's value: the least of its own and
// of those above it whose budgets it shares.
func (p *planner) multiplier(n *node) money.PPM {
	m := fullValue
	for ; n != nil; n = n.parent {
		if c := p.paces[keyOf(n)]; c != nil && c.steer.ctl != nil && (n.line != nil || c.steer.binding) {
			m = min(m, max(c.steer.ctl.Multiplier().PPM(), leastMultiplier))
		}
	}
	return m
}

// tellsLosses says whether nearly all bills come from where losses are told, too:
// one to fifty bills, for at a high win rate there are few.
func (l *ledger) tellsLosses() bool {
	var all, silent int64
	for _, d := range l.delays {
		all += int64(d.Total)
		if d.Losses <= d.Total/50 {
			silent += int64(d.Total)
		}
	}
	return silent*10 < all
}
