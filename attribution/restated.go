package attribution

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"bidhawk/attribution/rollup"
	"bidhawk/campaigns"
)

// DayStatus says whether a day can still change, and what came to it after it was
// stated: an hour after its end.
type DayStatus struct {
	Day      string    `json:"day"`
	Status   string    `json:"status"` // preliminary or final
	Restated *Restated `json:"restated,omitempty"`
}

// Restated is what was added to a day's figures, and when.
type Restated struct {
	Since time.Time                    `json:"since"`
	Last  time.Time                    `json:"last"`
	By    []map[string]json.RawMessage `json:"by"`
}

// restatedFigures are told of each change.
var restatedFigures = []string{"impressions", "clicks", "conversions", "charge", "value"}

// Days tells of each day of q. Where q names a zone, days are not the advertisers' own,
// and what changed is not told.
func (s *Service) Days(ctx context.Context, rep *Report) ([]DayStatus, error) {
	q, catalog := &rep.Query, s.deps.Catalog()
	out := make([]DayStatus, 0, int(q.To-q.From)+1)
	for day := q.From; day <= q.To; day++ {
		d := DayStatus{Day: day.String(), Status: "preliminary"}
		if s.final(catalog, &Query{To: day, Zone: q.Zone, Advertisers: q.Advertisers}, rep.Freshness) {
			d.Status = "final"
		}
		out = append(out, d)
	}
	if q.Zone != nil {
		return out, nil
	}
	for _, c := range byCurrency(catalog, q.Advertisers) {
		if err := s.restated(ctx, q, c, out); err != nil {
			return nil, fmt.Errorf("restated days: %w", err)
		}
	}
	return out, nil
}

func (s *Service) restated(ctx context.Context, q *Query, c currencyScope, days []DayStatus) error {
	b := &selection{Query: rollup.Query{
		Cube: rollup.Late, From: int32(q.From), To: int32(q.To), MaxGroups: maxGroups, Workers: 1,
		By:    []rollup.Dim{{Day: true}, {Column: rollup.Slot}},
		Where: []rollup.Filter{{Column: rollup.Advertiser, Int: oneOf(c.advertisers)}},
	}}
	b.filters(&Query{Campaigns: q.Campaigns, LineItems: q.LineItems})
	a, err := rollup.Ask(ctx, s.store.r, rollupSums, &b.Query)
	if err != nil {
		return err
	}
	sums := make(map[Day]*metrics)
	for g := range a.Groups() {
		day, at := Day(a.Int(g, 0)), time.Unix(a.Int(g, 1), 0).UTC()
		var m metrics
		m.get(func(i int) int64 { return a.Sum(g, i) })
		if m.isZero() {
			continue
		}
		r := &days[day-q.From].Restated
		if *r == nil {
			*r = &Restated{Since: at, Last: at}
		}
		if at.Before((*r).Since) {
			(*r).Since = at
		}
		if at.After((*r).Last) {
			(*r).Last = at
		}
		if sums[day] == nil {
			sums[day] = new(metrics)
		}
		sums[day].add(&m)
	}
	for day, m := range sums {
		by := map[string]json.RawMessage{"currency": mustJSON(c.currency.String())}
		for _, name := range restatedFigures {
			f := figureOf(name)
			by[name] = cell{name, f.text(m), f.kind}.json()
		}
		r := days[day-q.From].Restated
		r.By = append(r.By, by)
	}
	return nil
}

// allShowCosts says whether the contract of each advertiser tells costs.
func allShowCosts(catalog *campaigns.Catalog, ids []campaigns.ID) bool {
	return !slices.ContainsFunc(ids, func(id campaigns.ID) bool {
		a := catalog.Advertisers[id]
		return a == nil || !a.ShowCosts
	})
}
