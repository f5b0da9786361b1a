package campaigns

import (
	"maps"
	"reflect"
	"slices"
)

// CreativeFormat is the medium of a creative.
type CreativeFormat string

// The formats.
const (
	FormatBanner CreativeFormat = "banner"
	FormatVideo  CreativeFormat = "video"
	FormatAudio  CreativeFormat = "audio"
	FormatNative CreativeFormat = "native"
)

// Creative is one ad with what block lists and formats need to know of it.
type Creative struct {
	Meta
	AdvertiserID ID             `json:"advertiser_id"`
	Name         string         `json:"name"`
	Status       Status         `json:"status"`
	Format       CreativeFormat `json:"format"` // banner where not said
	W            int            `json:"w"`      // device-independent pixels; of a banner required, of a video's or companion's player optional
	H            int            `json:"h"`
	ImageURL     string         `json:"image_url"` // banner: https; one of ImageURL, HTML and the uploaded image or HTML5 zip
	HTML         string         `json:"html"`      // banner: third-party tag; may hold ${CLICK_URL} and OpenRTB macros
	Upload                      // of a banner
	// API are the AdCOM frameworks that the HTML or video needs; an impression must
	// offer one of each family: 3, 5, 6 MRAID 1 to 3; 1, 2 VPAID; 7 OMID.
	API        []int     `json:"api"`
	ExpDir     []int     `json:"expdir"` // banner: AdCOM directions in which it expands; none: it does not
	VAST       *VAST     `json:"vast,omitempty"`
	Native     *NativeAd `json:"native,omitempty"`
	LandingURL string    `json:"landing_url"` // where a click leads; its host must be registered with the advertiser
	ADomain    []string  `json:"adomain"`
	Bundle     string    `json:"bundle"` // of the app that is advertised, for bapp
	Cat        []string  `json:"cat"`    // content categories of CatTax
	CatTax     int       `json:"cattax"` // AdCOM category taxonomy; 1, IAB content categories 1.0, where not said
	Attr       []int     `json:"attr"`   // AdCOM creative attributes
	Language   string    `json:"language"`
	// FrequencyCaps bind it wherever it is shown.
	FrequencyCaps []Cap `json:"frequency_caps,omitempty"`
	// Exchanges is what each exchange that reviews creatives knows it as, by the
	// exchange's name.
	Exchanges map[string]Registration `json:"exchanges,omitempty"`
}

// Registration is a creative's standing with an exchange that reviews or hosts
// creatives.
type Registration struct {
	Status RegistrationStatus `json:"status"`
	ID     string             `json:"id"`               // the exchange's own id of it, which bids carry where the exchange hosts the markup
	Reason string             `json:"reason,omitempty"` // of a rejection
}

// RegistrationStatus is the state of an exchange's review.
type RegistrationStatus string

// The states of a review. Where an exchange wants approval, only approved ones bid.
const (
	RegistrationPending  RegistrationStatus = "pending"
	RegistrationApproved RegistrationStatus = "approved"
	RegistrationRejected RegistrationStatus = "rejected"
)

// VAST is a video or audio ad: media files of our own, served inline, or the tag
// of another ad server, served as a wrapper.
type VAST struct {
	MediaFiles []MediaFile `json:"media_files,omitempty"`
	TagURL     string      `json:"tag_url,omitempty"` // https; one of MediaFiles, TagURL and the uploaded VAST document
	Upload                 // a VAST document, served as a wrapper like TagURL
	// TagVersion is the major VAST version that TagURL answers with: 2, 3 or 4.
	TagVersion int `json:"tag_version,omitempty"`
	Duration   int `json:"duration_seconds"`
	// SkipOffset is after how many seconds the ad itself lets viewers skip; 0: never.
	SkipOffset int  `json:"skip_offset_seconds,omitempty"`
	NonLinear  bool `json:"non_linear,omitempty"` // overlaid on the content; else linear
	// Companions are shown beside a player that offers room for them.
	Companions []Companion `json:"companions,omitempty"`
	// Verification are viewability and verification vendors (VAST 4.1 AdVerifications, OMID).
	Verification []Verification `json:"verification,omitempty"`
}

// MediaFile is one rendition of a video or audio ad.
type MediaFile struct {
	Upload
	URL       string `json:"url"`  // https
	MIME      string `json:"mime"` // "video/mp4"
	W         int    `json:"w,omitempty"`
	H         int    `json:"h,omitempty"`
	Bitrate   int    `json:"bitrate_kbps,omitempty"`
	Streaming bool   `json:"streaming,omitempty"` // HLS or DASH; else progressive
}

// Companion is an image shown beside a video or audio ad; a click leads where
// the ad's own does.
type Companion struct {
	Upload
	W        int    `json:"w"`
	H        int    `json:"h"`
	ImageURL string `json:"image_url"` // https
}

// Verification is one vendor's script (VAST 4.2 section 3.17).
type Verification struct {
	Vendor     string `json:"vendor"` // "company.com-omid"
	ScriptURL  string `json:"script_url"`
	Parameters string `json:"parameters,omitempty"`
}

// NativeAd is the assets of a native ad (OpenRTB Native 1.2).
type NativeAd struct {
	Title string        `json:"title"`
	Icon  *NativeImage  `json:"icon,omitempty"` // type 1
	Main  []NativeImage `json:"main,omitempty"` // type 3, in several sizes
	Data  []NativeData  `json:"data,omitempty"` // one of each type
	Video *VAST         `json:"video,omitempty"`
}

// NativeImage is an image asset.
type NativeImage struct {
	Upload
	URL string `json:"url"` // https
	W   int    `json:"w"`
	H   int    `json:"h"`
}

// NativeData is a data asset of an AdCOM native data asset type: 1 sponsored, 2
// description, 3 rating, 12 call to action and others.
type NativeData struct {
	Type  int    `json:"type"`
	Value string `json:"value"`
}

// MRAID says whether the creative needs an app's container: AdCOM's frameworks
// MRAID 1, 2 and 3.
func (c *Creative) MRAID() bool {
	return slices.ContainsFunc(c.API, func(f int) bool { return f == 3 || f == 5 || f == 6 })
}

// reviewAnew puts reviews back to pending where what an exchange reviewed has
// changed since: an approval is of the ad that was seen. A review that this very
// edit enters stays.
func (c *Creative) reviewAnew(before *Creative) {
	if c.sameAd(before) {
		return
	}
	reviews := maps.Clone(c.Exchanges) // the map may be before's own
	for name, r := range reviews {
		if was, ok := before.Exchanges[name]; ok && was == r {
			reviews[name] = Registration{Status: RegistrationPending, ID: r.ID}
		}
	}
	c.Exchanges = reviews
}

// sameAd says whether people would see the same ad, and it would say the same of
// itself: name, status, caps and reviews aside.
func (c *Creative) sameAd(o *Creative) bool {
	x, y := *c, *o
	for _, v := range []*Creative{&x, &y} {
		v.Meta, v.Name, v.Status, v.FrequencyCaps, v.Exchanges = Meta{}, "", "", nil, nil
	}
	return reflect.DeepEqual(x, y)
}
