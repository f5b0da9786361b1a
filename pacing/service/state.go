package service

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/pacing"
)

// stateBody is what a pacer is about.
type stateBody struct {
	At         time.Time               `json:"at"`
	Ready      bool                    `json:"ready"`
	NotReady   string                  `json:"not_ready,omitempty" doc:"why"`
	Partitions []pacing.PartitionState `json:"partitions"`
	Plans      []pacing.PlanView       `json:"plans,omitempty" doc:"of the line items of owned partitions, where asked for"`
}

type stateInput struct {
	Plans bool `query:"plans" doc:"list the plans of line items too"`
}

type stateOutput struct{ Body stateBody }

type figuresOutput struct{ Body pacing.Figures }

type advertiserInput struct {
	ID int64 `path:"id" minimum:"1" doc:"the advertiser"`
}

type advertiserOutput struct{ Body advertiserBody }

// advertiserBody is an advertiser's accounts as one pacer has folded them.
type advertiserBody struct {
	Advertiser campaigns.ID            `json:"advertiser"`
	Partition  pacing.PartitionState   `json:"partition" doc:"where it lives, and how far this pacer has read it"`
	Accounts   []pacing.AccountBalance `json:"accounts"`
	Plans      []pacing.PlanView       `json:"plans"`
}

func (s *Server) registerState(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "get-state", Method: http.MethodGet, Path: "/v1/state", Tags: []string{"state"},
		Summary: "Which partitions this pacer owns, and how far it is with each",
		Errors:  []int{http.StatusUnauthorized},
	}, func(_ context.Context, in *stateInput) (*stateOutput, error) {
		b := stateBody{At: s.deps.Now(), Ready: true, Partitions: s.deps.Ledger.State()}
		if err := s.deps.Ledger.Ready(); err != nil {
			b.Ready, b.NotReady = false, err.Error()
		}
		if in.Plans {
			b.Plans = s.deps.Ledger.Figures().Plans
		}
		return &stateOutput{b}, nil
	})
	huma.Register(h, huma.Operation{
		OperationID: "get-ledger", Method: http.MethodGet, Path: "/v1/ledger", Tags: []string{"state"},
		Summary: "Balances of the partitions that this pacer owns",
		Errors:  []int{http.StatusUnauthorized},
	}, func(context.Context, *struct{}) (*figuresOutput, error) {
		return &figuresOutput{s.deps.Ledger.Figures()}, nil
	})
	huma.Register(h, huma.Operation{
		OperationID: "get-advertiser-state", Method: http.MethodGet, Path: "/v1/advertisers/{id}/state", Tags: []string{"state"},
		Summary:     "Balances and plans of one advertiser",
		Description: "Of a pacer that only reads the partition along it is a moment old.",
		Errors:      []int{http.StatusUnauthorized, http.StatusNotFound},
	}, s.advertiser)
}

func (s *Server) advertiser(_ context.Context, in *advertiserInput) (*advertiserOutput, error) {
	id := campaigns.ID(in.ID)
	accounts := s.deps.Ledger.Balances(id)
	if len(accounts) == 0 {
		return nil, huma.Error404NotFound(fmt.Sprintf("advertiser %d: not in the ledger of this pacer", id))
	}
	partitions := s.deps.Ledger.State()
	b := advertiserBody{
		Advertiser: id, Accounts: accounts, Plans: []pacing.PlanView{},
		Partition: partitions[eventlog.PartitionOf(pacing.MoneyKey(id), int32(len(partitions)))],
	}
	for _, p := range s.deps.Ledger.Figures().Plans {
		if p.Advertiser == id {
			b.Plans = append(b.Plans, p)
		}
	}
	return &advertiserOutput{b}, nil
}
