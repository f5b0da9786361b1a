package replay

import (
	"fmt"
	"math"
	"slices"

	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// Market is how an auction is cleared.
type Market uint8

const (
	// SecondPrice charges the winner the market's price.
	SecondPrice Market = iota
	// FirstPrice charges the winner its bid.
	FirstPrice
)

// Shading is what is done to a bid under first price.
type Shading uint8

const (
	// Unshaded bids multiplier x value.
	Unshaded Shading = iota
	// WinCurve bids what is best by the prices that win: control.WinCurve, which
	// learns of each win the least price that would have won, and of each loss
	// that it is more than the bid.
	WinCurve
)

// Config is one run over a log.
type Config struct {
	Budget  money.Nanos
	Market  Market
	Shading Shading
	Control control.Config
	// Start of the controller.
	Start control.State
	// Every is how many auctions lie between two re-plans; 0: 100.
	Every int
	Delay Delay
	Seed  uint64
	// Learned is the part of a log before: what the win curve starts from.
	Learned []Auction
}

// Point is the state at a moment of the flight.
type Point struct {
	At         float64 // share of the auctions gone by
	Plan       money.Nanos
	Spent      money.Nanos
	Value      int64 // won so far
	Multiplier control.Multiplier
}

// Result is what a run came to.
type Result struct {
	Auctions, Bids, Wins, Clicks int64

	Spent money.Nanos
	Value int64 // of money.CPM, summed: pCTR in billionths
	// RMSE and Worst are the distance of spend from the even plan over the
	// flight, in percent of the budget. Spend that notices are late with counts
	// as expected.
	RMSE, Worst float64
	Late, House float64 // percent of spend and of the budget: see Delivered
	Points      []Point
	End         control.State
}

// Run replays auctions under cfg.
func Run(auctions []Auction, cfg Config) (Result, error) {
	r, err := newRun(auctions, cfg)
	if err != nil {
		return Result{}, err
	}
	for i := range auctions {
		r.auction(i, &auctions[i])
	}
	return r.finish(), nil
}

// run is one replay on its way.
type run struct {
	cfg   Config
	n     int
	c     *control.Controller
	curve *shader
	holds *holds
	told  func(money.Nanos)
	res   Result
	// What is told to the controller at the next re-plan: auctions enter it as
	// late as their bills do, on average.
	fresh  float64
	batch  control.Batch
	errors []float64 // of spend from plan, percent
}

func newRun(auctions []Auction, cfg Config) (*run, error) {
	if len(auctions) == 0 {
		return nil, ErrEmpty
	}
	if cfg.Budget <= 0 {
		return nil, fmt.Errorf("replay: budget is %d nanos; want more than 0", cfg.Budget)
	}
	if err := cfg.Delay.Validate(); err != nil {
		return nil, err
	}
	c, err := control.New(cfg.Control, cfg.Start)
	if err != nil {
		return nil, err
	}
	if cfg.Every <= 0 {
		cfg.Every = 100
	}
	r := &run{cfg: cfg, n: len(auctions), c: c, holds: newHolds(cfg.Budget, cfg.Delay, len(auctions), cfg.Seed)}
	r.told = func(price money.Nanos) { r.batch.Wins++; r.batch.Spent += price }
	if cfg.Market == FirstPrice && cfg.Shading == WinCurve {
		if r.curve, err = newShader(cfg.Learned); err != nil {
			return nil, err
		}
	}
	c.Plan(cfg.Budget, int64(len(auctions)))
	return r, nil
}

// auction bids in one auction.
func (r *run) auction(i int, a *Auction) {
	now := float64(i)
	if r.cfg.Delay.Mean > 0 {
		r.holds.until(now, r.told)
	}
	if i%r.cfg.Every == 0 {
		r.replan(now)
	}
	r.fresh++
	if r.holds.mean == 0 {
		defer r.observe() // at once: each auction is a batch
	}
	bid := r.bid(a)
	if bid <= 0 {
		return
	}
	amount := bid.PerImpression()
	if !r.holds.fits(now, amount) {
		r.fresh-- // no money: it says nothing about the multiplier
		return
	}
	r.res.Bids++
	won, price := bid >= a.Price, a.Price.PerImpression()
	if r.cfg.Market == FirstPrice {
		price = amount
	}
	r.holds.bid(now, amount, price, won)
	if won {
		r.res.Wins++
		r.res.Value += int64(a.Value)
		if a.Clicked {
			r.res.Clicks++
		}
		if r.holds.mean == 0 {
			r.told(price)
		}
	}
	if r.curve != nil {
		r.curve.learn(a, bid, won)
	}
}

func (r *run) bid(a *Auction) money.CPM {
	worth := r.c.Multiplier().Bid(a.Value)
	if r.curve != nil {
		return r.curve.bid(a.Value, worth)
	}
	return worth
}

// observe tells the controller what has come by now.
func (r *run) observe() {
	whole := math.Floor(r.ripe())
	if whole < 1 {
		return
	}
	r.fresh -= whole
	r.batch.Auctions = int64(whole)
	r.c.Observe(r.batch)
	r.batch = control.Batch{}
}

// ripe is how many of the fresh auctions have had their notices, were they won.
func (r *run) ripe() float64 {
	if r.holds.mean == 0 {
		return r.fresh
	}
	return r.fresh * (1 - math.Exp(-float64(r.cfg.Every)/r.holds.mean))
}

// replan is the slot's work: what was learned, the new rate, and a point.
func (r *run) replan(now float64) {
	if r.holds.mean > 0 {
		r.observe()
	}
	spent := r.holds.posted + r.holds.expected(now)
	left := int64(r.n) - int64(now)
	r.c.Replan(r.cfg.Budget-spent, left)
	share := now / float64(r.n)
	plan := money.Nanos(float64(r.cfg.Budget) * share)
	r.errors = append(r.errors, percent(spent-plan, r.cfg.Budget))
	r.res.Points = append(r.res.Points, Point{At: share, Plan: plan, Spent: spent, Value: r.res.Value, Multiplier: r.c.Multiplier()})
	if r.curve != nil {
		r.curve.refit(int(now))
	}
}

func (r *run) finish() Result {
	r.holds.until(math.Inf(1), r.told)
	r.res.Auctions, r.res.Spent, r.res.End = int64(r.n), r.holds.posted, r.c.State()
	r.res.Points = append(r.res.Points, Point{At: 1, Plan: r.cfg.Budget, Spent: r.holds.posted, Value: r.res.Value, Multiplier: r.c.Multiplier()})
	r.res.RMSE, r.res.Worst = spread(append(r.errors, percent(r.holds.posted-r.cfg.Budget, r.cfg.Budget)))
	if r.res.Spent > 0 {
		r.res.Late = percent(r.holds.late, r.res.Spent)
	}
	r.res.House = percent(r.holds.lost, r.cfg.Budget)
	return r.res
}

// spread is the root of the mean square and the largest magnitude.
func spread(errors []float64) (rmse, worst float64) {
	for _, e := range errors {
		rmse += e * e
		worst = max(worst, math.Abs(e))
	}
	return math.Sqrt(rmse / float64(len(errors))), worst
}

// StartFrom is the controller's start that the part of a log before teaches: the
// multiplier that would have been the best there for the same share of the cost,
// and the mean price.
func StartFrom(learned []Auction, budget money.Nanos) control.State {
	best := Optimum(learned, budget).Multiplier
	m := control.One
	if !math.IsInf(best, 1) {
		m = control.Multiplier(best * float64(control.One))
	}
	m = min(max(m, control.Least), control.Most)
	return control.State{Multiplier: m, Price: MedianPrice(learned)}
}

// MedianPrice is the middle price of a log, at least one nano.
func MedianPrice(auctions []Auction) money.Nanos {
	prices := make([]money.CPM, len(auctions))
	for i := range auctions {
		prices[i] = auctions[i].Price
	}
	slices.Sort(prices)
	if len(prices) == 0 {
		return 1
	}
	return max(prices[len(prices)/2].PerImpression(), 1)
}
