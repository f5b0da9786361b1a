package campaigns

import "strings"

// KindList is that of SiteList.
const KindList Kind = "list"

// SiteList is a named list of sites or apps that line items include or exclude; an
// edit of it holds for each of them. Lists of people are tags: list/NAME.
type SiteList struct {
	Meta
	AdvertiserID ID       `json:"advertiser_id"`
	Name         string   `json:"name"`
	Status       Status   `json:"status"`
	Type         ListType `json:"type"`
	Entries      []string `json:"entries"`
}

// ListType says what a list is of.
type ListType string

// The types of lists.
const (
	ListDomains ListType = "domains"
	ListBundles ListType = "bundles"
)

// MaxLists bounds the lists that one line item includes, and excludes.
const MaxLists = 16

// ListSet is lists that a line item includes and excludes.
type ListSet struct {
	Include []ID `json:"include,omitempty"`
	Exclude []ID `json:"exclude,omitempty"`
}

// Kind implements Entity.
func (*SiteList) Kind() Kind { return KindList }

// Parent implements Entity.
func (l *SiteList) Parent() (Kind, ID) { return KindAdvertiser, l.AdvertiserID }

// Label implements Entity.
func (l *SiteList) Label() string { return l.Name }

// State implements Entity.
func (l *SiteList) State() Status { return l.Status }

func (l *SiteList) setState(s Status) { l.Status = s }

// Normalize implements Entity.
func (l *SiteList) Normalize() {
	l.Name, l.Status = strings.TrimSpace(l.Name), orActive(l.Status)
	f := strings.TrimSpace
	if l.Type = ListType(lower(string(l.Type))); l.Type == ListDomains {
		f = normalDomain
	}
	l.Entries = normalList(l.Entries, f)
}

// Validate implements Entity.
func (l *SiteList) Validate(r *Refs) error {
	c := newChecker(KindList)
	c.entity(l, l.Name, r)
	c.parent("advertiser_id", l, r.Advertiser == nil, r)
	rule := domainRule
	switch l.Type {
	case ListDomains:
	case ListBundles:
		rule = bundleRule
	default:
		c.fail("type", l.Type, "must be domains or bundles")
		return c.err()
	}
	if r.Before != nil {
		c.check(l.Type == r.Before.(*SiteList).Type, "type", l.Type, "must not change")
	}
	c.check(len(l.Entries) > 0, "entries", "[]", "must hold at least one entry: an included list of none is nobody's")
	c.texts("entries", l.Entries, MaxDomains, rule)
	return c.err()
}
