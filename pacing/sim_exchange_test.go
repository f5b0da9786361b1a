package pacing

import (
	"strconv"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// simExchange is two exchanges and the browsers behind them. Alpha pays in
// dollars, sends loss notices and is fast; beta pays in euros, sends none and is slow.
type simExchange struct{ w *simWorld }

// simNotice is a notice on its way to a bidder.
type simNotice struct {
	Notice
	kind     Type
	as       func(*Notice) (eventlog.Message, error)
	adv      campaigns.ID
	campaign campaigns.ID
	home     int32
	tries    int
}

var simMakers = map[Type]func(*Notice) (eventlog.Message, error){
	TypeBill: BillMessage, TypeLoss: LossMessage, TypeWin: WinMessage, TypeClick: ClickMessage,
	TypeView: ViewMessage, TypeComplete: CompleteMessage, TypeConversion: ConversionMessage}

// offer is where an auction comes from.
func (e *simExchange) offer() (x simNotice) {
	x.Exchange, x.Format = "alpha", []string{"banner", "banner", "video"}[e.w.rng.IntN(3)]
	x.PriceCurrency, x.FXRate = money.USD, money.One
	if e.w.chance(350) {
		x.Exchange, x.PriceCurrency, x.FXRate = "beta", money.Currency{'E', 'U', 'R'}, 1_083_700_011
	}
	return x
}

// decide says what becomes of a bid.
func (e *simExchange) decide(x simNotice) {
	w := e.w
	win, mean := 300, time.Second
	if x.Exchange == "beta" {
		win, mean = 200, 20*time.Second
	}
	if !w.chance(win) {
		if x.Exchange == "alpha" {
			e.lost(x)
		}
		if !w.fault(faultLossThenBill, 100) {
			return
		}
	}
	if x.Format == "video" { // its bill follows the film
		e.mail(x, TypeWin, mean)
		mean *= 4
	}
	e.bill(x, mean)
	e.events(x, mean)
}

// events are what browsers send of an impression: mostly after its bill.
func (e *simExchange) events(x simNotice, mean time.Duration) {
	w := e.w
	rule := simRules[w.operator.catalog.LineItems[x.LineItem].Pricing]
	for _, t := range []Type{TypeView, TypeComplete, TypeClick, TypeConversion} {
		per := 10
		if t == rule.event {
			per = min(20+int(rule.rate)/1000, 400)
		}
		if !w.chance(per) {
			continue
		}
		after := 2 * mean
		if w.fault(faultClickFirst, 1000) {
			after = mean / 8
		}
		if t == TypeConversion {
			x.Value, after = money.Nanos(w.rng.Int64N(int64(2*simSale))), 30*mean
			w.orders++
			x.Order = strconv.Itoa(w.orders)
			if w.fault(faultOrderTwice, 500) {
				x.Order = strconv.Itoa(1 + w.rng.IntN(w.orders))
			}
		}
		e.mail(x, t, after)
		x.Value, x.Order = 0, ""
	}
}

func (e *simExchange) lost(x simNotice) {
	if e.w.fault(faultLossLost, 500) {
		return
	}
	x.Reason = 102
	e.mail(x, TypeLoss, time.Second)
	if e.w.fault(faultLossTwice, 200) {
		e.mail(x, TypeLoss, 3*time.Second)
	}
}

func (e *simExchange) bill(x simNotice, mean time.Duration) {
	w := e.w
	own, err := money.MulDiv(int64(x.ReservedMedia), int64(money.One), int64(x.FXRate))
	if err != nil {
		w.fail(err)
		return
	}
	switch {
	case w.fault(faultPriceUnreplaced, 200):
		bad := x
		bad.Price, bad.PriceBad = 0, PriceUnreplaced
		e.mail(bad, TypeBill, mean)
	case w.fault(faultPriceZeroFirst, 200):
		e.mail(x, TypeBill, mean/4)
	}
	x.Price = money.CPM(w.rng.Int64N(own + 1))
	if w.fault(faultPriceAbove, 200) {
		x.Price = money.CPM(own + 1 + w.rng.Int64N(own+1))
	}
	e.mail(x, TypeBill, mean)
}

// mail sends a notice once or twice, soon or late, or loses it.
func (e *simExchange) mail(x simNotice, t Type, mean time.Duration) {
	w := e.w
	if w.fault(faultNoticeLost, 100) {
		return
	}
	x.kind, x.as = t, simMakers[t]
	e.post(x, mean)
	if w.fault(faultNoticeTwice, 200) {
		e.post(x, 4*mean)
	}
}

func (e *simExchange) post(x simNotice, mean time.Duration) {
	w := e.w
	delay := time.Duration(w.rng.ExpFloat64() * float64(mean))
	switch {
	case w.fault(faultNoticeLate, 60):
		delay = w.cfg.CloseAfter + w.upTo(20*time.Second+w.cfg.HardAfter/10)
	case w.fault(faultNoticePastHard, 15):
		delay = w.cfg.Window + w.cfg.CloseAfter + w.cfg.HardAfter + w.upTo(w.cfg.HardAfter/10)
	}
	w.send(delay, simLetter{notice: &x})
}

// deliver brings a notice to any node, and tries again where it gets no answer.
func (e *simExchange) deliver(x *simNotice) {
	w := e.w
	if w.nodes[w.rng.IntN(len(w.nodes))].receive(x) {
		return
	}
	if x.tries++; x.tries < 4 || w.calm && x.tries < 20 {
		again := *x
		w.send(time.Second+w.upTo(10*time.Second), simLetter{notice: &again})
	}
}
