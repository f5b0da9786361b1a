package loadtest

import (
	"math"

	"bidhawk/internal/money"
)

// auctioneer clears our bids against rivals that it draws. Drawing uses floating
// point (it is a simulation of other people's minds); prices are integers from
// there on.
type auctioneer struct {
	seed   uint64
	second bool
	market Market
}

// outcome is how one auction ended for our best bid.
type outcome struct {
	won      bool
	price    money.CPM // what we pay; 0 where lost
	minToWin money.CPM // the least price that would have won
}

const (
	priceStep    money.CPM = 100    // 0.0001: the smallest step between prices
	secondPlus   money.CPM = 10_000 // a second price pays one cent more than the rival
	maxRivalStep           = 1_000_000_000
)

// rival is the best price of everybody else for one imp, 0 where nobody else
// bids. It depends on the seed, the inventory, the request and the imp alone.
func (a auctioneer) rival(inventory string, seq uint64, imp int) money.CPM {
	key := mix(seq) + uint64(imp)
	if chance(draw(a.seed, forAlone, key), a.market.AloneShare) {
		return 0
	}
	site := normal(draw(a.seed, forRivalMedian, hashString(inventory))) * a.market.SiteSigma
	here := normal(draw(a.seed, forRival, key)) * a.market.RivalSigma
	steps := float64(a.market.RivalMedian/priceStep) * math.Exp(site+here)
	return money.CPM(min(max(steps, 1), maxRivalStep)) * priceStep
}

// rivalDeal: somebody else has a deal for the imp, which the open auction cannot beat.
func (a auctioneer) rivalDeal(seq uint64, imp int) bool {
	return chance(draw(a.seed, forRivalDeal, mix(seq)+uint64(imp)), a.market.RivalDealShare)
}

// clear decides an auction with floor. A rival of our price wins. floor is at
// most ours: the judge has seen to it.
func (a auctioneer) clear(ours, floor, rival money.CPM) outcome {
	o := outcome{minToWin: max(floor, priceStep)}
	if rival >= floor && rival > 0 {
		o.minToWin = rival + priceStep
	}
	if ours <= rival {
		return o
	}
	o.won, o.price = true, ours
	if a.second {
		o.price = max(floor, priceStep)
		if rival >= floor && rival > 0 {
			o.price = rival + secondPlus
		}
		o.price = min(o.price, ours)
	}
	return o
}

// clearDeal decides a deal: it knows only its own bidder, and with at=3 its
// price is agreed beforehand.
// floor is the deal's floor for this bid, 0 where its currency is not the bid's.
func (a auctioneer) clearDeal(ours, floor money.CPM, at int, rival money.CPM) outcome {
	if at == 3 && floor > 0 {
		return outcome{won: true, price: min(floor, ours), minToWin: floor}
	}
	a.second = at == 2 || at == 0 && a.second
	return a.clear(ours, min(floor, ours), rival)
}
