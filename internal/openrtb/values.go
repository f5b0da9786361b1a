package openrtb

import (
	"bytes"
	"cmp"
	"unicode/utf16"
	"unicode/utf8"

	"bidhawk/internal/money"
)

// parser reads values of the kinds that OpenRTB has, with the tolerances that
// real exchanges need:
//
//	null              anywhere: the field was not sent
//	string            also a number: its digits
//	integer           also a boolean, a fraction (cut), digits in quotes; "" is not sent
//	price, coordinate also a number in quotes
//	list of scalars   also one scalar; null and "" in it are dropped
//	object            also [] and "": not sent (what PHP makes of an empty one)
//
// Any other kind of value is a FieldError with ReasonType.
type parser struct {
	scanner
	r *BidRequest
	// unreadable says that the last str had bytes or escapes that are no
	// Unicode; they were read as U+FFFD.
	unreadable bool

	sourceChain, sourceExtChain, extChain *SChain
}

// reject records the first error: the value from start to the current byte
// breaks rule.
func (p *parser) reject(start int, rule string, reason Reason) {
	end := min(max(p.i, start), len(p.b))
	p.refuse(start, p.b[min(start, end):end], rule, reason)
}

func (p *parser) refuse(start int, value []byte, rule string, reason Reason) {
	if p.err == nil {
		p.err = &FieldError{Field: pathAt(p.b, start), Value: clip(value), Rule: rule, Reason: reason}
	}
	p.i = len(p.b)
}

// wrongKind rejects the value that is next, after checking it as JSON.
func (p *parser) wrongKind(rule string) {
	start := p.i
	p.skip()
	p.reject(start, rule, ReasonType)
}

// key takes a member's name and its ':'.
func (p *parser) key() []byte {
	raw, plain := p.rawKey()
	if plain {
		return raw
	}
	// Slow path.
	return p.unescape(raw)
}

// null takes a null if it is next.
func (p *parser) null() bool {
	return p.peek() == 'n' && p.literal("null")
}

// absent takes a value that stands for an object that was not sent: null, and
// the [] and "" that PHP makes of an empty one.
func (p *parser) absent() bool {
	switch p.peek() {
	case '{':
		return false
	case 'n':
		return p.null()
	}
	start := p.i
	p.skip()
	if v := p.b[min(start, p.i):p.i]; p.err == nil && (string(v) == "[]" || string(v) == `""`) {
		return true
	}
	p.reject(start, "want an object", ReasonType)
	return true
}

// object opens an object and says whether a member follows.
func (p *parser) object() bool {
	return !p.absent() && p.openObject()
}

// extension opens an ext that only informs, and says whether a member follows.
// Anything but an object is skipped: it is the exchange's own affair.
func (p *parser) extension() bool {
	if p.peek() == '{' {
		return p.openObject()
	}
	p.skip()
	return false
}

// str takes a string; nil if it was not sent.
func (p *parser) str() []byte {
	switch c := p.peek(); {
	case c == '"':
		raw, plain := p.rawString()
		if plain {
			return raw
		}
		return p.unescape(raw)
	case c == 'n':
		p.null()
		return nil
	case c == '-' || c-'0' <= 9:
		return p.number()
	}
	p.wrongKind("want a string")
	return nil
}

// id is str for what is echoed in answers: readable and bounded.
func (p *parser) id() []byte {
	start := p.i
	p.unreadable = false
	v := p.str()
	switch {
	case p.unreadable:
		p.reject(start, "want valid UTF-8 in an id", ReasonEncoding)
		return nil
	case len(v) > MaxIDBytes:
		p.reject(start, "want at most 512 bytes in an id", ReasonLimit)
		return nil
	}
	return v
}

// unescape returns the text of raw, which has well-formed escapes: raw itself if
// it is plain UTF-8, else a copy in the request's own memory.
func (p *parser) unescape(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return raw
	}
	dst := p.r.store.scratch
	start := len(dst)
	for i := 0; i < len(raw); {
		c := raw[i]
		if c == '\\' {
			var n int
			dst, n = p.appendEscape(dst, raw[i:])
			i += n
			continue
		}
		r, n := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && n == 1 {
			p.unreadable = true
		}
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	p.r.store.scratch = dst
	return dst[start:len(dst):len(dst)]
}

// appendEscape appends what the escape that b begins with means, and returns
// its length. A surrogate without its other half is U+FFFD.
func (p *parser) appendEscape(dst, b []byte) ([]byte, int) {
	switch b[1] {
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
	default: // quote, backslash, slash
		return append(dst, b[1]), 2
	}
	r, _ := hex4(b)
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(dst, r), 6
	}
	if low, ok := hex4(b[6:]); ok {
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			return utf8.AppendRune(dst, both), 12
		}
	}
	p.unreadable = true
	return utf8.AppendRune(dst, utf8.RuneError), 6
}

// integer takes an integer; sent is false where it was not sent.
func (p *parser) integer() (v int, sent bool) {
	c := p.peek()
	start := p.i
	switch {
	case c == '-' || c-'0' <= 9:
		return p.parseInteger(start, p.number()), true
	case c == 'n':
		p.null()
		return 0, false
	case c == 't':
		p.literal("true")
		return 1, true
	case c == 'f':
		p.literal("false")
		return 0, true
	case c == '"':
		raw, _ := p.rawString()
		if len(raw) == 0 {
			return 0, false
		}
		if numberLen(raw) == len(raw) {
			return p.parseInteger(start, raw), true
		}
		p.reject(start, "want an integer", ReasonType)
		return 0, false
	}
	p.wrongKind("want an integer")
	return 0, false
}

// parseInteger reads a JSON number, which began at start; a fraction is cut.
func (p *parser) parseInteger(start int, n []byte) int {
	v, ok := toInteger(n)
	if !ok {
		p.reject(start, "want an integer of at most 12 digits", ReasonRange)
	}
	return v
}

// toInteger reads a JSON number; ok is false where it is too large.
func toInteger(n []byte) (v int, ok bool) {
	// Fast path: up to 18 digits cannot overflow.
	if len(n) <= 18 {
		neg, plain := false, true
		for i, c := range n {
			if c-'0' <= 9 {
				v = v*10 + int(c-'0')
			} else if i == 0 && c == '-' {
				neg = true
			} else {
				plain = false
				break
			}
		}
		if neg {
			v = -v
		}
		if plain {
			return v, true
		}
	}
	// Slow path.
	micros, err := money.ParseMicros(n, money.RoundDown)
	if err != nil {
		return 0, false
	}
	return int(micros / 1_000_000), true
}

// hint is num for what only informs: a value of another kind, or too large to
// mean anything, is skipped.
func (p *parser) hint() int {
	start := p.i
	p.skip()
	v := p.from(start)
	if len(v) >= 2 && v[0] == '"' {
		v = v[1 : len(v)-1]
	}
	if len(v) == 0 || numberLen(v) != len(v) {
		return 0
	}
	n, _ := toInteger(v)
	return n
}

// num is integer with 0 for what was not sent.
func (p *parser) num() int {
	v, _ := p.integer()
	return v
}

// orDefault is integer with def for what was not sent, or sent as 0.
func (p *parser) orDefault(def int) int { return cmp.Or(p.num(), def) }

// flag takes a 0/1; whatever is not 0 is yes.
func (p *parser) flag() Flag {
	switch v, sent := p.integer(); {
	case !sent:
		return FlagUnset
	case v == 0:
		return FlagNo
	}
	return FlagYes
}

// on is flag where what was not sent is no.
func (p *parser) on() bool { return p.flag() == FlagYes }

// decimal takes a number, also in quotes; nil where it was not sent.
func (p *parser) decimal() []byte {
	c := p.peek()
	start := p.i
	switch {
	case c == '-' || c-'0' <= 9:
		return p.number()
	case c == 'n':
		p.null()
		return nil
	case c == '"':
		raw, _ := p.rawString()
		if len(raw) == 0 {
			return nil
		}
		if numberLen(raw) == len(raw) {
			return raw
		}
		p.reject(start, "want a number", ReasonType)
		return nil
	}
	p.wrongKind("want a number")
	return nil
}

// floor takes a price and rounds it up; a negative one asks nothing and is 0.
func (p *parser) floor() money.CPM {
	return money.CPM(max(0, p.micros(int64(money.MaxCPM), "want a price of at most 1000000 per mille")))
}

// multiplier takes impressions per play and rounds it up.
func (p *parser) multiplier() money.PPM {
	return money.PPM(max(0, p.micros(1_000_000*1_000_000, "want a multiplier of at most 1000000")))
}

// micros takes a number and returns it in millionths, rounded up; 0 where it
// was not sent. Above most it breaks rule.
func (p *parser) micros(most int64, rule string) int64 {
	start := p.i
	n := p.decimal()
	if n == nil {
		return 0
	}
	v, err := money.ParseMicros(n, money.RoundUp)
	if err != nil || v > most {
		p.reject(start, rule, ReasonRange)
		return 0
	}
	return v
}

// coordinate takes degrees and returns millionths; ok says that it was sent and
// is within ±most degrees. A place only informs: text that is no number is none.
func (p *parser) coordinate(most int64) (v int32, ok bool) {
	if p.peek() == '"' {
		raw, _ := p.rawString()
		return microDegrees(raw, most)
	}
	return microDegrees(p.decimal(), most)
}

func microDegrees(n []byte, most int64) (v int32, ok bool) {
	if len(n) == 0 || numberLen(n) != len(n) {
		return 0, false
	}
	micros, err := money.ParseMicros(n, money.RoundDown)
	if err != nil || micros > most*1_000_000 || micros < -most*1_000_000 {
		return 0, false
	}
	return int32(micros), true
}

// currency takes a code, any case; USD where it was not sent, zero where it is
// no code.
func (p *parser) currency() money.Currency {
	v := p.str()
	if len(v) == 0 {
		return money.USD
	}
	return toCurrency(v)
}

func toCurrency(v []byte) money.Currency {
	if len(v) != 3 {
		return money.Currency{}
	}
	var c money.Currency
	for i := range c {
		up := v[i] &^ 0x20
		if up < 'A' || up > 'Z' {
			return money.Currency{}
		}
		c[i] = up
	}
	return c
}

// raw takes one value and returns it as sent; nil for null.
func (p *parser) raw() []byte {
	start := p.i
	p.skip()
	return p.from(start)
}

// from is the value taken since start, as sent; nil for null.
func (p *parser) from(start int) []byte {
	if v := p.b[min(start, p.i):p.i:p.i]; p.err == nil && string(v) != "null" {
		return v
	}
	return nil
}
