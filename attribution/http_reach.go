package attribution

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/attribution/reach"
	"bidhawk/campaigns"
)

type reachInput struct {
	From       string   `query:"from" doc:"first day, such as 2026-11-01" required:"true"`
	To         string   `query:"to" doc:"last day, included" required:"true"`
	GroupBy    []string `query:"group_by,explode" doc:"day, advertiser, campaign, line_item, creative, exchange; none: one row"`
	Advertiser []string `query:"advertiser,explode"`
	Campaign   []string `query:"campaign,explode"`
	LineItem   []string `query:"line_item,explode"`
	Creative   []string `query:"creative,explode"`
	Exchange   []string `query:"exchange,explode"`
}

type reachOutput struct{ Body reachBody }

type reachBody struct {
	From     string     `json:"from"`
	To       string     `json:"to"`
	ErrorPPM int64      `json:"standard_error_ppm" doc:"of users and households: one standard error, in millionths"`
	AsOf     time.Time  `json:"as_of" doc:"everything logged before it is counted"`
	Rows     []reachRow `json:"rows"`
}

type reachRow struct {
	Day        string       `json:"day,omitempty"`
	Advertiser campaigns.ID `json:"advertiser,omitempty"`
	Campaign   campaigns.ID `json:"campaign,omitempty"`
	LineItem   campaigns.ID `json:"line_item,omitempty"`
	Creative   campaigns.ID `json:"creative,omitempty"`
	Exchange   string       `json:"exchange,omitempty"`
	Users      int64        `json:"users" doc:"distinct users, estimated"`
	Households int64        `json:"households" doc:"distinct households, estimated, of impressions that tell theirs"`
}

type frequencyInput struct {
	ID   int64  `path:"id"`
	From string `query:"from" doc:"first day, such as 2026-11-01" required:"true"`
	To   string `query:"to" doc:"last day, included" required:"true"`
	Most int    `query:"most" minimum:"2" maximum:"100" default:"20" doc:"the last bar counts users who have seen so many impressions or more"`
}

type frequencyOutput struct{ Body frequencyBody }

type frequencyBody struct {
	From    string         `json:"from"`
	To      string         `json:"to"`
	Sampled int            `json:"sampled" doc:"users that this was told from; exact where they are fewer than 4096"`
	AsOf    time.Time      `json:"as_of"`
	Bars    []frequencyBar `json:"bars"`
}

type frequencyBar struct {
	Impressions int   `json:"impressions"`
	OrMore      bool  `json:"or_more"`
	Users       int64 `json:"users"`
}

func (h *handlers) registerReach(api huma.API) {
	errs := []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusUnprocessableEntity}
	huma.Register(api, huma.Operation{
		OperationID: "get-reach", Method: http.MethodGet, Path: "/v1/reach", Tags: []string{"reports"},
		Summary: "How many people saw ads", RejectUnknownQueryParameters: true, Errors: errs,
		Description: "Distinct users and households of impressions, by HyperLogLog, over days of each advertiser's own zone. Sums of rows are not the reach of all of them: ask without group_by.",
	}, h.reach)
	huma.Register(api, huma.Operation{
		OperationID: "get-frequency", Method: http.MethodGet, Path: "/v1/campaigns/{id}/frequency", Tags: []string{"reports"},
		Summary: "How many users saw a campaign how often", RejectUnknownQueryParameters: true, Errors: errs,
		Description: "From a sample of 4096 users that is the same whichever day they come on; exact where fewer were reached.",
	}, h.frequency)
}

func (h *handlers) reach(ctx context.Context, in *reachInput) (*reachOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	q, _, err := h.query(p, &reportInput{From: in.From, To: in.To, GroupBy: in.GroupBy, Advertiser: in.Advertiser, Campaign: in.Campaign,
		LineItem: in.LineItem, Creative: in.Creative, Exchange: in.Exchange})
	if err != nil {
		return nil, err
	}
	for _, d := range q.GroupBy {
		if !slices.Contains(reachDimensions, d) {
			var f faults
			f.add("query.group_by", string(d), "want day, advertiser, campaign, line_item, creative or exchange")
			return nil, f.err()
		}
	}
	fresh, err := h.Service.Freshness(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := h.Service.Reach(ctx, &q)
	if errors.Is(err, ErrTooManyRows) {
		return nil, tooLong(err, &reportInput{GroupBy: in.GroupBy})
	} else if err != nil {
		return nil, err
	}
	out := &reachOutput{reachBody{From: q.From.String(), To: q.To.String(), ErrorPPM: reach.ErrorPPM, AsOf: fresh.AsOf, Rows: []reachRow{}}}
	for _, r := range rows {
		row := reachRow{Advertiser: r.Advertiser, Campaign: r.Campaign, LineItem: r.LineItem, Creative: r.Creative, Exchange: r.Exchange, Users: r.Users(), Households: r.Households()}
		if slices.Contains(q.GroupBy, ByDay) {
			row.Day = r.Day.String()
		}
		out.Body.Rows = append(out.Body.Rows, row)
	}
	slices.SortFunc(out.Body.Rows, func(a, b reachRow) int {
		return cmp.Or(strings.Compare(a.Day, b.Day), cmp.Compare(a.Advertiser, b.Advertiser), cmp.Compare(a.Campaign, b.Campaign),
			cmp.Compare(a.LineItem, b.LineItem), cmp.Compare(a.Creative, b.Creative), strings.Compare(a.Exchange, b.Exchange))
	})
	return out, nil
}

func (h *handlers) frequency(ctx context.Context, in *frequencyInput) (*frequencyOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	c := h.catalog().Campaigns[campaigns.ID(in.ID)]
	if c == nil || !sees(p, h.catalog(), c.AdvertiserID) {
		return nil, notFound("path.id", in.ID, "no such campaign")
	}
	from, to, err := days(in.From, in.To)
	if err != nil {
		return nil, err
	}
	fresh, err := h.Service.Freshness(ctx)
	if err != nil {
		return nil, err
	}
	users, sampled, err := h.Service.Frequency(ctx, c.AdvertiserID, c.ID, from, to, in.Most)
	if err != nil {
		return nil, err
	}
	out := &frequencyOutput{frequencyBody{From: from.String(), To: to.String(), Sampled: sampled, AsOf: fresh.AsOf}}
	for i, n := range users {
		out.Body.Bars = append(out.Body.Bars, frequencyBar{i + 1, i+1 == len(users), n})
	}
	return out, nil
}
