package campaigns

import (
	"time"

	"bidhawk/internal/money"
)

// The bounds on what an entity may hold. Every string and every list has one.
const (
	MaxNameBytes       = 200
	MaxReasonBytes     = 500
	MaxExternalIDBytes = 128
	MinReasonBytes     = 3
	MaxDomainBytes     = 253
	MaxBundleBytes     = 256
	MaxDealBytes       = 128
	MaxCityBytes       = 100
	MaxTagBytes        = 256
	MaxListNameBytes   = 64
	MaxURLBytes        = 2048
	MaxHTMLBytes       = 64 << 10
	MaxTimeZoneBytes   = 64
	MaxTokenBytes      = 32 // names of exchanges and operating systems

	MaxRedirectHosts = 100
	MaxADomains      = 10
	MaxCategories    = 500
	MaxCreativeCats  = 20
	MaxAttrs         = 50
	MaxCreatives     = 100 // of one line item
	MaxFlights       = 64
	MaxExchanges     = 64
	MaxSizes         = 64
	MaxOS            = 32
	MaxCountries     = 250
	MaxRegions       = 5_000
	MaxCities        = 10_000
	MaxDomains       = 10_000
	MaxBundles       = 10_000
	MaxDeals         = 1_000
	MaxTagGroups     = 16
	MaxGroupTags     = 1_000
	MaxAllOfTags     = 64
	MaxNoneOfTags    = 1_000
	MaxCaps          = 8 // of one entity
	MaxScopes        = 64

	MaxAPIs          = 20
	MaxExpDirs       = 6
	MaxMediaFiles    = 50
	MaxCompanions    = 20
	MaxVerifications = 10
	MaxNativeImages  = 20
	MaxNativeData    = 32

	MaxTitleBytes        = 200 // of a native ad
	MaxNativeDataBytes   = 1_000
	MaxMIMEBytes         = 100
	MaxVendorBytes       = 128
	MaxParametersBytes   = 4_096
	MaxRegistrationBytes = 128 // of an exchange's own id of a creative

	MaxDuration       = 3_600   // seconds
	MaxBitrate        = 200_000 // kbps
	MaxPixels         = 10_000
	MaxPerDay         = 10_000
	MaxCapExposures   = 10_000  // max of a cap
	MaxClickWindow    = 90 * 24 // hours
	MaxViewWindow     = 30 * 24 // hours
	MaxPPM            = money.PPM(1_000_000)
	MaxMarkup         = money.PPM(10_000_000) // of dynamic CPM: ten times the media
	MaxDelay          = 90 * 24               // hours
	MaxBudget         = 1_000_000_000 * money.Unit
	hoursOfWeek       = 168
	minYear, maxYear  = 2000, 2200
	defaultClickHours = 30 * 24
	defaultViewHours  = 24

	// MaxCapWindow bounds rolling windows by what the log of exposures keeps: a node
	// that joins counts them all.
	MaxCapWindow = 90 * 24 * time.Hour

	// MaxEntityBytes bounds an entity as JSON, so that it always fits into one
	// record of the log (eventlog.MaxMessageBytes).
	MaxEntityBytes = 768 << 10
)
