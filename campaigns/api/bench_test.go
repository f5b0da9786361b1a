package api_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/campaigns/api"
	"bidhawk/internal/money"
)

// BenchmarkAt100kLineItems measures the API over HTTP with 100,000 line items: the
// 99th percentile of reads (bar 20 ms), pages of 100 (50 ms) and edits (50 ms).
//
//	go test ./campaigns/api -run - -bench 100k -benchtime 2000x
func BenchmarkAt100kLineItems(b *testing.B) {
	const advertisers, perAdvertiser = 100, 1_000
	s := serveWith(b, func(c *api.Config, _ string) { c.RequestsPerSecond, c.Burst = 1_000_000, 1_000_000 })
	ids, advertiserIDs := s.plantMany(advertisers, perAdvertiser)
	revision := map[campaigns.ID]int{}
	random := rand.New(rand.NewPCG(1, 2))
	client := s.server.Client()
	call := func(method, path, body string, headers ...string) {
		req, err := http.NewRequest(method, s.server.URL+path, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.operator)
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		if out, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("%s %s: %d %s, %v", method, path, res.StatusCode, out, err)
		}
	}
	id := func() campaigns.ID { return ids[random.IntN(len(ids))] }
	list := func(query string) func() {
		return func() { call("GET", "/v1/line-items?"+query, "") }
	}
	for _, m := range []struct {
		name string
		op   func()
	}{
		{"read", func() { call("GET", fmt.Sprintf("/v1/line-items/%d", id()), "") }},
		{"list/first", list("limit=100")},
		{"list/by-name", list("limit=100&sort=-name")},
		{"list/by-update", list("limit=100&sort=-updated_at&status=active")},
		{"list/of-advertiser", func() {
			list(fmt.Sprintf("limit=100&sort=name&advertiser_id=%d", advertiserIDs[random.IntN(len(advertiserIDs))]))()
		}},
		{"list/name-contains", func() { list(fmt.Sprintf("limit=100&name=item%%20%d", random.IntN(100_000)))() }},
		{"list/external-id", func() { list(fmt.Sprintf("external_id=x-%d", random.IntN(100_000)))() }},
		{"write", func() {
			li := id()
			revision[li] = max(revision[li], 1)
			call("PATCH", fmt.Sprintf("/v1/line-items/%d", li), fmt.Sprintf(`{"max_bid_micros":%d}`, 1+random.IntN(1_000_000)),
				"If-Match", fmt.Sprintf(`"%d"`, revision[li]))
			revision[li]++
		}},
	} {
		b.Run(m.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				m.op()
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1e3, "p99-ms")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "p50-ms")
		})
	}
}

// plantMany stores line items of many advertisers, a thousand a transaction.
func (s *service) plantMany(advertisers, each int) (lines, owners []campaigns.ID) {
	s.t.Helper()
	ed := campaigns.NewEditor(s.store, nil, nil, s.now)
	ctx := s.t.Context()
	must := func(err error) {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	agency := &campaigns.Agency{Name: "North"}
	must(ed.Create(ctx, agency))
	for n := range advertisers {
		must(ed.Do(ctx, func(x *campaigns.Edit) error {
			adv := &campaigns.Advertiser{AgencyID: agency.ID, Name: fmt.Sprint("advertiser ", n), Currency: money.USD, TimeZone: "UTC",
				Domain: "a.example", RedirectHosts: []string{"a.example"}, Budget: campaigns.Budget{Daily: 1_000_000_000}}
			must(x.Create(ctx, adv))
			camp := &campaigns.Campaign{AdvertiserID: adv.ID, Name: "c", Start: now(), End: now().Add(time.Hour)}
			must(x.Create(ctx, camp))
			creative := &campaigns.Creative{AdvertiserID: adv.ID, Name: "v", W: 300, H: 250, ImageURL: "https://cdn.example/a", LandingURL: "https://a.example/"}
			must(x.Create(ctx, creative))
			owners = append(owners, adv.ID)
			for i := range each {
				l := &campaigns.LineItem{CampaignID: camp.ID, Name: fmt.Sprint("item ", n*each+i), Pricing: campaigns.PricingCPM, Price: 2, MaxBid: 1,
					CreativeIDs: []campaigns.ID{creative.ID}}
				l.ExternalID = fmt.Sprint("x-", n*each+i)
				l.Targeting.Domains.Include = []string{"news.example", "sport.example", fmt.Sprintf("s%d.example", i)}
				must(x.Create(ctx, l))
				lines = append(lines, l.ID)
			}
			return nil
		}))
	}
	return lines, owners
}
