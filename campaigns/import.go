package campaigns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"bidhawk/campaigns/content"
	"bidhawk/campaigns/yamltree"
)

const maxImportBytes = 8 << 20

// importFile is the shape of an import: entities by kind, in any order, with
// the fields of the API. They name each other by keys of the file.
type importFile struct {
	Agencies    []importAgency     `json:"agencies"`
	Advertisers []importAdvertiser `json:"advertisers"`
	Campaigns   []importCampaign   `json:"campaigns"`
	Creatives   []importCreative   `json:"creatives"`
	LineItems   []importLineItem   `json:"line_items"`
}

type importAgency struct {
	Key string `json:"key"`
	Agency
}

type importAdvertiser struct {
	Key    string `json:"key"`
	Parent string `json:"agency"`
	Advertiser
}

type importCampaign struct {
	Key    string `json:"key"`
	Parent string `json:"advertiser"`
	Campaign
}

type importCreative struct {
	Key    string `json:"key"`
	Parent string `json:"advertiser"`
	Creative
}

type importLineItem struct {
	Key       string   `json:"key"`
	Parent    string   `json:"campaign"`
	Creatives []string `json:"creatives"`
	LineItem
}

// ImportSummary says what an import made, in the order of the file.
type ImportSummary struct {
	IDs map[string]ID // by key of the file
	// Counts is how many entities of each kind were made.
	Counts map[Kind]int
}

func (s ImportSummary) String() string {
	parts := make([]string, 0, len(s.Counts))
	for _, k := range Kinds() {
		parts = append(parts, fmt.Sprintf("%s %d", k, s.Counts[k]))
	}
	return strings.Join(parts, ", ")
}

// ImportYAML creates every entity of a file, or none. Fields are those of the
// API; entities name each other by "key" (agency: KEY, creatives: [KEY, ...]);
// times are RFC 3339 or relative to now ("now", "+2h", "-30m", "+30d"). What is
// wrong with the file is a *yamltree.Error with the line, field, value and rule
// of each problem. tags may be nil.
func ImportYAML(ctx context.Context, store Store, tags TagResolver, r io.Reader, now time.Time) (ImportSummary, error) {
	var f importFile
	lines, err := yamltree.Decode(r, yamltree.Options{MaxBytes: maxImportBytes, Refuse: importRefused(),
		Time: func(s string) (time.Time, error) { return importTime(s, now) }}, &f)
	if err != nil {
		return ImportSummary{}, err
	}
	categories, err := content.Load()
	if err != nil {
		return ImportSummary{}, err
	}
	p := newPlan(lines, tags, categories)
	p.collect(&f)
	if p.validate(); len(p.problems) > 0 {
		return ImportSummary{}, &yamltree.Error{Problems: p.problems}
	}
	ed := NewEditor(store, tags, categories, func() time.Time { return now })
	sum := ImportSummary{IDs: map[string]ID{}, Counts: map[Kind]int{}}
	err = ed.Do(ctx, func(x *Edit) error {
		for _, n := range p.nodes {
			n.point()
			if err := x.Create(ctx, n.entity); err != nil {
				return fmt.Errorf("line %d: import %q: %w", lines.At(n.path), n.key, err)
			}
			sum.IDs[n.key] = n.entity.Head().ID
			sum.Counts[n.entity.Kind()]++
		}
		return nil
	})
	if err != nil {
		return ImportSummary{}, err
	}
	return sum, nil
}

func importRefused() map[string]string {
	const assigned = "must not be given: the store assigns it"
	return map[string]string{
		"id": assigned, "revision": assigned, "created_at": assigned, "updated_at": assigned,
		"agency_id":     "must not be given: use agency: KEY",
		"advertiser_id": "must not be given: use advertiser: KEY",
		"campaign_id":   "must not be given: use campaign: KEY",
		"segments":      "must not be given: segments are made by the API",
		"lists":         "must not be given: lists are made by the API",
		"creative_ids":  "must not be given: use creatives: [KEY, ...]",
	}
}

// importTime reads "now", an offset from now, or RFC 3339.
func importTime(s string, now time.Time) (time.Time, error) {
	if s == "now" {
		return now, nil
	}
	if strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		if d, err := importDuration(s); err == nil {
			return now.Add(d), nil
		}
	} else if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Time{}, errors.New(`must be a time such as 2026-11-21T10:00:00Z, or "now", "+2h", "-30m", "+30d"`)
}

// importDuration is time.ParseDuration and whole days.
func importDuration(s string) (time.Duration, error) {
	const maxDays = 36_500
	days, isDays := strings.CutSuffix(s, "d")
	if !isDays {
		return time.ParseDuration(s)
	}
	n, err := strconv.Atoi(days)
	if err != nil || n > maxDays || n < -maxDays {
		return 0, errors.New("not a number of days")
	}
	return time.Duration(n) * 24 * time.Hour, nil
}
