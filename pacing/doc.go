// Package pacing is the house's money: what each advertiser may spend, what a
// bidder may reserve, and what a notice posts.
//
// The truth is the topic money. A shard folds its partition into a ledger
// (ledger*.go: a pure state machine), the Pacer owns the shards (shard*.go,
// pacer.go), decides by the plan how much to lease (plan.go, pace.go, grant.go)
// and by a multiplier what of its value to bid (steer.go, package control), and
// keeps snapshots (snapshot.go, pacekeep.go). The Wallet (wallet.go) is the bidder's side: it
// reserves from leases in memory. Package audit recomputes all of it from the
// log and shares no code with it.
package pacing
