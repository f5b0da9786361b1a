package supply

import (
	"fmt"
	"strings"

	"bidhawk/internal/openrtb"
)

// Policy says what a check refuses.
type Policy uint8

// The policies. Each refuses what the one before it does.
const (
	Allow   Policy = iota // nothing: no check
	Deny                  // what is known to be unauthorised
	Require               // also what is not known to be authorised
)

var policyNames = [...]string{Allow: "allow", Deny: "deny", Require: "require"}

// String is the policy's name in configuration.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// ParsePolicy reads a policy's name.
func ParsePolicy(s string) (Policy, error) {
	for p, name := range policyNames {
		if s == name {
			return Policy(p), nil
		}
	}
	return Allow, fmt.Errorf("policy: got %.80q; want allow, deny or require", s)
}

// Rules are what is asked of the offers of one exchange. The zero value asks
// nothing.
type Rules struct {
	// AdsTxt asks for the offer's account, and for the sellers in its chain, in
	// the ads.txt of the site or the app-ads.txt of the app's developer.
	AdsTxt Policy
	// SellersJSON asks for them in the sellers.json of their advertising systems.
	SellersJSON Policy
	// SChain asks for a supply chain that holds together and ends at the exchange.
	SChain Policy
	// IncompleteSChain says whether a chain with complete=0 is taken: Allow or Deny.
	IncompleteSChain Policy
	// TrustAppDomain takes app.domain for the developer's domain where
	// bundles.tsv does not know the app. The seller writes app.domain, so a
	// dishonest one passes with it (app-ads.txt wants the store's listing).
	TrustAppDomain bool
	// BlockedNodes are the systems and accounts that nothing is bought through.
	BlockedNodes NodeSet
}

// Validate names the first field that breaks its rule.
func (r *Rules) Validate() error {
	for _, p := range []struct {
		field string
		value Policy
		most  Policy
		rule  string
	}{
		{"ads_txt", r.AdsTxt, Require, "allow, deny or require"},
		{"sellers_json", r.SellersJSON, Require, "allow, deny or require"},
		{"schain", r.SChain, Require, "allow, deny or require"},
		{"incomplete_schain", r.IncompleteSChain, Deny, "allow or deny"},
	} {
		if p.value > p.most {
			return fmt.Errorf("supply.%s: got %v; want %s", p.field, p.value, p.rule)
		}
	}
	for node := range r.BlockedNodes {
		if n, ok := nodeOf(node); !ok || n != node {
			return fmt.Errorf("supply.blocked_nodes: got %.80q; want a set made by NewNodeSet", node)
		}
	}
	return nil
}

// NodeSet holds nodes of supply chains: advertising systems, and accounts of them.
type NodeSet map[string]struct{}

// NewNodeSet reads nodes of the form ASI or ASI/SID, such as "exchange.example"
// and "exchange.example/1234". Case does not matter.
func NewNodeSet(nodes ...string) (NodeSet, error) {
	set := make(NodeSet, len(nodes))
	for _, node := range nodes {
		n, ok := nodeOf(node)
		if !ok {
			return nil, fmt.Errorf("supply.blocked_nodes: got %.80q; want a domain, or a domain, a slash and an account", node)
		}
		set[n] = struct{}{}
	}
	return set, nil
}

func nodeOf(s string) (string, bool) {
	system, account, has := strings.Cut(s, "/")
	b, ok := appendDomain(nil, system)
	if ok && has {
		b, ok = appendAccount(append(b, '/'), account)
	}
	return string(b), ok
}

// holdsNode says whether the system, or this account of it, is in the set.
func holdsNode[S, A string | []byte](n NodeSet, system S, account A) bool {
	var buf [maxDomain + 1 + maxAccount]byte
	b, ok := appendDomain(buf[:0], system)
	if !ok {
		return false
	}
	if _, hit := n[string(b)]; hit {
		return true
	}
	if b, ok = appendAccount(append(b, '/'), account); !ok {
		return false
	}
	_, hit := n[string(b)]
	return hit
}

// Verdict is what a check found. Its name is the same in metrics, answers and
// explanations.
type Verdict uint8

// The verdicts, in the order in which Judge looks for them.
const (
	OK               Verdict = iota
	BlockedNode              // a node of the chain, or the exchange's own account, is blocked
	SChainMissing            // there is no chain, and one is required
	IncompleteSChain         // the chain says that nodes are missing, or its first node shows it
	SChainBroken             // the chain does not end at the exchange, or a link does not fit
	AdsTxtMissing            // it is not known who may sell here, and it is required to be
	AdsTxtViolation          // the owner does not name the seller
	SellersMissing           // it is not known who a system's sellers are, and it is required to be
	SellersViolation         // the system does not name the seller
	verdictCount
)

var verdictNames = [verdictCount]string{
	OK: "ok", BlockedNode: "blocked_node", SChainMissing: "schain_missing", IncompleteSChain: "schain_incomplete",
	SChainBroken: "schain_broken", AdsTxtMissing: "ads_txt_missing", AdsTxtViolation: "ads_txt_violation",
	SellersMissing: "sellers_json_missing", SellersViolation: "sellers_json_violation",
}

// String is the verdict's name.
func (v Verdict) String() string {
	if v < verdictCount {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// NBR is the no-bid reason code (AdCOM 1.0, List: No-Bid Reason Codes). The list
// has none for sellers.json: a seller that its system does not name is a blocked
// node, and one that can't be looked up is unknown. Of OK it is 0 as well.
func (v Verdict) NBR() openrtb.NoBidReason {
	switch v {
	case BlockedNode, SellersViolation:
		return openrtb.NoBidBlockedNode
	case SChainMissing, IncompleteSChain, SChainBroken:
		return openrtb.NoBidIncompleteSChain
	case AdsTxtMissing:
		return openrtb.NoBidAdsTxtMissing
	case AdsTxtViolation:
		return openrtb.NoBidAdsTxtViolation
	default:
		return openrtb.NoBidUnknown
	}
}
