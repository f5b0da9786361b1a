package targeting

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// workload generates line items of about 41 values each and requests with 100
// tags and their ancestors, all drawn by Zipf's law; about 0.16% of the line items want
// a request. Equal seeds give equal workloads.
type workload struct {
	rng                                                *rand.Rand
	country, region, tag, domain, category, deal, size *rand.Zipf
	tags                                               workloadTags
}

// workloadTags is a taxonomy of four levels: the parent of tag n is tag n/30.
type workloadTags struct{}

const (
	workloadTagCount  = 20_000
	workloadTagFanOut = 30
)

func (workloadTags) Number(path string) (campaigns.TagNumber, bool) {
	v, err := strconv.ParseUint(strings.TrimPrefix(path, "t"), 10, 32)
	return campaigns.TagNumber(v), err == nil
}

func newWorkload(seed uint64) *workload {
	rng := rand.New(rand.NewPCG(seed, seed))
	zipf := func(s float64, n uint64) *rand.Zipf { return rand.NewZipf(rng, s, 8, n-1) }
	return &workload{
		rng: rng, country: zipf(1.1, 120), region: zipf(1.1, 50), tag: zipf(1.07, workloadTagCount),
		domain: zipf(1.1, 50_000), category: zipf(1.2, 26), deal: zipf(1.1, 500), size: zipf(1.5, 12),
	}
}

// values draws between least and most values in percent of the cases.
func (w *workload) values(percent, least, most int, format string, z *rand.Zipf) (out []string) {
	if w.rng.IntN(100) >= percent {
		return nil
	}
	for range least + w.rng.IntN(most-least+1) {
		out = append(out, fmt.Sprintf(format, z.Uint64()))
	}
	return out
}

func (w *workload) ints(percent, most, below int) (out []int) {
	if w.rng.IntN(100) >= percent {
		return nil
	}
	for range 1 + w.rng.IntN(most) {
		out = append(out, 1+w.rng.IntN(below))
	}
	return out
}

func (w *workload) targeting() campaigns.Targeting {
	t := campaigns.Targeting{
		Countries:   campaigns.Set{Include: w.values(90, 1, 3, "C%02d", w.country)},
		DeviceTypes: w.ints(72, 2, 5),
		Categories:  campaigns.Set{Include: w.values(40, 2, 6, "IAB%d", w.category), Exclude: w.values(30, 1, 3, "IAB%d-1", w.category)},
		Domains:     campaigns.Set{Include: w.values(14, 20, 60, "d%d.example", w.domain), Exclude: w.values(20, 5, 30, "d%d.example", w.domain)},
		Deals:       w.values(10, 1, 3, "deal-%d", w.deal),
		Tags:        campaigns.TagRule{NoneOf: w.values(30, 1, 4, "t%d", w.tag)},
	}
	if len(t.Countries.Include) == 1 && w.rng.IntN(2) == 0 {
		t.Regions.Include = w.values(100, 1, 3, t.Countries.Include[0]+"-R%d", w.region)
	}
	for _, os := range w.ints(55, 2, 5) {
		t.OS = append(t.OS, fmt.Sprintf("os%d", os))
	}
	for _, x := range w.ints(40, 3, 8) {
		t.Exchanges = append(t.Exchanges, fmt.Sprintf("exchange%d", x))
	}
	if w.rng.IntN(100) < 60 {
		for range 1 + w.rng.IntN(4) {
			t.Sizes = append(t.Sizes, workloadSize(w.size.Uint64()))
		}
	}
	for range 1 + w.rng.IntN(3) {
		t.Tags.AnyOf = append(t.Tags.AnyOf, w.values(100, 1, 3, "t%d", w.tag))
	}
	if w.rng.IntN(100) < 32 {
		for day, from, length := 0, w.rng.IntN(14), 6+w.rng.IntN(5); day < 7; day++ {
			for h := from; h < from+length; h++ {
				t.HoursOfWeek = append(t.HoursOfWeek, day*24+h)
			}
		}
	}
	return t
}

func workloadSize(n uint64) campaigns.Size { return campaigns.Size{W: 100 + int(n), H: 50} }

// catalog is a world of n line items, 50 to an advertiser.
func (w *workload) catalog(n int) *campaigns.Catalog {
	cat := emptyCatalog()
	zones := []string{"UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo"}
	for i := range n {
		a := campaigns.ID(1 + i/50)
		if cat.Advertisers[a] == nil {
			cat.Advertisers[a] = &campaigns.Advertiser{Meta: campaigns.Meta{ID: a}, AgencyID: 1, Status: campaigns.StatusActive, TimeZone: zones[int(a)%len(zones)]}
			cat.Campaigns[a] = &campaigns.Campaign{Meta: campaigns.Meta{ID: a}, AdvertiserID: a, Status: campaigns.StatusActive}
		}
		id := campaigns.ID(i + 1)
		cat.LineItems[id] = &campaigns.LineItem{
			Meta: campaigns.Meta{ID: id}, CampaignID: a, Status: campaigns.StatusActive,
			MaxBid: money.CPM(1 + w.rng.IntN(20_000_000)), CreativeIDs: []campaigns.ID{1}, Targeting: w.targeting(),
		}
	}
	return cat
}

// benchRequest is a request of one imp.
type benchRequest struct {
	RequestFacts
	imp ImpFacts
}

func (w *workload) request(advertisers int) *benchRequest {
	text := func(format string, n any) []byte { return fmt.Appendf(nil, format, n) }
	country := w.country.Uint64()
	r := &benchRequest{RequestFacts: RequestFacts{
		Exchange: fmt.Sprintf("exchange%d", 1+w.rng.IntN(8)), Now: epoch.Add(time.Duration(w.rng.IntN(1e6)) * time.Second),
		Country: text("C%02d", country), Region: text("R%d", w.region.Uint64()), City: []byte("Springfield"),
		DeviceType: 1 + w.rng.IntN(5), OS: text("OS%d", 1+w.rng.IntN(5)),
		Domain:     text("www.d%d.example", w.domain.Uint64()),
		Categories: [][]byte{text("IAB%d-1", w.category.Uint64()), text("IAB%d-2", w.category.Uint64())},
	}}
	held := map[uint64]bool{}
	for len(held) < 100 {
		held[w.tag.Uint64()] = true
	}
	for n := range maps.Clone(held) {
		for n >= workloadTagFanOut {
			n /= workloadTagFanOut
			held[n] = true
		}
	}
	for _, n := range slices.Sorted(maps.Keys(held)) {
		r.Tags = append(r.Tags, campaigns.NewTagKey(0, campaigns.TagNumber(n)))
	}
	for range 5 { // lists that advertisers uploaded
		r.Tags = append(r.Tags, campaigns.NewTagKey(campaigns.ID(1+w.rng.IntN(advertisers)), campaigns.TagNumber(w.tag.Uint64())))
	}
	r.imp.Sizes = []campaigns.Size{workloadSize(w.size.Uint64()), workloadSize(w.size.Uint64())}
	if w.rng.IntN(5) == 0 {
		r.imp.Deals = [][]byte{text("deal-%d", w.deal.Uint64())}
	}
	return r
}
