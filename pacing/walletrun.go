package pacing

import (
	"context"
	"maps"
	"math"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

type walletAnswer struct {
	asked []*walletItem
	from  time.Time // before the request: a lease's durations count from here
	grant LeaseGrant
	err   error
}

// Run keeps the leases until ctx ends; then it returns what is left of them.
// Reserve refuses from then on. Run is called once.
func (w *Wallet) Run(ctx context.Context) {
	tick := time.NewTicker(w.cfg.Tick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			w.stop()
			return
		case a := <-w.fresh:
			w.admit(a)
			w.renew(ctx)
		case a := <-w.answers:
			w.answered(a)
			w.renew(ctx)
		case <-tick.C:
			now := w.now()
			w.endLeases(now)
			w.forget(now)
			w.renew(ctx)
		}
	}
}

func (w *Wallet) now() int64 { return int64(w.deps.Clock().Sub(w.base)) }

// admit makes room for the line items that wait in fresh, first among them a.
func (w *Wallet) admit(a firstAsk) {
	items, copied := *w.items.Load(), false
	now := w.now()
	for {
		it := items[a.li]
		if it == nil && len(items) < w.cfg.MaxLineItems {
			if !copied { // a flood beyond the bound costs no copies
				items, copied = maps.Clone(items), true
			}
			it = newWalletItem(a.li, now)
			items[a.li] = it
		}
		if it != nil {
			it.mu.Lock()
			it.note(now, a.need)
			it.mu.Unlock()
		}
		select {
		case a = <-w.fresh:
			continue
		default:
		}
		break
	}
	if copied {
		w.items.Store(&items)
	}
}

func newWalletItem(li campaigns.ID, now int64) *walletItem {
	it := &walletItem{id: li, askedFrom: now, short: true}
	it.multiplier.Store(int64(fullValue))
	return it
}

// steer takes the multiplier that the pacer says; 0 is that of one that says none.
func (it *walletItem) steer(m money.PPM) {
	if m <= 0 || m > fullValue {
		m = fullValue
	}
	it.multiplier.Store(int64(m))
}

// forget drops line items that nobody asks for any more; it looks now and then.
func (w *Wallet) forget(now int64) {
	if now < w.forgetAt {
		return
	}
	w.forgetAt = now + int64(w.cfg.Forget/8)
	before := now - int64(w.cfg.Forget)
	idle := func(it *walletItem) bool {
		it.mu.Lock()
		defer it.mu.Unlock()
		return it.lastAsk < before && it.met.Load() == 0 && it.cur == nil && it.next == nil && !it.pending
	}
	old := *w.items.Load()
	var items map[campaigns.ID]*walletItem
	for id, it := range old {
		if !idle(it) {
			continue
		}
		if items == nil {
			items = maps.Clone(old)
		}
		delete(items, id)
	}
	if items != nil {
		w.items.Store(&items)
	}
}

// renew asks for every line item that wants money, one request at a time.
func (w *Wallet) renew(ctx context.Context) {
	if req, asked := w.wants(); len(asked) > 0 {
		go w.request(ctx, req, asked)
	}
}

// wants marks what is to be asked for now, and is nothing while a request is in
// flight. answered must be called for what it returns.
func (w *Wallet) wants() (req LeaseRequest, asked []*walletItem) {
	now := w.now()
	if w.inFlight || now < w.backoff {
		return req, nil
	}
	req.Bidder = w.deps.Incarnation
	for _, it := range *w.items.Load() {
		if len(req.Items) == MaxLeaseItems {
			break // the map's order is random: nobody is always left out
		}
		if d, ok := it.demand(now, w.cfg); ok {
			req.Items = append(req.Items, d)
			asked = append(asked, it)
		}
	}
	if len(asked) > 0 {
		w.inFlight = true
		w.stats.requests.Add(1)
	}
	return req, asked
}

// request runs in a goroutine of its own, so that leases end on time while the
// pacer is slow. answers has room for its one answer; stop waits for it.
func (w *Wallet) request(ctx context.Context, req LeaseRequest, asked []*walletItem) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.RequestTimeout)
	defer cancel()
	from := w.deps.Clock()
	grant, err := w.deps.Source.RequestLease(ctx, req)
	w.answers <- walletAnswer{asked: asked, from: from, grant: grant, err: err}
}

// patience is how long it is renewed without being asked for: where auctions are
// rarer than a lease is long, the next one must find money, or none ever would.
func (it *walletItem) patience(cfg WalletConfig) time.Duration {
	return max(cfg.Idle, min(3*min(time.Duration(it.apart), cfg.Forget), cfg.Forget))
}

// demand says whether it wants a lease now, and marks it as asked for.
func (it *walletItem) demand(now int64, cfg WalletConfig) (LeaseDemand, bool) {
	it.mu.Lock()
	defer it.mu.Unlock()
	// A line item that meets auctions, and bids in none of them, still wants the
	// newest multiplier: with that it may.
	if it.met.Load() > 0 {
		it.lastAsk = max(it.lastAsk, now-int64(cfg.Idle))
	}
	if it.pending || it.next != nil || now < it.retryAt || now-it.lastAsk > int64(it.patience(cfg)) {
		return LeaseDemand{}, false
	}
	if g := it.cur; g != nil && !it.short {
		lead := min(int64(cfg.Lead), int64(g.lease.Window)/3)
		if now < g.lease.end-lead {
			return LeaseDemand{}, false
		}
	}
	if it.asks > 0 {
		it.lastNeed = it.need
	}
	d := LeaseDemand{LineItem: it.id, Need: it.lastNeed, Asked: it.asked, Over: time.Duration(now - it.askedFrom),
		Apart: time.Duration(it.apart), Met: it.met.Swap(0), Asks: it.asks, Bids: it.bids, Reserved: it.reserved}
	d.Met = max(d.Met, d.Asks) // who does not Meet has met what it asked for
	it.need, it.asked, it.reserved, it.asks, it.bids = Amounts{}, 0, 0, 0, 0
	it.askedFrom, it.pending = now, true
	return d, true
}

func (w *Wallet) answered(a walletAnswer) {
	w.inFlight = false
	now := w.now()
	if a.err != nil {
		w.stats.failures.Add(1)
		w.backoff = now + int64(w.cfg.Retry)
	}
	retryAt := now + int64(w.cfg.Retry)
	for _, it := range a.asked {
		it.mu.Lock()
		it.pending, it.retryAt = false, retryAt
		it.mu.Unlock()
	}
	for _, r := range a.grant.Refused {
		if it := (*w.items.Load())[r.LineItem]; it != nil {
			it.mu.Lock()
			it.reason = r.Reason
			it.mu.Unlock()
			it.steer(r.Multiplier)
		}
	}
	for i := range a.grant.Leases {
		w.install(a.from, &a.grant.Leases[i], now)
	}
}

// install gives a lease's amounts to its line items.
func (w *Wallet) install(from time.Time, granted *Lease, now int64) {
	w.stats.leases.Add(1)
	start := int64(from.Sub(w.base))
	l := &walletLease{Lease: *granted, end: start + int64(min(granted.Window, math.MaxInt64/4)), close: from.Add(granted.Close)}
	items := *w.items.Load()
	for _, p := range granted.Items {
		g := &walletGrant{lease: l, left: p.Amounts, smooth: p.Smooth, holds: make([]hold, 0, usualClasses)}
		g.begin(now)
		it := items[p.LineItem]
		if it == nil { // forgotten meanwhile: the part goes back with the lease
			it = newWalletItem(p.LineItem, now)
		}
		l.parts = append(l.parts, leasePart{item: it, grant: g})
		it.take(g, now)
		it.steer(p.Multiplier)
	}
	w.leases = append(w.leases, l)
}

func (it *walletItem) take(g *walletGrant, now int64) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.retryAt, it.reason = 0, RefusedNot
	switch {
	case it.cur == nil || it.short || now >= it.cur.lease.end:
		it.cur = g
	case g.lease.end < it.cur.lease.end: // the shorter one first, or it would be lost
		it.cur, it.next = g, it.cur
	default:
		it.next = g
	}
	it.short = false
}

// endLeases returns what is left of the leases whose window is over.
func (w *Wallet) endLeases(now int64) {
	kept := w.leases[:0]
	for _, l := range w.leases {
		if now < l.end {
			kept = append(kept, l)
			continue
		}
		w.giveBack(l)
	}
	clear(w.leases[len(kept):])
	w.leases = kept
}

// giveBack ends l: from here on nothing can be reserved from it.
func (w *Wallet) giveBack(l *walletLease) {
	at := w.deps.Clock()
	now := int64(at.Sub(w.base))
	r := Return{At: at, Advertiser: l.Advertiser, Lease: l.ID, Items: make([]ItemAmount, 0, len(l.parts))}
	for _, p := range l.parts {
		left, holds := p.item.drop(p.grant, now)
		if left != (Amounts{}) || len(holds) > 0 {
			r.Items = append(r.Items, ItemAmount{LineItem: p.item.id, Amounts: left, Holds: w.classes.told(holds)})
		}
	}
	msg, err := message(TypeReturn, r.Advertiser, r)
	if err != nil || !w.deps.Publish(msg) {
		w.stats.returnsDropped.Add(1) // the pacer holds it until the lease closes
		return
	}
	w.stats.returns.Add(1)
}

// drop takes g out of use and returns its rest, and what was reserved of it.
func (it *walletItem) drop(g *walletGrant, now int64) (Amounts, []hold) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.cur == g {
		if it.cur, it.next = it.next, nil; it.cur != nil {
			it.cur.begin(now)
		}
	}
	if it.next == g {
		it.next = nil
	}
	left, holds := g.left, g.holds
	g.left, g.holds = Amounts{}, nil
	return left, holds
}

func (w *Wallet) stop() {
	w.stopped.Store(true)
	if w.inFlight { // its context has ended, so it comes soon
		w.answered(<-w.answers)
	}
	for _, it := range *w.items.Load() {
		it.mu.Lock()
		it.reason = RefusedStopped
		it.mu.Unlock()
	}
	for _, l := range w.leases {
		w.giveBack(l)
	}
	w.leases = nil
}

// Held is what one line item's leases still hold, for metrics.
type Held struct {
	LineItem campaigns.ID
	Amounts
}

// Held appends to dst what each line item may still reserve.
func (w *Wallet) Held(dst []Held) []Held {
	for id, it := range *w.items.Load() {
		it.mu.Lock()
		var sum Amounts
		for _, g := range []*walletGrant{it.cur, it.next} {
			if g != nil {
				sum.Media = addClamped(sum.Media, g.left.Media)
				sum.Charge = addClamped(sum.Charge, g.left.Charge)
			}
		}
		it.mu.Unlock()
		dst = append(dst, Held{id, sum})
	}
	return dst
}

// addClamped adds two amounts that are not negative; the sum stops at the type's end.
func addClamped(a, b money.Nanos) money.Nanos {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
