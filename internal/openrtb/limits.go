package openrtb

// Bounds of one request; the counts are per request, over all lists of a kind.
//
// A list that binds the bidder (imps, deals, block lists, seats, sizes) and is
// too long is an error: to cut it would be to break it. A list that only informs
// (see BidRequest.Truncated) is cut and counted.
const (
	MaxBody    = 1 << 20 // bytes
	MaxDepth   = 64      // objects and arrays inside each other
	MaxIDBytes = 512     // of the ids that answers echo: request, imp, deal

	MaxImps       = 256
	MaxDeals      = 1024
	MaxFormats    = 1024
	MaxBanners    = 512 // of imps and companions
	MaxObjects    = 512 // of any other kind
	MaxDurFloors  = 1024
	MaxInts       = 16384
	MaxStrings    = 32768 // informing lists are cut at half of it
	MaxCurrencies = 256
	MaxNodes      = 64 // of all supply chains

	MaxNativeAssets   = 64 // of one native request
	MaxNativeTrackers = 64 // truncated

	MaxData     = 256  // truncated
	MaxSegments = 4096 // truncated
	MaxEIDs     = 256  // truncated
	MaxUIDs     = 1024 // truncated
	MaxBrowsers = 64   // truncated

	maxInfoStrings = MaxStrings / 2
)

// What a BidRequest keeps of its memory between requests; a larger request's is
// given back to the collector.
const (
	keepScratch  = 16 << 10
	keepElements = 512
	keepStrings  = 4096
)
