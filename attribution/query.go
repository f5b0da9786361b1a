package attribution

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"bidhawk/attribution/rollup"
	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Dimension is what a report can be grouped by.
type Dimension string

// The dimensions. Site is a site's domain or an app's bundle; size is the creative's.
const (
	ByDay            Dimension = "day"
	ByHour           Dimension = "hour"
	ByAdvertiser     Dimension = "advertiser"
	ByCampaign       Dimension = "campaign"
	ByLineItem       Dimension = "line_item"
	ByCreative       Dimension = "creative"
	ByExchange       Dimension = "exchange"
	ByDeal           Dimension = "deal"
	BySite           Dimension = "site"
	ByFormat         Dimension = "format"
	BySize           Dimension = "size"
	ByDeviceType     Dimension = "device_type"
	ByCountry        Dimension = "country"
	ByRegion         Dimension = "region"
	ByConversionType Dimension = "conversion_type"
)

// dimensions in the order of a row's columns.
var dimensions = []Dimension{
	ByDay, ByHour, ByAdvertiser, ByCampaign, ByLineItem, ByCreative, ByExchange, ByDeal, BySite,
	ByFormat, BySize, ByDeviceType, ByCountry, ByRegion, ByConversionType,
}

// Query is a report's question. Empty filters ask nothing.
type Query struct {
	From, To    Day            // both included
	Zone        *time.Location // nil: each advertiser's own days, as the ledger has them
	GroupBy     []Dimension
	Advertisers []campaigns.ID // required: a report never covers an advertiser that is not named here

	Campaigns, LineItems, Creatives []campaigns.ID
	Exchanges, Deals, Sites, Apps   []string
	// Of what was shown: Formats, Sizes ("300x250"), DeviceTypes (AdCOM's numbers),
	// Countries and Regions.
	Formats, Sizes, DeviceTypes, Countries, Regions []string
	ConversionTypes                                 []string

	// Sort orders the rows by a figure or dimension; "": by the dimensions.
	Sort       string
	Descending bool
	// Top keeps so many rows of each currency and adds the others up into Report.Rest;
	// 0: all.
	Top int
	// MaxRows bounds the answer; more is ErrTooManyRows. 0: 50,000.
	MaxRows int
}

// ErrTooManyRows reports a question whose answer is longer than its bound.
var ErrTooManyRows = errors.New("the report has too many rows")

// ErrZoneRequired reports hours of advertisers in several zones.
var ErrZoneRequired = errors.New("the advertisers have several time zones; hours need one zone")

const defaultMaxRows = 50_000

// maxGroups bounds what is added up before Query.Top keeps the best.
const maxGroups = 1_000_000

// Row is one line of a report. Only the fields of Query.GroupBy are set.
type Row struct {
	Day            Day
	Hour           time.Time // its start, in the report's zone
	Advertiser     campaigns.ID
	Campaign       campaigns.ID
	LineItem       campaigns.ID
	Creative       campaigns.ID
	Exchange       string
	Deal           string
	Site           string
	App            bool
	Format         string
	Size           string
	DeviceType     string
	Country        string
	Region         string
	ConversionType string
	Currency       money.Currency // of every amount in the row
	metrics        metrics
}

// Report is the answer to a Query.
type Report struct {
	Query  Query
	Rows   []Row // by Query.Sort, or else in the order of the dimensions; currency by currency
	Totals []Row // one for each currency
	Rest   []Row // with Query.Top: what the rows leave out, one for each currency that has more
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
		groups := limit + 1 - len(rep.Rows)
		if q.Top > 0 {
			groups = maxGroups
		}
		part, err := s.queryRows(ctx, catalog, &q, c, groups)
		if errors.Is(err, rollup.ErrTooManyGroups) {
			return nil, fmt.Errorf("%w: more than %d", ErrTooManyRows, groups)
		}
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		rep.Rows, rep.Totals = append(rep.Rows, part.rows...), append(rep.Totals, part.total)
		if part.rest != nil {
			rep.Rest = append(rep.Rest, *part.rest)
		}
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
