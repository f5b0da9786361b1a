package attribution

import (
	"strconv"
	"time"

	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// This file reads exposures and postings, of which nearly all records are, as the
// bidder and the ledger write them: flat objects of plain strings and integers. What
// is not so (an escape, null, terms) is left to encoding/json: the slow path is the
// specification.

// scanner reads one record. Texts are shared between records.
type recordScanner struct {
	b     []byte
	texts *texts
}

// texts keeps one copy of each text that records repeat: names, sites, types.
type texts map[string]string

// maxTexts bounds them; the sites of a day are fewer.
const maxTexts = 1 << 18

func (t *texts) of(s []byte) string {
	if v, ok := (*t)[string(s)]; ok {
		return v
	}
	if len(*t) >= maxTexts || *t == nil {
		*t = make(texts)
	}
	v := string(s)
	(*t)[v] = v
	return v
}

func (r *recordScanner) byte(c byte) bool {
	if len(r.b) == 0 || r.b[0] != c {
		return false
	}
	r.b = r.b[1:]
	return true
}

// quoted reads a string of plain ASCII; it is valid while the record is.
func (r *recordScanner) quoted() ([]byte, bool) {
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

// value is a field's: a text, or else an integer (0 and 1 of a boolean).
type value struct {
	text   []byte
	n      int64
	isText bool
	isBool bool
}

func (r *recordScanner) value() (v value, ok bool) {
	if len(r.b) == 0 {
		return v, false
	}
	switch r.b[0] {
	case '"':
		v.isText = true
		v.text, ok = r.quoted()
		return v, ok
	case 't', 'f':
		v.isBool = true
		for n, word := range [...]string{"false", "true"} {
			if len(r.b) >= len(word) && string(r.b[:len(word)]) == word {
				v.n, r.b = int64(n), r.b[len(word):]
				return v, true
			}
		}
		return v, false
	}
	i := 0
	for i < len(r.b) && (r.b[i] == '-' || r.b[i] >= '0' && r.b[i] <= '9') {
		i++
	}
	digits := r.b[:i]
	if len(digits) > 1 && (digits[0] == '0' || digits[0] == '-' && digits[1] == '0') {
		return v, false // JSON has no such number
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	v.n, r.b = n, r.b[i:]
	return v, err == nil
}

// scan calls field with each of the record's; false: encoding/json must say what it is.
func (r *recordScanner) scan(field func(key string, v value) bool) bool {
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
		key, ok := r.quoted()
		if !ok || !r.byte(':') {
			return false
		}
		v, ok := r.value()
		if !ok || !field(string(key), v) {
			return false
		}
	}
}

func (v *value) integer(to *int64) bool { *to = v.n; return !v.isText && !v.isBool }

func (v *value) small(to *int) bool { *to = int(v.n); return !v.isText && !v.isBool }

func (v *value) nanos(to *money.Nanos) bool { *to = money.Nanos(v.n); return !v.isText && !v.isBool }

func (v *value) boolean(to *bool) bool { *to = v.n != 0; return v.isBool }

func (v *value) time(to *time.Time) bool { return v.isText && to.UnmarshalText(v.text) == nil }

func (v *value) shared(to *string, t *texts) bool {
	if v.isText {
		*to = t.of(v.text)
	}
	return v.isText
}

func (v *value) bid(to *bidID) bool { return v.isText && to.UnmarshalText(v.text) == nil }

func (v *value) user(to *userKey) bool {
	if !v.isText || len(v.text) != 16 {
		return v.isText && len(v.text) == 0
	}
	var n uint64
	for _, c := range v.text {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 | uint64(c-'a'+10)
		default:
			return false
		}
	}
	*to = userKey(ids.UserKey(n))
	return true
}

// field reads what every record about a bid says of it; known: it is such a field.
func (p *wirePlacement) field(key string, v value, t *texts) (known, ok bool) {
	switch key {
	case "advertiser":
		return true, v.integer(&p.Advertiser)
	case "campaign":
		return true, v.integer(&p.Campaign)
	case "line_item":
		return true, v.integer(&p.LineItem)
	case "creative":
		return true, v.integer(&p.Creative)
	case "exchange":
		return true, v.shared(&p.Exchange, t)
	case "deal":
		return true, v.shared(&p.Deal, t)
	case "site":
		return true, v.shared(&p.Site, t)
	case "app":
		return true, v.boolean(&p.App)
	case "format":
		return true, v.shared(&p.Format, t)
	case "w":
		return true, v.small(&p.W)
	case "h":
		return true, v.small(&p.H)
	case "device_type":
		return true, v.small(&p.DeviceType)
	case "country":
		return true, v.shared(&p.Country, t)
	case "region":
		return true, v.shared(&p.Region, t)
	}
	return false, false
}

// unread says whether a field that we do not know may be passed over: one that
// encoding/json would take for another, spelled otherwise, may not.
func unread(key string) bool {
	for i := range len(key) {
		if c := key[i]; (c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// scan reads an exposure; false: not by us. r may be changed then.
func (r *exposureRecord) scan(b []byte, t *texts) bool {
	s := recordScanner{b: b, texts: t}
	return s.scan(func(key string, v value) bool {
		switch key {
		case "v":
			return v.small(&r.V)
		case "type":
			return v.shared(&r.Type, t)
		case "at":
			return v.time(&r.At)
		case "bid_at":
			return v.time(&r.BidAt)
		case "bid":
			return v.bid(&r.Bid)
		case "user":
			return v.user(&r.User)
		case "household":
			return v.user(&r.Household)
		case "test":
			return v.boolean(&r.Test)
		case "experiment":
			return v.integer(&r.Experiment)
		case "held":
			return v.boolean(&r.Held)
		case "terms":
			return false
		}
		if known, ok := r.wirePlacement.field(key, v, t); known {
			return ok
		}
		return unread(key)
	})
}

// scan reads a posting; false: not by us. r may be changed then.
func (r *postingRecord) scan(b []byte, t *texts) bool {
	s := recordScanner{b: b, texts: t}
	return s.scan(func(key string, v value) bool {
		if to := r.nanosField(key); to != nil {
			return v.nanos(to)
		}
		switch key {
		case "v":
			return v.small(&r.V)
		case "type":
			return v.shared(&r.Type, t)
		case "money_partition":
			r.MoneyPartition = int32(v.n)
			return !v.isText && !v.isBool && int64(r.MoneyPartition) == v.n
		case "money_offset":
			return v.integer(&r.MoneyOffset)
		case "at":
			return v.time(&r.At)
		case "bid_at":
			return v.time(&r.BidAt)
		case "day":
			return v.isText && r.Day.UnmarshalText(v.text) == nil
		case "outcome":
			return v.shared(&r.Outcome, t)
		case "payable_currency":
			return v.shared(&r.PayableCurrency, t)
		case "cause":
			return v.shared(&r.Cause, t)
		case "id":
			r.ID = string(v.text)
			return v.isText
		}
		if known, ok := r.wirePlacement.field(key, v, t); known {
			return ok
		}
		return unread(key)
	})
}

func (r *postingRecord) nanosField(key string) *money.Nanos {
	switch key {
	case "media_nanos":
		return &r.Media
	case "payable_nanos":
		return &r.Payable
	case "charge_nanos":
		return &r.Charge
	case "data_fee_nanos":
		return &r.DataFee
	case "platform_fee_nanos":
		return &r.PlatformFee
	case "margin_nanos":
		return &r.Margin
	case "house_late_nanos":
		return &r.HouseLate
	case "house_unbilled_nanos":
		return &r.HouseUnbilled
	case "payment_nanos":
		return &r.Payment
	case "claimed_nanos":
		return &r.Claimed
	}
	return nil
}
