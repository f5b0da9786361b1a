package pacing

import (
	"encoding/json"
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// Outcome is what the ledger decided about a notice.
type Outcome string

// The outcomes.
const (
	OutcomePosted    Outcome = "posted"
	OutcomeLate      Outcome = "late"      // after the lease closed: the advertiser pays what fits
	OutcomePastHard  Outcome = "past_hard" // recorded only
	OutcomeDuplicate Outcome = "duplicate"
	OutcomeDispute   Outcome = "dispute"   // a price above the reserved: posted as reserved
	OutcomeAdjusted  Outcome = "adjusted"  // a repeat with a larger price: the difference
	OutcomeVoid      Outcome = "void"      // lost: what it held is free again
	OutcomeUnbilled  Outcome = "unbilled"  // part of the charge did not fit
	OutcomeBadPrice  Outcome = "bad_price" // recorded only; a repeat with a price still posts
	OutcomeTest      Outcome = "test"      // test traffic moves no money
	OutcomeRefused   Outcome = "refused"   // a payment or an adjustment that a rule forbids: nothing moved
)

// Outcomes lists every outcome, for metrics that name all of them up front.
func Outcomes() []Outcome {
	return []Outcome{OutcomePosted, OutcomeLate, OutcomePastHard, OutcomeDuplicate, OutcomeDispute, OutcomeAdjusted,
		OutcomeVoid, OutcomeUnbilled, OutcomeBadPrice, OutcomeTest, OutcomeRefused}
}

// Posting is one decision, a record of the topic postings. Its identity is the
// partition and offset of the money record it follows from. It balances:
//
//	charge + house late + house unbilled = media + data fee + platform fee + margin
type Posting struct {
	V          int          `json:"v"`
	Type       Type         `json:"type"` // of the money record
	Partition  int32        `json:"money_partition"`
	Offset     int64        `json:"money_offset"`
	At         time.Time    `json:"at"`
	Day        Day          `json:"day"`
	Advertiser campaigns.ID `json:"advertiser"`
	Campaign   campaigns.ID `json:"campaign"`
	LineItem   campaigns.ID `json:"line_item"`
	Creative   campaigns.ID `json:"creative"`
	Bid        ids.BidID    `json:"bid"`
	Exchange   string       `json:"exchange"`
	Format     string       `json:"format,omitempty"`
	Deal       string       `json:"deal"`
	Site       string       `json:"site"`
	App        bool         `json:"app"`
	Shown
	Outcome         Outcome        `json:"outcome"`
	Media           money.Nanos    `json:"media_nanos"`
	Payable         money.Nanos    `json:"payable_nanos"`
	PayableCurrency money.Currency `json:"payable_currency"`
	Charge          money.Nanos    `json:"charge_nanos"`
	DataFee         money.Nanos    `json:"data_fee_nanos"`
	PlatformFee     money.Nanos    `json:"platform_fee_nanos"`
	Margin          money.Nanos    `json:"margin_nanos"`
	HouseLate       money.Nanos    `json:"house_late_nanos"`
	HouseUnbilled   money.Nanos    `json:"house_unbilled_nanos"`
	Payment         money.Nanos    `json:"payment_nanos,omitempty"` // of payments
	Cause           string         `json:"cause,omitempty"`         // of adjustments
	ID              string         `json:"id,omitempty"`            // of payments and adjustments
	Currency        money.Currency `json:"currency,omitzero"`       // of every amount but Payable and Claimed; none: the advertiser is not known
	BidAt           time.Time      `json:"bid_at,omitzero"`         // of notices
	Claimed         money.Nanos    `json:"claimed_nanos,omitempty"` // of bills: the price that the exchange named, whatever became of it
}

// message makes the record of p.
func (p *Posting) message() (eventlog.Message, error) {
	value, err := json.Marshal(p)
	if err != nil {
		return eventlog.Message{}, fmt.Errorf("encode posting %d/%d: %w", p.Partition, p.Offset, err)
	}
	return eventlog.Message{Topic: eventlog.TopicPostings, Key: MoneyKey(p.Advertiser), Value: value}, nil
}

// ParsePosting reads a record of the topic postings.
func ParsePosting(value []byte) (*Posting, error) {
	p := &Posting{}
	if err := json.Unmarshal(value, p); err != nil {
		return nil, fmt.Errorf("read posting: %w", err)
	}
	if p.V != RecordVersion {
		return nil, fmt.Errorf("read posting: v: got %d; want %d", p.V, RecordVersion)
	}
	return p, nil
}

// split shares a charge of want, of which charged fits: fees, margin, and the
// rest to the house. The fee is the operator's share of what the advertiser pays.
func (p *Posting) split(want, charged, dataFee money.Nanos, fee money.PPM, late bool) error {
	platform, err := fee.Of(charged)
	if err != nil {
		return err
	}
	p.Charge, p.DataFee, p.PlatformFee = charged, dataFee, platform
	p.Margin = want - p.Media - dataFee - platform
	if late {
		p.HouseLate = want - charged
	} else {
		p.HouseUnbilled = want - charged
	}
	return nil
}
