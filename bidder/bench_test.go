package bidder

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/valyala/fasthttp"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// benchHouse has n line items of which a tenth or so want each request.
func benchHouse(b *testing.B, n int) *house {
	r := rand.New(rand.NewPCG(1, 2))
	countries := []string{"USA", "CAN", "GBR", "DEU", "FRA", "JPN", "CHN", "BRA", "IND", "AUS"}
	var items []campaigns.LineItem
	for range n {
		t := campaigns.Targeting{}
		for range 1 + r.IntN(3) {
			t.Countries.Include = append(t.Countries.Include, countries[r.IntN(len(countries))])
		}
		for range 10 {
			t.Domains.Exclude = append(t.Domains.Exclude, fmt.Sprintf("s%d.example", r.IntN(200)))
		}
		if r.IntN(2) == 0 {
			t.Tags.AnyOf = [][]string{{"auto", "sports"}}
		}
		items = append(items, cpm(money.CPM(1_000_000+r.IntN(9_000_000)), t))
	}
	var creatives []campaigns.Creative
	for _, size := range [][2]int{{300, 250}, {728, 90}, {320, 50}, {160, 600}, {970, 250}, {336, 280}} {
		c := box()
		c.W, c.H = size[0], size[1]
		creatives = append(creatives, c)
	}
	h := newHouse(b, newCatalog(items, creatives))
	h.users[h.keys.User('b', "demo", []byte("3d9dc1bb-f710-4ef1-a385-e54c890d02ee"))] = []campaigns.TagKey{campaigns.NewTagKey(0, 2)}
	return h
}

// BenchmarkHandle is a request from its body to its answer, without the network.
func BenchmarkHandle(b *testing.B) {
	body, err := os.ReadFile(filepath.Join("testdata", "bench-2400.json"))
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("lines=%d", n), func(b *testing.B) {
			h := benchHouse(b, n)
			var ctx fasthttp.RequestCtx
			ctx.Request.Header.SetMethod("POST")
			ctx.Request.SetRequestURI("/openrtb2/demo")
			ctx.Request.SetBody(body)
			h.Handle(&ctx)
			if ctx.Response.StatusCode() != 200 {
				b.Fatalf("got %d; want a bid: %v", ctx.Response.StatusCode(), h.metrics.Totals().NoBids)
			}
			b.ReportAllocs()
			for b.Loop() {
				ctx.Response.Reset()
				h.Handle(&ctx)
				h.wallet.reserved = h.wallet.reserved[:0]
			}
		})
	}
}
