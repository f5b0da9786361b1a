package pacing

import (
	"maps"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// testCatalog is two advertisers, each with two campaigns of three line items.
// Line items 1, 4, ... are EVEN CPM, 2, 5, ... ASAP CPM, 3, 6, ... ASAP CPC.
func testCatalog() *campaigns.Catalog {
	c := &campaigns.Catalog{
		Generation: 1, Agencies: map[campaigns.ID]*campaigns.Agency{}, Advertisers: map[campaigns.ID]*campaigns.Advertiser{},
		Campaigns: map[campaigns.ID]*campaigns.Campaign{}, LineItems: map[campaigns.ID]*campaigns.LineItem{},
		Creatives: map[campaigns.ID]*campaigns.Creative{}, Kill: campaigns.KillState{LineItems: map[campaigns.ID]bool{}},
	}
	meta := func(id campaigns.ID) campaigns.Meta { return campaigns.Meta{ID: id, Revision: 1} }
	c.Agencies[1] = &campaigns.Agency{Meta: meta(1), Status: campaigns.StatusActive, PlatformFee: 150_000}
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for a := campaigns.ID(1); a <= 2; a++ {
		c.Advertisers[a] = &campaigns.Advertiser{Meta: meta(a), AgencyID: 1, Status: campaigns.StatusActive, Currency: money.USD,
			TimeZone: []string{"", "America/New_York", "Asia/Tokyo"}[a], Budget: campaigns.Budget{Daily: 400_000_000, Lifetime: 2_000_000_000}}
		for k := (a-1)*2 + 1; k <= a*2; k++ {
			c.Campaigns[k] = &campaigns.Campaign{Meta: meta(k), AdvertiserID: a, Status: campaigns.StatusActive, Start: start,
				End: start.AddDate(0, 2, 0), Budget: campaigns.Budget{Daily: 250_000_000}}
			for i := (k-1)*3 + 1; i <= k*3; i++ {
				li := &campaigns.LineItem{Meta: meta(i), CampaignID: k, Status: campaigns.StatusActive, Pricing: campaigns.PricingCPM,
					Price: 3_000_000, MaxBid: 2_500_000, DataFee: 200_000, Pacing: campaigns.PacingASAP, ExpectedCTR: 20_000,
					Budget: campaigns.Budget{Daily: 120_000_000, Lifetime: 700_000_000}}
				switch i % 3 {
				case 1:
					li.Pacing = campaigns.PacingEven
				case 0:
					li.Pricing, li.Price = campaigns.PricingCPC, 40_000
				}
				c.LineItems[i] = li
			}
		}
	}
	return c
}

// cloneCatalog copies the entities that tests edit.
func cloneCatalog(c *campaigns.Catalog) *campaigns.Catalog {
	out := *c
	out.Advertisers = cloneEntities(c.Advertisers)
	out.Campaigns = cloneEntities(c.Campaigns)
	out.LineItems = cloneEntities(c.LineItems)
	out.Kill.LineItems = maps.Clone(c.Kill.LineItems)
	return &out
}

func cloneEntities[T any](m map[campaigns.ID]*T) map[campaigns.ID]*T {
	out := make(map[campaigns.ID]*T, len(m))
	for id, v := range m {
		x := *v
		out[id] = &x
	}
	return out
}

func lineageOf(t *testing.T, c *campaigns.Catalog, id campaigns.ID) campaigns.Lineage {
	t.Helper()
	l, ok := c.Lineage(id)
	if !ok {
		t.Fatalf("line item %d is not in the catalogue", id)
	}
	return l
}
