package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/pacing"
)

// Bounds of one page of history: whatever comes first ends it.
const (
	maxScan      = 50_000 // records looked at
	maxPageBytes = 4 << 20
	pageTimeout  = 5 * time.Second
)

type historyInput struct {
	ID    int64    `path:"id" minimum:"1" doc:"the advertiser"`
	From  int64    `query:"from" minimum:"0" default:"0" doc:"offset to begin at: the next of the page before"`
	Limit int      `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Types []string `query:"types" maxItems:"16" doc:"types of record, between commas; absent: all but bill, loss and click"`
}

type historyOutput struct{ Body historyBody }

type historyBody struct {
	Items []historyItem `json:"items" nullable:"false"`
	Next  int64         `json:"next" doc:"offset of the next page"`
	End   int64         `json:"end" doc:"offset that the log ended at; when next reaches it there is no more"`
}

type historyItem struct {
	Offset int64           `json:"offset"`
	Time   time.Time       `json:"time" doc:"when it was appended, by the log's clock"`
	Type   string          `json:"type"`
	Record json.RawMessage `json:"record" doc:"as docs/topics.md says for the topic money"`
}

func (s *Server) registerHistory(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "get-advertiser-history", Method: http.MethodGet, Path: "/v1/advertisers/{id}/history", Tags: []string{"state"},
		Summary: "What the log holds on one advertiser's money, in order",
		Description: "Budgets, days, grants, closes and what else its partition has, read back from the log, those of owners that were " +
			"fenced too. A page looks at so many records at most, so that it may be empty and still not the last.",
		Errors: []int{http.StatusUnauthorized, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, s.history)
}

func (s *Server) history(ctx context.Context, in *historyInput) (*historyOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	key := pacing.MoneyKey(campaigns.ID(in.ID))
	partition := eventlog.PartitionOf(key, s.deps.Ledger.Partitions())
	first, end, err := s.deps.Log.Bounds(ctx, eventlog.TopicMoney, partition)
	if err != nil {
		return nil, huma.Error503ServiceUnavailable("the log can't be read: " + err.Error())
	}
	if in.From > end {
		return nil, violation("query.from", in.From, fmt.Sprintf("must be at most the end of the log, %d", end))
	}
	p := page{in: in, key: string(key), body: historyBody{Items: []historyItem{}, Next: max(in.From, first), End: end}}
	if err := p.read(ctx, s.deps.Log, partition); err != nil {
		return nil, huma.Error503ServiceUnavailable("the log can't be read: " + err.Error())
	}
	return &historyOutput{p.body}, nil
}

// page is a page on its way.
type page struct {
	in    *historyInput
	key   string
	body  historyBody
	bytes int
}

func (p *page) read(ctx context.Context, log eventlog.Log, partition int32) (err error) {
	b := &p.body
	if b.Next >= b.End {
		return nil
	}
	r, err := log.Read(ctx, eventlog.TopicMoney, partition, b.Next)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for scanned := 0; b.Next < b.End && scanned < maxScan; {
		recs, err := r.Fetch(ctx, 4096)
		if err != nil {
			if ctx.Err() != nil && scanned > 0 { // a page of what there was time for
				return nil
			}
			return err
		}
		scanned += len(recs)
		for i := range recs {
			if recs[i].Offset >= b.End {
				b.Next = b.End
				return nil
			}
			if !p.take(&recs[i]) {
				return nil
			}
			b.Next = recs[i].Offset + 1
		}
	}
	return nil
}

// take adds a record where it is the advertiser's and asked for; false: the page
// is full, and the record is of the next.
func (p *page) take(r *eventlog.Record) bool {
	if string(r.Key) != p.key {
		return true
	}
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(r.Value, &head); err != nil || !p.wants(head.Type) {
		return true // what cannot be read has stopped the shard, which says so
	}
	if len(p.body.Items) == p.in.Limit || p.bytes+len(r.Value) > maxPageBytes {
		return false
	}
	p.bytes += len(r.Value)
	p.body.Items = append(p.body.Items, historyItem{r.Offset, r.Time, head.Type, r.Value})
	return true
}

func (p *page) wants(typ string) bool {
	if len(p.in.Types) > 0 {
		return slices.Contains(p.in.Types, typ)
	}
	return !slices.Contains([]string{string(pacing.TypeBill), string(pacing.TypeLoss), string(pacing.TypeClick)}, typ)
}
