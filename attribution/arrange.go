package attribution

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
)

// sort orders rows as q says; ties go by the dimensions.
func (q *Query) sort(rows []Row) {
	by := func(a, b *Row) int {
		for _, d := range dimensions {
			if slices.Contains(q.GroupBy, d) {
				if c := a.compare(b, d); c != 0 {
					return c
				}
			}
		}
		return 0
	}
	if d := Dimension(q.Sort); slices.Contains(dimensions, d) {
		slices.SortFunc(rows, func(a, b Row) int {
			c := a.compare(&b, d)
			if q.Descending {
				c = -c
			}
			return cmp.Or(c, by(&a, &b))
		})
		return
	}
	f := figureOf(q.Sort)
	if f == nil {
		slices.SortFunc(rows, func(a, b Row) int { return by(&a, &b) })
		return
	}
	type keyed struct {
		row Row
		key *big.Rat
	}
	list := make([]keyed, len(rows))
	for i := range rows {
		list[i] = keyed{rows[i], f.number(&rows[i].metrics)}
	}
	slices.SortFunc(list, func(a, b keyed) int {
		switch {
		case a.key == nil || b.key == nil: // what is nothing comes last, whichever way
			if a.key != nil {
				return -1
			}
			if b.key != nil {
				return 1
			}
			return by(&a.row, &b.row)
		case q.Descending:
			return cmp.Or(b.key.Cmp(a.key), by(&a.row, &b.row))
		}
		return cmp.Or(a.key.Cmp(b.key), by(&a.row, &b.row))
	})
	for i := range list {
		rows[i] = list[i].row
	}
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

// number is the figure's value; nil where it is nothing.
func (f *figure) number(m *metrics) *big.Rat {
	text := f.text(m)
	if text == "" {
		return nil
	}
	n, _ := new(big.Rat).SetString(text) // digits and a point: as we write them
	return n
}

// compare orders two rows by dimension d.
func (r *Row) compare(o *Row, d Dimension) int {
	switch d {
	case ByDay:
		return cmp.Compare(r.Day, o.Day)
	case ByHour:
		return r.Hour.Compare(o.Hour)
	case ByAdvertiser:
		return cmp.Compare(r.Advertiser, o.Advertiser)
	case ByCampaign:
		return cmp.Compare(r.Campaign, o.Campaign)
	case ByLineItem:
		return cmp.Compare(r.LineItem, o.LineItem)
	case ByCreative:
		return cmp.Compare(r.Creative, o.Creative)
	case BySite:
		return cmp.Or(strings.Compare(r.Site, o.Site), cmp.Compare(btoi(r.App), btoi(o.App)))
	case ByDeviceType:
		return cmp.Or(cmp.Compare(len(r.DeviceType), len(o.DeviceType)), strings.Compare(r.DeviceType, o.DeviceType))
	}
	return strings.Compare(r.textOf(d), o.textOf(d))
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

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
