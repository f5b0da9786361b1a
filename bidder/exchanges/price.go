package exchanges

import (
	"bytes"
	"encoding/base64"
	"errors"

	"bidhawk/internal/money"
)

// PriceProblem says why a clearing price is none that counts.
type PriceProblem uint8

// The problems. A notice with one is recorded, and never posted as money.
const (
	PriceOK         PriceProblem = iota
	PriceMissing                 // no text
	PriceUnreplaced              // the macro came back as it was sent
	PriceSyntax                  // neither a decimal nor what the exchange's scheme makes
	PriceForged                  // the scheme's integrity check failed under every key
	PriceNegative                //
	PriceOverflow                // above money.MaxCPM
	PriceNoKeys                  // encrypted, and we have no keys
	priceProblems
)

// String is the problem's name, as metrics and records carry it; "" is PriceOK.
func (p PriceProblem) String() string {
	return [...]string{"", "missing", "unreplaced", "syntax", "forged", "negative", "overflow", "no_keys"}[p]
}

// maxPriceText bounds a price's text: a notice's parameter is an attacker's.
const maxPriceText = 256

// ClearingPrice reads the price of a notice, as its URL's parameter holds it
// (already unescaped once or not at all), and gives it per mille, rounded up,
// in the currency of the bid. A plain price may be base64 of its decimal, as
// ${AUCTION_PRICE:B64} makes it (OpenRTB 2.6 section 4.4). Where the exchange
// encrypts its prices, a plain one is PriceSyntax: anybody could have written it.
func (e *Exchange) ClearingPrice(text []byte) (money.CPM, PriceProblem) {
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0:
		return 0, PriceMissing
	case len(text) > maxPriceText:
		return 0, PriceSyntax
	}
	var buf [maxPriceText]byte
	text = unescape(buf[:0], text)
	if unreplaced(text) {
		return 0, PriceUnreplaced
	}
	var n int64
	var bad PriceProblem
	if e.PriceEncryption == EncryptionGoogle {
		n, bad = decrypt(e.keys, text)
	} else {
		n, bad = plainPrice(text)
	}
	if bad != PriceOK {
		return 0, bad
	}
	return e.perMille(n)
}

// unescape undoes percent-encoding, twice where it was done twice, into dst,
// which has room for it. What is no escape stays as it is.
func unescape(dst, text []byte) []byte {
	for range 2 {
		if bytes.IndexByte(text, '%') < 0 {
			break
		}
		out := dst[:0]
		for i := 0; i < len(text); i++ {
			c := text[i]
			if c == '%' && i+2 < len(text) {
				hi, lo := unhex(text[i+1]), unhex(text[i+2])
				if hi < 16 && lo < 16 {
					c, i = hi<<4|lo, i+2
				}
			}
			out = append(out, c) // at or before i: text may be dst itself
		}
		text = out
	}
	return text
}

// unhex is the value of a hexadecimal digit, or 16.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

// unreplaced says whether text is a macro, whole or in parts, of OpenRTB
// (${AUCTION_PRICE}), Google (%%WINNING_PRICE%%) or OpenX ({winning_price}).
func unreplaced(text []byte) bool {
	return bytes.ContainsAny(text, "${}%[]") || containsFold(text, "auction_price") || containsFold(text, "winning_price")
}

// containsFold looks for lower, in lower case, in any case.
func containsFold(text []byte, lower string) bool {
	for ; len(text) >= len(lower); text = text[1:] {
		if equalFold(text[:len(lower)], lower) {
			return true
		}
	}
	return false
}

func equalFold(text []byte, lower string) bool {
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// micro is a decimal's 1 as plainPrice counts it.
const micro = 1_000_000

// plainPrice is a decimal, or base64 of one, in millionths, rounded up. Base64
// of a decimal never looks like one: a digit's upper six bits are M, N or O.
func plainPrice(text []byte) (int64, PriceProblem) {
	var buf [maxPriceText]byte
	if c := text[0]; c != '-' && (c < '0' || c > '9') {
		var ok bool
		if text, ok = decodeBase64(buf[:], text); !ok || len(text) == 0 {
			return 0, PriceSyntax
		}
	}
	v, err := money.ParseMicros(text, money.RoundUp)
	switch {
	case errors.Is(err, money.ErrOverflow) && text[0] != '-':
		return 0, PriceOverflow
	case err != nil:
		if errors.Is(err, money.ErrOverflow) {
			return 0, PriceNegative
		}
		return 0, PriceSyntax
	case v < 0:
		return 0, PriceNegative
	}
	return v, PriceOK
}

// perMille turns n millionths of the exchange's unit into micros per mille.
func (e *Exchange) perMille(n int64) (money.CPM, PriceProblem) {
	num, den := int64(1), int64(1)
	switch e.PriceUnit {
	case PriceCPMMicros:
		den = micro
	case PriceImpressionMicros:
		num, den = 1000, micro
	}
	v, err := money.MulDivUp(n, num, den)
	if err != nil || v > int64(money.MaxCPM) {
		return 0, PriceOverflow
	}
	return money.CPM(v), PriceOK
}

// decodeBase64 reads either alphabet, padded or not, and a blank as the plus
// that a query's decoding turned into one. buf has room for text.
func decodeBase64(buf, text []byte) ([]byte, bool) {
	var web [maxPriceText]byte
	n := copy(web[:], bytes.TrimRight(text, "=."))
	for i, c := range web[:n] {
		switch c {
		case '+', ' ':
			web[i] = '-'
		case '/':
			web[i] = '_'
		case '\r', '\n': // the decoder would skip them
			return nil, false
		}
	}
	n, err := base64.RawURLEncoding.Decode(buf, web[:n])
	return buf[:n], err == nil
}
