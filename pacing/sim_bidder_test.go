package pacing

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// simNode is a bidder's process: a real wallet on a clock of its own, and the
// spill on its disk, which outlives the process.
type simNode struct {
	w       *simWorld
	name    int
	clock   simClock
	catalog *campaigns.Catalog
	wallet  *Wallet
	next    time.Time // the wallet's next tick
	call    *simCall  // in flight

	down  bool
	until time.Time // down or paused until then
	cut   time.Time // from the log until then
	queue []simRecord
	spill []simRecord

	recycled []simRecycled // of a plant
}

// simRecord is a record on its way to the log, and whose acknowledgement hangs on it.
type simRecord struct {
	home int32
	msg  eventlog.Message
	ack  int // in the tally; -1: nobody's
}

func newSimNode(w *simWorld, name int) *simNode {
	n := &simNode{w: w, name: name, clock: newSimClock(w)}
	n.start()
	return n
}

// start begins a new incarnation, which owns nothing but the spill.
func (n *simNode) start() {
	n.catalog = n.w.operator.catalog
	n.down, n.queue, n.call, n.next, n.recycled = false, nil, nil, time.Time{}, nil
	cfg := DefaultWalletConfig()
	cfg.Forget = time.Minute
	if len(n.spill) > 0 {
		n.w.count(faultSpillAfterCrash)
	}
	life := n.w.life()
	wallet, err := NewWallet(cfg, WalletDeps{Source: simNoSource{}, Publish: n.publish, Clock: n.clock.now, Incarnation: life})
	n.w.fail(err)
	n.wallet = wallet
	if n.w.trace != nil {
		n.w.note("bidder %d begins as incarnation %x with %d spilled records", n.name, life, len(n.spill))
	}
}

// publish queues a return, as the bidder's publisher would; it dies with the process.
func (n *simNode) publish(m eventlog.Message) bool {
	if n.w.fault(faultReturnLost, 100) {
		return false
	}
	d, err := decodeRecord(m.Value)
	if err != nil || d.ret == nil {
		n.w.fail(errors.Join(err, errors.New("a wallet publishes something else than a return")))
		return false
	}
	home := n.w.home(d.ret.Advertiser, 0)
	if n.w.plant.byCampaign && len(d.ret.Items) > 0 {
		home = n.w.home(d.ret.Advertiser, n.w.operator.campaignOf(d.ret.Items[0].LineItem))
	}
	n.queue = append(n.queue, simRecord{home, m, -1})
	return true
}

func (n *simNode) absent() bool { return n.down || n.w.now.Before(n.until) }

// upset is what may befall a bidder's process.
func (n *simNode) upset() {
	w := n.w
	if n.absent() {
		return
	}
	killed := 2
	if w.now.Before(n.cut) {
		killed = 15 // its machine is in trouble
	}
	switch {
	case w.fault(faultNodeKilled, killed):
		w.note("bidder %d dies", n.name)
		n.down, n.until = true, w.now.Add(w.pause())
	case w.fault(faultNodePaused, 4):
		n.until = w.now.Add(w.pause())
		w.note("bidder %d is paused", n.name)
	case w.fault(faultLogCut, 10):
		n.cut = w.now.Add(w.pause())
		w.note("bidder %d is cut from the log", n.name)
	case w.fault(faultClockJump, 1):
		n.clock.jump(w.upTo(4*time.Minute) - 2*time.Minute)
		w.note("bidder %d: its clock jumps, now %v", n.name, &n.clock)
	}
}

func (n *simNode) mend() { n.until, n.cut = time.Time{}, time.Time{} }

// turn lets the process do what its goroutines would have done by now.
func (n *simNode) turn() {
	w := n.w
	if w.now.Before(n.until) {
		return
	}
	if n.down {
		n.start()
	}
	n.drain()
	now := n.clock.now()
	if now.Before(n.next) && n.next.Sub(now) < time.Second {
		return
	}
	n.next = now.Add(n.wallet.cfg.Tick)
	if n.catalog != w.operator.catalog && w.chance(200) {
		n.catalog = w.operator.catalog
	}
	select {
	case a := <-n.wallet.fresh:
		n.wallet.admit(a)
	default:
	}
	n.wallet.endLeases(n.wallet.now())
	n.wallet.forget(n.wallet.now())
	if w.plant.recycle {
		n.recycle(now)
	}
	if !w.calm {
		n.renew()
	}
}

// drain writes the spill and the queue to the log, as far as it takes them. What
// is appended with an error is appended again.
func (n *simNode) drain() {
	if n.w.now.Before(n.cut) {
		return
	}
	n.spill = n.append(n.spill)
	n.queue = n.append(n.queue)
}

func (n *simNode) append(rs []simRecord) []simRecord {
	if len(rs) == 0 {
		return rs
	}
	done := len(rs)
	switch {
	case n.w.fault(faultAppendPartial, 60):
		done = n.w.rng.IntN(len(rs))
	case n.w.fault(faultSpillTwice, 60):
		for _, r := range rs {
			n.w.log.append(r.home, r.msg)
		}
	}
	for _, r := range rs[:done] {
		n.w.log.append(r.home, r.msg)
		n.w.tally.landed(r.ack)
	}
	return append(rs[:0], rs[done:]...)
}

// simCall is a wallet's request on its way through the shards.
type simCall struct {
	node    *simNode
	wallet  *Wallet
	answer  walletAnswer
	waits   int
	settled bool
	failed  error
}

// renew sends what the wallet wants to the pacers, a part for each partition.
func (n *simNode) renew() {
	req, asked := n.wallet.wants()
	if len(asked) == 0 {
		return
	}
	// The wallet's map has no order; a seed must have one.
	slices.SortFunc(req.Items, func(a, b LeaseDemand) int { return cmp.Compare(a.LineItem, b.LineItem) })
	c := &simCall{node: n, wallet: n.wallet, answer: walletAnswer{asked: asked, from: n.clock.now()}}
	n.call = c
	parts := make([][]LeaseDemand, n.w.shape.partitions)
	for _, d := range req.Items {
		l, ok := n.catalog.Lineage(d.LineItem)
		if !ok {
			c.answer.grant.Refused = append(c.answer.grant.Refused, LeaseRefusal{LineItem: d.LineItem, Reason: RefusedInactive})
			continue
		}
		home := n.w.home(l.Advertiser.ID, l.Campaign.ID)
		parts[home] = append(parts[home], d)
	}
	for i, items := range parts {
		if len(items) > 0 {
			c.waits++
			n.w.ask(c, req.Bidder, int32(i), items)
		}
	}
	n.w.send(n.wallet.cfg.RequestTimeout, simLetter{do: func() { c.failed = errors.Join(c.failed, errSimTimeout); c.settle() }})
}

var errSimTimeout = errors.New("no answer in time")

// ask sends a part of a request to whom the bidder takes for the owner.
func (w *simWorld) ask(c *simCall, bidder uint64, partition int32, items []LeaseDemand) {
	to := w.pacers[w.group[partition]]
	if w.fault(faultStaleOwnerAsked, 100) {
		to = w.pacers[w.rng.IntN(len(w.pacers))]
	}
	if w.fault(faultRequestLost, 80) {
		return
	}
	rq := &request{bidder: bidder, items: items}
	rq.done = func(err error) bool { return c.answered(rq, err) }
	w.send(w.upTo(5*time.Millisecond), simLetter{do: func() {
		if !to.absent() {
			to.ask(partition, rq)
		} else if w.now.Before(to.until) && !to.down { // it waits in the socket
			w.send(to.until.Sub(w.now), simLetter{do: func() { to.ask(partition, rq) }})
		}
	}})
}

// answered is a shard's answer. false: nobody is there any more, as far as the
// pacer can tell.
func (c *simCall) answered(rq *request, err error) bool {
	w := c.node.w
	if c.settled && w.chance(700) || w.fault(faultAnswerGone, 80) {
		return false
	}
	if w.fault(faultAnswerLost, 80) {
		return true
	}
	delay := w.upTo(5 * time.Millisecond)
	if w.fault(faultAnswerLate, 80) {
		delay = w.upTo(3 * time.Second)
	}
	w.send(delay, simLetter{do: func() {
		if c.settled {
			return // the answer comes after the timeout: nobody reads it
		}
		if err != nil {
			c.failed = errors.Join(c.failed, err)
		} else {
			c.answer.grant.Leases = append(c.answer.grant.Leases, rq.leases...)
			c.answer.grant.Refused = append(c.answer.grant.Refused, rq.refused...)
		}
		if c.waits--; c.waits == 0 {
			c.settle()
		}
	}})
	return true
}

// settle hands the wallet what has come by now.
func (c *simCall) settle() {
	if c.settled || c.node.wallet != c.wallet || c.node.down {
		c.settled = true
		return
	}
	if c.node.absent() { // paused: it reads its socket when it wakes
		c.node.w.send(c.node.until.Sub(c.node.w.now), simLetter{do: c.settle})
		return
	}
	c.settled = true
	if len(c.answer.grant.Leases)+len(c.answer.grant.Refused) == 0 {
		c.answer.err = c.failed
	}
	c.wallet.answered(c.answer)
	c.node.call = nil
}

// auction is one opportunity: a line item, a bid, and what becomes of it.
func (n *simNode) auction() {
	w := n.w
	if n.absent() {
		return
	}
	o := w.operator
	some := len(o.lines) // the first line items meet most of the traffic
	li := n.catalog.LineItems[o.lines[min(w.rng.IntN(some), w.rng.IntN(some), w.rng.IntN(some))]]
	line, ok := n.catalog.Lineage(li.ID)
	if !ok || !line.Active() {
		w.figures.refused[RefusedInactive]++
		return
	}
	bid := 1 + money.CPM(w.rng.Int64N(int64(li.MaxBid)))
	need, err := simNeed(li, bid)
	if err != nil {
		w.fail(err)
		return
	}
	take := need
	if w.plant.mediaOnly {
		take.Charge = take.Media
	}
	x := w.exchange.offer()
	r, why := n.wallet.Reserve(li.ID, n.clock.now(), take, n.wallet.Class(x.class()))
	w.figures.refused[why]++
	if why != RefusedNot {
		return
	}
	w.figures.bids++
	x.adv, x.campaign, x.home = line.Advertiser.ID, line.Campaign.ID, w.home(line.Advertiser.ID, line.Campaign.ID)
	x.Advertiser, x.Campaign, x.LineItem, x.Creative = x.adv, x.campaign, li.ID, 1
	x.Lease, x.Day, x.ReservedMedia, x.ReservedCharge = r.Lease, r.Day, need.Media, need.Charge
	x.Bid, x.BidAt, x.Test = ids.BidID{Incarnation: n.wallet.deps.Incarnation, Counter: w.tally.bid()}, n.clock.now().Truncate(time.Second), w.chance(10)
	w.exchange.decide(x)
	if w.plant.recycle {
		n.remember(r, li.ID)
	}
}

// receive takes a notice of an exchange or a browser. 2xx, which is true, only
// when it is durable: on the log, or in the spill.
func (n *simNode) receive(x *simNotice) bool {
	w := n.w
	if n.absent() {
		w.count(faultNoticeRefused)
		return false
	}
	x.Notice.At = n.clock.now()
	msg, err := x.as(&x.Notice)
	if err != nil {
		w.fail(err)
		return false
	}
	if x.kind == TypeBill && w.fault(faultUnknownRecord, 20) {
		msg.Value = unknownType(msg.Value)
	}
	r := simRecord{x.home, msg, w.tally.received(x)}
	switch {
	case w.plant.ackEarly:
		n.queue = append(n.queue, r)
	case w.now.Before(n.cut) || w.fault(faultAppendPartial, 50):
		w.count(faultSpilled)
		n.spill = append(n.spill, r)
	default:
		w.log.append(r.home, r.msg)
		w.tally.landed(r.ack)
	}
	if w.fault(faultNoticeUnanswered, 100) { // the exchange gets no answer, and tries again
		return false
	}
	w.tally.acknowledged(r.ack)
	return true
}

// simNoSource is never asked: the simulation carries the requests.
type simNoSource struct{ LeaseSource }
