package openrtb

import (
	"errors"
	"strconv"
)

// Reason is the short name under which a refused request is counted.
type Reason string

// Reasons of refusal. All of them deserve a 400.
const (
	ReasonSyntax    Reason = "syntax"    // not JSON
	ReasonDepth     Reason = "depth"     // nested beyond MaxDepth
	ReasonLimit     Reason = "limit"     // longer than a bound of limits.go
	ReasonType      Reason = "type"      // a kind of value that no tolerance covers
	ReasonRange     Reason = "range"     // a number that means nothing there
	ReasonEncoding  Reason = "encoding"  // an id that is no valid UTF-8
	ReasonMissing   Reason = "missing"   // a required field is not there
	ReasonExclusive Reason = "exclusive" // fields that exclude each other
	ReasonDuplicate Reason = "duplicate" // an id that must be unique is not
	ReasonOther     Reason = "other"     // not an error of this package
)

// SyntaxError reports a body that is not JSON, or is nested too deep.
type SyntaxError struct {
	Offset int // byte of the body at which it was noticed
	Rule   string
	Reason Reason
}

func (e *SyntaxError) Error() string {
	return "bid request at byte " + strconv.Itoa(e.Offset) + ": " + e.Rule
}

// FieldError reports a field that breaks a rule.
type FieldError struct {
	Field  string // path, such as "imp[0].banner.w"; empty: the request itself
	Value  string // at most 40 bytes of what was sent; empty where nothing was
	Rule   string
	Reason Reason
}

func (e *FieldError) Error() string {
	s := "bid request"
	if e.Field != "" {
		s += " field " + e.Field
	}
	if e.Value != "" {
		s += ": got " + strconv.Quote(e.Value)
	}
	return s + ": " + e.Rule
}

// ReasonOf is the name under which err of Decode or Validate is counted.
func ReasonOf(err error) Reason {
	if se, ok := errors.AsType[*SyntaxError](err); ok {
		return se.Reason
	}
	if fe, ok := errors.AsType[*FieldError](err); ok {
		return fe.Reason
	}
	return ReasonOther
}

// clip bounds what an error quotes.
func clip(b []byte) string {
	if len(b) > 40 {
		return string(b[:37]) + "..."
	}
	return string(b)
}
