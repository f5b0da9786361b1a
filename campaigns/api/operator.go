package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

type killSwitchInput struct {
	Body struct {
		Scope    string `json:"scope" doc:"all, exchange, agency, advertiser, campaign, line_item or creative"`
		Target   int64  `json:"target,omitempty" doc:"The entity's id; absent where the scope is all or exchange"`
		Exchange string `json:"exchange,omitempty" doc:"The exchange's name, where the scope is exchange"`
		On       bool   `json:"on" doc:"true stops bids within a second; false lets them go on"`
		Reason   string `json:"reason" doc:"For the log and the next shift"`
	}
}

type killSwitchOutput struct{ Body campaigns.KillSwitch }

type killSwitchesOutput struct{ Body Page[campaigns.KillSwitch] }

// empty is an input or output without content.
type empty struct{}

func (a *API) registerKillSwitches() {
	op := a.operatorOperation(http.MethodGet, "/v1/kill-switches", "list-kill-switches", "kill-switches", "Every switch that was ever set, on or off")
	huma.Register(a.huma, op, a.killSwitches)
	op = a.operatorOperation(http.MethodPut, "/v1/kill-switches", "set-kill-switch", "kill-switches", "Switch on or off")
	op.Metadata = map[string]any{bodyField: string(campaigns.KindKillSwitch)}
	huma.Register(a.huma, op, a.setKillSwitch)
}

func (a *API) operatorOperation(method, path, id, tag, about string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: about + " (operators only)", Tags: []string{tag},
		MaxBodyBytes: a.cfg.MaxBodyBytes,
		Errors:       []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity},
	}
}

func (a *API) killSwitches(ctx context.Context, _ *empty) (*killSwitchesOutput, error) {
	if err := operatorOnly(ctx); err != nil {
		return nil, err
	}
	found, err := a.deps.Store.KillSwitches(ctx)
	if err != nil {
		return nil, fail(ctx, err)
	}
	return &killSwitchesOutput{Page[campaigns.KillSwitch]{Items: found}}, nil
}

func (a *API) setKillSwitch(ctx context.Context, in *killSwitchInput) (*killSwitchOutput, error) {
	if err := operatorOnly(ctx); err != nil {
		return nil, err
	}
	k := campaigns.KillSwitch{Scope: in.Body.Scope, Target: campaigns.ID(in.Body.Target), Exchange: in.Body.Exchange, On: in.Body.On,
		Reason: in.Body.Reason, By: caller(ctx).Name}
	// A switch of a name that nobody has would stop nothing, and its setter believes
	// that it did. One of an exchange that has gone may still be released.
	if known := a.deps.KnowsExchange; known != nil && k.On && k.Scope == campaigns.ScopeExchange && !known(k.Exchange) {
		return nil, fail(ctx, &campaigns.ValidationError{Violations: []campaigns.Violation{
			{Field: "kill_switch.exchange", Value: k.Exchange, Rule: "must be a configured exchange"}}})
	}
	if err := a.editor.SetKillSwitch(ctx, &k); err != nil {
		return nil, fail(ctx, err)
	}
	return &killSwitchOutput{k}, nil
}
