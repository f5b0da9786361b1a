package bidder

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
)

// TestCountsKeepNothingOfARequest sends requests over one connection, whose
// buffer each of them overwrites: what is counted must not point into it.
func TestCountsKeepNothingOfARequest(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	var ctx fasthttp.RequestCtx
	for _, domain := range []string{"news.example", "news.example", "blog.example"} {
		for range len(h.counts.shards) { // a bid in each shard
			ctx.Request.Reset()
			ctx.Request.Header.SetMethod("POST")
			ctx.Request.SetRequestURI("/openrtb2/demo")
			ctx.Request.SetBodyString(strings.Replace(plainRequest, "news.example", domain, 1))
			ctx.Response.Reset()
			h.Handle(&ctx)
			if got := ctx.Response.StatusCode(); got != 200 {
				t.Fatalf("got %d; want a bid", got)
			}
		}
	}
	if err := h.flushCounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, v := range h.events.of(eventlog.TopicAuctions) {
		var r countsRecord
		if err := json.Unmarshal([]byte(v), &r); err != nil {
			t.Fatal(err)
		}
		for _, row := range r.Rows {
			got[row.Site] += row.Bids
		}
	}
	want := map[string]int64{"news.example": 32, "blog.example": 16}
	if !maps.Equal(got, want) {
		t.Fatalf("got %v; want %v", got, want)
	}
}
