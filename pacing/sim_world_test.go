package pacing

import (
	"fmt"
	"math/rand/v2"
	"time"

	"bidhawk/campaigns"
)

// simWorld is one seeded run: bidders, pacers, a log, exchanges and an operator
// in virtual time, every one of them with its faults, and an auditor who reads
// each record as it is written. The shards, ledgers and wallets are the real
// ones, driven step by step without goroutines. A seed replays exactly.
type simWorld struct {
	seed  uint64
	rng   *rand.Rand
	now   time.Time
	cfg   Config
	shape simShape

	log      *simLog
	group    []int // by partition: the pacer that the consumer group proposes
	pacers   []*simPacer
	nodes    []*simNode
	exchange *simExchange
	operator *simOperator
	mail     simMail
	tally    simTally

	lives   uint64 // incarnations handed out
	orders  int    // of conversions, so far
	calm    bool   // no faults any more: everything comes to its end
	figures simFigures
	trace   *simTrace // nil: not asked for
	broken  error     // the first breach
	plant   simPlant
}

// simShape is what differs from world to world besides its events.
type simShape struct {
	partitions, pacers, nodes int
	gap                       time.Duration // mean time between auctions
	fault                     int           // how often what can fail does, in percent of the usual
}

// simOptions says what to play.
type simOptions struct {
	auctions int
	tracing  bool
	plant    simPlant
}

var simStart = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)

func newSimWorld(seed uint64, o simOptions) *simWorld {
	w := &simWorld{seed: seed, rng: rand.New(rand.NewPCG(seed, 4)), now: simStart, cfg: DefaultConfig(), plant: o.plant}
	if o.tracing {
		w.trace = &simTrace{}
	}
	w.shape = simShape{
		partitions: 1 + w.rng.IntN(3), pacers: 2 + w.rng.IntN(2), nodes: 2 + w.rng.IntN(3),
		gap: []time.Duration{5, 20, 60}[w.rng.IntN(3)] * time.Millisecond, fault: []int{20, 100, 300}[w.rng.IntN(3)],
	}
	if o.plant.byCampaign {
		w.shape.partitions = 2
	}
	w.cfg.Window = []time.Duration{3, 10, 30}[w.rng.IntN(3)] * time.Second
	w.cfg.CloseAfter = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute}[w.rng.IntN(3)]
	w.cfg.HardAfter = []time.Duration{5 * time.Minute, time.Hour, 48 * time.Hour}[w.rng.IntN(3)]
	w.cfg.Deadlines = w.deadlines
	w.tally.w = w
	w.figures.outcomes = map[Outcome]int64{}
	w.operator = newSimOperator(w)
	w.log = newSimLog(w)
	w.exchange = &simExchange{w: w}
	for i := range w.shape.pacers {
		w.pacers = append(w.pacers, newSimPacer(w, i))
	}
	for p := range w.shape.partitions {
		w.group = append(w.group, w.rng.IntN(len(w.pacers)))
		w.pacers[w.group[p]].start(int32(p))
	}
	for i := range w.shape.nodes {
		w.nodes = append(w.nodes, newSimNode(w, i))
	}
	return w
}

// deadlines are alpha's own: its videos say when they win.
func (w *simWorld) deadlines(class string) Deadlines {
	switch class {
	case "alpha/video":
		return Deadlines{Win: 20 * time.Second, Close: 2 * w.cfg.CloseAfter}
	case "alpha/banner":
		return Deadlines{Close: 15 * time.Second, Hard: w.cfg.HardAfter / 2}
	}
	return Deadlines{}
}

// life is a new incarnation.
func (w *simWorld) life() uint64 { w.lives++; return w.lives }

// chance is true in perMille of 1,000 cases.
func (w *simWorld) chance(perMille int) bool { return w.rng.IntN(1000) < perMille }

// fault says whether something fails that usually does perTenThousand times, and
// counts it. In the end nothing fails any more.
func (w *simWorld) fault(k simFault, perTenThousand int) bool {
	if w.calm || w.rng.IntN(1_000_000) >= perTenThousand*w.shape.fault {
		return false
	}
	w.count(k)
	return true
}

func (w *simWorld) count(k simFault) { w.figures.faults[k]++ }

func (w *simWorld) upTo(d time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(d) + 1))
}

// pause is how long a process is away: mostly seconds, sometimes past the close.
func (w *simWorld) pause() time.Duration {
	if w.chance(60) {
		return w.upTo(30*time.Second + w.cfg.CloseAfter)
	}
	return w.upTo(time.Second + 100*w.shape.gap)
}

// fail keeps the first breach.
func (w *simWorld) fail(err error) {
	if w.broken == nil && err != nil {
		w.broken = err
		w.note("BREACH: %v", err)
	}
}

// run plays the auctions, lets every lease end, and returns the first breach.
func (w *simWorld) run(auctions int) error {
	for i := 0; i < auctions && w.broken == nil; i++ {
		w.pass(w.upTo(2 * w.shape.gap))
		w.nodes[min(w.rng.IntN(len(w.nodes)), w.rng.IntN(len(w.nodes)))].auction()
		w.figures.auctions++
		w.upset()
		w.turn()
	}
	w.settle()
	w.figures.end(w)
	return w.broken
}

// upset is the chance of everything that happens to the world at large.
func (w *simWorld) upset() {
	switch {
	case w.chance(2):
		w.pass(w.upTo(time.Minute))
	case w.rng.IntN(1500) == 0:
		w.pass(w.upTo(2 * w.cfg.CloseAfter))
	case w.rng.IntN(4000) == 0:
		w.pass(w.upTo(9 * time.Hour))
	}
	if w.chance(4) {
		w.operator.edit()
	}
	for _, p := range w.pacers {
		p.upset()
	}
	for _, n := range w.nodes {
		n.upset()
	}
	for i := range w.group {
		w.regroup(i)
	}
}

// regroup moves a partition to another pacer: sometimes for no reason, and
// after a while where its owner is not there.
func (w *simWorld) regroup(partition int) {
	owner := w.pacers[w.group[partition]]
	moves := owner.absent() && w.chance(30)
	if !moves {
		if moves = w.fault(faultOwnerMoved, 5); !moves {
			return
		}
		if s := owner.shards[partition]; s != nil && len(s.open) > 0 {
			w.count(faultOwnerMovedMidGrant)
		}
	}
	w.group[partition] = (w.group[partition] + 1 + w.rng.IntN(len(w.pacers)-1)) % len(w.pacers)
	w.note("partition %d moves from pacer %d to pacer %d", partition, owner.name, w.group[partition])
	if w.chance(500) && !owner.absent() {
		owner.release(partition) // or it goes on, not knowing
	}
}

// pass moves the clock in a few pieces, so that what is due in between happens
// in its order.
func (w *simWorld) pass(d time.Duration) {
	pieces := 1
	if d > 5*time.Second {
		pieces = 4
	}
	for range pieces {
		w.now = w.now.Add(d / time.Duration(pieces))
		w.deliver()
		if pieces > 1 {
			w.turn()
		}
	}
}

// turn lets every process act.
func (w *simWorld) turn() {
	w.figures.steps++
	for _, p := range w.pacers {
		p.turn()
	}
	for _, n := range w.nodes {
		n.turn()
	}
}

// settle ends the run: nothing fails any more, what is on its way arrives, every
// lease ends. Then all that was acknowledged must be accounted for.
func (w *simWorld) settle() {
	w.calm = true
	for _, p := range w.pacers {
		p.mend()
	}
	for _, n := range w.nodes {
		n.mend()
	}
	for range 12 { // all that is on its way to a process
		w.calmly(time.Second)
	}
	step := max((w.cfg.HardAfter+w.cfg.CloseAfter)/8, time.Minute)
	for range 24 {
		if w.broken != nil || len(w.mail.heap) == 0 && !w.leasesLeft() {
			break
		}
		w.calmly(step)
	}
	for range 3 {
		w.calmly(time.Second)
	}
	w.finish()
}

func (w *simWorld) calmly(d time.Duration) {
	if w.broken != nil {
		return
	}
	w.now = w.now.Add(d)
	w.deliver()
	for range 4 { // append, read back, append what follows
		w.turn()
	}
}

func (w *simWorld) leasesLeft() bool {
	for i, owner := range w.group {
		if s := w.pacers[owner].shards[i]; s == nil || len(s.ledger.leases) > 0 {
			return true
		}
	}
	return false
}

// home is the partition of an advertiser's money.
func (w *simWorld) home(advertiser, campaign campaigns.ID) int32 {
	if w.plant.byCampaign {
		return int32(int(campaign) % w.shape.partitions)
	}
	return w.operator.homes[advertiser]
}

// simClock is a process's clock: off by an offset and by a drift.
type simClock struct {
	w      *simWorld
	since  time.Time
	offset time.Duration
	drift  int64 // parts per million
}

func newSimClock(w *simWorld) simClock {
	return simClock{w: w, since: w.now, offset: w.upTo(4*time.Second) - 2*time.Second, drift: w.rng.Int64N(401) - 200}
}

func (c *simClock) now() time.Time {
	gone := c.w.now.Sub(c.since)
	return c.w.now.Add(c.offset + time.Duration(int64(gone)/1_000_000*c.drift))
}

// jump puts the clock off by d more.
func (c *simClock) jump(d time.Duration) { c.offset += d }

func (c *simClock) String() string { return fmt.Sprintf("%v off, %d ppm", c.offset, c.drift) }
