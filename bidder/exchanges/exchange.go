// Package exchanges holds what is agreed with each exchange, as configuration:
// one file an exchange (configs/exchanges/NAME.yaml), in which every setting
// says whether it is documented, and when, or assumed. What an exchange needs
// beyond the letter of OpenRTB is a setting with a closed set of values here,
// never a name compared in the bidder.
//
// An Exchange is read once and not changed: all its methods may be called by
// many goroutines at once.
package exchanges

import (
	"slices"
	"strings"
	"time"

	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
)

// Exchange is what is agreed with one exchange. The names in the file are the
// tags. Sizes are bytes; 0 is no bound where a field says so.
type Exchange struct {
	// Name is the last path segment of its endpoint, and the file's name.
	Name string `yaml:"-"`
	// Seat is the buyer seat that its bids carry; empty where it wants none.
	Seat string `yaml:"seat"`

	// DefaultAuction is the auction's type where a request says none. It informs: no
	// price depends on the type of an open auction yet.
	DefaultAuction openrtb.AuctionType `yaml:"default_auction"`
	// Currency is that of requests that list none.
	Currency money.Currency `yaml:"currency"`
	// Currencies are those that bids may be in, whatever a request lists; empty:
	// all that have a rate. An exchange that reports clearing prices in its
	// account's currency lists that one alone, so that price and bid agree.
	Currencies []money.Currency `yaml:"currencies"`
	// PriceMacro is what notice URLs carry for the exchange to replace.
	PriceMacro string `yaml:"price_macro"`
	// PriceUnit is the unit of the clearing price that comes back.
	PriceUnit PriceUnit `yaml:"price_unit"`
	// PriceEncryption is how that price is hidden.
	PriceEncryption PriceEncryption `yaml:"price_encryption"`
	// PriceKeysFile holds the keys for it (ReadPriceKeys says how). In the
	// exchange's file the path is relative to that file; here it is resolved.
	PriceKeysFile string `yaml:"price_keys_file"`

	// What makes us pay, by format.
	BillingBanner BillingEvent `yaml:"billing_banner"`
	BillingVideo  BillingEvent `yaml:"billing_video"`
	BillingAudio  BillingEvent `yaml:"billing_audio"`
	BillingNative BillingEvent `yaml:"billing_native"`
	// WinDeadline and BillingDeadline are how long after the bid its win and
	// billing notices can come. A notice after BillingDeadline counts as expired, and
	// a bill posts until then at least; how long money is held before that follows
	// the delays that are seen. WinDeadline holds by HoldsByWin alone.
	WinDeadline     time.Duration `yaml:"win_deadline"`
	BillingDeadline time.Duration `yaml:"billing_deadline"`

	// Required are the fields of a bid that it refuses to do without.
	Required []Field `yaml:"required"`
	// Omitted are fields that it does not read, of nurl, burl, lurl and iurl: an
	// answer that leaves them out is shorter.
	Omitted []Field `yaml:"omitted"`
	// Bounds of an answer unpacked, of bid.crid, and of each notice URL; 0: none.
	MaxAnswerBytes int `yaml:"max_answer_bytes"`
	MaxCrIDBytes   int `yaml:"max_crid_bytes"`
	MaxNURLBytes   int `yaml:"max_nurl_bytes"`
	// Gzip packs answers to requests that accept it; GzipRequests takes packed
	// requests.
	Gzip         bool `yaml:"gzip"`
	GzipRequests bool `yaml:"gzip_requests"`
	// NoBid is what a no-bid looks like.
	NoBid NoBidStyle `yaml:"no_bid"`
	// ProcessingTime puts ext.processing_time_ms into every answer with a body.
	ProcessingTime bool `yaml:"processing_time"`
	// EchoVersion repeats the request's x-openrtb-version header.
	EchoVersion bool `yaml:"echo_version"`
	// BidsPerImp bounds the bids on one impression beside each other: deals and
	// the open auction. Slots of a dynamic pod are each counted alone.
	BidsPerImp int `yaml:"bids_per_imp"`
	// BillingID is how requests offer billing ids and bids name one.
	BillingID BillingID `yaml:"billing_id"`

	// DefaultTMax holds where a request says none.
	DefaultTMax time.Duration `yaml:"default_tmax"`
	// NetworkMargin is taken off tmax: the way there and back.
	NetworkMargin time.Duration `yaml:"network_margin"`
	// MaxQPS is the requests per second that we agreed to take; 0: no bound.
	MaxQPS int `yaml:"max_qps"`
	// KeepAlive is how long it holds an idle connection: a listener that closes
	// sooner costs it, and us, a handshake. 0: not said.
	KeepAlive time.Duration `yaml:"keep_alive"`

	// ClickMacro stands before the escaped click URL in markup, ClickMacroEscaped
	// as a parameter within a click URL; empty: it counts no clicks of its own.
	ClickMacro        string `yaml:"click_macro"`
	ClickMacroEscaped string `yaml:"click_macro_escaped"`
	// NoScripts keeps our viewability script out of the markup of banners.
	NoScripts bool `yaml:"no_scripts"`
	// RegisteredCreatives has bids without adm: they name the creative by the
	// exchange's own id.
	RegisteredCreatives bool `yaml:"registered_creatives"`
	// CreativeApproval lets only creatives bid that this exchange has approved.
	CreativeApproval bool `yaml:"creative_approval"`

	// BidFeedback reads what requests say of earlier bids (Google's ext.bid_feedback).
	BidFeedback bool `yaml:"bid_feedback"`
	// TrustDeviceHeaders believes X-Device-IP and X-Device-User-Agent on notices.
	TrustDeviceHeaders bool `yaml:"trust_device_headers"`
	// AdSystem is its domain in ads.txt and in schain nodes; empty: not known,
	// and no such check can be made.
	AdSystem string `yaml:"ad_system"`
	// Supply says which sellers we buy from.
	Supply Supply `yaml:"supply"`

	// SyncURL is where a browser is sent with our id; macros as SyncMacros has
	// them. Empty: it offers no match of its own.
	SyncURL string `yaml:"sync_url"`
	// UserIDSpace is the key space of its user.id: exchanges of one company may
	// share one. Empty in a file is the exchange's name.
	UserIDSpace string `yaml:"user_id_space"`
	// ContextualWithoutBasis bids without personal data where there is no legal
	// basis for it; false answers with a no-bid.
	ContextualWithoutBasis bool `yaml:"contextual_without_basis"`

	keys    []priceKeys       // of PriceKeysFile
	sources map[string]string // by the setting's path in the file
}

// Supply says which sellers we buy from, in the terms of bidder/supply.
type Supply struct {
	AdsTxt      Policy `yaml:"ads_txt"`
	SellersJSON Policy `yaml:"sellers_json"`
	SChain      Policy `yaml:"schain"`
	// IncompleteSChain is about chains that say complete=0: allow or deny.
	IncompleteSChain Policy `yaml:"incomplete_schain"`
	// TrustAppDomain takes app.domain, which the seller writes, for the developer's
	// domain of an app that the cache does not know.
	TrustAppDomain bool `yaml:"trust_app_domain"`
	// BlockedNodes are "asi" or "asi/sid".
	BlockedNodes []string `yaml:"blocked_nodes"`
}

// Default is an exchange that follows OpenRTB 2.6 to the letter and documents
// nothing else. What a file does not say is as here.
func Default(name string) Exchange {
	return Exchange{
		Name:           name,
		DefaultAuction: openrtb.AuctionSecondPrice, // section 3.2.1, at
		Currency:       money.USD,                  // section 3.2.1, cur: the exchange's default
		PriceMacro:     "${AUCTION_PRICE}",         // section 4.4
		PriceUnit:      PriceCPM,                   // section 4.4: same currency and units as the bid
		// Section 4.2.3: burl is the billing notice; for video and audio the VAST
		// impression decides (IAB best practice, section 7.2).
		BillingBanner: BillingBURL, BillingVideo: BillingImpression, BillingAudio: BillingImpression, BillingNative: BillingBURL,
		WinDeadline: time.Hour, BillingDeadline: 48 * time.Hour,
		MaxAnswerBytes: 6 << 10, // the least bound that exchanges were found to document
		Gzip:           true, GzipRequests: true,
		NoBid: NoBidEmpty, EchoVersion: true, // section 2.4 and 2.5
		BidsPerImp:  2,
		DefaultTMax: 100 * time.Millisecond, NetworkMargin: 5 * time.Millisecond,
		UserIDSpace:            name,
		ContextualWithoutBasis: true,
	}
}

// Requires says whether f is one of the required fields.
func (e *Exchange) Requires(f Field) bool { return slices.Contains(e.Required, f) }

// HoldsByWin says that what has not won by WinDeadline is lost: the exchange
// documents when it tells of wins, and does. An assumption is no ground to let go
// of money that may still be billed.
func (e *Exchange) HoldsByWin() bool {
	return strings.HasPrefix(e.sources["win_deadline"], "documented") && !e.Omits(FieldNURL)
}

// Omits says whether answers leave f out.
func (e *Exchange) Omits(f Field) bool { return slices.Contains(e.Omitted, f) }

// Sources says of each setting that the file gave, by its path such as
// "supply.ads_txt", where its value comes from: "documented (2025-06) URL" or
// "assumed". What is not in it is Default's. The caller must not change it.
func (e *Exchange) Sources() map[string]string { return e.sources }
