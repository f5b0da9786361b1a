package targeting

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf8"

	"bidhawk/campaigns"
)

// Both sides, what a line item asks and what a request has, go through these
// functions, so that two values are equal exactly when their keys are. Case never
// matters but in bundles and deals, which are ids: a block list that another
// spelling of "IAB25" passes would be none.

// appendFold appends v such that two strings fold to the same bytes exactly
// when strings.EqualFold says they are equal.
func appendFold[T string | []byte](dst []byte, v T) []byte {
	for len(v) > 0 {
		// Fast path: ASCII.
		if c := v[0]; c < utf8.RuneSelf {
			dst, v = append(dst, lower(c)), v[1:]
			continue
		}
		r, n := utf8.DecodeRuneInString(string(v[:min(len(v), utf8.UTFMax)]))
		dst, v = utf8.AppendRune(dst, foldRune(r)), v[n:]
	}
	return dst
}

// foldRune is the smallest rune that differs from r by case alone, in lower
// case where that is ASCII.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if least < utf8.RuneSelf {
		return rune(lower(byte(least)))
	}
	return least
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// domainMax is the length of the longest host name (RFC 1035, section 2.3.4).
const domainMax = 253

// bounded is the longest suffix of a domain, cut at a dot, that can be a host
// name: nothing longer is worth a look-up.
func bounded(domain []byte) []byte {
	if len(domain) <= domainMax {
		return domain
	}
	domain = domain[len(domain)-domainMax-1:]
	if dot := bytes.IndexByte(domain, '.'); dot >= 0 {
		return domain[dot+1:]
	}
	return nil
}

// appendRegion appends "usa-ca".
func appendRegion(dst, country, region []byte) []byte {
	return appendFold(append(appendFold(dst, country), '-'), region)
}

// appendCity appends "usa/san francisco".
func appendCity(dst, country, city []byte) []byte {
	return appendFold(append(appendFold(dst, country), '/'), city)
}

func appendSize(dst []byte, v campaigns.Size) []byte {
	return appendInt(appendInt(dst, v.W), v.H)
}

func appendInt(dst []byte, v int) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(v)) }
