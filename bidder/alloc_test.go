//go:build !race

package bidder

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"bidhawk/campaigns"
)

// TestAllocationsOfARequest bounds what a request allocates in the steady state:
// nothing, whatever it asks for.
func TestAllocationsOfARequest(t *testing.T) {
	library := creativeLibrary(t)
	ad := func(name string) campaigns.Creative {
		return creativeOf(t, library, json.RawMessage(`{"use":"`+name+`"}`))
	}
	body, err := os.ReadFile(filepath.Join("testdata", "bench-2400.json"))
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, cat *campaigns.Catalog, body string, status int) {
		t.Helper()
		h := newHouse(t, cat, func(_ *Config, d *Deps) {
			for i := range d.Exchanges {
				d.Exchanges[i].MaxAnswerBytes = 0
			}
		})
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
	one := func(c ...campaigns.Creative) *campaigns.Catalog {
		return newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, c)
	}
	f("banner", one(box()), string(body), 200)
	f("banner, no bid", one(box()), strings.Replace(string(body), `"bidfloor":0.72`, `"bidfloor":99`, 1), 204)
	f("first price", one(box()), firstPrice, 200)
	f("tag", one(ad("tag")), plainRequest, 200)

	const banner = `"banner":{"w":300,"h":250}`
	with := func(offer string) string { return strings.Replace(plainRequest, banner, offer, 1) }
	const video = `"video":{"mimes":["video/mp4"],"protocols":[2,3,7],"minduration":5,"maxduration":30}`
	f("video", one(ad("film15")), with(video), 200)
	f("video, no bid", one(ad("film15")), with(strings.Replace(video, "30", "10", 1)), 204)
	f("audio", one(ad("spot")), with(`"audio":{"mimes":["audio/mpeg"],"protocols":[2,3]}`), 200)
	const native = `"native":{"request":"{\"assets\":[{\"id\":1,\"required\":1,\"title\":{\"len\":40}},{\"id\":2,\"required\":1,\"img\":{\"type\":3,\"wmin\":600,\"hmin\":300}}]}"}`
	f("native", one(ad("native")), with(native), 200)
	f("native, no bid", one(ad("native")), with(strings.Replace(native, "40", "4", 1)), 204)

	deal := newCatalog([]campaigns.LineItem{cpm(3_000_000, campaigns.Targeting{Deals: []string{"d1"}}), cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()})
	f("deal beside the open auction", deal, with(banner+`,"pmp":{"deals":[{"id":"d0","guar":1},{"id":"d1","bidfloor":1,"wadomain":["shop.example"]}]}`), 200)
	f("deal, no bid", deal, with(banner+`,"pmp":{"private_auction":1,"deals":[{"id":"d1","bidfloor":9}]}`), 204)

	var items []campaigns.LineItem
	var films []campaigns.Creative
	for i, domain := range []string{"one.example", "two.example", "three.example"} {
		c := ad("film15")
		c.ID, c.ADomain = campaigns.ID(100+i), []string{domain}
		films = append(films, c)
		li := cpm(2_000_000, campaigns.Targeting{})
		li.CreativeIDs = []campaigns.ID{c.ID}
		items = append(items, li)
	}
	f("pod", newCatalog(items, films), with(strings.Replace(video, "}", `,"podid":"p","poddur":60,"maxseq":3,"mincpmpersec":0.1}`, 1)), 200)
	f("pod, no bid", newCatalog(items, films), with(strings.Replace(video, "}", `,"podid":"p","poddur":10}`, 1)), 204)

	blocks := `"bcat":["IAB7","IAB9-3"],"badv":["a.example","b.example"],"bapp":["com.a"],"wlang":["de"],"tmax":100`
	f("block lists", one(box()), strings.Replace(plainRequest, `"tmax":100`, blocks, 1), 200)
	dsa := `"regs":{"ext":{"dsa":{"dsarequired":2,"pubrender":1}}},"tmax":100`
	f("dsa", one(box()), strings.Replace(plainRequest, `"tmax":100`, dsa, 1), 200)
}

// TestAllocationsOfNoBidBodies: a no-bid in words between bids costs neither anything.
func TestAllocationsOfNoBidBodies(t *testing.T) {
	h := oneLine(t)
	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetMethod("POST")
	ctx.Request.SetRequestURI("/openrtb2/wordy")
	dear := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":99`, 1)
	n := testing.AllocsPerRun(500, func() {
		for _, body := range [...]string{plainRequest, dear} {
			ctx.Request.SetBodyString(body)
			ctx.Response.Reset()
			h.Handle(&ctx)
			h.wallet.reserved = h.wallet.reserved[:0]
		}
	})
	if n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
