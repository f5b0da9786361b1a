package control

import (
	"errors"
	"fmt"
	"math"

	"bidhawk/internal/money"
)

// ErrState reports a start or a state that no controller can have.
var ErrState = errors.New("control: not a controller's state")

// State is what a Controller knows, to keep and to start from.
type State struct {
	// Multiplier that is in force.
	Multiplier Multiplier `json:"multiplier_billionths"`
	// Price is what a win costs. At a start: a guess, such as the price of one
	// bid; what is observed replaces it.
	Price money.Nanos `json:"price_nanos"`
	// Evidence is the money by which the multiplier was tried. 0 at a start.
	Evidence money.Nanos `json:"evidence_nanos,omitempty"`
	// Flight and Rate are the flight's rate of spend and that of now, in nanos
	// per million auctions. 0 before the first Plan.
	Flight int64 `json:"flight_rate_nanos_per_million,omitempty"`
	Rate   int64 `json:"rate_nanos_per_million,omitempty"`
}

// Batch is what came of some auctions at one multiplier.
type Batch struct {
	// Auctions that the multiplier was applied to, won or not. Leave out those
	// that had no money to bid with: they say nothing about the multiplier.
	Auctions int64
	// Wins and Spent are of those auctions; where notices are late, what is
	// expected of them.
	Wins  int64
	Spent money.Nanos
	// At is the multiplier that their bids were made with, where that is not the one
	// in force; 0: it is. What is heard late is then taken for what it was, and the
	// multiplier does not swing by the delay.
	At Multiplier
}

// Controller is the dual multiplier of one line item:
//
//	m <- m * exp(eta * (rho - cost))
//
// for each auction, where rho is the money that should go per auction. Under
// spend ~ m^e the best step is eta = 1 / (e * evidence), evidence being the money
// by which the multiplier has been tried so far: then the multiplier is the
// maximum-likelihood one, the average over its whole past, where a constant step
// is a noisy one over a short past. Evidence is bounded (Config.Memory) and
// dropped by halves while spend is far from its rate (Config.Doubt). A re-plan
// moves the multiplier with rho at once.
//
// It is not safe for concurrent use; nothing allocates.
type Controller struct {
	cfg      Config
	m        Multiplier
	log      float64 // ln m; m is it, rounded
	low, top float64 // bounds of log
	step     float64 // 1 / elasticity
	flight   float64 // rho of the flight, nanos per auction
	rho      float64 // rho of now
	evidence float64 // nanos
	price    float64 // nanos per win
	wins     float64 // that price is the mean of, at most priceWins
	off      float64 // recent spend less what rho wanted, nanos
}

const (
	priceWins = 200  // the price of a win is a mean of about so many
	offWins   = 30   // recent, in wins
	maxStep   = 1.39 // ln 4: no batch changes the multiplier by more

	// No batch counts for more than so many times what it was: ln 16.
	mostCarried = 2.77

	// So that a State's integers hold them.
	maxRho      = float64(math.MaxInt64) / 1e7
	maxPrice    = float64(money.MaxCPM) * 1000
	maxEvidence = float64(math.MaxInt64) / 2
)

// New starts a controller from a guess of the multiplier and of a win's price,
// or from a State that was kept. Plan comes before the first Observe.
func New(cfg Config, s State) (*Controller, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	switch {
	case s.Multiplier < Least || s.Multiplier > Most:
		return nil, fmt.Errorf("%w: multiplier is %d; want %d to %d billionths", ErrState, s.Multiplier, Least, Most)
	case s.Price <= 0:
		return nil, fmt.Errorf("%w: price is %d; want more than 0 nanos", ErrState, s.Price)
	case s.Evidence < 0 || s.Flight < 0 || s.Rate < 0:
		return nil, fmt.Errorf("%w: evidence, flight or rate is below 0", ErrState)
	}
	c := &Controller{
		cfg: cfg, low: ln(cfg.Floor), top: ln(cfg.Ceiling), step: 1e6 / float64(cfg.Elasticity),
		price: min(float64(s.Price), maxPrice), flight: float64(s.Flight) / 1e6, rho: float64(s.Rate) / 1e6,
	}
	c.keep(float64(s.Evidence))
	c.set(ln(s.Multiplier))
	return c, nil
}

func ln(m Multiplier) float64 { return math.Log(float64(m) / float64(One)) }

// State is c's, to keep.
func (c *Controller) State() State {
	return State{
		Multiplier: c.m, Price: max(1, money.Nanos(c.price)), Evidence: money.Nanos(c.evidence),
		Flight: int64(c.flight * 1e6), Rate: int64(c.rho * 1e6),
	}
}

// Multiplier is what bids are made with.
func (c *Controller) Multiplier() Multiplier { return c.m }

// Plan says that a flight, or its rest after its budget or its dates were
// edited, has money for about so many auctions. What was learned stays.
func (c *Controller) Plan(budget money.Nanos, auctions int64) {
	if budget <= 0 || auctions <= 0 {
		return
	}
	rho := min(float64(budget)/float64(auctions), maxRho)
	c.flight = rho
	c.aim(rho)
}

// Replan is for each slot: what is left of the budget for the traffic that is
// forecast. The rate stays within the Config's bounds of the flight's.
func (c *Controller) Replan(remaining money.Nanos, auctions int64) {
	if c.flight == 0 || auctions <= 0 {
		return
	}
	rho := float64(max(remaining, 0)) / float64(auctions)
	least, most := float64(c.cfg.LeastRate)/1e6, float64(c.cfg.MostRate)/1e6
	c.aim(min(max(rho, c.flight*least), c.flight*most, maxRho))
}

// aim moves the multiplier to where another rate is expected.
func (c *Controller) aim(rho float64) {
	if c.rho > 0 {
		c.set(c.log + math.Log(rho/c.rho)*c.step)
	}
	c.rho = rho
}

// Observe learns from what came of a batch of auctions. A batch may be one
// auction or a second's.
func (c *Controller) Observe(b Batch) {
	if c.rho <= 0 || b.Auctions <= 0 || b.Wins < 0 || b.Spent < 0 {
		return
	}
	spent, want := float64(b.Spent), c.rho*float64(b.Auctions)
	c.learnPrice(float64(b.Wins), spent)
	if b.At > 0 { // as it would have been with the multiplier in force
		spent *= math.Exp(min(max((c.log-ln(b.At))/c.step, -mostCarried), mostCarried))
	}
	c.doubt(spent, want)
	move := math.Log((c.evidence+want)/(c.evidence+spent)) * c.step
	c.keep(c.evidence + (spent+want)/2)
	c.set(c.log + min(max(move, -maxStep), maxStep))
}

// learnPrice keeps a mean over the last wins.
func (c *Controller) learnPrice(wins, spent float64) {
	if wins == 0 || spent == 0 {
		return
	}
	n := min(c.wins, priceWins)
	c.price = min((c.price*n+spent)/(n+wins), maxPrice)
	c.wins = n + wins
}

// doubt drops half of the evidence where recent spend is off by more than luck.
func (c *Controller) doubt(spent, want float64) {
	recent := offWins * c.price
	c.off = (c.off + spent - want) * math.Exp(-(spent+want)/2/recent)
	if bound := float64(c.cfg.Doubt) * c.price; math.Abs(c.off) > bound {
		c.off /= 2
		c.keep(c.evidence / 2)
	}
}

// keep sets the evidence within its bounds.
func (c *Controller) keep(evidence float64) {
	c.evidence = min(max(evidence, float64(c.cfg.Prior)*c.price), float64(c.cfg.Memory)*c.price, maxEvidence)
}

func (c *Controller) set(log float64) {
	c.log = min(max(log, c.low), c.top)
	c.m = min(max(Multiplier(math.Round(math.Exp(c.log)*float64(One))), c.cfg.Floor), c.cfg.Ceiling)
}
