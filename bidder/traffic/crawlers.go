package traffic

import (
	_ "embed" // the list of crawlers
	"encoding/json"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// builtInCrawlers is crawler-user-agents.json of the PyPI package
// crawler-user-agents 1.67.0 (2026-10-25, MIT: crawler-user-agents.LICENSE,
// github.com/monperrus/crawler-user-agents), as published: a newer one is put in
// its place.
//
//go:embed crawler-user-agents.json
var builtInCrawlers []byte

const (
	maxListBytes    = 8 << 20
	maxPatternBytes = 512
	minLiteral      = 3 // bytes of a text that a match of a pattern must hold
	// maxAgentBytes is what is looked at of a user agent; the longest of the list
	// has 285.
	maxAgentBytes = 1024
	// maxChecks bounds the regular expressions run on one user agent. One that
	// holds the texts of so many crawlers is no browser's.
	maxChecks = 16
)

// crawlers finds crawlers by user agent; it is immutable.
type crawlers struct {
	texts    *automaton
	patterns []pattern // owners of texts
}

// pattern is one of the list. It matches where its literal is found and, unless
// check is nil, where check matches too.
type pattern struct {
	source    string
	check     *regexp.Regexp
	sitesOnly bool // apps are let through
}

// readPatterns reads a list: a JSON array of objects with a "pattern", a regular
// expression that crawlers' user agents match.
func readPatterns(list []byte) ([]string, error) {
	if len(list) > maxListBytes {
		return nil, fmt.Errorf("list of crawlers: got %d bytes; want at most %d", len(list), maxListBytes)
	}
	var entries []struct {
		Pattern string `json:"pattern"`
	}
	if err := json.Unmarshal(list, &entries); err != nil {
		return nil, fmt.Errorf("list of crawlers: %w", err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("list of crawlers: got none; want at least one")
	}
	patterns := make([]string, len(entries))
	for i, e := range entries {
		patterns[i] = e.Pattern
	}
	return patterns, nil
}

// newCrawlers compiles the patterns of a list as cfg amends it.
func newCrawlers(list []string, cfg *Config) (*crawlers, error) {
	c := &crawlers{}
	var texts []automatonText
	for i, source := range slices.Concat(list, cfg.CrawlersExtra) {
		if slices.Contains(cfg.CrawlersExcept, source) {
			continue
		}
		p := pattern{source: source, sitesOnly: slices.Contains(cfg.CrawlersExceptInApps, source)}
		literals, err := p.compile()
		if err != nil {
			return nil, fmt.Errorf("crawler pattern %d, %.60q: %w", i, source, err)
		}
		for _, l := range literals {
			texts = append(texts, automatonText{l, int32(len(c.patterns))})
		}
		c.patterns = append(c.patterns, p)
		if len(c.patterns) > maxList {
			return nil, fmt.Errorf("list of crawlers: got more than %d patterns", maxList)
		}
	}
	var err error
	c.texts, err = newAutomaton(texts)
	return c, err
}

// compile prepares p and returns the texts of which every match holds one.
func (p *pattern) compile() ([]string, error) {
	if len(p.source) > maxPatternBytes {
		return nil, fmt.Errorf("got %d bytes; want at most %d", len(p.source), maxPatternBytes)
	}
	tree, err := syntax.Parse(p.source, syntax.Perl)
	if err != nil {
		return nil, err
	}
	literals := required(tree)
	if shortest(literals) < minLiteral {
		return nil, fmt.Errorf("want a text of %d bytes at least that every match holds", minLiteral)
	}
	if tree.Op != syntax.OpLiteral {
		p.check, err = regexp.Compile(p.source)
	}
	return literals, err
}

// required returns texts of which every match of re holds at least one, or nil
// where it knows none. Of a sequence it takes the part with the longest ones:
// they are the rarest.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		// U+FFFD matches every byte that is no UTF-8: no text.
		if re.Flags&syntax.FoldCase == 0 && !slices.Contains(re.Rune, utf8.RuneError) {
			return []string{string(re.Rune)}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if l := required(sub); shortest(l) > shortest(best) {
				best = l
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			l := required(sub)
			if shortest(l) == 0 {
				return nil
			}
			all = append(all, l...)
		}
		return all
	}
	return nil
}

// shortest is the length of the shortest text, 0 where there is none.
func shortest(texts []string) int {
	if len(texts) == 0 {
		return 0
	}
	n := len(texts[0])
	for _, t := range texts {
		n = min(n, len(t))
	}
	return n
}

// match looks ua up: crawlerBit where it is a crawler's, crawlerAppBit as well
// where it is so inside apps too. It is bounded by maxAgentBytes and maxChecks.
func (c *crawlers) match(ua []byte) agentClass {
	ua = ua[:min(len(ua), maxAgentBytes)]
	var tried [maxList / 64]uint64
	class, checks, state, a := agentClass(0), 0, 0, c.texts
	for _, b := range ua {
		state = int(a.next[state*a.classes+int(a.class[b])])
		for h := a.found[state]; h >= 0; h = a.hits[h].next {
			owner := a.hits[h].owner
			if tried[owner/64]&(1<<(owner%64)) != 0 {
				continue
			}
			tried[owner/64] |= 1 << (owner % 64)
			p := &c.patterns[owner]
			if p.check != nil {
				if checks++; checks > maxChecks {
					return crawlerBit | crawlerAppBit
				}
				if !p.check.Match(ua) {
					continue
				}
			}
			if !p.sitesOnly {
				return crawlerBit | crawlerAppBit
			}
			class = crawlerBit
		}
	}
	return class
}
