package pacing

import (
	"encoding/json"
	"strconv"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// This file writes and reads notices, of which nearly all money records are. What
// is written is what encoding/json writes, byte for byte; what is read, where it
// is not as we write it (an escape, a number that is none of ours), is left to
// encoding/json: the slow path is the specification.

// appendNotice appends the fields of n as an object's, without the first brace.
func appendNotice(b []byte, n *Notice) []byte {
	b = appendTime(append(b, `"at":`...), n.At)
	b = appendInt(append(b, `,"advertiser":`...), int64(n.Advertiser))
	b = appendInt(append(b, `,"campaign":`...), int64(n.Campaign))
	b = appendInt(append(b, `,"line_item":`...), int64(n.LineItem))
	b = appendInt(append(b, `,"creative":`...), int64(n.Creative))
	b = appendInt(append(b, `,"lease":`...), n.Lease)
	b = append(n.Bid.AppendHex(append(b, `,"bid":"`...)), '"')
	if !n.BidAt.IsZero() {
		b = appendTime(append(b, `,"bid_at":`...), n.BidAt)
	}
	b = appendString(append(b, `,"exchange":`...), n.Exchange)
	if n.Format != "" {
		b = appendString(append(b, `,"format":`...), n.Format)
	}
	b = appendString(append(b, `,"deal":`...), n.Deal)
	b = appendString(append(b, `,"site":`...), n.Site)
	b = strconv.AppendBool(append(b, `,"app":`...), n.App)
	b = appendShown(b, &n.Shown)
	b = appendInt(append(b, `,"reserved_media_nanos":`...), int64(n.ReservedMedia))
	b = appendInt(append(b, `,"reserved_charge_nanos":`...), int64(n.ReservedCharge))
	b = appendInt(append(b, `,"price_micros":`...), int64(n.Price))
	b = appendString(append(b, `,"price_currency":`...), n.PriceCurrency.String())
	if n.PriceBad != "" {
		b = appendString(append(b, `,"price_bad":`...), string(n.PriceBad))
	}
	b = appendInt(append(b, `,"fx_rate":`...), int64(n.FXRate))
	b, _ = n.Day.AppendText(append(b, `,"day":"`...)) // it has no error
	b = strconv.AppendBool(append(b, `","test":`...), n.Test)
	return appendNoticeRest(b, n)
}

// appendNoticeRest appends what only some types have.
func appendNoticeRest(b []byte, n *Notice) []byte {
	if n.Value != 0 {
		b = appendInt(append(b, `,"value_nanos":`...), int64(n.Value))
	}
	if n.Order != "" {
		b = appendString(append(b, `,"order":`...), n.Order)
	}
	if n.Reason != 0 {
		b = appendInt(append(b, `,"reason":`...), int64(n.Reason))
	}
	if n.MinToWin != 0 {
		b = appendInt(append(b, `,"min_to_win_micros":`...), int64(n.MinToWin))
	}
	return append(b, '}')
}

func appendShown(b []byte, s *Shown) []byte {
	if s.W != 0 {
		b = appendInt(append(b, `,"w":`...), int64(s.W))
	}
	if s.H != 0 {
		b = appendInt(append(b, `,"h":`...), int64(s.H))
	}
	if s.DeviceType != 0 {
		b = appendInt(append(b, `,"device_type":`...), int64(s.DeviceType))
	}
	if s.Country != "" {
		b = appendString(append(b, `,"country":`...), s.Country)
	}
	if s.Region != "" {
		b = appendString(append(b, `,"region":`...), s.Region)
	}
	return b
}

func appendInt(b []byte, v int64) []byte { return strconv.AppendInt(b, v, 10) }

func appendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// appendString appends s quoted. Fast path: nothing in it needs an escape.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if !plain(s[i]) {
			quoted, _ := json.Marshal(s) // a string has no error
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// plain says whether encoding/json writes c as it is.
func plain(c byte) bool {
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
}

// readNotice reads an object of fields and values without escapes and nesting into
// n; false: encoding/json must say what it is. n may be changed then.
func readNotice(b []byte, n *Notice) bool {
	r := noticeReader{b: b}
	if !r.byte('{') {
		return false
	}
	for first := true; ; first = false {
		if r.byte('}') {
			return len(r.b) == 0 && !first
		}
		if !first && !r.byte(',') {
			return false
		}
		key, ok := r.text()
		if !ok || !r.byte(':') || !r.field(key, n) {
			return false
		}
	}
}

type noticeReader struct{ b []byte }

func (r *noticeReader) byte(c byte) bool {
	if len(r.b) == 0 || r.b[0] != c {
		return false
	}
	r.b = r.b[1:]
	return true
}

// text reads a quoted string; it is valid while the record is.
func (r *noticeReader) text() ([]byte, bool) {
	if !r.byte('"') {
		return nil, false
	}
	for i, c := range r.b {
		if c == '"' {
			s := r.b[:i]
			r.b = r.b[i+1:]
			return s, true
		}
		if c < ' ' || c >= 0x7f || c == '\\' {
			return nil, false
		}
	}
	return nil, false
}

func (r *noticeReader) integer() (int64, bool) {
	i := 0
	for i < len(r.b) && (r.b[i] == '-' || r.b[i] >= '0' && r.b[i] <= '9') {
		i++
	}
	digits := r.b[:i]
	if len(digits) > 1 && (digits[0] == '0' || digits[0] == '-' && digits[1] == '0') {
		return 0, false // JSON has no such number
	}
	v, err := strconv.ParseInt(string(digits), 10, 64)
	r.b = r.b[i:]
	return v, err == nil
}

func (r *noticeReader) boolean(to *bool) bool {
	for _, v := range [...]bool{false, true} {
		word := strconv.FormatBool(v)
		if len(r.b) >= len(word) && string(r.b[:len(word)]) == word {
			*to, r.b = v, r.b[len(word):]
			return true
		}
	}
	return false
}

// field reads the value of a key that we write; any other is not ours to read.
func (r *noticeReader) field(key []byte, n *Notice) bool {
	switch string(key) {
	case "v":
		v, ok := r.integer()
		return ok && v == RecordVersion
	case "app":
		return r.boolean(&n.App)
	case "test":
		return r.boolean(&n.Test)
	}
	if len(r.b) > 0 && r.b[0] == '"' {
		s, ok := r.text()
		return ok && n.setText(string(key), s)
	}
	v, ok := r.integer()
	return ok && n.setInteger(string(key), v)
}

func (n *Notice) setInteger(key string, v int64) bool {
	switch key {
	case "advertiser":
		n.Advertiser = campaigns.ID(v)
	case "campaign":
		n.Campaign = campaigns.ID(v)
	case "line_item":
		n.LineItem = campaigns.ID(v)
	case "creative":
		n.Creative = campaigns.ID(v)
	case "lease":
		n.Lease = v
	case "w":
		n.W = int(v)
	case "h":
		n.H = int(v)
	case "device_type":
		n.DeviceType = int(v)
	case "reserved_media_nanos":
		n.ReservedMedia = money.Nanos(v)
	case "reserved_charge_nanos":
		n.ReservedCharge = money.Nanos(v)
	case "price_micros":
		n.Price = money.CPM(v)
	case "fx_rate":
		n.FXRate = money.Rate(v)
	case "value_nanos":
		n.Value = money.Nanos(v)
	case "reason":
		n.Reason = int(v)
	case "min_to_win_micros":
		n.MinToWin = money.CPM(v)
	default:
		return false
	}
	return true
}

func (n *Notice) setText(key string, s []byte) bool {
	var err error
	switch key {
	case "type":
	case "at":
		n.At, err = time.Parse(time.RFC3339Nano, string(s))
	case "bid_at":
		n.BidAt, err = time.Parse(time.RFC3339Nano, string(s))
	case "bid":
		err = n.Bid.UnmarshalText(s)
	case "exchange":
		n.Exchange = string(s)
	case "format":
		n.Format = string(s)
	case "deal":
		n.Deal = string(s)
	case "site":
		n.Site = string(s)
	case "country":
		n.Country = string(s)
	case "region":
		n.Region = string(s)
	case "price_currency":
		n.PriceCurrency, err = money.ParseCurrency(string(s))
	case "price_bad":
		n.PriceBad = PriceBad(s)
	case "day":
		return n.Day.read(s)
	case "order":
		n.Order = string(s)
	default:
		return false
	}
	return err == nil
}

// read reads a date as AppendText writes it; false: it may be none.
func (d *Day) read(s []byte) bool {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return false
	}
	v := 0
	for i, c := range s {
		if i == 4 || i == 7 {
			continue
		}
		if c < '0' || c > '9' {
			return false
		}
		v = v*10 + int(c-'0')
	}
	year, month, day := v/10_000, v/100%100, v%100
	if year < 1 || month < 1 || month > 12 || day < 1 || day > 28 { // the month's length is left to the calendar
		return false
	}
	*d = Day(v)
	return true
}
