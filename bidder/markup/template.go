// Package markup turns creatives into what a bid carries: HTML, VAST or a native
// response. A creative is compiled once, when the catalogue changes, into pieces
// between the values that change from bid to bid; a bid only appends. Whatever an
// advertiser typed is escaped when it is compiled, except a third-party tag, which
// is the ad.
package markup

import "bidhawk/internal/openrtb"

// Values are what changes from bid to bid. None holds a quote, a backslash, '<',
// '>' or a control character: they stand unescaped in HTML attributes, CDATA and
// JSON strings. An address may have '&' before a parameter whose name HTML knows
// no entity for; Event and Bid have none.
type Values struct {
	Click        []byte // address of the click; may begin with an exchange's macro
	ClickEscaped []byte // the same for use within another URL
	Impression   []byte // address that records our impression
	Event        []byte // signed token that ends the addresses of events
	Bid          []byte // our id of the bid: AdServingId of VAST 4.1 and later
}

// Options are the same for all creatives.
type Options struct {
	PublicURL  string // address of our trackers, without a slash at its end
	FilesURL   string // address of uploaded files, without a slash at its end
	PrivacyURL string // page on how we target, for native ads that may show a link; empty: none
}

// slot is a place of a template where a value stands.
type slot uint8

const (
	slotClick slot = iota
	slotClickEscaped
	slotImpression
	slotEvent
	slotBid
	slotCount
)

// Template is markup, ready but for the values of a bid. It is immutable and
// safe for concurrent use.
type Template struct {
	parts [][]byte
	slots []slot         // slots[i] stands between parts[i] and parts[i+1]
	times [slotCount]int // how often each slot occurs
	fixed int            // bytes of all parts as JSON text
}

// Append appends the markup with v to dst. It allocates only when dst must grow;
// v is not retained.
func (t *Template) Append(dst []byte, v *Values) []byte {
	values := [slotCount][]byte{v.Click, v.ClickEscaped, v.Impression, v.Event, v.Bid}
	for i, p := range t.parts {
		dst = append(dst, p...)
		if i < len(t.slots) {
			dst = append(dst, values[t.slots[i]]...)
		}
	}
	return dst
}

// EscapesClick says whether the markup has a place for Values.ClickEscaped: few
// do, and escaping an address costs more than appending it.
func (t *Template) EscapesClick() bool { return t.times[slotClickEscaped] > 0 }

// Lengths are the lengths of Values, for a bound before they are known.
type Lengths struct {
	Click, ClickEscaped, Impression, Event, Bid int
}

// Size is how many bytes the markup takes as text of a JSON string, which is how
// a bid carries it and what exchanges bound: never less than what Append appends.
func (t *Template) Size(l Lengths) int {
	n := t.times
	return t.fixed + n[slotClick]*l.Click + n[slotClickEscaped]*l.ClickEscaped + n[slotImpression]*l.Impression +
		n[slotEvent]*l.Event + n[slotBid]*l.Bid
}

// builder makes a template from the front to the back.
type builder struct {
	t    Template
	text []byte // since the last slot
}

func (b *builder) add(text string) { b.text = append(b.text, text...) }

func (b *builder) slot(s slot) {
	b.t.parts = append(b.t.parts, b.text)
	b.t.slots = append(b.t.slots, s)
	b.t.times[s]++
	b.text = nil
}

func (b *builder) template() Template {
	b.t.parts = append(b.t.parts, b.text)
	var scratch []byte
	for _, p := range b.t.parts {
		scratch = openrtb.AppendString(scratch[:0], p)
		b.t.fixed += len(scratch) - len(`""`)
	}
	return b.t
}

// jsonText is s as it stands within a JSON string, by the encoder of the answer
// itself.
func jsonText(s string) string {
	text := openrtb.AppendString(nil, []byte(s))
	return string(text[1 : len(text)-1])
}

// AppendURLEscaped appends s percent-encoded for use within another URL: all but
// the unreserved characters of RFC 3986 section 2.3.
func AppendURLEscaped(dst, s []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range s {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', hex[c>>4], hex[c&15])
	}
	return dst
}
