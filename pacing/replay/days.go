package replay

import (
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// Days runs a line item with a budget for each day under a real curve of
// traffic: how many auctions come in each slot is drawn from the curve (Poisson),
// which of them from a log.
type Days struct {
	Curve *control.Curve
	// Auctions of a mean day.
	Auctions int64
	// Market that the auctions are drawn from.
	Market []Auction
	// Share of what the mean day's auctions cost is the day's budget.
	Share money.PPM
	// Prior is the curve that the forecast starts from; nil is flat.
	Prior *control.Curve
	// Weeks to run. The first is the forecast's cold start.
	Weeks   int
	Control control.Config
	Pace    control.Pace
	// Horizon within which spend is to be back on its plan; 0: control's.
	Horizon time.Duration
	Seed    uint64
}

// DayResult is a day's spend against its plan, in percent of the day's budget.
type DayResult struct {
	RMSE, Worst float64
	Spent       float64
	// Value of the day, in percent of the hindsight optimum of its auctions.
	Value  float64
	Points []Point
}

// A slot of the real pacer's: what came is told, and the rest is planned anew.
const daySlot = 30 * time.Second

// Run simulates the weeks, day by day.
func (d Days) Run() ([]DayResult, error) {
	if len(d.Market) == 0 || d.Auctions <= 0 || d.Weeks <= 0 || d.Share <= 0 {
		return nil, errors.New("replay: days want a market, auctions, weeks and a share of the budget")
	}
	if err := d.Curve.Validate(); err != nil {
		return nil, err
	}
	mean := Cost(d.Market) / money.Nanos(len(d.Market))
	budget := money.Nanos(float64(mean) * float64(d.Auctions) * float64(d.Share) / 1e6)
	c, err := control.New(d.Control, control.State{Multiplier: control.One, Price: MedianPrice(d.Market)})
	if err != nil {
		return nil, err
	}
	f, err := control.NewForecast(control.DefaultForecastConfig(), time.UTC, d.Prior, d.Auctions/24)
	if err != nil {
		return nil, err
	}
	if d.Horizon == 0 {
		d.Horizon = control.DefaultHorizon
	}
	r := &dayRun{Days: d, c: c, f: f, rng: rand.New(rand.NewPCG(d.Seed, 1)), budget: budget}
	monday := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	var out []DayResult
	for day := range d.Weeks * 7 {
		res, err := r.day(monday.AddDate(0, 0, day))
		if err != nil {
			return nil, err
		}
		out = append(out, res)
	}
	return out, nil
}

type dayRun struct {
	Days
	c      *control.Controller
	f      *control.Forecast
	rng    *rand.Rand
	budget money.Nanos
	spent  money.Nanos
	value  int64
	came   []Auction // today
}

func (r *dayRun) day(start time.Time) (DayResult, error) {
	var res DayResult
	var off []float64
	r.spent, r.value, r.came = 0, 0, r.came[:0]
	// The plan is the morning's: what the forecast learns later does not move
	// what the day is measured by.
	plan := control.Plan{From: start, To: start.AddDate(0, 0, 1), Limit: r.budget, Pace: r.Pace, Lead: control.DefaultLead}
	morning := *r.f
	r.c.Plan(r.budget, r.f.Auctions(plan.From, plan.To))
	for at := start; at.Before(plan.To); at = at.Add(daySlot) {
		want := plan.At(&morning, at)
		off = append(off, percent(r.spent-want, r.budget))
		if at.Minute()%10 == 0 && at.Second() == 0 {
			res.Points = append(res.Points, Point{At: at.Sub(start).Hours() / 24, Plan: want, Spent: r.spent, Multiplier: r.c.Multiplier()})
		}
		r.c.Replan(plan.Next(&morning, r.f, at, r.Horizon, r.spent))
		if err := r.f.Observe(at, at.Add(daySlot), r.slot(at)); err != nil {
			return res, err
		}
	}
	off = append(off, percent(r.spent-r.budget, r.budget))
	res.Points = append(res.Points, Point{At: 1, Plan: r.budget, Spent: r.spent, Multiplier: r.c.Multiplier()})
	res.RMSE, res.Worst = spread(off)
	res.Spent, res.Value = percent(r.spent, r.budget), percent(r.value, Optimum(r.came, r.budget).Value)
	return res, nil
}

// slot runs one slot's auctions at one multiplier and says how many there were.
func (r *dayRun) slot(at time.Time) int64 {
	hour := (int(at.Weekday())+6)%7*24 + at.Hour()
	n := r.poisson(float64(r.Auctions) / 24 * float64(r.Curve[hour]) / 1e6 * daySlot.Hours())
	b := control.Batch{Auctions: n}
	m := r.c.Multiplier()
	for range n {
		a := &r.Market[r.rng.IntN(len(r.Market))]
		r.came = append(r.came, *a)
		cost := a.Price.PerImpression()
		if bid := m.Bid(a.Value); bid > 0 && bid >= a.Price && cost <= r.budget-r.spent {
			r.spent += cost
			r.value += int64(a.Value)
			b.Wins++
			b.Spent += cost
		}
	}
	r.c.Observe(b)
	return n
}

// poisson draws by adding up exponential gaps, or normally where there are many.
func (r *dayRun) poisson(mean float64) (n int64) {
	if mean > 500 {
		return max(0, int64(math.Round(mean+r.rng.NormFloat64()*math.Sqrt(mean))))
	}
	for sum := r.rng.ExpFloat64(); sum < mean; sum += r.rng.ExpFloat64() {
		n++
	}
	return n
}
