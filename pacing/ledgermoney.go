package pacing

import (
	"crypto/sha256"

	"bidhawk/internal/money"
)

// onceKey is 128 bits of the hash of what counts once per advertiser, for good:
// a payment, an adjustment, an order.
type onceKey [16]byte

type onceRef struct {
	book *book
	key  onceKey
}

// first says whether kind and id come for the first time, and remembers them.
func (b *book) first(kind Type, id string) bool {
	k := onceOf(kind, id)
	if _, known := b.once[k]; known {
		return false
	}
	b.once[k] = struct{}{}
	b.ledger.dirtyOnce = append(b.ledger.dirtyOnce, onceRef{b, k})
	return true
}

func onceOf(kind Type, id string) onceKey {
	sum := sha256.Sum256([]byte(string(kind) + "/" + id))
	return onceKey(sum[:])
}

// fund sets the lifetime limit of an advertiser that spends what it paid.
func (b *book) fund() {
	t := &b.node.terms
	b.node.charge.Lifetime = limitOf(t.Lifetime)
	if t.Funded {
		b.node.charge.Lifetime = min(b.node.charge.Lifetime, addClamped(b.paid, t.Credit))
	}
	b.node.touch()
}

// pay books a payment. A refund takes back what is not committed.
func (l *ledger) pay(p *Payment) *Posting {
	out := &Posting{V: RecordVersion, Type: TypePayment, At: p.At, Advertiser: p.Advertiser, ID: p.ID, Outcome: OutcomeRefused}
	bk := l.books[p.Advertiser]
	if bk == nil {
		return out
	}
	out.Day, out.PayableCurrency = bk.day, bk.node.terms.Currency
	if !bk.first(TypePayment, p.ID) { // what was refused is not taken later either
		out.Outcome = OutcomeDuplicate
		return out
	}
	sum, err := money.Add(bk.paid, p.Amount)
	t := &bk.node.terms
	if err != nil || sum < 0 || p.Amount < 0 && t.Funded && addClamped(sum, t.Credit) < bk.node.charge.Life.committed() {
		return out
	}
	bk.paid = sum
	bk.fund()
	out.Outcome, out.Payment = OutcomePosted, p.Amount
	return out
}

// adjust books a counter-record, whole or not at all.
func (l *ledger) adjust(a *Adjust) (*Posting, error) {
	p := &Posting{V: RecordVersion, Type: TypeAdjust, At: a.At, Advertiser: a.Advertiser, LineItem: a.LineItem, Exchange: a.Exchange,
		PayableCurrency: a.PayableCurrency, Cause: a.Cause, ID: a.ID, Outcome: OutcomeRefused}
	bk, n := l.books[a.Advertiser], l.lines[a.LineItem]
	if bk == nil {
		return p, nil
	}
	p.Day = bk.day
	if !bk.first(TypeAdjust, a.ID) { // what was refused is not taken later either
		p.Outcome = OutcomeDuplicate
		return p, nil
	}
	if n == nil || n.owner != bk {
		return p, nil
	}
	p.Campaign = campaignOf(n)
	w := n.line.now(bk.day)
	if !n.adjustable(w, a) {
		return p, nil
	}
	p.Outcome = OutcomeAdjusted
	p.Charge, p.Media, p.Payable, p.DataFee, p.PlatformFee = a.Charge, a.Media, a.Payable, a.DataFee, a.PlatformFee
	p.HouseLate, p.HouseUnbilled = a.HouseLate, a.HouseUnbilled
	p.Margin = a.Charge + a.HouseLate + a.HouseUnbilled - a.Media - a.DataFee - a.PlatformFee
	if a.Charge < 0 {
		bk.accrue(a.Charge)
		for m := n; m != nil; m = m.parent {
			m.charge.Life.Posted += a.Charge
			m.touch()
		}
	} else if _, err := n.take(w, a.Charge, 0); err != nil {
		return nil, err
	}
	if a.Media < 0 {
		n.media.Life.Posted += a.Media
	} else if err := n.media.post(w.Day, 0, a.Media); err != nil {
		return nil, err
	}
	n.line.Fees.add(p)
	l.owe(p, bk.node.terms.Currency)
	n.touch()
	return p, nil
}

// adjustable says whether a fits: what it adds has room, what it takes was
// posted, and in one currency what is owed moves with what media cost.
func (n *node) adjustable(w when, a *Adjust) bool {
	one := a.PayableCurrency == money.Currency{} || a.PayableCurrency == n.owner.node.terms.Currency
	switch {
	case (a.Charge > 0 || a.Media > 0) && w.Day == 0:
		return false
	case one && a.Payable != a.Media:
		return false
	case a.Media < 0 && n.media.Life.Posted+a.Media < 0:
		return false
	case a.Charge < 0:
		return n.leastPosted()+a.Charge >= 0
	}
	return a.Charge <= n.room(w)
}

// now is the when of what has no lease: the present day, and the last flights.
func (l *line) now(day Day) when {
	return when{Day: day, Flight: l.Last.Flight, CampaignFlight: l.Last.CampaignFlight}
}

// leastPosted is the least lifetime charge from n up.
func (n *node) leastPosted() money.Nanos {
	least := noLimit
	for ; n != nil; n = n.parent {
		least = min(least, n.charge.Life.Posted)
	}
	return least
}

// accrue counts what an advertiser is charged for its agency's account.
func (b *book) accrue(n money.Nanos) {
	if id := b.node.terms.Agency; id != 0 {
		b.ledger.agencies[id] = b.ledger.agencies[id].Add(n)
	}
}

// owe books what p owes to an exchange. Where that is in another currency, what
// was converted stands on the accounts of both.
func (l *ledger) owe(p *Posting, currency money.Currency) {
	if p.Media == 0 && p.Payable == 0 {
		return
	}
	if p.Payable != 0 {
		to := payee{p.Exchange, p.PayableCurrency}
		l.payables[to] = l.payables[to].Add(p.Payable)
	}
	if p.PayableCurrency != currency && p.PayableCurrency != (money.Currency{}) {
		l.fx[currency] = l.fx[currency].Add(-p.Media)
		l.fx[p.PayableCurrency] = l.fx[p.PayableCurrency].Add(p.Payable)
	}
}

// add books the parts of p besides the charge and the media.
func (f *fees) add(p *Posting) {
	f.Data, f.Platform, f.Margin = f.Data.Add(p.DataFee), f.Platform.Add(p.PlatformFee), f.Margin.Add(p.Margin)
	f.Late, f.Unbilled = f.Late.Add(p.HouseLate), f.Unbilled.Add(p.HouseUnbilled)
}
