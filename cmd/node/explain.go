package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/bidder"
	"bidhawk/campaigns"
	"bidhawk/campaigns/api"
	"bidhawk/internal/openrtb"
)

type explainInput struct {
	Exchange string `query:"exchange" required:"true" maxLength:"32" doc:"the exchange that sends the request"`
	LineItem int64  `query:"line_item" minimum:"1" doc:"the line item to explain; absent: those that came nearest to a bid"`
	RawBody  []byte
}

type explainOutput struct{ Body bidder.Explanation }

// registerExplain adds what tells why there is a bid, or none.
func (n *Node) registerExplain(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "explain", Method: http.MethodPost, Path: "/v1/explain", Tags: []string{"operations"},
		Metadata: map[string]any{api.Reads: true},
		Summary:  "What the bidder would do with a bid request, and why",
		Description: "The body is a bid request as the exchange sends it. It is decided by the code that bids, as of now, and takes " +
			"no money. Agencies and advertisers are told of their own line items and bids alone, as if there were no others.",
		MaxBodyBytes: int64(n.cfg.Bidder.MaxBodyBytes), SkipValidateBody: true,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {}}},
		Errors:      []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusUnprocessableEntity},
	}, n.explain)
	huma.Register(h, huma.Operation{
		OperationID: "list-refused-requests", Method: http.MethodGet, Path: "/v1/refused-requests", Tags: []string{"operations"},
		Summary: "A sample of the bid requests that were answered with a 400, without anything that they said",
		Errors:  []int{http.StatusUnauthorized, http.StatusForbidden},
	}, func(ctx context.Context, _ *struct{}) (*refusedOutput, error) {
		if err := operator(ctx); err != nil {
			return nil, err
		}
		return &refusedOutput{refusedBody{n.bidder.Refused()}}, nil
	})
}

type refusedOutput struct{ Body refusedBody }

type refusedBody struct {
	Items []bidder.RefusedRequest `json:"items" doc:"newest first"`
}

func (n *Node) explain(ctx context.Context, in *explainInput) (*explainOutput, error) {
	p, ok := campaigns.PrincipalFrom(ctx)
	if !ok {
		return nil, huma.Error401Unauthorized("no API key")
	}
	id := campaigns.ID(in.LineItem)
	sees := func(advertiser, agency campaigns.ID) bool {
		return p.Sees(campaigns.Owner{Agency: agency, Advertiser: advertiser})
	}
	if l, ok := n.feed.Catalog().Lineage(id); id != 0 && (!ok || !sees(l.Advertiser.ID, l.Agency.ID)) {
		return nil, huma.Error404NotFound(fmt.Sprintf("line item %d: not found", id))
	}
	x, err := n.bidder.Explain(bidder.ExplainQuery{Exchange: in.Exchange, Request: in.RawBody, LineItem: id, Sees: sees})
	if err != nil {
		return nil, explainProblem(in, err)
	}
	return &explainOutput{*x}, nil
}

// explainProblem names what of the request can't be read.
func explainProblem(in *explainInput, err error) error {
	detail := &huma.ErrorDetail{Location: "body", Message: err.Error()}
	field, isField := errors.AsType[*openrtb.FieldError](err)
	syntax, isSyntax := errors.AsType[*openrtb.SyntaxError](err)
	switch {
	case errors.Is(err, bidder.ErrUnknownExchange):
		detail = &huma.ErrorDetail{Location: "query.exchange", Value: in.Exchange, Message: "want the name of a configured exchange"}
	case isField:
		detail = &huma.ErrorDetail{Location: "body." + field.Field, Value: field.Value, Message: field.Rule}
	case isSyntax:
		detail.Message = fmt.Sprintf("at byte %d: %s", syntax.Offset, syntax.Rule)
	}
	return huma.Error422UnprocessableEntity("the request would be answered with a 400", detail)
}
