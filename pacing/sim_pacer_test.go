package pacing

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
)

// simPacer is a pacer's process: the real shards of the partitions that it owns,
// or thinks that it owns, and what the runner does around them. Its disks
// outlive it.
type simPacer struct {
	w       *simWorld
	name    int
	clock   simClock
	catalog *campaigns.Catalog
	shards  []*simShard // by partition; nil: none
	disks   []*simDisk  // by partition

	down     bool
	until    time.Time // down or paused until then
	cut      time.Time // from the log until then
	upgraded bool      // it knows the bidders' new record type
}

// simShard is a shard and its runner's state.
type simShard struct {
	*shard
	at      int32 // the partition of the log
	claim   []byte
	stuck   []eventlog.Message // must be appended before anything else happens
	inbox   []*request
	out     []int64 // offsets whose postings are not published yet
	ticked  time.Time
	saved   time.Time
	stopped error // it cannot go on
}

func newSimPacer(w *simWorld, name int) *simPacer {
	p := &simPacer{w: w, name: name, clock: newSimClock(w), catalog: w.operator.catalog, upgraded: w.chance(500)}
	for range w.shape.partitions {
		p.shards = append(p.shards, nil)
		p.disks = append(p.disks, &simDisk{})
	}
	return p
}

func (p *simPacer) absent() bool { return p.down || p.w.now.Before(p.until) }

// start brings up a shard from this process's own disk. An unreadable snapshot
// is an operator's case: the state is rebuilt from the log.
func (p *simPacer) start(partition int32) {
	at, of := partition, int32(p.w.shape.partitions)
	if p.w.plant.byCampaign {
		at, of = 0, 1
	}
	l, err := loadLedger(p.disks[partition], at, of)
	if err != nil {
		p.w.fail(fmt.Errorf("pacer %d: partition %d: its own snapshot cannot be read: %w", p.name, partition, err))
		return
	}
	if f := p.w.plant.restored; f != nil {
		f(l)
	}
	now := p.clock.now()
	s := &simShard{shard: newShard(p.w.cfg, at, of, fmt.Sprintf("%016x", p.w.life()), l), at: partition, saved: now}
	m, err := s.shard.claim(now)
	if err != nil {
		p.w.fail(err)
		return
	}
	s.claim, s.stuck = m.Value, []eventlog.Message{m}
	p.shards[partition] = s
	if p.w.trace != nil {
		p.w.note("pacer %d starts partition %d from offset %d (clock %v)", p.name, partition, l.next, &p.clock)
	}
}

// release gives a partition up in good order: with a snapshot, and what was to
// be appended dropped.
func (p *simPacer) release(partition int) {
	if s := p.shards[partition]; s != nil {
		if s.stopped == nil {
			p.snapshot(s)
		}
		p.drop(partition)
	}
}

func (p *simPacer) drop(partition int) {
	if s := p.shards[partition]; s != nil {
		p.shards[partition] = nil
		for _, rq := range s.inbox {
			rq.done(ErrNotReady)
		}
	}
}

// upset is what may befall a pacer's process.
func (p *simPacer) upset() {
	w := p.w
	if p.absent() {
		return
	}
	switch {
	case w.fault(faultPacerKilled, 4):
		p.kill(w.pause())
	case w.fault(faultPacerPaused, 4):
		p.until = w.now.Add(w.pause())
		w.note("pacer %d is paused", p.name)
	case w.fault(faultLogCut, 4):
		p.cut = w.now.Add(w.pause())
		w.note("pacer %d is cut from the log", p.name)
	case w.fault(faultClockJump, 1):
		p.clock.jump(w.upTo(4*time.Minute) - 2*time.Minute)
		w.note("pacer %d: its clock jumps, now %v", p.name, &p.clock)
	}
}

// kill ends the process at once: what is not on the log or the disk is gone.
func (p *simPacer) kill(back time.Duration) {
	w := p.w
	w.note("pacer %d dies", p.name)
	for i, s := range p.shards {
		if s == nil {
			continue
		}
		if s.stopped == nil && w.fault(faultSnapshotCut, 2000) {
			p.disks[i].cut, p.disks[i].kept = true, w.chance(500)
			p.snapshot(s)
		}
		p.shards[i] = nil
	}
	for _, d := range p.disks {
		if w.fault(faultSnapshotOlder, 1000) {
			d.older(1 + w.rng.IntN(5))
		} else if w.fault(faultDiskLost, 150) {
			*d = simDisk{}
		}
	}
	p.down, p.until = true, w.now.Add(back)
}

// mend ends everything that keeps the process from its work.
func (p *simPacer) mend() {
	p.until, p.cut, p.upgraded = time.Time{}, time.Time{}, true
	p.catalog = p.w.operator.catalog
}

// turn lets the process do what its runners would have done by now.
func (p *simPacer) turn() {
	w := p.w
	if w.now.Before(p.until) {
		return
	}
	if p.down {
		p.down = false
		if w.chance(500) {
			p.upgraded = true // restarted with tomorrow's binary
		}
		w.note("pacer %d is back", p.name)
	}
	if p.catalog != w.operator.catalog && (w.calm || w.chance(100)) {
		p.catalog = w.operator.catalog
	}
	for i := range p.shards {
		s := p.shards[i]
		switch {
		case s == nil && w.group[i] == p.name:
			p.start(int32(i))
		case s != nil && s.stopped != nil:
			if w.calm || w.chance(50) { // the operator reads the alert, and upgrades
				p.upgraded = true
				p.drop(i)
			}
		case s != nil:
			p.drive(s)
		}
	}
}

// drive is one turn of a runner's loop: append, read, tick, grant, save.
func (p *simPacer) drive(s *simShard) {
	if !p.flush(s) || !p.read(s) || !p.flush(s) {
		return
	}
	now := p.clock.now()
	if now.Sub(s.ticked) >= p.w.cfg.Tick || now.Before(s.ticked) {
		s.ticked = now
		msgs, err := s.tick(now, p.catalog)
		p.w.fail(err)
		for _, text := range s.problems {
			p.w.count(faultEditRefused)
			p.w.note("pacer %d refuses an edit: %s", p.name, text)
		}
		s.problems = s.problems[:0]
		s.stuck = append(s.stuck, msgs...)
		if !p.flush(s) {
			return
		}
	}
	if len(s.inbox) > 0 && len(s.open) == 0 {
		round := s.newRound(now)
		for _, rq := range s.inbox {
			msgs, err := s.request(now, round, rq)
			p.w.fail(err)
			s.stuck = append(s.stuck, msgs...)
		}
		s.inbox = s.inbox[:0]
		if !p.flush(s) {
			return
		}
	}
	if now.Sub(s.saved) >= p.w.cfg.SnapshotEvery*5 {
		s.saved = now
		p.snapshot(s)
	}
}

// flush appends what is stuck; false: not all of it is known to be there.
func (p *simPacer) flush(s *simShard) bool {
	if len(s.stuck) == 0 {
		return true
	}
	if p.w.now.Before(p.cut) || !p.w.log.write(s.at, s.stuck) {
		return false
	}
	s.stuck = s.stuck[:0]
	return true
}

// read folds what the log has, at times not all of it; false: the shard has ended.
func (p *simPacer) read(s *simShard) bool {
	if p.w.now.Before(p.cut) {
		return true
	}
	part := &p.w.log.parts[s.at]
	l := s.ledger
	end := int64(len(part.records))
	if !p.w.calm && p.w.chance(100) {
		end = min(end, l.next+p.w.rng.Int64N(4))
	}
	for l.next < end {
		r := part.records[l.next]
		if p.upgraded {
			r.Value = knownType(r.Value)
		}
		p.w.plant.run(p.w.plant.before, l, &r)
		posting, err := s.shard.read(p.clock.now(), &r, func(r *eventlog.Record) bool { return bytes.Equal(r.Value, s.claim) })
		if err != nil {
			return p.ended(s, err)
		}
		p.w.plant.run(p.w.plant.after, l, &r)
		p.w.agree(s.at, r.Offset, posting)
		if posting != nil {
			s.out = append(s.out, r.Offset)
		}
	}
	back, err := s.takeBack(p.clock.now())
	p.w.fail(err)
	s.stuck = append(s.stuck, back...)
	if !p.w.fault(faultPostingsLate, 100) { // or the next turn does; a snapshot waits for them
		p.publish(s)
	}
	return true
}

// ended is what stops a shard: another owner, or a record that it cannot read.
func (p *simPacer) ended(s *simShard, err error) bool {
	p.publish(s)
	switch {
	case errors.Is(err, ErrFenced):
		p.w.count(faultFenced)
		p.w.note("pacer %d: %v", p.name, err)
		p.drop(int(s.at))
	case errors.Is(err, ErrUnreadable) && !p.upgraded:
		if p.w.plant.skipUnknown {
			s.ledger.next++
			return false
		}
		p.w.count(faultShardStopped)
		p.w.note("pacer %d stops: %v", p.name, err)
		s.stopped = err
		for _, rq := range s.inbox {
			rq.done(ErrNotReady)
		}
		s.inbox = nil
	default:
		p.w.fail(fmt.Errorf("pacer %d, partition %d: %w", p.name, s.at, err))
	}
	return false
}

// publish puts the postings of what was read on their topic.
func (p *simPacer) publish(s *simShard) {
	for _, offset := range s.out {
		p.w.log.parts[s.at].published[offset] = true
	}
	s.out = s.out[:0]
}

func (p *simPacer) snapshot(s *simShard) {
	p.publish(s)
	err := p.disks[s.at].commit(func(w snapWriter) error { return s.ledger.flush(w, s.partitions) })
	if err != nil && !errors.Is(err, errDiskCrash) {
		p.w.fail(fmt.Errorf("pacer %d, partition %d: %w", p.name, s.at, err))
	}
}

// ask takes a request of a bidder for a partition.
func (p *simPacer) ask(partition int32, rq *request) {
	s := p.shards[partition]
	if s == nil || s.stopped != nil {
		rq.done(ErrNotReady)
		return
	}
	s.inbox = append(s.inbox, rq)
}
