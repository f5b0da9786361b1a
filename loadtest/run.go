package loadtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Run sends what cfg says, waits until every notice is delivered or given up,
// writes a summary to out and the Result to cfg.JSON, and returns it. Ending
// ctx ends the sending; notices are still drained. With cfg.Floor it measures
// the bare server instead (see FloorReport). A server that is down is no error:
// it is counted. Errors are those of cfg, of its files, and of the clock.
func Run(ctx context.Context, cfg Config, out io.Writer) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p, err := newPool(cfg)
	if err != nil {
		return nil, err
	}
	var r *Result
	if cfg.Floor {
		r, err = runFloor(ctx, cfg, p, out)
	} else {
		r, err = runExchange(ctx, cfg, p, out)
	}
	if err != nil {
		return nil, err
	}
	if cfg.JSON != "" {
		if err := r.writeFile(cfg.JSON); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func runExchange(ctx context.Context, cfg Config, p *pool, out io.Writer) (*Result, error) {
	t := newTally()
	d := &drive{cfg: cfg, pool: p, tally: t}
	if !cfg.BidsOnly {
		d.exchange = newExchange(cfg, p, t, func() sender {
			return &httpSender{timeout: cfg.Notices.Timeout, now: cfg.Now, conns: map[string]*conn{}}
		})
	}
	start := cfg.Now()
	progress := startProgress(cfg, d, start)
	err := d.run(ctx)
	elapsed := cfg.Now().Sub(start)
	if d.exchange != nil {
		d.exchange.courier.finish()
	}
	drained := cfg.Now().Sub(start) - elapsed
	progress.finish()
	if err != nil {
		return nil, err
	}
	r := t.result(cfg.Currency, elapsed)
	r.DrainMS, r.Mode, r.BodyBytes = drained.Milliseconds(), cfg.mode(), median(p.sizes())
	return r, r.print(out, cfg.Currency)
}

func (c Config) mode() string {
	if c.Rate == 0 {
		return fmt.Sprintf("closed loop of %d", c.Connections)
	}
	return fmt.Sprintf("%s %g/s", c.Arrivals, c.Rate)
}

func median(v []int) int {
	slices.Sort(v)
	return v[len(v)/2]
}

// drive sends bid requests over its connections. exchange is nil where bid
// requests alone are measured: answers are then counted by status, not read.
type drive struct {
	cfg      Config
	pool     *pool
	tally    *tally
	exchange *exchange
	seq      atomic.Uint64 // of the next request
}

// run returns when the duration has passed, Count is reached or ctx ends, and
// every request sent has its outcome.
func (d *drive) run(ctx context.Context) error {
	if d.cfg.Rate == 0 {
		d.closedLoop(ctx)
		return nil
	}
	return d.openLoop(ctx)
}

// next takes a sequence number; ok is false where Count is reached.
func (d *drive) next() (seq uint64, ok bool) {
	seq = d.seq.Add(1) - 1
	return seq, d.cfg.Count == 0 || seq < d.cfg.Count
}

func (d *drive) closedLoop(ctx context.Context) {
	start := d.cfg.Now()
	var workers sync.WaitGroup
	for i := range d.cfg.Connections {
		workers.Go(func() {
			l := d.newLane(i)
			defer l.conn.close()
			for ctx.Err() == nil {
				now := d.cfg.Now()
				if d.cfg.Duration > 0 && now.Sub(start) >= d.cfg.Duration {
					return
				}
				seq, ok := d.next()
				if !ok {
					return
				}
				if err := l.fire(ctx, seq, now); errors.Is(err, errConnect) {
					pause(ctx, downPause)
				}
			}
		})
	}
	workers.Wait()
}

// downPause keeps a closed loop from spinning on a server that is down.
const downPause = 20 * time.Millisecond

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// arrival is one request of the schedule.
type arrival struct {
	seq uint64
	due time.Time
}

// openLoop hands the arrivals of the schedule to the connections. Where none is
// free the arrival waits, and its wait counts as latency.
func (d *drive) openLoop(ctx context.Context) error {
	alarm, err := newAlarm()
	if err != nil {
		return fmt.Errorf("loadtest: %w", err)
	}
	arrivals := make(chan arrival)
	var workers sync.WaitGroup
	for i := range d.cfg.Connections {
		workers.Go(func() {
			l := d.newLane(i)
			defer l.conn.close()
			for a := range arrivals {
				// An error is counted by fire; the schedule goes on.
				_ = l.fire(ctx, a.seq, a.due)
			}
		})
	}
	d.schedule(ctx, alarm, arrivals)
	close(arrivals)
	workers.Wait()
	return alarm.close()
}

func (d *drive) schedule(ctx context.Context, alarm alarm, arrivals chan<- arrival) {
	start := d.cfg.Now()
	s := schedule{seed: d.cfg.Seed, rate: d.cfg.Rate, poisson: d.cfg.Arrivals == "poisson"}
	for {
		due := s.next()
		if d.cfg.Duration > 0 && due >= d.cfg.Duration {
			return
		}
		seq, ok := d.next()
		if !ok {
			return
		}
		for wait := due - d.cfg.Now().Sub(start); wait > 0 && ctx.Err() == nil; {
			alarm.sleep(ctx, wait)
			wait = due - d.cfg.Now().Sub(start)
		}
		select {
		case arrivals <- arrival{seq, start.Add(due)}:
		case <-ctx.Done():
			return
		}
	}
}

// lane is one connection and its reused request.
type lane struct {
	*drive
	no   int
	conn conn
	shot shot
}

func (d *drive) newLane(no int) *lane {
	return &lane{drive: d, no: no, conn: conn{addr: address(d.cfg.Target), timeout: d.cfg.Timeout, now: d.cfg.Now}}
}

// fire sends one request and gives it its outcome. Latency counts from due.
func (l *lane) fire(ctx context.Context, seq uint64, due time.Time) error {
	l.pool.load(&l.shot, seq)
	t := l.tally
	t.sent.Add(1)
	for i := range l.shot.facts.imps {
		t.formats[l.shot.facts.imps[i].format].imps.Add(1)
	}
	t.guarOffered.Add(int64(l.shot.facts.guaranteed))
	resp, err := l.conn.roundTrip(l.shot.wire)
	latency := l.cfg.Now().Sub(due)
	if !errors.Is(err, errConnect) {
		t.latency.record(l.no, latency)
	}
	if err != nil {
		t.httpErrors.Add(1)
		switch {
		case errors.Is(err, errConnect):
			t.refused.Add(1)
		case isTimeout(err):
			t.timeouts.Add(1)
		}
		return err
	}
	late := l.shot.facts.tmax > 0 && latency > l.shot.facts.tmax
	if late {
		t.late.Add(1)
	}
	status := resp.StatusCode()
	t.countStatus(status)
	switch {
	case status == 204:
		t.noBids.Add(1)
	case status != 200:
		t.httpErrors.Add(1)
	case l.exchange == nil:
		t.bids.Add(1)
	default:
		l.settle(ctx, resp.Body(), late)
	}
	return nil
}

// settle counts a 200 by what it holds.
func (l *lane) settle(ctx context.Context, body []byte, late bool) {
	switch l.exchange.answered(ctx, &l.shot, body, late) {
	case answeredBids:
		l.tally.bids.Add(1)
	case answeredNoBid:
		l.tally.noBids.Add(1)
	case answeredNonsense:
		l.tally.malformed.Add(1)
	}
}
