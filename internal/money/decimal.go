package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Rounding says what happens to digits beyond the kept scale.
type Rounding uint8

const (
	// RoundDown drops them: bids round down.
	RoundDown Rounding = iota
	// RoundUp raises the last kept digit: floors round up.
	RoundUp
)

// ParseMicros reads a JSON number (an optional minus, digits, fraction and
// exponent) and returns it in millionths, without floating point. Digits beyond
// the sixth decimal follow r (on the magnitude). Errors: ErrSyntax, ErrOverflow.
func ParseMicros(b []byte, r Rounding) (int64, error) { return parseScaled(b, 6, r) }

// ParseNanos is ParseMicros with nine decimals.
func ParseNanos(b []byte, r Rounding) (int64, error) { return parseScaled(b, 9, r) }

// ErrPrecision reports more decimals than a nano has.
var ErrPrecision = errors.New("more than nine decimals")

// ParseAmount is ParseNanos of an amount that must not be rounded: ErrPrecision.
func ParseAmount(b []byte) (Nanos, error) {
	down, err := ParseNanos(b, RoundDown)
	if err != nil {
		return 0, err
	}
	if up, err := ParseNanos(b, RoundUp); err != nil || up != down {
		return 0, fmt.Errorf("%.40q: %w", b, ErrPrecision)
	}
	return Nanos(down), nil
}

func parseScaled(b []byte, scale int, r Rounding) (int64, error) {
	i, neg := 0, false
	if i < len(b) && b[i] == '-' {
		neg = true
		i++
	}
	var v uint64
	var digits, dropped int // digits seen; decimals kept beyond the point, negative: to scale up
	var lost bool
	point := -1
	kept := 0 // digits in v after the point
	start := i
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' {
			if point >= 0 || i == start {
				return 0, syntax(b)
			}
			point = i
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		if v > (math.MaxUint64-9)/10 {
			// v is far beyond any price: keep the position only.
			if point < 0 {
				dropped++
			}
			lost = lost || c != '0'
			continue
		}
		v = v*10 + uint64(c-'0')
		if point >= 0 {
			kept++
		}
	}
	if digits == 0 || point == i-1 {
		return 0, syntax(b)
	}
	exp := 0
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		n, err := parseExponent(b[i+1:])
		if err != nil {
			return 0, syntax(b)
		}
		exp, i = n, len(b)
	}
	if i != len(b) {
		return 0, syntax(b)
	}
	shift := scale - kept + dropped + exp
	v, lostMore, overflow := shiftDecimal(v, shift)
	if overflow || v > math.MaxInt64-1 {
		return 0, fmt.Errorf("%.40q: %w", b, ErrOverflow)
	}
	if (lost || lostMore) && r == RoundUp {
		v++
	}
	if neg {
		return -int64(v), nil
	}
	return int64(v), nil
}

// shiftDecimal multiplies v by 10^n; n may be negative, then it divides and
// says whether a digit was lost.
func shiftDecimal(v uint64, n int) (out uint64, lost, overflow bool) {
	if v == 0 {
		return 0, false, false
	}
	for ; n > 0; n-- {
		if v > math.MaxUint64/10 {
			return 0, false, true
		}
		v *= 10
	}
	for ; n < 0 && v > 0; n++ {
		lost = lost || v%10 != 0
		v /= 10
	}
	return v, lost, false
}

func parseExponent(b []byte) (int, error) {
	neg := false
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, ErrSyntax
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, ErrSyntax
		}
		if n < 10_000 {
			n = n*10 + int(c-'0')
		}
	}
	if neg {
		n = -n
	}
	return n, nil
}

func syntax(b []byte) error { return fmt.Errorf("%.40q: %w", b, ErrSyntax) }

// AppendMicros appends v millionths as a plain decimal with at most six
// decimals and no trailing zeros: 2_500_000 is "2.5".
func AppendMicros(dst []byte, v int64) []byte { return appendScaled(dst, v, 1_000_000, 6) }

// AppendNanos appends v billionths as a plain decimal.
func AppendNanos(dst []byte, v Nanos) []byte { return appendScaled(dst, int64(v), 1_000_000_000, 9) }

func appendScaled(dst []byte, v, unit int64, scale int) []byte {
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	dst = strconv.AppendUint(dst, u/uint64(unit), 10)
	frac := u % uint64(unit)
	if frac == 0 {
		return dst
	}
	var buf [9]byte
	for i := scale - 1; i >= 0; i-- {
		buf[i] = byte('0' + frac%10)
		frac /= 10
	}
	end := scale
	for buf[end-1] == '0' {
		end--
	}
	dst = append(dst, '.')
	return append(dst, buf[:end]...)
}

// String prints n in units, such as "12.5".
func (n Nanos) String() string { return string(AppendNanos(nil, n)) }

// String prints p in units per mille.
func (p CPM) String() string { return string(AppendMicros(nil, int64(p))) }
