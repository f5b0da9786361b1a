package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"bidhawk/internal/money"
)

// Form is how a log is written.
type Form string

// The forms.
const (
	// FormTheta has three fields: click (0 or 1), market price in fen per mille,
	// pCTR.
	FormTheta Form = "theta"
	// FormRaw is iPinYou's log of impressions: 24 fields between tabs.
	FormRaw Form = "raw"
	// FormLabelled is FormRaw behind click, weekday and hour, with up to two
	// fields more at its end.
	FormLabelled Form = "labelled"
)

// ReadOptions says what a log does not.
type ReadOptions struct {
	// Value of every impression of a log without pCTR. 0: 1,000,000, a pCTR of
	// one in a thousand.
	Value money.CPM
	// Most bounds the auctions; 0: 50,000,000.
	Most int
}

// LineError names what is wrong with a line of a log.
type LineError struct {
	Line  int
	Field string
	Value string
	Want  string
}

func (e *LineError) Error() string {
	return fmt.Sprintf("line %d: %s is %.60q; want %s", e.Line, e.Field, e.Value, e.Want)
}

// ErrEmpty reports a log without auctions.
var ErrEmpty = errors.New("log has no auctions")

const maxLine = 1 << 20

// Read reads a log whole, or nothing of it: a *LineError names the first line
// that cannot be. The form is the first line's, and every line's. Empty lines are
// skipped. Where there are times, the auctions are put in their order.
func Read(name string, r io.Reader, o ReadOptions) (*Log, error) {
	if o.Most <= 0 {
		o.Most = 50_000_000
	}
	if o.Value <= 0 {
		o.Value = 1_000_000
	}
	l := &Log{Name: name}
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	p := parser{value: o.Value}
	for s.Scan() {
		p.line++
		text := bytes.TrimRight(s.Bytes(), "\r")
		if p.line == 1 {
			text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if len(l.Auctions) == o.Most {
			return nil, fmt.Errorf("%s: line %d: more than %d auctions", name, p.line, o.Most)
		}
		a, err := p.parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		l.Auctions = append(l.Auctions, a)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: line %d: %w", name, p.line+1, err)
	}
	if len(l.Auctions) == 0 {
		return nil, fmt.Errorf("%s: %w", name, ErrEmpty)
	}
	l.Form = p.form
	slices.SortStableFunc(l.Auctions, func(a, b Auction) int { return a.At.Compare(b.At) })
	return l, nil
}

// parser reads one line after the other.
type parser struct {
	line   int
	form   Form
	value  money.CPM
	fields [][]byte
}

func (p *parser) bad(field string, value []byte, want string) error {
	return &LineError{Line: p.line, Field: field, Value: string(value), Want: want}
}

func (p *parser) parse(text []byte) (Auction, error) {
	form := p.split(text)
	if form == "" {
		return Auction{}, p.bad("number of fields", fmt.Append(nil, len(p.fields)),
			"3 (click, price, pCTR), 24 between tabs (an impression of iPinYou) or 27 to 29 (click, weekday, hour and those)")
	}
	if p.form == "" {
		p.form = form
	}
	if form != p.form {
		return Auction{}, p.bad("form", []byte(form), string(p.form)+", as the lines before")
	}
	if form == FormTheta {
		return p.theta()
	}
	return p.raw()
}

// split cuts the line into fields and tells its form; "" is none.
func (p *parser) split(text []byte) Form {
	p.fields = p.fields[:0]
	for part := range bytes.SplitSeq(text, []byte{'\t'}) {
		p.fields = append(p.fields, part)
	}
	switch len(p.fields) {
	case rawFields:
		return FormRaw
	case rawFields + labels, rawFields + labels + 1, rawFields + labels + 2:
		return FormLabelled
	}
	p.fields = p.fields[:0]
	for part := range bytes.FieldsSeq(text) {
		p.fields = append(p.fields, part)
	}
	if len(p.fields) == 3 {
		return FormTheta
	}
	return ""
}

func (p *parser) theta() (a Auction, err error) {
	if a.Clicked, err = p.click(p.fields[0]); err != nil {
		return a, err
	}
	if a.Price, err = p.price("price", p.fields[1]); err != nil {
		return a, err
	}
	v, err := money.ParseNanos(p.fields[2], money.RoundDown)
	if err != nil || v < 0 || v > 1_000_000_000 {
		return a, p.bad("pCTR", p.fields[2], "a decimal number of 0 to 1")
	}
	a.Value = money.CPM(v)
	return a, nil
}

func (p *parser) click(b []byte) (bool, error) {
	if len(b) == 1 && (b[0] == '0' || b[0] == '1') {
		return b[0] == '1', nil
	}
	return false, p.bad("click", b, "0 or 1")
}

// maxFen is a bound of any price per mille that was ever paid.
const maxFen = 1_000_000

func (p *parser) price(field string, b []byte) (money.CPM, error) {
	v, err := money.ParseMicros(b, money.RoundUp)
	if err != nil || v < 0 || v > maxFen*1_000_000 {
		return 0, p.bad(field, b, "a decimal number of 0 to 1000000 fen per mille")
	}
	return money.CPM((v + 99) / 100), nil // a fen is 10,000 micros of a yuan
}
