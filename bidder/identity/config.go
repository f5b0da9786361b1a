package identity

import (
	"fmt"
	"regexp"
	"slices"
)

// Config says which identifiers are used.
type Config struct {
	// Order is which identifier is looked for first; one that is left out is not
	// used. DefaultOrder suits most.
	Order []Source
	// EIDs are the sources of user.eids that are used, the preferred first.
	EIDs []EIDRule
	// HouseholdEIDs are the sources of user.eids whose ids name homes, the preferred
	// first. HouseholdIP tells homes without one by their network address.
	HouseholdEIDs []string
	HouseholdIP   bool
}

// DefaultOrder prefers ids that we gave over ids of people over ids of devices
// over ids of one exchange.
func DefaultOrder() []Source {
	return []Source{SourceBuyerUID, SourceEID, SourceIFA, SourceMatch, SourceUserID}
}

// EIDRule lets ids of one source in (OpenRTB 2.6 section 3.2.27).
type EIDRule struct {
	// Source is eids[].source, lower case: a domain such as "pubcid.org".
	Source string
	// ATypes are the permitted uids[].atype (AdCOM list Agent Types: 1 browser or
	// device, 2 app, 3 person, 500 and above the vendor's); 0 stands for one that
	// was not sent, as many do. Empty permits all.
	ATypes []int
	// MMs are the permitted eids[].mm (AdCOM list ID Match Methods: 1 no match, 2
	// cookie sync, 3 authenticated, 4 observed, 5 inference); 0 stands for one
	// that was not sent. Empty permits all.
	MMs []int
	// Token says that the ids are tokens of that scope; ScopeNone: they are used
	// as they are.
	Token Scope
}

// Bounds of a configuration.
const (
	maxEIDRules = 32
	maxListed   = 16
)

// maxIDBytes bounds every identifier: what is longer is not used.
const maxIDBytes = 512

var eidSource = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Validate names the first field that breaks its rule.
func (c Config) Validate() error {
	f := func(field string, value any, rule string) error {
		return fmt.Errorf("identity.%s: got %v; want %s", field, value, rule)
	}
	for i, s := range c.Order {
		switch {
		case s < SourceBuyerUID || s > SourceUserID:
			return f(fmt.Sprintf("order[%d]", i), uint8(s), "one of buyeruid, eid, ifa, match, user_id")
		case slices.Contains(c.Order[:i], s):
			return f(fmt.Sprintf("order[%d]", i), s, "each source once")
		}
	}
	if len(c.HouseholdEIDs) > maxListed {
		return f("household_eids", fmt.Sprintf("%d sources", len(c.HouseholdEIDs)), fmt.Sprintf("at most %d", maxListed))
	}
	for i, s := range c.HouseholdEIDs {
		if !eidSource.MatchString(s) || slices.Contains(c.HouseholdEIDs[:i], s) {
			return f(fmt.Sprintf("household_eids[%d]", i), fmt.Sprintf("%.80q", s), "a domain in lower case, each once")
		}
	}
	if len(c.EIDs) > maxEIDRules {
		return f("eids", fmt.Sprintf("%d rules", len(c.EIDs)), fmt.Sprintf("at most %d", maxEIDRules))
	}
	for i, r := range c.EIDs {
		name := fmt.Sprintf("eids[%d].", i)
		switch {
		case !eidSource.MatchString(r.Source):
			return f(name+"source", fmt.Sprintf("%.80q", r.Source), "a domain in lower case, such as pubcid.org")
		case slices.ContainsFunc(c.EIDs[:i], func(o EIDRule) bool { return o.Source == r.Source }):
			return f(name+"source", fmt.Sprintf("%q", r.Source), "each source once")
		case len(r.ATypes) > maxListed || slices.ContainsFunc(r.ATypes, negative):
			return f(name+"atypes", r.ATypes, fmt.Sprintf("at most %d numbers from 0", maxListed))
		case len(r.MMs) > maxListed || slices.ContainsFunc(r.MMs, negative):
			return f(name+"mms", r.MMs, fmt.Sprintf("at most %d numbers from 0", maxListed))
		case r.Token >= scopeCount:
			return f(name+"token", uint8(r.Token), "none, uid2 or euid")
		}
	}
	return nil
}

func negative(n int) bool { return n < 0 }
