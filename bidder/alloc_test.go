//go:build !race

package bidder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"bidhawk/campaigns"
)

// TestAllocationsOfARequest bounds what a request allocates in the steady state.
func TestAllocationsOfARequest(t *testing.T) {
	body, err := os.ReadFile(filepath.Join("testdata", "bench-2400.json"))
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	f := func(name, body string, status int) {
		t.Helper()
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod("POST")
		ctx.Request.SetRequestURI("/openrtb2/demo")
		ctx.Request.SetBodyString(body)
		n := testing.AllocsPerRun(500, func() {
			ctx.Response.Reset()
			h.Handle(&ctx)
			h.wallet.reserved = h.wallet.reserved[:0]
		})
		if ctx.Response.StatusCode() != status {
			t.Fatalf("%s: got %d; want %d", name, ctx.Response.StatusCode(), status)
		}
		if n != 0 {
			t.Errorf("%s: %v allocations; want 0", name, n)
		}
	}
	f("bid", string(body), 200)
	f("no bid", strings.Replace(string(body), `"bidfloor":0.72`, `"bidfloor":99`, 1), 204)
}
