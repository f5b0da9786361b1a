package main

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"bidhawk/internal/money"
)

// This file compares an exchange's report with our books, and says by cause what
// the difference is.

// Causes of a difference, in the order in which they are looked for: what the
// books know to the nano first, then what is estimated from counts.
const (
	causeLate        = "late"             // it came on another day than its bid
	causePastHard    = "past_hard"        // it came after we take any
	causeDispute     = "dispute"          // its price was above what we had bid
	causeInvalid     = "invalid_traffic"  // taken off by one side
	causeFX          = "fx"               // rates and rounding
	causeAdjusted    = "adjusted"         // corrected by us for another cause
	causeBadPrice    = "bad_price"        // a notice without a usable price (estimated)
	causeWonUnbilled = "won_not_billed"   // a win without a billing notice (estimated)
	causeUnrendered  = "billed_no_render" // a billing notice without an impression (estimated)
	causeUnexplained = "unexplained"
)

var causes = []string{causeLate, causePastHard, causeDispute, causeInvalid, causeFX, causeAdjusted, causeBadPrice, causeWonUnbilled, causeUnrendered, causeUnexplained}

// diffKey is a row of the comparison.
type diffKey struct{ Day, Seat, Deal, Currency string }

func (k diffKey) compare(o diffKey) int {
	return cmp.Or(cmp.Compare(k.Day, o.Day), cmp.Compare(k.Seat, o.Seat), cmp.Compare(k.Deal, o.Deal), cmp.Compare(k.Currency, o.Currency))
}

// diffRow is what both sides say, in nanos of the currency.
type diffRow struct {
	diffKey
	Ours, Theirs             *big.Int
	OurCount, TheirCount     int64
	Causes                   map[string]*big.Int // they add up to Theirs - Ours
	Evidence                 map[string]*big.Int // what the books know of each cause, whether or not it explains
	Alert                    bool
	bid                      *big.Int
	bidCount, wins, rendered int64
	badPrices, pastHard      int64
	rounding                 *big.Int // what rounding of the report's rows can make
	converted                bool
	counted                  bool // wins and impressions are known to be the row's
}

func (r *diffRow) diff() *big.Int { return new(big.Int).Sub(r.Theirs, r.Ours) }

// clearingView is a row of our side.
type clearingView struct {
	Day      string `json:"day"`
	Deal     string `json:"deal"`
	Currency string `json:"currency"`
	Kind     string `json:"kind"`
	Count    int64  `json:"count"`
	Amount   string `json:"amount"`
}

// comparison gathers both sides.
type comparison struct {
	rows    map[diffKey]*diffRow
	seat    string // ours
	convert []conversion
}

// conversion is a rate at which the exchange bills another currency than its
// notices name.
type conversion struct {
	from, to string
	rate     money.Rate
}

func (c *comparison) row(k diffKey) *diffRow {
	r := c.rows[k]
	if r == nil {
		r = &diffRow{diffKey: k, Ours: new(big.Int), Theirs: new(big.Int), bid: new(big.Int), rounding: new(big.Int),
			Causes: map[string]*big.Int{}, Evidence: map[string]*big.Int{}}
		c.rows[k] = r
	}
	return r
}

func (r *diffRow) evidence(cause string, n *big.Int) {
	if r.Evidence[cause] == nil {
		r.Evidence[cause] = new(big.Int)
	}
	r.Evidence[cause].Add(r.Evidence[cause], n)
}

// compare lists the rows of both sides. alertPPM is the part of the larger side
// above which a row is an alert.
func compare(report []reportRow, ours []clearingView, seat string, convert []conversion, alertPPM int64) ([]*diffRow, error) {
	c := &comparison{rows: map[diffKey]*diffRow{}, seat: seat, convert: convert}
	c.theirs(report)
	if err := c.ours(ours); err != nil {
		return nil, err
	}
	rows := slices.SortedFunc(maps.Values(c.rows), func(a, b *diffRow) int { return a.compare(b.diffKey) })
	for _, r := range rows {
		r.explain()
		r.Alert = over(r.diff(), r.Ours, r.Theirs, alertPPM)
	}
	return rows, nil
}

func (c *comparison) theirs(report []reportRow) {
	for i := range report {
		t := &report[i]
		seat := t.Seat
		if seat == "" {
			seat = c.seat
		}
		r := c.row(diffKey{t.Day, seat, t.Deal, t.Currency})
		r.TheirCount += t.Impressions
		r.Theirs.Add(r.Theirs, big.NewInt(int64(t.Spend)))
		if t.Invalid != 0 {
			r.evidence(causeInvalid, big.NewInt(-int64(t.Invalid)))
		}
		half := int64(money.Unit) / 2
		for range min(t.Decimals, 9) {
			half /= 10
		}
		r.rounding.Add(r.rounding, big.NewInt(half))
	}
}

// ours adds our books. Wins and impressions name no currency: they count where
// the day and deal have one.
func (c *comparison) ours(list []clearingView) error {
	currencies := map[diffKey]map[string]bool{} // by day and deal
	for i := range list {
		o := &list[i]
		if o.Currency == "" {
			continue
		}
		amount, ok := parseUnits(o.Amount)
		if !ok {
			return fmt.Errorf("our books: %s: %q is no amount", o.Kind, o.Amount)
		}
		k, rate := c.key(o)
		if rate != nil {
			amount = convertBig(amount, *rate)
		}
		place := diffKey{Day: o.Day, Deal: o.Deal}
		if currencies[place] == nil {
			currencies[place] = map[string]bool{}
		}
		currencies[place][k.Currency] = true
		r := c.row(k)
		r.converted = r.converted || rate != nil
		r.book(o, amount)
	}
	for i := range list {
		o := &list[i]
		place := diffKey{Day: o.Day, Deal: o.Deal}
		if o.Currency != "" || len(currencies[place]) > 1 {
			continue
		}
		cur := c.only(place, currencies[place])
		if cur == "" {
			continue // wins that nobody bills, in no currency
		}
		r := c.row(diffKey{o.Day, c.seat, o.Deal, cur})
		r.counted = true
		switch o.Kind {
		case "win":
			r.wins += o.Count
		case "impression":
			r.rendered += o.Count
		}
	}
	return nil
}

// only is the one currency of a day and deal; of the report's, where we have none.
func (c *comparison) only(place diffKey, ours map[string]bool) string {
	for cur := range ours {
		return cur
	}
	found := ""
	for k := range c.rows {
		if k.Day == place.Day && k.Deal == place.Deal && k.Seat == c.seat {
			if found != "" && found != k.Currency {
				return ""
			}
			found = k.Currency
		}
	}
	return found
}

// key is where o counts: in the currency that the report has, by a rate that was given.
func (c *comparison) key(o *clearingView) (diffKey, *money.Rate) {
	k := diffKey{o.Day, c.seat, o.Deal, o.Currency}
	if r := c.rows[k]; r != nil && r.TheirCount+int64(r.Theirs.Sign()) != 0 {
		return k, nil
	}
	for i := range c.convert {
		if v := &c.convert[i]; v.from == o.Currency {
			to := diffKey{o.Day, c.seat, o.Deal, v.to}
			if c.rows[to] != nil {
				return to, &v.rate
			}
		}
	}
	return k, nil
}

// book adds one kind of ours.
func (r *diffRow) book(o *clearingView, amount *big.Int) {
	switch o.Kind {
	case "billed":
		r.OurCount += o.Count
		r.Ours.Add(r.Ours, amount)
		r.evidence(causeLate, new(big.Int).Neg(amount))
	case "bid":
		r.bidCount += o.Count
		r.bid.Add(r.bid, amount)
		r.evidence(causeLate, amount)
	case "past_hard":
		r.pastHard += o.Count
		r.evidence(causePastHard, amount)
	case "dispute":
		r.evidence(causeDispute, amount)
	case "bad_price":
		r.badPrices += o.Count
	}
	if cause, ok := strings.CutPrefix(o.Kind, "adjust/"); ok {
		r.Ours.Add(r.Ours, amount)
		if cause != causeInvalid && cause != causeFX && cause != causeDispute && cause != causeLate && cause != causePastHard {
			cause = causeAdjusted
		}
		r.evidence(cause, new(big.Int).Neg(amount)) // where the exchange has not done it too
	}
}

// explain splits the difference. A cause explains at most what is left of it and
// only in its direction.
func (r *diffRow) explain() {
	if n := r.badPrices; n > 0 {
		r.evidence(causeBadPrice, r.average(n))
	}
	if n := r.wins - r.bidCount - r.pastHard - r.badPrices; r.counted && n > 0 {
		r.evidence(causeWonUnbilled, r.average(n))
	}
	if n := r.bidCount - r.rendered; r.counted && n > 0 {
		r.evidence(causeUnrendered, new(big.Int).Neg(r.average(n)))
	}
	rest := r.diff()
	for _, cause := range causes {
		e := r.Evidence[cause]
		if e == nil || e.Sign() == 0 || e.Sign() != rest.Sign() {
			continue
		}
		part := e
		if part.CmpAbs(rest) > 0 {
			part = rest
		}
		r.Causes[cause] = new(big.Int).Set(part)
		rest = new(big.Int).Sub(rest, part)
	}
	switch {
	case rest.Sign() == 0:
		return
	case r.converted || rest.CmpAbs(r.rounding) <= 0:
		if r.Causes[causeFX] == nil {
			r.Causes[causeFX] = new(big.Int)
		}
		r.Causes[causeFX].Add(r.Causes[causeFX], rest)
	default:
		r.Causes[causeUnexplained] = rest
	}
}

// average is what n impressions cost, as the side says that has more of them.
func (r *diffRow) average(n int64) *big.Int {
	sum, count := r.Theirs, r.TheirCount
	if r.OurCount > count {
		sum, count = r.Ours, r.OurCount
	}
	if count == 0 {
		return new(big.Int)
	}
	v := new(big.Int).Mul(sum, big.NewInt(n))
	return v.Quo(v, big.NewInt(count))
}

// over says whether diff is above ppm of the larger side.
func over(diff, ours, theirs *big.Int, ppm int64) bool {
	larger := ours
	if theirs.CmpAbs(ours) > 0 {
		larger = theirs
	}
	left := new(big.Int).Mul(diff, big.NewInt(1_000_000))
	return left.CmpAbs(new(big.Int).Mul(larger, big.NewInt(ppm))) > 0
}

func convertBig(n *big.Int, rate money.Rate) *big.Int {
	v := new(big.Int).Mul(n, big.NewInt(int64(rate)))
	return v.Quo(v, big.NewInt(int64(money.One)))
}

// parseUnits reads a decimal of currency units into nanos, of any size.
func parseUnits(s string) (*big.Int, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	if len(frac) > 9 || strings.ContainsAny(frac, "+-") {
		return nil, false
	}
	return new(big.Int).SetString(whole+(frac + "000000000")[:9], 10)
}

// unitsText prints nanos as a decimal of currency units, of any size.
func unitsText(n *big.Int) string {
	if n == nil {
		return "0"
	}
	if n.IsInt64() {
		return money.Nanos(n.Int64()).String()
	}
	whole, frac := new(big.Int).QuoRem(n, big.NewInt(int64(money.Unit)), new(big.Int))
	text := whole.String()
	if f := strings.TrimRight(fmt.Sprintf("%09d", frac.Abs(frac)), "0"); f != "" {
		text += "." + f
	}
	return text
}
