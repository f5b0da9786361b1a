package pacing

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"bidhawk/internal/money"
)

// Ownership proposes which partitions of money this process owns, and changes
// its mind while the process runs. It only proposes: the claim in the log
// decides, so that two processes that both believe themselves the owner cost
// time, and never money.
type Ownership interface {
	// Run calls own with each proposal, the whole list of this process's
	// partitions, until ctx ends; then the partitions are free for others. held
	// says how far this process is with each partition, so that a proposal moves
	// no partition without need.
	Run(ctx context.Context, held func() Holdings, own func(partitions []int32)) error
}

// Holdings is what a process has of the partitions.
type Holdings struct {
	Owned []int32 // it grants their leases
	Warm  []int32 // it has folded them up to the log's end, and could take over at once
}

// owning keeps the runners told of what Ownership proposes.
func (p *Pacer) owning(ctx context.Context) error {
	if p.deps.Ownership == nil {
		return nil
	}
	return p.deps.Ownership.Run(ctx, p.holdings, func(partitions []int32) {
		p.joined.Store(true) // first: resume looks at it last
		for _, r := range p.shards {
			r.propose(slices.Contains(partitions, r.partition))
		}
	})
}

func (p *Pacer) holdings() Holdings {
	var h Holdings
	for _, r := range p.shards {
		if r.stopped() != nil {
			continue
		}
		if r.wanted() {
			h.Owned = append(h.Owned, r.partition)
		}
		if r.warm.Load() {
			h.Warm = append(h.Warm, r.partition)
		}
	}
	return h
}

// propose tells the runner whether its partition is this process's. A proposal
// that repeats the one before is news to a runner that was fenced meanwhile.
func (r *runner) propose(own bool) {
	r.resumed.Store(false)
	r.proposed.Store(own)
	select {
	case r.turned <- struct{}{}:
	default:
	}
}

// wanted says whether the partition is to be owned by this process.
func (r *runner) wanted() bool { return r.proposed.Load() || r.resumed.Load() }

// PartitionState is how a pacer stands to one partition.
type PartitionState struct {
	Partition  int32  `json:"partition"`
	Role       Role   `json:"role"`
	Ready      bool   `json:"ready" doc:"it grants leases"`
	Why        string `json:"why,omitempty" doc:"why it does not"`
	Epoch      int64  `json:"epoch" doc:"offset of the newest claim that was read, whoever made it; -1: none"`
	Next       int64  `json:"next" doc:"offset after the last record that was read"`
	OpenLeases int    `json:"open_leases"`
	Warm       bool   `json:"warm" doc:"it has read up to the log's end"`
	Waiting    int    `json:"postings_waiting" doc:"decided, and not yet known to be published by the owner"`
}

// Role is a pacer's part in a partition. Its names are stable.
type Role string

// The roles.
const (
	RoleOwner   Role = "owner"   // it claims the partition
	RoleStandby Role = "standby" // it reads along
	RoleIdle    Role = "idle"    // it leaves the partition to others
	RoleStopped Role = "stopped" // it cannot go on: see Why
)

// State lists how this pacer stands to each partition.
func (p *Pacer) State() []PartitionState {
	out := make([]PartitionState, len(p.shards))
	for i, r := range p.shards {
		ready, stopped := r.ready(), r.stopped()
		r.mu.Lock()
		l := r.mu.shard.ledger
		s := PartitionState{
			Partition: r.partition, Ready: ready == nil, Epoch: l.epoch, Next: l.next, OpenLeases: len(l.leases),
			Warm: r.warm.Load(), Waiting: len(r.mu.pending),
		}
		r.mu.Unlock()
		switch {
		case stopped != nil:
			s.Role = RoleStopped
		case r.wanted():
			s.Role = RoleOwner
		case p.follows():
			s.Role = RoleStandby
		default:
			s.Role = RoleIdle
		}
		if ready != nil {
			s.Why = ready.Error()
		}
		out[i] = s
	}
	return out
}

// Partitions is how many there are.
func (p *Pacer) Partitions() int32 { return int32(len(p.shards)) }

// follows says whether partitions of others are read along.
func (p *Pacer) follows() bool { return p.deps.Ownership == nil || p.cfg.Standby }

// RequestPartition is RequestLease for line items of one partition. ErrNotOwner:
// another pacer has it.
func (p *Pacer) RequestPartition(ctx context.Context, partition int32, req LeaseRequest) (LeaseGrant, error) {
	if err := req.check(); err != nil {
		return LeaseGrant{}, err
	}
	if partition < 0 || partition >= p.Partitions() {
		return LeaseGrant{}, fmt.Errorf("lease request: partition %d: want 0 to %d", partition, p.Partitions()-1)
	}
	c := p.shards[partition].ask(ctx, req.Bidder, req.Items)
	if err := c.wait(ctx); err != nil {
		return LeaseGrant{}, err
	}
	return LeaseGrant{Leases: c.rq.leases, Refused: c.rq.refused}, nil
}

// Figures are the balances of the partitions that a pacer owns: over all pacers
// they add up to the installation's.
type Figures struct {
	Payables   []Payable        `json:"payables" doc:"owed to exchanges, by currency"`
	Accounts   []AccountBalance `json:"accounts" doc:"every account of every advertiser's tree"`
	Plans      []PlanView       `json:"plans" doc:"plan against spend, by line item"`
	OpenLeases int              `json:"open_leases"`
	Stopped    int              `json:"partitions_stopped" doc:"partitions that cannot go on"`
}

// Figures are those of the partitions that this pacer owns now; a stopped one's
// stand still.
func (p *Pacer) Figures() Figures {
	mine := &Pacer{cfg: p.cfg, deps: p.deps}
	for _, r := range p.shards {
		if r.wanted() {
			mine.shards = append(mine.shards, r)
		}
	}
	s := mine.Stats()
	return Figures{mine.Payables(), mine.AllBalances(), mine.Plans(nil), s.OpenLeases, s.Stopped}
}

// Add adds another pacer's figures to f.
func (f *Figures) Add(o Figures) {
	sums := map[payee]money.Wide{}
	for _, p := range slices.Concat(f.Payables, o.Payables) {
		to := payee{p.Exchange, p.Currency}
		sums[to] = sums[to].Plus(p.Owed)
	}
	f.Payables = payablesOf(sums)
	f.Accounts = append(f.Accounts, o.Accounts...)
	slices.SortStableFunc(f.Accounts, func(a, b AccountBalance) int { return cmp.Compare(a.Advertiser, b.Advertiser) })
	f.Plans = append(f.Plans, o.Plans...)
	f.OpenLeases += o.OpenLeases
	f.Stopped += o.Stopped
}

// payablesOf lists sums by exchange and currency.
func payablesOf(sums map[payee]money.Wide) []Payable {
	out := make([]Payable, 0, len(sums))
	for to, sum := range sums {
		out = append(out, Payable{to.exchange, to.currency, sum})
	}
	slices.SortFunc(out, func(a, b Payable) int { return payee{a.Exchange, a.Currency}.compare(payee{b.Exchange, b.Currency}) })
	return out
}
