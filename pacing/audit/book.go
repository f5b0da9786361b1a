package audit

import (
	"fmt"

	"bidhawk/internal/money"
)

// book is one partition as the auditor keeps it.
type book struct {
	epoch, nonce int64
	next         int64
	advertisers  map[int64]*scope
	campaigns    map[int64]*scope
	lines        map[int64]*scope
	leases       map[int64]*lease
	orders       map[idKey]struct{} // conversions, for good
	ids          map[idKey]struct{} // payments and adjustments, for good
	classes      map[string]int32
	className    []byte // reused
	lastClass    lastClass

	payables map[payable]*money.Wide
	fx       map[string]*money.Wide
	agencies map[int64]*money.Wide
	bills    int64
	ever     map[bidKey]struct{} // the first bids that were billed, for good: up to maxEver
	maxEver  int
	billed   map[bidKey]int64 // the others, while the lease under which one was billed is not past hard
	overDays money.Wide       // charged over the limits of days that have closed

	n      notice // reused
	broken error  // the first rule that the record at hand broke
}

type payable struct{ exchange, currency string }

func newBook() *book {
	return &book{epoch: -1, advertisers: map[int64]*scope{}, campaigns: map[int64]*scope{}, lines: map[int64]*scope{}, leases: map[int64]*lease{},
		orders: map[idKey]struct{}{}, ids: map[idKey]struct{}{}, classes: map[string]int32{},
		payables: map[payable]*money.Wide{}, fx: map[string]*money.Wide{}, agencies: map[int64]*money.Wide{}, billed: map[bidKey]int64{}}
}

// fault notes a broken rule. The record is folded on: the rest of the log
// should not be blamed for it.
func (b *book) fault(format string, args ...any) {
	if b.broken == nil {
		b.broken = fmt.Errorf(format, args...)
	}
}

func (b *book) verify(err error) {
	if b.broken == nil {
		b.broken = err
	}
}

// class is the number of "exchange/format".
func (b *book) class(name string) int32 {
	id, ok := b.classes[name]
	if !ok {
		id = int32(len(b.classes))
		b.classes[name] = id
	}
	return id
}

func (b *book) classOf(exchange, format string) int32 {
	if c := &b.lastClass; c.exchange == exchange && c.format == format && c.known { // fast path
		return c.id
	}
	b.className = append(append(append(b.className[:0], exchange...), '/'), format...)
	id, ok := b.classes[string(b.className)]
	if !ok {
		id = b.class(string(b.className))
	}
	b.lastClass = lastClass{exchange, format, id, true}
	return id
}

// lastClass is the class of the notice before: mostly of the next one too.
type lastClass struct {
	exchange, format string
	id               int32
	known            bool
}

// apply folds one record and returns what it decides, and what it broke.
func (b *book) apply(offset int64, r *record) (e Entry, err error) {
	b.broken = nil
	switch r.Type {
	case "claim":
		b.epoch, b.nonce = offset, 0
	case "budget", "day", "closing", "grant", "close", "ease", "unwon", "hard":
		if r.Epoch == b.epoch {
			b.owned(offset, r)
		}
	case "return":
		b.giveBack(r)
		b.checkLease(b.leases[r.Lease])
	case "payment":
		e = b.payment(r)
	case "adjust":
		e = b.adjust(r)
	default:
		e = b.notice(r)
	}
	b.next = offset + 1
	return e, b.broken
}

// owned folds what the owner of the partition wrote.
func (b *book) owned(offset int64, r *record) {
	switch r.Type {
	case "budget":
		b.budget(r)
	case "day":
		if adv := b.advertisers[r.Advertiser]; adv == nil {
			b.fault("day of advertiser %d before its budget", r.Advertiser)
		} else {
			adv.day = max(adv.day, r.Day)
		}
	case "closing":
		b.closing(r)
	case "grant":
		if r.Nonce > b.nonce {
			b.nonce = r.Nonce
			b.grant(offset, r)
			b.checkLease(b.leases[offset])
		}
	default:
		if l := b.leases[r.Lease]; l != nil && l.adv.id == r.Advertiser {
			b.ends(l, r)
			b.checkLease(l)
		}
	}
}

func (b *book) ends(l *lease, r *record) {
	switch {
	case r.Type == "hard":
		b.hard(l)
	case r.Type == "ease":
		l.ease(b.classNamed(r), r.Keep)
	case r.Type == "unwon":
		l.unwon(b.classNamed(r))
	case r.Class != nil && *r.Class != "":
		l.closeClass(b.class(*r.Class))
	default:
		l.close()
	}
}

func (b *book) classNamed(r *record) int32 {
	if r.Class == nil {
		b.fault("%s of lease %d without a class", r.Type, r.Lease)
		return b.class("")
	}
	return b.class(*r.Class)
}

func (b *book) budget(r *record) {
	s, up, err := b.find(r)
	if err != nil {
		b.fault("budget: %w", err)
		return
	}
	if s == nil {
		s = b.add(r, up)
	}
	switch s.level {
	case advertiserLevel:
		s.currency, s.agency, s.fee, s.funded, s.credit = r.Native, r.Agency, r.FeePPM, r.Funded, r.Credit
		s.lifetime = boundOf(r.Lifetime)
		s.charge.set(boundOf(r.Daily), s.lifetime, nil)
		s.limitLife()
	case lineLevel:
		s.pricing, s.shareOf, s.lateShare, s.dataFee = r.Pricing, r.Share, r.LateShare, r.DataFee
		if s.price = r.EventPrice; s.price == 0 {
			s.price = r.ClickPrice
		}
		s.media.set(boundOf(r.MediaDaily), boundOf(r.MediaLifetime), nil)
		fallthrough
	default:
		named := make(map[int64]int64, len(r.Flights))
		for _, f := range r.Flights {
			named[int64(f.Start)] = boundOf(f.Budget)
		}
		s.charge.set(boundOf(r.Daily), boundOf(r.Lifetime), named)
	}
	s.charge.horizons(func(h *horizon) { b.verify(h.check()) })
	if s.level == lineLevel {
		s.media.horizons(func(h *horizon) { b.verify(h.check()) })
	}
}

// find is the scope of a budget record, nil where it is new, and its parent.
func (b *book) find(r *record) (s, up *scope, err error) {
	adv := b.advertisers[r.Advertiser]
	switch r.Level {
	case "advertiser":
		if r.Native == "" {
			return nil, nil, fmt.Errorf("advertiser %d has no currency", r.Advertiser)
		}
		if adv != nil && adv.currency != r.Native {
			return nil, nil, fmt.Errorf("advertiser %d: the currency changes from %s to %s", r.Advertiser, adv.currency, r.Native)
		}
		return adv, nil, nil
	case "campaign":
		s, up = b.campaigns[r.Campaign], adv
	case "line_item":
		s, up = b.lines[r.LineItem], b.campaigns[r.Campaign]
	default:
		return nil, nil, fmt.Errorf("level %q is unknown", r.Level)
	}
	if up == nil {
		return nil, nil, fmt.Errorf("%s of campaign %d, line item %d before its parent", r.Level, r.Campaign, r.LineItem)
	}
	if up.adv.id != r.Advertiser || s != nil && s.up != up {
		return nil, nil, fmt.Errorf("%s of campaign %d, line item %d moves to another parent", r.Level, r.Campaign, r.LineItem)
	}
	return s, up, nil
}

func (b *book) add(r *record, up *scope) *scope {
	switch r.Level {
	case "advertiser":
		s := newScope(advertiserLevel, r.Advertiser, nil)
		b.advertisers[s.id] = s
		return s
	case "campaign":
		s := newScope(campaignLevel, r.Campaign, up)
		b.campaigns[s.id] = s
		return s
	}
	s := newScope(lineLevel, r.LineItem, up)
	b.lines[s.id] = s
	return s
}

// checkLease looks at every bound that a record of a lease can have moved.
func (b *book) checkLease(l *lease) {
	if l == nil {
		return
	}
	for _, p := range l.order {
		if p.charge < 0 || p.media < 0 || p.brought < 0 {
			b.fault("lease %d holds %d, media %d, has brought %d of line item %d: below zero", l.id, p.charge, p.media, p.brought, p.line.id)
		}
		b.verify(p.at.check())
	}
}

// enter writes the legs of e into the books, and refuses what does not balance:
// in the advertiser's currency, and where the exchange is paid in that, to it.
func (b *book) enter(s *scope, exchange, currency string, e *Entry) {
	if left := e.unbalanced(); left.Sign() != 0 {
		b.fault("line item %d: debit less credit is %v", s.id, left)
	}
	native := s.adv.currency
	switch {
	case currency != native && (e.Media != 0 || e.Payable != 0):
		addTo(b.fx, native, -e.Media)
		addTo(b.fx, currency, e.Payable)
	case e.Media != e.Payable:
		b.fault("line item %d: the exchange is owed %d %s; the media cost %d", s.id, e.Payable, currency, e.Media)
	}
	if e.Payable != 0 {
		addTo(b.payables, payable{exchange, currency}, e.Payable)
	}
	if s.adv.agency != 0 && e.Charge != 0 {
		addTo(b.agencies, s.adv.agency, e.Charge)
	}
	for i, n := range [...]int64{dataFee: e.DataFee, platformFee: e.PlatformFee, margin: e.Margin, houseLate: e.Late, houseUnbilled: e.Unbilled} {
		s.fees[i] = s.fees[i].Add(money.Nanos(n))
	}
}

// unbalanced is debit less credit.
func (e *Entry) unbalanced() (left money.Wide) {
	for _, n := range [...]int64{e.Charge, e.Late, e.Unbilled} {
		left = left.Add(money.Nanos(n))
	}
	for _, n := range [...]int64{e.Media, e.DataFee, e.PlatformFee, e.Margin} {
		left = left.Plus(money.WideOf(money.Nanos(n)).Neg())
	}
	return left
}

func addTo[K comparable](m map[K]*money.Wide, k K, n int64) {
	w := m[k]
	if w == nil {
		w = &money.Wide{}
		m[k] = w
	}
	*w = w.Add(money.Nanos(n))
}
