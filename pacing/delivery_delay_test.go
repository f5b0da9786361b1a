package pacing

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"bidhawk/campaigns"
)

// dayConfigs are the defaults but for the ticks: a day of virtual time has
// millions of those.
func dayConfigs() (Config, WalletConfig) {
	p, w := DefaultConfig(), DefaultWalletConfig()
	p.Tick, p.SnapshotEvery = time.Second, time.Hour
	w.Tick = 250 * time.Millisecond
	return p, w
}

// TestDeliveredUnderDelay measures what of a day's flight is delivered where
// notices come late: 1% of the flight on average, exponentially; the exchange
// charges the bid; leases close when 99.9% of the notices have come. An oracle that
// knows the win rate and holds every bid in full reaches 99.5, 98.3 and 96.3%.
func TestDeliveredUnderDelay(t *testing.T) {
	if raceEnabled {
		t.Skip("hundreds of thousands of bids: without -race")
	}
	const flight, delay = 24 * time.Hour, 24 * time.Hour / 100
	f := func(win float64, losses bool, leastPermille int64) {
		t.Helper()
		t.Run(fmt.Sprintf("win rate %v, loss notices %v", win, losses), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const impressions = 3000
				cfg, wallet := dayConfigs()
				cfg.CloseAfter, cfg.HardAfter = 6908*delay/1000, 10*flight // ln 1000
				w := newWorldOf(t, flightOf(time.Now(), flight, impressions*sceneNeed, campaigns.PacingEven), win, delay, cfg, wallet)
				defer w.stop()
				w.silent = !losses
				w.know("demo/banner", delay, losses)
				begin := time.Now()
				gap := time.Duration(float64(flight) / impressions * win / 2) // twice the traffic that is needed
				for time.Since(begin) < flight {
					w.bid(1)
					time.Sleep(gap)
				}
				time.Sleep(20 * delay)
				w.audit()
				out := w.pacer.Stats().Outcomes
				got := int64(w.spent(1)) * 1000 / (impressions * int64(sceneNeed))
				t.Logf("delivered %d.%d%% of the budget (bar %d.%d%%), %d bids, late %d and unbilled %d of %d, refused %v", got/10, got%10,
					leastPermille/10, leastPermille%10, w.bids, out[OutcomeLate], out[OutcomeUnbilled], out[OutcomeLate]+out[OutcomeUnbilled]+out[OutcomePosted], w.refused)
				if got < leastPermille {
					t.Errorf("delivered %d.%d%%; want at least %d.%d%%", got/10, got%10, leastPermille/10, leastPermille%10)
				}
				if unbilled := out[OutcomeUnbilled]; losses && unbilled > 0 || unbilled*1000 > 40*out[OutcomePosted] {
					t.Errorf("unbilled %d: eased holds cost the house too much", unbilled)
				}
				if late, all := out[OutcomeLate], out[OutcomeLate]+out[OutcomePosted]; late*1000 > 3*all {
					t.Errorf("late %d of %d", late, all) // 0.1% and its luck
				}
			})
		})
	}
	f(0.5, true, 990)
	f(0.2, true, 980)
	f(0.1, true, 960)
	f(0.1, false, 950)
}

// know tells the ledger's delays of a class, as its bills of days before have.
func (w *world) know(class string, mean time.Duration, losses bool) {
	for _, r := range w.pacer.shards {
		r.mu.Lock()
		d := &delays{First: 1, Last: 1 + int64(100*mean/time.Second)}
		if losses {
			d.Losses = 20_000
		}
		for range 20_000 {
			d.add(time.Duration(w.rng.ExpFloat64() * float64(mean)))
		}
		r.mu.shard.ledger.delays[class] = d
		r.mu.Unlock()
	}
}
