package targeting

import (
	"slices"
	"time"

	"bidhawk/campaigns"
)

// Line is a line item as the index serves it, resolved when the index is built
// so that nobody looks anything up for a candidate. It is never written again.
type Line struct {
	campaigns.Lineage
	// Creatives are the active ones of CreativeIDs, in that order; at least one.
	Creatives []*campaigns.Creative
	// Zone is the advertiser's time zone.
	Zone *time.Location
	// Rank is what Params.Rank said; rows are in its descending order.
	Rank int64
}

// Fitting appends to dst the creatives that may fill an imp of these sizes:
// where the line item asks for sizes, only those of a size it asks for.
func (l *Line) Fitting(dst []*campaigns.Creative, sizes []campaigns.Size) []*campaigns.Creative {
	asked := l.LineItem.Targeting.Sizes
	for _, c := range l.Creatives {
		size := campaigns.Size{W: c.W, H: c.H}
		if slices.Contains(sizes, size) && (len(asked) == 0 || slices.Contains(asked, size)) {
			dst = append(dst, c)
		}
	}
	return dst
}
