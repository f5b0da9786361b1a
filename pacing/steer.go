package pacing

import (
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
	told    outcomes            // of line items
}

// leastMultiplier is where shading ends and throttling begins: a bid of a tenth
// of the value still means something; what is won below that is what nobody wants.
const leastMultiplier money.PPM = 100_000

// outcomes turns what bidders say and what the ledger counts into batches.
type outcomes struct {
	met, asks      int64       // since the last batch
	kept, resolved money.Nanos // since the last batch
	perBid         money.Nanos // charge that a bid reserves
	seen           yield       // the ledger's count
	made, known    money.Nanos // reserved, and of that resolved; both fade
}

const outcomesMemory = 4000 // bids

// batch is what came of a line item's bids, by the auctions that were met; pending
// is how many of its wins nobody knows of yet. It counts outcomes, not bids times
// a win rate, which would be that of the multipliers of the past.
func (o *outcomes) batch(n *node, d *LeaseDemand) (b control.Batch, pending int64) {
	o.met, o.asks = o.met+max(d.Met, 0), o.asks+max(d.Asks, 0)
	if d.Bids > 0 && d.Reserved >= money.Nanos(d.Bids) {
		o.perBid = d.Reserved / money.Nanos(d.Bids)
	}
	y := n.line.Yield
	kept, resolved := y.Kept-o.seen.Kept, y.Resolved-o.seen.Resolved
	if y.Bids < o.seen.Bids || kept < 0 || resolved < kept { // the count was faded meanwhile
		kept, resolved = 0, 0
	}
	o.seen = y
	o.kept, o.resolved = addClamped(o.kept, kept), addClamped(o.resolved, resolved)
	o.made, o.known = addClamped(o.made, max(d.Reserved, 0)), addClamped(o.known, resolved)
	if o.perBid <= 0 {
		return b, 0
	}
	pending = int64(share(y.ratio(o.perBid), o.made-o.known) / o.perBid)
	if o.made/o.perBid > outcomesMemory {
		o.made, o.known = o.made/2, o.known/2
	}
	switch {
	case o.asks == 0: // nothing that it could bid was enough
		b.Auctions = o.met
	case o.resolved < o.perBid, o.known < o.made/2:
		// Where losses are not told, wins are known first: until half is known, what
		// is known says little.
		return b, pending
	default:
		bids := int64(o.resolved / o.perBid)
		b.Wins, b.Spent = int64(o.kept/o.perBid), o.kept
		if a, err := money.MulDiv(bids, max(o.met, o.asks), o.asks); err == nil {
			b.Auctions = a
		}
	}
	o.met, o.asks, o.kept, o.resolved = 0, 0, 0, 0
	return b, pending
}

// observe learns from a batch. The more wins are pending, the more slowly: a
// controller that is quicker than what it hears of swings.
func (s *steering) observe(b control.Batch, pending int64) {
	if s.ctl == nil {
		return
	}
	if wins := max(s.caution, 1); pending > 2*wins || pending < wins/2 {
		s.restart(s.ctl.State(), pending)
	}
	s.ctl.Observe(b)
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

// aim re-plans for the tightest horizon h. anew: its flight or its budget is new.
func (s *steering) aim(h horizon, o outlook, anew bool, price money.Nanos) {
	if o.auctions <= 0 || price <= 0 {
		return
	}
	if s.ctl == nil {
		s.restart(control.State{Multiplier: control.One, Price: price}, 0)
		anew = true
	}
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
