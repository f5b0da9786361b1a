package supply

import (
	"slices"
	"strings"
	"testing"

	"bidhawk/internal/openrtb"
)

// chain reads "1 asi/sid asi/sid/0 ...": complete, then the nodes, hp last; "" is no chain.
func chain(text string) *openrtb.SChain {
	if text == "" {
		return nil
	}
	f := strings.Fields(text)
	c := &openrtb.SChain{Complete: openrtb.FlagNo, Ver: []byte("1.0")}
	if f[0] == "1" {
		c.Complete = openrtb.FlagYes
	}
	for _, node := range f[1:] {
		p := append(strings.Split(node, "/"), "", "")
		n := openrtb.SChainNode{ASI: []byte(p[0]), SID: []byte(p[1]), HP: openrtb.FlagYes}
		if p[2] == "0" {
			n.HP = openrtb.FlagNo
		}
		c.Nodes = append(c.Nodes, n)
	}
	return c
}

func siteOffer(domain, nodes string) *Offer {
	return &Offer{AdSystem: "exchange.example", Seller: []byte("X1"), Domain: []byte(domain), Chain: chain(nodes)}
}

func mustNodes(t testing.TB, nodes ...string) NodeSet {
	t.Helper()
	set, err := NewNodeSet(nodes...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func judged(t *testing.T, s *Snapshot, r *Rules, o *Offer, want Verdict) {
	t.Helper()
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	got := s.Judge(r, o)
	if got != want {
		t.Errorf("%+v of %s%s %s by %s: got %v; want %v", *r, o.Domain, o.Bundle, o.Seller, o.AdSystem, got, want)
	}
	all := s.AppendVerdicts(nil, r, o)
	if got == OK && len(all) > 0 || got != OK && (len(all) == 0 || all[0] != got) {
		t.Errorf("got %v first of all; Judge says %v", all, got)
	}
}

// TestJudgeAdsTxt has nbr 11 and 12.
func TestJudgeAdsTxt(t *testing.T) {
	s := mustLoad(t, world{
		"ads.txt/site.example": "Exchange.Example, x1, DIRECT\nnetwork.example, N1, DIRECT\n",
		"ads.txt/none.example": "placeholder.example.com, placeholder, DIRECT, placeholder\n",
	}.write(t))
	f := func(domain, nodes string, deny, require Verdict) {
		t.Helper()
		judged(t, s, &Rules{}, siteOffer(domain, nodes), OK)
		judged(t, s, &Rules{AdsTxt: Deny}, siteOffer(domain, nodes), deny)
		judged(t, s, &Rules{AdsTxt: Require}, siteOffer(domain, nodes), require)
	}
	f("site.example", "", OK, OK)
	f("none.example", "", AdsTxtViolation, AdsTxtViolation)
	f("unknown.example", "", OK, AdsTxtMissing)
	f("not a domain", "", OK, AdsTxtMissing)
	// Whom the owner deals with is asked of complete chains; of those between, by Require.
	f("site.example", "1 network.example/n1 exchange.example/X1", OK, OK)
	f("site.example", "1 strange.example/n1 exchange.example/X1", AdsTxtViolation, AdsTxtViolation)
	f("site.example", "0 strange.example/n1 exchange.example/X1", OK, AdsTxtViolation)
	f("site.example", "1 network.example/n1 strange.example/1 exchange.example/X1", OK, AdsTxtViolation)
	f("site.example", "1 wrapper.example/w1/0 network.example/n1 exchange.example/X1", OK, OK)
	f("site.example", "1 wrapper.example/w1/0 strange.example/n1 exchange.example/X1", AdsTxtViolation, AdsTxtViolation)

	o := siteOffer("site.example", "")
	o.Seller = []byte(strings.Repeat("x", maxAccount+1))
	judged(t, s, &Rules{AdsTxt: Deny}, o, AdsTxtViolation)
	o.Seller = nil
	judged(t, s, &Rules{AdsTxt: Deny}, o, OK)
	judged(t, s, &Rules{AdsTxt: Require}, o, AdsTxtMissing)
	o = siteOffer("site.example", "")
	o.AdSystem = ""
	judged(t, s, &Rules{AdsTxt: Deny}, o, OK)
}

func TestJudgeApp(t *testing.T) {
	s := mustLoad(t, world{
		"ads.txt/dev.example":       "other.example, 1, DIRECT\n", // a web site's, of no concern to apps
		"app-ads.txt/dev.example":   "exchange.example, X1, DIRECT\n",
		"app-ads.txt/evil.example":  "exchange.example, X1, DIRECT\n",
		"app-ads.txt/other.example": "exchange.example, X2, DIRECT\n",
		"bundles.tsv": "com.example.Game\thttps://www.dev.example/game\nstore.example:123\tdev.example\n" +
			"tv.example:123\tother.example\ncom.nofile\tnofile.example\n",
	}.write(t))
	f := func(bundle, store, domain string, want, require, trusting Verdict) {
		t.Helper()
		o := &Offer{AdSystem: "exchange.example", Seller: []byte("X1"), App: true,
			Bundle: []byte(bundle), StoreURL: []byte(store), Domain: []byte(domain)}
		judged(t, s, &Rules{AdsTxt: Deny}, o, want)
		judged(t, s, &Rules{AdsTxt: Require}, o, require)
		judged(t, s, &Rules{AdsTxt: Require, TrustAppDomain: true}, o, trusting)
	}
	f("com.example.game", "", "", OK, OK, OK)
	f("com.example.game", "https://play.google.com/store/apps/details?id=com.example.game", "", OK, OK, OK)
	f("123", "https://Store.example/app/123", "", OK, OK, OK)
	f("123", "https://tv.example/123", "", AdsTxtViolation, AdsTxtViolation, AdsTxtViolation)
	f("123", "", "", OK, AdsTxtMissing, AdsTxtMissing)
	// Only a policy takes the seller's word for the domain, and only where the map has none.
	f("com.strange", "", "evil.example", OK, AdsTxtMissing, OK)
	f("com.nofile", "", "evil.example", OK, AdsTxtMissing, AdsTxtMissing)
	f(strings.Repeat("x", 300), strings.Repeat("y", 300), "evil.example", OK, AdsTxtMissing, OK)
}

// TestJudgeInventoryPartner has the table of guidance 3.5.
func TestJudgeInventoryPartner(t *testing.T) {
	s := mustLoad(t, world{
		"app-ads.txt/dev.example": "exchange.example, X1, DIRECT\ninventorypartnerdomain=Programmer.example\ninventorypartnerdomain=gone.example\n" +
			"inventorypartnerdomain=hop.example\n",
		"ads.txt/programmer.example":     "exchange.example, P1, RESELLER\n",
		"app-ads.txt/programmer.example": "exchange.example, A1, DIRECT\n", // not followed, even for apps
		"ads.txt/hop.example":            "exchange.example, H1, DIRECT\ninventorypartnerdomain=programmer.example\n",
		"ads.txt/strange.example":        "exchange.example, P1, DIRECT\n",
		"bundles.tsv":                    "app\tdev.example\nnofile\tnofile.example\n",
	}.write(t))
	f := func(bundle, partner, seller string, deny, require Verdict) {
		t.Helper()
		o := &Offer{AdSystem: "exchange.example", Seller: []byte(seller), App: true, Bundle: []byte(bundle), InventoryPartner: []byte(partner)}
		judged(t, s, &Rules{AdsTxt: Deny}, o, deny)
		judged(t, s, &Rules{AdsTxt: Require}, o, require)
	}
	f("nofile", "programmer.example", "P1", OK, AdsTxtMissing)
	f("app", "programmer.example", "X1", OK, OK)
	f("app", "PROGRAMMER.example", "p1", OK, OK)
	f("app", "", "P1", AdsTxtViolation, AdsTxtViolation)
	f("app", "strange.example", "P1", AdsTxtViolation, AdsTxtViolation)
	f("app", "gone.example", "P1", OK, AdsTxtMissing)
	f("app", "programmer.example", "P2", AdsTxtViolation, AdsTxtViolation)
	f("app", "programmer.example", "A1", AdsTxtViolation, AdsTxtViolation)
	f("app", "hop.example", "P1", AdsTxtViolation, AdsTxtViolation)
	f("app", "not a domain", "P1", AdsTxtViolation, AdsTxtViolation)
}

// TestJudgeChain has nbr 16.
func TestJudgeChain(t *testing.T) {
	s := mustLoad(t, world{
		"ads.txt/site.example": "exchange.example, X1, RESELLER\nnetwork.example, N1, DIRECT\nnetwork.example, R1, RESELLER\n",
		"sellers.json/exchange.example": sellersJSON("X1 INTERMEDIARY network.example", "X2 PUBLISHER site.example",
			"X3 INTERMEDIARY parent.example", "X4 ?", "X5 BOTH"),
		"sellers.json/network.example": sellersJSON("N1 PUBLISHER site.example", "N2 INTERMEDIARY deep.example", "N3 BOTH site.example",
			"R1 PUBLISHER site.example"),
	}.write(t))
	f := func(seller, nodes string, deny, require Verdict) {
		t.Helper()
		o := siteOffer("site.example", nodes)
		o.Seller = []byte(seller)
		judged(t, s, &Rules{}, o, OK)
		judged(t, s, &Rules{SChain: Deny}, o, deny)
		judged(t, s, &Rules{SChain: Require}, o, require)
	}
	f("X1", "", OK, SChainMissing)
	f("X2", "1 exchange.example/X2", OK, OK)
	f("X2", "1 EXCHANGE.example./x2", OK, OK)
	f("X1", "1 network.example/N1 exchange.example/X1", OK, OK)
	f("X1", "1", SChainBroken, SChainBroken)
	// The exchange did not append its node, or sells another account.
	f("X1", "1 network.example/N1", SChainBroken, SChainBroken)
	f("X1", "1 exchange.example/X1 network.example/N1", SChainBroken, SChainBroken)
	f("X2", "1 exchange.example/X9", SChainBroken, SChainBroken)
	f("", "1 exchange.example/X2", OK, OK)
	// A link that sellers.json contradicts.
	f("X1", "1 strange.example/S1 exchange.example/X1", SChainBroken, SChainBroken)
	f("X1", "1 network.example/N1 wrapper.example/W1/0 exchange.example/X1", OK, OK)
	f("X3", "1 ssp.parent.example/1 exchange.example/X3", OK, OK)
	f("X4", "1 strange.example/S1 exchange.example/X4", OK, OK) // confidential, without a domain
	f("X5", "1 strange.example/S1 exchange.example/X5", OK, OK) // no domain
	f("X9", "1 strange.example/S1 exchange.example/X9", OK, OK) // not known
	// The first node's seller is an intermediary, so nodes are missing.
	f("X1", "1 exchange.example/X1", IncompleteSChain, IncompleteSChain)
	f("X1", "0 exchange.example/X1", OK, OK)
	f("X1", "1 network.example/N2 exchange.example/X1", IncompleteSChain, IncompleteSChain)
	f("X1", "1 network.example/N3 exchange.example/X1", OK, OK)
	// The owner has the first node as RESELLER alone.
	f("X1", "1 network.example/R1 exchange.example/X1", OK, SChainBroken)
	f("X1", "0 network.example/R1 exchange.example/X1", OK, OK)

	g := func(nodes string, want Verdict) {
		t.Helper()
		judged(t, s, &Rules{IncompleteSChain: Deny}, siteOffer("site.example", nodes), want)
	}
	g("", OK)
	g("1 strange.example/1", OK)
	g("0 exchange.example/X1", IncompleteSChain)
	judged(t, s, &Rules{SChain: Require}, siteOffer("site.example", "0 exchange.example/X1"), OK)
	o := siteOffer("site.example", "1 whoever.example/X1")
	o.AdSystem = ""
	judged(t, s, &Rules{SChain: Deny}, o, OK)
}

func TestJudgeSellers(t *testing.T) {
	s := mustLoad(t, world{
		"sellers.json/exchange.example": sellersJSON("X1 PUBLISHER"),
		"sellers.json/network.example":  sellersJSON("N1 ?"),
		"sellers.json/wrapper.example":  sellersJSON("W1 PUBLISHER"),
	}.write(t))
	f := func(seller, nodes string, deny, require Verdict) {
		t.Helper()
		o := siteOffer("site.example", nodes)
		o.Seller = []byte(seller)
		judged(t, s, &Rules{}, o, OK)
		judged(t, s, &Rules{SellersJSON: Deny}, o, deny)
		judged(t, s, &Rules{SellersJSON: Require}, o, require)
	}
	f("X1", "", OK, OK)
	f("x1", "", OK, OK)
	f("X2", "", SellersViolation, SellersViolation)
	f("", "", OK, SellersMissing)
	f("X1", "1 network.example/N1 exchange.example/X1", OK, OK)
	f("X1", "1 network.example/N2 exchange.example/X1", SellersViolation, SellersViolation)
	f("X1", "1 unknown.example/1 exchange.example/X1", OK, SellersMissing)
	f("X1", "1 unknown.example/1 network.example/N2 exchange.example/X1", SellersViolation, SellersViolation)
	f("X1", "1 wrapper.example/W1/0 exchange.example/X1", OK, OK)
	f("X1", "1 wrapper.example/W2/0 exchange.example/X1", OK, SellersViolation)
	long := "0" + strings.Repeat(" network.example/N1", 2*keptAccounts)
	f("X1", long+" exchange.example/X1", OK, OK)
	f("X1", long+" network.example/N2 exchange.example/X1", SellersViolation, SellersViolation)
}

// TestJudgeBlockedNodes has nbr 17.
func TestJudgeBlockedNodes(t *testing.T) {
	r := &Rules{BlockedNodes: mustNodes(t, "Bad.example", "network.example/N-1", "exchange.example/X2")}
	f := func(seller, nodes string, want Verdict) {
		t.Helper()
		o := siteOffer("site.example", nodes)
		o.Seller = []byte(seller)
		judged(t, nil, r, o, want)
	}
	f("X1", "", OK)
	f("x2", "", BlockedNode)
	f("X1", "0 bad.EXAMPLE./anything exchange.example/X1", BlockedNode)
	f("X1", "0 bad.example/anything/0 exchange.example/X1", BlockedNode)
	f("X1", "1 network.example/n-1 exchange.example/X1", BlockedNode)
	f("X1", "1 network.example/N-2 exchange.example/X1", OK)
	f("X1", "1 sub.bad.example/1 exchange.example/X1", OK)
	f("X1", "1 not+a+domain/1 exchange.example/X1", OK)
}

func TestJudgeKnowsNothing(t *testing.T) {
	o := siteOffer("site.example", "1 network.example/N1 exchange.example/X1")
	judged(t, nil, &Rules{AdsTxt: Deny, SellersJSON: Deny, SChain: Require}, o, OK)
	judged(t, nil, &Rules{AdsTxt: Require}, o, AdsTxtMissing)
	judged(t, nil, &Rules{SellersJSON: Require}, o, SellersMissing)
	judged(t, nil, &Rules{SChain: Deny}, siteOffer("site.example", "1 network.example/N1"), SChainBroken)
}

func TestAppendVerdicts(t *testing.T) {
	s := mustLoad(t, world{
		"ads.txt/site.example":          sells,
		"sellers.json/exchange.example": sellersJSON("X9 PUBLISHER"),
	}.write(t))
	r := &Rules{AdsTxt: Deny, SellersJSON: Deny, SChain: Require, BlockedNodes: mustNodes(t, "exchange.example")}
	got := s.AppendVerdicts(nil, r, siteOffer("site.example", ""))
	if want := []Verdict{BlockedNode, SChainMissing, AdsTxtViolation, SellersViolation}; !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestRulesValidate(t *testing.T) {
	f := func(r Rules, want string) {
		t.Helper()
		err := r.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%+v: got %v; want %q", r, err, want)
		}
	}
	f(Rules{}, "")
	f(Rules{AdsTxt: Require, SellersJSON: Deny, SChain: Require, IncompleteSChain: Deny, BlockedNodes: mustNodes(t, "a.example/B")}, "")
	f(Rules{AdsTxt: 3}, "supply.ads_txt: got policy(3); want allow, deny or require")
	f(Rules{SellersJSON: 3}, "supply.sellers_json: ")
	f(Rules{SChain: 3}, "supply.schain: ")
	f(Rules{IncompleteSChain: Require}, "supply.incomplete_schain: got require; want allow or deny")
	f(Rules{BlockedNodes: NodeSet{"A.example": {}}}, "supply.blocked_nodes: ")
	for _, bad := range []string{"", "x", "https://a.example", "a.example/", "/1", "a.example/" + strings.Repeat("x", 200)} {
		if set, err := NewNodeSet(bad); err == nil {
			t.Errorf("%q: got %v; want an error", bad, set)
		}
	}
}

func TestNames(t *testing.T) {
	for _, p := range []Policy{Allow, Deny, Require} {
		if got, err := ParsePolicy(p.String()); err != nil || got != p {
			t.Errorf("%v: got %v, %v", p, got, err)
		}
	}
	if _, err := ParsePolicy("Deny"); err == nil {
		t.Error(`"Deny": got no error`)
	}
	seen := map[string]Verdict{}
	f := func(v Verdict, name string, nbr openrtb.NoBidReason) {
		t.Helper()
		if v.String() != name || v.NBR() != nbr {
			t.Errorf("got %v, %d; want %s, %d", v, v.NBR(), name, nbr)
		}
		seen[name] = v
	}
	f(OK, "ok", 0)
	f(BlockedNode, "blocked_node", 17)
	f(SChainMissing, "schain_missing", 16)
	f(IncompleteSChain, "schain_incomplete", 16)
	f(SChainBroken, "schain_broken", 16)
	f(AdsTxtMissing, "ads_txt_missing", 11)
	f(AdsTxtViolation, "ads_txt_violation", 12)
	f(SellersMissing, "sellers_json_missing", 0)
	f(SellersViolation, "sellers_json_violation", 17)
	if len(seen) != int(verdictCount) {
		t.Errorf("%d verdicts of %d are tried", len(seen), verdictCount)
	}
	if got := Verdict(99).String(); got != "verdict(99)" {
		t.Errorf("got %q", got)
	}
}
