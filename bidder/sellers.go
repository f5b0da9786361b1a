package bidder

import (
	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/supply"
)

// sellerRules are an exchange's settings in the terms of supply.
func sellerRules(e *exchanges.Exchange) (supply.Rules, error) {
	nodes, err := supply.NewNodeSet(e.Supply.BlockedNodes...)
	if err != nil {
		return supply.Rules{}, err
	}
	policy := func(p exchanges.Policy) supply.Policy {
		return [...]supply.Policy{supply.Allow, supply.Deny, supply.Require}[p]
	}
	r := supply.Rules{
		AdsTxt: policy(e.Supply.AdsTxt), SellersJSON: policy(e.Supply.SellersJSON), SChain: policy(e.Supply.SChain),
		IncompleteSChain: policy(e.Supply.IncompleteSChain), TrustAppDomain: e.Supply.TrustAppDomain, BlockedNodes: nodes,
	}
	return r, r.Validate()
}
