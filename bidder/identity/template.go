package identity

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// macro is what a redirect's template may hold. The names of consent parameters
// are those that the IAB gives to URL-based services (TCF "URL-based services",
// US Privacy "URL-based user ID syncing", GPP "URL parameters").
type macro uint8

const (
	macroBuyerUID macro = iota // our id of the browser
	macroUID                   // the exchange's id, as it told us
	macroGDPR
	macroGDPRConsent
	macroUSPrivacy
	macroGPP
	macroGPPSID
	macroCount
	macroNone = macroCount
)

var macroNames = [macroCount]string{
	macroBuyerUID: "buyeruid", macroUID: "uid", macroGDPR: "gdpr", macroGDPRConsent: "gdpr_consent",
	macroUSPrivacy: "us_privacy", macroGPP: "gpp", macroGPPSID: "gpp_sid",
}

func parseMacro(name string) (macro, bool) {
	for m, n := range macroNames {
		if n == name {
			return macro(m), true
		}
	}
	return macroNone, false
}

// template is a redirect's URL, cut at its macros.
type template []templatePart

// templatePart is text and the macro after it; the last has none.
type templatePart struct {
	text  string
	macro macro
}

const maxTemplateBytes = 2048

// parseTemplate reads a URL with macros such as {gdpr}. Where it leads is fixed:
// macros stand in the query, and {buyeruid}, whose characters are known, also in
// the path.
func parseTemplate(s string) (template, error) {
	if len(s) > maxTemplateBytes {
		return nil, fmt.Errorf("got %d bytes; want at most %d", len(s), maxTemplateBytes)
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("want https://, a host without macros, and neither user nor fragment")
	}
	if strings.ContainsAny(s, "\r\n\t \"<>\\") {
		return nil, errors.New("want no blanks, quotes, brackets and backslashes")
	}
	path := strings.IndexByte(s[len("https://"):], '/') + len("https://")
	if path < len("https://") {
		return nil, errors.New("want a path, if only /")
	}
	query := len(s)
	if i := strings.IndexByte(s, '?'); i >= 0 {
		query = i
	}
	var t template
	for at := 0; ; {
		open := strings.IndexByte(s[at:], '{')
		if open < 0 {
			if strings.IndexByte(s[at:], '}') >= 0 {
				return nil, errors.New("want each } after its {")
			}
			return append(t, templatePart{s[at:], macroNone}), nil
		}
		open += at
		end := strings.IndexByte(s[open:], '}')
		if end < 0 {
			return nil, errors.New("want each { closed")
		}
		m, ok := parseMacro(s[open+1 : open+end])
		switch {
		case !ok:
			return nil, fmt.Errorf("macro %.40q: want one of %s", s[open:open+end+1], strings.Join(macroNames[:], ", "))
		case open < path || open < query && m != macroBuyerUID:
			return nil, fmt.Errorf("macro {%s}: want it in the query", macroNames[m])
		}
		t = append(t, templatePart{s[at:open], m})
		at = open + end + 1
	}
}

func (t template) has(m macro) bool {
	for _, p := range t {
		if p.macro == m {
			return true
		}
	}
	return false
}

// append appends the URL with each macro's value, escaped.
func (t template) append(dst []byte, values *[macroCount][]byte) []byte {
	for _, p := range t {
		dst = append(dst, p.text...)
		if p.macro != macroNone {
			dst = appendEscaped(dst, values[p.macro])
		}
	}
	return dst
}

// appendEscaped escapes all but the unreserved characters (RFC 3986 section 2.3).
func appendEscaped(dst, s []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range s {
		if isAlphanumeric(c) || c == '-' || c == '_' || c == '.' || c == '~' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', digits[c>>4], digits[c&15])
	}
	return dst
}

// Bounds of what is passed on.
const (
	maxUIDBytes       = 256
	maxConsentBytes   = 4096
	maxUSPrivacyBytes = 16
	maxGPPSIDBytes    = 64
)

// consentValue is a consent parameter's value where it looks like one, nothing
// else: we pass signals on, not other people's text.
func consentValue(m macro, v []byte) []byte {
	most, others := 0, ""
	switch m {
	case macroGDPR:
		if len(v) == 1 && v[0] != '0' && v[0] != '1' {
			return nil
		}
		most = 1
	case macroGDPRConsent, macroGPP:
		most, others = maxConsentBytes, "-_.~"
	case macroUSPrivacy:
		most, others = maxUSPrivacyBytes, "-"
	case macroGPPSID:
		most, others = maxGPPSIDBytes, ",_-"
	}
	if len(v) > most {
		return nil
	}
	for _, c := range v {
		if !isAlphanumeric(c) && strings.IndexByte(others, c) < 0 {
			return nil
		}
	}
	return v
}

// validUID says whether an exchange's id of a browser is one: printable, and not
// a macro that the exchange or a page left in place.
func validUID(uid []byte) bool {
	if !usable(uid) || len(uid) > maxUIDBytes || bytes.ContainsAny(uid, "{}[]<>\"\\") || uid[0] == '$' {
		return false
	}
	for _, c := range uid {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
