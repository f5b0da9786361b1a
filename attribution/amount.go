package attribution

import (
	"math/big"
	"strconv"

	"bidhawk/internal/money"
)

// Amount is a sum of nanos that may pass the range of money.Nanos: whole units
// and nanos are added apart, so that neither overflows within 9.2e9 additions.
// Two Amounts are equal when their Norm is.
type Amount struct {
	Units int64
	Nanos int64
}

// Add adds n.
func (a *Amount) Add(n money.Nanos) {
	a.Units += int64(n / money.Unit)
	a.Nanos += int64(n % money.Unit)
}

// AddAmount adds b.
func (a *Amount) AddAmount(b Amount) {
	a.Units += b.Units
	a.Nanos += b.Nanos
}

// Norm returns the same amount with both parts of one sign and |Nanos| below one unit.
func (a Amount) Norm() Amount {
	const unit = int64(money.Unit)
	a.Units += a.Nanos / unit
	a.Nanos %= unit
	switch {
	case a.Units > 0 && a.Nanos < 0:
		a.Units--
		a.Nanos += unit
	case a.Units < 0 && a.Nanos > 0:
		a.Units++
		a.Nanos -= unit
	}
	return a
}

// IsZero says whether the amount is nothing.
func (a Amount) IsZero() bool { return a.Norm() == Amount{} }

// String prints a in units, such as "12.5": no exponent, no trailing zeros.
func (a Amount) String() string {
	a = a.Norm()
	if a.Units == 0 {
		return money.Nanos(a.Nanos).String()
	}
	frac := a.Nanos
	if frac < 0 {
		frac = -frac
	}
	whole := strconv.FormatInt(a.Units, 10)
	return whole + money.Nanos(frac).String()[1:] // "0.5" or "0" without its zero
}

// MarshalText is String: JSON carries amounts as decimal strings.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// big is the amount in nanos.
func (a Amount) big() *big.Int {
	v := new(big.Int).Mul(big.NewInt(a.Units), big.NewInt(int64(money.Unit)))
	return v.Add(v, big.NewInt(a.Nanos))
}

// Wide is the amount in nanos, for comparing with a ledger's sums.
func (a Amount) Wide() money.Wide {
	var w money.Wide
	// Two int64 parts cannot pass 127 bits, so that reading it back cannot fail.
	if err := w.UnmarshalText(a.big().Append(nil, 10)); err != nil {
		panic(err)
	}
	return w
}
