package campaigns

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bidhawk/internal/money"
)

// This file holds the rules of single values. Each returns what was expected,
// or "" where the value keeps the rule.

func nameRule(s string) string { return textRule(s, 1, MaxNameBytes) }

func reasonRule(s string) string { return textRule(s, MinReasonBytes, MaxReasonBytes) }

func textRule(s string, lo, hi int) string {
	if len(s) < lo || len(s) > hi {
		return fmt.Sprintf("must be %d to %d bytes long", lo, hi)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return "must be UTF-8 text without control characters"
	}
	return ""
}

func statusRule(s string) string {
	switch Status(s) {
	case StatusActive, StatusPaused, StatusArchived:
		return ""
	}
	return "must be active, paused or archived"
}

func pricingRule(s string) string {
	if _, ok := pricingRules()[PricingModel(s)]; ok {
		return ""
	}
	return "must be cpm, dcpm, vcpm, cpcv, cpc, cpa, cps or cpd"
}

func pacingRule(s string) string {
	switch Pacing(s) {
	case PacingEven, PacingAhead, PacingASAP:
		return ""
	}
	return "must be even, ahead or asap"
}

func currencyRule(s string) string {
	if _, err := money.ParseCurrency(s); err != nil || !contains(currencies, s) {
		return "must be an ISO 4217 currency in use"
	}
	return ""
}

// timeZoneRule refuses "" and "Local", which time.LoadLocation knows too: they
// mean something else on each machine.
func timeZoneRule(s string) string {
	const rule = "must be an IANA time zone such as Europe/Berlin"
	if s == "" || s == "Local" || len(s) > MaxTimeZoneBytes {
		return rule
	}
	if _, err := time.LoadLocation(s); err != nil {
		return rule
	}
	return ""
}

func countryRule(s string) string {
	if len(s) != 3 || !contains(countries, s) {
		return "must be an ISO 3166-1 alpha-3 country in upper case"
	}
	return ""
}

func regionRule(s string) string {
	country, sub, found := strings.Cut(s, "-")
	if !found || countryRule(country) != "" || len(sub) < 1 || len(sub) > 3 || !all(sub, isUpperOrDigit) {
		return `must be COUNTRY-SUBDIVISION of ISO 3166-2 with an alpha-3 country, such as "USA-CA"`
	}
	return ""
}

func cityRule(s string) string {
	country, name, found := strings.Cut(s, "/")
	if !found || countryRule(country) != "" || textRule(name, 1, MaxCityBytes) != "" {
		return fmt.Sprintf(`must be COUNTRY/NAME with a name of at most %d bytes, such as "USA/San Francisco"`, MaxCityBytes)
	}
	return ""
}

// domainRule takes a name of at least two labels in lower-case ASCII;
// international names come in their xn-- form, as in bid requests.
func domainRule(s string) string {
	const rule = `must be a lower-case domain name such as "news.example" (xn-- for international names)`
	if len(s) > MaxDomainBytes || !strings.Contains(s, ".") {
		return rule
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) < 1 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || !all(label, isDomainByte) {
			return rule
		}
	}
	if tld := s[strings.LastIndexByte(s, '.')+1:]; all(tld, isDigit) {
		return rule // an IP address is no domain
	}
	return ""
}

func bundleRule(s string) string { return visibleRule(s, MaxBundleBytes, "an app's bundle id") }

func vendorRule(s string) string { return visibleRule(s, MaxVendorBytes, "a vendor's name") }

func registrationIDRule(s string) string {
	return visibleRule(s, MaxRegistrationBytes, "the exchange's id of the creative")
}

func dealRule(s string) string { return visibleRule(s, MaxDealBytes, "a deal id") }

func visibleRule(s string, bound int, what string) string {
	if len(s) < 1 || len(s) > bound || !all(s, func(b byte) bool { return b > ' ' && b < 0x7f }) {
		return fmt.Sprintf("must be %s of 1 to %d visible ASCII characters", what, bound)
	}
	return ""
}

func exchangeRule(s string) string {
	if len(s) < 1 || len(s) > MaxTokenBytes || !isLowerOrDigit(s[0]) || !all(s, isSlugByte) {
		return "must be an exchange's name: a-z, 0-9, _ and -, at most 32"
	}
	return ""
}

func osRule(s string) string {
	ok := func(b byte) bool { return isSlugByte(b) || b == ' ' || b == '.' }
	if len(s) < 1 || len(s) > MaxTokenBytes || !all(s, ok) {
		return `must be an operating system in lower case, such as "ios"`
	}
	return ""
}

// categoryRule takes IAB content categories 1.0: IAB1 to IAB26 and their children.
func categoryRule(s string) string {
	const rule = "must be an IAB content category (taxonomy 1.0), such as IAB2 or IAB2-10"
	digits, ok := strings.CutPrefix(s, "IAB")
	parent, child, hasChild := strings.Cut(digits, "-")
	if !ok || !smallNumber(parent, 26) || hasChild && !smallNumber(child, 99) {
		return rule
	}
	return ""
}

// smallNumber says whether s is a decimal of 1 to bound (< 100) without leading zeros.
func smallNumber(s string, bound int) bool {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || s[0] == '0' || i > 1 {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n >= 1 && n <= bound
}

// tagRule takes "list/NAME" of any advertiser's own list, or a path that tags knows.
func tagRule(tags TagResolver) func(string) string {
	return func(s string) string {
		if len(s) > MaxTagBytes {
			return fmt.Sprintf("must be at most %d bytes long", MaxTagBytes)
		}
		if name, isList := strings.CutPrefix(s, ListPrefix); isList {
			if !ValidListName(name) {
				return "must be list/NAME with a name of a-z, 0-9, _ and -, at most 64"
			}
			return ""
		}
		if tags != nil {
			if _, ok := tags.Number(s); ok {
				return ""
			}
		}
		return "must be a tag of the taxonomy or list/NAME"
	}
}

// mimeRule takes a media type in lower case, without parameters.
func mimeRule(s string) string {
	kind, sub, found := strings.Cut(s, "/")
	ok := func(b byte) bool { return isLowerOrDigit(b) || strings.IndexByte("!#$&-^_.+", b) >= 0 }
	if !found || len(s) > MaxMIMEBytes || kind == "" || sub == "" || !all(kind, ok) || !all(sub, ok) {
		return `must be a media type in lower case without parameters, such as "video/mp4"`
	}
	return ""
}

// isCode says whether n is on an AdCOM list of 1 to last, or an exchange's own.
func isCode(n, last int) bool { return n >= 1 && n <= last || n >= 500 && n <= 999 }

func codeRule(what string, last int) string {
	return fmt.Sprintf("must be %s: 1 to %d, or 500 to 999 of an exchange", what, last)
}

func languageRule(s string) string {
	if s != "" && (len(s) != 2 || !all(s, func(b byte) bool { return b >= 'a' && b <= 'z' })) {
		return "must be empty or two letters of ISO 639-1"
	}
	return ""
}

// secureURL parses an absolute https URL without user info or port.
func secureURL(s string) (*url.URL, string) {
	if len(s) > MaxURLBytes {
		return nil, fmt.Sprintf("must be at most %d bytes long", MaxURLBytes)
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Port() != "" ||
		strings.ContainsAny(s, " \\\"<>") || domainRule(normalDomain(u.Host)) != "" {
		return nil, "must be an absolute https URL with a host name, without user or port"
	}
	return u, ""
}

func timeRule(t time.Time) string {
	if t.Year() < minYear || t.Year() > maxYear {
		return fmt.Sprintf("must be a time in the years %d to %d", minYear, maxYear)
	}
	return ""
}

func all(s string, f func(byte) bool) bool {
	for i := range len(s) {
		if !f(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(b byte) bool        { return b >= '0' && b <= '9' }
func isLowerOrDigit(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }
func isUpperOrDigit(b byte) bool { return b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' }
func isSlugByte(b byte) bool     { return isLowerOrDigit(b) || b == '-' || b == '_' }
func isDomainByte(b byte) bool   { return isLowerOrDigit(b) || b == '-' || b == '_' }
