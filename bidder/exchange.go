package bidder

import (
	"fmt"
	"regexp"
	"time"

	"bidhawk/internal/money"
)

// Exchange is what is agreed with one exchange.
type Exchange struct {
	Name string // the last path segment of its endpoint
	// Seat is the buyer seat that its bids carry; empty where it wants none.
	Seat string
	// NetworkMargin is taken off tmax: the way there and back.
	NetworkMargin time.Duration
	// DefaultTMax holds where a request says none.
	DefaultTMax time.Duration
	// Gzip answers requests that accept it with gzip.
	Gzip bool
	// NoBidBody answers no-bids with a 200 that names nbr instead of a 204.
	NoBidBody bool
	// MaxAnswerBytes bounds an answer; a larger one is a no-bid.
	MaxAnswerBytes int

	seat []byte // Seat, for answers
}

var exchangeName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Validate names the first field that breaks its rule.
func (e Exchange) Validate() error {
	f := func(field string, value any, rule string) error {
		return fmt.Errorf("exchanges.%s.%s: got %v; want %s", e.Name, field, value, rule)
	}
	switch {
	case !exchangeName.MatchString(e.Name):
		return fmt.Errorf("exchanges: name %q: want 1 to 32 lower-case letters, digits and dashes", e.Name)
	case e.NetworkMargin < 0 || e.NetworkMargin > time.Second:
		return f("network_margin", e.NetworkMargin, "0s to 1s")
	case e.DefaultTMax < 10*time.Millisecond || e.DefaultTMax > 10*time.Second:
		return f("default_tmax", e.DefaultTMax, "10ms to 10s")
	case e.MaxAnswerBytes < 1<<10 || e.MaxAnswerBytes > 1<<20:
		return f("max_answer_bytes", e.MaxAnswerBytes, "1024 to 1048576")
	}
	return nil
}

// Rates is the table that converts between currencies.
type Rates map[money.Currency]money.Rate // nano-dollars for one unit

// Knows says whether c is in the table.
func (r Rates) Knows(c money.Currency) bool { return r[c] > 0 }

// Convert turns a price in from into to, rounded as told; ok is false where one
// of them is not in the table, or the result does not fit.
func (r Rates) Convert(v money.CPM, from, to money.Currency, round money.Rounding) (out money.CPM, ok bool) {
	if from == to || v == 0 {
		return v, true
	}
	a, b := r[from], r[to]
	if a <= 0 || b <= 0 {
		return 0, false
	}
	div := money.MulDiv
	if round == money.RoundUp {
		div = money.MulDivUp
	}
	n, err := div(int64(v), int64(a), int64(b))
	return money.CPM(n), err == nil
}

// Between is the rate from one currency to another, rounded up, as tokens and
// the ledger carry it; ok is false where one of them is not in the table.
func (r Rates) Between(from, to money.Currency) (rate money.Rate, ok bool) {
	if from == to {
		return money.One, true
	}
	a, b := r[from], r[to]
	if a <= 0 || b <= 0 {
		return 0, false
	}
	v, err := money.MulDivUp(int64(a), int64(money.One), int64(b))
	return money.Rate(v), err == nil && v > 0
}
