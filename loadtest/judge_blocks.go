package loadtest

import (
	"fmt"
	"slices"
	"strings"
)

// blocks judges badv, bapp, bcat, acat, battr and wlang.
func (j *judge) blocks(e *exhibit) *breach {
	f, b := e.facts, e.bid
	if len(f.badv) > 0 && len(b.ADomain) == 0 {
		return &breach{RuleADomain, "none: the request blocks advertisers"}
	}
	for _, blocked := range f.badv {
		for _, d := range b.ADomain {
			if within(d, blocked) {
				return &breach{RuleBAdv, d + ": blocked by " + blocked}
			}
		}
	}
	if b.Bundle != "" && slices.Contains(f.bapp, b.Bundle) {
		return &breach{RuleBApp, b.Bundle}
	}
	if broken := e.categories(); broken != nil {
		return broken
	}
	blocked := e.blockedAttributes()
	for _, attr := range b.Attr {
		if slices.Contains(blocked, attr) {
			return &breach{RuleAttribute, fmt.Sprintf("%d: blocked by battr %v", attr, blocked)}
		}
	}
	if !speaks(f.wlang, b.Language) || !speaks(f.wlangb, b.LangB) {
		return &breach{RuleLanguage, fmt.Sprintf("%q %q: want of %v %v", b.Language, b.LangB, f.wlang, f.wlangb)}
	}
	return nil
}

// within: a domain is within itself and above its subdomains.
func within(domain, parent string) bool {
	at := len(domain) - len(parent)
	return at >= 0 && strings.EqualFold(domain[at:], parent) && (at == 0 || domain[at-1] == '.')
}

// categories are judged where the bid's are of the request's taxonomy: others
// cannot be compared without a table.
func (e *exhibit) categories() *breach {
	f, b := e.facts, e.bid
	if max(b.CatTax, 1) != f.catTax {
		return nil
	}
	for _, cat := range b.Cat {
		for _, blocked := range f.bcat {
			if inCategory(cat, blocked) {
				return &breach{RuleCategory, cat + ": blocked by " + blocked}
			}
		}
		if len(f.acat) > 0 && !slices.ContainsFunc(f.acat, func(ok string) bool { return inCategory(cat, ok) }) {
			return &breach{RuleCategory, fmt.Sprintf("%s: want one of %v", cat, f.acat)}
		}
	}
	return nil
}

// inCategory: "IAB7-39" is in "IAB7-39" and in "IAB7". Later taxonomies have
// ids without a hierarchy in them: only the same id is within.
func inCategory(cat, parent string) bool {
	rest, ok := strings.CutPrefix(cat, parent)
	return ok && (rest == "" || rest[0] == '-')
}

// blockedAttributes are battr of the medium that the bid is for.
func (e *exhibit) blockedAttributes() []int {
	switch e.medium {
	case mediumVideo, mediumAudio:
		return e.stream.battr
	case mediumNative:
		return e.imp.native.battr
	}
	return e.imp.banner.battr
}

// speaks: an ad without a language cannot be judged by it.
func speaks(allowed []string, language string) bool {
	return len(allowed) == 0 || language == "" ||
		slices.ContainsFunc(allowed, func(l string) bool { return strings.EqualFold(l, language) })
}

// AdCOM list: API Frameworks.
var (
	apisMRAID = []int{3, 5, 6}
	apisVPAID = []int{1, 2}
)

// frameworks judges api: what is not offered is not there. A bid that names
// several needs one of them.
func (j *judge) frameworks(e *exhibit) *breach {
	var offered []int
	switch e.medium {
	case mediumVideo, mediumAudio:
		offered = e.stream.api
	case mediumNative:
		offered = e.imp.native.api
	default:
		offered = e.imp.banner.api
	}
	for _, needed := range [][]int{e.bid.frameworks(), e.markupNeeds()} {
		if len(needed) > 0 && !slices.ContainsFunc(needed, func(api int) bool { return slices.Contains(offered, api) }) {
			return &breach{RuleAPI, fmt.Sprintf("one of %v: imp %s offers %v", needed, e.imp.id, offered)}
		}
	}
	return nil
}

// frameworks are bid.apis, or the older bid.api.
func (b *bid) frameworks() []int {
	if len(b.APIs) == 0 && b.API > 0 {
		return []int{b.API}
	}
	return b.APIs
}

// markupNeeds are the frameworks one of which the markup cannot do without.
func (e *exhibit) markupNeeds() []int {
	switch {
	case e.medium == mediumBanner && strings.Contains(e.bid.AdM, "mraid.js"):
		return apisMRAID
	case e.vast != nil && e.vast.onlyVPAID():
		return apisVPAID
	}
	return nil
}
