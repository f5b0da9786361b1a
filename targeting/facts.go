// Package targeting finds the line items that want an impression: their
// targeting compiled into an immutable index.
package targeting

import (
	"time"

	"bidhawk/campaigns"
)

// RequestFacts is what a bid request offers to targeting, once per request. The
// byte slices are views into the request and are not retained by Match.
type RequestFacts struct {
	Exchange   string // a configured exchange's name
	Now        time.Time
	Country    []byte // ISO 3166-1 alpha-3
	Region     []byte // ISO 3166-2 subdivision without the country ("CA")
	City       []byte
	DeviceType int
	OS         []byte   // as sent; compared in lower case
	Domain     []byte   // the site's; empty for apps
	Bundle     []byte   // the app's; empty for sites
	Categories [][]byte // site/app/page categories as sent
	// Tags are the user's live tags with all their ancestors, in any order;
	// repeats are harmless. Empty without a profile or a legal basis.
	Tags []campaigns.TagKey
}

// ImpFacts is what one impression of the request adds.
type ImpFacts struct {
	Sizes []campaigns.Size // acceptable fixed sizes
	Deals [][]byte         // ids of the deals offered
	// PrivateOnly is private_auction=1: only line items that target one of the deals may bid.
	PrivateOnly bool
}
