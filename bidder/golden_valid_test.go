package bidder

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"bidhawk/campaigns"
)

// TestCreativesOfGoldenAuctionsAreValid: golden auctions show what becomes of
// creatives that can be, those that the rules of campaigns let in.
func TestCreativesOfGoldenAuctionsAreValid(t *testing.T) {
	contents, err := testContents()
	if err != nil {
		t.Fatal(err)
	}
	library := creativeLibrary(t)
	f := func(where string, raw json.RawMessage) {
		t.Helper()
		c := creativeOf(t, library, raw)
		cat := newCatalog(nil, []campaigns.Creative{c})
		refs := campaigns.Refs{Agency: cat.Agencies[1], Advertiser: cat.Advertisers[2], Categories: contents}
		stored := cat.Creatives[100]
		stored.ID = 0 // new
		if err := stored.Validate(&refs); err != nil {
			t.Errorf("%s: %s: %v", where, raw, err)
		}
	}
	for name := range library {
		f("testdata/creatives.json", json.RawMessage(`{"use":"`+name+`"}`))
	}
	for _, path := range goldenFiles(t) {
		g := readGolden(t, path)
		all := slices.Clone(g.Campaigns.Creatives)
		for i := range g.Auctions {
			all = append(all, g.Auctions[i].Creatives...)
		}
		for _, raw := range all {
			f(filepath.Base(path), raw)
		}
	}
}
