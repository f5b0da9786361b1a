package loadtest

import (
	"container/heap"
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"bidhawk/internal/money"
)

// sender performs one GET, or POST without content; it is a conn, or a fake in
// tests. status is 0 where err is not nil; location is the Location header.
type sender interface {
	call(c call) (status int, location string, err error)
	close()
}

// courier delivers errands: each when it is due, again with growing pauses
// until it is acknowledged, and never more bids at once than MaxPending.
//
// Errands wait in a heap; one dispatcher moves those that are due to ready;
// workers fetch them. A bid holds a place from admit until its last errand is
// done, so the heap is bounded by MaxPending times the errands of one bid.
type courier struct {
	cfg    Notices
	now    func() time.Time
	seed   uint64
	tally  *tally
	landed func(e *errand, location string) // called once per bid and kind, by a worker

	places  chan struct{} // one token per admitted bid
	ready   chan *errand
	wake    chan struct{}
	stop    chan struct{} // closed: give up what is left
	stopped sync.WaitGroup

	mu struct {
		sync.Mutex
		waiting errandHeap
		bids    int           // admitted and not done
		empty   chan struct{} // set by finish; closed when bids falls to 0
	}
}

// newCourier starts the dispatcher and the workers; finish stops them. dial
// makes the sender of one worker.
func newCourier(cfg Notices, seed uint64, now func() time.Time, t *tally, dial func() sender,
	landed func(*errand, string)) *courier {
	c := &courier{
		cfg: cfg, now: now, seed: seed, tally: t, landed: landed,
		places: make(chan struct{}, cfg.MaxPending), ready: make(chan *errand, 4*cfg.Workers),
		wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	c.stopped.Go(c.dispatch)
	for i := range cfg.Workers {
		s := dial()
		c.stopped.Go(func() { c.work(i, s) })
	}
	return c
}

// admit takes a place for one bid. With wait it blocks until there is one or
// ctx ends: a closed loop goes no faster than its notices. Without, it reports
// false at once, so that an open loop keeps its schedule.
func (c *courier) admit(ctx context.Context, wait bool) bool {
	select {
	case c.places <- struct{}{}:
	default:
		if !wait {
			return false
		}
		select {
		case c.places <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	c.mu.Lock()
	c.mu.bids++
	c.mu.Unlock()
	return true
}

// pending is the number of bids with something left to deliver.
func (c *courier) pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.bids
}

// begin makes room for a bid's errands; each begin is ended by release. Between
// them the bid cannot be done.
func (c *courier) begin(b *cleared) { b.pending.Add(1) }

// release ends a begin or an errand. The last one frees the bid's place.
func (c *courier) release(b *cleared) {
	if b.pending.Add(-1) > 0 {
		return
	}
	<-c.places
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.bids--
	if c.mu.bids == 0 && c.mu.empty != nil {
		close(c.mu.empty)
		c.mu.empty = nil
	}
}

// submit takes an errand of an admitted bid, to be tried from e.due on.
func (c *courier) submit(e *errand) {
	c.begin(e.bid)
	e.giveUp = e.due.Add(c.cfg.RetryFor)
	c.push(e)
}

func (c *courier) push(e *errand) {
	c.mu.Lock()
	heap.Push(&c.mu.waiting, e)
	first := c.mu.waiting[0] == e
	c.mu.Unlock()
	if first {
		select {
		case c.wake <- struct{}{}:
		default: // a wake-up is under way
		}
	}
}

// pop returns an errand that is due, or else how long to wait for the next.
func (c *courier) pop() (*errand, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.waiting) == 0 {
		return nil, time.Hour
	}
	if wait := c.mu.waiting[0].due.Sub(c.now()); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&c.mu.waiting).(*errand), 0
}

func (c *courier) dispatch() {
	defer close(c.ready)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		e, wait := c.pop()
		if e != nil {
			select {
			case c.ready <- e:
				continue
			case <-c.stop:
				c.abandon(e)
				return
			}
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.wake:
		case <-c.stop:
			return
		}
	}
}

func (c *courier) work(worker int, s sender) {
	defer s.close()
	for e := range c.ready {
		c.attempt(worker, e, s)
	}
}

func (c *courier) attempt(worker int, e *errand, s sender) {
	start := c.now()
	status, location, err := s.call(e.call())
	end := c.now()
	c.tally.attempts.Add(1)
	if e.attempts > 0 {
		c.tally.retries.Add(1)
	}
	e.attempts++
	e.written = e.written || err == nil || !neverWritten(err)
	switch {
	case err == nil && acknowledged(e, status):
		c.tally.noticeLatency.record(worker, end.Sub(start))
		c.acknowledge(e, location)
	case err == nil && final(status):
		c.tally.rejected.Add(1)
		c.give(e, refused)
	default:
		c.retry(e, end)
	}
}

func (c *courier) acknowledge(e *errand, location string) {
	if e.repeat {
		c.tally.repeats.Add(1)
	}
	if e.bid.landed[e.kind].CompareAndSwap(false, true) {
		c.landed(e, location)
	}
	c.release(e.bid)
}

// acknowledged: notices want 2xx, a click its redirect. A browser or player
// takes either for a tracker.
func acknowledged(e *errand, status int) bool {
	done, redirected := status >= 200 && status < 300, status >= 300 && status < 400
	switch {
	case e.kind == errandClick:
		return redirected || done && !e.redirects
	case e.kind >= errandStart:
		return done || redirected
	}
	return done
}

// final answers are not asked for again: 4xx but for those that mean "later".
func final(status int) bool {
	return status >= 300 && status < 500 && status != 408 && status != 425 && status != 429
}

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 2 * time.Second
)

// retry puts e back, 50 ms, 100 ms, ... 2 s later, each up to a half longer.
func (c *courier) retry(e *errand, now time.Time) {
	pause := min(firstPause<<min(e.attempts-1, 10), maxPause)
	jitter := unit(draw(c.seed, forJitter, e.bid.key+uint64(e.attempts)))
	e.due = now.Add(pause + time.Duration(jitter*float64(pause)/2))
	select {
	case <-c.stop:
		c.abandon(e)
		return
	default:
	}
	if e.due.After(e.giveUp) {
		c.abandon(e)
		return
	}
	c.push(e)
}

func (c *courier) abandon(e *errand) {
	if e.written {
		c.give(e, inDoubt)
	} else {
		c.give(e, neverArrived)
	}
}

// give ends an errand without its acknowledgement. A repeat, or an errand whose
// copy was acknowledged, leaves nothing undelivered.
func (c *courier) give(e *errand, d doubt) {
	if !e.repeat && !e.bid.landed[e.kind].Load() {
		var amount money.Nanos
		if e.bid.bills(e.kind) {
			amount = e.bid.amount()
		}
		c.tally.undeliver(e.kind, amount, d)
	}
	c.release(e.bid)
}

// finish waits until every bid is done, or DrainFor has passed, then stops and
// waits for the goroutines. Nothing may be admitted any more.
func (c *courier) finish() {
	empty := make(chan struct{})
	c.mu.Lock()
	if c.mu.bids == 0 {
		close(empty)
	} else {
		c.mu.empty = empty
	}
	c.mu.Unlock()
	timer := time.NewTimer(c.cfg.DrainFor)
	defer timer.Stop()
	select {
	case <-empty:
	case <-timer.C:
	}
	close(c.stop)
	c.stopped.Wait()
	// What workers put back after the dispatcher had gone, and what never was due.
	for _, e := range c.mu.waiting {
		c.abandon(e)
	}
}

// errandHeap orders errands by due.
type errandHeap []*errand

func (h errandHeap) Len() int           { return len(h) }
func (h errandHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h errandHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *errandHeap) Push(x any)        { *h = append(*h, x.(*errand)) }
func (h *errandHeap) Pop() any {
	old := *h
	last := len(old) - 1
	e := old[last]
	old[last] = nil
	*h = old[:last]
	return e
}

// httpSender keeps one connection per address: notices and trackers have few.
type httpSender struct {
	timeout time.Duration
	now     func() time.Time
	conns   map[string]*conn
	buf     []byte
}

const maxSenderConns = 8

func (s *httpSender) call(c call) (int, string, error) {
	var addr string
	var ok bool
	if s.buf, addr, ok = appendCall(s.buf[:0], c); !ok {
		return statusUnfetchable, "", nil
	}
	to := s.conns[addr]
	if to == nil {
		if len(s.conns) >= maxSenderConns {
			s.close()
		}
		to = &conn{addr: addr, timeout: s.timeout, now: s.now}
		s.conns[addr] = to
	}
	resp, err := to.roundTrip(s.buf)
	if err != nil {
		return 0, "", err
	}
	return resp.StatusCode(), string(resp.Header.Peek("Location")), nil
}

// statusUnfetchable stands for a URL that is not plain http: no retry mends it.
const statusUnfetchable = 499

func (s *httpSender) close() {
	for _, c := range s.conns {
		c.close()
	}
	clear(s.conns)
}

func orderID(run uint32, b *cleared) string {
	return "o-" + strconv.FormatUint(uint64(run), 16) + "-" + strconv.FormatUint(b.key, 16)
}

func neverWritten(err error) bool { return errors.Is(err, errConnect) }
