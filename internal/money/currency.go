package money

import "fmt"

// Currency is an ISO 4217 code in upper case.
type Currency [3]byte

// USD is the currency that OpenRTB means where none is named.
var USD = Currency{'U', 'S', 'D'}

// ParseCurrency reads three upper-case ASCII letters.
func ParseCurrency(s string) (Currency, error) {
	var c Currency
	if len(s) != 3 {
		return c, fmt.Errorf("currency %.10q: want three letters of ISO 4217", s)
	}
	for i := range 3 {
		if s[i] < 'A' || s[i] > 'Z' {
			return Currency{}, fmt.Errorf("currency %.10q: want three upper-case letters of ISO 4217", s)
		}
		c[i] = s[i]
	}
	return c, nil
}

func (c Currency) String() string {
	if c == (Currency{}) {
		return ""
	}
	return string(c[:])
}

// MarshalText writes the three letters.
func (c Currency) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is ParseCurrency.
func (c *Currency) UnmarshalText(b []byte) error {
	v, err := ParseCurrency(string(b))
	if err != nil {
		return err
	}
	*c = v
	return nil
}

// Rate is an exchange rate: billionths of the target unit for one source unit.
// A rate of 1 is 1_000_000_000.
type Rate int64

// One is the rate of a currency to itself.
const One Rate = 1_000_000_000

// Convert turns n into the target currency, rounded up, so that a reservation
// covers its cost. n must not be negative.
func (r Rate) Convert(n Nanos) (Nanos, error) {
	if r == One {
		return n, nil
	}
	v, err := MulDivUp(int64(n), int64(r), int64(One))
	return Nanos(v), err
}
