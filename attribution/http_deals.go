package attribution

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

type dealHealthInput struct {
	ID    int64 `path:"id" minimum:"1" doc:"Of the deal"`
	Hours int64 `query:"hours" minimum:"1" maximum:"2160" default:"24" doc:"How far back: whole hours, the one at hand included"`
}

type dealHealthOutput struct{ Body dealHealthBody }

type dealHealthBody struct {
	DealID campaigns.ID `json:"deal_id"`
	Since  time.Time    `json:"since"`
	State  string       `json:"state" enum:"live,silent,never_seen,waiting,ended" doc:"live: requests carry it; silent: none did within the hours, earlier ones did; never_seen: it is older than the hours, and none did within 90 days; waiting: it is younger, or begins later; ended: its time is over"`
	Alerts []dealAlert  `json:"alerts" doc:"What somebody should look at, gravest first"`
	DealHealth
}

type dealAlert struct {
	Code string `json:"code" enum:"pass_backs,never_seen,silent,no_line_item,price"`
	Text string `json:"text"`
}

func (h *handlers) registerDeals(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "get-deal-health", Method: http.MethodGet, Path: "/v1/deals/{id}/health", Tags: []string{"deals"},
		Summary: "Whether a deal delivers, and why not",
		Description: "What bidders counted of the deal's requests, some seconds ago. Requests that carry the exchange's id of it count from the moment " +
			"that the deal was made here, also where line items target that id themselves. A reason is the last that a line item of the deal met: " +
			"no_match where none's targeting fits, outranked where another line item got the impression.",
		RejectUnknownQueryParameters: true,
		Errors:                       []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusUnprocessableEntity},
	}, h.dealHealth)
}

func (h *handlers) dealHealth(ctx context.Context, in *dealHealthInput) (*dealHealthOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	cat, now := h.catalog(), h.now()
	d := cat.Deals[campaigns.ID(in.ID)]
	if d == nil || !seesDeal(p, cat, d) {
		return nil, huma.Error404NotFound(fmt.Sprintf("no deal %d", in.ID))
	}
	since := now.UTC().Truncate(time.Hour).Add(-time.Duration(in.Hours-1) * time.Hour)
	got, err := h.Service.Deal(ctx, d.ID, since)
	if err != nil {
		return nil, err
	}
	b := dealHealthBody{DealID: d.ID, Since: since, DealHealth: got, State: dealState(d, &got, now, since)}
	b.Alerts = dealAlerts(d, &b, in.Hours)
	return &dealHealthOutput{b}, nil
}

// seesDeal says whether the deal exists for p.
func seesDeal(p campaigns.Principal, cat *campaigns.Catalog, d *campaigns.Deal) bool {
	if d.AdvertiserID != 0 {
		return sees(p, cat, d.AdvertiserID)
	}
	return p.Sees(campaigns.Owner{Agency: d.AgencyID})
}

func dealState(d *campaigns.Deal, h *DealHealth, now, since time.Time) string {
	begun := d.Start
	if d.CreatedAt.After(begun) {
		begun = d.CreatedAt
	}
	switch {
	case h.Requests > 0:
		return "live"
	case !now.Before(d.End):
		return "ended"
	case !h.LastSeen.IsZero():
		return "silent"
	case begun.After(since):
		return "waiting"
	}
	return "never_seen"
}

func dealAlerts(d *campaigns.Deal, b *dealHealthBody, hours int64) []dealAlert {
	alerts := []dealAlert{}
	add := func(code, format string, args ...any) {
		alerts = append(alerts, dealAlert{code, fmt.Sprintf(format, args...)})
	}
	if b.PassBacks > 0 {
		add("pass_backs", "%d of %d guaranteed requests were passed back, most of them for: %s", b.PassBacks, b.Guaranteed, b.PassBacked[0].Reason)
	}
	switch b.State {
	case "never_seen":
		add("never_seen", "no request carried it in the last %d hours, nor ever before: ask the seller whether deal %q is on for your seat at %s", hours, d.DealID, d.Exchange)
	case "silent":
		add("silent", "no request carried it in the last %d hours; the last did at %s", hours, b.LastSeen.Format(time.RFC3339))
	}
	if b.Requests > 0 && b.Eligible == 0 {
		add("no_line_item", "%d requests carried it, and no line item that names it fits one of them", b.Requests)
	}
	if d.Type.Fixed() && b.FloorCur == d.Currency.String() && b.Floor > d.Price {
		add("price", "the exchange asks for %s %s, above the agreed %s", b.Floor.String(), b.FloorCur, d.Price.String())
	}
	return alerts
}
