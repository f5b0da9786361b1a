package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bidhawk/internal/eventlog"
)

// Kinds of events; each has files of its own.
const (
	Wins        = "wins"
	Losses      = "losses"
	Exposures   = "exposures"
	Conversions = "conversions"
)

// Event is one line of a file: docs/feed.md. A field that has nothing to say is
// left out. Nothing in it tells a person: no user key, no address.
type Event struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	At         time.Time `json:"at"`
	BidAt      time.Time `json:"bid_at,omitzero"`
	Bid        string    `json:"bid,omitempty"`
	Advertiser int64     `json:"advertiser"`
	Campaign   int64     `json:"campaign,omitempty"`
	LineItem   int64     `json:"line_item,omitempty"`
	Creative   int64     `json:"creative,omitempty"`
	Exchange   string    `json:"exchange,omitempty"`
	Deal       string    `json:"deal,omitempty"`
	Format     string    `json:"format,omitempty"`
	Width      int64     `json:"w,omitempty"`
	Height     int64     `json:"h,omitempty"`
	DeviceType int64     `json:"device_type,omitempty"`
	Country    string    `json:"country,omitempty"`
	Region     string    `json:"region,omitempty"`
	Site       string    `json:"site,omitempty"`
	App        bool      `json:"app,omitempty"`
	MinToWin   int64     `json:"min_to_win_micros,omitempty"`
	Reason     int64     `json:"reason,omitempty"`
	Code       int64     `json:"code,omitempty"`
	Conversion string    `json:"conversion,omitempty"`
	Order      string    `json:"order,omitempty"`
	Value      int64     `json:"value_nanos,omitempty"`
	Currency   string    `json:"currency,omitempty"`
	Source     string    `json:"source,omitempty"`
	Refund     bool      `json:"refund,omitempty"`
}

// wire is what the topics' records have of an event, and what decides about it.
type wire struct {
	Event
	V        int    `json:"v"`
	Test     bool   `json:"test"`
	ID       string `json:"id"` // of a conversion
	ClickBid string `json:"click_bid"`
	ClickFor int64  `json:"click_line_item"`
}

// errNoEvent says that a record is none of the feed's.
var errNoEvent = errors.New("no event of the feed")

// event reads a record of the topics exposures, money and conversions.
func event(rec *eventlog.Record) (kind string, e Event, err error) {
	var w wire
	if err := json.Unmarshal(rec.Value, &w); err != nil {
		return "", e, err
	}
	e = w.Event
	switch {
	case rec.Topic == eventlog.TopicMoney && e.Type != "loss", rec.Topic == eventlog.TopicExposures && e.Type == "conversion", w.Test:
		return "", e, errNoEvent // of the ledger, of the bidders' rates, of nobody
	case w.V != 1:
		return "", e, fmt.Errorf("v: got %d; want 1", w.V)
	case e.Advertiser <= 0:
		return "", e, fmt.Errorf("advertiser: got %d; want a positive id", e.Advertiser)
	case e.At.Year() < 2000 || e.At.Year() > 2200:
		return "", e, fmt.Errorf("at: got %s; want a time between the years 2000 and 2200", e.At)
	}
	e.At, e.BidAt = e.At.UTC(), e.BidAt.UTC()
	if rec.Topic == eventlog.TopicConversions {
		if w.ID == "" {
			return "", e, errors.New("id: missing; want the conversion's")
		}
		e.Conversion, e.Bid, e.LineItem = w.ID, w.ClickBid, w.ClickFor
		if e.Type == "" {
			e.Type = "conversion"
		}
		e.ID = "conversion/" + w.ID
		return Conversions, e, nil
	}
	if e.Bid == "" || e.Type == "" {
		return "", e, errors.New("bid, type: missing")
	}
	e.ID = e.Type + "/" + e.Bid
	switch {
	case rec.Topic == eventlog.TopicMoney:
		kind = Losses
	case e.Type == "win":
		kind = Wins
	default:
		kind = Exposures
	}
	return kind, e, nil
}
