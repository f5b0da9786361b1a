package supply

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"unicode"
)

// Relationship is what a record says of the account.
type Relationship uint8

// The relationships of ads.txt 3.3.
const (
	Direct Relationship = iota + 1
	Reseller
)

// Record authorises an account to sell (ads.txt 3.3).
type Record struct {
	AdSystem string // a domain, in lower case
	Account  string // as written, unescaped
	Relation Relationship
	CertID   string // "" where not said
}

// Manager is a MANAGERDOMAIN.
type Manager struct {
	Domain  string
	Country string // ISO 3166-1 alpha-2 in upper case; "" for everywhere
}

// Authorised is a parsed ads.txt or app-ads.txt.
type Authorised struct {
	Records    []Record
	Owner      string // OWNERDOMAIN, the first one; "" where not said
	Managers   []Manager
	Subdomains []string // SUBDOMAIN
	Partners   []string // INVENTORYPARTNERDOMAIN
	Contacts   []string
	// BadLines counts lines that are neither empty nor a comment and could not
	// be read: broken records, unknown variables, names that are no domains.
	BadLines int
}

// Bounds of a file. Fetch follows subdomains and partners, so they are few.
const (
	maxTextBytes = 16 << 20 // of an ads.txt or app-ads.txt
	maxTextLine  = 4 << 10
	maxPointers  = 1000 // subdomains, and as many partners, managers and contacts
)

var (
	errHTML    = errors.New("got a page of markup; want plain text")
	errBinary  = errors.New("got a zero byte; want plain text")
	errNoLine  = errors.New("got no record and no variable of the specification; want at least one (ads.txt 3.2.1)")
	errTooLong = errors.New("got too many bytes; want at most 16 MB")
)

// ParseAdsTxt reads an ads.txt or an app-ads.txt of at most 16 MB. A line that can't be
// read is counted and the others hold. It returns an error for what is no such
// file at all: a page of markup, binary data, or nothing that the specification
// knows, which servers send where they mean "not found".
func ParseAdsTxt(body []byte) (*Authorised, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	switch {
	case len(body) > maxTextBytes:
		return nil, errTooLong
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return nil, errHTML
	case bytes.IndexByte(body, 0) >= 0:
		return nil, errBinary
	}
	a := &Authorised{}
	known := false
	for len(body) > 0 {
		line := body
		if i := bytes.IndexAny(body, "\r\n"); i >= 0 {
			line, body = body[:i], body[i+1:]
		} else {
			body = nil
		}
		line, _, _ = bytes.Cut(line, []byte("#"))
		text := trim(string(line[:min(len(line), maxTextLine+1)]))
		switch {
		case text == "":
		case len(text) <= maxTextLine && a.line(text):
			known = true
		default:
			a.BadLines++
		}
	}
	if !known {
		return nil, errNoLine
	}
	return a, nil
}

// trim takes off white space of any script and the marks that editors leave.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' })
}

// line takes one line without comment; false where it can't be read. A variable
// has its equals sign before any comma, and no space in its name (ads.txt 3.5).
func (a *Authorised) line(text string) bool {
	name, value, isVar := strings.Cut(text, "=")
	name = trim(name)
	if isVar && name != "" && !strings.ContainsAny(name, ", \t;") {
		return a.variable(strings.ToUpper(name), trim(value))
	}
	return a.record(text)
}

func (a *Authorised) record(text string) bool {
	text, _, _ = strings.Cut(text, ";") // extensions, ads.txt 3.4.3
	f := strings.SplitN(text, ",", 5)
	if len(f) < 3 {
		return false
	}
	var r Record
	var ok bool
	if r.AdSystem, ok = domainOf(unescape(trim(f[0]))); !ok {
		return false
	}
	r.Account = unescape(trim(f[1]))
	if r.Account == "" || len(r.Account) > maxAccount {
		return false
	}
	relation, rest, _ := strings.Cut(trim(f[2]), " ") // "DIRECT f08c47fec0942fa0", a comma short
	switch strings.ToUpper(trim(relation)) {
	case "DIRECT":
		r.Relation = Direct
	case "RESELLER":
		r.Relation = Reseller
	default:
		return false
	}
	if len(f) > 3 {
		rest = f[3]
	}
	r.CertID = trim(rest)
	a.Records = append(a.Records, r)
	return true
}

// unescape undoes the URL encoding of ads.txt 3.4.2; what is no encoding stays.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// variable takes one of ads.txt 3.5.1; false for any other.
func (a *Authorised) variable(name, value string) bool {
	switch name {
	case "CONTACT":
		return value != "" && keep(&a.Contacts, value)
	case "SUBDOMAIN":
		d, ok := domainOf(hostOf(value))
		return ok && keep(&a.Subdomains, d)
	case "INVENTORYPARTNERDOMAIN":
		d, ok := domainOf(hostOf(value))
		return ok && keep(&a.Partners, d)
	case "OWNERDOMAIN":
		d, ok := domainOf(hostOf(value))
		if ok && a.Owner == "" { // "only the first should be used"
			a.Owner = d
		}
		return ok
	case "MANAGERDOMAIN":
		domain, country, _ := strings.Cut(value, ",")
		d, ok := domainOf(hostOf(trim(domain)))
		country = strings.ToUpper(trim(country))
		return ok && (country == "" || len(country) == 2) && keep(&a.Managers, Manager{d, country})
	}
	return false
}

func keep[T any](list *[]T, v T) bool {
	if len(*list) == maxPointers {
		return false
	}
	*list = append(*list, v)
	return true
}
