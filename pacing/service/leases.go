package service

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/pacing"
)

// leasesRequest is a bidder's wish for the line items of one partition.
type leasesRequest struct {
	Partition int32                `json:"partition" minimum:"0" doc:"of money: where the line items' advertisers live"`
	Bidder    uint64               `json:"bidder" minimum:"1" doc:"incarnation of the bidder's process"`
	Items     []pacing.LeaseDemand `json:"items" maxItems:"1000" nullable:"false" doc:"over is in nanoseconds"`
}

type leasesInput struct{ Body leasesRequest }

type leasesOutput struct{ Body pacing.LeaseGrant }

func (s *Server) registerLeases(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "request-leases", Method: http.MethodPost, Path: "/v1/leases", Tags: []string{"leases"},
		Summary: "Money for a bidder, of one partition",
		Description: "Answers once every grant is durable. Durations are in nanoseconds and count from before the request, by the bidder's " +
			"clock. A repeated request may grant again: what is not used comes back, at the latest when the lease closes. What the answer " +
			"names in neither list got no answer in time. 421: another pacer owns the partition; GET /v1/state of each says which.",
		MaxBodyBytes: maxBodyBytes,
		Errors:       []int{http.StatusUnauthorized, http.StatusMisdirectedRequest, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, s.leases)
}

func (s *Server) leases(ctx context.Context, in *leasesInput) (*leasesOutput, error) {
	q := &in.Body
	if n := s.deps.Ledger.Partitions(); q.Partition >= n {
		return nil, violation("body.partition", q.Partition, "must be below the installation's count of partitions")
	}
	for i := range q.Items {
		d := &q.Items[i]
		if d.LineItem <= 0 || d.Need.Charge < 0 || d.Need.Media < 0 || d.Asked < 0 || d.Over < 0 || d.Apart < 0 {
			return nil, violation("body.items", d, "want a line item's id, and amounts and durations that are not negative")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
	defer cancel()
	grant, err := s.deps.Ledger.RequestPartition(ctx, q.Partition, pacing.LeaseRequest{Bidder: q.Bidder, Items: q.Items})
	switch {
	case errors.Is(err, pacing.ErrNotOwner):
		return nil, huma.NewError(http.StatusMisdirectedRequest, err.Error())
	case err != nil:
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	if grant.Leases == nil {
		grant.Leases = []pacing.Lease{}
	}
	if grant.Refused == nil {
		grant.Refused = []pacing.LeaseRefusal{}
	}
	return &leasesOutput{grant}, nil
}
