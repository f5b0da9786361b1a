package attribution

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

// maxRunDays bounds the window of a run.
const maxRunDays = 366

type runBody struct {
	DefinitionID  campaigns.ID `json:"definition_id" minimum:"1" doc:"The conversion definition: its type, windows, value, count and, where not said here, model"`
	From          string       `json:"from" doc:"First day, in the advertiser's zone"`
	To            string       `json:"to" doc:"Last day, at most 366 later; conversions count once they have settled"`
	Model         string       `json:"model,omitempty" doc:"Instead of the definition's: last, first, linear, time_decay, position, markov or shapley"`
	HalfLifeHours int          `json:"half_life_hours,omitempty" doc:"Instead of the definition's, of time_decay"`
	By            string       `json:"by,omitempty" doc:"What a channel is: line_item (where not said), campaign, creative, exchange, site or touch (click or view)"`
}

type runInput struct{ Body runBody }

type runOutput struct {
	Location string `header:"Location"`
	Body     Run
}

type runByIDInput struct {
	ID           string `path:"id" maxLength:"64" doc:"Of the run"`
	AdvertiserID int64  `query:"advertiser_id" minimum:"1" required:"true" doc:"Whose it is"`
}

type runsInput struct {
	AdvertiserID int64 `query:"advertiser_id" minimum:"1" required:"true" doc:"Whose they are"`
	Limit        int   `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many at most"`
}

type runsOutput struct {
	Body struct {
		Runs []Run `json:"runs" doc:"The newest first"`
	}
}

func (h *handlers) registerRuns(api huma.API) {
	errs := []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusUnprocessableEntity}
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"attribution"},
			RejectUnknownQueryParameters: true, Errors: errs}
	}
	post := op("run-attribution", http.MethodPost, "/v1/attribution-runs", "Share a past window's conversions by a model")
	post.Description = "Credits sum exactly to the conversions and their value. The answer is stored with the revision of the definition " +
		"that it followed. It moves no money: what CPA and CPS line items charge follows the last touch within the advertiser's windows, whatever the model. " +
		"Markov sees converting journeys alone: a channel's removal effect is the share of conversions that passed it."
	post.DefaultStatus = http.StatusCreated
	huma.Register(api, post, h.postRun)
	huma.Register(api, op("get-attribution-run", http.MethodGet, "/v1/attribution-runs/{id}", "Read a stored run"), h.getRun)
	huma.Register(api, op("list-attribution-runs", http.MethodGet, "/v1/attribution-runs", "List an advertiser's stored runs"), h.listRuns)
}

func (h *handlers) postRun(ctx context.Context, in *runInput) (*runOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	q, err := h.runRequest(p, &in.Body)
	if err != nil {
		return nil, err
	}
	run, err := h.Service.Attribute(ctx, h.ConversionIDs.Next().String(), *q)
	if errors.Is(err, ErrTooManyConversions) {
		var f faults
		f.add("body.to", in.Body.To, err.Error()+": want a shorter one")
		return nil, f.err()
	}
	if err != nil {
		return nil, err
	}
	return &runOutput{fmt.Sprintf("/v1/attribution-runs/%s?advertiser_id=%d", run.ID, run.AdvertiserID), *run}, nil
}

// runRequest reads what was asked; each rule that is broken is named.
func (h *handlers) runRequest(p campaigns.Principal, in *runBody) (*RunRequest, error) {
	var f faults
	cat := h.catalog()
	d := cat.ConversionDefinitions[in.DefinitionID]
	if d == nil || !sees(p, cat, d.AdvertiserID) {
		f.add("body.definition_id", in.DefinitionID, "want an existing conversion definition")
		return nil, f.err()
	}
	q := &RunRequest{Definition: d, Model: d.Model, HalfLife: d.HalfLifeHours, By: in.By}
	if in.Model != "" {
		q.Model = campaigns.AttributionModel(in.Model)
	}
	if in.HalfLifeHours != 0 {
		q.HalfLife = in.HalfLifeHours
	}
	if q.By == "" {
		q.By = "line_item"
	}
	if !slices.Contains(campaigns.AttributionModels(), q.Model) {
		f.add("body.model", in.Model, "want last, first, linear, time_decay, position, markov or shapley")
	}
	if q.Model != campaigns.ModelTimeDecay {
		if in.HalfLifeHours != 0 {
			f.add("body.half_life_hours", in.HalfLifeHours, "want none: only time_decay has one")
		}
		q.HalfLife = 0
	} else if q.HalfLife < 1 || q.HalfLife > campaigns.MaxHalfLife {
		f.add("body.half_life_hours", q.HalfLife, fmt.Sprintf("want 1 to %d", campaigns.MaxHalfLife))
	}
	if runChannels[q.By] == nil {
		f.add("body.by", in.By, "want one of "+strings.Join(slices.Sorted(maps.Keys(runChannels)), ", "))
	}
	from, err := ParseDay(in.From)
	if err != nil {
		f.add("body.from", in.From, "want a date such as 2026-11-21")
	}
	to, err := ParseDay(in.To)
	if err != nil || to < from || to-from >= maxRunDays {
		f.add("body.to", in.To, fmt.Sprintf("want a date from the first day to %d days after it", maxRunDays-1))
	}
	q.From, q.To = from, to
	return q, f.err()
}

// ownAdvertiser answers 404 where the caller may not know of the advertiser.
func (h *handlers) ownAdvertiser(ctx context.Context, id int64) (campaigns.ID, error) {
	p, err := caller(ctx)
	if err != nil {
		return 0, err
	}
	if !sees(p, h.catalog(), campaigns.ID(id)) {
		return 0, huma.Error404NotFound(fmt.Sprintf("no advertiser %d", id))
	}
	return campaigns.ID(id), nil
}

func (h *handlers) getRun(ctx context.Context, in *runByIDInput) (*runOutput, error) {
	advertiser, err := h.ownAdvertiser(ctx, in.AdvertiserID)
	if err != nil {
		return nil, err
	}
	run, err := h.Service.LoadRun(ctx, advertiser, in.ID)
	if errors.Is(err, campaigns.ErrNotFound) {
		return nil, huma.Error404NotFound("no such attribution run of the advertiser")
	}
	if err != nil {
		return nil, err
	}
	return &runOutput{Body: *run}, nil
}

func (h *handlers) listRuns(ctx context.Context, in *runsInput) (*runsOutput, error) {
	advertiser, err := h.ownAdvertiser(ctx, in.AdvertiserID)
	if err != nil {
		return nil, err
	}
	out := &runsOutput{}
	out.Body.Runs, err = h.Service.Runs(ctx, advertiser, in.Limit)
	return out, err
}
