package pacing

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// RecordVersion is the version of every money record this binary writes, and
// the only one it reads.
const RecordVersion = 1

// Type is the type of a money record.
type Type string

// The types; docs/money.md says what each does. Claim to Hard are written by the
// owner of the partition and count only with its epoch; Return to Conversion are
// written by bidders, Payment and Adjust by the operator.
const (
	TypeClaim   Type = "claim"   // an owner takes the partition: its offset is the new epoch
	TypeBudget  Type = "budget"  // an account's limits and terms from here on
	TypeDay     Type = "day"     // an advertiser's day turns
	TypeClosing Type = "closing" // a day's balances are final
	TypeGrant   Type = "grant"   // a lease begins
	TypeEase    Type = "ease"    // of a class of a lease, what is still expected is held on
	TypeUnwon   Type = "unwon"   // what did not win of a class of a lease is lost
	TypeClose   Type = "close"   // a lease's notices, or a class of them, are late from here on
	TypeHard    Type = "hard"    // a lease's notices move no money from here on

	TypeReturn     Type = "return"     // a bidder gives back what it did not reserve
	TypeWin        Type = "win"        // a bid won, and will be billed
	TypeBill       Type = "bill"       // the exchange bills a bid
	TypeLoss       Type = "loss"       // a bid lost
	TypeClick      Type = "click"      // a user clicked
	TypeView       Type = "view"       // an impression was viewable
	TypeComplete   Type = "complete"   // a video or audio was played to its end
	TypeConversion Type = "conversion" // a user did what the advertiser wants

	TypePayment Type = "payment" // an advertiser paid, or got money back
	TypeAdjust  Type = "adjust"  // a counter-record: the only way to correct
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

// The levels. An agency's budget would span partitions, so there is none: its
// account only adds up what its advertisers are charged.
const (
	levelAgency Level = "agency"

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
	Flights []Flight `json:"flights,omitempty"` // of campaigns and line items, ascending; none: all of its dates are one
}

// Terms is what an account is bound by. Which fields count depends on its level.
type Terms struct {
	// At every level. The charge (gross) it may hold and post; 0 is no limit of its own.
	Daily    money.Nanos `json:"daily_nanos"`
	Lifetime money.Nanos `json:"lifetime_nanos"`
	Active   bool        `json:"active"` // it and its parents may bid, dates and switches aside
	// Of the advertiser. Funded: its lifetime is bound by what it paid plus Credit.
	Agency      campaigns.ID   `json:"agency,omitempty"`
	Funded      bool           `json:"funded,omitempty"`
	Credit      money.Nanos    `json:"credit_nanos,omitempty"`
	Currency    money.Currency `json:"currency,omitzero"`
	Zone        string         `json:"zone,omitempty"`
	PlatformFee money.PPM      `json:"platform_fee_ppm,omitempty"`
	// Of campaigns and line items; zero: the parent's.
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
	// Of the line item.
	Pricing       campaigns.PricingModel `json:"pricing,omitempty"`
	EventPrice    money.Nanos            `json:"event_price_nanos,omitempty"` // per click, view, completion or conversion; CPD: per day
	ClickPrice    money.Nanos            `json:"click_price_nanos,omitempty"` // what older logs call the event's price
	Share         money.PPM              `json:"share_ppm,omitempty"`         // CPS: of the sale; dynamic CPM: over the media cost
	LateShare     money.PPM              `json:"late_share_ppm,omitempty"`    // of an expected event charge, still to come at the lease's close
	DataFee       money.Nanos            `json:"data_fee_nanos,omitempty"`    // per impression, part of the charge
	MediaDaily    money.Nanos            `json:"media_daily_nanos,omitempty"` // the operator's largest media cost; 0 is no limit
	MediaLifetime money.Nanos            `json:"media_lifetime_nanos,omitempty"`
	Pacing        campaigns.Pacing       `json:"pacing,omitempty"`
}

// Flight is a part of a flight plan with a budget of its own. Its start names it.
type Flight struct {
	Start  time.Time   `json:"start"`
	End    time.Time   `json:"end"`
	Budget money.Nanos `json:"budget_nanos"`
}

// key is the flight's name in accounts and grants: unix seconds of its start.
func (f Flight) key() int64 { return f.Start.Unix() }

// DayTurn starts an advertiser's day. Days never go back.
type DayTurn struct {
	At         time.Time    `json:"at"`
	Epoch      int64        `json:"epoch"`
	Advertiser campaigns.ID `json:"advertiser"`
	Day        Day          `json:"day"`
}

// Closing ends a day for good: the balances are what the ledger has, or the
// record is an error.
type Closing struct {
	At         time.Time    `json:"at"`
	Epoch      int64        `json:"epoch"`
	Advertiser campaigns.ID `json:"advertiser"`
	Day        Day          `json:"day"`
	Accounts   []DayAccount `json:"accounts"`
}

// DayAccount is what one scope posted on a day.
type DayAccount struct {
	Level  Level        `json:"level"`
	ID     campaigns.ID `json:"id"`
	Charge money.Nanos  `json:"charge_nanos"`
	Media  money.Nanos  `json:"media_nanos,omitempty"`
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
	// Of grants: the flights whose money it is, by Flight.key; 0: no flights.
	Flight         int64 `json:"flight,omitempty"`
	CampaignFlight int64 `json:"campaign_flight,omitempty"`
	// Of returns: what was reserved, by class.
	Holds []Hold `json:"holds,omitempty"`
}

// Hold is what bids of one class reserved of a lease.
type Hold struct {
	Class string `json:"class"` // exchange/format
	Amounts
}

// Phase ends a phase of a lease: it is the payload of ease, unwon, close and hard.
type Phase struct {
	At         time.Time    `json:"at"`
	Epoch      int64        `json:"epoch"`
	Advertiser campaigns.ID `json:"advertiser"`
	Lease      int64        `json:"lease"`
	Class      string       `json:"class,omitempty"`    // of ease, of unwon, and of a close; empty: all
	Keep       money.PPM    `json:"keep_ppm,omitempty"` // of ease: the share of what is not resolved that stays held
}

// Return gives back what a bidder has not reserved of a lease, once, when it
// will not reserve from it any more.
type Return struct {
	At         time.Time    `json:"at"`
	Advertiser campaigns.ID `json:"advertiser"`
	Lease      int64        `json:"lease"`
	Items      []ItemAmount `json:"items"`
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
	if n, ok := payload.(*Notice); ok { // fast path
		out := append(make([]byte, 0, 640), `{"v":1,"type":"`...)
		return appendNotice(append(append(out, t...), `",`...), n), nil
	}
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
