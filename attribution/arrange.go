package attribution

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"bidhawk/attribution/rollup"
)

// ranked is a group of an answer and what it is sorted by.
type ranked struct {
	group int
	key   rank
}

// rank orders the values of one figure: whole parts, then the rest. None comes last,
// whichever way.
type rank struct {
	whole, rest int64
	none        bool
}

// sortGroups orders groups as q says; ties go by the dimensions.
func (b *selection) sortGroups(a *rollup.Answer, list []ranked, q *Query, figure bool) {
	first, sign := -1, 1 // the dimension to sort by before the others
	if q.Descending {
		sign = -1
	}
	for d, dim := range b.dims {
		if string(dim) == q.Sort {
			first = d
		}
	}
	slices.SortFunc(list, func(x, y ranked) int {
		if figure {
			if x.key.none != y.key.none {
				return btoi(x.key.none) - btoi(y.key.none)
			}
			if c := cmp.Compare(x.key.whole, y.key.whole); c != 0 {
				return sign * c
			}
			if c := cmp.Compare(x.key.rest, y.key.rest); c != 0 {
				return sign * c
			}
		}
		if first >= 0 {
			if c := b.compare(a, first, x.group, y.group); c != 0 {
				return sign * c
			}
		}
		for d := range b.By {
			if c := b.compare(a, d, x.group, y.group); c != 0 {
				return c
			}
		}
		return 0
	})
}

// compare orders two groups by dimension d.
func (b *selection) compare(a *rollup.Answer, d, x, y int) int {
	if !b.By[d].IsText() {
		return cmp.Compare(a.Int(x, d), a.Int(y, d))
	}
	if b.dims[d] == ByDeviceType { // numbers of one or two digits
		if c := cmp.Compare(len(a.Text(x, d)), len(a.Text(y, d))); c != 0 {
			return c
		}
	}
	return strings.Compare(a.Text(x, d), a.Text(y, d))
}

// figureOf is the figure of that name; nil: there is none.
func figureOf(name string) *figure {
	for i := range figures {
		if figures[i].name == name {
			return &figures[i]
		}
	}
	return nil
}

// rank is what the figure's value is sorted by: of ratios as precisely as they are told.
func (f *figure) rank(m *metrics) rank {
	switch {
	case f.count != nil:
		return rank{whole: f.count(m)}
	case f.amount != nil:
		v := f.amount(m).Norm()
		return rank{whole: v.Units, rest: v.Nanos}
	}
	a, b := f.parts(m)
	if b.Sign() == 0 {
		return rank{none: true}
	}
	q := a.Mul(a, big.NewInt(1_000_000)).Quo(a, b)
	if !q.IsInt64() {
		return rank{whole: int64(q.Sign()) * (1<<63 - 1)}
	}
	return rank{whole: q.Int64()}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (r *Row) textOf(d Dimension) string {
	switch d {
	case ByExchange:
		return r.Exchange
	case ByDeal:
		return r.Deal
	case BySite:
		return r.Site
	case ByFormat:
		return r.Format
	case BySize:
		return r.Size
	case ByDeviceType:
		return r.DeviceType
	case ByCountry:
		return r.Country
	case ByRegion:
		return r.Region
	}
	return r.ConversionType
}
