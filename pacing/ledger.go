package pacing

import (
	"errors"
	"fmt"
	"strings"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// ledger is the fold of one partition of money: the same records in the same
// order give the same state and the same postings, always. It reads no clock
// and does no I/O. It is not safe for concurrent use.
type ledger struct {
	partition int32
	next      int64 // the offset after the last record applied
	epoch     int64 // the offset of the newest claim; -1: none
	nonce     int64 // the largest of a grant of this epoch
	books     map[campaigns.ID]*book
	campaigns map[campaigns.ID]*node
	lines     map[campaigns.ID]*node
	leases    map[int64]*lease
	payables  map[payee]money.Wide
	agencies  map[campaigns.ID]money.Wide   // charged, by the advertisers' agency of the time
	fx        map[money.Currency]money.Wide // what conversions have left open, by currency
	delays    map[string]*delays            // of bills, by class: they steer, no money depends on them

	// What a snapshot must write; see snapshot.go.
	stale       bool // what is stored is an older binary's
	dirtyNodes  []*node
	dirtyLeases []*lease
	dirtyBids   []bidRef
	dirtyOnce   []onceRef
	ended       []*lease
}

// book is one advertiser's ledger.
type book struct {
	node   node
	ledger *ledger
	day    Day         // 0: not begun
	leased map[Day]int // leases that are not past hard, by day
	closed []Day       // the newest that have closed
	paid   money.Nanos
	once   map[onceKey]struct{} // payments, adjustments and orders, for good
}

// payee is whom media is owed to.
type payee struct {
	exchange string
	currency money.Currency
}

func (p payee) compare(o payee) int {
	if c := strings.Compare(p.exchange, o.exchange); c != 0 {
		return c
	}
	return strings.Compare(p.currency.String(), o.currency.String())
}

type bidRef struct {
	lease *lease
	bid   ids.BidID
}

var (
	// ErrOrder reports a money record that the records before it do not allow.
	ErrOrder = errors.New("money record out of order")
)

func newLedger(partition int32) *ledger {
	return &ledger{
		partition: partition, epoch: -1,
		books: map[campaigns.ID]*book{}, campaigns: map[campaigns.ID]*node{}, lines: map[campaigns.ID]*node{},
		leases: map[int64]*lease{}, payables: map[payee]money.Wide{}, agencies: map[campaigns.ID]money.Wide{},
		fx: map[money.Currency]money.Wide{}, delays: map[string]*delays{},
	}
}

// effect is what one record did beyond the accounts.
type effect struct {
	posting *Posting // nil: nothing to report
	claimed bool     // a new epoch began
	granted *lease   // a lease began
	nonce   int64    // of the grant of this epoch that was applied, whether or not it granted anything
	upkeep  bool     // a budget, a day or a closing of this epoch
	phased  *lease   // a return came, or a phase of it or of a class is over
	closed  bool     // phased: the whole lease closed just now
	ended   *lease   // past hard
}

// apply folds one record. An error names partition and offset and leaves the
// ledger unusable: the shard stops.
func (l *ledger) apply(r *eventlog.Record) (effect, error) {
	d, err := decodeRecord(r.Value)
	if err == nil && r.Offset < l.next {
		err = fmt.Errorf("%w: offset %d comes after %d", ErrOrder, r.Offset, l.next-1)
	}
	var e effect
	if err == nil {
		e, err = l.fold(r.Offset, &d)
	}
	if err != nil {
		return e, fmt.Errorf("%s partition %d offset %d: %w", eventlog.TopicMoney, l.partition, r.Offset, err)
	}
	l.next = r.Offset + 1
	return e, nil
}

// fold dispatches a record. What the owner of an older epoch wrote is void.
func (l *ledger) fold(offset int64, d *decoded) (effect, error) {
	switch d.typ {
	case TypeClaim:
		l.epoch, l.nonce = offset, 0
		return effect{claimed: true}, nil
	case TypeBudget:
		if d.budget.Epoch != l.epoch {
			return effect{}, nil
		}
		return effect{upkeep: true}, l.setBudget(d.budget)
	case TypeDay:
		if d.day.Epoch != l.epoch {
			return effect{}, nil
		}
		return effect{upkeep: true}, l.turnDay(d.day)
	case TypeClosing:
		if d.closing.Epoch != l.epoch {
			return effect{}, nil
		}
		p, err := l.closeDay(d.closing)
		return effect{upkeep: true, posting: l.decided(offset, p)}, err
	case TypeGrant:
		if d.grant.Epoch != l.epoch || d.grant.Nonce <= l.nonce {
			return effect{}, nil
		}
		l.nonce = d.grant.Nonce
		return effect{granted: l.grant(offset, d.grant), nonce: d.grant.Nonce}, nil
	case TypeEase, TypeUnwon, TypeClose, TypeHard:
		if d.phase.Epoch != l.epoch {
			return effect{}, nil
		}
		return l.endPhase(d.typ, d.phase), nil
	case TypeReturn:
		return effect{phased: l.giveBack(d.ret)}, nil
	case TypePayment:
		return effect{posting: l.decided(offset, l.pay(d.payment))}, nil
	case TypeAdjust:
		p, err := l.adjust(d.adjust)
		return effect{posting: l.decided(offset, p)}, err
	}
	p, err := l.notice(d.typ, d.notice)
	return effect{posting: l.decided(offset, p)}, err
}

// decided says which record p follows from.
func (l *ledger) decided(offset int64, p *Posting) *Posting {
	if p != nil {
		p.Partition, p.Offset = l.partition, offset
		if bk := l.books[p.Advertiser]; bk != nil {
			p.Currency = bk.node.terms.Currency
		}
	}
	return p
}

// setBudget makes or changes an account. What the tree forbids is an error: the
// owner of the epoch writes parents first and never moves a node.
func (l *ledger) setBudget(b *Budget) error {
	bk := l.books[b.Advertiser]
	if b.Level == LevelAdvertiser {
		if bk == nil {
			bk = l.addBook(b.Advertiser)
		} else if bk.node.terms.Currency != b.Currency {
			return fmt.Errorf("%w: advertiser %d: currency changes from %v to %v", ErrOrder, b.Advertiser, bk.node.terms.Currency, b.Currency)
		}
		bk.node.set(b)
		bk.fund()
		return nil
	}
	if bk == nil {
		return fmt.Errorf("%w: %s of advertiser %d comes before it", ErrOrder, b.Level, b.Advertiser)
	}
	camp := l.campaigns[b.Campaign]
	if camp != nil && camp.owner != bk {
		return fmt.Errorf("%w: campaign %d moves to advertiser %d", ErrOrder, b.Campaign, b.Advertiser)
	}
	if b.Level == LevelCampaign {
		if camp == nil {
			camp = l.addCampaign(bk, b.Campaign)
		}
		camp.set(b)
		return nil
	}
	if camp == nil {
		return fmt.Errorf("%w: line item %d comes before its campaign %d", ErrOrder, b.LineItem, b.Campaign)
	}
	li := l.lines[b.LineItem]
	if li == nil {
		li = l.addLine(camp, b.LineItem)
	} else if li.parent != camp {
		return fmt.Errorf("%w: line item %d moves to campaign %d", ErrOrder, b.LineItem, b.Campaign)
	}
	li.set(b)
	return nil
}

func (n *node) set(b *Budget) {
	t := b.Terms
	n.terms, n.flights = t, b.Flights
	n.charge.Daily, n.charge.Lifetime = limitOf(t.Daily), limitOf(t.Lifetime)
	n.charge.fly(b.Flights)
	n.media.Daily, n.media.Lifetime = limitOf(t.MediaDaily), limitOf(t.MediaLifetime)
	n.touch()
}

func (l *ledger) addBook(id campaigns.ID) *book {
	bk := &book{ledger: l, leased: map[Day]int{}, once: map[onceKey]struct{}{}}
	bk.node = node{level: LevelAdvertiser, id: int64(id), owner: bk}
	l.books[id] = bk
	return bk
}

func (l *ledger) addCampaign(bk *book, id campaigns.ID) *node {
	n := &node{level: LevelCampaign, id: int64(id), parent: &bk.node, owner: bk}
	bk.node.below = append(bk.node.below, n)
	l.campaigns[id] = n
	return n
}

func (l *ledger) addLine(camp *node, id campaigns.ID) *node {
	n := &node{level: LevelLineItem, id: int64(id), parent: camp, owner: camp.owner, line: &line{}}
	camp.below = append(camp.below, n)
	l.lines[id] = n
	return n
}

// nodes yields every account of b, parents first.
func (b *book) nodes() func(yield func(*node) bool) {
	return func(yield func(*node) bool) { b.node.walk(yield) }
}

func (n *node) walk(yield func(*node) bool) bool {
	if !yield(n) {
		return false
	}
	for _, c := range n.below {
		if !c.walk(yield) {
			return false
		}
	}
	return true
}
