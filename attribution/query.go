package attribution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Dimension is what a report can be grouped by.
type Dimension string

// The dimensions. Site is a site's domain or an app's bundle.
const (
	ByDay        Dimension = "day"
	ByHour       Dimension = "hour"
	ByAdvertiser Dimension = "advertiser"
	ByCampaign   Dimension = "campaign"
	ByLineItem   Dimension = "line_item"
	ByCreative   Dimension = "creative"
	ByExchange   Dimension = "exchange"
	ByDeal       Dimension = "deal"
	BySite       Dimension = "site"
)

// dimensions in the order of a row's columns.
var dimensions = []Dimension{
	ByDay, ByHour, ByAdvertiser, ByCampaign, ByLineItem, ByCreative, ByExchange, ByDeal, BySite,
}

// Query is a report's question. Empty filters ask nothing.
type Query struct {
	From, To    Day            // both included
	Zone        *time.Location // nil: each advertiser's own days, as the ledger has them
	GroupBy     []Dimension
	Advertisers []campaigns.ID // required: a report never covers an advertiser that is not named here

	Campaigns, LineItems, Creatives []campaigns.ID
	Exchanges, Deals, Sites, Apps   []string
	// MaxRows bounds the answer; more is ErrTooManyRows. 0: 50,000.
	MaxRows int
}

// ErrTooManyRows reports a question whose answer is longer than its bound.
var ErrTooManyRows = errors.New("the report has too many rows")

// ErrZoneRequired reports hours of advertisers in several zones.
var ErrZoneRequired = errors.New("the advertisers have several time zones; hours need one zone")

const defaultMaxRows = 50_000

// Row is one line of a report. Only the fields of Query.GroupBy are set.
type Row struct {
	Day        Day
	Hour       time.Time // its start, in the report's zone
	Advertiser campaigns.ID
	Campaign   campaigns.ID
	LineItem   campaigns.ID
	Creative   campaigns.ID
	Exchange   string
	Deal       string
	Site       string
	App        bool
	Currency   money.Currency // of every amount in the row
	metrics    metrics
}

// Report is the answer to a Query.
type Report struct {
	Query  Query
	Rows   []Row // in the order of the dimensions, currency by currency
	Totals []Row // one for each currency
	// Final: no record that the rules admit can change the report any more.
	Final bool
	Freshness
}

// Report answers q from the roll-ups.
func (s *Service) Report(ctx context.Context, q Query) (*Report, error) {
	fresh, err := s.Freshness(ctx) // first: what is read after it can only be newer
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	catalog := s.deps.Catalog()
	if q.Zone == nil && slices.Contains(q.GroupBy, ByHour) && len(zonesOf(catalog, &q)) > 1 {
		return nil, ErrZoneRequired
	}
	rep := &Report{Query: q, Freshness: fresh, Final: s.final(catalog, &q, fresh)}
	limit := q.MaxRows
	if limit == 0 {
		limit = defaultMaxRows
	}
	for _, c := range byCurrency(catalog, q.Advertisers) {
		total := Row{Currency: c.currency}
		rows, err := s.queryRows(ctx, catalog, &q, c, limit+1-len(rep.Rows))
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		for i := range rows {
			total.metrics.add(&rows[i].metrics)
		}
		rep.Rows = append(rep.Rows, rows...)
		rep.Totals = append(rep.Totals, total)
		if len(rep.Rows) > limit {
			return nil, fmt.Errorf("%w: more than %d", ErrTooManyRows, limit)
		}
	}
	return rep, nil
}

// final says whether q's last day ended long enough ago in every zone of q.
func (s *Service) final(catalog *campaigns.Catalog, q *Query, f Freshness) bool {
	for _, loc := range zonesOf(catalog, q) {
		if f.AsOf.Before((q.To + 1).start(loc).Add(s.cfg.FinalAfter)) {
			return false
		}
	}
	return true
}

// zonesOf are the zones whose days q speaks of.
func zonesOf(catalog *campaigns.Catalog, q *Query) []*time.Location {
	if q.Zone != nil {
		return []*time.Location{q.Zone}
	}
	z, names := make(zones), make(map[string]bool)
	var locs []*time.Location
	for _, id := range q.Advertisers {
		if a := catalog.Advertisers[id]; a != nil && !names[a.TimeZone] {
			names[a.TimeZone] = true
			locs = append(locs, z.of(a.TimeZone))
		}
	}
	return locs
}

// currencyScope is the advertisers of one currency.
type currencyScope struct {
	currency    money.Currency
	advertisers []int64
}

func byCurrency(catalog *campaigns.Catalog, ids []campaigns.ID) []currencyScope {
	m := make(map[money.Currency][]int64)
	for _, id := range ids {
		if a := catalog.Advertisers[id]; a != nil {
			m[a.Currency] = append(m[a.Currency], int64(id))
		}
	}
	out := make([]currencyScope, 0, len(m))
	for c, ids := range m {
		out = append(out, currencyScope{c, ids})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].currency.String() < out[j].currency.String() })
	return out
}

func (s *Service) queryRows(ctx context.Context, catalog *campaigns.Catalog, q *Query, c currencyScope, limit int) ([]Row, error) {
	b := newSelect(catalog, q, c.advertisers)
	rows, err := s.store.r.QueryContext(ctx, b.sql(limit), b.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Row
	var hour int64
	for rows.Next() {
		r := Row{Currency: c.currency}
		dests := r.metrics.appendDests(r.appendDests(nil, q.GroupBy, &hour))
		if err := rows.Scan(dests...); err != nil {
			return nil, err
		}
		if r.metrics.isZero() {
			continue // all that was counted here was taken back
		}
		if slices.Contains(q.GroupBy, ByHour) {
			r.Hour = time.Unix(hour, 0).In(b.loc)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (r *Row) appendDests(dests []any, by []Dimension, hour *int64) []any {
	for _, d := range dimensions {
		if !slices.Contains(by, d) {
			continue
		}
		switch d {
		case ByDay:
			dests = append(dests, &r.Day)
		case ByHour:
			dests = append(dests, hour)
		case ByAdvertiser:
			dests = append(dests, &r.Advertiser)
		case ByCampaign:
			dests = append(dests, &r.Campaign)
		case ByLineItem:
			dests = append(dests, &r.LineItem)
		case ByCreative:
			dests = append(dests, &r.Creative)
		case ByExchange:
			dests = append(dests, &r.Exchange)
		case ByDeal:
			dests = append(dests, &r.Deal)
		case BySite:
			dests = append(dests, &r.Site, &r.App)
		}
	}
	return dests
}

// selectBuilder puts a report's SQL together.
type selectBuilder struct {
	loc   *time.Location // of hours, and of days where the query names a zone
	table string
	keys  []string
	where []string
	args  []any
}

func newSelect(catalog *campaigns.Catalog, q *Query, advertisers []int64) *selectBuilder {
	b := &selectBuilder{loc: q.Zone, table: "rollups"}
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
			b.keys = append(b.keys, keyExpr(d, q.Zone != nil, clock)...)
		}
	}
	b.in("advertiser", advertisers)
	if q.Zone == nil {
		b.and("day BETWEEN ? AND ?", int64(q.From), int64(q.To))
	} else {
		// Days of other zones begin at most 26 hours apart; day is the index's.
		b.and("day BETWEEN ? AND ?", int64(q.From)-2, int64(q.To)+2)
		b.and("slot >= ? AND slot < ?", from.Unix(), to.Unix())
	}
	b.filters(q)
	if q.coarse() {
		b.table = "line_item_days"
	}
	return b
}

// keyExpr is the SQL of dimension d.
func keyExpr(d Dimension, inZone bool, c clock) []string {
	switch {
	case d == ByDay && inZone:
		return []string{c.daySQL()}
	case d == ByHour:
		return []string{c.hourSQL()}
	case d == BySite:
		return []string{"site", "app"}
	}
	return []string{string(d)}
}

// coarse says whether the sums by line item and day suffice.
func (q *Query) coarse() bool {
	for _, d := range q.GroupBy {
		if d != ByDay && d != ByAdvertiser && d != ByCampaign && d != ByLineItem {
			return false
		}
	}
	return q.Zone == nil && len(q.Creatives)+len(q.Exchanges)+len(q.Deals)+len(q.Sites)+len(q.Apps) == 0
}

func (b *selectBuilder) filters(q *Query) {
	b.ids("campaign", q.Campaigns)
	b.ids("line_item", q.LineItems)
	b.ids("creative", q.Creatives)
	if len(q.Exchanges) > 0 {
		b.in("exchange", q.Exchanges)
	}
	if len(q.Deals) > 0 {
		b.in("deal", q.Deals)
	}
	if len(q.Sites)+len(q.Apps) > 0 {
		b.and("((app = 0 AND site IN (SELECT value FROM json_each(?))) OR (app = 1 AND site IN (SELECT value FROM json_each(?))))",
			jsonList(q.Sites), jsonList(q.Apps))
	}
}

func (b *selectBuilder) ids(column string, ids []campaigns.ID) {
	if len(ids) > 0 {
		b.in(column, ids)
	}
}

func (b *selectBuilder) in(column string, list any) {
	b.and(column+" IN (SELECT value FROM json_each(?))", jsonList(list))
}

func (b *selectBuilder) and(cond string, args ...any) {
	b.where = append(b.where, cond)
	b.args = append(b.args, args...)
}

// jsonList is a bound list: SQLite reads it with json_each.
func jsonList(list any) string {
	out, err := json.Marshal(list)
	if err != nil || string(out) == "null" {
		return "[]" // only lists of numbers and strings come here
	}
	return string(out)
}

func (b *selectBuilder) sql(limit int) string {
	var out strings.Builder
	out.WriteString("SELECT ")
	for _, k := range b.keys {
		out.WriteString(k + ", ")
	}
	for i, c := range metricColumns {
		if i > 0 {
			out.WriteString(", ")
		}
		// Without a key there is always one row, of NULLs where nothing matched.
		out.WriteString("coalesce(sum(" + c + "), 0)")
	}
	out.WriteString(" FROM " + b.table + " WHERE " + strings.Join(b.where, " AND "))
	if len(b.keys) > 0 {
		ordinals := make([]string, len(b.keys))
		for i := range b.keys {
			ordinals[i] = fmt.Sprint(i + 1)
		}
		list := strings.Join(ordinals, ", ")
		out.WriteString(" GROUP BY " + list + " ORDER BY " + list)
	}
	fmt.Fprintf(&out, " LIMIT %d", limit)
	return out.String()
}
