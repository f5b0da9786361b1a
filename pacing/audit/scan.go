package audit

import (
	"bytes"
	"encoding/hex"
	"math"
)

// interned keeps one string of each name that notices repeat, so that reading
// one allocates nothing.
type interned struct {
	all  map[string]string
	seen [internedFields]string // by field: mostly the one before
}

const maxInterned = 10_000

// The fields whose names repeat.
const (
	inExchange = iota
	inFormat
	inCurrency
	inPriceBad
	internedFields
)

func newInterned() *interned { return &interned{all: map[string]string{}} }

func (in *interned) of(field int, b []byte) string {
	if s := in.seen[field]; s == string(b) { // fast path
		return s
	}
	s, ok := in.all[string(b)]
	if !ok {
		s = string(b)
		if len(in.all) < maxInterned {
			in.all[s] = s
		}
	}
	in.seen[field] = s
	return s
}

var noticeHead = []byte(`{"v":1,"type":"`)

// scan reads a notice as bidders write them: one flat object, no spaces, no
// escapes. It says no to anything else, which encoding/json then reads.
func (r *record) scan(value []byte, in *interned) bool {
	rest, ok := bytes.CutPrefix(value, noticeHead)
	if !ok {
		return false
	}
	typ, i := text(rest, 0)
	if i < 0 {
		return false
	}
	if r.Type = noticeType(typ); r.Type == "" {
		return false
	}
	r.V = 1
	for i < len(rest) && rest[i] == ',' {
		if i+1 >= len(rest) || rest[i+1] != '"' {
			return false
		}
		var key []byte
		if key, i = text(rest, i+2); i < 0 || i >= len(rest) || rest[i] != ':' {
			return false
		}
		if i = r.field(key, rest, i+1, in); i < 0 {
			return false
		}
	}
	return i == len(rest)-1 && rest[i] == '}'
}

func noticeType(b []byte) string {
	switch string(b) {
	case "win":
		return "win"
	case "loss":
		return "loss"
	case "bill":
		return "bill"
	case "click":
		return "click"
	case "view":
		return "view"
	case "complete":
		return "complete"
	case "conversion":
		return "conversion"
	}
	return ""
}

// field reads the value at b[i:] of a field that it knows; it answers where the
// value ends, or -1.
func (r *record) field(key, b []byte, i int, in *interned) int {
	switch string(key) {
	case "advertiser":
		return number(b, i, &r.Advertiser)
	case "campaign":
		return number(b, i, &r.Campaign)
	case "line_item":
		return number(b, i, &r.LineItem)
	case "lease":
		return number(b, i, &r.Lease)
	case "reserved_media_nanos":
		return number(b, i, &r.ReservedMedia)
	case "reserved_charge_nanos":
		return number(b, i, &r.ReservedCharge)
	case "price_micros":
		return number(b, i, &r.Price)
	case "fx_rate":
		return number(b, i, &r.Rate)
	case "value_nanos":
		return number(b, i, &r.Value)
	case "creative", "w", "h", "device_type", "reason", "min_to_win_micros":
		var n int64
		return number(b, i, &n)
	case "exchange":
		return name(b, i, inExchange, &r.Exchange, in)
	case "format":
		return name(b, i, inFormat, &r.Format, in)
	case "price_currency":
		return name(b, i, inCurrency, &r.Currency, in)
	case "price_bad":
		return name(b, i, inPriceBad, &r.PriceBad, in)
	case "at", "day", "deal", "site", "country", "region":
		_, i = quoted(b, i)
		return i
	case "app":
		var skipped bool
		return boolean(b, i, &skipped)
	case "test":
		return boolean(b, i, &r.Test)
	case "bid":
		return r.bid(b, i)
	case "order":
		s, i := quoted(b, i)
		r.Order = string(s)
		return i
	}
	return -1
}

func (r *record) bid(b []byte, i int) int {
	s, i := quoted(b, i)
	if len(s) != 2*len(r.Bid) {
		return -1
	}
	if _, err := hex.Decode(r.Bid[:], s); err != nil {
		return -1
	}
	return i
}

func name(b []byte, i int, field int, to *string, in *interned) int {
	s, i := quoted(b, i)
	if i >= 0 {
		*to = in.of(field, s)
	}
	return i
}

func quoted(b []byte, i int) ([]byte, int) {
	if i >= len(b) || b[i] != '"' {
		return nil, -1
	}
	return text(b, i+1)
}

// text reads up to the closing quote of a string of plain ASCII; it answers
// where what follows begins, or -1.
func text(b []byte, i int) ([]byte, int) {
	for j := i; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			return b[i:j], j + 1
		case c < ' ' || c >= 0x7f || c == '\\':
			return nil, -1
		}
	}
	return nil, -1
}

func number(b []byte, i int, to *int64) int {
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	start, n := i, int64(0)
	for ; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
		if n > (math.MaxInt64-9)/10 {
			return -1
		}
		n = n*10 + int64(b[i]-'0')
	}
	if i == start || b[start] == '0' && i > start+1 || i == len(b) || b[i] != ',' && b[i] != '}' {
		return -1
	}
	if negative {
		n = -n
	}
	*to = n
	return i
}

func boolean(b []byte, i int, to *bool) int {
	switch {
	case bytes.HasPrefix(b[i:], []byte("true")):
		*to = true
		return i + 4
	case bytes.HasPrefix(b[i:], []byte("false")):
		*to = false
		return i + 5
	}
	return -1
}
