package supply

import "strings"

const (
	maxDomain  = 253 // bytes of a DNS name as text (RFC 1035 section 2.3.4)
	maxLabel   = 63
	maxLabels  = 10  // more is no site; it also bounds the walk to a domain's parents
	maxAccount = 128 // bytes; ids "should be limited to 64 characters" (OpenRTB 2.6 section 3.2.26)
)

// appendDomain appends s as domains are compared: in lower case, without the
// root's dot. ok is false where s is no DNS name of two labels or more: no URL,
// no address, and no name outside ASCII, which travels as punycode.
func appendDomain[T string | []byte](dst []byte, s T) (out []byte, ok bool) {
	if n := len(s); n > 0 && s[n-1] == '.' {
		s = s[:n-1]
	}
	if len(s) > maxDomain {
		return dst, false
	}
	label, labels, letters := 0, 1, false
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.':
			if label == 0 {
				return dst, false
			}
			label, letters = -1, false
			labels++
		case c >= 'a' && c <= 'z':
			letters = true
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
			letters = true
		case c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return dst, false
		}
		if label++; label > maxLabel {
			return dst, false
		}
		dst = append(dst, c)
	}
	return dst, label > 0 && labels > 1 && labels <= maxLabels && letters
}

// domainOf is appendDomain for what is not on the way of a bid.
func domainOf(s string) (string, bool) {
	b, ok := appendDomain(nil, s)
	return string(b), ok
}

// appendAccount appends an account id as ids are compared: without regard to
// ASCII case, as the IAB's reference crawler does (adstxt_crawler.py lowers
// them). ok is false for one that is empty or longer than any that is kept.
func appendAccount[T string | []byte](dst []byte, s T) (out []byte, ok bool) {
	if len(s) == 0 || len(s) > maxAccount {
		return dst, false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst, true
}

// hostOf takes the host out of a URL or of a bare name; it may be no domain.
func hostOf[T string | []byte](url T) T {
	for i := 0; i+2 < len(url); i++ {
		if url[i] == ':' && url[i+1] == '/' && url[i+2] == '/' {
			url = url[i+3:]
			break
		}
	}
	for i := range len(url) {
		if c := url[i]; c == '/' || c == ':' || c == '?' || c == '#' {
			return url[:i]
		}
	}
	return url
}

// under says whether name is parent or below it.
func under(name, parent string) bool {
	return name == parent || strings.HasSuffix(name, parent) && name[len(name)-len(parent)-1] == '.'
}

// parent cuts the first label off; "" where fewer than two labels would be left.
func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	if !strings.Contains(rest, ".") {
		return ""
	}
	return rest
}

// bare is name less "www.", where a domain is left.
func bare(name string) string {
	if rest, cut := strings.CutPrefix(name, "www."); cut && strings.Contains(rest, ".") {
		return rest
	}
	return name
}
