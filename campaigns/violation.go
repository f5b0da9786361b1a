package campaigns

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Violation is one broken rule.
type Violation struct {
	Field string `json:"field"` // path from the kind: "line_item.targeting.hours_of_week[3]"
	Value string `json:"value"` // as given, cut to a readable length
	Rule  string `json:"rule"`  // what was expected
}

func (v Violation) String() string { return fmt.Sprintf("%s %q: %s", v.Field, v.Value, v.Rule) }

// ValidationError holds every violation that was found in one entity, up to 100.
type ValidationError struct {
	Violations []Violation
}

func (e *ValidationError) Error() string {
	var b strings.Builder
	for i, v := range e.Violations {
		if i == maxViolationsText {
			fmt.Fprintf(&b, "; and %d more", len(e.Violations)-i)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(v.String())
	}
	return b.String()
}

const (
	maxViolations      = 100
	maxViolationsText  = 10  // of them in an error's text
	maxViolationsValue = 120 // bytes
)

// checker collects the violations of one entity.
type checker struct {
	prefix string // the kind and a dot
	found  []Violation
}

func newChecker(k Kind) *checker { return &checker{prefix: string(k) + "."} }

func (c *checker) fail(field string, value any, rule string) {
	if len(c.found) < maxViolations {
		c.found = append(c.found, Violation{c.prefix + field, clip(fmt.Sprint(value)), rule})
	}
}

// check fails field unless ok.
func (c *checker) check(ok bool, field string, value any, rule string) {
	if !ok {
		c.fail(field, value, rule)
	}
}

// text checks one string with rule, which names what is wrong or returns "".
func (c *checker) text(field, value string, rule func(string) string) {
	if r := rule(value); r != "" {
		c.fail(field, value, r)
	}
}

// texts checks a list's length and each of its strings.
func (c *checker) texts(field string, values []string, bound int, rule func(string) string) {
	c.length(field, len(values), bound)
	for i, v := range values[:min(len(values), bound)] {
		if r := rule(v); r != "" {
			c.fail(fmt.Sprintf("%s[%d]", field, i), v, r)
		}
	}
}

// url checks an address that is loaded: https alone.
func (c *checker) url(field, value string) {
	if _, rule := secureURL(value); rule != "" {
		c.fail(field, value, rule)
	}
}

// address checks an address in whose place an uploaded file may stand.
func (c *checker) address(field, value string, u Upload) {
	if u.given() {
		c.check(value == "", field, value, "must be empty where asset_id is given: it has exactly one of them")
		return
	}
	c.url(field, value)
}

// image checks an image's address, in the field called url below field, and size.
func (c *checker) image(field, url, value string, u Upload, w, h int) {
	c.address(field+"."+url, value, u)
	span(c, field+".w", w, 1, MaxPixels)
	span(c, field+".h", h, 1, MaxPixels)
}

// codes checks numbers of an AdCOM list of 1 to last that exchanges extend.
func (c *checker) codes(field string, values []int, bound, last int, what string) {
	c.length(field, len(values), bound)
	for i, n := range values[:min(len(values), bound)] {
		c.check(isCode(n, last), index(field, i), n, codeRule(what, last))
	}
}

func (c *checker) length(field string, got, bound int) {
	if got > bound {
		c.fail(field, got, fmt.Sprintf("must have at most %d entries", bound))
	}
}

// span checks lo <= v <= hi.
func span[N ~int | ~int64](c *checker, field string, v, lo, hi N) {
	if v < lo || v > hi {
		c.fail(field, int64(v), fmt.Sprintf("must be %d to %d", int64(lo), int64(hi)))
	}
}

func (c *checker) err() error {
	if len(c.found) == 0 {
		return nil
	}
	return &ValidationError{c.found}
}

// clip cuts s for a message, at a character's border.
func clip(s string) string {
	if len(s) <= maxViolationsValue {
		return s
	}
	n := maxViolationsValue
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
