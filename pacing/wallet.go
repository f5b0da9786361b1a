package pacing

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// WalletConfig sets how a bidder keeps its leases.
type WalletConfig struct {
	Tick           time.Duration // how often Run looks for leases to renew and to end; default 50 ms
	Lead           time.Duration // ask for the next lease this long before one ends, at most a third of its window; default 2 s
	Retry          time.Duration // ask again this long after a refusal; default 500 ms
	Idle           time.Duration // a line item that nobody asked for this long, or patience, is not renewed; default 15 s
	Forget         time.Duration // and this long: forgotten; default 1 h
	RequestTimeout time.Duration // of one request to the pacer; default 2 s
	MaxLineItems   int           // bound of the line items known at once; default 100,000
}

// DefaultWalletConfig is the configuration of a node beside its pacer.
func DefaultWalletConfig() WalletConfig {
	return WalletConfig{
		Tick: 50 * time.Millisecond, Lead: 2 * time.Second, Retry: 500 * time.Millisecond, Idle: 15 * time.Second,
		Forget: time.Hour, RequestTimeout: 2 * time.Second, MaxLineItems: 100_000,
	}
}

// Validate names the first field that breaks a rule.
func (c WalletConfig) Validate() error {
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"tick", c.Tick}, {"lead", c.Lead}, {"retry", c.Retry}, {"idle", c.Idle}, {"forget", c.Forget}, {"request_timeout", c.RequestTimeout}} {
		if f.value <= 0 {
			return fmt.Errorf("wallet %s: got %v; want a positive duration", f.name, f.value)
		}
	}
	if c.MaxLineItems <= 0 {
		return fmt.Errorf("wallet max_line_items: got %d; want at least 1", c.MaxLineItems)
	}
	return nil
}

// WalletDeps is what a wallet needs.
type WalletDeps struct {
	Source LeaseSource
	// Publish queues a money record and does not block; false means that it was
	// dropped: the money then comes back when the lease closes.
	Publish     func(eventlog.Message) bool
	Clock       func() time.Time // monotonic where it can be
	Incarnation uint64           // of this process: it owns nothing that an earlier one was granted
}

// Wallet holds one bidder's leases in memory. Reserve is safe for concurrent
// use and takes no lock that line items share. A lease only ever decreases
// here: what a bid reserved and lost comes back at the pacer alone.
type Wallet struct {
	cfg  WalletConfig
	deps WalletDeps
	base time.Time // instants below are nanoseconds since it

	items   atomic.Pointer[map[campaigns.ID]*walletItem] // copied on write, by Run alone
	classes classes
	fresh   chan firstAsk // line items met for the first time
	stopped atomic.Bool

	// Of Run's goroutine alone.
	leases   []*walletLease
	answers  chan walletAnswer
	inFlight bool
	backoff  int64 // no request before: the source failed
	forgetAt int64 // forget looks again

	stats walletStats
}

type walletStats struct {
	requests, failures, leases, returns, returnsDropped, registerDropped atomic.Int64
}

// WalletStats counts what a wallet did since it was made.
type WalletStats struct {
	Requests, Failures, Leases, Returns, ReturnsDropped, RegisterDropped int64
	LineItems                                                            int
}

// walletItem is one line item's money. mu guards what stands below it.
// Invariant: every amount in a walletGrant only decreases.
type walletItem struct {
	id         campaigns.ID
	multiplier atomic.Int64 // parts per million, as the pacer last said
	met        atomic.Int64 // auctions since the last request
	_          [40]byte

	mu sync.Mutex
	// cur is reserved from; next waits for cur to end or to run out.
	cur, next *walletGrant
	need      Amounts // the largest single need since the last request
	asked     money.Nanos
	reserved  money.Nanos // of asked
	asks      int64       // reservations in asked
	bids      int64       // and in reserved
	askedFrom int64       // since when these count
	lastAsk   int64
	apart     int64   // the longest time between two asks lately; it fades
	retryAt   int64   // refused: not before
	short     bool    // a reservation found cur too small
	reason    Refusal // why there is no money, as the pacer last said
	pending   bool    // part of the request in flight
	lastNeed  Amounts // of the last request
}

// walletGrant is a line item's part of a lease; its item's lock guards it.
type walletGrant struct {
	lease   *walletLease
	left    Amounts
	granted money.Nanos // charge at from
	smooth  bool
	from    int64  // the release of a smooth grant begins here
	rate    uint64 // of the release: nanos in a nanosecond, x 2^rateBits
	holds   []hold // what was reserved, by class
}

// walletLease is one lease. Its fields do not change.
type walletLease struct {
	Lease
	end   int64 // of its window
	close time.Time
	parts []leasePart
}

type leasePart struct {
	item  *walletItem
	grant *walletGrant
}

// NewWallet makes an empty wallet; Run fills it.
func NewWallet(cfg WalletConfig, deps WalletDeps) (*Wallet, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Source == nil || deps.Publish == nil || deps.Clock == nil || deps.Incarnation == 0 {
		return nil, errors.New("wallet: source, publish, clock and incarnation are needed")
	}
	w := &Wallet{cfg: cfg, deps: deps, base: deps.Clock(), fresh: make(chan firstAsk, 1024), answers: make(chan walletAnswer, 1)}
	w.items.Store(&map[campaigns.ID]*walletItem{})
	return w, nil
}

// Reserve takes both amounts of need from line item li's lease, or neither and
// says why. now is the request's instant by the wallet's clock. It does not
// block on the pacer and does not allocate. A line item met for the first time
// is asked for in the background. What a reservation does not post comes back
// at the pacer: by a loss notice, or when its class's notices are due. class is
// the bid's, of Class.
func (w *Wallet) Reserve(li campaigns.ID, now time.Time, need Amounts, class uint16) (Reservation, Refusal) {
	it := (*w.items.Load())[li]
	if it == nil {
		return Reservation{}, w.register(li, need)
	}
	return it.reserve(int64(now.Sub(w.base)), need, class, false)
}

// ReserveGuaranteed is Reserve for a bid that must be made: it does not wait for
// the even release of a lease.
func (w *Wallet) ReserveGuaranteed(li campaigns.ID, now time.Time, need Amounts, class uint16) (Reservation, Refusal) {
	it := (*w.items.Load())[li]
	if it == nil {
		return Reservation{}, w.register(li, need)
	}
	return it.reserve(int64(now.Sub(w.base)), need, class, true)
}

// Multiplier is what line item li bids of an impression's value: 1,000,000 is
// the value itself. It takes no lock.
func (w *Wallet) Multiplier(li campaigns.ID) money.PPM {
	if it := (*w.items.Load())[li]; it != nil {
		return money.PPM(it.multiplier.Load())
	}
	return fullValue
}

// Meet counts an auction that line item li could bid in, whatever comes of it,
// and is its Multiplier: the pacer plans by the traffic that is met.
func (w *Wallet) Meet(li campaigns.ID) money.PPM {
	it := (*w.items.Load())[li]
	if it == nil {
		return fullValue
	}
	it.met.Add(1)
	return money.PPM(it.multiplier.Load())
}

const fullValue money.PPM = 1_000_000

// Affords says whether Reserve would take need now, or else why not. It changes
// nothing: a line item that the wallet does not know yet is not asked for.
func (w *Wallet) Affords(li campaigns.ID, now time.Time, need Amounts, guaranteed bool) Refusal {
	it := (*w.items.Load())[li]
	if it == nil {
		return RefusedNoLease
	}
	return it.affords(int64(now.Sub(w.base)), need, guaranteed)
}

// firstAsk is a reservation on a line item that the wallet does not know yet. It
// carries the need, so that the very next request asks for enough.
type firstAsk struct {
	li   campaigns.ID
	need Amounts
}

func (w *Wallet) register(li campaigns.ID, need Amounts) Refusal {
	if w.stopped.Load() {
		return RefusedStopped
	}
	select {
	case w.fresh <- firstAsk{li, need}:
	default: // a flood of new line items: those that are left out come again with the next bid
		w.stats.registerDropped.Add(1)
	}
	return RefusedNoLease
}

func (it *walletItem) reserve(now int64, need Amounts, class uint16, guaranteed bool) (Reservation, Refusal) {
	if need.Charge < 0 || need.Media < 0 { // would let a lease grow
		return Reservation{}, RefusedBudget
	}
	it.mu.Lock()
	it.note(now, need)
	g := it.cur
	// Slow path: the lease ended, ran out or is not there.
	if g == nil || now >= g.lease.end || !g.left.holds(need) {
		var why Refusal
		if g, why = it.advance(now, need); g == nil {
			it.mu.Unlock()
			return Reservation{}, why
		}
	}
	if !guaranteed && g.paced(now) {
		it.mu.Unlock()
		return Reservation{}, RefusedPaced
	}
	g.left.Charge -= need.Charge
	g.left.Media -= need.Media
	g.hold(class, need)
	it.bids++
	it.reserved += need.Charge
	r := Reservation{Lease: g.lease.ID, Day: g.lease.Day, Amounts: need, Close: g.lease.close}
	it.mu.Unlock()
	return r, RefusedNot
}

func (it *walletItem) affords(now int64, need Amounts, guaranteed bool) Refusal {
	it.mu.Lock()
	defer it.mu.Unlock()
	if g := it.cur; g != nil && now < g.lease.end && g.left.holds(need) {
		if !guaranteed && g.paced(now) {
			return RefusedPaced
		}
		return RefusedNot
	}
	if g := it.next; g != nil && now < g.lease.end && g.left.holds(need) {
		return RefusedNot
	}
	return it.shortage(now)
}

// paced says whether the grant has released less than what was reserved of it.
func (g *walletGrant) paced(now int64) bool {
	return g.smooth && g.granted-g.left.Charge > g.released(now)
}

// note keeps what the next request tells the pacer.
func (it *walletItem) note(now int64, need Amounts) {
	if it.lastAsk > 0 {
		it.apart = max(now-it.lastAsk, it.apart-it.apart/4)
	}
	it.lastAsk = now
	it.asks++
	it.need.Charge = max(it.need.Charge, need.Charge)
	it.need.Media = max(it.need.Media, need.Media)
	if sum := it.asked + need.Charge; sum >= it.asked {
		it.asked = sum
	}
}

// advance moves on to the next lease where there is one that fits need. The
// one it leaves keeps its rest until Run returns it.
func (it *walletItem) advance(now int64, need Amounts) (*walletGrant, Refusal) {
	if g := it.next; g != nil && now < g.lease.end {
		it.cur, it.next = g, nil
		g.begin(now)
		if g.left.holds(need) {
			return g, RefusedNot
		}
	}
	it.short = true
	return nil, it.shortage(now)
}

// shortage says why no lease holds enough.
func (it *walletItem) shortage(now int64) Refusal {
	switch {
	case it.reason != RefusedNot:
		return it.reason
	case it.cur == nil || now >= it.cur.lease.end:
		return RefusedNoLease
	}
	return RefusedExhausted
}

// begin starts the release of what is left, evenly until the window's end.
func (g *walletGrant) begin(now int64) {
	g.from, g.granted, g.rate = now, g.left.Charge, 0
	if span := g.lease.end - now; span > 0 {
		hi, lo := bits.Mul64(uint64(g.granted), 1<<rateBits)
		if hi >= uint64(span) {
			g.rate = math.MaxUint64 // more than 4 units in a nanosecond: at once
			return
		}
		g.rate, _ = bits.Div64(hi, lo, uint64(span))
	}
}

const rateBits = 32

// released is how much charge of a smooth grant may be reserved by now: its
// share of the time from its start to the window's end, at most 3 nanos less
// in 10 s for the rate's rounding. One more bid than that is let through, so
// that a grant of a single bid starts at once.
func (g *walletGrant) released(now int64) money.Nanos {
	if now <= g.from {
		return 0
	}
	hi, lo := bits.Mul64(g.rate, uint64(now-g.from))
	if hi >= 1<<(rateBits-1) {
		return g.granted
	}
	return money.Nanos(hi<<(64-rateBits) | lo>>rateBits)
}

// Stats returns the counters.
func (w *Wallet) Stats() WalletStats {
	s := &w.stats
	return WalletStats{
		Requests: s.requests.Load(), Failures: s.failures.Load(), Leases: s.leases.Load(), Returns: s.returns.Load(),
		ReturnsDropped: s.returnsDropped.Load(), RegisterDropped: s.registerDropped.Load(), LineItems: len(*w.items.Load()),
	}
}
