package targeting

import (
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
