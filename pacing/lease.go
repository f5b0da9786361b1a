package pacing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Amounts are the two sides of a bid's money, both in the advertiser's
// currency: what the exchange may bill and what the advertiser may be charged.
type Amounts struct {
	Media  money.Nanos `json:"media_nanos"`
	Charge money.Nanos `json:"charge_nanos"`
}

// plus is a + b, each at most the type's end; less a - b, each at least 0; least
// the smaller of both, each by itself. None of them is below 0.
func (a Amounts) plus(b Amounts) Amounts {
	return Amounts{addClamped(a.Media, b.Media), addClamped(a.Charge, b.Charge)}
}

func (a Amounts) less(b Amounts) Amounts {
	return Amounts{max(0, a.Media-b.Media), max(0, a.Charge-b.Charge)}
}

func (a Amounts) least(b Amounts) Amounts {
	return Amounts{min(a.Media, b.Media), min(a.Charge, b.Charge)}
}

// shareUp is p of a, rounded up.
func (a Amounts) shareUp(p money.PPM) Amounts {
	return Amounts{ratioUp(a.Media, money.Nanos(p), 1_000_000), ratioUp(a.Charge, money.Nanos(p), 1_000_000)}
}

// holds says whether need can be taken from a.
func (a Amounts) holds(need Amounts) bool { return a.Charge >= need.Charge && a.Media >= need.Media }

// LeaseSource grants leases. The Pacer is one; a client of a remote pacer is another.
type LeaseSource interface {
	// RequestLease asks for money for a bidder's line items. It returns once
	// every grant it holds is durable, or with what it has when ctx ends; an
	// error means that nothing at all was granted. What it names in neither
	// Leases nor Refused got no answer in time.
	RequestLease(ctx context.Context, req LeaseRequest) (LeaseGrant, error)
}

// LeaseRequest is one bidder's wish.
type LeaseRequest struct {
	Bidder uint64        `json:"bidder"` // the incarnation of the bidder's process
	Items  []LeaseDemand `json:"items"`  // at most MaxLeaseItems
}

// MaxLeaseItems bounds one request.
const MaxLeaseItems = 1000

// LeaseDemand says how much traffic a line item has met since the last request.
type LeaseDemand struct {
	LineItem campaigns.ID  `json:"line_item"`
	Need     Amounts       `json:"need"`        // the largest single reservation asked for
	Asked    money.Nanos   `json:"asked_nanos"` // charge of all the reservations asked for, granted or not, within Over
	Over     time.Duration `json:"over"`
	Apart    time.Duration `json:"apart,omitempty"` // the longest time between two asks lately
	// Within Over, too: auctions that the line item could have bid in, those that
	// it asked to reserve for, those that it reserved for, and the charge of these.
	Met      int64       `json:"met,omitempty"`
	Asks     int64       `json:"asks,omitempty"`
	Bids     int64       `json:"bids,omitempty"`
	Reserved money.Nanos `json:"reserved_nanos,omitempty"`
}

// LeaseGrant is the answer: one lease per advertiser that got money.
type LeaseGrant struct {
	Leases  []Lease        `json:"leases"`
	Refused []LeaseRefusal `json:"refused"`
}

// Lease is money that one bidder may reserve. Its durations count from before
// the bidder's request, by the bidder's clock.
type Lease struct {
	ID         int64         `json:"id"` // the grant's offset on the advertiser's partition
	Advertiser campaigns.ID  `json:"advertiser"`
	Day        Day           `json:"day"`    // whose money it is, in the advertiser's zone
	Window     time.Duration `json:"window"` // no reservation after it
	Close      time.Duration `json:"close"`  // a notice up to here is never late
	Items      []LeaseItem   `json:"items"`
}

// LeaseItem is one line item's part of a lease.
type LeaseItem struct {
	LineItem campaigns.ID `json:"line_item"`
	Amounts
	// Smooth asks the bidder to release the charge evenly over the window.
	Smooth bool `json:"smooth"`
	// Multiplier is what to bid of an impression's value; 0 is 1,000,000, all of it.
	Multiplier money.PPM `json:"multiplier_ppm,omitempty"`
}

// LeaseRefusal says why a line item got nothing.
type LeaseRefusal struct {
	LineItem campaigns.ID `json:"line_item"`
	Reason   Refusal      `json:"reason"`
	// Multiplier is as in LeaseItem, for what is left of an earlier lease.
	Multiplier money.PPM `json:"multiplier_ppm,omitempty"`
}

// Refusal says why a bid may not be afforded. The zero value is no refusal.
type Refusal uint8

// The refusals. Their names are stable: metrics and explain show them.
const (
	RefusedNot       Refusal = iota // the reservation was made
	RefusedNoLease                  // no money held yet; it has been asked for
	RefusedExhausted                // the lease is used up; more has been asked for
	RefusedPaced                    // the plan releases money later
	RefusedBudget                   // a budget is spent or fully committed
	RefusedInactive                 // paused, outside its dates, killed or unknown to the pacer
	RefusedStopped                  // the wallet is stopping
	refusals
)

var refusalNames = [refusals]string{"", "no_lease", "exhausted", "paced", "budget", "inactive", "stopped"}

func (r Refusal) String() string {
	if r < refusals {
		return refusalNames[r]
	}
	return fmt.Sprintf("refusal %d", uint8(r))
}

// Refusals lists every refusal, for metrics that name all of them up front.
func Refusals() []Refusal {
	out := make([]Refusal, 0, refusals-1)
	for r := RefusedNot + 1; r < refusals; r++ {
		out = append(out, r)
	}
	return out
}

// Reservation is money held for one bid. Its fields go into the bid's tokens.
type Reservation struct {
	Lease   int64
	Day     Day
	Amounts           // what was reserved
	Close   time.Time // a notice until then, by this bidder's clock, is never late
}

// ErrNotReady reports a pacer that cannot grant yet or any more.
var ErrNotReady = errors.New("pacer is not ready")
