package supply

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// suffixes is the public suffix list (publicsuffix.org/list, its section
// "Format" as read in November 2026). A nil list stands for "not at hand".
type suffixes struct {
	rules map[string]suffixRule
}

type suffixRule uint8

const (
	suffixPlain suffixRule = 1 << iota
	suffixWildcard
	suffixException
)

const maxSuffixes = 100_000 // the list had some 10,000 rules in 2026

// parseSuffixes reads public_suffix_list.dat. Rules outside ASCII are left out:
// names are compared as punycode, and then the default rule "*" holds for them.
func parseSuffixes(r io.Reader) (*suffixes, error) {
	s := &suffixes{rules: make(map[string]suffixRule)}
	for lines := bufio.NewScanner(r); ; {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return nil, fmt.Errorf("public suffix list: %w", err)
			}
			if len(s.rules) == 0 {
				return nil, fmt.Errorf("public suffix list: got no rule; want at least one")
			}
			return s, nil
		}
		rule, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if rule == "" || strings.HasPrefix(rule, "//") {
			continue
		}
		kind := suffixPlain
		if rest, ok := strings.CutPrefix(rule, "!"); ok {
			rule, kind = rest, suffixException
		} else if rest, ok := strings.CutPrefix(rule, "*."); ok {
			rule, kind = rest, suffixWildcard
		}
		if s.rules[strings.ToLower(rule)] |= kind; len(s.rules) > maxSuffixes {
			return nil, fmt.Errorf("public suffix list: got more than %d rules; want at most that many", maxSuffixes)
		}
	}
}

// root is the public suffix of name plus one label; ok is false where name is a
// public suffix itself. Without a list, a name is its own root, less "www.".
func (s *suffixes) root(name string) (root string, ok bool) {
	if s == nil {
		return bare(name), true
	}
	// The longest match wins, so names are tried from the longest on; before is
	// name's tail with one label more than tail.
	before := ""
	for tail := name; ; {
		_, rest, more := strings.Cut(tail, ".")
		switch rule := s.rules[tail]; {
		case rule&suffixException != 0: // the suffix is one label shorter
			return tail, true
		case more && s.rules[rest]&suffixWildcard != 0, rule&suffixPlain != 0, !more:
			return before, before != ""
		}
		before, tail = tail, rest
	}
}

// developer turns the host of a developer's URL into the domain whose
// app-ads.txt holds, and the domain to try where that has none; "" for none
// (app-ads.txt, "Translate developer URL to an app-ads.txt path").
func (s *suffixes) developer(host string) (name, fallback string) {
	root, ok := s.root(host)
	if !ok {
		return host, ""
	}
	if s != nil {
		// All but one label before the root domain goes; steps 2 and 3.
		for parent(host) != "" && parent(host) != root && host != root {
			host = parent(host)
		}
	}
	for _, prefix := range []string{"www.", "m."} {
		if rest, cut := strings.CutPrefix(host, prefix); cut && strings.Contains(rest, ".") && (s == nil || host != root) {
			host = rest
		}
	}
	if s != nil && host != root {
		return host, root
	}
	return host, ""
}

// within says whether host is within the scope of the root domain.
func (s *suffixes) within(host, root string) bool {
	if s == nil {
		return under(host, root)
	}
	r, ok := s.root(host)
	return ok && r == root || host == root
}
