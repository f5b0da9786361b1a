package audit

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
)

// book is one partition as the auditor keeps it: every bid's whole history of a
// lease's life, and a journal of legs.
type book struct {
	epoch, nonce int64
	next         int64
	scopes       map[string]*scope
	lines        []*scope
	leases       map[int64]*lease
	journal      map[string]*big.Int
	bills        int64
	posted       map[string]bool // bids whose bill has posted, for good
	twice        int64
}

type lease struct {
	advertiser string
	day        string
	open       bool
	returned   bool
	parts      map[int64]*part // by line item
	order      []int64
	bids       map[string]*history
}

type part struct {
	line          *scope
	charge, media int64 // still held
	// What it was granted, less what was returned and what bids that notices
	// named have reserved: below zero, a bidder has used the lease twice.
	unusedCharge, unusedMedia int64
	clicks                    int64 // brought to the line item's waiting click charges
}

// history is what a bid's notices have done.
type history struct {
	billed, void, clicked, raised, bad, brought, fixed bool

	media, payable int64
}

// Entry is one decision: the legs of a record. It balances:
// Charge + Late + Unbilled = Media + DataFee + PlatformFee + Margin.
type Entry struct {
	Outcome                                      string // as docs/topics.md names it; empty: nothing was decided
	Charge, Late, Unbilled                       int64
	Media, Payable, DataFee, PlatformFee, Margin int64
}

func newBook() *book {
	return &book{epoch: -1, scopes: map[string]*scope{}, leases: map[int64]*lease{}, journal: map[string]*big.Int{}, posted: map[string]bool{}}
}

func scopeName(level string, id int64) string { return level + "/" + strconv.FormatInt(id, 10) }

func (b *book) line(id int64) *scope { return b.scopes[scopeName("line_item", id)] }

// apply folds one record and returns what it decides.
func (b *book) apply(offset int64, r *record) (e Entry, err error) {
	owned := r.Epoch == b.epoch
	touched := b.leases[r.Lease]
	switch r.Type {
	case "claim":
		b.epoch, b.nonce = offset, 0
	case "budget":
		if owned {
			err = b.budget(r)
		}
	case "day":
		if s := b.scopes[scopeName("advertiser", r.Advertiser)]; owned && s == nil {
			err = fmt.Errorf("day of advertiser %d before its budget", r.Advertiser)
		} else if owned && r.Day > s.day {
			s.day = r.Day
		}
	case "grant":
		if owned && r.Nonce > b.nonce {
			b.nonce = r.Nonce
			b.grant(offset, r)
		}
	case "return":
		b.giveBack(r)
	case "close", "hard":
		if l := b.leases[r.Lease]; owned && l != nil {
			b.close(l)
			if r.Type == "hard" {
				delete(b.leases, r.Lease)
			}
		}
	default:
		e, err = b.notice(r)
	}
	b.next = offset + 1
	if err == nil {
		err = b.check(offset, r, touched)
	}
	return e, err
}

func (b *book) budget(r *record) error {
	name, up := scopeName("advertiser", r.Advertiser), (*scope)(nil)
	switch r.Level {
	case "campaign":
		name, up = scopeName("campaign", r.Campaign), b.scopes[name]
	case "line_item":
		name, up = scopeName("line_item", r.LineItem), b.scopes[scopeName("campaign", r.Campaign)]
	}
	if r.Level != "advertiser" && up == nil {
		return fmt.Errorf("budget of %s before its parent's", name)
	}
	s := b.scopes[name]
	if s == nil {
		s = &scope{name: name, up: up}
		b.scopes[name] = s
		if r.Level == "line_item" {
			b.lines = append(b.lines, s)
		}
	} else if s.up != up {
		return fmt.Errorf("%s moves to another parent", name)
	}
	s.charge.set(r.Daily, r.Lifetime)
	s.media.set(r.MediaDaily, r.MediaLifetime)
	s.fee, s.clicks, s.clickPrice, s.dataFee = r.PlatformFee, r.Pricing == "cpc", r.ClickPrice, r.DataFee
	return nil
}

func (b *book) grant(offset int64, r *record) {
	adv := b.scopes[scopeName("advertiser", r.Advertiser)]
	if adv == nil || adv.day != r.Day {
		return
	}
	l := &lease{advertiser: adv.name, day: r.Day, open: true, parts: map[int64]*part{}, bids: map[string]*history{}}
	for _, it := range r.Items {
		s := b.line(it.LineItem)
		if s == nil || s.advertiser() != adv || l.parts[it.LineItem] != nil {
			continue
		}
		charge, media := min(it.Charge, s.room(r.Day)), min(it.Media, s.media.room(r.Day))
		if charge <= 0 || media <= 0 {
			continue
		}
		s.move(r.Day, charge, 0)
		s.moveMedia(r.Day, media, 0, 0)
		l.parts[it.LineItem] = &part{line: s, charge: charge, media: media, unusedCharge: charge, unusedMedia: media}
		l.order = append(l.order, it.LineItem)
	}
	if len(l.parts) > 0 {
		b.leases[offset] = l
	}
}

// free takes up to charge and media out of what p holds.
func (p *part) free(day string, charge, media int64) (int64, int64) {
	charge, media = min(charge, p.charge), min(media, p.media)
	p.charge -= charge
	p.media -= media
	p.line.move(day, -charge, 0)
	p.line.moveMedia(day, -media, 0, 0)
	return charge, media
}

func (b *book) giveBack(r *record) {
	l := b.leases[r.Lease]
	if l == nil || !l.open || l.returned || l.advertiser != scopeName("advertiser", r.Advertiser) {
		return
	}
	l.returned = true
	for _, it := range r.Items {
		if p := l.parts[it.LineItem]; p != nil {
			p.free(l.day, it.Charge, it.Media)
			p.unusedCharge -= it.Charge
			p.unusedMedia -= it.Media
		}
	}
}

func (b *book) close(l *lease) {
	if !l.open {
		return
	}
	l.open = false
	for _, id := range l.order {
		p := l.parts[id]
		p.free(l.day, p.charge, p.media)
		w := p.line.wait(l.day)
		w.brought -= p.clicks
		p.clicks = 0
		if over := w.held - w.brought; over > 0 {
			w.held -= over
			p.line.move(l.day, -over, 0)
		}
	}
}

func (b *book) notice(r *record) (Entry, error) {
	l, s := b.leases[r.Lease], b.line(r.LineItem)
	adv := scopeName("advertiser", r.Advertiser)
	if l == nil || s == nil || l.advertiser != adv || s.advertiser().name != adv {
		return Entry{Outcome: "past_hard"}, nil
	}
	h := l.bids[r.Bid]
	if h == nil {
		h = &history{}
		l.bids[r.Bid] = h
		if err := l.use(r); err != nil {
			return Entry{}, err
		}
	}
	n := notice{record: r, lease: l, part: l.parts[r.LineItem], line: s, h: h}
	var e Entry
	switch r.Type {
	case "bill":
		e = n.bill()
		if e.Outcome == "posted" || e.Outcome == "late" || e.Outcome == "dispute" || e.Outcome == "unbilled" {
			b.bills++
			if b.posted[r.Bid] {
				b.twice++
				return e, fmt.Errorf("bid %s is billed twice", r.Bid)
			}
			b.posted[r.Bid] = true
		}
	case "loss":
		e = n.loss()
	case "click":
		e = n.click()
	}
	return e, b.enter(r, s, e)
}

// use counts a bid's reservation against what the lease was granted.
func (l *lease) use(r *record) error {
	p := l.parts[r.LineItem]
	if p == nil {
		return fmt.Errorf("bid %s: lease %d has nothing for line item %d", r.Bid, r.Lease, r.LineItem)
	}
	p.unusedCharge -= r.ReservedCharge
	p.unusedMedia -= r.ReservedMedia
	if p.unusedCharge < 0 || p.unusedMedia < 0 {
		return fmt.Errorf("bid %s: lease %d is used beyond its grant for line item %d: charge %d, media %d", r.Bid, r.Lease, r.LineItem, p.unusedCharge, p.unusedMedia)
	}
	return nil
}

// enter writes the legs of e into the journal, and refuses what does not balance.
func (b *book) enter(r *record, s *scope, e Entry) error {
	left := new(big.Int).Add(big.NewInt(e.Charge), new(big.Int).Add(big.NewInt(e.Late), big.NewInt(e.Unbilled)))
	right := new(big.Int).Add(big.NewInt(e.Media), big.NewInt(e.DataFee))
	right.Add(right, big.NewInt(e.PlatformFee)).Add(right, big.NewInt(e.Margin))
	if left.Cmp(right) != 0 {
		return fmt.Errorf("bid %s: debit %v is not credit %v", r.Bid, left, right)
	}
	if e.Payable != 0 {
		b.leg("payable/"+r.Exchange+"/"+r.Currency, e.Payable)
	}
	for _, leg := range []struct {
		name   string
		amount int64
	}{{"/data_fee", e.DataFee}, {"/platform_fee", e.PlatformFee}, {"/margin", e.Margin}, {"/house_late", e.Late}, {"/house_unbilled", e.Unbilled}} {
		if leg.amount != 0 {
			b.leg(s.name+leg.name, leg.amount)
		}
	}
	return nil
}

func (b *book) leg(account string, n int64) {
	sum := b.journal[account]
	if sum == nil {
		sum = new(big.Int)
		b.journal[account] = sum
	}
	sum.Add(sum, big.NewInt(n))
}

var errHeld = errors.New("what the accounts hold is not what the leases hold")

// check looks at every bound that the record can have moved.
func (b *book) check(offset int64, r *record, l *lease) error {
	switch r.Type {
	case "budget":
		return b.checkAll(scopeName("advertiser", r.Advertiser))
	case "grant":
		l = b.leases[offset]
	case "bill", "loss", "click":
		if s := b.line(r.LineItem); l != nil && s != nil {
			return s.check(l.day)
		}
		return nil
	}
	if l == nil {
		return nil
	}
	for _, p := range l.parts {
		if err := p.line.check(l.day); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) checkAll(advertiser string) error {
	for _, s := range b.lines {
		if s.advertiser().name != advertiser {
			continue
		}
		for day := range s.charge.days {
			if err := s.check(day); err != nil {
				return err
			}
		}
	}
	return nil
}

// recount adds up what every lease and every waiting click holds, from nothing,
// and compares the sum with the accounts'.
func (b *book) recount() error {
	sums := map[*scope][2]int64{}
	add := func(s *scope, charge, media int64) {
		for t := s; t != nil; t = t.up {
			x := sums[t]
			x[0] += charge
			if t == s {
				x[1] += media
			}
			sums[t] = x
		}
	}
	for _, l := range b.leases {
		for _, p := range l.parts {
			add(p.line, p.charge, p.media)
		}
	}
	for _, s := range b.lines {
		for _, w := range s.waiting {
			add(s, w.held, 0)
		}
	}
	for _, s := range b.scopes {
		if x := sums[s]; s.charge.life.held != x[0] || s.media.life.held != x[1] {
			return fmt.Errorf("%s: %w: charge %d and %d, media %d and %d", s.name, errHeld, s.charge.life.held, x[0], s.media.life.held, x[1])
		}
	}
	return nil
}

// mulDiv is a x b / c in big integers, rounded up or down; ok is false beyond int64.
func mulDiv(a, b, c int64, up bool) (v int64, ok bool) {
	p := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	q, m := new(big.Int).QuoRem(p, big.NewInt(c), new(big.Int))
	if up && m.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	if !q.IsInt64() {
		return math.MaxInt64, false
	}
	return q.Int64(), true
}
