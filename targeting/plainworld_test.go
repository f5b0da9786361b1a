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

// plainWorld generates the line items and requests of the end-to-end benchmark
// (bidhawk bench): ten advertisers in one zone, light targeting that some 6% of
// the line items find met, users of 2 to 20 tags and their ancestors. Equal
// seeds give equal worlds.
type plainWorld struct{ rng *rand.Rand }

// plainTags is a taxonomy of two levels: the parent of tag n is tag n/13.
type plainTags struct{}

const (
	plainTagCount  = 302
	plainTagFanOut = 13
)

func (plainTags) Number(path string) (campaigns.TagNumber, bool) {
	v, err := strconv.ParseUint(strings.TrimPrefix(path, "t"), 10, 32)
	return campaigns.TagNumber(v), err == nil
}

func newPlainWorld(seed uint64) *plainWorld {
	return &plainWorld{rng: rand.New(rand.NewPCG(seed, 42))}
}

// distinct draws n different numbers below limit and names them.
func (w *plainWorld) distinct(n, limit int, format string) (out []string) {
	for _, v := range w.rng.Perm(limit)[:n] {
		out = append(out, fmt.Sprintf(format, v))
	}
	return out
}

func (w *plainWorld) chance(n int) bool { return w.rng.IntN(n) == 0 }

func (w *plainWorld) targeting() (t campaigns.Targeting) {
	t.Countries.Include = w.distinct(1+w.rng.IntN(4), 10, "C%02d")
	if w.chance(2) {
		t.DeviceTypes = []int{1, 2, 4, 5}
		w.rng.Shuffle(4, func(i, j int) { t.DeviceTypes[i], t.DeviceTypes[j] = t.DeviceTypes[j], t.DeviceTypes[i] })
		t.DeviceTypes = t.DeviceTypes[:1+w.rng.IntN(3)]
	}
	if w.chance(3) {
		t.OS = w.distinct(1+w.rng.IntN(3), 4, "os%d")
	}
	if w.chance(3) {
		for h := range weekHours {
			if !w.chance(4) {
				t.HoursOfWeek = append(t.HoursOfWeek, h)
			}
		}
	}
	t.Domains.Exclude = w.distinct(10, 200, "site%d.example")
	if w.chance(2) {
		t.Categories.Exclude = []string{fmt.Sprintf("IAB%d", 23+w.rng.IntN(2)), fmt.Sprintf("IAB%d", 25+w.rng.IntN(2))}
	}
	if !w.chance(3) {
		t.Tags.AnyOf = [][]string{w.distinct(1+w.rng.IntN(8), plainTagCount, "t%d")}
		t.Tags.NoneOf = w.distinct(1, plainTagCount, "t%d")
	}
	return t
}

func (w *plainWorld) catalog(n int) *campaigns.Catalog {
	cat := emptyCatalog()
	for a := campaigns.ID(1); a <= 10; a++ {
		cat.Advertisers[a] = &campaigns.Advertiser{Meta: campaigns.Meta{ID: a}, AgencyID: 1, Status: campaigns.StatusActive, TimeZone: "America/New_York"}
		cat.Campaigns[a] = &campaigns.Campaign{Meta: campaigns.Meta{ID: a}, AdvertiserID: a, Status: campaigns.StatusActive, Start: epoch, End: epoch.AddDate(0, 0, 300)}
	}
	for id := campaigns.ID(1); id <= campaigns.ID(n); id++ {
		cat.LineItems[id] = &campaigns.LineItem{
			Meta: campaigns.Meta{ID: id}, CampaignID: 1 + id%10, Status: campaigns.StatusActive,
			MaxBid: money.CPM(1_000_000 + w.rng.IntN(9_000_000)), CreativeIDs: []campaigns.ID{1}, Targeting: w.targeting(),
		}
	}
	return cat
}

// request is the i-th of a stream of 5,000 a second.
func (w *plainWorld) request(i int) *benchRequest {
	text := func(format string, n int) []byte { return fmt.Appendf(nil, format, n) }
	r := &benchRequest{
		RequestFacts: RequestFacts{
			Exchange: "demo", Now: epoch.Add(30*time.Hour + time.Duration(i)*200*time.Microsecond),
			Country: text("C%02d", w.rng.IntN(10)), Region: text("R%d", w.rng.IntN(20)), City: text("City %d", w.rng.IntN(20)),
			DeviceType: []int{4, 4, 4, 2, 2, 5}[w.rng.IntN(6)], OS: text("OS%d", w.rng.IntN(4)),
			Categories: [][]byte{text("IAB%d", 1+w.rng.IntN(20)), text("IAB%d-2", 1+w.rng.IntN(20))},
		},
		imp: ImpFacts{Sizes: []campaigns.Size{{W: 300, H: 250}, {W: 320, H: 50}}},
	}
	if w.rng.IntN(10) < 6 {
		r.Domain = text("site%d.example", min(w.rng.IntN(200), w.rng.IntN(200)))
	} else {
		r.Bundle = text("com.example.app%03d", w.rng.IntN(100))
	}
	held := map[int]bool{}
	for _, n := range w.rng.Perm(plainTagCount)[:2+w.rng.IntN(19)] {
		held[n], held[n/plainTagFanOut] = true, true
	}
	for _, n := range slices.Sorted(maps.Keys(held)) {
		r.Tags = append(r.Tags, campaigns.NewTagKey(0, campaigns.TagNumber(n)))
	}
	return r
}
