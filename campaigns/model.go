// Package campaigns is the advertiser's world: agencies, advertisers,
// campaigns, line items and creatives; their validation, their store, their
// HTTP API and the feed that brings every change to the bidders.
package campaigns

import (
	"time"

	"bidhawk/internal/money"
)

// ID names an entity within its kind. The store assigns it: positive, never reused.
type ID int64

// Kind is the kind of an entity. It prefixes keys on the campaigns topic and
// the paths of the API.
type Kind string

// The kinds.
const (
	KindAgency     Kind = "agency"
	KindAdvertiser Kind = "advertiser"
	KindCampaign   Kind = "campaign"
	KindLineItem   Kind = "line_item"
	KindCreative   Kind = "creative"
	KindAsset      Kind = "asset"
	KindKillSwitch Kind = "kill_switch"
)

// Status says whether an entity may take part in auctions.
type Status string

// The statuses. An entity bids only if it and all its parents are active.
const (
	StatusActive   Status = "active"
	StatusPaused   Status = "paused"
	StatusArchived Status = "archived"
)

// Meta is what every stored entity carries.
type Meta struct {
	ID        ID        `json:"id"`
	Revision  int64     `json:"revision"` // grows by one with each change
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// ExternalID is the caller's own id of it, unique among the owner's of the kind.
	ExternalID string `json:"external_id,omitempty"`
}

// Agency runs campaigns for advertisers.
type Agency struct {
	Meta
	Name   string `json:"name"`
	Status Status `json:"status"`
	// PlatformFee is the share of each charge that the operator keeps as a fee.
	PlatformFee money.PPM `json:"platform_fee_ppm"`
}

// Advertiser pays. All its money is in one currency and one time zone.
type Advertiser struct {
	Meta
	AgencyID ID             `json:"agency_id"`
	Name     string         `json:"name"`
	Status   Status         `json:"status"`
	Currency money.Currency `json:"currency"`
	TimeZone string         `json:"time_zone"` // IANA name: days and hours are its
	Domain   string         `json:"domain"`    // adomain of bids whose creative has none
	Budget   Budget         `json:"budget"`
	// A funded advertiser spends at most what it has paid, and Credit beyond that.
	Funded bool        `json:"funded,omitempty"`
	Credit money.Nanos `json:"credit_nanos,omitempty"`
	// RedirectHosts are the hosts a click of any of its creatives may lead to.
	RedirectHosts []string `json:"redirect_hosts"`
	// ShowCosts: the contract tells the advertiser media cost and margin.
	ShowCosts bool `json:"show_costs,omitempty"`
	// Windows of attribution.
	ClickWindowHours int `json:"click_window_hours"` // default 30 days
	ViewWindowHours  int `json:"view_window_hours"`  // default 24 h
	// FrequencyCaps bind all its campaigns together.
	FrequencyCaps []Cap `json:"frequency_caps,omitempty"`
}

// Budget bounds the advertiser's charge (gross). Zero means no bound of its own
// at that level; a line item or a parent must have one.
type Budget struct {
	Daily    money.Nanos `json:"daily_nanos"`
	Lifetime money.Nanos `json:"lifetime_nanos"`
}

// Campaign groups line items under one budget and one set of dates.
type Campaign struct {
	Meta
	AdvertiserID ID        `json:"advertiser_id"`
	Name         string    `json:"name"`
	Status       Status    `json:"status"`
	Start        time.Time `json:"start"`
	End          time.Time `json:"end"`
	Budget       Budget    `json:"budget"`
	// Flights, where there are any, are the only times at which it may spend.
	Flights []Flight `json:"flights,omitempty"`
	// FrequencyCaps bind all its line items together.
	FrequencyCaps []Cap `json:"frequency_caps,omitempty"`
}

// Flight is a time with a budget of its own for the charge, beside the entity's
// budget. What one flight leaves over is not the next one's.
type Flight struct {
	Start  time.Time   `json:"start"`
	End    time.Time   `json:"end"`
	Budget money.Nanos `json:"budget_nanos"`
}

// Pacing says how a budget is spread over its time.
type Pacing string

// The pacings so far.
const (
	PacingEven  Pacing = "even"  // as the traffic comes, the whole time
	PacingAhead Pacing = "ahead" // the same curve, earlier by a part of the rest
	PacingASAP  Pacing = "asap"  // as fast as traffic and budgets allow
)

// LineItem is what bids: a target, a price, a budget and a pace.
type LineItem struct {
	Meta
	CampaignID ID           `json:"campaign_id"`
	Name       string       `json:"name"`
	Status     Status       `json:"status"`
	Start      time.Time    `json:"start,omitzero"` // zero: the campaign's
	End        time.Time    `json:"end,omitzero"`
	Pricing    PricingModel `json:"pricing"`
	// Price is, in the advertiser's currency, micros: of CPM per 1,000 impressions,
	// of vCPM per 1,000 viewable ones, else of one click (CPC), completed view
	// (CPCV), conversion (CPA) or day (CPD). Dynamic CPM and CPS have none.
	Price money.CPM `json:"price_micros"`
	// MaxBid bounds the bid, in the advertiser's currency.
	MaxBid money.CPM `json:"max_bid_micros"`
	// DataFee is charged for the use of audience data, per 1,000 impressions; part of the charge.
	DataFee      money.CPM    `json:"data_fee_micros"`
	Budget       Budget       `json:"budget"`
	Flights      []Flight     `json:"flights,omitempty"` // as a campaign's, within its dates
	Pacing       Pacing       `json:"pacing"`
	FrequencyCap FrequencyCap `json:"frequency_cap"`
	// FrequencyCaps are further caps of its own.
	FrequencyCaps []Cap `json:"frequency_caps,omitempty"`
	// UnknownUsers is what its caps mean, at every level, for users without an id;
	// skip where not said.
	UnknownUsers UnknownUsers `json:"unknown_users,omitempty"`
	Targeting    Targeting    `json:"targeting"`
	CreativeIDs  []ID         `json:"creative_ids"`
	// ExpectedCTR is the prior click rate, in parts per million, of the value of
	// CPC, CPA and CPS.
	ExpectedCTR money.PPM `json:"expected_ctr_ppm"`
	PricingTerms
	// Guaranteed is a line item that was sold as a guaranteed deal: it targets
	// deals, and bids on each of their impressions while its budget lasts, past
	// pacing.
	Guaranteed bool `json:"guaranteed"`
}

// FrequencyCap is short for one Cap: PerDay impressions per user in one calendar
// day of the advertiser's zone; 0 is no cap.
type FrequencyCap struct {
	PerDay int `json:"per_day"`
}

// Targeting is what a line item asks of a request. Within a dimension values
// are OR; dimensions are AND; an empty dimension asks nothing. Exclude wins.
type Targeting struct {
	Exchanges   []string `json:"exchanges,omitempty"`
	Sizes       []Size   `json:"sizes,omitempty"`
	Countries   Set      `json:"countries,omitzero"` // ISO 3166-1 alpha-3, as in OpenRTB
	Regions     Set      `json:"regions,omitzero"`   // "USA-CA": country, dash, ISO 3166-2 subdivision
	Cities      Set      `json:"cities,omitzero"`    // "USA/San Francisco": country, slash, name; case-insensitive
	DeviceTypes []int    `json:"device_types,omitempty"`
	OS          []string `json:"os,omitempty"`            // lower case: "ios", "android", "windows"
	Domains     Set      `json:"domains,omitzero"`        // a site's domain or any parent of it; one dimension with Bundles:
	Bundles     Set      `json:"bundles,omitzero"`        // an app's bundle id; the site or the app must be in its Include
	Categories  Set      `json:"categories,omitzero"`     // IAB content categories; a parent ("IAB1") matches its children
	HoursOfWeek []int    `json:"hours_of_week,omitempty"` // 0 is Monday 00:00 in the advertiser's zone; to 167
	Tags        TagRule  `json:"tags,omitzero"`
	// Segments and Lists are entities of the advertiser: see Catalog.Expanded.
	Segments []ID     `json:"segments,omitempty"` // the user must be in all of them
	Lists    ListSet  `json:"lists,omitzero"`     // of sites and apps, beside Domains and Bundles
	Deals    []string `json:"deals,omitempty"`    // bid only under one of these deals
}

// Set includes and excludes values; an empty Include asks nothing.
type Set struct {
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
}

// Size is a creative's size in device-independent pixels.
type Size struct {
	W int `json:"w"`
	H int `json:"h"`
}

// TagRule asks for audience tags by their id in the taxonomy ("auto/suv") or a
// list of the advertiser ("list/vip"): every group of AnyOf needs one of its
// tags, all of AllOf and none of NoneOf must be held.
type TagRule struct {
	AnyOf  [][]string `json:"any_of,omitempty"`
	AllOf  []string   `json:"all_of,omitempty"`
	NoneOf []string   `json:"none_of,omitempty"`
}
