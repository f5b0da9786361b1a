package attribution

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"bidhawk/internal/money"
)

// This file keeps, of each conversion that settles, the touches before it, so that any
// model can share it later, when the touches themselves and whose they were are forgotten.

// maxJourney bounds the touches that are kept of one conversion: the newest.
const maxJourney = 50

// journeyTouch is one of them.
type journeyTouch struct {
	Kind     touchKind `json:"k"` // 1 view, 2 click
	At       int64     `json:"at"`
	Bid      string    `json:"b"`
	Campaign int64     `json:"c"`
	LineItem int64     `json:"l"`
	Creative int64     `json:"r"`
	Exchange string    `json:"e"`
	Site     string    `json:"s"`
}

// journey is a settled conversion with its touches, the earliest first.
type journey struct {
	at      int64
	order   string
	typ     string
	value   money.Nanos
	touches []journeyTouch
}

const (
	journeyTouchColumns = `SELECT kind, at, bid, campaign, line_item, creative, exchange, site FROM touches `
	selectJourneyDay    = journeyTouchColumns + `WHERE day = ? AND kind = ? AND user_key = ? AND advertiser = ?
		AND at BETWEEN ? AND ? AND logged <= ? ORDER BY at DESC, bid DESC LIMIT ?`
	selectJourneyClick = journeyTouchColumns + `WHERE kind = 2 AND bid = ? AND advertiser = ? AND at BETWEEN ? AND ? AND logged <= ?`
	insertJourney      = `INSERT INTO journeys (advertiser, at, order_id, type, value, touches) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`
)

// keepJourney writes the touches before c, which settles; it must still know its user.
func (s *Service) keepJourney(ctx context.Context, tx *sql.Tx, c *conversion) error {
	touches, err := s.touchesBefore(ctx, tx, c)
	if err != nil {
		return fmt.Errorf("read a conversion's touches: %w", err)
	}
	text, err := json.Marshal(touches)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, insertJourney, c.advertiser, c.at, c.order, c.typ, int64(c.value), string(text)); err != nil {
		return fmt.Errorf("write a conversion's touches: %w", err)
	}
	return nil
}

// touchesBefore are those within the advertiser's windows.
func (s *Service) touchesBefore(ctx context.Context, tx *sql.Tx, c *conversion) ([]journeyTouch, error) {
	touches := []journeyTouch{}
	deadline := c.logged + int64(s.cfg.Settle)
	v := newAdvertisers(s.deps.Catalog(), s.zones).get(c.advertiser)
	for kind, window := range map[touchKind]time.Duration{touchClick: v.click, touchView: v.view} {
		if c.user == 0 {
			break
		}
		from, kept := c.at-int64(window), 0
		for day := touchDay(c.at); day >= touchDay(from) && kept < maxJourney; day-- {
			rows, err := tx.QueryContext(ctx, selectJourneyDay, int64(day), int64(kind), int64(c.user), c.advertiser, from, c.at, deadline, maxJourney-kept)
			if err != nil {
				return nil, err
			}
			n := len(touches)
			if touches, err = scanJourney(rows, touches); err != nil {
				return nil, err
			}
			kept += len(touches) - n
		}
	}
	if c.clickBid != nil {
		rows, err := tx.QueryContext(ctx, selectJourneyClick, c.clickBid, c.advertiser, c.at-int64(v.click), c.at, deadline)
		if err != nil {
			return nil, err
		}
		if touches, err = scanJourney(rows, touches); err != nil {
			return nil, err
		}
	}
	return inOrder(touches), nil
}

func scanJourney(rows *sql.Rows, touches []journeyTouch) ([]journeyTouch, error) {
	defer rows.Close()
	for rows.Next() {
		var t journeyTouch
		var bid []byte
		if err := rows.Scan(&t.Kind, &t.At, &bid, &t.Campaign, &t.LineItem, &t.Creative, &t.Exchange, &t.Site); err != nil {
			return nil, err
		}
		t.Bid = hex.EncodeToString(bid)
		touches = append(touches, t)
	}
	return touches, rows.Err()
}

// inOrder sorts by time, drops repeats (the named click is the user's too) and keeps
// the newest maxJourney.
func inOrder(touches []journeyTouch) []journeyTouch {
	slices.SortFunc(touches, func(a, b journeyTouch) int {
		switch {
		case a.At != b.At:
			return int(min(max(a.At-b.At, -1), 1))
		case a.Kind != b.Kind:
			return int(a.Kind - b.Kind)
		case a.Bid < b.Bid:
			return -1
		case a.Bid > b.Bid:
			return 1
		}
		return 0
	})
	touches = slices.CompactFunc(touches, func(a, b journeyTouch) bool { return a.Kind == b.Kind && a.Bid == b.Bid })
	return touches[max(0, len(touches)-maxJourney):]
}

// maxJourneys bounds what one run reads.
const maxJourneys = 1_000_000

// journeys reads the settled conversions of a type within [from, to).
func (s *Service) journeys(ctx context.Context, advertiser int64, typ string, from, to time.Time) ([]journey, error) {
	rows, err := s.store.r.QueryContext(ctx, `SELECT at, order_id, type, value, touches FROM journeys
		WHERE advertiser = ? AND at >= ? AND at < ? AND type = ? ORDER BY at, order_id LIMIT ?`,
		advertiser, from.UnixNano(), to.UnixNano(), typ, maxJourneys+1)
	if err != nil {
		return nil, fmt.Errorf("read conversions' touches: %w", err)
	}
	defer rows.Close()
	var out []journey
	for rows.Next() {
		var j journey
		var text string
		if err := rows.Scan(&j.at, &j.order, &j.typ, &j.value, &text); err != nil {
			return nil, fmt.Errorf("read conversions' touches: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &j.touches); err != nil {
			return nil, fmt.Errorf("read the touches of order %q: %w", j.order, err)
		}
		out = append(out, j)
	}
	return out, rows.Err()
}
