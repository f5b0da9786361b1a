package replay

import "bidhawk/internal/money"

// Delivery asks how much of a budget is delivered, evenly, where a bid's whole
// price is held until its notice: nothing but holds decides it. Every win clears
// at the bid.
type Delivery struct {
	Delay
	// Win is the chance of a bid.
	Win money.PPM
	// Impressions that the budget buys. More of them, less noise.
	Impressions int
	// Traffic is how many times the bids that are needed there are.
	Traffic int
	// Lead is how far ahead of the even plan spend is kept, as a share of the
	// budget, so that the end does not meet all of the holds at once.
	Lead money.PPM
	Seed uint64
}

// Delivered is what came of a Delivery.
type Delivered struct {
	Share float64 // of the budget, charged when every notice has come; percent
	Late  float64 // of the bills, that came after their lease's close; percent
	House float64 // of the budget, that late bills cost the house; percent
	Worst float64 // largest distance of spend and what is expected of holds from plan; percent
	Over  money.Nanos
}

// Run simulates the flight.
func (d Delivery) Run() Delivered {
	const price = money.Nanos(1_000_000)
	budget := price * money.Nanos(d.Impressions)
	auctions := int(int64(d.Impressions) * int64(d.Traffic) * 1_000_000 / int64(d.Win))
	h := newHolds(budget, d.Delay, auctions, d.Seed)
	var out Delivered
	bills := money.Nanos(0)
	told := func(money.Nanos) { bills += price }
	for i := range auctions {
		now := float64(i)
		h.until(now, told)
		plan := money.Nanos(float64(budget) * now / float64(auctions))
		lead := money.Nanos(float64(budget) * float64(d.Lead) / 1e6)
		spend := h.posted + h.expected(now)
		if i%100 == 0 {
			out.Worst = max(out.Worst, percent(spend-plan, budget), percent(plan-spend, budget))
		}
		if spend+price > min(plan+lead, budget)+price || !h.fits(now, price) {
			continue
		}
		h.bid(now, price, price, h.rng.Float64()*1e6 < float64(d.Win))
		out.Over = max(out.Over, h.posted+h.held-budget)
	}
	h.until(1e18, told)
	out.Share, out.House = percent(h.posted, budget), percent(h.lost, budget)
	out.Over = max(out.Over, h.posted-budget)
	if bills > 0 {
		out.Late = percent(h.late, bills)
	}
	return out
}

func percent[T ~int64](part, whole T) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole) * 100
}
