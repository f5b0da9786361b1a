package bidder

import (
	"bytes"
	"slices"
	"strings"

	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/markup"
	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
)

// medium is what an impression offers room for and a creative fills.
type medium uint8

const (
	mediumBanner medium = iota
	mediumVideo
	mediumAudio
	mediumNative
	mediumCount
)

func (m medium) String() string {
	return [...]string{"banner", "video", "audio", "native"}[m]
}

// media is a set of mediums.
type media uint8

func (s media) has(m medium) bool   { return s&(1<<m) != 0 }
func (s media) with(m medium) media { return s | 1<<m }

// ad is a creative prepared for bidding: what rules and answers ask of it, once
// per catalogue. It is immutable.
type ad struct {
	creative *campaigns.Creative // as served: with addresses in the places of uploaded files
	// source is the creative as the catalogue has it.
	source *campaigns.Creative
	// advertiser is its owner. Entities of a catalogue are not changed but replaced,
	// so that the same two pointers mean the same ad.
	advertiser *campaigns.Advertiser
	medium     medium
	// Of its medium, one of:
	banner markup.Template
	// measured is banner with the script by which it tells that it was viewable.
	measured markup.Template
	vast     [markup.Versions]*markup.Template // by version; nil where it can't be served in it
	native   *markup.Native

	crid       []byte
	iurl       []byte // sample image, for the exchange's review
	adomain    [][]byte
	domains    []uint64 // hashes of adomain and of their parents
	bundle     []byte
	app        uint64 // hash of bundle; 0: none
	cat        [][]byte
	catTax     int
	claims     []claim
	attr       []int // declared, and 16 where the ad itself can be skipped
	language   []byte
	bannerType []int          // of banner.btype (AdCOM): 2 XHTML banner, 3 JavaScript, 4 iframe
	frameworks [][]int        // of each family that it needs, the ones that do
	registered []registration // by exchange.index
	bytes      int            // of its bid in an answer, but for markup, URLs and the ids of the request
	duration   int            // seconds
	nonLinear  bool
	wrapper    bool
	clickable  bool // its markup leads clicks by us
	mraid      bool // it runs in containers of apps that know whether it is on the screen
	files      []mediaFile
	mimes      [][]byte // of a banner: each says what its markup is
}

// claim is one declared category, and what it is called in each taxonomy, by
// AdCOM's number: hashes of its ids there and of their ancestors.
type claim struct {
	tax int
	own uint64 // as declared, in tax
	in  map[int][]uint64
}

type mediaFile struct {
	mime      []byte
	bitrate   int // Kbps; 0: not said
	streaming bool
}

// registration is the ad's standing with an exchange.
type registration struct {
	approved bool
	complete bool   // it has what the exchange requires of a bid
	id       []byte // the exchange's own id of it
}

// skippable is AdCOM's creative attribute of ads that let viewers skip.
const skippable = 16

func (k *compiler) newAd(c *campaigns.Creative, adv *campaigns.Advertiser) *ad {
	source := c
	c = c.Served(k.markup.FilesURL)
	a := &ad{
		creative: c, source: source, advertiser: adv, crid: appendID(nil, c.ID), iurl: []byte(c.ImageURL), attr: slices.Clone(c.Attr), language: []byte(strings.ToLower(c.Language)),
		frameworks: families(c.API), catTax: max(c.CatTax, 1),
	}
	domains := c.ADomain
	if len(domains) == 0 && adv.Domain != "" {
		domains = []string{adv.Domain}
	}
	for _, d := range domains {
		d := bytes.ToLower([]byte(d))
		a.adomain = append(a.adomain, d)
		a.domains = appendDomainHashes(a.domains, d)
	}
	if c.Bundle != "" {
		a.bundle, a.app = []byte(c.Bundle), foldHash([]byte(c.Bundle))
	}
	for _, s := range c.Cat {
		a.cat = append(a.cat, []byte(s))
		a.claims = append(a.claims, k.claimOf(a.catTax, s))
	}
	k.compile(a)
	k.register(a)
	return a
}

// register sets what of a depends on the exchanges.
func (k *compiler) register(a *ad) {
	a.registered, a.bytes = nil, 0
	for _, e := range k.exchanges.list {
		r := a.creative.Exchanges[e.Name]
		a.registered = append(a.registered, registration{r.Status == campaigns.RegistrationApproved, a.complete(e), []byte(r.ID)})
		a.bytes = max(a.bytes, 2*len(r.ID))
	}
	a.bytes += a.fixedBytes()
}

// fixedBytes measures a bid of a with all that the ad alone decides.
func (a *ad) fixedBytes() int {
	some := []byte{'0'}
	bid := openrtb.Bid{
		ID: bytes.Repeat(some, 32), ImpID: some, Price: money.MaxCPM, AdM: some, NURL: some, BURL: some, LURL: some,
		CID: []byte("9223372036854775807"), DealID: some, Exp: 1_000_000, Ext: []byte(`{"billing_id":"0123456789012345678901"}`),
	}
	a.fill(&bid, &exchange{}, markup.VAST42)
	return len(openrtb.AppendBidResponse(nil, &openrtb.BidResponse{SeatBid: []openrtb.SeatBid{{Bid: []openrtb.Bid{bid}}}}))
}

// complete says whether a has the fields that e requires and that an ad may lack.
func (a *ad) complete(e *exchange) bool {
	for _, f := range e.Required {
		switch {
		case f == exchanges.FieldADomain && len(a.adomain) == 0, f == exchanges.FieldBundle && len(a.bundle) == 0,
			f == exchanges.FieldIURL && len(a.iurl) == 0, f == exchanges.FieldAttr && len(a.attr) == 0,
			f == exchanges.FieldCat && len(a.cat) == 0, f == exchanges.FieldLanguage && len(a.language) == 0:
			return false
		}
	}
	return true
}

// compile prepares the markup of a's medium.
func (k *compiler) compile(a *ad) {
	c := a.creative
	switch c.Format {
	case campaigns.FormatVideo, campaigns.FormatAudio:
		a.medium = mediumVideo
		if c.Format == campaigns.FormatAudio {
			a.medium = mediumAudio
		}
		k.compileVAST(a)
	case campaigns.FormatNative:
		a.medium, a.native, a.clickable = mediumNative, markup.NewNative(c, k.markup), true
		if c.Native != nil && len(c.Native.Main) > 0 {
			a.iurl = []byte(c.Native.Main[0].URL)
		}
	default: // also of records from before there were formats
		a.medium, a.banner = mediumBanner, markup.Banner(c, k.markup)
		a.measured = markup.MeasuredBanner(c, k.markup)
		a.mraid = c.MRAID()
		a.bannerType, a.clickable = []int{2}, true
		if c.HTML != "" {
			a.bannerType = []int{3}
			if strings.Contains(strings.ToLower(c.HTML), "<iframe") {
				a.bannerType = append(a.bannerType, 4)
			}
			a.clickable = strings.Contains(c.HTML, campaigns.ClickMacro) || strings.Contains(c.HTML, campaigns.ClickMacroEscaped)
		}
		a.mimes = bannerMIMEs(c)
	}
}

func (k *compiler) compileVAST(a *ad) {
	v := a.creative.VAST
	if v == nil {
		return
	}
	a.duration, a.nonLinear, a.wrapper = v.Duration, v.NonLinear, v.TagURL != ""
	a.clickable = a.wrapper || a.creative.LandingURL != ""
	for _, f := range v.MediaFiles {
		a.files = append(a.files, mediaFile{[]byte(strings.ToLower(f.MIME)), f.Bitrate, f.Streaming})
	}
	if v.SkipOffset > 0 && !slices.Contains(a.attr, skippable) {
		a.attr = append(a.attr, skippable)
	}
	for version := range markup.Versions {
		if t, err := markup.VAST(a.creative, k.markup, markup.Version(version)); err == nil {
			a.vast[version] = &t
		}
	}
}

// bannerMIMEs are the types that a banner's markup counts as: that of its image,
// and those of what is in fact sent.
func bannerMIMEs(c *campaigns.Creative) [][]byte {
	if c.HTML != "" {
		return [][]byte{[]byte("text/html"), []byte("text/javascript"), []byte("application/javascript"), []byte("application/x-javascript")}
	}
	mimes := [][]byte{[]byte("text/html")}
	path, _, _ := strings.Cut(strings.ToLower(c.ImageURL), "?")
	for ext, types := range map[string][]string{
		".jpg": {"image/jpeg", "image/jpg"}, ".jpeg": {"image/jpeg", "image/jpg"}, ".png": {"image/png"},
		".gif": {"image/gif"}, ".webp": {"image/webp"}, ".svg": {"image/svg+xml"}, ".avif": {"image/avif"},
	} {
		if strings.HasSuffix(path, ext) {
			for _, t := range types {
				mimes = append(mimes, []byte(t))
			}
			return mimes
		}
	}
	return append(mimes, []byte("image/jpeg"), []byte("image/jpg"), []byte("image/png"), []byte("image/gif")) // its address does not say
}

// families splits the frameworks that a creative needs by what they are for: an
// impression must offer one of each.
func families(api []int) [][]int {
	of := func(f int) int {
		switch f {
		case 1, 2: // VPAID 1, 2
			return 1
		case 3, 5, 6: // MRAID 1, 2, 3
			return 2
		default: // 4 ORMMA, 7 OMID, 8 and 9 SIMID, an exchange's own
			return 10 + f
		}
	}
	var out [][]int
	for i, f := range api {
		j := slices.IndexFunc(out, func(g []int) bool { return of(g[0]) == of(f) })
		if j < 0 {
			out = append(out, nil)
			j = len(out) - 1
		}
		out[j] = append(out[j], api[i])
	}
	return out
}
