package supply

import (
	"bytes"

	"bidhawk/internal/openrtb"
)

// Offer is what a request says of its supply. Its views are read during Judge
// alone.
type Offer struct {
	// AdSystem is the exchange's own advertising system, such as
	// "exchange.example": field 1 of an ads.txt record.
	AdSystem string
	// Seller is the account that the exchange pays: publisher.id, unless the
	// exchange documents another field (ads.txt 5.2.2).
	Seller []byte
	App    bool   // an app's impression; else a site's
	Domain []byte // site.domain or app.domain
	Bundle []byte // app.bundle
	// StoreURL is app.storeurl. Its host tells apart the ids of two stores.
	StoreURL []byte
	// InventoryPartner is site.inventorypartnerdomain or app.inventorypartnerdomain.
	InventoryPartner []byte
	Chain            *openrtb.SChain // nil: the request has none
}

// Judge returns the first verdict against the offer, or OK. It does not
// allocate, and its time is bounded by the lengths of the chain and of names.
func (s *Snapshot) Judge(r *Rules, o *Offer) Verdict {
	if v := r.judgeNodes(o); v != OK {
		return v
	}
	if v := s.judgeChain(r, o); v != OK {
		return v
	}
	if v := s.judgeAdsTxt(r, o); v != OK {
		return v
	}
	return s.judgeSellers(r, o)
}

// AppendVerdicts appends every verdict against the offer, in Judge's order, at
// most one of each check. It appends nothing where Judge returns OK.
func (s *Snapshot) AppendVerdicts(dst []Verdict, r *Rules, o *Offer) []Verdict {
	for _, v := range [...]Verdict{r.judgeNodes(o), s.judgeChain(r, o), s.judgeAdsTxt(r, o), s.judgeSellers(r, o)} {
		if v != OK {
			dst = append(dst, v)
		}
	}
	return dst
}

func (r *Rules) judgeNodes(o *Offer) Verdict {
	if len(r.BlockedNodes) == 0 {
		return OK
	}
	if holdsNode(r.BlockedNodes, o.AdSystem, o.Seller) {
		return BlockedNode
	}
	for i := range o.nodes() {
		if n := &o.Chain.Nodes[i]; holdsNode(r.BlockedNodes, n.ASI, n.SID) {
			return BlockedNode
		}
	}
	return OK
}

func (o *Offer) nodes() []openrtb.SChainNode {
	if o.Chain == nil {
		return nil
	}
	return o.Chain.Nodes
}

// paid says whether the node takes part in the payment. hp is always 1 in
// version 1.0 of the chain, so a node that does not say is (OpenRTB 2.6 section
// 3.2.26).
func paid(n *openrtb.SChainNode) bool { return n.HP != openrtb.FlagNo }

// judgeChain asks what the chain itself can tell:
//
//   - Every seller appends its own node, so the last one is the exchange that we
//     buy from, with the account that it sells (SupplyChain, implementation
//     rules, in guidance 2).
//   - The seller of a paid node, as its system's sellers.json has it, is the
//     system of the paid node before; else the chain is broken (guidance 4.6).
//   - The first paid node of a complete chain is no mere intermediary's; else
//     nodes are missing (guidance 4.6). Under Require it is also DIRECT in the
//     owner's file: RESELLER means a node was removed or the owner erred, and
//     guidance 4.6 can't tell which.
func (s *Snapshot) judgeChain(r *Rules, o *Offer) Verdict {
	c := o.Chain
	if c == nil {
		if r.SChain == Require {
			return SChainMissing
		}
		return OK
	}
	if r.IncompleteSChain != Allow && !c.Complete.Yes() {
		return IncompleteSChain
	}
	if r.SChain == Allow {
		return OK
	}
	if len(c.Nodes) == 0 || !o.sells(&c.Nodes[len(c.Nodes)-1]) {
		return SChainBroken
	}
	var before *openrtb.SChainNode
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if !paid(n) {
			continue
		}
		if v := s.judgeLink(c, before, n); v != OK {
			return v
		}
		if before == nil && r.SChain == Require && c.Complete.Yes() && s.reseller(r, o, n) {
			return SChainBroken
		}
		before = n
	}
	return OK
}

// sells says whether n is the exchange, selling the offer's account. What the
// offer does not say is not compared.
func (o *Offer) sells(n *openrtb.SChainNode) bool {
	if o.AdSystem != "" {
		var buf, buf2 [maxDomain]byte
		want, ok := appendDomain(buf[:0], o.AdSystem)
		got, ok2 := appendDomain(buf2[:0], n.ASI)
		if !ok || !ok2 || !bytes.Equal(want, got) {
			return false
		}
	}
	if len(o.Seller) == 0 {
		return true
	}
	var buf, buf2 [maxAccount]byte
	want, ok := appendAccount(buf[:0], o.Seller)
	got, ok2 := appendAccount(buf2[:0], n.SID)
	return ok && ok2 && bytes.Equal(want, got)
}

// judgeLink looks at one paid node and the paid one before it, nil for the first.
func (s *Snapshot) judgeLink(c *openrtb.SChain, before, n *openrtb.SChainNode) Verdict {
	facts, known := s.seller(n)
	switch {
	case !known:
	case before == nil:
		if c.Complete.Yes() && facts.kind() == SellerIntermediary {
			return IncompleteSChain
		}
	case facts.hasDomain() && !s.named(facts, before.ASI):
		return SChainBroken
	}
	return OK
}

func (s *Snapshot) seller(n *openrtb.SChainNode) (sellerFacts, bool) {
	if s == nil {
		return 0, false
	}
	key, ok := sellerKey(s, n.ASI, n.SID)
	if !ok {
		return 0, false
	}
	i, ok := s.sellers.find(key)
	if !ok {
		return 0, false
	}
	return s.facts[i], true
}

// named says whether the seller's domain is asi or a parent of it: systems run
// below the domains of their companies.
func (s *Snapshot) named(facts sellerFacts, asi []byte) bool {
	var buf [maxDomain]byte
	name, ok := appendDomain(buf[:0], asi)
	for ok {
		if facts.isDomain(s.hash(name)) {
			return true
		}
		_, name, _ = bytes.Cut(name, []byte("."))
		ok = bytes.IndexByte(name, '.') >= 0
	}
	return false
}

// reseller says whether the owner's file has n as RESELLER and not as DIRECT.
func (s *Snapshot) reseller(r *Rules, o *Offer, n *openrtb.SChainNode) bool {
	if s == nil {
		return false
	}
	key, ok := sellerKey(s, n.ASI, n.SID)
	if !ok {
		return false
	}
	a := s.authority(r, o)
	direct, listed := s.listings.marked(a.owner.in(key))
	if a.partnerNamed && !direct {
		d, l := s.listings.marked(a.partner.in(key))
		direct, listed = d, listed || l
	}
	return listed && !direct
}

// standing is what the files say of one account.
type standing uint8

const (
	authorised standing = iota
	unknown
	unauthorised
)

// worst gathers the standings of an offer's accounts.
func (w *standing) worst(v standing) { *w = max(*w, v) }

func (w standing) verdict(p Policy, missing, violation Verdict) Verdict {
	switch {
	case w == unauthorised:
		return violation
	case w == unknown && p == Require:
		return missing
	}
	return OK
}

// authority is the files that say who may sell the offer's inventory.
type authority struct {
	owner        listID // of the site or the app's developer
	partner      listID // of the inventory partner
	hasPartner   bool   // the request names one
	partnerNamed bool   // and the owner's file does
}

func (s *Snapshot) authority(r *Rules, o *Offer) authority {
	var a authority
	if o.App {
		a.owner = s.developerOf(r, o)
	} else {
		var buf [maxDomain]byte
		if name, ok := appendDomain(buf[:0], o.Domain); ok {
			a.owner = s.ruling(s.web, name)
		}
	}
	a.hasPartner = len(o.InventoryPartner) > 0
	if !a.hasPartner || a.owner == noList {
		return a
	}
	var buf [maxDomain]byte
	name, ok := appendDomain(buf[:0], o.InventoryPartner)
	if !ok {
		return a
	}
	// The partner's file is an ads.txt, for apps too (ads.txt 3.5.1).
	if _, a.partnerNamed = s.partners.find(a.owner.in(s.hash(name))); a.partnerNamed {
		a.partner = s.ruling(s.web, name)
	}
	return a
}

// developerOf returns the app-ads.txt that rules the app.
func (s *Snapshot) developerOf(r *Rules, o *Offer) listID {
	var buf [maxBundle]byte
	if n := len(o.Bundle); n > 0 && n <= maxBundle-1-maxDomain {
		if host := hostOf(o.StoreURL); len(host) > 0 && len(host) <= maxDomain {
			app := appendLower(append(appendLower(buf[:0], host), ':'), o.Bundle)
			if list, ok := s.bundles[s.hash(app)]; ok {
				return list
			}
		}
		if list, ok := s.bundles[s.hash(appendLower(buf[:0], o.Bundle))]; ok {
			return list
		}
	}
	if !r.TrustAppDomain {
		return noList
	}
	if name, ok := appendDomain(buf[:0], o.Domain); ok {
		return s.ruling(s.apps, name)
	}
	return noList
}

func appendLower(dst, s []byte) []byte {
	for _, c := range s {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// standingOf follows the table of guidance 3.5, with and without a partner.
// What is no account at all is in no file; what is not said is not known.
func standingOf[S, A string | []byte](s *Snapshot, a authority, system S, account A) standing {
	if a.owner == noList || len(system) == 0 || len(account) == 0 {
		return unknown
	}
	key, ok := sellerKey(s, system, account)
	if !ok {
		return unauthorised
	}
	if _, ok := s.listings.find(a.owner.in(key)); ok {
		return authorised
	}
	switch {
	case !a.hasPartner || !a.partnerNamed:
		return unauthorised
	case a.partner == noList:
		return unknown
	}
	if _, ok := s.listings.find(a.partner.in(key)); ok {
		return authorised
	}
	return unauthorised
}

// judgeAdsTxt asks for the offer's account in the owner's file (ads.txt 3.3),
// and for the first paid node of a complete chain, whom the owner deals with
// (guidance 4.6). That the nodes between are there as well is best practice
// (guidance 4.6), so only Require asks for it.
func (s *Snapshot) judgeAdsTxt(r *Rules, o *Offer) Verdict {
	if r.AdsTxt == Allow {
		return OK
	}
	if s == nil {
		return unknown.verdict(r.AdsTxt, AdsTxtMissing, AdsTxtViolation)
	}
	a := s.authority(r, o)
	if a.owner == noList {
		return unknown.verdict(r.AdsTxt, AdsTxtMissing, AdsTxtViolation)
	}
	w := standingOf(s, a, o.AdSystem, o.Seller)
	first := true
	for i := range o.nodes() {
		n := &o.Chain.Nodes[i]
		if !paid(n) {
			continue
		}
		if r.AdsTxt == Require || first && o.Chain.Complete.Yes() {
			w.worst(standingOf(s, a, n.ASI, n.SID))
		}
		first = false
	}
	return w.verdict(r.AdsTxt, AdsTxtMissing, AdsTxtViolation)
}

// judgeSellers asks for the offer's account and those of the paid nodes in the
// sellers.json of their systems, which must name all sellers, confidential ones
// included (sellers.json, Object: Parent). For nodes that are not paid an entry
// is "strongly recommended" (guidance 2), so only Require asks for it.
func (s *Snapshot) judgeSellers(r *Rules, o *Offer) Verdict {
	if r.SellersJSON == Allow {
		return OK
	}
	if s == nil {
		return unknown.verdict(r.SellersJSON, SellersMissing, SellersViolation)
	}
	w := sellerStanding(s, o.AdSystem, o.Seller)
	for i := range o.nodes() {
		if n := &o.Chain.Nodes[i]; paid(n) || r.SellersJSON == Require {
			w.worst(sellerStanding(s, n.ASI, n.SID))
		}
	}
	return w.verdict(r.SellersJSON, SellersMissing, SellersViolation)
}

// sellerStanding says whether a system that publishes its sellers names account.
func sellerStanding[S, A string | []byte](s *Snapshot, system S, account A) standing {
	var buf [maxDomain]byte
	name, ok := appendDomain(buf[:0], system)
	if !ok {
		return unknown // it can have no sellers.json
	}
	if _, ok := s.systems[s.hash(name)]; !ok || len(account) == 0 {
		return unknown
	}
	key, ok := sellerKey(s, system, account)
	if !ok {
		return unauthorised
	}
	if _, ok := s.sellers.find(key); !ok {
		return unauthorised
	}
	return authorised
}
