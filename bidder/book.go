package bidder

import (
	"slices"
	"time"

	"bidhawk/bidder/markup"
	"bidhawk/campaigns"
	"bidhawk/campaigns/content"
	"bidhawk/internal/money"
	"bidhawk/pacing/frequency"
	"bidhawk/targeting"
)

// book is what the bidder knows of the campaigns at one moment: the targeting
// index and, row by row, everything else a bid needs, prepared. It is immutable
// and swapped whole.
type book struct {
	exchanges *roster
	catalog   *campaigns.Catalog
	index     *targeting.Index
	lines     []line // by the index's row
	media     media  // that any of them can fill
	ads       map[campaigns.ID]*ad
}

// line is a line item prepared for bidding.
type line struct {
	item       *campaigns.LineItem
	campaign   *campaigns.Campaign
	advertiser *campaigns.Advertiser
	agency     *campaigns.Agency
	zone       *time.Location
	fee        money.PPM
	ads        []*ad
	caps       []frequency.Caps // of each ad
	media      media            // of its ads
	cid        []byte           // campaign id, as bids carry it
	modifiers  []modifier       // of its bids
	onDeals    bool             // targets deals: bids under one of them only
	dsa        []byte           // bid.ext.dsa up to what depends on the user
	trials     []trial          // experiments that hold users back from it
}

func (l *line) lineage() campaigns.Lineage {
	return campaigns.Lineage{LineItem: l.item, Campaign: l.campaign, Advertiser: l.advertiser, Agency: l.agency}
}

// compiler makes books.
type compiler struct {
	exchanges *roster
	contents  *content.Taxonomies
	markup    markup.Options
	ads       map[campaigns.ID]*ad
	before    *book // that this one follows; nil: none
}

// newBook compiles the catalogue. What has not changed is taken from the book
// before it: compiling an ad takes half a millisecond. The error joins what is
// wrong with line items that can't bid; the book, never nil, serves the others.
func (k *compiler) newBook(cat *campaigns.Catalog, p targeting.Params) (*book, error) {
	ix, err := targeting.Build(cat, p)
	b := &book{exchanges: k.exchanges, catalog: cat, index: ix, lines: make([]line, ix.Len())}
	k.ads = make(map[campaigns.ID]*ad, len(cat.Creatives))
	modifiers, experiments := newModifiers(cat), experimentsOf(cat)
	for row := range b.lines {
		b.lines[row] = k.newLine(ix.Line(int32(row)))
		b.lines[row].modifiers = modifiers[b.lines[row].item.ID]
		b.lines[row].trials = trialsOf(experiments[b.lines[row].campaign.ID], b.lines[row].item)
		b.media |= b.lines[row].media
	}
	b.ads = k.ads
	return b, err
}

func (k *compiler) newLine(t *targeting.Line) line {
	l := line{
		item: t.LineItem, campaign: t.Campaign, advertiser: t.Advertiser, agency: t.Agency, zone: t.Zone,
		fee:     t.Agency.PlatformFee,
		cid:     appendID(nil, t.Campaign.ID),
		onDeals: len(t.LineItem.Targeting.Deals) > 0,
		dsa:     dsaHead(t.Advertiser),
	}
	sizes := t.LineItem.Targeting.Sizes
	for _, c := range t.Creatives {
		if len(sizes) > 0 && isBanner(c) && !slices.Contains(sizes, campaigns.Size{W: c.W, H: c.H}) {
			continue // an impression of several sizes could take it
		}
		a := k.ads[c.ID]
		if a == nil {
			a = k.adOf(c, t.Advertiser)
			k.ads[c.ID] = a
		}
		l.ads = append(l.ads, a)
		l.media = l.media.with(a.medium)
	}
	l.caps = capsOfAds(&l)
	return l
}

// adOf is the ad of c: the one of the book before where nothing of it has changed,
// with its markup where the exchanges alone have.
func (k *compiler) adOf(c *campaigns.Creative, adv *campaigns.Advertiser) *ad {
	if k.before == nil {
		return k.newAd(c, adv)
	}
	old := k.before.ads[c.ID]
	switch {
	case old == nil || old.source != c || old.advertiser != adv:
		return k.newAd(c, adv)
	case k.before.exchanges == k.exchanges:
		return old
	}
	a := *old
	k.register(&a)
	return &a
}

// isBanner also knows creatives from before there were formats.
func isBanner(c *campaigns.Creative) bool {
	return c.Format == campaigns.FormatBanner || c.Format == ""
}

// claimOf is what category id of a taxonomy is called in every one.
func (k *compiler) claimOf(tax int, id string) claim {
	c := claim{tax: tax, own: foldHash([]byte(id)), in: map[int][]uint64{}}
	for to, ids := range k.contents.Claims(tax, []string{id}) {
		for _, id := range ids {
			c.in[to] = append(c.in[to], foldHash([]byte(id)))
		}
	}
	return c
}
