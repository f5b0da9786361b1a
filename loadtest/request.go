package loadtest

import "encoding/json"

// What a generated request is made of: the OpenRTB 2.6 fields that production
// traffic carries, in the order in which exchanges write them. Prices are
// json.Number, written from integers.

type request struct {
	ID     string   `json:"id"`
	Imp    []imp    `json:"imp"`
	Site   *site    `json:"site,omitempty"`
	App    *app     `json:"app,omitempty"`
	DOOH   *screen  `json:"dooh,omitempty"`
	Device *device  `json:"device"`
	User   *user    `json:"user,omitempty"`
	Test   int      `json:"test,omitempty"`
	AT     int      `json:"at"`
	TMax   int      `json:"tmax"`
	WSeat  []string `json:"wseat,omitempty"`
	Cur    []string `json:"cur,omitempty"`
	WLang  []string `json:"wlang,omitempty"`
	CatTax int      `json:"cattax,omitempty"`
	BCat   []string `json:"bcat,omitempty"`
	ACat   []string `json:"acat,omitempty"`
	BAdv   []string `json:"badv,omitempty"`
	BApp   []string `json:"bapp,omitempty"`
	Source *source  `json:"source"`
	Regs   *regs    `json:"regs,omitempty"`
	Ext    *topExt  `json:"ext,omitempty"`
}

type topExt struct {
	SChain *schain `json:"schain"`
}

type imp struct {
	ID          string      `json:"id"`
	Banner      *banner     `json:"banner,omitempty"`
	Video       *stream     `json:"video,omitempty"`
	Audio       *stream     `json:"audio,omitempty"`
	Native      *native     `json:"native,omitempty"`
	PMP         *pmp        `json:"pmp,omitempty"`
	Instl       int         `json:"instl,omitempty"`
	Rwdd        int         `json:"rwdd,omitempty"`
	SSAI        int         `json:"ssai,omitempty"`
	TagID       string      `json:"tagid"`
	BidFloor    json.Number `json:"bidfloor"`
	BidFloorCur string      `json:"bidfloorcur"`
	Secure      int         `json:"secure"`
	Exp         int         `json:"exp,omitempty"`
	Qty         *qty        `json:"qty,omitempty"`
	Ext         *impExt     `json:"ext,omitempty"`
}

type qty struct {
	Multiplier json.Number `json:"multiplier"`
	SourceType int         `json:"sourcetype"`
	Vendor     string      `json:"vendor"`
}

type impExt struct {
	GPID string `json:"gpid"`
}

type banner struct {
	Format []bannerFormat `json:"format,omitempty"`
	W      int            `json:"w,omitempty"`
	H      int            `json:"h,omitempty"`
	BType  []int          `json:"btype,omitempty"`
	BAttr  []int          `json:"battr,omitempty"`
	Pos    int            `json:"pos"`
	MIMEs  []string       `json:"mimes,omitempty"`
	ExpDir []int          `json:"expdir,omitempty"`
	API    []int          `json:"api,omitempty"`
	VCM    int            `json:"vcm,omitempty"`
}

// bannerFormat is a size, or a ratio with a least width.
type bannerFormat struct {
	bannerSize
	WRatio int `json:"wratio,omitempty"`
	HRatio int `json:"hratio,omitempty"`
	WMin   int `json:"wmin,omitempty"`
}

// stream is a video or an audio offer.
type stream struct {
	MIMEs          []string    `json:"mimes"`
	MinDuration    int         `json:"minduration,omitempty"`
	MaxDuration    int         `json:"maxduration,omitempty"`
	RqdDurs        []int       `json:"rqddurs,omitempty"`
	MaxExtended    int         `json:"maxextended,omitempty"`
	StartDelay     *int        `json:"startdelay,omitempty"`
	Protocols      []int       `json:"protocols,omitempty"`
	W              int         `json:"w,omitempty"`
	H              int         `json:"h,omitempty"`
	PodID          string      `json:"podid,omitempty"`
	PodSeq         int         `json:"podseq,omitempty"`
	SlotInPod      int         `json:"slotinpod,omitempty"`
	PodDur         int         `json:"poddur,omitempty"`
	MaxSeq         int         `json:"maxseq,omitempty"`
	MinCPMPerSec   json.Number `json:"mincpmpersec,omitempty"`
	DurFloors      []durFloor  `json:"durfloors,omitempty"`
	Plcmt          int         `json:"plcmt,omitempty"`
	Linearity      int         `json:"linearity,omitempty"`
	Skip           *int        `json:"skip,omitempty"`
	SkipMin        int         `json:"skipmin,omitempty"`
	SkipAfter      int         `json:"skipafter,omitempty"`
	BAttr          []int       `json:"battr,omitempty"`
	MinBitrate     int         `json:"minbitrate,omitempty"`
	MaxBitrate     int         `json:"maxbitrate,omitempty"`
	PlaybackMethod []int       `json:"playbackmethod,omitempty"`
	Delivery       []int       `json:"delivery,omitempty"`
	CompanionAd    []banner    `json:"companionad,omitempty"`
	CompanionType  []int       `json:"companiontype,omitempty"`
	API            []int       `json:"api,omitempty"`
	Feed           int         `json:"feed,omitempty"`
	Stitched       int         `json:"stitched,omitempty"`
}

type durFloor struct {
	MinDur   int         `json:"mindur,omitempty"`
	MaxDur   int         `json:"maxdur,omitempty"`
	BidFloor json.Number `json:"bidfloor"`
}

// native holds its request as text or as an object: exchanges send both.
type native struct {
	Request any    `json:"request"`
	Ver     string `json:"ver,omitempty"`
	BAttr   []int  `json:"battr,omitempty"`
	API     []int  `json:"api,omitempty"`
}

type nativeRequest struct {
	Ver           string         `json:"ver"`
	Context       int            `json:"context"`
	PlcmtType     int            `json:"plcmttype"`
	PlcmtCnt      int            `json:"plcmtcnt"`
	Assets        []assetRequest `json:"assets"`
	EventTrackers []eventRequest `json:"eventtrackers,omitempty"`
	Privacy       int            `json:"privacy,omitempty"`
}

// nativeRoot wraps the request of version 1.0.
type nativeRoot struct {
	Native *nativeRequest `json:"native"`
}

type assetRequest struct {
	ID       int         `json:"id"`
	Required int         `json:"required"`
	Title    *assetLen   `json:"title,omitempty"`
	Img      *assetImg   `json:"img,omitempty"`
	Video    *stream     `json:"video,omitempty"`
	Data     *assetTyped `json:"data,omitempty"`
}

type assetLen struct {
	Len int `json:"len"`
}

type assetImg struct {
	Type  int      `json:"type"`
	W     int      `json:"w,omitempty"`
	H     int      `json:"h,omitempty"`
	WMin  int      `json:"wmin,omitempty"`
	HMin  int      `json:"hmin,omitempty"`
	MIMEs []string `json:"mimes,omitempty"`
}

type assetTyped struct {
	Type int `json:"type"`
	Len  int `json:"len,omitempty"`
}

type eventRequest struct {
	Event   int   `json:"event"`
	Methods []int `json:"methods"`
}

type pmp struct {
	Private int    `json:"private_auction"`
	Deals   []deal `json:"deals"`
}

type deal struct {
	ID           string      `json:"id"`
	BidFloor     json.Number `json:"bidfloor"`
	BidFloorCur  string      `json:"bidfloorcur"`
	AT           int         `json:"at"`
	WSeat        []string    `json:"wseat,omitempty"`
	WADomain     []string    `json:"wadomain,omitempty"`
	Guar         int         `json:"guar,omitempty"`
	MinCPMPerSec json.Number `json:"mincpmpersec,omitempty"`
	DurFloors    []durFloor  `json:"durfloors,omitempty"`
}

// screen is a screen in public (OpenRTB 2.6 section 3.2.30).
type screen struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	VenueType    []string  `json:"venuetype"`
	VenueTypeTax int       `json:"venuetypetax"`
	Publisher    publisher `json:"publisher"`
	Domain       string    `json:"domain"`
}

// programme is what the ad appears in: the content object.
type programme struct {
	Title      string   `json:"title"`
	Series     string   `json:"series,omitempty"`
	Genre      string   `json:"genre,omitempty"`
	Cat        []string `json:"cat,omitempty"`
	CatTax     int      `json:"cattax,omitempty"`
	LiveStream int      `json:"livestream"`
	Len        int      `json:"len,omitempty"`
	Language   string   `json:"language"`
}

type site struct {
	ID        string     `json:"id"`
	Domain    string     `json:"domain"`
	Cat       []string   `json:"cat"`
	Page      string     `json:"page"`
	Ref       string     `json:"ref,omitempty"`
	Mobile    int        `json:"mobile"`
	Publisher publisher  `json:"publisher"`
	Keywords  string     `json:"keywords,omitempty"`
	CatTax    int        `json:"cattax,omitempty"`
	Content   *programme `json:"content,omitempty"`
}

type app struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Bundle    string     `json:"bundle"`
	StoreURL  string     `json:"storeurl"`
	Cat       []string   `json:"cat"`
	Ver       string     `json:"ver"`
	Publisher publisher  `json:"publisher"`
	CatTax    int        `json:"cattax,omitempty"`
	Content   *programme `json:"content,omitempty"`
}

type publisher struct {
	ID     string `json:"id"`
	Domain string `json:"domain,omitempty"`
}

type device struct {
	UA             string `json:"ua"`
	IP             string `json:"ip"`
	Geo            *geo   `json:"geo"`
	DeviceType     int    `json:"devicetype"`
	Make           string `json:"make,omitempty"`
	Model          string `json:"model,omitempty"`
	OS             string `json:"os"`
	OSV            string `json:"osv,omitempty"`
	W              int    `json:"w"`
	H              int    `json:"h"`
	JS             int    `json:"js"`
	Language       string `json:"language"`
	ConnectionType int    `json:"connectiontype"`
	IFA            string `json:"ifa,omitempty"`
	Lmt            int    `json:"lmt,omitempty"`
	DNT            int    `json:"dnt,omitempty"`
}

type geo struct {
	Lat       json.Number `json:"lat"`
	Lon       json.Number `json:"lon"`
	Type      int         `json:"type"`
	Country   string      `json:"country"`
	Region    string      `json:"region"`
	City      string      `json:"city"`
	ZIP       string      `json:"zip"`
	UTCOffset int         `json:"utcoffset"`
}

type user struct {
	ID       string   `json:"id"`
	BuyerUID string   `json:"buyeruid"`
	YOB      int      `json:"yob,omitempty"`
	Gender   string   `json:"gender,omitempty"`
	Consent  string   `json:"consent,omitempty"`
	Data     []data   `json:"data,omitempty"`
	EIDs     []eid    `json:"eids,omitempty"`
	Ext      *userExt `json:"ext,omitempty"`
}

type data struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Segment []segment `json:"segment"`
}

type segment struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

type source struct {
	TID    string  `json:"tid"`
	SChain *schain `json:"schain,omitempty"`
	Ext    *topExt `json:"ext,omitempty"`
}

type schain struct {
	Complete int          `json:"complete"`
	Nodes    []schainNode `json:"nodes"`
	Ver      string       `json:"ver"`
}

type schainNode struct {
	ASI string `json:"asi"`
	SID string `json:"sid"`
	HP  int    `json:"hp"`
}

type regs struct {
	COPPA     int      `json:"coppa,omitempty"`
	GDPR      int      `json:"gdpr,omitempty"`
	USPrivacy string   `json:"us_privacy,omitempty"`
	GPP       string   `json:"gpp,omitempty"`
	GPPSID    []int    `json:"gpp_sid,omitempty"`
	Ext       *regsExt `json:"ext,omitempty"`
}

// regsExt is where 2.5 had GDPR, and where GPC still stands.
type regsExt struct {
	GDPR int `json:"gdpr,omitempty"`
	GPC  int `json:"gpc,omitempty"`
}

// userExt is where 2.5 had consent.
type userExt struct {
	Consent string `json:"consent"`
}

type eid struct {
	Source string `json:"source"`
	UIDs   []uid  `json:"uids"`
}

type uid struct {
	ID    string `json:"id"`
	AType int    `json:"atype"`
}
