package campaigns

import (
	"fmt"
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

// fakeCategories knows ids as "1 IAB2-10": the taxonomy's number and the id.
type fakeCategories map[string]bool

func (f fakeCategories) Known(cattax int, id string) bool { return f[fmt.Sprint(cattax, " ", id)] }

func day(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }

func newWorld() *world {
	w := &world{
		agency: &Agency{Meta: Meta{ID: 1, Revision: 1}, Name: "North", Status: StatusActive, PlatformFee: 150_000},
		advertiser: &Advertiser{Meta: Meta{ID: 2, Revision: 1}, AgencyID: 1, Name: "Acme", Status: StatusActive,
			Currency: money.USD, TimeZone: "Europe/Berlin", Domain: "acme.example",
			RedirectHosts: []string{"shop.acme.example"}, ClickWindowHours: 720, ViewWindowHours: 24},
		campaign: &Campaign{Meta: Meta{ID: 3, Revision: 1}, AdvertiserID: 2, Name: "Autumn", Status: StatusActive,
			Start: day(1), End: day(30)},
		creative: &Creative{Meta: Meta{ID: 4, Revision: 1}, AdvertiserID: 2, Name: "Box", Status: StatusActive, Format: FormatBanner, W: 300, H: 250,
			ImageURL: "https://cdn.example/a.png", LandingURL: "https://shop.acme.example/x?y=1",
			ADomain: []string{"acme.example"}, Cat: []string{"IAB2-10"}, CatTax: 1, Attr: []int{1, 500}, Language: "en"},
		lineItem: &LineItem{Meta: Meta{ID: 5, Revision: 1}, CampaignID: 3, Name: "Line", Status: StatusActive,
			Pricing: PricingCPM, Price: 3_000_000, MaxBid: 2_000_000, Budget: Budget{Lifetime: 5 * money.Unit},
			Pacing: PacingEven, CreativeIDs: []ID{4}},
	}
	w.refs = Refs{Agency: w.agency, Advertiser: w.advertiser, Campaign: w.campaign,
		Creatives: map[ID]*Creative{4: w.creative}, Tags: fakeTags{"auto": 1, "auto/suv": 2},
		Categories: fakeCategories{"1 IAB2-10": true, "1 IAB1": true, "6 Rm3SiT": true}}
	return w
}

// video turns the world's creative into a video of one file.
func (w *world) video() *Creative {
	v := w.creative
	v.Format, v.W, v.H, v.ImageURL = FormatVideo, 0, 0, ""
	v.VAST = &VAST{Duration: 30, MediaFiles: []MediaFile{{URL: "https://cdn.example/a.mp4", MIME: "video/mp4", W: 1280, H: 720, Bitrate: 1200}}}
	return v
}

// audio turns it into an audio ad of one file.
func (w *world) audio() *Creative {
	v := w.video()
	v.Format = FormatAudio
	v.VAST.MediaFiles = []MediaFile{{URL: "https://cdn.example/a.mp3", MIME: "audio/mpeg", Bitrate: 128}}
	return v
}

// native turns it into a native ad with every asset.
func (w *world) native() *Creative {
	video := *w.video().VAST
	v := w.creative
	v.Format, v.VAST = FormatNative, nil
	v.Native = &NativeAd{Title: "Acme", Icon: &NativeImage{URL: "https://cdn.example/i.png", W: 80, H: 80},
		Main: []NativeImage{{URL: "https://cdn.example/m.jpg", W: 1200, H: 627}, {URL: "https://cdn.example/n.jpg", W: 600, H: 600}},
		Data: []NativeData{{1, "Acme Motors"}, {3, "4.5"}, {12, "See it"}, {500, "x"}}, Video: &video}
	return v
}

func repeat(n int, s string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

func long(n int) string { return strings.Repeat("a", n) }
