//go:build !race

package openrtb

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDecodeDoesNotAllocate(t *testing.T) {
	for _, name := range []string{"banner", "pod", "deviations"} {
		body := readFile(t, filepath.Join("testdata", name+".json"))
		var r BidRequest
		n := testing.AllocsPerRun(100, func() {
			if r.Decode(body) != nil || r.Validate() != nil {
				t.Fatalf("%s is refused", name)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations per request; want 0", name, n)
		}
	}
}

func TestDecodeOfSharedFilesDoesNotAllocate(t *testing.T) {
	var bodies [][]byte
	for _, path := range jsonFiles(t, "valid") {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	var r BidRequest
	n := testing.AllocsPerRun(3, func() {
		for _, body := range bodies {
			if err := r.Decode(body); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for %d requests; want 0", n, len(bodies))
	}
}

func TestEncodeDoesNotAllocate(t *testing.T) {
	resp := sampleResponse()
	dst := AppendBidResponse(nil, resp)
	if n := testing.AllocsPerRun(100, func() { dst = AppendBidResponse(dst[:0], resp) }); n != 0 {
		t.Errorf("%v allocations per answer; want 0", n)
	}
}

// TestMemoryIsGivenBack: one huge request does not stay in a pool.
func TestMemoryIsGivenBack(t *testing.T) {
	var r BidRequest
	body := []byte(`{"badv":[`)
	for range 20_000 {
		body = append(body, `"\u0061dvertiser.example",`...)
	}
	body = append(body, `"last.example"]}`...)
	if err := r.Decode(body); err != nil || len(r.BAdv) != 20_001 {
		t.Fatalf("got %d domains, %v", len(r.BAdv), err)
	}
	r.Reset()
	if n := cap(r.store.views.buf); n > keepStrings {
		t.Errorf("keeps %d strings; want at most %d", n, keepStrings)
	}
	if n := cap(r.store.scratch); n > keepScratch {
		t.Errorf("keeps %d bytes; want at most %d", n, keepScratch)
	}
}
