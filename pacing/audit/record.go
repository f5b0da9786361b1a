package audit

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// record is a money record as the auditor reads it: one flat structure for
// every type, from docs/money.md and docs/topics.md and not from the ledger's code.
type record struct {
	V          int    `json:"v"`
	Type       string `json:"type"`
	Epoch      int64  `json:"epoch"`
	Nonce      int64  `json:"nonce"`
	Advertiser int64  `json:"advertiser"`
	Campaign   int64  `json:"campaign"`
	LineItem   int64  `json:"line_item"`
	Lease      int64  `json:"lease"`

	// Of notices.
	Bid            bidKey `json:"bid"`
	Exchange       string `json:"exchange"`
	Format         string `json:"format"`
	ReservedMedia  int64  `json:"reserved_media_nanos"`
	ReservedCharge int64  `json:"reserved_charge_nanos"`
	Price          int64  `json:"price_micros"`
	Currency       string `json:"price_currency"`
	PriceBad       string `json:"price_bad"`
	Rate           int64  `json:"fx_rate"`
	Test           bool   `json:"test"`
	Order          string `json:"order"`
	Value          int64  `json:"value_nanos"`

	slow
}

// slow is what the scanner does not read.
type slow struct {
	Level    string    `json:"level"`
	Day      date      `json:"-"` // of day, closing and grant; a notice's is its lease's
	Class    *string   `json:"class"`
	Keep     int64     `json:"keep_ppm"`
	Items    []item    `json:"items"`
	Accounts []balance `json:"accounts"`

	Daily         int64    `json:"daily_nanos"`
	Lifetime      int64    `json:"lifetime_nanos"`
	MediaDaily    int64    `json:"media_daily_nanos"`
	MediaLifetime int64    `json:"media_lifetime_nanos"`
	Flights       []flight `json:"flights"`
	Agency        int64    `json:"agency"`
	Funded        bool     `json:"funded"`
	Credit        int64    `json:"credit_nanos"`
	FeePPM        int64    `json:"platform_fee_ppm"`
	Native        string   `json:"currency"`
	Pricing       string   `json:"pricing"`
	EventPrice    int64    `json:"event_price_nanos"`
	ClickPrice    int64    `json:"click_price_nanos"`
	Share         int64    `json:"share_ppm"`
	LateShare     int64    `json:"late_share_ppm"`
	DataFee       int64    `json:"data_fee_nanos"`

	ID              string `json:"id"`
	Amount          int64  `json:"amount_nanos"`
	Charge          int64  `json:"charge_nanos"`
	Media           int64  `json:"media_nanos"`
	PlatformFee     int64  `json:"platform_fee_nanos"`
	Late            int64  `json:"house_late_nanos"`
	Unbilled        int64  `json:"house_unbilled_nanos"`
	Payable         int64  `json:"payable_nanos"`
	PayableCurrency string `json:"payable_currency"`
}

type item struct {
	LineItem       int64  `json:"line_item"`
	Media          int64  `json:"media_nanos"`
	Charge         int64  `json:"charge_nanos"`
	Flight         int64  `json:"flight"`
	CampaignFlight int64  `json:"campaign_flight"`
	Holds          []hold `json:"holds"`
}

type hold struct {
	Class  string `json:"class"`
	Media  int64  `json:"media_nanos"`
	Charge int64  `json:"charge_nanos"`
}

type balance struct {
	Level  string `json:"level"`
	ID     int64  `json:"id"`
	Charge int64  `json:"charge_nanos"`
	Media  int64  `json:"media_nanos"`
}

type flight struct {
	Start  instant `json:"start"`
	Budget int64   `json:"budget_nanos"`
}

// instant is a time in unix seconds, written so or as RFC 3339.
type instant int64

func (i *instant) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '"' {
		n, err := strconv.ParseInt(string(b), 10, 64)
		*i = instant(n)
		return err
	}
	var t time.Time
	err := t.UnmarshalJSON(b)
	*i = instant(t.Unix())
	return err
}

// bidKey is a bid id.
type bidKey [16]byte

func (k *bidKey) UnmarshalText(b []byte) error {
	if len(b) != 2*len(k) {
		return fmt.Errorf("bid %.40q: want 32 hex digits", b)
	}
	_, err := hex.Decode(k[:], b)
	return err
}

func (k bidKey) String() string { return hex.EncodeToString(k[:]) }

// date is a day as yyyymmdd; 0 is none.
type date int32

func (d date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d/10_000, d/100%100, d%100) }

func parseDate(s string) (date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return 0, fmt.Errorf("day %.20q: want a date such as 2026-11-21", s)
	}
	return date(t.Year()*10_000 + int(t.Month())*100 + t.Day()), nil
}

// read reads value into r, whatever was there. The fast path is scan's.
func (r *record) read(value []byte, in *interned) error {
	*r = record{}
	if !r.scan(value, in) {
		if err := r.readJSON(value); err != nil {
			return err
		}
	}
	return r.validate()
}

func (r *record) readJSON(value []byte) error {
	*r = record{}
	if err := json.Unmarshal(value, r); err != nil {
		return err
	}
	switch r.Type {
	case "day", "closing", "grant":
		var d struct {
			Day string `json:"day"`
		}
		if err := json.Unmarshal(value, &d); err != nil {
			return err
		}
		day, err := parseDate(d.Day)
		r.Day = day
		return err
	}
	return nil
}

func (r *record) validate() error {
	if r.V != 1 {
		return fmt.Errorf("version %d is unknown", r.V)
	}
	switch r.Type {
	case "claim", "day", "closing", "close", "unwon", "hard":
		return nil
	case "ease":
		if r.Keep < 0 || r.Keep > million || r.Class == nil || *r.Class == "" {
			return fmt.Errorf("ease of lease %d: keep %d", r.Lease, r.Keep)
		}
		return nil
	case "budget":
		return r.validateBudget()
	case "grant", "return":
		return r.validateItems()
	case "win", "loss", "bill", "click", "view", "complete", "conversion":
		if r.ReservedMedia < 0 || r.ReservedCharge < 0 || r.Price < 0 || r.Rate <= 0 || r.Value < 0 {
			return fmt.Errorf("bid %v: reserved %d and %d, price %d, value %d, rate %d: below zero", r.Bid, r.ReservedMedia, r.ReservedCharge, r.Price, r.Value, r.Rate)
		}
		return nil
	case "payment", "adjust":
		if r.ID == "" {
			return fmt.Errorf("a %s without an id", r.Type)
		}
		if r.Type == "payment" && r.Amount == 0 {
			return fmt.Errorf("payment %q of nothing", r.ID)
		}
		return nil
	}
	return fmt.Errorf("type %q is unknown", r.Type)
}

func (r *record) validateBudget() error {
	for _, n := range []int64{r.Daily, r.Lifetime, r.MediaDaily, r.MediaLifetime, r.Credit, r.FeePPM, r.EventPrice, r.ClickPrice, r.Share, r.LateShare, r.DataFee} {
		if n < 0 {
			return fmt.Errorf("budget of advertiser %d: %d is below zero", r.Advertiser, n)
		}
	}
	for _, f := range r.Flights {
		if f.Budget < 0 {
			return fmt.Errorf("budget of advertiser %d: flight %d: %d is below zero", r.Advertiser, f.Start, f.Budget)
		}
	}
	if r.FeePPM > million || r.LateShare > million {
		return fmt.Errorf("budget of advertiser %d: platform fee %d, late share %d: more than all of it", r.Advertiser, r.FeePPM, r.LateShare)
	}
	return nil
}

var errNegativeItem = errors.New("an item below zero")

func (r *record) validateItems() error {
	for _, it := range r.Items {
		if it.Media < 0 || it.Charge < 0 {
			return errNegativeItem
		}
		for _, h := range it.Holds {
			if h.Media < 0 || h.Charge < 0 {
				return errNegativeItem
			}
		}
	}
	return nil
}
