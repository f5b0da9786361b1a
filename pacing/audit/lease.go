package audit

// lease is a lease that is not past hard.
type lease struct {
	id       int64
	adv      *scope
	day      date
	closed   bool
	returned bool
	parts    map[int64]*part // by line item
	order    []*part
	classes  []phase
	bids     map[bidKey]history
}

// phase is how far a class of a lease has come.
type phase struct {
	class         int32
	closed, unwon bool
}

// part is an item of a lease.
type part struct {
	line          *scope
	at            *place
	charge, media int64 // still held
	// What it was granted, less what was returned and what bids that notices
	// named have reserved: below zero, a bidder has used the lease twice.
	unusedCharge, unusedMedia int64
	brought                   int64 // to the pool
	classes                   []classSum
}

type amounts struct{ media, charge int64 }

// classSum is what a class of bids has of an item.
type classSum struct {
	class    int32
	told     bool // the return has said what was reserved
	reserved amounts
	freed    amounts // by notices, ease, unwon and close
	resolved amounts // of bids that are billed or void, and what was brought early
	won      amounts // of bids that won and are neither billed nor void
}

// history is what a bid's notices have done.
type history struct {
	billed, fixed, test, void, won        bool
	clicked, viewed, completed, converted bool
	bad, raised, brought                  bool
	taken                                 int64 // of its reserved charge: brought before its bill
	media, payable                        int64 // posted
	waiting                               int64 // events that came before its bill
}

func (h *history) event() bool { return h.clicked || h.viewed || h.completed || h.converted }

func (l *lease) phase(class int32) *phase {
	for i := range l.classes {
		if l.classes[i].class == class {
			return &l.classes[i]
		}
	}
	l.classes = append(l.classes, phase{class: class})
	return &l.classes[len(l.classes)-1]
}

// sum is valid until the next call.
func (p *part) sum(class int32) *classSum {
	for i := range p.classes {
		if p.classes[i].class == class {
			return &p.classes[i]
		}
	}
	p.classes = append(p.classes, classSum{class: class})
	return &p.classes[len(p.classes)-1]
}

// open is what is left of what the class has reserved.
func (p *part) open(c *classSum) amounts {
	return amounts{
		media:  min(max(0, c.reserved.media-c.freed.media), p.media),
		charge: min(max(0, c.reserved.charge-c.freed.charge), p.charge),
	}
}

// atMost bounds a by what is open of a class that the return has told of.
func (p *part) atMost(c *classSum, a amounts) amounts {
	if !c.told {
		return a
	}
	open := p.open(c)
	return amounts{media: min(a.media, open.media), charge: min(a.charge, open.charge)}
}

// release frees up to a of what p holds, and says how much.
func (p *part) release(a amounts) amounts {
	a = amounts{media: min(a.media, p.media), charge: min(a.charge, p.charge)}
	p.charge -= a.charge
	p.media -= a.media
	p.at.move(-a.charge, 0)
	p.at.holdMedia(-a.media)
	return a
}

func (c *classSum) count(a amounts) {
	c.freed.media += a.media
	c.freed.charge += a.charge
}

// cut takes n of what the lease has brought out of the pool: events are taken
// to have used the oldest first.
func (p *part) cut(n int64) {
	p.brought -= n
	pool := &p.at.pool
	pool.open -= n
	if over := pool.held - pool.open; over > 0 {
		pool.held -= over
		p.at.move(-over, 0)
	}
}

func (b *book) grant(offset int64, r *record) {
	adv := b.advertisers[r.Advertiser]
	if adv == nil || adv.day != r.Day || r.Day == 0 {
		return
	}
	l := &lease{id: offset, adv: adv, day: r.Day, parts: map[int64]*part{}, bids: map[bidKey]history{}}
	for i := range r.Items {
		s := b.lines[r.Items[i].LineItem]
		if s == nil || s.adv != adv || l.parts[s.id] != nil {
			continue
		}
		if p := s.give(l, &r.Items[i]); p != nil {
			l.parts[s.id] = p
			l.order = append(l.order, p)
			s.last = flights{p.at.line, p.at.campaign}
		}
	}
	if len(l.order) > 0 {
		b.leases[offset] = l
		adv.leases[l.day]++
	}
}

// give is what an item gets: both amounts or nothing.
func (s *scope) give(l *lease, it *item) *part {
	if !s.charge.hasFlight(it.Flight) || !s.up.charge.hasFlight(it.CampaignFlight) {
		return nil
	}
	at := s.place(when{l.day, flights{it.Flight, it.CampaignFlight}})
	media := min(it.Media, at.mediaRoom())
	charge := min(it.Charge, at.room())
	p := &part{line: s, at: at, media: media, charge: charge, unusedMedia: media, unusedCharge: charge}
	if s.pricing == "cpd" {
		p.charge, p.unusedCharge = 0, it.Charge
		charge = it.Charge
	}
	if charge <= 0 || media <= 0 {
		return nil
	}
	if f := s.flatOf(l.day); s.pricing == "cpd" && f.at == nil && !f.charged {
		if s.price > at.room() {
			return nil
		}
		f.held, f.at, f.lease = s.price, at, l.id
		at.move(f.held, 0)
	}
	at.move(p.charge, 0)
	at.holdMedia(media)
	return p
}

func (b *book) giveBack(r *record) {
	l := b.leases[r.Lease]
	if l == nil || l.closed || l.returned || l.adv.id != r.Advertiser {
		return
	}
	l.returned = true
	for i := range r.Items {
		it := &r.Items[i]
		p := l.parts[it.LineItem]
		if p == nil {
			continue
		}
		p.release(amounts{it.Media, it.Charge})
		p.unusedCharge -= it.Charge
		p.unusedMedia -= it.Media
		if p.unusedCharge < 0 || p.unusedMedia < 0 {
			b.fault("lease %d returns more than it has left of line item %d: charge %d, media %d", l.id, it.LineItem, p.unusedCharge, p.unusedMedia)
		}
		for _, h := range it.Holds {
			if c := p.sum(b.class(h.Class)); !c.told {
				c.told, c.reserved = true, amounts{h.Media, h.Charge}
			}
		}
	}
}

// closeClass ends a class: what is open of it is freed.
func (l *lease) closeClass(class int32) {
	l.phase(class).closed = true
	for _, p := range l.order {
		c := p.sum(class)
		c.count(p.release(p.open(c)))
	}
}

// ease lets go of what is not expected to be billed any more.
func (l *lease) ease(class int32, keep int64) {
	for _, p := range l.order {
		c := p.sum(class)
		open := p.open(c)
		stays := func(reserved, resolved, won int64) int64 {
			rest := max(0, max(0, reserved-resolved)-won)
			part, _ := mulDiv(rest, keep, million, true)
			return won + part
		}
		c.count(p.release(amounts{
			media:  max(0, open.media-stays(c.reserved.media, c.resolved.media, c.won.media)),
			charge: max(0, open.charge-stays(c.reserved.charge, c.resolved.charge, c.won.charge)),
		}))
	}
}

// unwon ends the time in which a bid can win: only what has won stays.
func (l *lease) unwon(class int32) {
	l.phase(class).unwon = true
	for _, p := range l.order {
		c := p.sum(class)
		open := p.open(c)
		c.count(p.release(amounts{max(0, open.media-c.won.media), max(0, open.charge-c.won.charge)}))
		c.resolved.media += max(0, max(0, c.reserved.media-c.resolved.media)-c.won.media)
		c.resolved.charge += max(0, max(0, c.reserved.charge-c.resolved.charge)-c.won.charge)
	}
}

func (l *lease) close() {
	if l.closed {
		return
	}
	l.closed = true
	for _, p := range l.order {
		p.release(amounts{p.media, p.charge})
		if f := p.line.flats[l.day]; f != nil && f.at != nil && f.lease == l.id {
			f.release()
		}
		p.cut(p.brought - share(p.brought, p.line.lateShare))
	}
}

func (b *book) hard(l *lease) {
	l.close()
	for _, p := range l.order {
		p.cut(p.brought)
	}
	delete(b.leases, l.id)
	if l.adv.leases[l.day]--; l.adv.leases[l.day] == 0 {
		delete(l.adv.leases, l.day)
	}
	if len(b.billed) == 0 {
		return
	}
	for bid, h := range l.bids {
		if h.billed && b.billed[bid] == l.id {
			delete(b.billed, bid)
		}
	}
}
