package loadtest

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"bidhawk/internal/money"
)

// macros are the values that the exchange puts in place of ${AUCTION_...}.
type macros struct {
	auctionID, bidID, impID, seatID, adID string
	price, minToWin                       money.CPM // 0: unknown, replaced by nothing
	mbr                                   money.PPM // clearing price / bid price
	currency                              string
	loss                                  int       // AdCOM loss reason; 0 won
	multiplier                            money.PPM // 0 is one
	rendered                              time.Time
}

// value returns a macro's text. Macros of the specification whose value is not
// known are empty; known is false for names outside it.
func (m *macros) value(name string) (v string, known bool) {
	switch name {
	case "AUCTION_ID":
		return m.auctionID, true
	case "AUCTION_BID_ID":
		return m.bidID, true
	case "AUCTION_IMP_ID":
		return m.impID, true
	case "AUCTION_SEAT_ID":
		return m.seatID, true
	case "AUCTION_AD_ID":
		return m.adID, true
	case "AUCTION_PRICE":
		return amount(int64(m.price)), true
	case "AUCTION_MIN_TO_WIN":
		return amount(int64(m.minToWin)), true
	case "AUCTION_MBR":
		return amount(int64(m.mbr)), true
	case "AUCTION_CURRENCY":
		return m.currency, true
	case "AUCTION_LOSS":
		return strconv.Itoa(m.loss), true
	case "AUCTION_MULTIPLIER":
		if m.multiplier == 0 {
			return "1", true
		}
		return amount(int64(m.multiplier)), true
	case "AUCTION_IMP_TS":
		if m.rendered.IsZero() {
			return "", true
		}
		return strconv.FormatInt(m.rendered.UnixMilli(), 10), true
	}
	return "", false
}

func amount(micros int64) string {
	if micros == 0 {
		return ""
	}
	return string(money.AppendMicros(nil, micros))
}

// inURL returns a notice URL with its macros replaced. Values are escaped, so
// that an id with odd characters stays within its parameter.
func (m *macros) inURL(s string) string { return m.replace(s, url.QueryEscape) }

// inMarkup returns markup with its macros replaced by plain text.
func (m *macros) inMarkup(s string) string {
	return m.replace(s, func(v string) string { return v })
}

func (m *macros) replace(s string, escape func(string) string) string {
	if !strings.Contains(s, "${") {
		return s
	}
	var out strings.Builder
	for {
		before, name, after, found := nextMacro(s)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, encoding, _ := strings.Cut(name, ":")
		v, _ := m.value(name)
		if encoding == "B64" {
			v = base64.StdEncoding.EncodeToString([]byte(v))
		}
		out.WriteString(escape(v))
		s = after
	}
}

// nextMacro splits s around its first ${NAME}, where NAME is of capitals,
// digits, underscores and colons: other ${...} are a script's own.
func nextMacro(s string) (before, name, after string, found bool) {
	for from := 0; ; {
		i := strings.Index(s[from:], "${")
		if i < 0 {
			return s, "", "", false
		}
		start := from + i
		end := start + 2
		for end < len(s) && isMacroByte(s[end]) {
			end++
		}
		if end < len(s) && s[end] == '}' && end > start+2 {
			return s[:start], s[start+2 : end], s[end+1:], true
		}
		from = start + 2
	}
}

func isMacroByte(c byte) bool {
	return 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == ':'
}

// strayMacro returns the first macro of s that is not of the specification, or
// an unclosed "${AUCTION_": either means that the bidder forgot to fill it.
func strayMacro(s string) string {
	for {
		before, name, after, found := nextMacro(s)
		if i := strings.Index(before, "${AUCTION_"); i >= 0 {
			return before[i:min(len(before), i+24)]
		}
		if !found {
			return ""
		}
		base, encoding, encoded := strings.Cut(name, ":")
		if _, known := (&macros{}).value(base); !known || encoded && encoding != "B64" {
			return "${" + name + "}"
		}
		s = after
	}
}
