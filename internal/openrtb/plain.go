package openrtb

import (
	"encoding/binary"
	"math/bits"
)

// plainLen is the number of bytes before the first quote, backslash, control
// character or byte beyond ASCII: what needs no look inside a JSON string.
func plainLen(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c >= 0x80 || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// special marks in w, eight bytes in little-endian order, the high bit of each
// byte that is not plain. A difference has the high bit where the byte was smaller,
// or was at least 0x80, which w marks anyway. A subtraction's borrow can mark only
// bytes above a true mark: the lowest is always true.
func special(w uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	quote := w ^ (ones * '"')
	slash := w ^ (ones * '\\')
	return ((quote - ones) | (slash - ones) | (w - ones*' ') | w) & highs
}
