package attribution

import (
	"context"
	"runtime"
	"slices"
	"time"

	"bidhawk/attribution/rollup"
	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// queryRows asks the roll-ups for the rows of one currency.
func (s *Service) queryRows(ctx context.Context, catalog *campaigns.Catalog, q *Query, c currencyScope, limit int) (answered, error) {
	b := newSelection(catalog, q, c.advertisers)
	b.MaxGroups, b.Workers = limit, runtime.GOMAXPROCS(0)
	a, err := rollup.Ask(ctx, s.store.r, rollupSums, &b.Query)
	if err != nil {
		return answered{}, err
	}
	return b.rows(a, q, c.currency), nil
}

// answered is what the roll-ups say in one currency.
type answered struct {
	rows  []Row // sorted; at most Query.Top
	total Row
	rest  *Row // what rows leave out
}

// rows makes the rows of an answer. Fast path: of many groups only the best become rows.
func (b *selection) rows(a *rollup.Answer, q *Query, currency money.Currency) answered {
	f, top := figureOf(q.Sort), q.Top
	out := answered{total: Row{Currency: currency}}
	var best []ranked
	for g := range a.Groups() {
		var m metrics
		m.get(func(i int) int64 { return a.Sum(g, i) })
		if m.isZero() {
			continue // all that was counted here was taken back
		}
		out.total.metrics.add(&m)
		r := ranked{group: g}
		if f != nil {
			r.key = f.rank(&m)
		}
		best = append(best, r)
	}
	b.sortGroups(a, best, q, f != nil)
	if top > 0 && len(best) > top {
		rest := Row{Currency: currency, metrics: out.total.metrics}
		for _, r := range best[:top] {
			var m metrics
			m.get(func(i int) int64 { return -a.Sum(r.group, i) })
			rest.metrics.add(&m)
		}
		best, out.rest = best[:top], &rest
	}
	out.rows = make([]Row, len(best))
	for i, r := range best {
		row := &out.rows[i]
		row.Currency = currency
		row.metrics.get(func(i int) int64 { return a.Sum(r.group, i) })
		for d, by := range b.by {
			by(row, a, r.group, d)
		}
	}
	return out
}

// selection is a report's question to the roll-ups.
type selection struct {
	rollup.Query
	// by sets the row's key from the answer's dimension of the same number.
	by []func(r *Row, a *rollup.Answer, g, d int)
	// dims are what By asks, one for one; a site's has its app after it.
	dims []Dimension
	loc  *time.Location // of hours, and of days where the query names a zone
}

func newSelection(catalog *campaigns.Catalog, q *Query, advertisers []int64) *selection {
	b := &selection{loc: q.Zone}
	if b.loc == nil {
		b.loc = time.UTC
		if locs := zonesOf(catalog, q); len(locs) > 0 {
			b.loc = locs[0]
		}
	}
	from, to := q.From.start(b.loc), (q.To + 1).start(b.loc)
	clock := clockOf(b.loc, from, to)
	for _, d := range dimensions {
		if slices.Contains(q.GroupBy, d) {
			b.group(d, q.Zone != nil, clock)
		}
	}
	b.From, b.To = int32(q.From), int32(q.To)
	if q.Zone != nil {
		// Days of other zones begin at most 26 hours apart; a part's are its advertisers'.
		b.From, b.To = b.From-2, b.To+2
		first, end := from.Unix(), to.Unix()
		b.Where = append(b.Where, rollup.Filter{Column: rollup.Slot, Int: func(v int64) bool { return v >= first && v < end }})
	}
	b.Where = append(b.Where, rollup.Filter{Column: rollup.Advertiser, Int: oneOf(advertisers)})
	b.filters(q)
	b.Cube = rollup.Smallest(b.columns()...)
	return b
}

// columns are all that the question reads of keys.
func (b *selection) columns() []rollup.Column {
	var out []rollup.Column
	for _, d := range b.By {
		if !d.Day {
			out = append(out, d.Column)
		}
	}
	for _, f := range b.Where {
		out = append(out, f.Column)
	}
	for _, all := range b.Either {
		for _, f := range all {
			out = append(out, f.Column)
		}
	}
	return out
}

// group adds dimension d.
func (b *selection) group(d Dimension, inZone bool, c clock) {
	add := func(dim rollup.Dim, set func(r *Row, a *rollup.Answer, g, d int)) {
		b.By, b.by, b.dims = append(b.By, dim), append(b.by, set), append(b.dims, d)
	}
	id := func(col rollup.Column, to func(*Row) *campaigns.ID) {
		add(rollup.Dim{Column: col}, func(r *Row, a *rollup.Answer, g, d int) { *to(r) = campaigns.ID(a.Int(g, d)) })
	}
	text := func(col rollup.Column, part func(string) string, to func(*Row) *string) {
		add(rollup.Dim{Column: col, Text: part}, func(r *Row, a *rollup.Answer, g, d int) { *to(r) = a.Text(g, d) })
	}
	shown := func(part int, to func(*Row) *string) {
		text(rollup.Shown, func(s string) string { return shownPart(s, part) }, to)
	}
	switch d {
	case ByDay:
		dim := rollup.Dim{Day: true}
		if inZone {
			dim = rollup.Dim{Column: rollup.Slot, Int: c.day}
		}
		add(dim, func(r *Row, a *rollup.Answer, g, d int) { r.Day = Day(a.Int(g, d)) })
	case ByHour:
		add(rollup.Dim{Column: rollup.Slot, Int: c.hour}, func(r *Row, a *rollup.Answer, g, d int) { r.Hour = time.Unix(a.Int(g, d), 0).In(b.loc) })
	case ByAdvertiser:
		id(rollup.Advertiser, func(r *Row) *campaigns.ID { return &r.Advertiser })
	case ByCampaign:
		id(rollup.Campaign, func(r *Row) *campaigns.ID { return &r.Campaign })
	case ByLineItem:
		id(rollup.LineItem, func(r *Row) *campaigns.ID { return &r.LineItem })
	case ByCreative:
		id(rollup.Creative, func(r *Row) *campaigns.ID { return &r.Creative })
	case ByExchange:
		text(rollup.Exchange, nil, func(r *Row) *string { return &r.Exchange })
	case ByDeal:
		text(rollup.Deal, nil, func(r *Row) *string { return &r.Deal })
	case BySite:
		text(rollup.Site, nil, func(r *Row) *string { return &r.Site })
		add(rollup.Dim{Column: rollup.App}, func(r *Row, a *rollup.Answer, g, d int) { r.App = a.Int(g, d) != 0 })
	case ByFormat:
		shown(shownFormat, func(r *Row) *string { return &r.Format })
	case BySize:
		shown(shownSize, func(r *Row) *string { return &r.Size })
	case ByDeviceType:
		shown(shownDevice, func(r *Row) *string { return &r.DeviceType })
	case ByCountry:
		shown(shownCountry, func(r *Row) *string { return &r.Country })
	case ByRegion:
		shown(shownRegion, func(r *Row) *string { return &r.Region })
	case ByConversionType:
		text(rollup.Event, nil, func(r *Row) *string { return &r.ConversionType })
	}
}

func (b *selection) filters(q *Query) {
	ids := func(col rollup.Column, list []campaigns.ID) {
		if len(list) > 0 {
			b.Where = append(b.Where, rollup.Filter{Column: col, Int: func(v int64) bool { return slices.Contains(list, campaigns.ID(v)) }})
		}
	}
	texts := func(col rollup.Column, list []string, part func(string) string) {
		if len(list) == 0 {
			return
		}
		has := setOf(list)
		b.Where = append(b.Where, rollup.Filter{Column: col, Text: func(s string) bool {
			if part != nil {
				s = part(s)
			}
			return has[s]
		}})
	}
	ids(rollup.Campaign, q.Campaigns)
	ids(rollup.LineItem, q.LineItems)
	ids(rollup.Creative, q.Creatives)
	texts(rollup.Exchange, q.Exchanges, nil)
	texts(rollup.Deal, q.Deals, nil)
	for part, list := range [shownParts][]string{
		shownFormat: q.Formats, shownSize: q.Sizes, shownDevice: q.DeviceTypes, shownCountry: q.Countries, shownRegion: q.Regions,
	} {
		texts(rollup.Shown, list, func(s string) string { return shownPart(s, part) })
	}
	texts(rollup.Event, q.ConversionTypes, nil)
	if len(q.Sites)+len(q.Apps) > 0 {
		sites, apps := setOf(q.Sites), setOf(q.Apps)
		b.Either = [][]rollup.Filter{
			{{Column: rollup.App, Int: func(v int64) bool { return v == 0 }}, {Column: rollup.Site, Text: func(s string) bool { return sites[s] }}},
			{{Column: rollup.App, Int: func(v int64) bool { return v != 0 }}, {Column: rollup.Site, Text: func(s string) bool { return apps[s] }}},
		}
	}
}

func setOf(list []string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}

func oneOf(list []int64) func(int64) bool {
	if len(list) == 1 {
		only := list[0]
		return func(v int64) bool { return v == only }
	}
	m := make(map[int64]bool, len(list))
	for _, v := range list {
		m[v] = true
	}
	return func(v int64) bool { return m[v] }
}
