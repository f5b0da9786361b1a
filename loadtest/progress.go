package loadtest

import (
	"fmt"
	"sync"
	"time"

	"bidhawk/internal/money"
)

// Snapshot is one row of the live table. Totals are of the whole run; rates
// are of the time since the snapshot before.
type Snapshot struct {
	Elapsed                                       time.Duration
	Sent, Bids, NoBids, HTTPErrors, Invalid, Late int64
	RPS, BidRPS                                   float64
	LatencyUS                                     Latency
	Wins, Impressions, Clicks, Conversions        int64
	Billed                                        money.Nanos
	Pending                                       int // bids with notices still to deliver
}

// SnapshotHeader names the columns of Snapshot.String.
func SnapshotHeader() string {
	return "   time   req/s  bids/s   bid%   p50ms   p99ms    wins   shown  clicks  sales       billed  errors  pending"
}

// String is one line of a table under SnapshotHeader.
func (s Snapshot) String() string {
	return fmt.Sprintf("%6.0fs %7.0f %7.0f %5.1f%% %7.2f %7.2f %7d %7d %7d %6d %12s %7d %8d",
		s.Elapsed.Seconds(), s.RPS, s.BidRPS, percent(s.Bids, s.Sent),
		float64(s.LatencyUS.P50)/1000, float64(s.LatencyUS.P99)/1000,
		s.Wins, s.Impressions, s.Clicks, s.Conversions, s.Billed.String(),
		s.HTTPErrors+s.Invalid, s.Pending)
}

// reporter calls OnProgress until finish.
type reporter struct {
	stop chan struct{}
	done sync.WaitGroup
}

func startProgress(cfg Config, d *drive, start time.Time) *reporter {
	r := &reporter{stop: make(chan struct{})}
	if cfg.OnProgress == nil {
		return r
	}
	r.done.Go(func() {
		tick := time.NewTicker(cfg.ProgressEvery)
		defer tick.Stop()
		var last Snapshot
		for {
			select {
			case <-tick.C:
			case <-r.stop:
				return
			}
			s := d.snapshot(cfg.Now().Sub(start))
			if dt := (s.Elapsed - last.Elapsed).Seconds(); dt > 0 {
				s.RPS = float64(s.Sent-last.Sent) / dt
				s.BidRPS = float64(s.Bids-last.Bids) / dt
			}
			cfg.OnProgress(s)
			last = s
		}
	})
	return r
}

// finish returns when OnProgress will not be called any more.
func (r *reporter) finish() {
	close(r.stop)
	r.done.Wait()
}

func (d *drive) snapshot(elapsed time.Duration) Snapshot {
	t := d.tally
	s := Snapshot{
		Elapsed: elapsed, Sent: t.sent.Load(), Bids: t.bids.Load(), NoBids: t.noBids.Load(),
		HTTPErrors: t.httpErrors.Load(), Invalid: t.invalid.Load(), Late: t.late.Load(),
		LatencyUS: t.latency.quantiles(), Wins: t.wins.Load(), Impressions: t.impressions.Load(),
		Clicks: t.clicks.Load(), Conversions: t.conversions.Load(), Billed: t.billed(d.cfg.Currency),
	}
	if d.exchange != nil {
		s.Pending = d.exchange.courier.pending()
	}
	return s
}
