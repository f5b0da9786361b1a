package campaigns

import (
	"strings"
	"time"

	"bidhawk/internal/money"
)

// world is a valid set of entities, each under the one before it.
type world struct {
	agency     *Agency
	advertiser *Advertiser
	campaign   *Campaign
	creative   *Creative
	lineItem   *LineItem
	refs       Refs
}

type fakeTags map[string]TagNumber

func (f fakeTags) Number(tag string) (TagNumber, bool) { n, ok := f[tag]; return n, ok }

func day(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }

func newWorld() *world {
	w := &world{
		agency: &Agency{Meta: Meta{ID: 1, Revision: 1}, Name: "North", Status: StatusActive, PlatformFee: 150_000},
		advertiser: &Advertiser{Meta: Meta{ID: 2, Revision: 1}, AgencyID: 1, Name: "Acme", Status: StatusActive,
			Currency: money.USD, TimeZone: "Europe/Berlin", Domain: "acme.example",
			RedirectHosts: []string{"shop.acme.example"}, ClickWindowHours: 720, ViewWindowHours: 24},
		campaign: &Campaign{Meta: Meta{ID: 3, Revision: 1}, AdvertiserID: 2, Name: "Autumn", Status: StatusActive,
			Start: day(1), End: day(30)},
		creative: &Creative{Meta: Meta{ID: 4, Revision: 1}, AdvertiserID: 2, Name: "Box", Status: StatusActive, W: 300, H: 250,
			ImageURL: "https://cdn.example/a.png", LandingURL: "https://shop.acme.example/x?y=1",
			ADomain: []string{"acme.example"}, Cat: []string{"IAB2-10"}, Attr: []int{1, 500}, Language: "en"},
		lineItem: &LineItem{Meta: Meta{ID: 5, Revision: 1}, CampaignID: 3, Name: "Line", Status: StatusActive,
			Pricing: PricingCPM, Price: 3_000_000, MaxBid: 2_000_000, Budget: Budget{Lifetime: 5 * money.Unit},
			Pacing: PacingEven, CreativeIDs: []ID{4}},
	}
	w.refs = Refs{Agency: w.agency, Advertiser: w.advertiser, Campaign: w.campaign,
		Creatives: map[ID]*Creative{4: w.creative}, Tags: fakeTags{"auto": 1, "auto/suv": 2}}
	return w
}

func repeat(n int, s string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

func long(n int) string { return strings.Repeat("a", n) }
