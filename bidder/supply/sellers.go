package supply

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// SellerType is what a seller sells, in the view of its advertising system.
type SellerType uint8

// The types of sellers.json.
const (
	SellerUnknown SellerType = iota // not said, or not known to the specification
	SellerPublisher
	SellerIntermediary
	SellerBoth
)

// Seller is one entry of a sellers.json.
type Seller struct {
	ID           string // as written
	Type         SellerType
	Confidential bool
	Passthrough  bool
	Name         string
	Domain       string // in lower case, less "www."; "" where not said or no domain
}

// SellersSummary is what a sellers.json holds beside its sellers.
type SellersSummary struct {
	Version string
	Sellers int // those that were handed over
	Bad     int // entries without an id that can be used
}

var errNoSellers = errors.New(`got no "sellers"; want an array (sellers.json, Object: Parent)`)

// What one seller, or any value beside the sellers, may be.
const (
	maxValue   = 1 << 20 // bytes
	maxNesting = 1000    // objects and arrays inside each other
)

// ParseSellers reads a sellers.json and calls each for every seller in turn; it
// keeps none, so it takes a few megabytes for a file of any length. An entry
// without a usable id is counted. JSON that is broken or breaks off, and a value
// of more than a megabyte, are an error, which takes back nothing that was handed
// over. An error of each ends it.
//
// Tolerated: a byte order mark, ids that are numbers, flags that are strings or
// booleans, types in any case.
func ParseSellers(r io.Reader, each func(*Seller) error) (SellersSummary, error) {
	var sum SellersSummary
	in := bufio.NewReaderSize(r, 64<<10)
	if b, _ := in.Peek(3); string(b) == "\ufeff" {
		in.Discard(3)
	}
	values := &valueReader{r: in, left: maxValue}
	dec := &valueDecoder{json.NewDecoder(values), values}
	dec.UseNumber()
	if err := expect(dec, '{'); err != nil {
		return sum, err
	}
	found := false
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return sum, err
		}
		switch name, _ := key.(string); {
		case strings.EqualFold(name, "sellers") && !found:
			found = true
			err = sum.sellers(dec, each)
		case strings.EqualFold(name, "version"):
			var v looseText
			err = dec.Decode(&v)
			sum.Version = string(v)
		default:
			err = skip(dec)
		}
		if err != nil {
			return sum, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return sum, fmt.Errorf("the closing brace: %w", err)
	}
	if !found {
		return sum, errNoSellers
	}
	return sum, nil
}

// valueReader fails where a value is too long; valueDecoder begins each one anew.
// The decoder reads ahead, by no more than it has buffered.
type valueReader struct {
	r    io.Reader
	left int
}

func (v *valueReader) Read(p []byte) (int, error) {
	if v.left <= 0 {
		return 0, fmt.Errorf("got a value of more than %d bytes; want at most that many", maxValue)
	}
	n, err := v.r.Read(p[:min(len(p), v.left)])
	v.left -= n
	return n, err
}

type valueDecoder struct {
	*json.Decoder
	values *valueReader
}

func (d *valueDecoder) Decode(v any) error {
	d.values.left = maxValue
	return d.Decoder.Decode(v)
}

func (d *valueDecoder) Token() (json.Token, error) {
	d.values.left = maxValue
	return d.Decoder.Token()
}

// skip passes over one value without keeping it.
func skip(dec *valueDecoder) error {
	for depth := 0; ; {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxNesting {
				return fmt.Errorf("got more than %d values inside each other; want at most that many", maxNesting)
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

func expect(dec *valueDecoder, want json.Delim) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("got %.40q; want %q", fmt.Sprint(t), want.String())
	}
	return nil
}

func (sum *SellersSummary) sellers(dec *valueDecoder, each func(*Seller) error) error {
	if err := expect(dec, '['); err != nil {
		return fmt.Errorf("sellers: %w", err)
	}
	for dec.More() {
		var e sellerJSON
		err := dec.Decode(&e)
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) { // a well-formed value that is no seller
			sum.Bad++
			continue
		}
		if err != nil {
			return fmt.Errorf("sellers[%d]: %w", sum.Sellers+sum.Bad, err)
		}
		s, ok := e.seller()
		if !ok {
			sum.Bad++
			continue
		}
		sum.Sellers++
		if err := each(&s); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

type sellerJSON struct {
	ID           looseText `json:"seller_id"`
	Type         looseText `json:"seller_type"`
	Confidential looseText `json:"is_confidential"`
	Passthrough  looseText `json:"is_passthrough"`
	Name         looseText `json:"name"`
	Domain       looseText `json:"domain"`
}

func (e *sellerJSON) seller() (Seller, bool) {
	s := Seller{
		ID: trim(string(e.ID)), Name: string(e.Name),
		Confidential: e.Confidential.set(), Passthrough: e.Passthrough.set(),
	}
	switch strings.ToUpper(trim(string(e.Type))) {
	case "PUBLISHER":
		s.Type = SellerPublisher
	case "INTERMEDIARY":
		s.Type = SellerIntermediary
	case "BOTH":
		s.Type = SellerBoth
	}
	if d, ok := domainOf(hostOf(trim(string(e.Domain)))); ok {
		s.Domain = bare(d)
	}
	return s, s.ID != "" && len(s.ID) <= maxAccount
}

// looseText is a string, or a number or boolean as it is written; anything else
// reads as "".
type looseText string

// UnmarshalJSON takes any value.
func (t *looseText) UnmarshalJSON(b []byte) error {
	*t = ""
	switch b[0] {
	case '"':
		// Fast path: no escape, so the text is what is between the quotes.
		if bytes.IndexByte(b, '\\') < 0 && utf8.Valid(b) {
			*t = looseText(b[1 : len(b)-1])
			return nil
		}
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = looseText(s)
	case '{', '[', 'n':
	default:
		*t = looseText(b)
	}
	return nil
}

func (t looseText) set() bool { return t == "1" || strings.EqualFold(string(t), "true") }
