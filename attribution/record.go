package attribution

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// The wire forms of docs/topics.md. Fields that reports do not need are left out.

// wirePlacement is what every record about a bid says of it.
type wirePlacement struct {
	Advertiser int64  `json:"advertiser"`
	Campaign   int64  `json:"campaign"`
	LineItem   int64  `json:"line_item"`
	Creative   int64  `json:"creative"`
	Exchange   string `json:"exchange"`
	Deal       string `json:"deal"`
	Site       string `json:"site"`
	App        bool   `json:"app"`
	Format     string `json:"format,omitempty"`
	W          int    `json:"w,omitempty"`
	H          int    `json:"h,omitempty"`
	DeviceType int    `json:"device_type,omitempty"`
	Country    string `json:"country,omitempty"`
	Region     string `json:"region,omitempty"`
}

type exposureRecord struct {
	V         int       `json:"v"`
	Type      string    `json:"type"`
	At        time.Time `json:"at"`
	BidAt     time.Time `json:"bid_at"`
	Bid       bidID     `json:"bid"`
	User      userKey   `json:"user"`
	Household userKey   `json:"household,omitempty"`
	Test      bool      `json:"test"`
	Terms     *bidTerms `json:"terms,omitempty"`
	// Of ghosts: the experiment that the user was assigned in, and to which group.
	Experiment int64 `json:"experiment,omitempty"`
	Held       bool  `json:"held,omitempty"`
	wirePlacement
}

// bidTerms is what a bid was made under whose line item charges at an event after
// the bill.
type bidTerms struct {
	Charges        string      `json:"charges"`
	Placement      uint32      `json:"placement,omitempty"`
	Format         string      `json:"format"`
	Lease          int64       `json:"lease"`
	Day            string      `json:"day"`
	ReservedMedia  money.Nanos `json:"reserved_media_nanos"`
	ReservedCharge money.Nanos `json:"reserved_charge_nanos"`
	PriceCurrency  string      `json:"price_currency"`
	FXRate         money.Rate  `json:"fx_rate"`
}

type postingRecord struct {
	V               int         `json:"v"`
	Type            string      `json:"type"`
	MoneyPartition  int32       `json:"money_partition"`
	MoneyOffset     int64       `json:"money_offset"`
	At              time.Time   `json:"at"`
	Day             wireDay     `json:"day"`
	Outcome         string      `json:"outcome"`
	Media           money.Nanos `json:"media_nanos"`
	Payable         money.Nanos `json:"payable_nanos"`
	PayableCurrency string      `json:"payable_currency"`
	Charge          money.Nanos `json:"charge_nanos"`
	DataFee         money.Nanos `json:"data_fee_nanos"`
	PlatformFee     money.Nanos `json:"platform_fee_nanos"`
	Margin          money.Nanos `json:"margin_nanos"`
	HouseLate       money.Nanos `json:"house_late_nanos"`
	HouseUnbilled   money.Nanos `json:"house_unbilled_nanos"`
	Payment         money.Nanos `json:"payment_nanos,omitempty"`
	Cause           string      `json:"cause,omitempty"`
	ID              string      `json:"id,omitempty"`
	BidAt           time.Time   `json:"bid_at,omitzero"`
	Claimed         money.Nanos `json:"claimed_nanos,omitempty"`
	wirePlacement
}

type conversionRecord struct {
	V          int         `json:"v"`
	ID         string      `json:"id"`
	At         time.Time   `json:"at"`
	Advertiser int64       `json:"advertiser"`
	Type       string      `json:"type"`
	Order      string      `json:"order"`
	Value      money.Nanos `json:"value_nanos"`
	Currency   string      `json:"currency"`
	User       userKey     `json:"user,omitempty"`
	ClickBid   bidID       `json:"click_bid,omitzero"`
	ClickLine  int64       `json:"click_line_item,omitempty"`
	Source     string      `json:"source"`
	// Refund takes back, of the order, the value, or where that is 0 the whole.
	Refund bool `json:"refund,omitempty"`
	// Identified: the customer was named by an identifier, as would be one who never
	// saw an ad. Experiments count these alone.
	Identified bool `json:"identified,omitempty"`
}

type auctionsRecord struct {
	V    int          `json:"v"`
	Type string       `json:"type"`
	Node string       `json:"node"`
	Seq  int64        `json:"seq"`
	At   time.Time    `json:"at"`
	Rows []auctionRow `json:"rows"`
}

type auctionRow struct {
	Hour time.Time `json:"hour"`
	Bids int64     `json:"bids"`
	wirePlacement
}

// attributedRecord is what this package writes.
type attributedRecord struct {
	V          int         `json:"v"`
	Conversion string      `json:"conversion"`
	Advertiser int64       `json:"advertiser"`
	LineItem   int64       `json:"line_item"`
	Creative   int64       `json:"creative"`
	Bid        string      `json:"bid"`
	Touch      string      `json:"touch"` // click, view or none
	At         time.Time   `json:"at"`
	Value      money.Nanos `json:"value_nanos"`
}

// bidID is 32 hex digits in JSON; the empty string is no bid.
type bidID struct {
	id ids.BidID
	ok bool
}

func (b *bidID) UnmarshalText(t []byte) error {
	if len(t) == 0 {
		return nil
	}
	if err := b.id.UnmarshalText(t); err != nil {
		return err
	}
	b.ok = true
	return nil
}

func (b bidID) MarshalText() ([]byte, error) {
	if !b.ok {
		return nil, nil
	}
	return b.id.MarshalText()
}

// userKey is 16 hex digits in JSON; the empty string is nobody.
type userKey ids.UserKey

func (u *userKey) UnmarshalText(t []byte) error {
	if len(t) == 0 {
		return nil
	}
	if len(t) != 16 {
		return fmt.Errorf("user %.40q: got %d characters; want 16 hex digits", t, len(t))
	}
	v, err := strconv.ParseUint(string(t), 16, 64)
	if err != nil {
		return fmt.Errorf("user %.40q: want 16 hex digits", t)
	}
	*u = userKey(v)
	return nil
}

func (u userKey) MarshalText() ([]byte, error) {
	if u == 0 {
		return nil, nil
	}
	return []byte(ids.UserKey(u).String()), nil
}

// wireDay is a date in JSON. A posting that moved nothing may have none that is
// real ("0000-00-00"): only those that are counted are checked.
type wireDay struct {
	day Day
	ok  bool
}

func (d *wireDay) UnmarshalText(t []byte) error {
	v, err := ParseDay(string(t))
	d.day, d.ok = v, err == nil
	return nil
}

// decode reads one record of version 1 into dst; v is dst's version.
func decode(value []byte, dst any, v *int) error {
	if len(value) == 0 {
		return errors.New("the record has no value")
	}
	if err := json.Unmarshal(value, dst); err != nil {
		return err
	}
	if *v != 1 {
		return fmt.Errorf("v: got %d; want 1", *v)
	}
	return nil
}

// Bounds of what a record may say. Longer names are no real domain, bundle or
// order; times outside would not fit the nanoseconds of the database.
const (
	maxSite  = 300
	maxName  = 128
	maxOrder = 256
	maxID    = maxOrder + 32 // a pixel's id is its advertiser's and its order's
	maxBids  = 1_000_000_000 // of one row of counts: their sums must not overflow
)

var (
	firstTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

func checkTime(field string, t time.Time) error {
	if t.Before(firstTime) || t.After(lastTime) {
		return fmt.Errorf("%s: got %s; want a time between the years 2000 and 2200", field, t.Format(time.RFC3339))
	}
	return nil
}

func (p *wirePlacement) check() error {
	switch {
	case p.Advertiser <= 0:
		return fmt.Errorf("advertiser: got %d; want a positive id", p.Advertiser)
	case p.LineItem <= 0:
		return fmt.Errorf("line_item: got %d; want a positive id", p.LineItem)
	case p.Campaign < 0 || p.Creative < 0:
		return fmt.Errorf("campaign, creative: got %d, %d; want no negative id", p.Campaign, p.Creative)
	case len(p.Exchange) > maxName:
		return fmt.Errorf("exchange: %d bytes; want at most %d", len(p.Exchange), maxName)
	}
	return nil
}

// placement is the roll-up's view of p. An outlandish deal or site counts as
// "(other)", so that no row is larger than it needs to be and no total is wrong.
func (p *wirePlacement) placement(t shownTexts) placement {
	out := placement{
		shown:    t.of(shownKey{p.Format, p.W, p.H, p.DeviceType, p.Country, p.Region}),
		campaign: p.Campaign, lineItem: p.LineItem, creative: p.Creative,
		exchange: p.Exchange, deal: p.Deal, site: p.Site, app: p.App,
	}
	if len(out.deal) > maxName {
		out.deal = other
	}
	if len(out.site) > maxSite {
		out.site = other
	}
	return out
}

const other = "(other)"

func (r *exposureRecord) check() error {
	if !r.Bid.ok {
		return errors.New("bid: missing; want 32 hex digits")
	}
	if err := checkTime("at", r.At); err != nil {
		return err
	}
	if !r.BidAt.IsZero() {
		if err := checkTime("bid_at", r.BidAt); err != nil {
			return err
		}
	}
	if err := r.Terms.check(); err != nil {
		return err
	}
	return r.wirePlacement.check()
}

// check makes sure that a charge by these terms is one that the ledger can read:
// one that it can't stops a shard.
func (t *bidTerms) check() error {
	switch {
	case t == nil || t.Charges != chargesConversion:
		return nil
	case t.Lease < 0 || t.ReservedMedia < 0 || t.ReservedCharge < 0:
		return fmt.Errorf("terms.lease, reserved_media_nanos, reserved_charge_nanos: got %d, %d, %d; want no negative number",
			t.Lease, t.ReservedMedia, t.ReservedCharge)
	case t.FXRate <= 0:
		return fmt.Errorf("terms.fx_rate: got %d; want a positive number", t.FXRate)
	case len(t.Format) > 16:
		return fmt.Errorf("terms.format: %d bytes; want at most 16", len(t.Format))
	}
	if _, err := ParseDay(t.Day); err != nil {
		return fmt.Errorf("terms.day: %w", err)
	}
	if _, err := money.ParseCurrency(t.PriceCurrency); err != nil {
		return fmt.Errorf("terms.price_currency: %w", err)
	}
	return nil
}

// chargesConversion is what terms say of line items that charge at conversions.
const chargesConversion = "conversion"

func (r *postingRecord) check() error {
	if r.MoneyPartition < 0 || r.MoneyOffset < 0 {
		return fmt.Errorf("money_partition, money_offset: got %d, %d; want no negative number", r.MoneyPartition, r.MoneyOffset)
	}
	return nil
}

// The types of postings that are not a notice's.
const (
	typeBill    = "bill"
	typePayment = "payment"
	typeAdjust  = "adjust"
	typeClosing = "closing"
)

// checkCounted is what a posting that moved money must say besides.
func (r *postingRecord) checkCounted() error {
	if err := checkTime("at", r.At); err != nil {
		return err
	}
	if r.Type == typePayment {
		if r.Advertiser <= 0 {
			return fmt.Errorf("advertiser: got %d; want a positive id", r.Advertiser)
		}
		return nil
	}
	if !r.Day.ok {
		return errors.New("day: missing or none; want a date")
	}
	if err := checkTime("day", r.Day.day.utc()); err != nil {
		return err
	}
	if r.Payable != 0 || r.PayableCurrency != "" {
		if _, err := money.ParseCurrency(r.PayableCurrency); err != nil {
			return fmt.Errorf("payable_currency: %w", err)
		}
	}
	return r.wirePlacement.check()
}

func (r *conversionRecord) check() error {
	switch {
	case r.ID == "" || len(r.ID) > maxID:
		return fmt.Errorf("id: %d bytes; want 1 to %d", len(r.ID), maxID)
	case r.Order == "" || len(r.Order) > maxOrder:
		return fmt.Errorf("order: %d bytes; want 1 to %d", len(r.Order), maxOrder)
	case r.Advertiser <= 0:
		return fmt.Errorf("advertiser: got %d; want a positive id", r.Advertiser)
	case len(r.Type) > maxName:
		return fmt.Errorf("type: %d bytes; want at most %d", len(r.Type), maxName)
	case r.Value < 0:
		return fmt.Errorf("value_nanos: got %d; want no negative number", r.Value)
	}
	return checkTime("at", r.At)
}

func (r *auctionsRecord) check() error {
	if r.Node == "" || len(r.Node) > maxName {
		return fmt.Errorf("node: %d bytes; want 1 to %d", len(r.Node), maxName)
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Bids < 0 || row.Bids > maxBids {
			return fmt.Errorf("rows[%d].bids: got %d; want 0 to %d", i, row.Bids, maxBids)
		}
		if err := checkTime("hour", row.Hour); err != nil {
			return fmt.Errorf("rows[%d].%w", i, err)
		}
		if err := row.check(); err != nil {
			return fmt.Errorf("rows[%d].%w", i, err)
		}
	}
	return nil
}
