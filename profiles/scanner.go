package profiles

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the nesting of values that the scanner skips.
const maxDepth = 32

// scanner reads one JSON value of a known shape. Its first error sticks: from
// then on every method returns zero values and leaves the position. path names
// the field being read, for errors.
type scanner struct {
	b       []byte
	i       int
	path    string // "tags" or "" while in an array or at the top
	index   int    // of path's element; -1 outside arrays
	field   string
	scratch []byte
	err     error
}

func (s *scanner) reset(b []byte) {
	*s = scanner{b: b, index: -1, scratch: s.scratch[:0]}
}

// fail keeps the first error, with the field's name in front.
func (s *scanner) fail(format string, args ...any) {
	if s.err != nil {
		return
	}
	name := s.field
	if s.index >= 0 {
		name = fmt.Sprintf("%s[%d].%s", s.path, s.index, s.field)
	}
	if name == "" {
		name = "record"
	}
	s.err = fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...))
}

func (s *scanner) syntax(want string) {
	if s.i >= len(s.b) {
		s.fail("got the end of the value; want %s", want)
		return
	}
	s.fail("got %q at byte %d; want %s", s.b[s.i], s.i, want)
}

// peek returns the next byte that is no white space, 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// take consumes c if it comes next.
func (s *scanner) take(c byte) bool {
	if s.err != nil || s.peek() != c || s.i >= len(s.b) {
		return false
	}
	s.i++
	return true
}

// object calls f for each member; f must consume the value. The key is valid
// during the call only.
func (s *scanner) object(f func(key []byte)) {
	if !s.take('{') {
		s.syntax("an object")
		return
	}
	if s.take('}') {
		return
	}
	for s.err == nil {
		key := s.str()
		if !s.take(':') {
			s.syntax("':'")
			return
		}
		f(key)
		if s.take('}') {
			return
		}
		if !s.take(',') {
			s.syntax("',' or '}'")
		}
	}
}

// array calls f for each element; f must consume it.
func (s *scanner) array(f func(i int)) {
	if !s.take('[') {
		s.syntax("an array")
		return
	}
	if s.take(']') {
		return
	}
	for i := 0; s.err == nil; i++ {
		f(i)
		if s.take(']') {
			return
		}
		if !s.take(',') {
			s.syntax("',' or ']'")
		}
	}
}

// end fails unless only white space is left.
func (s *scanner) end() {
	if s.err == nil && (s.peek() != 0 || s.i < len(s.b)) {
		s.field, s.index = "", -1
		s.syntax("the end")
	}
}

// str reads a string. The bytes are a view into the input, or into scratch
// where there were escapes: valid until the next call.
func (s *scanner) str() []byte {
	if !s.take('"') {
		s.syntax("a string")
		return nil
	}
	start := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			v := s.b[start:s.i]
			s.i++
			return v
		case c == '\\':
			return s.escaped(start)
		case c < 0x20:
			s.syntax("no control character in a string")
			return nil
		}
		s.i++
	}
	s.syntax("'\"'")
	return nil
}

// escaped is the slow path of str: find the end and let encoding/json decode.
func (s *scanner) escaped(start int) []byte {
	for s.i < len(s.b) && s.b[s.i] != '"' {
		if s.b[s.i] == '\\' {
			s.i++
		}
		s.i++
	}
	if s.i >= len(s.b) {
		s.i = len(s.b)
		s.syntax("'\"'")
		return nil
	}
	s.i++
	var v string
	if err := json.Unmarshal(s.b[start-1:s.i], &v); err != nil {
		s.fail("not a JSON string")
		return nil
	}
	s.scratch = append(s.scratch[:0], v...)
	return s.scratch
}

// text is str that must be UTF-8 of 1 to limit bytes.
func (s *scanner) text(limit int) []byte {
	v := s.str()
	if s.err == nil && (len(v) == 0 || len(v) > limit || !utf8.Valid(v)) {
		s.fail("got %d bytes; want 1 to %d bytes of UTF-8", len(v), limit)
	}
	return v
}

// uint reads an integer of low to high.
func (s *scanner) uint(low, high uint64) uint64 {
	if s.err != nil {
		return 0
	}
	s.peek()
	start := s.i
	var v uint64
	overflow := false
	for s.i < len(s.b) && s.b[s.i]-'0' <= 9 {
		d := uint64(s.b[s.i] - '0')
		overflow = overflow || v > (1<<64-1-d)/10
		v = v*10 + d
		s.i++
	}
	if s.i == start {
		s.syntax(fmt.Sprintf("an integer of %d to %d", low, high))
		return 0
	}
	if s.i < len(s.b) && bytes.IndexByte([]byte(".eE"), s.b[s.i]) >= 0 || s.b[start] == '0' && s.i > start+1 {
		s.fail("want an integer of %d to %d", low, high)
		return 0
	}
	if overflow || v < low || v > high {
		s.fail("got %.20s; want %d to %d", s.b[start:s.i], low, high)
		return 0
	}
	return v
}

// literal consumes word if it comes next.
func (s *scanner) literal(word string) bool {
	if s.err != nil {
		return false
	}
	s.peek()
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return false
	}
	s.i += len(word)
	return true
}

func (s *scanner) boolean() bool {
	switch {
	case s.literal("true"):
		return true
	case s.literal("false"):
	default:
		s.syntax("true or false")
	}
	return false
}

// skip consumes any value.
func (s *scanner) skip() { s.skipAt(0) }

func (s *scanner) skipAt(depth int) {
	if depth > maxDepth {
		s.fail("nested deeper than %d", maxDepth)
		return
	}
	switch c := s.peek(); {
	case c == '{':
		s.object(func([]byte) { s.skipAt(depth + 1) })
	case c == '[':
		s.array(func(int) { s.skipAt(depth + 1) })
	case c == '"':
		s.str()
	case c == 't', c == 'f':
		s.boolean()
	case c == 'n':
		if !s.literal("null") {
			s.syntax("a value")
		}
	default:
		s.skipNumber()
	}
}

func (s *scanner) skipNumber() {
	start := s.i
	for s.i < len(s.b) && (s.b[s.i]-'0' <= 9 || bytes.IndexByte([]byte("+-.eE"), s.b[s.i]) >= 0) {
		s.i++
	}
	if !json.Valid(s.b[start:s.i]) {
		s.i = start
		s.syntax("a value")
	}
}

// appendString appends v as a JSON string.
func appendString(dst []byte, v string) []byte {
	for i := range len(v) {
		if c := v[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			q, err := json.Marshal(v) // Slow path; a string always marshals.
			if err != nil {
				return append(dst, `""`...)
			}
			return append(dst, q...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, v...)
	return append(dst, '"')
}

func appendField(dst []byte, name string, v uint64) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	return strconv.AppendUint(dst, v, 10)
}
