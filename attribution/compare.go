package attribution

import (
	"fmt"
	"math/big"
	"time"
)

// comparison is the report of earlier days, by the rows of the later ones.
type comparison struct {
	Query  Query
	shift  Day // what an earlier day is behind the one that it is compared with
	rows   map[string]metrics
	totals map[string]metrics // by currency
}

// compareWith answers q again for the days from from on.
func newComparison(rep *Report, q *Query) *comparison {
	c := &comparison{Query: rep.Query, shift: q.From - rep.Query.From, rows: make(map[string]metrics), totals: make(map[string]metrics)}
	for i := range rep.Rows {
		r := rep.Rows[i]
		if !r.Hour.IsZero() {
			r.Hour = shifted(r.Hour, c.shift)
		}
		if r.Day != 0 {
			r.Day += c.shift
		}
		c.rows[r.key(rep.Query.GroupBy)] = r.metrics
	}
	for i := range rep.Totals {
		c.totals[rep.Totals[i].Currency.String()] = rep.Totals[i].metrics
	}
	return c
}

// shifted is the same hour of the clock, days later.
func shifted(t time.Time, days Day) time.Time { return t.AddDate(0, 0, int(days)) }

// of is what the row's figures were; by is empty for totals.
func (c *comparison) of(r *Row, by []Dimension) metrics {
	if len(by) == 0 {
		return c.totals[r.Currency.String()]
	}
	return c.rows[r.key(by)]
}

// key names a row by what it is grouped by.
func (r *Row) key(by []Dimension) string {
	out := r.Currency.String()
	for _, c := range r.cells(by, nil) {
		out += fmt.Sprintf("\x00%s", c.text)
	}
	return out
}

// change is by what share of its earlier value the figure has grown; "" where there
// was nothing.
func (f *figure) change(before, now *metrics) string {
	was, is := f.number(before), f.number(now)
	if was == nil || is == nil || was.Sign() == 0 {
		return ""
	}
	is.Sub(is, was)
	if was.Sign() < 0 {
		was.Neg(was)
	}
	is.Quo(is, was)
	return ratio(is.Num(), is.Denom())
}

// number is the figure's value; nil where it is nothing.
func (f *figure) number(m *metrics) *big.Rat {
	switch {
	case f.count != nil:
		return new(big.Rat).SetInt64(f.count(m))
	case f.amount != nil:
		return new(big.Rat).SetInt(f.amount(m).big())
	}
	a, b := f.parts(m)
	if b.Sign() == 0 {
		return nil
	}
	return new(big.Rat).SetFrac(a, b)
}
