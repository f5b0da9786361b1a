package pacing

import (
	"strconv"

	"bidhawk/internal/money"
)

// Leg is one side of a posting, as books are kept: above 0 a debit, below 0 a
// credit. Accounts:
//
//	advertiser/<id>/receivable       what the advertiser owes: charges, less payments
//	line_item/<id>/data_fee          and platform_fee, margin: what was earned on it
//	line_item/<id>/house_late        and house_unbilled: what the house bears
//	payable/<exchange>/<currency>    what the exchange is owed
//	fx/<currency>                    what conversions have left open
//	bank/<currency>                  what advertisers have paid in
//
// An agency's account is the sum of its advertisers'.
type Leg struct {
	Account  string
	Currency money.Currency
	Amount   money.Wide
}

// Legs are the sides of p: of each currency they add up to 0. A posting that
// moved no money, and a closing, which repeats what is booked, have none.
func (p *Posting) Legs() []Leg {
	if p.Type == TypeClosing {
		return nil
	}
	var legs journal
	debit := func(n money.Nanos, account ...string) { legs.add(money.WideOf(n), p.Currency, account...) }
	credit := func(n money.Nanos, account ...string) { legs.add(money.WideOf(n).Neg(), p.Currency, account...) }
	advertiser, line := strconv.FormatInt(int64(p.Advertiser), 10), strconv.FormatInt(int64(p.LineItem), 10)
	debit(p.Charge, string(LevelAdvertiser), advertiser, "receivable")
	debit(p.HouseLate, string(LevelLineItem), line, "house_late")
	debit(p.HouseUnbilled, string(LevelLineItem), line, "house_unbilled")
	credit(p.DataFee, string(LevelLineItem), line, "data_fee")
	credit(p.PlatformFee, string(LevelLineItem), line, "platform_fee")
	credit(p.Margin, string(LevelLineItem), line, "margin")
	credit(p.Payment, string(LevelAdvertiser), advertiser, "receivable")
	debit(p.Payment, "bank", p.Currency.String())
	p.owe(&legs)
	return legs
}

// owe books what media cost against what the exchange is owed: in two
// currencies, the accounts of the conversion stand between them.
func (p *Posting) owe(legs *journal) {
	to := p.PayableCurrency
	if to == (money.Currency{}) {
		to = p.Currency
	}
	payable := money.WideOf(p.Payable)
	legs.add(payable.Neg(), to, "payable", p.Exchange, to.String())
	if to != p.Currency || p.Payable != p.Media {
		legs.add(money.WideOf(p.Media).Neg(), p.Currency, "fx", p.Currency.String())
		legs.add(payable, to, "fx", to.String())
	}
}

type journal []Leg

func (j *journal) add(n money.Wide, currency money.Currency, account ...string) {
	if n.Sign() != 0 {
		*j = append(*j, Leg{pathOf(account...), currency, n})
	}
}
