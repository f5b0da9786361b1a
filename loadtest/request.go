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
	Device *device  `json:"device"`
	User   *user    `json:"user"`
	Test   int      `json:"test,omitempty"`
	AT     int      `json:"at"`
	TMax   int      `json:"tmax"`
	Cur    []string `json:"cur,omitempty"`
	BCat   []string `json:"bcat,omitempty"`
	BAdv   []string `json:"badv,omitempty"`
	Source *source  `json:"source"`
	Regs   *regs    `json:"regs,omitempty"`
}

type imp struct {
	ID          string      `json:"id"`
	Banner      *banner     `json:"banner,omitempty"`
	Video       *video      `json:"video,omitempty"`
	PMP         *pmp        `json:"pmp,omitempty"`
	TagID       string      `json:"tagid"`
	BidFloor    json.Number `json:"bidfloor"`
	BidFloorCur string      `json:"bidfloorcur"`
	Secure      int         `json:"secure"`
	Ext         *impExt     `json:"ext,omitempty"`
}

type impExt struct {
	GPID string `json:"gpid"`
}

type banner struct {
	Format []bannerSize `json:"format"`
	W      int          `json:"w"`
	H      int          `json:"h"`
	BAttr  []int        `json:"battr,omitempty"`
	Pos    int          `json:"pos"`
	API    []int        `json:"api,omitempty"`
}

type video struct {
	MIMEs       []string `json:"mimes"`
	MaxDuration int      `json:"maxduration"`
	Protocols   []int    `json:"protocols"`
	W           int      `json:"w"`
	H           int      `json:"h"`
}

type pmp struct {
	Private int    `json:"private_auction"`
	Deals   []deal `json:"deals"`
}

type deal struct {
	ID          string      `json:"id"`
	BidFloor    json.Number `json:"bidfloor"`
	BidFloorCur string      `json:"bidfloorcur"`
	AT          int         `json:"at"`
}

type site struct {
	ID        string    `json:"id"`
	Domain    string    `json:"domain"`
	Cat       []string  `json:"cat"`
	Page      string    `json:"page"`
	Ref       string    `json:"ref,omitempty"`
	Mobile    int       `json:"mobile"`
	Publisher publisher `json:"publisher"`
	Keywords  string    `json:"keywords,omitempty"`
}

type app struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Bundle    string    `json:"bundle"`
	StoreURL  string    `json:"storeurl"`
	Cat       []string  `json:"cat"`
	Ver       string    `json:"ver"`
	Publisher publisher `json:"publisher"`
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
	ID       string `json:"id"`
	BuyerUID string `json:"buyeruid"`
	YOB      int    `json:"yob,omitempty"`
	Gender   string `json:"gender,omitempty"`
	Consent  string `json:"consent,omitempty"`
	Data     []data `json:"data,omitempty"`
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
	SChain *schain `json:"schain"`
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
	GDPR int `json:"gdpr"`
}
