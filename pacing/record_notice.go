package pacing

import (
	"errors"
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// PriceBad says why a billing notice has no usable price.
type PriceBad string

// The kinds of bad price.
const (
	PriceUnreplaced PriceBad = "unreplaced" // the macro came back as it was
	PriceSyntax     PriceBad = "syntax"
	PriceMissing    PriceBad = "missing"
)

// Notice is the payload of win, bill, loss and the events: what a verified token
// and the notice's own parameters say.
type Notice struct {
	At         time.Time    `json:"at"`
	Advertiser campaigns.ID `json:"advertiser"`
	Campaign   campaigns.ID `json:"campaign"`
	LineItem   campaigns.ID `json:"line_item"`
	Creative   campaigns.ID `json:"creative"`
	Lease      int64        `json:"lease"`
	Bid        ids.BidID    `json:"bid"`
	BidAt      time.Time    `json:"bid_at,omitzero"` // to the second
	Exchange   string       `json:"exchange"`
	Format     string       `json:"format,omitempty"` // banner, video, audio, native, dooh
	Deal       string       `json:"deal"`
	Site       string       `json:"site"`
	App        bool         `json:"app"`
	Shown
	// What the bid reserved, in the advertiser's currency.
	ReservedMedia  money.Nanos `json:"reserved_media_nanos"`
	ReservedCharge money.Nanos `json:"reserved_charge_nanos"`
	// The clearing price as reported, in PriceCurrency; of bills only.
	Price         money.CPM      `json:"price_micros"`
	PriceCurrency money.Currency `json:"price_currency"`
	PriceBad      PriceBad       `json:"price_bad,omitempty"`
	FXRate        money.Rate     `json:"fx_rate"` // the advertiser's unit for one of PriceCurrency
	Day           Day            `json:"day"`     // of the bid, in the advertiser's zone
	Test          bool           `json:"test"`
	// Of conversions only: in the advertiser's currency, and what it counts once by.
	Value money.Nanos `json:"value_nanos,omitempty"`
	Order string      `json:"order,omitempty"`
	// Of losses only.
	Reason   int       `json:"reason,omitempty"` // OpenRTB loss reason
	MinToWin money.CPM `json:"min_to_win_micros,omitempty"`
}

// Shown is what reports tell impressions apart by; the ledger only hands it on.
// What is not known is empty.
type Shown struct {
	W          int    `json:"w,omitempty"` // of the creative, in device-independent pixels
	H          int    `json:"h,omitempty"`
	DeviceType int    `json:"device_type,omitempty"` // AdCOM's list of device types
	Country    string `json:"country,omitempty"`     // ISO 3166-1 alpha-3
	Region     string `json:"region,omitempty"`      // ISO 3166-2 without the country
}

// Validate names the first field that breaks a rule. A notice is validated
// before it is written, because an unreadable record stops its shard.
func (n *Notice) Validate() error {
	switch {
	case n.Advertiser <= 0:
		return fmt.Errorf("advertiser %d: want a positive id", n.Advertiser)
	case n.LineItem <= 0:
		return fmt.Errorf("line_item %d: want a positive id", n.LineItem)
	case n.Bid == (ids.BidID{}):
		return errors.New("bid: want 32 hex digits, not all zero")
	case n.ReservedMedia < 0 || n.ReservedCharge < 0:
		return fmt.Errorf("reserved_media_nanos %d, reserved_charge_nanos %d: must not be negative", n.ReservedMedia, n.ReservedCharge)
	case n.FXRate <= 0:
		return fmt.Errorf("fx_rate %d: must be positive", n.FXRate)
	case n.PriceCurrency == (money.Currency{}):
		return errors.New("price_currency: missing")
	case n.Price < 0:
		return fmt.Errorf("price_micros %d: must not be negative", n.Price)
	case n.Day <= 0:
		return fmt.Errorf("day %d: missing", n.Day)
	case n.Value < 0:
		return fmt.Errorf("value_nanos %d: must not be negative", n.Value)
	case len(n.Format) > 16 || len(n.Order) > 256:
		return fmt.Errorf("format, order: %d, %d bytes; want at most 16, 256", len(n.Format), len(n.Order))
	case len(n.Country) > MaxPlace || len(n.Region) > MaxPlace:
		return fmt.Errorf("country, region: %d, %d bytes; want at most %d", len(n.Country), len(n.Region), MaxPlace)
	case len(n.Exchange) > 64 || len(n.Deal) > 256 || len(n.Site) > 512:
		return fmt.Errorf("exchange, deal, site: %d, %d, %d bytes; want at most 64, 256, 512", len(n.Exchange), len(n.Deal), len(n.Site))
	}
	return nil
}

// MaxPlace bounds a country's and a region's code.
const MaxPlace = 8

// class is what the bid's hold times go by.
func (n *Notice) class() string { return n.Exchange + "/" + n.Format }

// BillMessage, LossMessage and the like make the money record of a notice, or
// name the field of n that breaks a rule.
func BillMessage(n *Notice) (eventlog.Message, error) { return noticeMessage(TypeBill, n) }

// LossMessage is BillMessage for a loss.
func LossMessage(n *Notice) (eventlog.Message, error) { return noticeMessage(TypeLoss, n) }

// WinMessage is BillMessage for a win that a bill will follow.
func WinMessage(n *Notice) (eventlog.Message, error) { return noticeMessage(TypeWin, n) }

// ClickMessage is BillMessage for a click.
func ClickMessage(n *Notice) (eventlog.Message, error) { return noticeMessage(TypeClick, n) }

// ViewMessage is BillMessage for a viewable impression.
func ViewMessage(n *Notice) (eventlog.Message, error) { return noticeMessage(TypeView, n) }

// CompleteMessage is BillMessage for a video or audio that was played to its end.
func CompleteMessage(n *Notice) (eventlog.Message, error) { return noticeMessage(TypeComplete, n) }

// ConversionMessage is BillMessage for a conversion that was attributed to the
// bid. Its Order counts once per advertiser, for good.
func ConversionMessage(n *Notice) (eventlog.Message, error) {
	return noticeMessage(TypeConversion, n)
}

func noticeMessage(t Type, n *Notice) (eventlog.Message, error) {
	err := n.Validate()
	if err == nil && t == TypeConversion && n.Order == "" {
		err = errors.New("order: missing")
	}
	if err != nil {
		return eventlog.Message{}, fmt.Errorf("%s of bid %v: %w", t, n.Bid, err)
	}
	return message(t, n.Advertiser, n)
}
