package targeting

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"bidhawk/campaigns"
)

// TagNumbers resolves a tag as targeting names it, "auto/suv" or "list/vip".
type TagNumbers interface {
	// Number is the tag's number; ok is false for a tag nobody defined.
	Number(path string) (n campaigns.TagNumber, ok bool)
}

// Params is what Build needs beside the catalog.
type Params struct {
	Tags TagNumbers
	// Now leaves out flights that are over. Those still to come are compiled and
	// begin by themselves.
	Now time.Time
	// Rank orders rows, highest first; equal ones by id. Nil ranks by MaxBid,
	// which compares only within one currency.
	Rank func(campaigns.Lineage) int64

	common int // stands in for commonMax; tests lower it
}

// Build compiles the line items of cat that may bid: active, with active
// parents and an active creative, not over. Kill switches are not looked at: they
// must not wait for an index. The error joins what is
// wrong with line items that cannot be compiled; the index, which is never nil,
// serves the others.
func Build(cat *campaigns.Catalog, p Params) (*Index, error) {
	if p.Rank == nil {
		p.Rank = func(l campaigns.Lineage) int64 { return int64(l.LineItem.MaxBid) }
	}
	ix := &Index{
		generation: cat.Generation,
		ids:        map[campaigns.ID]int32{},
		leftOut:    map[campaigns.ID]Reason{},
		owners:     map[campaigns.ID]uint32{},
	}
	err := ix.choose(cat, p)
	b := newBuilder(ix, p.Tags)
	b.filters(cmp.Or(p.common, commonMax))
	b.countTags()
	for n := range ix.lines {
		if rowErr := b.row(n); rowErr != nil {
			return ix.unusable(), errors.Join(err, rowErr)
		}
	}
	b.finish()
	return ix, err
}

// unusable is the index that serves nothing since its line items cannot all be compiled.
func (ix *Index) unusable() *Index {
	for id := range ix.ids {
		ix.leftOut[id] = ReasonInvalid
	}
	return &Index{generation: ix.generation, leftOut: ix.leftOut}
}

// choose fills ix.lines with the line items that may bid, best rank first.
func (ix *Index) choose(cat *campaigns.Catalog, p Params) error {
	var problems []error
	zones := map[string]*time.Location{}
	for _, id := range slices.Sorted(maps.Keys(cat.LineItems)) {
		line, reason := lineOf(cat, id, p.Now)
		if reason == "" {
			var err error
			if line.Zone, err = zoneOf(zones, line.Advertiser.TimeZone); err != nil {
				reason = ReasonInvalid
				problems = append(problems, fmt.Errorf("line item %d: advertiser %d: time_zone %q: %w",
					id, line.Advertiser.ID, line.Advertiser.TimeZone, err))
			}
		}
		if reason != "" {
			ix.leftOut[id] = reason
			continue
		}
		line.Rank = p.Rank(line.Lineage)
		ix.lines = append(ix.lines, line)
	}
	slices.SortStableFunc(ix.lines, func(a, b Line) int { return cmp.Compare(b.Rank, a.Rank) })
	for n := range ix.lines {
		ix.ids[ix.lines[n].LineItem.ID] = int32(n)
	}
	return errors.Join(problems...)
}

// lineOf resolves a line item, or says why it cannot bid.
func lineOf(cat *campaigns.Catalog, id campaigns.ID, now time.Time) (Line, Reason) {
	lineage, ok := cat.Lineage(id)
	switch {
	case !ok:
		return Line{}, ReasonParent
	case !lineage.Active():
		return Line{}, ReasonStatus
	}
	lineage.LineItem = cat.Expanded(lineage.LineItem)
	line := Line{Lineage: lineage}
	if _, end := flight(lineage); now.UnixMilli() >= end {
		return Line{}, ReasonFlight
	}
	for _, c := range lineage.LineItem.CreativeIDs {
		if c := cat.Creatives[c]; c != nil && c.Status == campaigns.StatusActive {
			line.Creatives = append(line.Creatives, c)
		}
	}
	if len(line.Creatives) == 0 {
		return Line{}, ReasonCreatives
	}
	return line, ""
}

// flight is when a line item may bid, [start, end) in Unix milliseconds: within
// its own dates and its campaign's, where they are set.
func flight(l campaigns.Lineage) (start, end int64) {
	start, end = math.MinInt64, math.MaxInt64
	for _, t := range []time.Time{l.LineItem.Start, l.Campaign.Start} {
		if !t.IsZero() {
			start = max(start, t.UnixMilli())
		}
	}
	for _, t := range []time.Time{l.LineItem.End, l.Campaign.End} {
		if !t.IsZero() {
			end = min(end, t.UnixMilli())
		}
	}
	return start, end
}

func zoneOf(zones map[string]*time.Location, name string) (*time.Location, error) {
	if zone, ok := zones[name]; ok {
		return zone, nil
	}
	zone, err := time.LoadLocation(name)
	if err == nil {
		zones[name] = zone
	}
	return zone, err
}
