// Package rates is the daily table that converts between currencies: read from a
// file, replaced while the process runs, and refused once it is too old. All of
// it is integer arithmetic.
package rates

import (
	"maps"
	"time"

	"bidhawk/internal/money"
)

// Table is the rates of one day. It is immutable: every method may be called by
// many goroutines at once, allocates nothing and takes no lock.
type Table struct {
	date  time.Time // when its rates were published; zero: they are fixed
	base  money.Currency
	rates map[money.Currency]money.Rate // billionths of the base for one unit
}

// Fixed is a table of rates without a date, which never goes stale: US dollars
// for one unit, in billionths. The dollar itself is always in it.
func Fixed(rates map[money.Currency]money.Rate) *Table {
	t := &Table{base: money.USD, rates: maps.Clone(rates)}
	if t.rates == nil {
		t.rates = make(map[money.Currency]money.Rate)
	}
	t.rates[t.base] = money.One
	return t
}

// Date is the day that the rates are of, at 00:00 UTC; zero where they are fixed.
func (t *Table) Date() time.Time { return t.date }

// Age is how long before now the table's day began; 0 where it is fixed.
func (t *Table) Age(now time.Time) time.Duration {
	if t.date.IsZero() {
		return 0
	}
	return now.Sub(t.date)
}

// Base is the currency that the others are counted in.
func (t *Table) Base() money.Currency { return t.base }

// Len is the number of currencies, the base included.
func (t *Table) Len() int { return len(t.rates) }

// Knows says whether c is in the table.
func (t *Table) Knows(c money.Currency) bool { return t.rates[c] > 0 }

// Convert turns a price in from into to, rounded as told; ok is false where one
// of them is not in the table, or the result does not fit. v is not negative.
func (t *Table) Convert(v money.CPM, from, to money.Currency, round money.Rounding) (out money.CPM, ok bool) {
	if from == to || v == 0 {
		return v, true
	}
	a, b := t.rates[from], t.rates[to]
	if a <= 0 || b <= 0 {
		return 0, false
	}
	div := money.MulDiv
	if round == money.RoundUp {
		div = money.MulDivUp
	}
	n, err := div(int64(v), int64(a), int64(b))
	return money.CPM(n), err == nil
}

// Between is the rate from one currency to another, rounded up, as tokens and
// the ledger carry it; ok is false where one of them is not in the table.
func (t *Table) Between(from, to money.Currency) (rate money.Rate, ok bool) {
	if from == to {
		return money.One, true
	}
	a, b := t.rates[from], t.rates[to]
	if a <= 0 || b <= 0 {
		return 0, false
	}
	v, err := money.MulDivUp(int64(a), int64(money.One), int64(b))
	return money.Rate(v), err == nil && v > 0
}
