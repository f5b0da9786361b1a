package node

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prebid/openrtb/v20/openrtb2"
)

// uploaded is an asset as the API answers it.
type uploaded struct {
	ID                 int64
	File, Type, SHA256 string
	W, H               int
}

// upload sends a file as the operator; it wants 201.
func (r *running) upload(advertiser int64, name string, content []byte) (a uploaded) {
	r.t.Helper()
	r.do("POST", fmt.Sprintf("/v1/assets?advertiser_id=%d&name=%s", advertiser, name), string(content), &a, "Content-Type", "image/gif") // it goes by content
	return a
}

func pngOf(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAnUploadedImageIsBidAndServed goes the way of a file: uploaded, named by a
// creative, bid with, loaded by a browser.
func TestAnUploadedImageIsBidAndServed(t *testing.T) {
	r := start(t, installation(t))
	acme, campaign := r.entity("/v1/advertisers", "Acme Motors"), r.entity("/v1/campaigns", "Acme always on")
	content := pngOf(t, 333, 77)
	asset := r.upload(acme, "tea.png", content)
	if asset.Type != "image" || asset.W != 333 || asset.H != 77 || asset.File != asset.SHA256+".png" {
		t.Fatalf("got %+v", asset)
	}
	creative := r.create("/v1/creatives", fmt.Sprintf(`{"advertiser_id":%d,"name":"uploaded","asset_id":%d,
		"landing_url":"https://www.acme-motors.example/x","adomain":["acme-motors.example"]}`, acme, asset.ID))
	id := r.create("/v1/line-items", fmt.Sprintf(`{"campaign_id":%d,"name":"uploaded","pricing":"cpm","price_micros":2000000,"max_bid_micros":1500000,
		"pacing":"asap","budget":{"lifetime_nanos":1000000000000},"creative_ids":[%d]}`, campaign, creative))
	w, h := int64(333), int64(77)
	bid := r.bidding(line{id, openrtb2.Banner{W: &w, H: &h}}, "u1")
	address := "http://127.0.0.1:8080/c/" + asset.File
	if !strings.Contains(bid.AdM, `<img src="`+address+`" width="333" height="77"`) {
		t.Fatalf("the markup shows no %s: %s", address, bid.AdM)
	}

	get := func(path string, headers ...string) (*http.Response, []byte) {
		t.Helper()
		req, err := http.NewRequest("GET", r.bids(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, b
	}
	resp, body := get("/c/" + asset.File)
	if resp.StatusCode != 200 || !bytes.Equal(body, content) || resp.Header.Get("Content-Type") != "image/png" ||
		resp.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("got %d %v", resp.StatusCode, resp.Header)
	}
	if resp, _ := get("/c/"+asset.File, "If-None-Match", resp.Header.Get("ETag")); resp.StatusCode != http.StatusNotModified {
		t.Errorf("what is held already: got %d; want 304", resp.StatusCode)
	}
	if resp, body := get("/c/"+asset.File, "Range", "bytes=1-3"); resp.StatusCode != http.StatusPartialContent || string(body) != "PNG" {
		t.Errorf("a range: got %d %q", resp.StatusCode, body)
	}
	if resp, _ := get("/c/" + strings.Repeat("0", 64) + ".png"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown file: got %d; want 404", resp.StatusCode)
	}
	// Never from the console's origin: there it would have its cookies.
	if status, _, _ := r.call(r.key, "GET", "/c/"+asset.File, ""); status != http.StatusNotFound {
		t.Errorf("from the API's listener: got %d; want 404", status)
	}
}
