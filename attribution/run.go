package attribution

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"bidhawk/attribution/models"
	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// This file computes, for a past window, how a conversion definition's model shares
// the conversions among channels. A run is stored as it was answered, with all that it
// followed: the next one may differ, and says why.

// Run is one computed attribution.
type Run struct {
	ID           string       `json:"id"`
	CreatedAt    time.Time    `json:"created_at"`
	AdvertiserID campaigns.ID `json:"advertiser_id"`
	DefinitionID campaigns.ID `json:"definition_id"`
	// DefinitionRevision is the definition that was followed.
	DefinitionRevision int64                      `json:"definition_revision"`
	Model              campaigns.AttributionModel `json:"model"`
	HalfLifeHours      int                        `json:"half_life_hours,omitempty"`
	By                 string                     `json:"by" doc:"What a channel is"`
	From               string                     `json:"from"`
	To                 string                     `json:"to"`
	TimeZone           string                     `json:"time_zone"`
	Currency           string                     `json:"currency"`
	// Conversions that settled in the window, and their value by the definition's rule.
	Conversions int64       `json:"conversions"`
	Value       money.Nanos `json:"value_nanos"`
	// Unattributed are those of them that no touch preceded within the windows.
	Unattributed      int64       `json:"unattributed"`
	UnattributedValue money.Nanos `json:"unattributed_value_nanos"`
	Rows              []RunRow    `json:"rows" doc:"The most value first; with what is unattributed they sum to the whole"`
}

// RunRow is a channel's credit.
type RunRow struct {
	Channel string `json:"channel"`
	// Conversions in millionths: models share one among several.
	Conversions int64       `json:"conversions_millionths"`
	Value       money.Nanos `json:"value_nanos"`
	// Touches of converting customers within the windows.
	Touches int64 `json:"touches"`
}

// RunRequest says what to compute.
type RunRequest struct {
	Definition *campaigns.ConversionDefinition
	Model      campaigns.AttributionModel
	HalfLife   int // hours; of time_decay
	By         string
	From, To   Day // both within
}

// runChannels are what a run can tell apart.
var runChannels = map[string]func(*journeyTouch) string{
	"campaign":  func(t *journeyTouch) string { return strconv.FormatInt(t.Campaign, 10) },
	"line_item": func(t *journeyTouch) string { return strconv.FormatInt(t.LineItem, 10) },
	"creative":  func(t *journeyTouch) string { return strconv.FormatInt(t.Creative, 10) },
	"exchange":  func(t *journeyTouch) string { return t.Exchange },
	"site":      func(t *journeyTouch) string { return t.Site },
	"touch":     func(t *journeyTouch) string { return t.Kind.String() },
}

// ErrTooManyConversions reports a window of more than a million conversions.
var ErrTooManyConversions = fmt.Errorf("the window has more than %d conversions", maxJourneys)

// Attribute computes one run and stores it under id.
func (s *Service) Attribute(ctx context.Context, id string, q RunRequest) (*Run, error) {
	d := q.Definition
	adv := s.deps.Catalog().Advertisers[d.AdvertiserID]
	if adv == nil {
		return nil, fmt.Errorf("advertiser %d: %w", d.AdvertiserID, campaigns.ErrNotFound)
	}
	loc, err := time.LoadLocation(adv.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time zone of advertiser %d: %w", d.AdvertiserID, err)
	}
	list, err := s.journeys(ctx, int64(d.AdvertiserID), d.Type, q.From.start(loc), (q.To + 1).start(loc))
	if err != nil {
		return nil, err
	}
	if len(list) > maxJourneys {
		return nil, ErrTooManyConversions
	}
	run := &Run{
		ID: id, CreatedAt: s.deps.Now().UTC(), AdvertiserID: d.AdvertiserID, DefinitionID: d.ID, DefinitionRevision: d.Revision,
		Model: q.Model, HalfLifeHours: q.HalfLife, By: q.By, From: q.From.String(), To: q.To.String(),
		TimeZone: adv.TimeZone, Currency: adv.Currency.String(),
	}
	if err := run.share(list, d, adv, q); err != nil {
		return nil, err
	}
	return run, s.storeRun(ctx, run)
}

// share fills the run's figures.
func (run *Run) share(list []journey, d *campaigns.ConversionDefinition, adv *campaigns.Advertiser, q RunRequest) error {
	ch := newChannels(runChannels[q.By], q.Model)
	paths := run.paths(list, d, adv, ch)
	credits, err := models.Attribute(models.Model(q.Model), models.Params{HalfLife: time.Duration(q.HalfLife) * time.Hour}, paths, len(ch.names))
	if err != nil {
		return fmt.Errorf("share conversions: %w", err)
	}
	run.Rows = []RunRow{}
	for i, c := range credits {
		run.Rows = append(run.Rows, RunRow{ch.names[i], c.Conversions, c.Value, ch.touches[i]})
	}
	slices.SortFunc(run.Rows, func(a, b RunRow) int {
		switch {
		case a.Value != b.Value:
			return int(min(max(b.Value-a.Value, -1), 1))
		case a.Conversions != b.Conversions:
			return int(min(max(b.Conversions-a.Conversions, -1), 1))
		case a.Channel < b.Channel:
			return -1
		}
		return 1
	})
	return nil
}

// paths are the conversions that the definition counts, as the models read them.
func (run *Run) paths(list []journey, d *campaigns.ConversionDefinition, adv *campaigns.Advertiser, ch *channels) []models.Path {
	click, view := definedWindows(d, adv)
	if ch.bounded() {
		ch.rank(list)
	}
	counted := map[string]bool{} // last touches, where one conversion of each counts
	var paths []models.Path
	for i := range list {
		j := &list[i]
		touches := j.within(click, view)
		if d.Count == campaigns.CountOne && len(touches) > 0 {
			last := touches[len(touches)-1]
			if key := last.Kind.String() + last.Bid; counted[key] {
				continue
			} else {
				counted[key] = true
			}
		}
		value := valueOf(d, j)
		run.Conversions++
		run.Value += value
		if len(touches) == 0 {
			run.Unattributed++
			run.UnattributedValue += value
			continue
		}
		p := models.Path{At: time.Unix(0, j.at), Conversions: 1, Value: value}
		for k := range touches {
			p.Touches = append(p.Touches, models.Touch{Channel: ch.number(&touches[k]), At: time.Unix(0, touches[k].At)})
		}
		paths = append(paths, p)
	}
	return paths
}

// definedWindows are the definition's, or else the advertiser's.
func definedWindows(d *campaigns.ConversionDefinition, adv *campaigns.Advertiser) (click, view time.Duration) {
	click, view = windows(adv)
	if d.ClickWindowHours > 0 {
		click = time.Duration(d.ClickWindowHours) * time.Hour
	}
	if d.ViewWindowHours > 0 {
		view = time.Duration(d.ViewWindowHours) * time.Hour
	}
	if d.IgnoreViews {
		view = -1
	}
	return click, view
}

func valueOf(d *campaigns.ConversionDefinition, j *journey) money.Nanos {
	switch d.Value {
	case campaigns.ValueFixed:
		return d.FixedValue
	case campaigns.ValueNone:
		return 0
	}
	return j.value
}

// within are the touches that lie in the windows.
func (j *journey) within(click, view time.Duration) []journeyTouch {
	var out []journeyTouch
	for _, t := range j.touches {
		window := view
		if t.Kind == touchClick {
			window = click
		}
		if age := time.Duration(j.at - t.At); age >= 0 && age <= window {
			out = append(out, t)
		}
	}
	return out
}

// channels numbers what touches are told apart by.
type channels struct {
	name    func(*journeyTouch) string
	model   campaigns.AttributionModel
	keep    map[string]bool // where their number is bounded; nil: all
	numbers map[string]int
	names   []string
	touches []int64
}

func newChannels(name func(*journeyTouch) string, m campaigns.AttributionModel) *channels {
	return &channels{name: name, model: m, numbers: map[string]int{}}
}

// bounded: Markov's work grows with the fourth power of the channels.
func (c *channels) bounded() bool { return c.model == campaigns.ModelMarkov }

// rank keeps the channels of the most touches; the others are one, "(other)".
func (c *channels) rank(list []journey) {
	n := map[string]int{}
	for i := range list {
		for k := range list[i].touches {
			n[c.name(&list[i].touches[k])]++
		}
	}
	if len(n) <= models.MaxChannels {
		return
	}
	names := make([]string, 0, len(n))
	for name := range n {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if n[a] != n[b] {
			return n[b] - n[a]
		}
		if a < b {
			return -1
		}
		return 1
	})
	c.keep = map[string]bool{}
	for _, name := range names[:models.MaxChannels-1] {
		c.keep[name] = true
	}
}

func (c *channels) number(t *journeyTouch) int {
	name := c.name(t)
	if c.keep != nil && !c.keep[name] {
		name = other
	}
	i, known := c.numbers[name]
	if !known {
		i = len(c.names)
		c.numbers[name] = i
		c.names, c.touches = append(c.names, name), append(c.touches, 0)
	}
	c.touches[i]++
	return i
}

func (s *Service) storeRun(ctx context.Context, run *Run) error {
	text, err := json.Marshal(run)
	if err != nil {
		return err
	}
	_, err = s.store.w.ExecContext(ctx, `INSERT INTO attribution_runs (advertiser, id, created_at, run) VALUES (?, ?, ?, ?)`,
		int64(run.AdvertiserID), run.ID, run.CreatedAt.UnixNano(), string(text))
	if err != nil {
		return fmt.Errorf("store attribution run: %w", err)
	}
	return nil
}

// LoadRun returns a stored run, or campaigns.ErrNotFound.
func (s *Service) LoadRun(ctx context.Context, advertiser campaigns.ID, id string) (*Run, error) {
	var text string
	err := s.store.r.QueryRowContext(ctx, `SELECT run FROM attribution_runs WHERE advertiser = ? AND id = ?`, int64(advertiser), id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, campaigns.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read attribution run: %w", err)
	}
	var run Run
	if err := json.Unmarshal([]byte(text), &run); err != nil {
		return nil, fmt.Errorf("read attribution run %q: %w", id, err)
	}
	return &run, nil
}

// Runs lists an advertiser's newest runs.
func (s *Service) Runs(ctx context.Context, advertiser campaigns.ID, limit int) ([]Run, error) {
	rows, err := s.store.r.QueryContext(ctx, `SELECT run FROM attribution_runs WHERE advertiser = ? ORDER BY created_at DESC, id LIMIT ?`,
		int64(advertiser), limit)
	if err != nil {
		return nil, fmt.Errorf("read attribution runs: %w", err)
	}
	defer rows.Close()
	out := []Run{}
	for rows.Next() {
		var text string
		var run Run
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read attribution runs: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &run); err != nil {
			return nil, fmt.Errorf("read attribution runs: %w", err)
		}
		out = append(out, run)
	}
	return out, rows.Err()
}
