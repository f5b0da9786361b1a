package attribution

import (
	"context"
	"fmt"
	"math"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/attribution/lift"
	"bidhawk/campaigns"
)

type liftInput struct {
	ID    int64 `path:"id" minimum:"1" doc:"Of the experiment"`
	Level int64 `query:"level_ppm" minimum:"500001" maximum:"999999" default:"950000" doc:"Confidence of the intervals, in parts per million"`
}

type liftOutput struct{ Body liftBody }

type liftBody struct {
	ExperimentID campaigns.ID    `json:"experiment_id"`
	Currency     string          `json:"currency"`
	Level        int64           `json:"level_ppm"`
	Treated      ExperimentGroup `json:"treated" doc:"Users whom the line items may show ads to"`
	Held         ExperimentGroup `json:"held" doc:"Users who are held out"`
	// What follows is absent until both groups have users.
	Rate         *rateInterval  `json:"rate,omitempty" doc:"Converters per user, treated less held, of all assigned (intention to treat; Newcombe)"`
	Value        *valueInterval `json:"value,omitempty" doc:"Value per user, treated less held, of all assigned (Welch)"`
	Lift         *rateInterval  `json:"lift,omitempty" doc:"The rates' ratio less one (Katz); absent where nobody converted"`
	ExposedRate  *rateInterval  `json:"exposed_rate,omitempty" doc:"The same difference per user who was shown an ad (ghost ads: over the share of treated users who were)"`
	ExposedValue *valueInterval `json:"exposed_value,omitempty" doc:"Value per user who was shown an ad"`
	P            *float64       `json:"p,omitempty" doc:"Two-sided probability of such a difference of rates by chance alone"`
}

// rateInterval is of ratios; an estimate, not an amount.
type rateInterval struct {
	Estimate float64 `json:"estimate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
}

// valueInterval is of amounts, to the nano nearest.
type valueInterval struct {
	Estimate int64 `json:"estimate_nanos"`
	Low      int64 `json:"low_nanos"`
	High     int64 `json:"high_nanos"`
}

func (h *handlers) registerExperiments(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "get-experiment-lift", Method: http.MethodGet, Path: "/v1/experiments/{id}/lift", Tags: []string{"experiments"},
		Summary: "What an experiment shows so far",
		Description: "Orders count from the moment that a user was assigned until the experiment ends, and only where the conversion names its customer " +
			"(exchange and buyeruid, or ifa): those held out have no click to be known by. Looking often and stopping at the first good figure finds effects that are not there.",
		RejectUnknownQueryParameters: true,
		Errors:                       []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusUnprocessableEntity},
	}, h.lift)
}

func (h *handlers) lift(ctx context.Context, in *liftInput) (*liftOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	cat := h.catalog()
	e := cat.Experiments[campaigns.ID(in.ID)]
	var c *campaigns.Campaign
	if e != nil {
		c = cat.Campaigns[e.CampaignID]
	}
	if c == nil || !sees(p, cat, c.AdvertiserID) {
		return nil, huma.Error404NotFound(fmt.Sprintf("no experiment %d", in.ID))
	}
	treated, held, r, err := h.Service.Experiment(ctx, e.ID, float64(in.Level)/1e6)
	if err != nil {
		return nil, err
	}
	out := &liftOutput{liftBody{ExperimentID: e.ID, Currency: cat.Advertisers[c.AdvertiserID].Currency.String(), Level: in.Level, Treated: treated, Held: held}}
	if r != nil {
		b := &out.Body
		b.Rate, b.Lift, b.ExposedRate = rates(r.Rate), rates(r.Lift), rates(r.ExposedRate)
		b.Value, b.ExposedValue, b.P = values(r.Value), values(r.ExposedValue), &r.P
	}
	return out, nil
}

// rates is nil where there is no estimate.
func rates(i lift.Interval) *rateInterval {
	if math.IsNaN(i.Estimate) {
		return nil
	}
	return &rateInterval{i.Estimate, i.Low, i.High}
}

func values(i lift.Interval) *valueInterval {
	if math.IsNaN(i.Estimate) {
		return nil
	}
	return &valueInterval{int64(math.Round(i.Estimate)), int64(math.Round(i.Low)), int64(math.Round(i.High))}
}
