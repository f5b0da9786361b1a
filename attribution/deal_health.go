package attribution

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// DealHealth is what became of a deal since a time.
type DealHealth struct {
	Requests   int64      `json:"requests" doc:"Impressions offered under the deal, each deal of each once"`
	Eligible   int64      `json:"eligible" doc:"Of those, with a line item of the deal whose targeting fits"`
	Bids       int64      `json:"bids" doc:"Of those, answered with a bid under the deal"`
	Wins       int64      `json:"wins" doc:"By the exchange's notices, each bid once"`
	Guaranteed int64      `json:"guaranteed" doc:"Requests that had to be bid on: the exchange said so, or the deal is programmatic_guaranteed"`
	PassBacks  int64      `json:"pass_backs" doc:"Of those, without a bid"`
	NoBids     []WhyCount `json:"no_bid_reasons" doc:"Why not, most frequent first"`
	PassBacked []WhyCount `json:"pass_back_reasons" doc:"The same of pass-backs"`
	Losses     []WhyCount `json:"loss_reasons" doc:"Why bids lost, by OpenRTB's loss reason; a notice that its sender repeated counts again"`

	LastSeen time.Time `json:"last_seen,omitzero" doc:"The last request, within 90 days"`
	LastWon  time.Time `json:"last_won,omitzero" doc:"The last win, within 90 days"`
	Floor    money.CPM `json:"floor_micros,omitempty" doc:"As the last request asked"`
	FloorCur string    `json:"floor_currency,omitempty"`
}

// WhyCount is a reason and how often it was.
type WhyCount struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// Deal reads what became of a deal in the hours that begin at since or later.
func (s *Service) Deal(ctx context.Context, id campaigns.ID, since time.Time) (h DealHealth, err error) {
	from := since.Unix()
	if err = s.store.r.QueryRowContext(ctx, `SELECT COALESCE(SUM(requests), 0), COALESCE(SUM(eligible), 0), COALESCE(SUM(bids), 0),
		COALESCE(SUM(wins), 0), COALESCE(SUM(guaranteed), 0) FROM deal_health WHERE deal = ? AND slot >= ?`, int64(id), from).
		Scan(&h.Requests, &h.Eligible, &h.Bids, &h.Wins, &h.Guaranteed); err != nil {
		return h, fmt.Errorf("read deal %d: %w", id, err)
	}
	var seen, won int64
	if err = s.store.r.QueryRowContext(ctx, `SELECT COALESCE(MAX(seen), 0), COALESCE(MAX(won), 0) FROM deal_health WHERE deal = ?`, int64(id)).Scan(&seen, &won); err != nil {
		return h, fmt.Errorf("read when deal %d was seen: %w", id, err)
	}
	if won > 0 {
		h.LastWon = time.Unix(0, won).UTC()
	}
	if seen > 0 {
		h.LastSeen = time.Unix(0, seen).UTC()
		if err = s.store.r.QueryRowContext(ctx, `SELECT floor, floor_cur FROM deal_health WHERE deal = ? AND seen = ? LIMIT 1`, int64(id), seen).
			Scan((*int64)(&h.Floor), &h.FloorCur); err != nil {
			return h, fmt.Errorf("read the floor of deal %d: %w", id, err)
		}
	}
	return h, s.dealReasons(ctx, id, from, &h)
}

func (s *Service) dealReasons(ctx context.Context, id campaigns.ID, from int64, h *DealHealth) error {
	rows, err := s.store.r.QueryContext(ctx, `SELECT kind, reason, SUM(n) FROM deal_reasons WHERE deal = ? AND slot >= ? GROUP BY kind, reason`, int64(id), from)
	if err != nil {
		return fmt.Errorf("read the reasons of deal %d: %w", id, err)
	}
	defer rows.Close()
	h.NoBids, h.PassBacked, h.Losses = []WhyCount{}, []WhyCount{}, []WhyCount{}
	for rows.Next() {
		var kind int
		var w WhyCount
		if err := rows.Scan(&kind, &w.Reason, &w.Count); err != nil {
			return fmt.Errorf("read the reasons of deal %d: %w", id, err)
		}
		switch kind {
		case whyNoBid:
			h.NoBids = append(h.NoBids, w)
		case whyPassback:
			h.PassBacked = append(h.PassBacked, w)
			h.PassBacks += w.Count
		case whyLoss:
			h.Losses = append(h.Losses, w)
		}
	}
	for _, list := range [...][]WhyCount{h.NoBids, h.PassBacked, h.Losses} {
		slices.SortFunc(list, func(a, b WhyCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
		})
	}
	return rows.Err()
}
