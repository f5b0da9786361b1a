package supply

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bidhawk/internal/openrtb"
)

// The reference keeps what a world says as strings in maps, and follows the
// specifications' sentences one by one. It shares no code with the package but
// its types.
type reference struct {
	list     bool // the public suffix list is there
	web, app map[string]*refFile
	bundles  map[string]string
	sellers  map[string]map[string]refSeller // by system, then id
}

type refFile struct {
	records  map[string]string // "system account" -> direct or reseller
	subs     []string
	partners []string
}

type refSeller struct{ kind, domain string }

var (
	refDomains = []string{"site.example", "news.site.example", "a.news.site.example", "www.site.example", "other.example",
		"shop.co.uk", "x.shop.co.uk", "host.example", "me.host.example"}
	refSystems  = []string{"exchange.example", "network.example", "ssp.network.example", "third.example"}
	refAccounts = []string{"1", "2", "aB", "Ab"}
)

func drawReference(t *rapid.T) *reference {
	ref := &reference{list: rapid.Bool().Draw(t, "list"), web: map[string]*refFile{}, app: map[string]*refFile{},
		bundles: map[string]string{}, sellers: map[string]map[string]refSeller{}}
	file := rapid.Custom(func(t *rapid.T) *refFile {
		f := &refFile{records: map[string]string{"nobody.example 0": "direct"}}
		for range rapid.IntRange(0, 5).Draw(t, "records") {
			key := rapid.SampledFrom(refSystems).Draw(t, "system") + " " + strings.ToLower(rapid.SampledFrom(refAccounts).Draw(t, "account"))
			if f.records[key] != "direct" {
				f.records[key] = rapid.SampledFrom([]string{"direct", "reseller"}).Draw(t, "relation")
			}
		}
		f.subs = rapid.SliceOfN(rapid.SampledFrom(refDomains), 0, 2).Draw(t, "subs")
		f.partners = rapid.SliceOfN(rapid.SampledFrom(refDomains), 0, 2).Draw(t, "partners")
		return f
	})
	for _, d := range refDomains {
		if rapid.Bool().Draw(t, "web") {
			ref.web[d] = file.Draw(t, "file")
		}
		if rapid.Bool().Draw(t, "app") {
			ref.app[d] = file.Draw(t, "file")
		}
	}
	for _, b := range []string{"com.game", "store.example:com.game", "com.tv"} {
		if rapid.Bool().Draw(t, "bundle") {
			ref.bundles[b] = rapid.SampledFrom(refDomains).Draw(t, "developer")
		}
	}
	for _, sys := range refSystems {
		if rapid.Bool().Draw(t, "sellers") {
			ref.sellers[sys] = map[string]refSeller{}
			for _, a := range []string{"1", "2", "ab"} {
				if rapid.Bool().Draw(t, "seller") {
					ref.sellers[sys][a] = refSeller{rapid.SampledFrom([]string{"PUBLISHER", "INTERMEDIARY", "BOTH", "?"}).Draw(t, "type"),
						rapid.SampledFrom(append([]string{"", "site.example"}, refSystems...)).Draw(t, "domain")}
				}
			}
		}
	}
	return ref
}

func (ref *reference) world() world {
	w := world{}
	if ref.list {
		w["public_suffix_list.dat"] = testSuffixes
	}
	for kind, files := range map[string]map[string]*refFile{"ads.txt/": ref.web, "app-ads.txt/": ref.app} {
		for d, f := range files {
			var b strings.Builder
			for r, relation := range f.records {
				system, account, _ := strings.Cut(r, " ")
				fmt.Fprintf(&b, "%s, %s, %s\n", system, account, relation)
			}
			for _, s := range f.subs {
				fmt.Fprintf(&b, "subdomain=%s\n", s)
			}
			for _, p := range f.partners {
				fmt.Fprintf(&b, "inventorypartnerdomain=%s\n", p)
			}
			w[kind+d] = b.String()
		}
	}
	for b, d := range ref.bundles {
		w["bundles.tsv"] += b + "\t" + d + "\n"
	}
	for sys, sellers := range ref.sellers {
		var entries []string
		for id, s := range sellers {
			entries = append(entries, id+" "+s.kind+" "+s.domain)
		}
		w["sellers.json/"+sys] = sellersJSON(entries...)
	}
	return w
}

// suffix says whether d is one of the public suffixes that testSuffixes lists.
func (ref *reference) suffix(d string) bool {
	return !strings.Contains(d, ".") || d == "co.uk" || d == "host.example"
}

func tails(d string) []string {
	var out []string
	for ; strings.Contains(d, "."); _, d, _ = strings.Cut(d, ".") {
		out = append(out, d)
	}
	return out
}

// rootOf is the registrable domain; without the list, the shortest tail with a file.
func (ref *reference) rootOf(d string, files map[string]*refFile) string {
	root := ""
	for _, tail := range tails(d) {
		switch {
		case ref.list && !ref.suffix(tail):
			root = tail
		case !ref.list && (tail == d || files[tail] != nil):
			root = tail
		}
	}
	return root
}

// webFile is the ads.txt that rules d, by ads.txt 5.5; unread: the root names a
// subdomain that d is in, whose file nobody has.
func (ref *reference) webFile(d string) *refFile {
	if ref.list && ref.suffix(d) {
		return ref.web[d]
	}
	for _, tail := range tails(d) {
		if ref.list && ref.suffix(tail) {
			return nil
		}
		root := ref.rootOf(tail, ref.web)
		if tail == root {
			if ref.web[tail] != nil {
				return ref.web[tail]
			}
			continue
		}
		if up := ref.web[root]; up != nil && slices.Contains(up.subs, tail) {
			return ref.web[tail] // nil where it is unread
		}
	}
	return nil
}

func (ref *reference) appFile(d string) *refFile {
	for _, tail := range tails(d) {
		if f := ref.app[tail]; f != nil && (tail == d || !ref.list || !ref.suffix(tail)) {
			return f
		}
	}
	return nil
}

func (ref *reference) appOffer(r *Rules, o *Offer) *refFile {
	d, ok := ref.bundles["store.example:"+string(o.Bundle)]
	if !ok || len(o.StoreURL) == 0 {
		d, ok = ref.bundles[string(o.Bundle)]
	}
	if ok {
		// The developer's URL, canonicalised: one label before the root is kept, and www. is not.
		t := tails(d)
		if ref.list && !ref.suffix(d) {
			for len(t) > 2 && t[1] != ref.rootOf(d, nil) && t[0] != ref.rootOf(d, nil) {
				t = t[1:]
			}
		}
		return ref.appFile(strings.TrimPrefix(t[0], "www."))
	}
	if r.TrustAppDomain {
		return ref.appFile(string(o.Domain))
	}
	return nil
}

type refNode struct{ system, account string }

// judge is the slow path in words.
func (ref *reference) judge(r *Rules, o *Offer) Verdict {
	own := refNode{o.AdSystem, strings.ToLower(string(o.Seller))}
	var paidNodes, allNodes []refNode
	complete := false
	if o.Chain != nil {
		complete = o.Chain.Complete == openrtb.FlagYes
		for _, n := range o.Chain.Nodes {
			node := refNode{string(n.ASI), strings.ToLower(string(n.SID))}
			allNodes = append(allNodes, node)
			if n.HP != openrtb.FlagNo {
				paidNodes = append(paidNodes, node)
			}
		}
	}
	for _, n := range append(slices.Clone(allNodes), own) {
		_, a := r.BlockedNodes[n.system]
		_, b := r.BlockedNodes[n.system+"/"+n.account]
		if a || b {
			return BlockedNode
		}
	}
	owner := ref.owner(r, o)
	if v := ref.judgeChain(r, o, owner, own, paidNodes, allNodes, complete); v != OK {
		return v
	}
	if r.AdsTxt != Allow {
		asked := []refNode{own}
		switch {
		case r.AdsTxt == Require:
			asked = append(asked, paidNodes...)
		case complete && len(paidNodes) > 0:
			asked = append(asked, paidNodes[0])
		}
		var says []string
		for _, n := range asked {
			says = append(says, ref.listed(owner, string(o.InventoryPartner), n))
		}
		if slices.Contains(says, "no") {
			return AdsTxtViolation
		}
		if slices.Contains(says, "?") && r.AdsTxt == Require {
			return AdsTxtMissing
		}
	}
	if r.SellersJSON != Allow {
		asked := append([]refNode{own}, paidNodes...)
		if r.SellersJSON == Require {
			asked = append(asked, allNodes...)
		}
		var says []string
		for _, n := range asked {
			if sellers, ok := ref.sellers[n.system]; !ok {
				says = append(says, "?")
			} else if _, ok := sellers[n.account]; !ok {
				says = append(says, "no")
			}
		}
		if slices.Contains(says, "no") {
			return SellersViolation
		}
		if slices.Contains(says, "?") && r.SellersJSON == Require {
			return SellersMissing
		}
	}
	return OK
}

func (ref *reference) judgeChain(r *Rules, o *Offer, owner *refFile, own refNode, paidNodes, allNodes []refNode, complete bool) Verdict {
	if o.Chain == nil {
		if r.SChain == Require {
			return SChainMissing
		}
		return OK
	}
	if r.IncompleteSChain == Deny && !complete {
		return IncompleteSChain
	}
	if r.SChain == Allow {
		return OK
	}
	if len(allNodes) == 0 || allNodes[len(allNodes)-1] != own {
		return SChainBroken
	}
	for i, n := range paidNodes {
		s, known := ref.sellers[n.system][n.account]
		if i == 0 {
			if known && complete && s.kind == "INTERMEDIARY" {
				return IncompleteSChain
			}
			if r.SChain == Require && complete && owner != nil && ref.relation(owner, string(o.InventoryPartner), n) == "reseller" {
				return SChainBroken
			}
			continue
		}
		domain := s.domain
		if ref.list && domain != "" {
			domain = ref.rootOf(domain, nil)
		}
		if known && s.kind != "?" && domain != "" && !slices.Contains(tails(paidNodes[i-1].system), domain) {
			return SChainBroken
		}
	}
	return OK
}

func (ref *reference) owner(r *Rules, o *Offer) *refFile {
	if o.App {
		return ref.appOffer(r, o)
	}
	return ref.webFile(string(o.Domain))
}

// relation is what the owner's file, and the partner's that it names, have.
func (ref *reference) relation(owner *refFile, partner string, n refNode) string {
	rel := owner.records[n.system+" "+n.account]
	if partner != "" && slices.Contains(owner.partners, partner) && rel != "direct" {
		if p := ref.webFile(partner); p != nil {
			if pr := p.records[n.system+" "+n.account]; pr != "" {
				rel = pr
			}
		}
	}
	return rel
}

// listed is the table of guidance 3.5: "yes", "no" or "?".
func (ref *reference) listed(owner *refFile, partner string, n refNode) string {
	switch {
	case owner == nil:
		return "?"
	case owner.records[n.system+" "+n.account] != "":
		return "yes"
	case partner == "" || !slices.Contains(owner.partners, partner):
		return "no"
	}
	p := ref.webFile(partner)
	switch {
	case p == nil:
		return "?"
	case p.records[n.system+" "+n.account] != "":
		return "yes"
	}
	return "no"
}

func drawOffer(t *rapid.T) *Offer {
	account := func(label string) []byte { return []byte(rapid.SampledFrom(refAccounts).Draw(t, label)) }
	system := func(label string) string { return rapid.SampledFrom(refSystems).Draw(t, label) }
	o := &Offer{AdSystem: system("system"), Seller: account("seller"), App: rapid.Bool().Draw(t, "is app"),
		Domain: []byte(rapid.SampledFrom(append([]string{"deep.a.news.site.example", "nowhere.example"}, refDomains...)).Draw(t, "domain"))}
	if o.App {
		o.Bundle = []byte(rapid.SampledFrom([]string{"com.game", "com.tv", "com.none"}).Draw(t, "bundle"))
		if rapid.Bool().Draw(t, "store") {
			o.StoreURL = []byte("https://store.example/x")
		}
	}
	if rapid.Bool().Draw(t, "partner") {
		o.InventoryPartner = []byte(rapid.SampledFrom(refDomains).Draw(t, "partner domain"))
	}
	if rapid.IntRange(0, 4).Draw(t, "chain") == 0 {
		return o
	}
	o.Chain = &openrtb.SChain{Complete: rapid.SampledFrom([]openrtb.Flag{openrtb.FlagNo, openrtb.FlagYes}).Draw(t, "complete")}
	for range rapid.IntRange(0, 2).Draw(t, "nodes") {
		o.Chain.Nodes = append(o.Chain.Nodes, openrtb.SChainNode{ASI: []byte(system("asi")), SID: account("sid"),
			HP: rapid.SampledFrom([]openrtb.Flag{openrtb.FlagUnset, openrtb.FlagNo, openrtb.FlagYes}).Draw(t, "hp")})
	}
	if rapid.IntRange(0, 4).Draw(t, "ends") > 0 {
		o.Chain.Nodes = append(o.Chain.Nodes, openrtb.SChainNode{ASI: []byte(o.AdSystem), SID: o.Seller})
	}
	return o
}

func drawRules(t *rapid.T) *Rules {
	policy := func(label string) Policy { return Policy(rapid.IntRange(0, 2).Draw(t, label)) }
	r := &Rules{AdsTxt: policy("ads.txt"), SellersJSON: policy("sellers.json"), SChain: policy("schain"),
		IncompleteSChain: Policy(rapid.IntRange(0, 1).Draw(t, "incomplete")), TrustAppDomain: rapid.Bool().Draw(t, "trust")}
	if rapid.IntRange(0, 4).Draw(t, "blocks") == 0 {
		r.BlockedNodes = NodeSet{rapid.SampledFrom([]string{"third.example", "network.example/ab", "exchange.example/2"}).Draw(t, "node"): {}}
	}
	return r
}

// chainText is what chain reads.
func chainText(c *openrtb.SChain) string {
	if c == nil {
		return "none"
	}
	text := map[openrtb.Flag]string{openrtb.FlagNo: "0", openrtb.FlagYes: "1"}[c.Complete]
	for _, n := range c.Nodes {
		text += fmt.Sprintf(" %s/%s/%s", n.ASI, n.SID, map[openrtb.Flag]string{openrtb.FlagNo: "0", openrtb.FlagYes: "1"}[n.HP])
	}
	return text
}

// TestJudgeReference holds Judge to the reference.
func TestJudgeReference(t *testing.T) {
	seen := map[Verdict]int{}
	rapid.Check(t, func(rt *rapid.T) {
		ref := drawReference(rt)
		dir := ref.world().write(t)
		s := mustLoad(t, dir)
		for range 40 {
			r, o := drawRules(rt), drawOffer(rt)
			got, want := s.Judge(r, o), ref.judge(r, o)
			if got != want {
				rt.Fatalf("%+v\n%s %s app %v %s %s %s partner %s\nchain %s: got %v; want %v\nworld %q", *r, o.AdSystem, o.Seller, o.App, o.Domain,
					o.Bundle, o.StoreURL, o.InventoryPartner, chainText(o.Chain), got, want, ref.world())
			}
			seen[got]++
		}
	})
	t.Logf("verdicts: %v", seen)
	for v := range verdictCount {
		if seen[v] == 0 {
			t.Errorf("%v was never the verdict; the generator is too narrow", v)
		}
	}
}
