package pacing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// RecordVersion is the version of every money record this binary writes, and
// the only one it reads.
const RecordVersion = 1

// Type is the type of a money record.
type Type string

// The types. Claim to Hard are written by the owner of the partition and count
// only with its epoch; the others are written by bidders.
const (
	TypeClaim  Type = "claim"  // an owner takes the partition: its offset is the new epoch
	TypeBudget Type = "budget" // an account's limits and terms from here on
	TypeDay    Type = "day"    // an advertiser's day turns
	TypeGrant  Type = "grant"  // a lease begins
	TypeClose  Type = "close"  // a lease's notices are late from here on
	TypeHard   Type = "hard"   // a lease's notices move no money from here on
	TypeReturn Type = "return" // a bidder gives back what it did not reserve
	TypeBill   Type = "bill"   // the exchange bills a bid
	TypeLoss   Type = "loss"   // a bid lost
	TypeClick  Type = "click"  // a user clicked
)

// ErrUnreadable reports a money record that this binary cannot read: another
// version, an unknown type, or a field that breaks a rule. It stops the shard.
var ErrUnreadable = errors.New("unreadable money record")

// Claim takes the ownership of a partition.
type Claim struct {
	At    time.Time `json:"at"`
	Owner string    `json:"owner"` // who, for people; 16 hex digits
}

// Level is a level of the budget tree.
type Level string

// The levels. An agency's budget would span partitions, so there is none.
const (
	LevelAdvertiser Level = "advertiser"
	LevelCampaign   Level = "campaign"
	LevelLineItem   Level = "line_item"
)

// Budget sets one account. A line item's parents come before it.
type Budget struct {
	At         time.Time    `json:"at"`
	Epoch      int64        `json:"epoch"`
	Advertiser campaigns.ID `json:"advertiser"`
	Level      Level        `json:"level"`
	Campaign   campaigns.ID `json:"campaign,omitempty"`  // of a campaign and of a line item
	LineItem   campaigns.ID `json:"line_item,omitempty"` // of a line item
	Terms
}

// Terms is what an account is bound by. Which fields count depends on its level.
type Terms struct {
	// At every level. The charge (gross) it may hold and post; 0 is no limit of its own.
	Daily    money.Nanos `json:"daily_nanos"`
	Lifetime money.Nanos `json:"lifetime_nanos"`
	Active   bool        `json:"active"` // it and its parents may bid, dates and switches aside
	// Of the advertiser.
	Currency    money.Currency `json:"currency,omitzero"`
	Zone        string         `json:"zone,omitempty"`
	PlatformFee money.PPM      `json:"platform_fee_ppm,omitempty"`
	// Of campaigns and line items; zero: the parent's.
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
	// Of the line item.
	Pricing       campaigns.PricingModel `json:"pricing,omitempty"`
	ClickPrice    money.Nanos            `json:"click_price_nanos,omitempty"` // CPC: per click
	DataFee       money.Nanos            `json:"data_fee_nanos,omitempty"`    // per impression, part of the charge
	MediaDaily    money.Nanos            `json:"media_daily_nanos,omitempty"` // the operator's largest media cost; 0 is no limit
	MediaLifetime money.Nanos            `json:"media_lifetime_nanos,omitempty"`
	Pacing        campaigns.Pacing       `json:"pacing,omitempty"`
}

// DayTurn starts an advertiser's day. Days never go back.
type DayTurn struct {
	At         time.Time    `json:"at"`
	Epoch      int64        `json:"epoch"`
	Advertiser campaigns.ID `json:"advertiser"`
	Day        Day          `json:"day"`
}

// Grant leases money to a bidder; its offset is the lease's id. The ledger
// gives each item what still fits, at most what is asked here.
type Grant struct {
	At         time.Time    `json:"at"`
	Epoch      int64        `json:"epoch"`
	Nonce      int64        `json:"nonce"` // grows within an epoch: a repeat of the record grants nothing
	Advertiser campaigns.ID `json:"advertiser"`
	Bidder     string       `json:"bidder"` // incarnation, 16 hex digits
	Day        Day          `json:"day"`
	WindowMS   int64        `json:"window_ms"`
	Items      []ItemAmount `json:"items"`
}

// ItemAmount is one line item's part of a lease.
type ItemAmount struct {
	LineItem campaigns.ID `json:"line_item"`
	Amounts
	// Of returns: what was reserved, by class.
	Holds []Hold `json:"holds,omitempty"`
}

// Phase ends a phase of a lease: it is the payload of close and hard.
type Phase struct {
	At         time.Time    `json:"at"`
	Epoch      int64        `json:"epoch"`
	Advertiser campaigns.ID `json:"advertiser"`
	Lease      int64        `json:"lease"`
}

// Return gives back what a bidder has not reserved of a lease, once, when it
// will not reserve from it any more.
type Return struct {
	At         time.Time    `json:"at"`
	Advertiser campaigns.ID `json:"advertiser"`
	Lease      int64        `json:"lease"`
	Items      []ItemAmount `json:"items"`
}

// PriceBad says why a billing notice has no usable price.
type PriceBad string

// The kinds of bad price.
const (
	PriceUnreplaced PriceBad = "unreplaced" // the macro came back as it was
	PriceSyntax     PriceBad = "syntax"
	PriceMissing    PriceBad = "missing"
)

// Notice is the payload of bill, loss and click: what a verified token and the
// notice's own parameters say.
type Notice struct {
	At         time.Time    `json:"at"`
	Advertiser campaigns.ID `json:"advertiser"`
	Campaign   campaigns.ID `json:"campaign"`
	LineItem   campaigns.ID `json:"line_item"`
	Creative   campaigns.ID `json:"creative"`
	Lease      int64        `json:"lease"`
	Bid        ids.BidID    `json:"bid"`
	Exchange   string       `json:"exchange"`
	Deal       string       `json:"deal"`
	Site       string       `json:"site"`
	App        bool         `json:"app"`
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
	// Of losses only.
	Reason   int       `json:"reason,omitempty"` // OpenRTB loss reason
	MinToWin money.CPM `json:"min_to_win_micros,omitempty"`
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
	case len(n.Exchange) > 64 || len(n.Deal) > 256 || len(n.Site) > 512:
		return fmt.Errorf("exchange, deal, site: %d, %d, %d bytes; want at most 64, 256, 512", len(n.Exchange), len(n.Deal), len(n.Site))
	}
	return nil
}

// BillMessage, LossMessage and ClickMessage make the money record of a notice,
// or name the field of n that breaks a rule.
func BillMessage(n *Notice) (eventlog.Message, error) { return noticeMessage(TypeBill, n) }

// LossMessage is BillMessage for a loss.
func LossMessage(n *Notice) (eventlog.Message, error) { return noticeMessage(TypeLoss, n) }

// ClickMessage is BillMessage for a click.
func ClickMessage(n *Notice) (eventlog.Message, error) { return noticeMessage(TypeClick, n) }

func noticeMessage(t Type, n *Notice) (eventlog.Message, error) {
	if err := n.Validate(); err != nil {
		return eventlog.Message{}, fmt.Errorf("%s of bid %v: %w", t, n.Bid, err)
	}
	return message(t, n.Advertiser, n)
}

// MoneyKey is the key of an advertiser's records on money and postings.
func MoneyKey(advertiser campaigns.ID) []byte { return strconv.AppendInt(nil, int64(advertiser), 10) }

func message(t Type, advertiser campaigns.ID, payload any) (eventlog.Message, error) {
	value, err := encode(t, payload)
	if err != nil {
		return eventlog.Message{}, err
	}
	return eventlog.Message{Topic: eventlog.TopicMoney, Key: MoneyKey(advertiser), Value: value}, nil
}

// encode writes {"v":1,"type":"T", and the payload's own fields after it.
func encode(t Type, payload any) ([]byte, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", t, err)
	}
	out := make([]byte, 0, len(body)+32)
	out = append(out, `{"v":1,"type":"`...)
	out = append(out, t...)
	out = append(out, `",`...)
	return append(out, body[1:]...), nil
}

// decoded is a record as read: exactly one payload is set, as typ says.
type decoded struct {
	typ    Type
	claim  *Claim
	budget *Budget
	day    *DayTurn
	grant  *Grant
	phase  *Phase
	ret    *Return
	notice *Notice
}

// decodeRecord reads one money record. Every error is ErrUnreadable.
func decodeRecord(value []byte) (d decoded, err error) {
	if d.typ, err = recordType(value); err != nil {
		return d, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	var payload any
	switch d.typ {
	case TypeClaim:
		d.claim = &Claim{}
		payload = d.claim
	case TypeBudget:
		d.budget = &Budget{}
		payload = d.budget
	case TypeDay:
		d.day = &DayTurn{}
		payload = d.day
	case TypeGrant:
		d.grant = &Grant{}
		payload = d.grant
	case TypeClose, TypeHard:
		d.phase = &Phase{}
		payload = d.phase
	case TypeReturn:
		d.ret = &Return{}
		payload = d.ret
	case TypeBill, TypeLoss, TypeClick:
		d.notice = &Notice{}
		payload = d.notice
	default:
		return d, fmt.Errorf("%w: type %.40q is unknown to this binary", ErrUnreadable, d.typ)
	}
	if err := json.Unmarshal(value, payload); err != nil {
		return d, fmt.Errorf("%w: %s: %w", ErrUnreadable, d.typ, err)
	}
	if err := d.validate(); err != nil {
		return d, fmt.Errorf("%w: %s: %w", ErrUnreadable, d.typ, err)
	}
	return d, nil
}

// recordType reads version and type. Fast path: they come first, as encode
// writes them.
func recordType(value []byte) (Type, error) {
	const head = `{"v":1,"type":"`
	if rest, ok := bytes.CutPrefix(value, []byte(head)); ok {
		if i := bytes.IndexByte(rest, '"'); i >= 0 {
			return Type(rest[:i]), nil
		}
	}
	// Slow path.
	var h struct {
		V    int  `json:"v"`
		Type Type `json:"type"`
	}
	if err := json.Unmarshal(value, &h); err != nil {
		return "", err
	}
	if h.V != RecordVersion {
		return "", fmt.Errorf("v: got %d; want %d", h.V, RecordVersion)
	}
	return h.Type, nil
}

func (d *decoded) validate() error {
	switch d.typ {
	case TypeBill, TypeLoss, TypeClick:
		return d.notice.Validate()
	case TypeBudget:
		return d.budget.validate()
	case TypeGrant:
		if d.grant.Advertiser <= 0 || d.grant.Day <= 0 || d.grant.WindowMS <= 0 {
			return fmt.Errorf("advertiser %d, day %d, window_ms %d: must be positive", d.grant.Advertiser, d.grant.Day, d.grant.WindowMS)
		}
		return validateItems(d.grant.Items)
	case TypeReturn:
		return validateItems(d.ret.Items)
	case TypeDay:
		if d.day.Advertiser <= 0 || d.day.Day <= 0 {
			return fmt.Errorf("advertiser %d, day %d: must be positive", d.day.Advertiser, d.day.Day)
		}
	}
	return nil
}

func validateItems(items []ItemAmount) error {
	for i, it := range items {
		if it.Media < 0 || it.Charge < 0 {
			return fmt.Errorf("items[%d]: line item %d: media_nanos %d, charge_nanos %d: must not be negative", i, it.LineItem, it.Media, it.Charge)
		}
	}
	return nil
}

func (b *Budget) validate() error {
	for _, f := range []struct {
		name  string
		value money.Nanos
	}{
		{"daily_nanos", b.Daily}, {"lifetime_nanos", b.Lifetime}, {"click_price_nanos", b.ClickPrice},
		{"data_fee_nanos", b.DataFee}, {"media_daily_nanos", b.MediaDaily}, {"media_lifetime_nanos", b.MediaLifetime},
	} {
		if f.value < 0 {
			return fmt.Errorf("%s %d: must not be negative", f.name, f.value)
		}
	}
	if b.PlatformFee < 0 || b.PlatformFee > 1_000_000 {
		return fmt.Errorf("platform_fee_ppm %d: want 0 to 1000000", b.PlatformFee)
	}
	switch b.Level {
	case LevelAdvertiser:
		if b.Currency == (money.Currency{}) {
			return errors.New("currency: missing")
		}
	case LevelCampaign, LevelLineItem:
		if b.Campaign <= 0 || (b.Level == LevelLineItem) != (b.LineItem > 0) {
			return fmt.Errorf("%s with campaign %d, line_item %d", b.Level, b.Campaign, b.LineItem)
		}
	default:
		return fmt.Errorf("level %.40q: want advertiser, campaign or line_item", b.Level)
	}
	if b.Advertiser <= 0 {
		return fmt.Errorf("advertiser %d: want a positive id", b.Advertiser)
	}
	return nil
}
