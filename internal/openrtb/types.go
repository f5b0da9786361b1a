// Package openrtb reads OpenRTB 2.x bid requests and writes bid responses,
// without reflection and, in steady state, without allocation. It knows the
// fields a bidder acts on; everything else is checked as JSON and skipped.
//
// A string is a []byte view of the request body, or of memory that the
// BidRequest owns where the string had escapes. Views, lists and pointers are
// valid until the next Decode or Reset of their BidRequest, and as long as the
// caller leaves the body alone. What must live longer is copied.
package openrtb

import "bidhawk/internal/money"

// Flag is an optional 0/1 of OpenRTB where "not said" differs from 0.
type Flag uint8

// Values of a Flag.
const (
	FlagUnset Flag = iota
	FlagNo
	FlagYes
)

// Yes says whether the flag was sent and set.
func (f Flag) Yes() bool { return f == FlagYes }

// AuctionType is BidRequest.at and Deal.at.
type AuctionType int

// Auction types; values above 500 are an exchange's own.
const (
	AuctionFirstPrice  AuctionType = 1
	AuctionSecondPrice AuctionType = 2
	AuctionDealPrice   AuctionType = 3 // in Deal.AT only: the deal's floor is the price
)

// BidRequest is the top of an OpenRTB 2.x request (2.6 section 3.2.1). One
// goroutine uses it at a time; it is reused from request to request and must
// not be copied. Its zero value is ready for Decode.
type BidRequest struct {
	ID      []byte
	Imp     []Imp
	Site    *Site // at most one of Site, App and DOOH
	App     *App
	DOOH    *DOOH
	Device  *Device
	User    *User
	Source  *Source
	Regs    *Regs
	SChain  *SChain // from source.schain, else source.ext.schain, else ext.schain
	Test    bool    // never billed
	AT      AuctionType
	TMax    int // milliseconds for the whole exchange with us, network included; 0: not said
	AllImps bool
	WSeat   [][]byte // only these seats may bid
	BSeat   [][]byte // these may not; not together with WSeat
	Cur     []money.Currency
	WLang   [][]byte // ISO 639-1
	WLangB  [][]byte // BCP 47
	BCat    [][]byte // blocked categories of the taxonomy CatTax
	ACat    [][]byte // allowed ones; not together with BCat
	CatTax  int      // AdCOM list; 1, IAB content categories 1.0, where not said
	BAdv    [][]byte // blocked advertiser domains
	BApp    [][]byte // blocked app bundles
	Ext     []byte   // raw JSON, checked; nil where absent

	// Truncated counts elements dropped from lists that only inform (segments,
	// eids, keywords, categories). A list that binds us is never truncated: too
	// long, it is an error.
	Truncated int

	store store
}

// Imp is one impression on offer (section 3.2.4). At least one of Banner,
// Video, Audio and Native is there.
type Imp struct {
	ID                []byte
	Banner            *Banner
	Video             *Video
	Audio             *Audio
	Native            *Native
	PMP               *PMP
	TagID             []byte
	DisplayManager    []byte
	DisplayManagerVer []byte
	BidFloor          money.CPM // rounded up to the micro; in BidFloorCur
	// BidFloorCur is USD where not said. It is zero where what was sent is no
	// ISO 4217 code; Validate refuses that.
	BidFloorCur  money.Currency
	Secure       Flag // set: HTTPS alone; unset: not known, plain HTTP allowed
	Instl        bool // interstitial
	Rwdd         bool // rewarded
	ClickBrowser Flag
	SSAI         int // AdCOM-like: 0 unknown, 1 client, 2 assets stitched, 3 all server-side
	Exp          int // seconds between auction and impression; 0: not said
	Qty          *Qty
	Ext          []byte
}

// Qty is how many people see one impression of a screen (section 3.2.31).
type Qty struct {
	Multiplier money.PPM // 1 is 1,000,000; rounded up; 0: not said
	SourceType int
	Vendor     []byte
}

// Banner is a display offer (section 3.2.6). Sizes are device-independent pixels.
type Banner struct {
	ID       []byte
	Format   []Format // preferred over W and H where present
	W, H     int      // 0: not said
	Pos      int
	BType    []int // blocked banner ad types
	BAttr    []int // blocked creative attributes
	MIMEs    [][]byte
	TopFrame Flag
	ExpDir   []int
	API      []int // supported frameworks; what is not listed is not supported
	VCM      Flag  // companions: end card or concurrent
}

// Format is a size that a banner accepts: W x H, or a ratio with a least width.
type Format struct {
	W, H           int
	WRatio, HRatio int
	WMin           int
}

// Stream is what Video and Audio offers share (sections 3.2.7 and 3.2.8).
// Durations are seconds, bitrates Kbps.
type Stream struct {
	MIMEs         [][]byte
	MinDuration   int // 0: not said
	MaxDuration   int // 0: not said
	RqdDurs       []int
	Protocols     []int // the deprecated video.protocol is read as a list of one
	StartDelay    int   // >0 seconds, 0 pre-roll, -1 mid-roll, -2 post-roll
	HasStartDelay bool
	PodID         []byte // equal ids form one pod; nil: no pod
	PodDur        int    // of a dynamic pod or dynamic portion; 0: none
	PodSeq        int
	PodDedupe     []int
	MaxSeq        int // bids that fit a dynamic pod; 0: not said
	SlotInPod     int
	Sequence      int       // deprecated
	MinCPMPerSec  money.CPM // per second, rounded up; in the imp's BidFloorCur
	DurFloors     []DurFloor
	MaxExtended   int // 0 none, -1 without bound, else seconds
	MinBitrate    int
	MaxBitrate    int
	Delivery      []int
	BAttr         []int
	API           []int
	CompanionAd   []Banner
	CompanionType []int

	protocol []int
}

// Video is a video offer (section 3.2.7).
type Video struct {
	Stream
	W, H           int
	Plcmt          int // AdCOM Plcmt Subtypes; 0: not said
	Placement      int // deprecated by Plcmt
	Linearity      int
	Skip           Flag
	SkipMin        int
	SkipAfter      int
	PlaybackMethod []int
	PlaybackEnd    int
	Pos            int
	BoxingAllowed  Flag
}

// Audio is an audio offer (section 3.2.8).
type Audio struct {
	Stream
	Feed     int
	Stitched Flag
	NVol     int
}

// DurFloor is a floor for creatives of MinDur to MaxDur seconds; 0: unbounded.
type DurFloor struct {
	MinDur, MaxDur int
	BidFloor       money.CPM
}

// Native is a native offer (section 3.2.9).
type Native struct {
	// Request is the Native markup request, JSON text: unescaped where it came
	// as a string, then not checked; as sent where it came as an object.
	Request []byte
	Ver     []byte
	BAttr   []int
	API     []int
}

// PMP is the private marketplace of an imp (section 3.2.11).
type PMP struct {
	PrivateAuction bool // only the deals may be bid on
	Deals          []Deal
}

// Deal is one deal (section 3.2.12).
type Deal struct {
	ID       []byte
	BidFloor money.CPM // rounded up
	// BidFloorCur is USD where not said: a deal does not inherit the imp's.
	BidFloorCur  money.Currency
	AT           AuctionType // the request's AT where not said
	WSeat        [][]byte
	WADomain     [][]byte
	Guar         bool // guaranteed: must bid
	MinCPMPerSec money.CPM
	DurFloors    []DurFloor
	Ext          []byte
}

// Site is a web site (section 3.2.13).
type Site struct {
	ID         []byte
	Name       []byte
	Domain     []byte
	Page       []byte
	Ref        []byte
	Search     []byte
	Cat        [][]byte // of the taxonomy CatTax, as SectionCat and PageCat
	SectionCat [][]byte
	PageCat    [][]byte
	CatTax     int // 1 where not said
	Mobile     Flag
	Keywords   []byte // comma separated
	KwArray    [][]byte
	Publisher  *Publisher
	Content    *Content
	Inventory  []byte // inventorypartnerdomain
	Ext        []byte
}

// App is an application (section 3.2.14).
type App struct {
	ID         []byte
	Name       []byte
	Bundle     []byte
	Domain     []byte
	StoreURL   []byte
	Cat        [][]byte
	SectionCat [][]byte
	PageCat    [][]byte
	CatTax     int // 1 where not said
	Ver        []byte
	Paid       Flag
	Keywords   []byte
	KwArray    [][]byte
	Publisher  *Publisher
	Content    *Content
	Inventory  []byte // inventorypartnerdomain
	Ext        []byte
}

// DOOH is a digital out-of-home screen (section 3.2.30).
type DOOH struct {
	ID           []byte
	Name         []byte
	VenueType    [][]byte
	VenueTypeTax int // 1 where not said
	Domain       []byte
	Keywords     []byte
	KwArray      [][]byte
	Publisher    *Publisher
	Content      *Content
	Ext          []byte
}

// Publisher owns the site, app or screen (section 3.2.15).
type Publisher struct {
	ID     []byte
	Name   []byte
	Domain []byte
	Cat    [][]byte
	CatTax int // 1 where not said
}

// Content is what the ad appears in (section 3.2.16), the parts used to target.
type Content struct {
	ID            []byte
	Title         []byte
	Series        []byte
	Season        []byte
	Episode       int
	Genre         []byte
	URL           []byte
	Cat           [][]byte
	CatTax        int // 1 where not said
	Context       int
	ContentRating []byte
	Keywords      []byte
	KwArray       [][]byte
	LiveStream    Flag
	Len           int // seconds
	Language      []byte
	LangB         []byte
	Data          []Data
}

// Device is what shows the ad (section 3.2.18).
type Device struct {
	UA             []byte
	SUA            *UserAgent // device.sua, else device.ext.sua; trusted before UA
	Geo            *Geo
	DNT            Flag
	Lmt            Flag
	IP             []byte
	IPv6           []byte
	DeviceType     int // AdCOM; 0: not said
	Make           []byte
	Model          []byte
	OS             []byte // as sent, any case
	OSV            []byte
	W, H           int // physical pixels
	Language       []byte
	LangB          []byte
	Carrier        []byte
	MCCMNC         []byte
	ConnectionType int // AdCOM; 0: unknown
	IFA            []byte
	Ext            []byte
}

// UserAgent is the structured user agent (section 3.2.29).
type UserAgent struct {
	Browsers []BrandVersion
	Platform BrandVersion // Brand nil: not said
	Mobile   Flag
	Model    []byte
	Source   int
}

// BrandVersion is a browser or platform; Version's parts in descending order.
type BrandVersion struct {
	Brand   []byte
	Version [][]byte
}

// Geo is a place (section 3.2.19).
type Geo struct {
	LatMicroDeg int32 // millionths of a degree, towards zero; -90 to 90 degrees
	LonMicroDeg int32 // -180 to 180 degrees
	HasLatLon   bool  // both were sent and in range
	Type        int   // 1 GPS, 2 IP, 3 given by the user
	Accuracy    int   // metres; 0: not said
	Country     []byte
	Region      []byte
	Metro       []byte
	City        []byte
	ZIP         []byte
	UTCOffset   int // minutes
}

// User is the person behind the device (section 3.2.20).
type User struct {
	ID       []byte
	BuyerUID []byte
	YOB      int // year of birth; 0: not said
	Gender   []byte
	Keywords []byte
	KwArray  [][]byte
	Geo      *Geo   // home base
	Consent  []byte // user.consent, else user.ext.consent: TCF string
	Data     []Data
	EIDs     []EID // user.eids, else user.ext.eids
	Ext      []byte
}

// EID holds the ids that one source gave the user (section 3.2.27).
type EID struct {
	Source []byte
	MM     int // match method
	UIDs   []UID
}

// UID is one extended id (section 3.2.28).
type UID struct {
	ID    []byte
	AType int
}

// Data is what one provider says of the user or content (section 3.2.21).
type Data struct {
	ID      []byte
	Name    []byte
	SegTax  int // data.ext.segtax; 0: not said
	Segment []Segment
}

// Segment is one fact (section 3.2.22).
type Segment struct {
	ID    []byte
	Name  []byte
	Value []byte
}

// Regs are the rules that hold for the request (section 3.2.3). Each field but
// COPPA is read from regs, else from regs.ext.
type Regs struct {
	COPPA     bool
	GDPR      Flag
	USPrivacy []byte
	GPP       []byte
	GPPSID    []int
	GPC       Flag // Global Privacy Control: regs.ext.gpc
	// DSARequired is regs.ext.dsa.dsarequired; 2 and 3 ask for bid.ext.dsa.
	DSARequired int
	// DSAPubRender is regs.ext.dsa.pubrender: whether the publisher shows what the
	// DSA wants shown: 0 can't, 1 can, 2 will.
	DSAPubRender int
	Ext          []byte
}

// Source is the origin of the request (section 3.2.2).
type Source struct {
	FD     Flag
	TID    []byte // one id for one impression, whichever exchanges offer it
	PChain []byte
	Ext    []byte
}

// SChain is the supply chain of the request (SupplyChain 1.0, section 3.2.25).
type SChain struct {
	Complete Flag // unset is an error: it is required
	Ver      []byte
	Nodes    []SChainNode
}

// SChainNode is one seller on the way (section 3.2.26).
type SChainNode struct {
	ASI    []byte
	SID    []byte
	RID    []byte
	Name   []byte
	Domain []byte
	HP     Flag
}
