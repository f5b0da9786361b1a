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
	PriceNegative
	PriceOverflow // above money.MaxCPM
	PriceNoKeys   // encrypted, and we have no keys
	PriceAudit    // the markup was rendered for review (OpenRTB 2.6 section 4.4: "AUDIT")
	PriceProblems // how many there are
)

// String is the problem's name, as metrics and records carry it; "" is PriceOK.
func (p PriceProblem) String() string {
	return [...]string{"", "missing", "unreplaced", "syntax", "forged", "negative", "overflow", "no_keys", "audit"}[p]
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
	text = unescape(text)
	switch {
	case unreplaced(text):
		return 0, PriceUnreplaced
	case len(text) == len("audit") && equalFold(text, "audit"):
		return 0, PriceAudit
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

// unescape undoes percent-encoding, twice where it was done twice; what is no
// escape stays as it is. The result is text itself where nothing is escaped.
func unescape(text []byte) []byte {
	for range 2 {
		if bytes.IndexByte(text, '%') < 0 {
			break // Fast path: a decimal needs no escape.
		}
		out := make([]byte, 0, len(text))
		for i := 0; i < len(text); i++ {
			c := text[i]
			if c == '%' && i+2 < len(text) {
				if hi, lo := unhex(text[i+1]), unhex(text[i+2]); hi < 16 && lo < 16 {
					c, i = hi<<4|lo, i+2
				}
			}
			out = append(out, c)
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
	if c := text[0]; c != '-' && (c < '0' || c > '9') {
		plain, ok := decodeBase64(nil, text)
		if !ok || len(plain) == 0 {
			return 0, PriceSyntax
		}
		text = plain
	}
	v, err := money.ParseMicros(text, money.RoundUp)
	switch tooLarge := errors.Is(err, money.ErrOverflow); {
	case err != nil && !tooLarge:
		return 0, PriceSyntax
	case v < 0 || tooLarge && text[0] == '-':
		return 0, PriceNegative
	case tooLarge:
		return 0, PriceOverflow
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

// decodeBase64 appends to dst what text, of at most maxPriceText, holds: either
// alphabet, padded or not, and a blank for the plus that a query's decoding made
// one of.
func decodeBase64(dst, text []byte) ([]byte, bool) {
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
	out, err := base64.RawURLEncoding.AppendDecode(dst, web[:n])
	return out, err == nil
}
