package bidder

import (
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

// exposureRecord is a record of the exposures topic.
type exposureRecord struct {
	V          int          `json:"v"`
	Type       string       `json:"type"`
	At         time.Time    `json:"at"`
	BidAt      time.Time    `json:"bid_at"`
	Bid        ids.BidID    `json:"bid"`
	User       string       `json:"user,omitempty"`
	Household  string       `json:"household,omitempty"` // where a cap counts it
	Exchange   string       `json:"exchange"`
	Advertiser campaigns.ID `json:"advertiser"`
	Campaign   campaigns.ID `json:"campaign"`
	LineItem   campaigns.ID `json:"line_item"`
	Creative   campaigns.ID `json:"creative"`
	Deal       string       `json:"deal"`
	Site       string       `json:"site"`
	App        bool         `json:"app"`
	Format     string       `json:"format,omitempty"`
	pacing.Shown
	Test bool `json:"test"`
	// Of wins: the least price that would have won, where the exchange tells.
	MinToWin money.CPM `json:"min_to_win_micros,omitempty"`
	// Of events: the player's VAST error code.
	Code int `json:"code,omitempty"`
	// Of "engaged": how long a banner was in view.
	EngagedMS int64 `json:"engaged_ms,omitempty"`
	// Of line items that charge at an event after the bill: what a conversion needs to
	// charge, and rates to be kept by.
	Terms *bidTerms `json:"terms,omitempty"`
}

// bidTerms is what a bid of a line item that charges at an event was made under.
type bidTerms struct {
	Charges        string         `json:"charges"` // view, complete, click or conversion
	Placement      uint32         `json:"placement,omitempty"`
	Format         string         `json:"format"`
	Lease          int64          `json:"lease"`
	Day            pacing.Day     `json:"day"`
	ReservedMedia  money.Nanos    `json:"reserved_media_nanos"`
	ReservedCharge money.Nanos    `json:"reserved_charge_nanos"`
	PriceCurrency  money.Currency `json:"price_currency"`
	FXRate         money.Rate     `json:"fx_rate"`
}

// terms are those of t's bid; nil where only the bill charges.
func (t *Token) terms() *bidTerms {
	if t.Charges == campaigns.ChargeAtBill {
		return nil
	}
	return &bidTerms{
		Charges: t.Charges.String(), Placement: t.Placement, Format: t.Format.String(), Lease: t.Lease, Day: t.Day,
		ReservedMedia: t.Reserved.Media, ReservedCharge: t.Reserved.Charge, PriceCurrency: t.Currency, FXRate: t.FXRate,
	}
}

// conversionRecord is a record of the conversions topic.
type conversionRecord struct {
	V             int            `json:"v"`
	ID            string         `json:"id"`
	At            time.Time      `json:"at"`
	Advertiser    campaigns.ID   `json:"advertiser"`
	Type          string         `json:"type"`
	Order         string         `json:"order"`
	Value         money.Nanos    `json:"value_nanos"`
	Currency      money.Currency `json:"currency"`
	User          string         `json:"user,omitempty"`
	ClickBid      *ids.BidID     `json:"click_bid,omitempty"`
	ClickLineItem campaigns.ID   `json:"click_line_item,omitempty"`
	Source        string         `json:"source"`
}
