//go:build !race

package supply

import (
	"testing"
)

func TestAllocJudge(t *testing.T) {
	s := mustLoad(t, world{
		"ads.txt/site.example":          "exchange.example, X1, DIRECT\nnetwork.example, N1, DIRECT\ninventorypartnerdomain=partner.example\n",
		"ads.txt/partner.example":       sells,
		"app-ads.txt/dev.example":       "exchange.example, X1, DIRECT\n",
		"bundles.tsv":                   "store.example:com.game\tdev.example\n",
		"sellers.json/exchange.example": sellersJSON("X1 INTERMEDIARY network.example"),
		"sellers.json/network.example":  sellersJSON("N1 PUBLISHER site.example"),
	}.write(t))
	r := &Rules{AdsTxt: Require, SellersJSON: Require, SChain: Require, IncompleteSChain: Deny, TrustAppDomain: true,
		BlockedNodes: mustNodes(t, "bad.example", "exchange.example/9")}
	f := func(name string, s *Snapshot, o *Offer, want Verdict) {
		t.Helper()
		got, all := OK, make([]Verdict, 0, 8)
		n := testing.AllocsPerRun(1000, func() {
			got = s.Judge(r, o)
			all = s.AppendVerdicts(all[:0], r, o)
		})
		if got != want {
			t.Errorf("%s: got %v; want %v", name, got, want)
		}
		if n != 0 {
			t.Errorf("%s: %v allocations; want 0", name, n)
		}
	}
	site := siteOffer("www.news.Site.example", "1 Network.example/n1 exchange.example/X1")
	f("site", s, site, OK)
	f("nothing known", nil, site, AdsTxtMissing)
	f("violation", s, siteOffer("site.example", "1 other.example/1 exchange.example/X1"), SChainBroken)
	f("unknown site", s, siteOffer("unknown.example", "1 network.example/N1 exchange.example/X1"), AdsTxtMissing)
	partner := siteOffer("site.example", "1 network.example/N1 exchange.example/X1")
	partner.InventoryPartner = []byte("Partner.example")
	f("partner", s, partner, OK)
	app := siteOffer("ignored.example", "1 network.example/N1 exchange.example/X1")
	app.App, app.Bundle, app.StoreURL = true, []byte("com.Game"), []byte("https://store.example/com.game")
	f("app", s, app, AdsTxtViolation)
}
