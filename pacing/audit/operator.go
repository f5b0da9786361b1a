package audit

import (
	"crypto/sha256"
	"encoding/binary"
)

// idKey is an advertiser's order, payment or adjustment: a hash, for memory.
type idKey [16]byte

// first remembers id of an advertiser, and says whether it was not there before.
func first(seen map[idKey]struct{}, advertiser int64, id string) bool {
	var buf [128]byte
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(buf[:0], uint64(advertiser)), id...))
	k := idKey(sum[:16])
	if _, ok := seen[k]; ok {
		return false
	}
	seen[k] = struct{}{}
	return true
}

// payment is what an advertiser has paid, or got back.
func (b *book) payment(r *record) Entry {
	adv := b.advertisers[r.Advertiser]
	if adv == nil { // there is no account that could remember the id
		return Entry{Outcome: "refused"}
	}
	if !first(b.ids, r.Advertiser, "payment/"+r.ID) {
		return Entry{Outcome: "duplicate"}
	}
	paid, ok := sum(adv.paid, r.Amount)
	life := &adv.charge.life
	if !ok || paid < 0 || r.Amount < 0 && adv.funded && plus(paid, adv.credit) < life.posted+life.held {
		return Entry{Outcome: "refused"}
	}
	adv.paid = paid
	adv.limitLife()
	b.verify(life.check())
	return Entry{Outcome: "posted", Payment: r.Amount}
}

// adjust is a counter-record: all of it or nothing.
func (b *book) adjust(r *record) Entry {
	if b.advertisers[r.Advertiser] == nil {
		return Entry{Outcome: "refused"}
	}
	if !first(b.ids, r.Advertiser, "adjust/"+r.ID) {
		return Entry{Outcome: "duplicate"}
	}
	s := b.lines[r.LineItem]
	if s == nil || s.adv.id != r.Advertiser {
		return Entry{Outcome: "refused"}
	}
	e := Entry{Outcome: "adjusted", Charge: r.Charge, Late: r.Late, Unbilled: r.Unbilled, Media: r.Media, Payable: r.Payable, DataFee: r.DataFee, PlatformFee: r.PlatformFee}
	currency := r.PayableCurrency
	if currency == "" {
		currency = s.adv.currency
	}
	if !e.balance() || currency == s.adv.currency && e.Media != e.Payable || !s.takes(r) {
		return Entry{Outcome: "refused"}
	}
	at := s.adjusted(r)
	b.enter(s, r.Exchange, currency, &e)
	for t := s; t != nil; t = t.up {
		b.verify(t.charge.life.check())
	}
	b.verify(s.media.life.check())
	if at != nil {
		b.verify(at.check())
	}
	return e
}

// balance makes the margin what balances the entry; no amount of it may pass int64.
func (e *Entry) balance() bool {
	e.Margin = 0
	margin, err := e.unbalanced().Nanos()
	e.Margin = int64(margin)
	return err == nil
}

// takes says whether an adjustment leaves every account right.
func (s *scope) takes(r *record) bool {
	if (r.Charge > 0 || r.Media > 0) && s.adv.day == 0 {
		return false
	}
	if r.Charge > 0 && r.Charge > s.place(when{s.adv.day, s.last}).room() {
		return false
	}
	if _, ok := sum(s.media.life.posted, max(r.Media, 1)); !ok || r.Media < 0 && s.media.life.posted+r.Media < 0 {
		return false
	}
	for t := s; t != nil && r.Charge < 0; t = t.up {
		if t.charge.life.posted+r.Charge < 0 {
			return false
		}
	}
	return true
}

// adjusted posts an adjustment's charge and media. What is given back of a day
// is not there twice: it lowers the lifetimes alone.
func (s *scope) adjusted(r *record) (at *place) {
	if r.Charge > 0 || r.Media > 0 {
		at = s.place(when{s.adv.day, s.last})
	}
	if r.Charge > 0 {
		at.move(0, r.Charge)
	}
	for t := s; t != nil && r.Charge < 0; t = t.up {
		t.charge.life.posted += r.Charge
	}
	if r.Media > 0 {
		at.owe(r.Media)
	}
	if r.Media < 0 {
		h := &s.media.life
		h.posted += r.Media
		h.late = min(h.late, h.posted)
	}
	return at
}
