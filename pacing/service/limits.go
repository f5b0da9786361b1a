package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/pacing"
)

// limitsInput asks about limits before they are set.
type limitsInput struct{ Body pacing.LimitEdit }

type limitsOutput struct{ Body limitsAnswer }

// limitsAnswer says what the ledger has against limits: nothing, where both are empty.
type limitsAnswer struct {
	Note   string                `json:"note,omitempty" doc:"what holds only later"`
	Broken []campaigns.Violation `json:"broken,omitempty" doc:"limits below what is posted"`
}

func (s *Server) registerLimits(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "check-limits", Method: http.MethodPost, Path: "/v1/limit-checks", Tags: []string{"state"},
		Summary: "What the ledger has against limits of an advertiser, campaign or line item, before they are set",
		Description: "Nothing is changed. What the ledger does not know yet it has nothing against. 421: another pacer owns the " +
			"advertiser's partition.",
		MaxBodyBytes: maxBodyBytes,
		Errors:       []int{http.StatusUnauthorized, http.StatusMisdirectedRequest, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, s.limits)
}

func (s *Server) limits(_ context.Context, in *limitsInput) (*limitsOutput, error) {
	q := &in.Body
	partition := eventlog.PartitionOf(pacing.MoneyKey(q.Advertiser), s.deps.Ledger.Partitions())
	// What a standby or a starting owner has read may be older than what is posted.
	switch p := s.deps.Ledger.State()[partition]; {
	case p.Role != pacing.RoleOwner:
		return nil, huma.NewError(http.StatusMisdirectedRequest, fmt.Sprintf("partition %d: %v", partition, pacing.ErrNotOwner))
	case !p.Ready:
		return nil, huma.Error503ServiceUnavailable(fmt.Sprintf("partition %d: %s", partition, p.Why))
	}
	note, err := s.deps.Ledger.CheckLimits(*q)
	if broken, ok := errors.AsType[*campaigns.ValidationError](err); ok {
		return &limitsOutput{limitsAnswer{Broken: broken.Violations}}, nil
	}
	return &limitsOutput{limitsAnswer{Note: note}}, err
}

// CheckLimits asks the owner of the advertiser's partition, as Pacer.CheckLimits
// does in one process. Another error than a *campaigns.ValidationError says that
// no owner has answered.
func (c *Client) CheckLimits(ctx context.Context, q pacing.LimitEdit) (note string, err error) {
	var a limitsAnswer
	partition := eventlog.PartitionOf(pacing.MoneyKey(q.Advertiser), c.cfg.Partitions)
	if err := c.ask(ctx, partition, "limits", "/v1/limit-checks", q, &a); err != nil {
		return "", err
	}
	if len(a.Broken) > 0 {
		return "", &campaigns.ValidationError{Violations: a.Broken}
	}
	return a.Note, nil
}
