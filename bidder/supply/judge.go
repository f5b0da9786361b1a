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
	v := view{s: s, o: o}
	if w := r.judgeNodes(o); w != OK {
		return w
	}
	if w := v.judgeChain(r); w != OK {
		return w
	}
	if w := v.judgeAdsTxt(r); w != OK {
		return w
	}
	return v.judgeSellers(r)
}

// AppendVerdicts appends every verdict against the offer, in Judge's order, at
// most one of each check. It appends nothing where Judge returns OK.
func (s *Snapshot) AppendVerdicts(dst []Verdict, r *Rules, o *Offer) []Verdict {
	v := view{s: s, o: o}
	for _, w := range [...]Verdict{r.judgeNodes(o), v.judgeChain(r), v.judgeAdsTxt(r), v.judgeSellers(r)} {
		if w != OK {
			dst = append(dst, w)
		}
	}
	return dst
}

// view is an offer being judged: what was looked up for one check, for the next.
type view struct {
	s     *Snapshot
	o     *Offer
	files authority
	asked bool // files is looked up
	own   account
	first [keptAccounts]account // of the first nodes
}

const (
	ownAccount   = -1 // in place of a node's index
	keptAccounts = 6  // few chains are longer, and each costs clearing in every view
)

// account is an account at an advertising system, in hashes. One that is not
// there is 0, which is in a table by chance alone, like any other.
type account struct {
	form   accountForm
	system uint64
	key    uint64
}

// accountForm says which of the hashes there are.
type accountForm uint8

const (
	notRead    accountForm = iota
	notSaid                // the system or the account is empty
	noSystem               // the system is no domain
	noAccount              // the account is longer than any that is kept; system is there
	wellFormed             // both are there
)

// account returns the hashes of node i's account, or of the offer's own.
func (v *view) account(i int) account {
	if i == ownAccount {
		if v.own.form == notRead {
			v.own = identify(v.s, v.o.AdSystem, v.o.Seller)
		}
		return v.own
	}
	n := &v.o.Chain.Nodes[i]
	if i >= keptAccounts {
		return identify(v.s, n.ASI, n.SID)
	}
	if v.first[i].form == notRead {
		v.first[i] = identify(v.s, n.ASI, n.SID)
	}
	return v.first[i]
}

// identify hashes an account as it is compared. s is not nil.
func identify[S, A string | []byte](s *Snapshot, system S, id A) account {
	var buf [maxDomain + 1 + maxAccount]byte
	b, ok := appendDomain(buf[:0], system)
	switch {
	case len(system) == 0:
		return account{form: notSaid}
	case !ok:
		return account{form: noSystem}
	}
	a := account{form: notSaid, system: s.hash(b)}
	if len(id) == 0 {
		return a
	}
	if b, ok = appendAccount(append(b, 0), id); !ok {
		a.form = noAccount
		return a
	}
	a.form, a.key = wellFormed, s.hash(b)
	return a
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
func (v *view) judgeChain(r *Rules) Verdict {
	c := v.o.Chain
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
	if len(c.Nodes) == 0 || !v.o.endsIn(&c.Nodes[len(c.Nodes)-1]) {
		return SChainBroken
	}
	if v.s == nil {
		return OK
	}
	before := ownAccount // the paid node before; the first has none
	for i := range c.Nodes {
		if !paid(&c.Nodes[i]) {
			continue
		}
		if w := v.judgeLink(before, i); w != OK {
			return w
		}
		if before == ownAccount && r.SChain == Require && c.Complete.Yes() && v.reseller(r, i) {
			return SChainBroken
		}
		before = i
	}
	return OK
}

// endsIn says whether n is the exchange, selling the offer's account. What the
// offer does not say is not compared.
func (o *Offer) endsIn(n *openrtb.SChainNode) bool {
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

// judgeLink looks at paid node i and at the paid one before it, if any.
func (v *view) judgeLink(before, i int) Verdict {
	at, known := v.s.sellers.find(v.account(i).key)
	if !known {
		return OK
	}
	switch facts := v.s.facts[at]; {
	case before == ownAccount:
		if v.o.Chain.Complete.Yes() && facts.kind() == SellerIntermediary {
			return IncompleteSChain
		}
	case facts.hasDomain() && !v.named(facts, before):
		return SChainBroken
	}
	return OK
}

// named says whether the seller's domain is node i's system or a parent of it:
// systems run below the domains of their companies.
func (v *view) named(facts sellerFacts, i int) bool {
	if facts.isDomain(v.account(i).system) {
		return true
	}
	var buf [maxDomain]byte
	name, ok := appendDomain(buf[:0], v.o.Chain.Nodes[i].ASI)
	for ok {
		_, name, _ = bytes.Cut(name, []byte("."))
		if ok = bytes.IndexByte(name, '.') >= 0; ok && facts.isDomain(v.s.hash(name)) {
			return true
		}
	}
	return false
}

// reseller says whether the owner's file has node i as RESELLER and not as DIRECT.
func (v *view) reseller(r *Rules, i int) bool {
	f, key := v.authority(r), v.account(i).key
	direct, listed := v.s.listings.marked(f.owner.in(key))
	if f.partnerNamed && !direct {
		d, l := v.s.listings.marked(f.partner.in(key))
		direct, listed = d, listed || l
	}
	return listed && !direct
}

// standing is what the files say of one account; the higher the worse.
type standing uint8

const (
	authorised standing = iota
	unknown
	unauthorised
)

// verdict is of the worst standing among an offer's accounts.
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

// authority returns the files that rule the offer, looked up once.
func (v *view) authority(r *Rules) authority {
	if !v.asked {
		v.files, v.asked = v.s.authority(r, v.o), true
	}
	return v.files
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

// listed follows the table of guidance 3.5, with and without a partner. What is
// no account at all is in no file; what is not said is not known.
func (s *Snapshot) listed(f authority, a account) standing {
	switch {
	case f.owner == noList || a.form == notSaid:
		return unknown
	case a.form != wellFormed:
		return unauthorised
	}
	if _, ok := s.listings.find(f.owner.in(a.key)); ok {
		return authorised
	}
	switch {
	case !f.hasPartner || !f.partnerNamed:
		return unauthorised
	case f.partner == noList:
		return unknown
	}
	if _, ok := s.listings.find(f.partner.in(a.key)); ok {
		return authorised
	}
	return unauthorised
}

// judgeAdsTxt asks for the offer's account in the owner's file (ads.txt 3.3),
// and for the first paid node of a complete chain, whom the owner deals with
// (guidance 4.6). That the nodes between are there as well is best practice
// (guidance 4.6), so only Require asks for it.
func (v *view) judgeAdsTxt(r *Rules) Verdict {
	if r.AdsTxt == Allow {
		return OK
	}
	w := unknown
	if v.s != nil {
		if f := v.authority(r); f.owner != noList {
			w = v.worstListed(r, f)
		}
	}
	return w.verdict(r.AdsTxt, AdsTxtMissing, AdsTxtViolation)
}

func (v *view) worstListed(r *Rules, f authority) standing {
	w := v.s.listed(f, v.account(ownAccount))
	first := true
	for i := range v.o.nodes() {
		if !paid(&v.o.Chain.Nodes[i]) {
			continue
		}
		if r.AdsTxt == Require || first && v.o.Chain.Complete.Yes() {
			w = max(w, v.s.listed(f, v.account(i)))
		}
		first = false
	}
	return w
}

// judgeSellers asks for the offer's account and those of the paid nodes in the
// sellers.json of their systems, which must name all sellers, confidential ones
// included (sellers.json, Object: Parent). For nodes that are not paid an entry
// is "strongly recommended" (guidance 2), so only Require asks for it.
func (v *view) judgeSellers(r *Rules) Verdict {
	if r.SellersJSON == Allow {
		return OK
	}
	w := unknown
	if v.s != nil {
		w = v.s.sells(v.account(ownAccount))
		for i := range v.o.nodes() {
			if paid(&v.o.Chain.Nodes[i]) || r.SellersJSON == Require {
				w = max(w, v.s.sells(v.account(i)))
			}
		}
	}
	return w.verdict(r.SellersJSON, SellersMissing, SellersViolation)
}

// sells says whether a system that publishes its sellers names the account.
func (s *Snapshot) sells(a account) standing {
	if a.form == notSaid || a.form == noSystem {
		return unknown // what is no domain can have no sellers.json
	}
	if _, ok := s.systems[a.system]; !ok {
		return unknown
	}
	if _, ok := s.sellers.find(a.key); !ok {
		return unauthorised
	}
	return authorised
}
