package pacing

import (
	"errors"
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// Payment is money that an advertiser paid; below 0 it got it back. ID counts
// once per advertiser, for good.
type Payment struct {
	At         time.Time    `json:"at"`
	Advertiser campaigns.ID `json:"advertiser"`
	ID         string       `json:"id"`
	Amount     money.Nanos  `json:"amount_nanos"` // in the advertiser's currency
	Reference  string       `json:"reference,omitempty"`
	By         string       `json:"by"`
}

// Adjust corrects what was posted, by amounts that are added: in the
// advertiser's currency, but for the payable. ID counts once per advertiser, for
// good. The margin follows from the others.
type Adjust struct {
	At              time.Time      `json:"at"`
	Advertiser      campaigns.ID   `json:"advertiser"`
	LineItem        campaigns.ID   `json:"line_item"`
	ID              string         `json:"id"`
	Charge          money.Nanos    `json:"charge_nanos,omitempty"`
	Media           money.Nanos    `json:"media_nanos,omitempty"`
	DataFee         money.Nanos    `json:"data_fee_nanos,omitempty"`
	PlatformFee     money.Nanos    `json:"platform_fee_nanos,omitempty"`
	HouseLate       money.Nanos    `json:"house_late_nanos,omitempty"`
	HouseUnbilled   money.Nanos    `json:"house_unbilled_nanos,omitempty"`
	Exchange        string         `json:"exchange,omitempty"` // of the payable
	Payable         money.Nanos    `json:"payable_nanos,omitempty"`
	PayableCurrency money.Currency `json:"payable_currency,omitzero"`
	Cause           string         `json:"cause"` // a word for reports, such as invalid_traffic
	Reason          string         `json:"reason"`
	By              string         `json:"by"`
}

// maxCorrection bounds each amount of a payment or an adjustment, far below
// where sums could pass the type's end.
const maxCorrection = 1_000_000_000 * money.Unit

func correction(name string, n money.Nanos) error {
	if n > maxCorrection || n < -maxCorrection {
		return fmt.Errorf("%s %d: want at most %d either way", name, n, maxCorrection)
	}
	return nil
}

// Validate names the first field that breaks a rule.
func (p *Payment) Validate() error {
	switch {
	case p.Advertiser <= 0:
		return fmt.Errorf("advertiser %d: want a positive id", p.Advertiser)
	case p.ID == "" || len(p.ID) > 128:
		return fmt.Errorf("id %.20q: want 1 to 128 bytes", p.ID)
	case p.Amount == 0:
		return errors.New("amount_nanos 0: must not be zero")
	case len(p.Reference) > 256 || p.By == "" || len(p.By) > 128:
		return fmt.Errorf("reference, by: %d, %d bytes; want at most 256, and 1 to 128", len(p.Reference), len(p.By))
	}
	return correction("amount_nanos", p.Amount)
}

// Validate names the first field that breaks a rule.
func (a *Adjust) Validate() error {
	switch {
	case a.Advertiser <= 0 || a.LineItem <= 0:
		return fmt.Errorf("advertiser %d, line_item %d: want positive ids", a.Advertiser, a.LineItem)
	case a.ID == "" || len(a.ID) > 128:
		return fmt.Errorf("id %.20q: want 1 to 128 bytes", a.ID)
	case a.Payable != 0 && (a.Exchange == "" || len(a.Exchange) > 64 || a.PayableCurrency == (money.Currency{})):
		return fmt.Errorf("payable_nanos %d: want its exchange and payable_currency", a.Payable)
	case a.Cause == "" || len(a.Cause) > 64 || a.Reason == "" || len(a.Reason) > 512 || a.By == "" || len(a.By) > 128:
		return fmt.Errorf("cause, reason, by: %d, %d, %d bytes; want 1 to 64, 1 to 512, 1 to 128", len(a.Cause), len(a.Reason), len(a.By))
	}
	if a.Charge == 0 && a.Media == 0 && a.DataFee == 0 && a.PlatformFee == 0 && a.HouseLate == 0 && a.HouseUnbilled == 0 && a.Payable == 0 {
		return errors.New("adjust: every amount is 0; want one that is not")
	}
	for _, f := range []struct {
		name  string
		value money.Nanos
	}{
		{"charge_nanos", a.Charge}, {"media_nanos", a.Media}, {"data_fee_nanos", a.DataFee}, {"platform_fee_nanos", a.PlatformFee},
		{"house_late_nanos", a.HouseLate}, {"house_unbilled_nanos", a.HouseUnbilled}, {"payable_nanos", a.Payable},
	} {
		if err := correction(f.name, f.value); err != nil {
			return err
		}
	}
	return nil
}

// PaymentMessage makes the money record of p, or names the field that breaks a rule.
func PaymentMessage(p *Payment) (eventlog.Message, error) {
	if err := p.Validate(); err != nil {
		return eventlog.Message{}, fmt.Errorf("payment %.40q: %w", p.ID, err)
	}
	return message(TypePayment, p.Advertiser, p)
}

// AdjustMessage makes the money record of a, or names the field that breaks a rule.
func AdjustMessage(a *Adjust) (eventlog.Message, error) {
	if err := a.Validate(); err != nil {
		return eventlog.Message{}, fmt.Errorf("adjust %.40q: %w", a.ID, err)
	}
	return message(TypeAdjust, a.Advertiser, a)
}
