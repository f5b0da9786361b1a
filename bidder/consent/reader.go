package consent

import "encoding/binary"

// maxString bounds every string that is decoded, in bytes; a longer one is
// malformed. A TC string of 1,500 vendors with every list as a bit field has
// about 900.
const maxString = 4096

// fault says why a string can't be read. A string with a fault gives no basis.
type fault uint8

// The faults.
const (
	faultNone     fault = iota
	faultTooLong        // longer than maxString
	faultAlphabet       // a character that the encoding doesn't have
	faultShort          // the string ends within a field
	faultVersion        // a version whose layout we don't know
	faultRange          // an id or a range out of order or out of bounds
	faultSegment        // a segment that is empty, repeated or of an unknown kind
	faultSections       // more or fewer sections than the header lists
	faultValue          // a value that the field doesn't have
	faultCount
)

var faultTexts = [faultCount]string{
	faultNone: "readable", faultTooLong: "longer than 4096 bytes", faultAlphabet: "a character outside the alphabet",
	faultShort: "ends within a field", faultVersion: "unknown version", faultRange: "an id or range out of bounds",
	faultSegment: "an empty, repeated or unknown segment", faultSections: "sections differ from the header's list",
	faultValue: "a value that the field does not have",
}

func (f fault) String() string { return faultTexts[f] }

// notSix marks a byte that is none of the 64 characters.
const notSix = 0x80

// sixBits is the base64url table of RFC 4648 section 5.
var sixBits = sixBitsTable()

func sixBitsTable() (t [256]uint8) {
	for i := range t {
		t[i] = notSix
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		t[c] = uint8(i)
	}
	return t
}

// reader reads fields of any width, most significant bit first. A read past the
// end gives 0 and sets short, which stays set: callers check it once.
//
// TCF and GPP give each character six bits and do not align to bytes, so a
// length that encoding/base64 refuses (GPP's own example DBABM) is valid here.
type reader struct {
	bytes [maxString/4*3 + 8]byte // eight more, so that a word can be loaded at every position
	bits  int
	pos   int
	short bool
}

// load decodes s, at most maxString long, and puts the reader at its start.
func (r *reader) load(s []byte) fault {
	if len(s) > maxString {
		return faultTooLong
	}
	var bad byte
	j, tail := 0, len(s)&^7
	for i := 0; i < tail; i += 8 {
		q := s[i : i+8 : i+8]
		a, b, c, d := sixBits[q[0]], sixBits[q[1]], sixBits[q[2]], sixBits[q[3]]
		e, f, g, h := sixBits[q[4]], sixBits[q[5]], sixBits[q[6]], sixBits[q[7]]
		bad |= a | b | c | d | e | f | g | h
		high := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(d)
		low := uint32(e)<<18 | uint32(f)<<12 | uint32(g)<<6 | uint32(h)
		binary.BigEndian.PutUint64(r.bytes[j:], uint64(high)<<40|uint64(low)<<16)
		j += 6
	}
	var last uint64
	shift := 58
	for _, c := range s[tail:] {
		six := sixBits[c]
		bad |= six
		last |= uint64(six) << shift
		shift -= 6
	}
	// Also clears what a longer string left behind this one's end.
	binary.BigEndian.PutUint64(r.bytes[j:], last)
	r.bits, r.pos, r.short = 6*len(s), 0, false
	if bad&notSix != 0 {
		return faultAlphabet
	}
	return faultNone
}

// uint reads n bits, at most 57.
func (r *reader) uint(n int) uint64 {
	if r.pos+n > r.bits {
		r.short, r.pos = true, r.bits
		return 0
	}
	v := binary.BigEndian.Uint64(r.bytes[r.pos>>3:]) << (r.pos & 7) >> (64 - n)
	r.pos += n
	return v
}

func (r *reader) int(n int) int { return int(r.uint(n)) }

func (r *reader) flag() bool { return r.uint(1) == 1 }

// skip passes over n bits and returns where they began.
func (r *reader) skip(n int) int {
	at := r.pos
	if r.pos+n > r.bits {
		r.short, r.pos = true, r.bits
		return at
	}
	r.pos += n
	return at
}

// at is one bit of what skip has passed over.
func (r *reader) at(pos int) bool { return r.bytes[pos>>3]>>(7-pos&7)&1 == 1 }

// fibonacci reads one number of GPP's Fibonacci code ("Consent String
// Specification", section Fibonacci Encoding): the bits weigh 1, 2, 3, 5, 8...
// and two ones in a row end it. 0: the string ended first, or the number
// is above limit.
func (r *reader) fibonacci(limit int) int {
	sum, weight, next := 0, 1, 2
	for before := false; !r.short; {
		bit := r.flag()
		if bit && before {
			return sum
		}
		if bit {
			sum += weight
		}
		if sum > limit || weight > limit {
			return 0
		}
		before, weight, next = bit, next, weight+next
	}
	return 0
}
