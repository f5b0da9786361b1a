package pacing

import (
	"fmt"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// simTally is the third book: neither the ledger's nor the auditor's. It knows
// what the bidders acknowledged, what each bid was billed for, and the largest
// budgets that the operator ever gave.
type simTally struct {
	w    *simWorld
	bids []simBid
	acks []simAck

	charged map[simScope]money.Nanos // posted, by advertiser, for good and by day
	orders  map[simOrder]bool        // conversions that were charged
	largest map[simScope]money.Nanos // budget there ever was; day 0: for good; noLimit: none was set
}

type simScope struct {
	advertiser campaigns.ID
	day        Day
}

// simBid is what became of a bid.
type simBid struct {
	billed   uint8 // postings that charged or owed the impression
	pastHard bool  // a bill came when nothing was known of the bid any more
	test     bool
}

// simAck is a notice that a bidder received.
type simAck struct {
	bid   uint64
	bill  bool // with a price that can post
	acked bool // it got 2xx
	log   int  // appends that took it
}

// bid is a new bid's number.
func (t *simTally) bid() uint64 {
	t.bids = append(t.bids, simBid{})
	return uint64(len(t.bids))
}

func (t *simTally) of(counter uint64) *simBid { return &t.bids[counter-1] }

func (t *simTally) received(x *simNotice) int {
	t.acks = append(t.acks, simAck{bid: x.Bid.Counter, bill: x.kind == TypeBill && x.PriceBad == ""})
	if x.Test {
		t.of(x.Bid.Counter).test = true
	}
	return len(t.acks) - 1
}

func (t *simTally) landed(ack int) {
	if ack >= 0 {
		t.acks[ack].log++
	}
}

func (t *simTally) acknowledged(ack int) { t.acks[ack].acked = true }

// budgets notes the largest budget of each advertiser.
func (t *simTally) budgets(c *campaigns.Catalog) {
	if t.largest == nil {
		t.largest, t.charged, t.orders = map[simScope]money.Nanos{}, map[simScope]money.Nanos{}, map[simOrder]bool{}
	}
	for id, a := range c.Advertisers {
		life, day := simScope{id, 0}, simScope{id, 1}
		t.largest[life] = max(t.largest[life], limitOf(a.Budget.Lifetime))
		t.largest[day] = max(t.largest[day], limitOf(a.Budget.Daily))
	}
}

// decided counts a posting, once for each record of the log.
func (t *simTally) decided(partition int32, p *Posting) {
	t.w.figures.outcomes[p.Outcome]++
	if p.Type == TypeBill {
		b := t.of(p.Bid.Counter)
		switch p.Outcome {
		case OutcomePosted, OutcomeLate, OutcomeDispute, OutcomeUnbilled:
			if b.billed++; b.billed > 1 {
				t.w.fail(fmt.Errorf("tally: bid %v is billed twice", p.Bid))
			}
		case OutcomePastHard:
			b.pastHard = true
		}
	}
	if p.Type == TypeConversion {
		d, err := decodeRecord(t.w.log.parts[partition].records[p.Offset].Value)
		if err != nil {
			t.w.fail(err)
			return
		}
		t.order(p, d.notice)
	}
	if p.Charge != 0 {
		t.charge(p)
	}
}

// order holds that an advertiser pays an order once.
func (t *simTally) order(p *Posting, n *Notice) {
	if p.Outcome != OutcomePosted && p.Outcome != OutcomeLate && p.Outcome != OutcomeUnbilled {
		return
	}
	key := simOrder{n.Advertiser, n.Order}
	if t.orders[key] {
		t.w.fail(fmt.Errorf("tally: advertiser %d pays order %s twice", n.Advertiser, n.Order))
	}
	t.orders[key] = true
}

type simOrder struct {
	advertiser campaigns.ID
	order      string
}

// charge holds what an advertiser pays, over all partitions, against the largest budget there ever was.
func (t *simTally) charge(p *Posting) {
	life, day := simScope{p.Advertiser, 0}, simScope{p.Advertiser, p.Day}
	t.charged[life] += p.Charge
	if p.Charge > 0 { // a correction downwards gives a day's budget not back
		t.charged[day] += p.Charge
	}
	if most := t.largest[life]; t.charged[life] > most {
		t.w.fail(fmt.Errorf("tally: advertiser %d was charged %v; its largest lifetime budget was %v", p.Advertiser, t.charged[life], most))
	}
	if most := t.largest[simScope{p.Advertiser, 1}]; t.charged[day] > most {
		t.w.fail(fmt.Errorf("tally: advertiser %d was charged %v for %v; its largest daily budget was %v", p.Advertiser, t.charged[day], p.Day, most))
	}
}

// finish asks, when all has come to its end, whether anything acknowledged is
// missing.
func (t *simTally) finish() {
	for i := range t.acks {
		a := &t.acks[i]
		if a.acked && a.log == 0 {
			t.w.fail(fmt.Errorf("tally: bid %d: a notice that got 2xx is not on the log", a.bid))
			return
		}
		b := t.of(a.bid)
		if a.acked && a.bill && !b.test && b.billed == 0 && !b.pastHard {
			t.w.fail(fmt.Errorf("tally: bid %d: a bill that got 2xx neither posted, nor came late, nor is recorded past hard", a.bid))
			return
		}
	}
}
