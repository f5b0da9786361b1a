package audit

import "fmt"

// place is a line item on a when: every horizon that its money stands at, and its pool.
type place struct {
	when
	of     *scope
	charge []*horizon // of the line item, the campaign and the advertiser
	media  [2]*horizon
	pool   pool
}

// pool is the expected charges that wait for events: what is held, and what the
// leases that are not past hard have brought.
type pool struct{ held, open int64 }

func (s *scope) place(w when) *place {
	p := s.places[w]
	if p != nil {
		return p
	}
	p = &place{when: w, of: s, media: [2]*horizon{&s.media.life, s.media.on(w.day)}}
	for t := s; t != nil; t = t.up {
		p.charge = append(p.charge, &t.charge.life, t.charge.on(w.day))
	}
	if w.line != 0 {
		p.charge = append(p.charge, s.charge.flight(w.line))
	}
	if w.campaign != 0 {
		p.charge = append(p.charge, s.up.charge.flight(w.campaign))
	}
	s.places[w] = p
	return p
}

// room is what an advertiser may still be charged here.
func (p *place) room() int64 {
	r := int64(noBound)
	for _, h := range p.charge {
		r = min(r, h.room())
	}
	return r
}

func (p *place) mediaRoom() int64 { return min(p.media[0].room(), p.media[1].room()) }

// move changes held and posted charge at every horizon.
func (p *place) move(held, posted int64) {
	for _, h := range p.charge {
		h.held += held
		h.posted += posted
	}
}

func (p *place) holdMedia(n int64) {
	for _, h := range p.media {
		h.held += n
	}
}

// owe posts media, which is owed whether it fits or not.
func (p *place) owe(n int64) {
	for _, h := range p.media {
		h.late += max(0, n-h.room())
		h.posted += n
	}
}

// post charges want, but not more than own, which was held for it here and is
// free, or what else there is room for.
func (p *place) post(want, own int64) int64 {
	c := min(want, max(own, p.room()))
	p.move(0, c)
	return c
}

func (p *place) check() error {
	for _, h := range p.charge {
		if err := h.check(); err != nil {
			return err
		}
	}
	for _, h := range p.media {
		if err := h.check(); err != nil {
			return err
		}
	}
	if p.pool.held < 0 || p.pool.held > p.pool.open {
		return fmt.Errorf("%s: the pool of %v flight %d holds %d; leases have brought %d", p.of.name(), p.day, p.line, p.pool.held, p.pool.open)
	}
	return nil
}
