package pacing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"bidhawk/internal/money"
)

// decoded is a record as read: exactly one payload is set, as typ says.
type decoded struct {
	typ     Type
	claim   *Claim
	budget  *Budget
	day     *DayTurn
	closing *Closing
	grant   *Grant
	phase   *Phase
	ret     *Return
	notice  *Notice
	payment *Payment
	adjust  *Adjust
}

// decodeRecord reads one money record. Every error is ErrUnreadable.
func decodeRecord(value []byte) (d decoded, err error) {
	if d.typ, err = recordType(value); err != nil {
		return d, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	var payload any
	switch d.typ {
	case TypeClaim:
		payload = set(&d.claim)
	case TypeBudget:
		payload = set(&d.budget)
	case TypeDay:
		payload = set(&d.day)
	case TypeClosing:
		payload = set(&d.closing)
	case TypeGrant:
		payload = set(&d.grant)
	case TypePayment:
		payload = set(&d.payment)
	case TypeAdjust:
		payload = set(&d.adjust)
	case TypeEase, TypeUnwon, TypeClose, TypeHard:
		payload = set(&d.phase)
	case TypeReturn:
		payload = set(&d.ret)
	case TypeWin, TypeBill, TypeLoss, TypeClick, TypeView, TypeComplete, TypeConversion:
		payload = set(&d.notice)
	default:
		return d, fmt.Errorf("%w: type %.40q is unknown to this binary", ErrUnreadable, d.typ)
	}
	// Fast path: a notice as we write it.
	if d.notice == nil || !readNotice(value, d.notice) {
		if d.notice != nil {
			*d.notice = Notice{}
		}
		if err := json.Unmarshal(value, payload); err != nil {
			return d, fmt.Errorf("%w: %s: %w", ErrUnreadable, d.typ, err)
		}
	}
	if err := d.validate(); err != nil {
		return d, fmt.Errorf("%w: %s: %w", ErrUnreadable, d.typ, err)
	}
	if b := d.budget; b != nil && b.ClickPrice != 0 { // an older log's
		b.EventPrice, b.ClickPrice = b.ClickPrice, 0
	}
	return d, nil
}

// set makes what p points to, and returns it to be read into.
func set[T any](p **T) any {
	*p = new(T)
	return *p
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
	case TypeWin, TypeBill, TypeLoss, TypeClick, TypeView, TypeComplete, TypeConversion:
		return d.notice.Validate()
	case TypeEase:
		if d.phase.Class == "" || d.phase.Keep < 0 || d.phase.Keep > 1_000_000 {
			return fmt.Errorf("class %.40q, keep_ppm %d: want a class, and 0 to 1000000", d.phase.Class, d.phase.Keep)
		}
	case TypePayment:
		return d.payment.Validate()
	case TypeAdjust:
		return d.adjust.Validate()
	case TypeClosing:
		if d.closing.Advertiser <= 0 || d.closing.Day <= 0 {
			return fmt.Errorf("advertiser %d, day %d: must be positive", d.closing.Advertiser, d.closing.Day)
		}
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
		for _, h := range it.Holds {
			if h.Media < 0 || h.Charge < 0 {
				return fmt.Errorf("items[%d]: line item %d: holds %q: media_nanos %d, charge_nanos %d: must not be negative", i, it.LineItem, h.Class, h.Media, h.Charge)
			}
		}
	}
	return nil
}

func (b *Budget) validate() error {
	for _, f := range []struct {
		name  string
		value money.Nanos
	}{
		{"daily_nanos", b.Daily}, {"lifetime_nanos", b.Lifetime}, {"event_price_nanos", b.EventPrice}, {"credit_nanos", b.Credit},
		{"click_price_nanos", b.ClickPrice}, {"data_fee_nanos", b.DataFee}, {"media_daily_nanos", b.MediaDaily}, {"media_lifetime_nanos", b.MediaLifetime},
	} {
		if f.value < 0 {
			return fmt.Errorf("%s %d: must not be negative", f.name, f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value money.PPM
		most  money.PPM
	}{
		{"platform_fee_ppm", b.PlatformFee, 1_000_000}, {"late_share_ppm", b.LateShare, 1_000_000}, {"share_ppm", b.Share, maxMarkup},
	} {
		if f.value < 0 || f.value > f.most {
			return fmt.Errorf("%s %d: want 0 to %d", f.name, f.value, f.most)
		}
	}
	if err := validateFlights(b.Flights); err != nil {
		return err
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

// maxMarkup bounds what dynamic CPM adds to the media cost: a hundred times it.
const maxMarkup = 100_000_000

// validateFlights names the first flight that breaks a rule.
func validateFlights(flights []Flight) error {
	for i, f := range flights {
		switch {
		case f.Start.IsZero() || f.Start.Nanosecond() != 0 || !f.Start.Before(f.End):
			return fmt.Errorf("flights[%d]: %v to %v: want a start on a full second and an end after it", i, f.Start, f.End)
		case f.Budget <= 0:
			return fmt.Errorf("flights[%d].budget_nanos %d: must be positive", i, f.Budget)
		case i > 0 && f.Start.Before(flights[i-1].End):
			return fmt.Errorf("flights[%d]: begins at %v, before flights[%d] ends at %v: must not overlap", i, f.Start, i-1, flights[i-1].End)
		}
	}
	return nil
}
