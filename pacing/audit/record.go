package audit

import (
	"encoding/json"
	"fmt"
	"time"
)

// record is a money record as the auditor reads it: one flat structure for
// every type, from docs/topics.md and not from the ledger's code.
type record struct {
	V          int       `json:"v"`
	Type       string    `json:"type"`
	At         time.Time `json:"at"`
	Epoch      int64     `json:"epoch"`
	Nonce      int64     `json:"nonce"`
	Advertiser int64     `json:"advertiser"`
	Campaign   int64     `json:"campaign"`
	LineItem   int64     `json:"line_item"`
	Level      string    `json:"level"`
	Day        string    `json:"day"`
	Lease      int64     `json:"lease"`
	Items      []item    `json:"items"`

	Daily         int64  `json:"daily_nanos"`
	Lifetime      int64  `json:"lifetime_nanos"`
	MediaDaily    int64  `json:"media_daily_nanos"`
	MediaLifetime int64  `json:"media_lifetime_nanos"`
	PlatformFee   int64  `json:"platform_fee_ppm"`
	Pricing       string `json:"pricing"`
	ClickPrice    int64  `json:"click_price_nanos"`
	DataFee       int64  `json:"data_fee_nanos"`

	Bid            string `json:"bid"`
	Exchange       string `json:"exchange"`
	ReservedMedia  int64  `json:"reserved_media_nanos"`
	ReservedCharge int64  `json:"reserved_charge_nanos"`
	Price          int64  `json:"price_micros"`
	Currency       string `json:"price_currency"`
	PriceBad       string `json:"price_bad"`
	Rate           int64  `json:"fx_rate"`
	Test           bool   `json:"test"`
}

type item struct {
	LineItem int64 `json:"line_item"`
	Media    int64 `json:"media_nanos"`
	Charge   int64 `json:"charge_nanos"`
}

func read(value []byte) (*record, error) {
	r := &record{}
	if err := json.Unmarshal(value, r); err != nil {
		return nil, err
	}
	if r.V != 1 {
		return nil, fmt.Errorf("version %d is unknown", r.V)
	}
	switch r.Type {
	case "claim", "budget", "day", "grant", "close", "hard", "return", "bill", "loss", "click":
		return r, nil
	}
	return nil, fmt.Errorf("type %q is unknown", r.Type)
}
