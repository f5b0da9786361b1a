package pacing

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// Rehearsal is a real wallet and a real shard of the ledger in virtual time, over
// a log that keeps nothing: what is appended is folded at once. It is for replays
// of recorded traffic, which must not wait for a clock. Not safe for concurrent use.
type Rehearsal struct {
	cfg     RehearsalConfig
	now     time.Time
	ticked  time.Time // the next tick
	shard   *shard
	claim   []byte
	wallet  *Wallet
	offset  int64
	mail    rehearsalMail
	pending error // of an append within the wallet
}

// RehearsalConfig sets a Rehearsal.
type RehearsalConfig struct {
	Pacer   Config
	Wallet  WalletConfig
	Catalog *campaigns.Catalog // it is not edited
	Start   time.Time
	// Watch sees each record and what the ledger decided; the posting is nil
	// where it had nothing to say. nil: nobody watches.
	Watch func(offset int64, value []byte, p *Posting) error
}

// rehearsalBidder is the incarnation of the only bidder.
const rehearsalBidder = 1

// NewRehearsal begins at cfg.Start, with the catalogue's budgets in the ledger.
func NewRehearsal(cfg RehearsalConfig) (*Rehearsal, error) {
	if err := cfg.Pacer.Validate(); err != nil {
		return nil, err
	}
	if cfg.Catalog == nil {
		return nil, errors.New("rehearsal: a catalogue is needed")
	}
	r := &Rehearsal{cfg: cfg, now: cfg.Start, ticked: cfg.Start}
	r.shard = newShard(cfg.Pacer, 0, 1, fmt.Sprintf("%016x", rehearsalBidder), newLedger(0))
	var err error
	r.wallet, err = NewWallet(cfg.Wallet, WalletDeps{Source: rehearsed{}, Publish: r.publish, Clock: func() time.Time { return r.now }, Incarnation: rehearsalBidder})
	if err != nil {
		return nil, err
	}
	m, err := r.shard.claim(r.now)
	if err != nil {
		return nil, err
	}
	r.claim = m.Value
	return r, r.append(m)
}

// rehearsed stands where the wallet has its source: requests are stepped.
type rehearsed struct{}

func (rehearsed) RequestLease(context.Context, LeaseRequest) (LeaseGrant, error) {
	return LeaseGrant{}, ErrNotReady
}

// Now is the virtual time.
func (r *Rehearsal) Now() time.Time { return r.now }

// Wallet is the bidder's: reserve from it at Now.
func (r *Rehearsal) Wallet() *Wallet { return r.wallet }

// Send lets a record, such as a notice's, reach the log at an instant.
func (r *Rehearsal) Send(at time.Time, m eventlog.Message) {
	heap.Push(&r.mail, rehearsalLetter{at: at, seq: len(r.mail), msg: m})
}

// Posted is what a line item has been charged in its life, and expected what of
// its holds will be, as the pacer sees it on day.
func (r *Rehearsal) Posted(li campaigns.ID, day Day) (posted, expected money.Nanos) {
	n := r.shard.ledger.lines[li]
	if n == nil {
		return 0, 0
	}
	return n.charge.Life.Posted, n.outstanding(day, r.now)[lifetime]
}

// Advance lets time pass until to: records arrive, leases end and close, the
// wallet asks for new ones.
func (r *Rehearsal) Advance(to time.Time) error {
	for {
		mail := len(r.mail) > 0 && !r.mail[0].at.After(to)
		tick := !r.ticked.After(to)
		switch {
		case mail && (!tick || r.mail[0].at.Before(r.ticked)):
			l := heap.Pop(&r.mail).(rehearsalLetter)
			r.now = latest(r.now, l.at)
			if err := r.append(l.msg); err != nil {
				return err
			}
		case tick:
			r.now = latest(r.now, r.ticked)
			r.ticked = r.ticked.Add(r.cfg.Pacer.Tick)
			if err := r.tick(); err != nil {
				return err
			}
		default:
			r.now = latest(r.now, to)
			return r.pending
		}
	}
}

// tick is a turn of the shard's runner and of the wallet's.
func (r *Rehearsal) tick() error {
	msgs, err := r.shard.tick(r.now, r.cfg.Catalog)
	if err != nil {
		return err
	}
	if len(r.shard.problems) > 0 {
		return fmt.Errorf("rehearsal: the catalogue: %s", r.shard.problems[0])
	}
	if err := r.append(msgs...); err != nil {
		return err
	}
	w := r.wallet
	select {
	case a := <-w.fresh:
		w.admit(a)
	default:
	}
	w.endLeases(w.now())
	w.forget(w.now())
	if r.pending != nil {
		return r.pending
	}
	return r.renew()
}

// renew asks the shard for what the wallet wants; the answer comes at once.
func (r *Rehearsal) renew() error {
	req, asked := r.wallet.wants()
	if len(asked) == 0 {
		return nil
	}
	answer := walletAnswer{asked: asked, from: r.now}
	rq := &request{bidder: req.Bidder, items: req.Items}
	rq.done = func(err error) bool {
		answer.err = err
		answer.grant = LeaseGrant{Leases: rq.leases, Refused: rq.refused}
		return true
	}
	msgs, err := r.shard.request(r.now, r.shard.newRound(r.now), rq)
	if err != nil {
		return err
	}
	if err := r.append(msgs...); err != nil {
		return err
	}
	r.wallet.answered(answer)
	return nil
}

// publish takes the wallet's returns.
func (r *Rehearsal) publish(m eventlog.Message) bool {
	r.pending = errors.Join(r.pending, r.append(m))
	return r.pending == nil
}

// append writes and reads back.
func (r *Rehearsal) append(msgs ...eventlog.Message) error {
	for _, m := range msgs {
		rec := eventlog.Record{Topic: m.Topic, Offset: r.offset, Time: r.now, Key: m.Key, Value: m.Value}
		r.offset++
		p, err := r.shard.read(r.now, &rec, func(rec *eventlog.Record) bool { return bytes.Equal(rec.Value, r.claim) })
		if err != nil {
			return fmt.Errorf("rehearsal: offset %d: %w", rec.Offset, err)
		}
		if r.cfg.Watch != nil {
			if err := r.cfg.Watch(rec.Offset, rec.Value, p); err != nil {
				return fmt.Errorf("rehearsal: offset %d: %w", rec.Offset, err)
			}
		}
	}
	return nil
}

type rehearsalLetter struct {
	at  time.Time
	seq int
	msg eventlog.Message
}

// rehearsalMail is a min-heap by instant.
type rehearsalMail []rehearsalLetter

func (m rehearsalMail) Len() int { return len(m) }
func (m rehearsalMail) Less(i, j int) bool {
	if m[i].at.Equal(m[j].at) {
		return m[i].seq < m[j].seq
	}
	return m[i].at.Before(m[j].at)
}
func (m rehearsalMail) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *rehearsalMail) Push(x any)   { *m = append(*m, x.(rehearsalLetter)) }
func (m *rehearsalMail) Pop() any {
	last := len(*m) - 1
	x := (*m)[last]
	*m = (*m)[:last]
	return x
}
