package attribution

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"bidhawk/internal/money"
)

// kind says how a cell is written in JSON; in CSV all are plain text.
type cellKind uint8

const (
	cellNumber  cellKind = iota // digits
	cellText                    // a string
	cellDecimal                 // a decimal in a string; empty: null
	cellBool
)

// figure is a column of a report that is counted or computed.
type figure struct {
	name     string
	doc      string
	kind     cellKind
	operator bool // the operator's own affair
	cost     bool // what the operator pays and keeps: where the contract tells it
	text     func(m *metrics) string
	// What it is made of: one of them is there.
	count  func(m *metrics) int64
	amount func(m *metrics) Amount
	parts  func(m *metrics) (a, b *big.Int) // a / b
}

// figures are the columns of every report, in their order. Ratios have at most
// six decimals, halves away from zero; a ratio to nothing is null.
var figures = []figure{
	countOf("bids", "bids made", nBids),
	countOf("wins", "auctions won, by the exchange's notice", nWins),
	countOf("billable", "impressions that the exchange bills", nBillable),
	countOf("impressions", "impressions that the browser reported", nImpressions),
	countOf("viewable", "impressions that were measured as viewable", nViewable),
	countOf("clicks", "clicks", nClicks),
	countOf("starts", "video and audio that began to play", nStarts),
	countOf("first_quartiles", "played to a quarter", nFirstQuartiles),
	countOf("midpoints", "played to the middle", nMidpoints),
	countOf("third_quartiles", "played to three quarters", nThirdQuartiles),
	countOf("completes", "played to the end", nCompletes),
	countOf("click_conversions", "conversions owed to a click", nClickConversions),
	countOf("view_conversions", "conversions owed to an impression", nViewConversions),
	countBy("conversions", "attributed conversions", (*metrics).conversions),
	sumOf("value", "value of the attributed conversions", sValue),
	costOf(sumOf("media_cost", "what the exchanges are paid", sMedia)),
	sumOf("data_fee", "fee for audience data", sDataFee),
	sumOf("platform_fee", "the platform's fee", sPlatformFee),
	costOf(sumOf("margin", "charge and house accounts less media cost and fees", sMargin)),
	sumOf("charge", "what the advertiser pays", sCharge),
	operatorOnly(sumOf("house_late", "late charges that no longer fitted the budget", sHouseLate)),
	operatorOnly(sumOf("house_unbilled", "charges that the budget refused", sHouseUnbilled)),
	ratioOf("win_rate", "wins / bids", func(m *metrics) (a, b *big.Int) {
		return big.NewInt(m.n[nWins]), big.NewInt(m.n[nBids])
	}),
	ratioOf("viewability", "viewable / impressions", func(m *metrics) (a, b *big.Int) {
		return big.NewInt(m.n[nViewable]), big.NewInt(m.n[nImpressions])
	}),
	ratioOf("completion_rate", "completes / starts", func(m *metrics) (a, b *big.Int) {
		return big.NewInt(m.n[nCompletes]), big.NewInt(m.n[nStarts])
	}),
	ratioOf("ctr", "clicks / impressions", func(m *metrics) (a, b *big.Int) {
		return big.NewInt(m.n[nClicks]), big.NewInt(m.n[nImpressions])
	}),
	ratioOf("cvr", "conversions / clicks", func(m *metrics) (a, b *big.Int) {
		return big.NewInt(m.conversions()), big.NewInt(m.n[nClicks])
	}),
	ratioOf("ecpm", "charge per 1,000 impressions", func(m *metrics) (a, b *big.Int) {
		charge := m.s[sCharge].big()
		return charge.Mul(charge, big.NewInt(1000)), nanosOf(m.n[nImpressions])
	}),
	ratioOf("ecpc", "charge per click", func(m *metrics) (a, b *big.Int) {
		return m.s[sCharge].big(), nanosOf(m.n[nClicks])
	}),
	ratioOf("ecpa", "charge per conversion", func(m *metrics) (a, b *big.Int) {
		return m.s[sCharge].big(), nanosOf(m.conversions())
	}),
	ratioOf("roas", "value / charge", func(m *metrics) (a, b *big.Int) {
		return m.s[sValue].big(), m.s[sCharge].big()
	}),
}

func (m *metrics) conversions() int64 { return m.n[nClickConversions] + m.n[nViewConversions] }

func countOf(name, doc string, i int) figure {
	return countBy(name, doc, func(m *metrics) int64 { return m.n[i] })
}

func countBy(name, doc string, n func(*metrics) int64) figure {
	return figure{name: name, doc: doc, count: n, text: func(m *metrics) string { return strconv.FormatInt(n(m), 10) }}
}

func sumOf(name, doc string, i int) figure {
	sum := func(m *metrics) Amount { return m.s[i] }
	return figure{name: name, doc: doc, kind: cellDecimal, amount: sum, text: func(m *metrics) string { return sum(m).String() }}
}

func ratioOf(name, doc string, parts func(*metrics) (a, b *big.Int)) figure {
	return figure{name: name, doc: doc, kind: cellDecimal, parts: parts, text: func(m *metrics) string { return ratio(parts(m)) }}
}

func operatorOnly(f figure) figure {
	f.operator = true
	return f
}

func costOf(f figure) figure {
	f.cost = true
	return f
}

// shownTo are the figures that a reader may see, of those asked for (all, where none
// is named), in their order.
func shownTo(operator, costs bool, asked []string) []*figure {
	var out []*figure
	for i := range figures {
		f := &figures[i]
		if f.operator && !operator || f.cost && !costs && !operator {
			continue
		}
		if len(asked) == 0 || slices.Contains(asked, f.name) {
			out = append(out, f)
		}
	}
	return out
}

// nanosOf is n units in nanos.
func nanosOf(n int64) *big.Int {
	return new(big.Int).Mul(big.NewInt(n), big.NewInt(int64(money.Unit)))
}

// ratio is a/b as a decimal; "" where b is 0.
func ratio(a, b *big.Int) string {
	if b.Sign() == 0 {
		return ""
	}
	s := new(big.Rat).SetFrac(a, b).FloatString(6)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

// cell is one value of a row; JSON and CSV are two spellings of the same cells.
type cell struct {
	name string
	text string
	kind cellKind
}

// cells are the row's values: its keys, the currency, the figures.
func (r *Row) cells(by []Dimension, show []*figure) []cell {
	out := make([]cell, 0, len(by)+2+len(show))
	for _, d := range dimensions {
		for _, g := range by {
			if g == d {
				out = r.appendKey(out, d)
			}
		}
	}
	out = append(out, cell{"currency", r.Currency.String(), cellText})
	for _, f := range show {
		out = append(out, cell{f.name, f.text(&r.metrics), f.kind})
	}
	return out
}

func (r *Row) appendKey(out []cell, d Dimension) []cell {
	id := func(v int64) []cell { return append(out, cell{string(d), strconv.FormatInt(v, 10), cellNumber}) }
	text := func(v string) []cell { return append(out, cell{string(d), v, cellText}) }
	switch d {
	case ByDay:
		return text(r.Day.String())
	case ByHour:
		return text(r.Hour.Format("2006-01-02T15:04:05Z07:00"))
	case ByAdvertiser:
		return id(int64(r.Advertiser))
	case ByCampaign:
		return id(int64(r.Campaign))
	case ByLineItem:
		return id(int64(r.LineItem))
	case ByCreative:
		return id(int64(r.Creative))
	case BySite:
		return append(text(r.Site), cell{"app", strconv.FormatBool(r.App), cellBool})
	default:
		return text(r.textOf(d))
	}
}
