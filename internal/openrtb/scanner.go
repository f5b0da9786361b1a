package openrtb

import (
	"encoding/binary"
	"math/bits"
)

// scanner walks one JSON text (RFC 8259) and checks all of it, also what it
// skips. The first error sticks: from then on the input reads as ended, loops
// stop, and values are zero. Nobody has to check it but the outermost caller.
type scanner struct {
	b     []byte
	i     int // next byte
	depth int // open objects and arrays
	err   error
}

// failAt records the first error and ends the input.
func (s *scanner) failAt(offset int, rule string, reason Reason) {
	if s.err == nil {
		s.err = &SyntaxError{Offset: offset, Rule: rule, Reason: reason}
	}
	s.i = len(s.b)
}

func (s *scanner) fail(rule string) { s.failAt(s.i, rule, ReasonSyntax) }

// peek returns the next byte without taking it; 0 at the end. There is no white
// space at s.i whenever a value or a name is due.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// take takes one byte and the white space after it.
func (s *scanner) take() {
	s.i++
	s.space()
}

// space skips white space.
func (s *scanner) space() {
	if s.i < len(s.b) && s.b[s.i] <= ' ' {
		s.spaceSlow() // Slow path: exchanges send compact JSON.
	}
}

func (s *scanner) spaceSlow() {
	for ; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
		case 0:
			s.fail("unexpected NUL byte")
			return
		default:
			return
		}
	}
}

// enter takes an opening bracket.
func (s *scanner) enter() {
	s.take()
	s.depth++
	if s.depth > MaxDepth {
		s.failAt(s.i, "nested deeper than 64 levels", ReasonDepth)
	}
}

// openObject takes '{' and says whether a member follows; '}' is taken if not.
func (s *scanner) openObject() bool { return s.open('}') }

// openArray takes '[' and says whether an element follows; ']' is taken if not.
func (s *scanner) openArray() bool { return s.open(']') }

func (s *scanner) open(end byte) bool {
	s.enter()
	if s.peek() == end {
		s.i++
		s.depth--
		return false
	}
	return s.err == nil
}

// moreMembers takes ',' and says true, or '}' and says false.
func (s *scanner) moreMembers() bool { return s.more('}', "want ',' or '}'") }

// moreElements takes ',' and says true, or ']' and says false.
func (s *scanner) moreElements() bool { return s.more(']', "want ',' or ']'") }

func (s *scanner) more(end byte, rule string) bool {
	s.space()
	switch s.peek() {
	case ',':
		s.take()
		return true
	case end:
		s.i++
		s.depth--
		return false
	}
	s.fail(rule)
	return false
}

// rawKey takes a member's name and its ':'. The name is returned without quotes
// and as sent; plain says that it has neither escapes nor bytes beyond ASCII.
func (s *scanner) rawKey() (name []byte, plain bool) {
	if s.peek() != '"' {
		s.fail("want a member's name in quotes")
		return nil, true
	}
	name, plain = s.rawString()
	// Fast path: compact JSON.
	if i := s.i; i+1 < len(s.b) && s.b[i] == ':' && s.b[i+1] > ' ' {
		s.i = i + 1
		return name, plain
	}
	s.space()
	if s.peek() != ':' {
		s.fail("want ':'")
		return nil, true
	}
	s.take()
	return name, plain
}

// rawString takes a string and returns what is between its quotes, as sent.
// Its escapes are well formed; its UTF-8 is not checked.
func (s *scanner) rawString() (raw []byte, plain bool) {
	b, start := s.b, s.i+1
	i := start
	// Fast path: eight bytes at a time, as plainLen.
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		m := special(w)
		if m == 0 {
			i += 8
			continue
		}
		at := bits.TrailingZeros64(m)
		i += at >> 3
		if byte(w>>(at&56)) == '"' { // b[i], which is still in a register
			s.i = i + 1
			return b[start:i], true
		}
		break
	}
	return s.rawStringSlow(start, i)
}

// rawStringSlow goes on at i, byte by byte.
func (s *scanner) rawStringSlow(start, i int) (raw []byte, plain bool) {
	plain = true
	for i < len(s.b) {
		c := s.b[i]
		switch {
		case c == '"':
			s.i = i + 1
			return s.b[start:i], plain
		case c == '\\':
			plain = false
			n := escapeLen(s.b[i:])
			if n == 0 {
				s.failAt(i, "escape is not one of RFC 8259", ReasonSyntax)
				return nil, true
			}
			i += n
			continue
		case c < ' ':
			s.failAt(i, "control character in a string", ReasonSyntax)
			return nil, true
		case c >= 0x80:
			plain = false
		}
		i++
	}
	s.failAt(len(s.b), "string does not end", ReasonSyntax)
	return nil, true
}

// escapeLen is the length of the escape that b begins with; 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads the four digits of the escape \uXXXX that b begins with.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// literal takes one of null, true and false.
func (s *scanner) literal(want string) bool {
	if len(s.b)-s.i < len(want) || string(s.b[s.i:s.i+len(want)]) != want {
		s.fail("want a JSON value")
		return false
	}
	s.i += len(want)
	return true
}

// number takes a number and returns it as sent.
func (s *scanner) number() []byte {
	n := numberLen(s.b[s.i:])
	if n == 0 {
		s.fail("want a JSON value")
		return nil
	}
	v := s.b[s.i : s.i+n]
	s.i += n
	return v
}

// numberLen is the length of the JSON number that b begins with; 0 if none.
func numberLen(b []byte) int {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch n := digits(b[i:]); {
	case n == 0, n > 1 && b[i] == '0':
		return 0
	default:
		i += n
	}
	if i < len(b) && b[i] == '.' {
		n := digits(b[i+1:])
		if n == 0 {
			return 0
		}
		i += 1 + n
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n := digits(b[i:])
		if n == 0 {
			return 0
		}
		i += n
	}
	return i
}

func digits(b []byte) int {
	for i, c := range b {
		if c-'0' > 9 {
			return i
		}
	}
	return len(b)
}

// skip takes one value of any kind and checks it. It does not recurse.
func (s *scanner) skip() {
	base := s.depth
	var objects uint64 // bit per level opened here: 1 is an object
	for {
		switch c := s.peek(); c {
		case '{':
			if s.openObject() {
				objects = objects<<1 | 1
				s.rawKey()
				continue
			}
		case '[':
			if s.openArray() {
				objects <<= 1
				continue
			}
		default:
			s.scalar(c)
		}
		// A value is complete: close what ends with it.
		for {
			if s.err != nil || s.depth == base {
				return
			}
			if objects&1 == 0 {
				if s.moreElements() {
					break
				}
			} else if s.moreMembers() {
				s.rawKey()
				break
			}
			objects >>= 1
		}
	}
}

// scalar takes the string, number or literal that begins with c.
func (s *scanner) scalar(c byte) {
	switch c {
	case '"':
		s.rawString()
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		s.number()
	}
}
