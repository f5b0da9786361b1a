package pacing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zaptest"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/pacing/audit"
)

// world is the real Pacer and the real Wallet over a log in memory, in the
// virtual time of synctest, with an exchange that answers each bid.
type world struct {
	t       *testing.T
	log     *memLog
	catalog *campaigns.Catalog
	pacer   *Pacer
	wallet  *Wallet
	rng     *rand.Rand
	win     float64        // share of bids that win
	market  func() float64 // in place of win: what wins, as a share of the value
	delay   time.Duration  // mean of the notices'
	silent  bool           // losses are not told
	bids    int
	refused map[Refusal]int
	stop    func()
}

func testConfig() Config {
	c := DefaultConfig()
	c.Window, c.CloseAfter, c.HardAfter = 5*time.Second, 30*time.Second, 10*time.Minute
	return c
}

func newWorld(t *testing.T, c *campaigns.Catalog, win float64, delay time.Duration) *world {
	return newWorldOf(t, c, win, delay, testConfig(), DefaultWalletConfig())
}

func newWorldOf(t *testing.T, c *campaigns.Catalog, win float64, delay time.Duration, cfg Config, wallet WalletConfig) *world {
	w := &world{t: t, catalog: c, win: win, delay: delay, rng: rand.New(rand.NewPCG(7, 7)), refused: map[Refusal]int{}}
	w.log = newMemLog(2, time.Now)
	var err error
	w.pacer, err = NewPacer(t.Context(), cfg, Deps{Log: w.log, Dir: "unused", store: &memStore{}, Clock: time.Now,
		Catalog: func() *campaigns.Catalog { return w.catalog }, Logger: zaptest.NewLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	w.wallet = w.newWallet(wallet, 77)
	ctx, cancel := context.WithCancel(t.Context())
	ranWallet, ranPacer := make(chan struct{}), make(chan error, 1)
	walletCtx, stopWallet := context.WithCancel(ctx)
	go func() { defer close(ranWallet); w.wallet.Run(walletCtx) }()
	go func() { ranPacer <- w.pacer.Run(ctx) }()
	for w.pacer.Ready() != nil {
		time.Sleep(10 * time.Millisecond) // virtual
	}
	w.stop = func() {
		stopWallet()
		<-ranWallet
		synctest.Wait()
		cancel()
		if err := <-ranPacer; err != nil {
			t.Error(err)
		}
		if err := w.pacer.Close(); err != nil {
			t.Error(err)
		}
	}
	return w
}

func (w *world) newWallet(cfg WalletConfig, incarnation uint64) *Wallet {
	w.t.Helper()
	publish := func(m eventlog.Message) bool { return w.log.Append(context.Background(), m) == nil }
	wallet, err := NewWallet(cfg, WalletDeps{Source: w.pacer, Publish: publish, Clock: time.Now, Incarnation: incarnation})
	if err != nil {
		w.t.Fatal(err)
	}
	return wallet
}

// another is the wallet of one more node; it stops before the pacer does.
func (w *world) another(incarnation uint64) *Wallet {
	wallet := w.newWallet(DefaultWalletConfig(), incarnation)
	ctx, cancel := context.WithCancel(w.t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); wallet.Run(ctx) }()
	stop := w.stop
	w.stop = func() { cancel(); <-ran; stop() }
	return wallet
}

// bid makes one bid for li and sends its notices later.
func (w *world) bid(id campaigns.ID) {
	l, _ := w.catalog.Lineage(id)
	price := l.LineItem.MaxBid * money.CPM(w.wallet.Meet(id)) / 1_000_000 // as the bidder does
	need, err := Need(l.LineItem, price, l.LineItem.ExpectedCTR)
	if err != nil {
		w.t.Fatal(err)
	}
	r, why := w.wallet.Reserve(id, time.Now(), need, w.wallet.Class("demo/banner"))
	if why != RefusedNot {
		w.refused[why]++
		return
	}
	w.bids++
	n := Notice{At: time.Now(), Advertiser: l.Advertiser.ID, Campaign: l.Campaign.ID, LineItem: id, Creative: 1, Lease: r.Lease,
		Bid: ids.BidID{Incarnation: 77, Counter: uint64(w.bids)}, Exchange: "demo", Format: "banner", BidAt: time.Now(), ReservedMedia: need.Media, ReservedCharge: need.Charge,
		Price: price, PriceCurrency: money.USD, FXRate: money.One, Day: r.Day}
	send, won := LossMessage, w.rng.Float64() < w.win
	if w.market != nil {
		won = float64(price) >= w.market()*float64(l.LineItem.MaxBid)
	}
	if won {
		send = BillMessage
	}
	if won || !w.silent {
		w.later(send, n)
	}
	if won && w.rng.Float64()*1e6 < float64(l.LineItem.ExpectedCTR) {
		w.later(ClickMessage, n)
	}
}

// later sends n as it will be when its notice comes.
func (w *world) later(make func(*Notice) (eventlog.Message, error), n Notice) {
	delay := time.Duration(w.rng.ExpFloat64() * float64(w.delay))
	n.At = n.At.Add(delay)
	m, err := make(&n)
	if err != nil {
		w.t.Fatal(err)
	}
	time.AfterFunc(delay, func() {
		if err := w.log.Append(context.Background(), m); err != nil {
			w.t.Error(err)
		}
	})
}

func (w *world) audit() {
	w.t.Helper()
	synctest.Wait()
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
	totals := w.pacer.Totals()
	res, err := audit.Run(w.t.Context(), w.log, &audit.Expected{Next: totals.Next, Accounts: totals.Accounts})
	if err != nil {
		w.t.Fatal(err)
	}
	if !res.Clean() || res.Over.Sign() != 0 || res.Records == 0 {
		w.t.Errorf("audit of %d records: over %v, %v", res.Records, res.Over, res.Violations)
	}
}

func (w *world) spent(li campaigns.ID) money.Nanos {
	l, _ := w.catalog.Lineage(li)
	for _, b := range w.pacer.Balances(l.Advertiser.ID) {
		if b.LineItem == li {
			return b.Lifetime.Posted
		}
	}
	w.t.Fatalf("line item %d is not in the ledger", li)
	return 0
}

// flightOf is a catalogue whose campaign 1 runs for d from now, with line item
// 1 under a lifetime budget.
func flightOf(now time.Time, d time.Duration, budget money.Nanos, pacing campaigns.Pacing) *campaigns.Catalog {
	c := testCatalog()
	c.Campaigns[1].Start, c.Campaigns[1].End = now, now.Add(d)
	c.Campaigns[1].Budget, c.Advertisers[1].Budget = campaigns.Budget{}, campaigns.Budget{Daily: 100 * money.Unit}
	c.LineItems[1].Budget = campaigns.Budget{Lifetime: budget}
	c.LineItems[1].Pacing = pacing
	c.Advertisers[1].TimeZone = "UTC"
	return c
}

// A short flight must be delivered evenly and nearly whole, at any win rate.
func TestEvenDelivery(t *testing.T) {
	f := func(flight time.Duration, win float64, leastPercent, offPercent int64) {
		t.Helper()
		t.Run(fmt.Sprintf("%v at %v", flight, win), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const budget = 6_400_000_000 // 2000 impressions at 3.2 nanos x 1e6
				w := newWorld(t, flightOf(time.Now(), flight, budget, campaigns.PacingEven), win, 300*time.Millisecond)
				defer w.stop()
				begin := time.Now()
				gap := time.Duration(float64(flight) / 2000 * win / 3) // three times the traffic that is needed
				worst, next := int64(0), begin
				for time.Since(begin) < flight {
					w.bid(1)
					time.Sleep(gap)
					if now := time.Now(); now.After(next) {
						next = now.Add(time.Second)
						plan := int64(budget) * int64(now.Sub(begin)/time.Millisecond) / int64(flight/time.Millisecond)
						worst = max(worst, plan-int64(w.spent(1)), int64(w.spent(1))-plan)
					}
				}
				time.Sleep(5 * time.Second)
				w.audit()
				got := int64(w.spent(1)) * 1000 / budget
				t.Logf("delivered %d.%d%%, largest deviation %d.%d%%, bids %d, refused %v, plan %+v", got/10, got%10,
					worst*100/budget, worst*1000/budget%10, w.bids, w.refused, w.pacer.Plans(nil)[0])
				if got < leastPercent*10 {
					t.Errorf("delivered %d.%d%% of the budget; want at least %d%%", got/10, got%10, leastPercent)
				}
				if worst*100/budget > offPercent {
					t.Errorf("largest deviation %d%% of the budget; want at most %d%%", worst*100/budget, offPercent)
				}
			})
		})
	}
	f(60*time.Second, 1, 97, 8)
	f(60*time.Second, 0.5, 97, 8)
	f(60*time.Second, 0.2, 95, 10)
	f(10*time.Minute, 0.3, 98, 2)
	if !raceEnabled { // many bids
		f(10*time.Minute, 0.1, 97, 2)
	}
}

// Line items that share a campaign's budget share it evenly in time, and
// between them; ASAP spends it as the traffic comes; no level goes over.
func TestSharedBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 6_400_000_000
		c := flightOf(time.Now(), time.Minute, 0, campaigns.PacingEven)
		c.Campaigns[1].Budget = campaigns.Budget{Lifetime: budget}
		for id := campaigns.ID(1); id <= 2; id++ {
			c.LineItems[id].Budget, c.LineItems[id].Pacing = campaigns.Budget{}, campaigns.PacingEven
		}
		w := newWorld(t, c, 0.5, 200*time.Millisecond)
		defer w.stop()
		begin := time.Now()
		for time.Since(begin) < 30*time.Second {
			w.bid(1)
			w.bid(2)
			time.Sleep(5 * time.Millisecond)
		}
		half := w.spent(1) + w.spent(2)
		if half < budget*35/100 || half > budget*60/100 {
			t.Errorf("half-way %d of %d", half, int64(budget))
		}
		if a, b := w.spent(1), w.spent(2); a < half/4 || b < half/4 {
			t.Errorf("line items got %d and %d: neither should starve", a, b)
		}
		for time.Since(begin) < time.Minute {
			w.bid(1)
			w.bid(2)
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		if got := w.spent(1) + w.spent(2); got < budget*95/100 || got > budget {
			t.Errorf("delivered %d of %d", got, int64(budget))
		}
		w.audit()
	})
}

func TestASAPSpendsAtOnceAndNeverOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 320_000_000 // 100 impressions
		w := newWorld(t, flightOf(time.Now(), time.Hour, budget, campaigns.PacingASAP), 0.5, 200*time.Millisecond)
		defer w.stop()
		begin := time.Now()
		for time.Since(begin) < 20*time.Second {
			w.bid(1)
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		if got := w.spent(1); got != budget {
			t.Errorf("spent %d of %d", got, budget)
		}
		w.audit()
	})
}

// $1 a day against a $5 CPM bid: a bid costs 1/200 of the budget, and the plan
// must still spread them.
func TestTinyBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bids = 20
		w := newWorld(t, flightOf(time.Now(), 10*time.Minute, bids*sceneNeed, campaigns.PacingEven), 1, 200*time.Millisecond)
		defer w.stop()
		begin := time.Now()
		for time.Since(begin) < 10*time.Minute {
			w.bid(1)
			time.Sleep(50 * time.Millisecond)
			planned := bids * int64(time.Since(begin)) / int64(10*time.Minute)
			if ahead := int64(w.spent(1)/sceneNeed) - planned; ahead > 2 {
				t.Fatalf("after %v: %d impressions ahead of the plan", time.Since(begin), ahead)
			}
		}
		time.Sleep(3 * time.Second)
		if got := w.spent(1) / sceneNeed; got < bids-1 {
			t.Errorf("delivered %d of %d impressions", got, bids)
		}
		w.audit()
	})
}

func TestCPCDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 4_000_000_000 // 100 clicks
		c := flightOf(time.Now(), 2*time.Minute, budget, campaigns.PacingEven)
		li := c.LineItems[1]
		li.Pricing, li.Price, li.ExpectedCTR, li.DataFee = campaigns.PricingCPC, 40_000, 20_000, 0
		li.MaxBid = 700_000
		w := newWorld(t, c, 0.5, 200*time.Millisecond)
		defer w.stop()
		begin := time.Now()
		for time.Since(begin) < 2*time.Minute {
			w.bid(1)
			time.Sleep(4 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		got := w.spent(1)
		t.Logf("posted %v of %v in %d bids, refused %v, stats %v", got, money.Nanos(budget), w.bids, w.refused, w.pacer.Stats().Outcomes)
		if got < budget*80/100 || got > budget {
			t.Errorf("posted %v of %v", got, money.Nanos(budget))
		}
		w.audit()
	})
}
