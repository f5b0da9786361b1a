package campaigns

import "slices"

// Expanded is l with what its segments and lists say written into its targeting:
// l itself where it has none. Those that are archived or missing ask nothing, but
// a line item whose included lists are all gone includes what nobody has.
func (c *Catalog) Expanded(l *LineItem) *LineItem {
	t := &l.Targeting
	if len(t.Segments) == 0 && len(t.Lists.Include) == 0 && len(t.Lists.Exclude) == 0 {
		return l
	}
	out := *l
	t = &out.Targeting
	t.Tags.AnyOf, t.Tags.AllOf, t.Tags.NoneOf = slices.Clone(t.Tags.AnyOf), slices.Clone(t.Tags.AllOf), slices.Clone(t.Tags.NoneOf)
	for _, id := range t.Segments {
		s := c.Segments[id]
		if s == nil || s.Status != StatusActive {
			// Whom the segment would have kept away must not be reached because it is gone.
			t.Tags.AnyOf = append(t.Tags.AnyOf, []string{nobody})
			continue
		}
		t.Tags.AnyOf = append(t.Tags.AnyOf, s.Tags.AnyOf...)
		t.Tags.AllOf = append(t.Tags.AllOf, s.Tags.AllOf...)
		t.Tags.NoneOf = append(t.Tags.NoneOf, s.Tags.NoneOf...)
	}
	t.Domains.Include, t.Bundles.Include = c.listed(t.Lists.Include, t.Domains.Include, t.Bundles.Include)
	t.Domains.Exclude, t.Bundles.Exclude = c.listed(t.Lists.Exclude, t.Domains.Exclude, t.Bundles.Exclude)
	if len(t.Lists.Include) > 0 && len(t.Domains.Include)+len(t.Bundles.Include) == 0 {
		t.Domains.Include = []string{nowhere}
	}
	return &out
}

// What no user holds and no site is called.
const (
	nobody  = ListPrefix + "-"
	nowhere = "nowhere.invalid" // RFC 2606
)

// listed appends the entries of lists to domains and bundles.
func (c *Catalog) listed(ids []ID, domains, bundles []string) (_, _ []string) {
	domains, bundles = slices.Clone(domains), slices.Clone(bundles)
	for _, id := range ids {
		l := c.Lists[id]
		if l == nil || l.Status != StatusActive {
			continue
		}
		if l.Type == ListBundles {
			bundles = append(bundles, l.Entries...)
		} else {
			domains = append(domains, l.Entries...)
		}
	}
	return domains, bundles
}
