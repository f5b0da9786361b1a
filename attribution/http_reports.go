package attribution

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

type reportInput struct {
	From       string   `query:"from" doc:"first day, such as 2026-11-01; from and to, or range"`
	To         string   `query:"to" doc:"last day, included"`
	Range      string   `query:"range" doc:"instead of from and to, days up to now in the report's zone: today, yesterday, last_7_days, last_30_days, this_month, last_month"`
	GroupBy    []string `query:"group_by,explode" doc:"day, hour, advertiser, campaign, line_item, creative, exchange, deal, site, format, size, device_type, country, region, conversion_type; commas or repeated. None: the totals alone"`
	TimeZone   string   `query:"time_zone" doc:"IANA zone of days and hours; absent: the advertiser's own days, which are the ledger's"`
	Format     string   `query:"format" doc:"json, csv or ndjson; absent: what Accept prefers"`
	Fields     []string `query:"fields,explode" doc:"figures to tell, such as impressions,charge; absent: all that the caller may see"`
	Sort       string   `query:"sort" doc:"a figure or one of group_by, -charge for descending; absent: by group_by"`
	Top        string   `query:"top" doc:"so many rows of each currency; rest adds up the others (1 to 10000)"`
	Limit      string   `query:"limit" doc:"rows of a page (1 to 10000); next is the cursor of the page after it"`
	Cursor     string   `query:"cursor" doc:"next of the page before; the other parameters must be the same"`
	Compare    string   `query:"compare" doc:"previous: the same number of days before from; or the first day to compare with, such as 2026-10-01"`
	Advertiser []string `query:"advertiser,explode"`
	Campaign   []string `query:"campaign,explode"`
	LineItem   []string `query:"line_item,explode"`
	Creative   []string `query:"creative,explode"`
	Exchange   []string `query:"exchange,explode"`
	Deal       []string `query:"deal,explode"`
	Site       []string `query:"site,explode" doc:"domains"`
	App        []string `query:"app,explode" doc:"bundles"`

	AdFormat       []string `query:"ad_format,explode" doc:"banner, video, audio, native, dooh"`
	Size           []string `query:"size,explode" doc:"the creative's, such as 300x250"`
	DeviceType     []string `query:"device_type,explode" doc:"AdCOM's device types, such as 4"`
	Country        []string `query:"country,explode" doc:"ISO 3166-1 alpha-3, as bid requests have them"`
	Region         []string `query:"region,explode" doc:"ISO 3166-2 without the country"`
	ConversionType []string `query:"conversion_type,explode"`
	Accept         string   `header:"Accept"`
}

type reportOutput struct {
	ContentType string `header:"Content-Type"`
	TimeZone    string `header:"Report-Time-Zone"`
	State       string `header:"Report-Status"` // huma keeps the name Status for itself
	AsOf        string `header:"Report-As-Of"`
	Next        string `header:"Report-Next"`
	Body        []byte
}

func (h *handlers) registerReports(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "get-report", Method: http.MethodGet, Path: "/v1/reports", Tags: []string{"reports"},
		Summary: "What advertising cost and brought",
		Description: "Sums by any of the dimensions. Amounts are decimals in strings, in the currency beside them; ratios " +
			"have at most six decimals and are null where there is nothing to divide by. CSV (RFC 4180) and NDJSON have the rows " +
			"alone; zone, status, freshness and the next cursor are in the headers Report-Time-Zone, Report-Status, Report-As-Of " +
			"and Report-Next of all formats. A day is preliminary until nothing that the rules admit can change it, then final; what came " +
			"to it an hour after its end or later is told as restated. Media cost and margin are told to an advertiser whose contract says so (show_costs).",
		RejectUnknownQueryParameters: true,
		Responses: map[string]*huma.Response{"200": {
			Description: "The report",
			Content: map[string]*huma.MediaType{
				"application/json": {Schema: reportSchema()},
				"text/csv":         {Schema: &huma.Schema{Type: huma.TypeString}},
				ndjsonType:         {Schema: &huma.Schema{Type: huma.TypeString}},
			},
		}},
		Errors: []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusUnprocessableEntity},
	}, h.report)
}

func (h *handlers) report(ctx context.Context, in *reportInput) (*reportOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	return h.reportFor(ctx, p, in, false)
}

const (
	csvType    = "text/csv; charset=utf-8"
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
)

// reportFor is the report that p may see. outside: whoever has a link reads it, who sees
// costs only where every contract tells them.
func (h *handlers) reportFor(ctx context.Context, p campaigns.Principal, in *reportInput, outside bool) (*reportOutput, error) {
	q, page, err := h.query(p, in)
	if err != nil {
		return nil, err
	}
	content, err := formatOf(in)
	if err != nil {
		return nil, err
	}
	operator := p.Role == campaigns.RoleOperator && !outside
	costs := operator || p.Owner.Advertiser == 0 && !outside || allShowCosts(h.catalog(), q.Advertisers)
	d := &document{zone: h.zoneName(&q), show: shownTo(operator, costs, page.fields)}
	if err := page.visible(d.show); err != nil {
		return nil, err
	}
	if err := h.fill(ctx, d, q, page, in); err != nil {
		return nil, err
	}
	out := &reportOutput{ContentType: content, TimeZone: d.zone, State: d.status(), AsOf: d.AsOf.Format(time.RFC3339Nano), Next: d.next}
	switch content {
	case csvType:
		out.Body, err = d.csv()
	case ndjsonType:
		out.Body = d.ndjson()
	default:
		out.Body = d.json()
	}
	return out, err
}

// fill reads the report, the page of it that was asked for, and what it is compared with.
func (h *handlers) fill(ctx context.Context, d *document, q Query, page page, in *reportInput) (err error) {
	if d.Report, err = h.Service.Report(ctx, page.within(q)); err != nil {
		return tooLong(err, in)
	}
	d.Query = q
	d.next = page.cut(d.Report, in)
	if d.days, err = h.Service.Days(ctx, d.Report); err != nil || page.compare == nil {
		return err
	}
	earlier := q
	earlier.From, earlier.To = *page.compare, *page.compare+q.To-q.From
	earlier.Top, earlier.Sort, earlier.MaxRows = 0, "", maxGroups
	rep, err := h.Service.Report(ctx, earlier)
	if err != nil {
		return tooLong(err, in)
	}
	d.compare = newComparison(rep, &q)
	return nil
}

func tooLong(err error, in *reportInput) error {
	if !errors.Is(err, ErrTooManyRows) {
		return err
	}
	return huma.Error422UnprocessableEntity("the report is too long", &huma.ErrorDetail{
		Location: "query.group_by", Value: strings.Join(in.GroupBy, ","),
		Message: fmt.Sprintf("want at most %d rows (%d with top or limit): fewer dimensions, fewer days, or a filter", defaultMaxRows, maxGroups),
	})
}

// formatOf reads format, or else the Accept header.
func formatOf(in *reportInput) (string, error) {
	switch in.Format {
	case "csv":
		return csvType, nil
	case "json":
		return jsonType, nil
	case "ndjson":
		return ndjsonType, nil
	case "":
		first, _, _ := strings.Cut(in.Accept, ",")
		media, _, err := mime.ParseMediaType(first)
		switch {
		case err == nil && media == "text/csv":
			return csvType, nil
		case err == nil && media == ndjsonType:
			return ndjsonType, nil
		}
		return jsonType, nil
	}
	var f faults
	f.add("query.format", in.Format, "want json, csv or ndjson")
	return "", f.err()
}

func (r *Report) status() string {
	if r.Final {
		return "final"
	}
	return "preliminary"
}

// zoneName is what the report states: "advertiser" where each has days of its own.
func (h *handlers) zoneName(q *Query) string {
	locs := zonesOf(h.catalog(), q)
	if len(locs) != 1 {
		return "advertiser"
	}
	return locs[0].String()
}

// Bounds of a question.
const (
	maxDays      = 400
	maxHourDays  = 31
	maxValues    = 1_000 // of one filter
	maxValueSize = 300
)

// query checks the parameters and names everything that is wrong with them.
// Ids that the caller cannot see are answered like ids that do not exist.
func (h *handlers) query(p campaigns.Principal, in *reportInput) (Query, page, error) {
	var f faults
	q := Query{GroupBy: f.groupBy(in.GroupBy)}
	q.Zone = f.zone(in.TimeZone)
	switch {
	case in.Range != "":
	case in.From == "" || in.To == "":
		f.add(map[bool]string{true: "query.from", false: "query.to"}[in.From == ""], "", "required: from and to, or range")
	default:
		q.From, q.To = f.day("query.from", in.From), f.day("query.to", in.To)
		if len(f) == 0 {
			f.span(&q, in)
		}
	}
	q.Formats = f.names("query.ad_format", in.AdFormat)
	q.Sizes = f.names("query.size", in.Size)
	q.DeviceTypes = f.names("query.device_type", in.DeviceType)
	q.Countries = f.names("query.country", in.Country)
	q.Regions = f.names("query.region", in.Region)
	q.ConversionTypes = f.names("query.conversion_type", in.ConversionType)
	q.Campaigns = f.ids("query.campaign", in.Campaign)
	q.LineItems = f.ids("query.line_item", in.LineItem)
	q.Creatives = f.ids("query.creative", in.Creative)
	q.Exchanges = f.names("query.exchange", in.Exchange)
	q.Deals = f.names("query.deal", in.Deal)
	q.Sites = f.names("query.site", in.Site)
	q.Apps = f.names("query.app", in.App)
	advertisers := f.ids("query.advertiser", in.Advertiser)
	page := f.page(&q, in)
	if err := f.err(); err != nil {
		return q, page, err
	}
	if err := h.scope(p, &q, advertisers); err != nil {
		return q, page, err
	}
	if in.Range != "" {
		h.settleRange(&f, &q, in)
	}
	page.settleCompare(&f, &q, in)
	if err := f.err(); err != nil {
		return q, page, err
	}
	return q, page, h.settleZone(&q)
}

// scope bounds q to the advertisers that p sees, and refuses ids of others.
func (h *handlers) scope(p campaigns.Principal, q *Query, asked []campaigns.ID) error {
	c := h.catalog()
	for _, id := range asked {
		if !sees(p, c, id) {
			return notFound("query.advertiser", id, "no such advertiser")
		}
	}
	for _, id := range q.Campaigns {
		if e := c.Campaigns[id]; e == nil || !sees(p, c, e.AdvertiserID) {
			return notFound("query.campaign", id, "no such campaign")
		}
	}
	for _, id := range q.LineItems {
		if l, ok := c.Lineage(id); !ok || !sees(p, c, l.Advertiser.ID) {
			return notFound("query.line_item", id, "no such line item")
		}
	}
	for _, id := range q.Creatives {
		if e := c.Creatives[id]; e == nil || !sees(p, c, e.AdvertiserID) {
			return notFound("query.creative", id, "no such creative")
		}
	}
	if q.Advertisers = asked; len(asked) > 0 {
		return nil
	}
	for id := range c.Advertisers {
		if sees(p, c, id) {
			q.Advertisers = append(q.Advertisers, id)
		}
	}
	slices.Sort(q.Advertisers)
	return nil
}

// settleZone takes a named zone that is every advertiser's own for what it is:
// then days are the ledger's, to the nano. Hours of several zones need a name.
func (h *handlers) settleZone(q *Query) error {
	own := zonesOf(h.catalog(), &Query{Advertisers: q.Advertisers})
	if q.Zone != nil && len(own) == 1 && own[0].String() == q.Zone.String() {
		q.Zone = nil
	}
	if q.Zone == nil && len(own) > 1 && slices.Contains(q.GroupBy, ByHour) {
		var f faults
		f.add("query.time_zone", "", "required with group_by=hour: the advertisers have several time zones")
		return f.err()
	}
	return nil
}

func notFound(location string, value any, rule string) error {
	return huma.Error404NotFound(rule, &huma.ErrorDetail{Location: location, Value: value, Message: rule})
}

func (f *faults) day(location, s string) Day {
	d, err := ParseDay(s)
	if err != nil || d < dayOf(firstTime, time.UTC) || d > dayOf(lastTime, time.UTC) {
		f.add(location, clip(s), "want a date between 2000-01-01 and 2200-01-01, such as 2026-11-21")
	}
	return d
}

func (f *faults) span(q *Query, in *reportInput) {
	days := int(q.To-q.From) + 1
	switch {
	case days < 1:
		f.add("query.to", in.To, "want a day not before from, "+in.From)
	case days > maxDays:
		f.add("query.to", in.To, fmt.Sprintf("want at most %d days; got %d", maxDays, days))
	case days > maxHourDays && slices.Contains(q.GroupBy, ByHour):
		f.add("query.to", in.To, fmt.Sprintf("want at most %d days by hour; got %d", maxHourDays, days))
	}
}

func (f *faults) groupBy(in []string) []Dimension {
	var out []Dimension
	for _, s := range split(in) {
		d := Dimension(s)
		switch {
		case !slices.Contains(dimensions, d):
			f.add("query.group_by", clip(s), "want "+dimensionNames())
		case slices.Contains(out, d):
			f.add("query.group_by", s, "want each dimension once")
		default:
			out = append(out, d)
		}
	}
	return out
}

func (f *faults) zone(name string) *time.Location {
	if name == "" {
		return nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		f.add("query.time_zone", clip(name), "want a name of the IANA time zone database, such as Europe/Berlin")
		return nil
	}
	return loc
}

func (f *faults) ids(location string, in []string) []campaigns.ID {
	var out []campaigns.ID
	for _, s := range f.names(location, in) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n <= 0 {
			f.add(location, clip(s), "want positive ids")
			continue
		}
		if !slices.Contains(out, campaigns.ID(n)) {
			out = append(out, campaigns.ID(n))
		}
	}
	return out
}

func (f *faults) names(location string, in []string) []string {
	out := split(in)
	if len(out) > maxValues {
		f.add(location, len(out), fmt.Sprintf("want at most %d values", maxValues))
		return nil
	}
	for _, s := range out {
		if len(s) > maxValueSize {
			f.add(location, clip(s), fmt.Sprintf("want at most %d bytes", maxValueSize))
			return nil
		}
	}
	return out
}

// split takes both spellings of a list: a=1,2 and a=1&a=2.
func split(in []string) []string {
	var out []string
	for _, s := range in {
		for v := range strings.SplitSeq(s, ",") {
			if v != "" {
				out = append(out, v)
			}
		}
	}
	return out
}

// clip bounds what an error repeats.
func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
