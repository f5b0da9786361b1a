package bidder

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
	"bidhawk/targeting"
)

// book is what the bidder knows of the campaigns at one moment: the targeting
// index and, row by row, everything else a bid needs, prepared. It is immutable
// and swapped whole.
type book struct {
	catalog *campaigns.Catalog
	index   *targeting.Index
	lines   []line // by the index's row
}

// line is a line item prepared for bidding.
type line struct {
	item       *campaigns.LineItem
	campaign   *campaigns.Campaign
	advertiser *campaigns.Advertiser
	zone       *time.Location
	fee        money.PPM
	ads        []ad
	cid        []byte // campaign id, as bids carry it
	onDeals    bool   // targets deals: bids under one of them only
}

// ad is a creative prepared for bidding.
type ad struct {
	creative *campaigns.Creative
	markup   markup
	bytes    int // of its bid in an answer, but for URLs and the ids of the request
	crid     []byte
	iurl     []byte // sample image, for the exchange's review
	adomain  [][]byte
	cat      [][]byte
	attr     []int
	language []byte
	// type of banner.btype (AdCOM): 2 XHTML banner, 3 JavaScript.
	bannerType int
}

// newBook compiles the catalogue. The error joins what is wrong with line items
// that can't bid; the book, never nil, serves the others.
func newBook(cat *campaigns.Catalog, p targeting.Params) (*book, error) {
	ix, err := targeting.Build(cat, p)
	b := &book{catalog: cat, index: ix, lines: make([]line, ix.Len())}
	ads := make(map[campaigns.ID]*ad, len(cat.Creatives))
	for row := range b.lines {
		b.lines[row] = newLine(ix.Line(int32(row)), ads)
	}
	return b, err
}

func newLine(t *targeting.Line, ads map[campaigns.ID]*ad) line {
	l := line{
		item: t.LineItem, campaign: t.Campaign, advertiser: t.Advertiser, zone: t.Zone,
		fee:     t.Agency.PlatformFee,
		cid:     appendID(nil, t.Campaign.ID),
		onDeals: len(t.LineItem.Targeting.Deals) > 0,
	}
	sizes := t.LineItem.Targeting.Sizes
	for _, c := range t.Creatives {
		if len(sizes) > 0 && !slices.Contains(sizes, campaigns.Size{W: c.W, H: c.H}) {
			continue // an impression of several sizes could take it
		}
		a := ads[c.ID]
		if a == nil {
			a = newAd(c, t.Advertiser)
			ads[c.ID] = a
		}
		l.ads = append(l.ads, *a)
	}
	return l
}

func newAd(c *campaigns.Creative, adv *campaigns.Advertiser) *ad {
	a := &ad{
		creative: c, markup: compileMarkup(c), crid: appendID(nil, c.ID),
		iurl: []byte(c.ImageURL), attr: c.Attr, language: []byte(strings.ToLower(c.Language)), bannerType: 2,
	}
	if c.HTML != "" {
		a.bannerType = 3
	}
	domains := c.ADomain
	if len(domains) == 0 && adv.Domain != "" {
		domains = []string{adv.Domain}
	}
	for _, d := range domains {
		a.adomain = append(a.adomain, bytes.ToLower([]byte(d)))
	}
	for _, s := range c.Cat {
		a.cat = append(a.cat, []byte(s))
	}
	a.bytes = a.fixedBytes()
	return a
}

// fixedBytes measures a bid of a with all that the ad alone decides.
func (a *ad) fixedBytes() int {
	some, escapes := []byte{'0'}, 0
	for _, s := range a.markup.slots {
		if s == slotClickURLEscaped {
			escapes += 32 // of a URL's punctuation
		}
	}
	return escapes + len(openrtb.AppendBidResponse(nil, &openrtb.BidResponse{SeatBid: []openrtb.SeatBid{{Bid: []openrtb.Bid{{
		ID: bytes.Repeat(some, 32), Price: money.MaxCPM, AdM: bytes.Join(a.markup.parts, nil), NURL: some, BURL: some, LURL: some, IURL: a.iurl,
		ADomain: a.adomain, CID: []byte("9223372036854775807"), CrID: a.crid, Cat: a.cat, CatTax: 1, Attr: a.attr,
		MType: openrtb.MarkupBanner, Language: a.language, DealID: some, W: a.creative.W, H: a.creative.H,
	}}}}}))
}
