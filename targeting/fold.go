package targeting

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf8"

	"bidhawk/campaigns"
)

// Both sides, what a line item asks and what a request has, go through these
// functions, so that two values are equal exactly when their keys are.

// appendFold appends v such that two strings fold to the same bytes exactly
// when strings.EqualFold says they are equal.
func appendFold(dst, v []byte) []byte {
	for len(v) > 0 {
		// Fast path: ASCII.
		if c := v[0]; c < utf8.RuneSelf {
			dst, v = append(dst, lower(c)), v[1:]
			continue
		}
		r, n := utf8.DecodeRune(v)
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

// appendDomain appends a host name in lower case without the root's dot.
func appendDomain(dst, v []byte) []byte {
	if n := len(v); n > 0 && v[n-1] == '.' {
		v = v[:n-1]
	}
	for _, c := range v {
		dst = append(dst, lower(c))
	}
	return dst
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

// appendRegion appends "USA-CA".
func appendRegion(dst, country, region []byte) []byte {
	return append(append(append(dst, country...), '-'), region...)
}

// appendCity appends "USA/san francisco".
func appendCity(dst, country, city []byte) []byte {
	return appendFold(append(append(dst, country...), '/'), city)
}

func appendSize(dst []byte, v campaigns.Size) []byte {
	return appendInt(appendInt(dst, v.W), v.H)
}

func appendInt(dst []byte, v int) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(v)) }
