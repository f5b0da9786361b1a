package supply

import (
	"os"
	"path/filepath"
	"testing"

	"bidhawk/internal/openrtb"
)

// TestCorpus judges every public request as its own exchange would sell it: the
// last node of its chain. It holds that nothing panics, that a chain which ends
// in the offer's account is not broken for that, and logs what requests show.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("BIDHAWK_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, err := filepath.Glob(filepath.Join(dir, "openrtb", "valid", "*.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("%s is missing (%v)", filepath.Join(dir, "openrtb", "valid"), err)
	}
	s := mustLoad(t, world{"ads.txt/site.example": sells}.write(t))
	r := &Rules{AdsTxt: Deny, SellersJSON: Deny, SChain: Deny}
	var chains, incomplete, longest, unpaid, named, same int
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var req openrtb.BidRequest
		if req.Decode(body) != nil || req.SChain == nil || len(req.SChain.Nodes) == 0 {
			continue
		}
		c := req.SChain
		chains++
		longest = max(longest, len(c.Nodes))
		if !c.Complete.Yes() {
			incomplete++
		}
		for i := range c.Nodes {
			if !paid(&c.Nodes[i]) {
				unpaid++
			}
		}
		last := &c.Nodes[len(c.Nodes)-1]
		o := &Offer{AdSystem: string(last.ASI), Seller: last.SID, Chain: c, App: req.App != nil}
		want := OK
		if _, ok := domainOf(o.AdSystem); !ok {
			want = SChainBroken // an asi that is no domain
		}
		if got := s.Judge(r, o); got != want {
			t.Errorf("%s: %s/%s: got %v; want %v", filepath.Base(name), last.ASI, last.SID, got, want)
		}
		var p *openrtb.Publisher
		switch {
		case req.Site != nil:
			p = req.Site.Publisher
		case req.App != nil:
			p = req.App.Publisher
		}
		if p != nil && len(p.ID) > 0 {
			named++
			if o.Seller = p.ID; s.Judge(r, o) == OK {
				same++
			}
		}
	}
	t.Logf("%d chains, %d incomplete, the longest of %d nodes, %d nodes with hp=0; publisher.id is the last sid in %d of %d",
		chains, incomplete, longest, unpaid, same, named)
}
