package pacing

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// A line item whose auctions are rarer than a lease is long bids from its third
// auction on: its wallet keeps a lease for it as long as its auctions are apart.
func TestSparseTrafficIsDelivered(t *testing.T) {
	f := func(pacing campaigns.Pacing, apart time.Duration, grants int64) {
		t.Helper()
		t.Run(fmt.Sprintf("%s, one in %v", pacing, apart), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const auctions = 24
				w := newWorld(t, flightOf(time.Now(), auctions*apart, 10*money.Unit, pacing), 1, 200*time.Millisecond)
				defer w.stop()
				for range auctions {
					w.bid(1)
					time.Sleep(apart)
				}
				if w.bids < auctions-2 {
					t.Errorf("%d bids in %d auctions, refused %v; want all but the first two", w.bids, auctions, w.refused)
				}
				if got := w.wallet.Stats().Leases; got > grants {
					t.Errorf("%d leases for %d auctions; want at most %d", got, auctions, grants)
				}
				w.audit()
			})
		})
	}
	f(campaigns.PacingASAP, 30*time.Second, 2*24)
	f(campaigns.PacingEven, 30*time.Second, 2*24)
	f(campaigns.PacingEven, 4*time.Minute, 3*24)
	f(campaigns.PacingEven, 20*time.Minute, 12*24)
}

// What is asked for no more is not renewed for long: three times as long as its
// auctions were apart, at most Forget.
func TestPatienceEnds(t *testing.T) {
	f := func(apart []time.Duration, want time.Duration) {
		t.Helper()
		cfg, it := DefaultWalletConfig(), newWalletItem(1, 0)
		now := int64(time.Hour)
		it.note(now, Amounts{1, 1})
		for _, d := range apart {
			now += int64(d)
			it.note(now, Amounts{1, 1})
		}
		if got := it.patience(cfg); got != want {
			t.Errorf("auctions %v apart: patience %v; want %v", apart, got, want)
		}
	}
	idle := DefaultWalletConfig().Idle
	f(nil, idle)
	f([]time.Duration{time.Second}, idle)
	f([]time.Duration{30 * time.Second}, 90*time.Second)
	f([]time.Duration{10 * time.Second, time.Minute}, 3*time.Minute)
	f([]time.Duration{time.Minute, 0}, 135*time.Second) // it fades by a quarter with each
	f([]time.Duration{8 * time.Hour}, DefaultWalletConfig().Forget)
	f(append([]time.Duration{8 * time.Hour}, make([]time.Duration, 40)...), idle) // after a night
}
