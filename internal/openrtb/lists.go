package openrtb

import "bidhawk/internal/money"

// objects takes an array of objects that binds us; more than most elements in
// the arena is an error. A null element is a zero T.
func objects[T any](p *parser, a *arena[T], most int, parse func(*parser, *T)) []T {
	start := len(a.buf)
	if !p.array() {
		return nil
	}
	for ok := true; ok; ok = p.moreElements() {
		if len(a.buf) >= most {
			p.tooLong()
			return nil
		}
		parse(p, a.next())
	}
	return a.since(start)
}

// infos is objects for an array that only informs: what is too long is cut.
func infos[T any](p *parser, a *arena[T], most int, parse func(*parser, *T)) []T {
	start := len(a.buf)
	if !p.array() {
		return nil
	}
	for ok := true; ok; ok = p.moreElements() {
		if len(a.buf) >= most {
			p.r.Truncated++
			p.skip()
			continue
		}
		parse(p, a.next())
	}
	return a.since(start)
}

// one hands out the element for an object that is next; nil if it was not sent.
func one[T any](p *parser, a *arena[T]) *T {
	if p.absent() {
		return nil
	}
	if len(a.buf) >= MaxObjects {
		p.refuse(p.i, nil, "object is sent too often", ReasonLimit)
		return nil
	}
	return a.next()
}

// tooLong refuses the list whose next element is one too many.
func (p *parser) tooLong() { p.refuse(p.i, nil, "list is too long", ReasonLimit) }

// array opens an array of objects and says whether an element follows.
func (p *parser) array() bool {
	switch p.peek() {
	case '[':
		return p.openArray()
	case 'n':
		p.null()
		return false
	}
	p.wrongKind("want an array")
	return false
}

// scalars opens a list of scalars and says whether one is next; one says that
// there is no array around it. Its loop is
//
//	for one, ok := p.scalars(); ok; ok = !one && p.moreElements()
func (p *parser) scalars() (one, ok bool) {
	if p.peek() == '[' {
		return false, p.openArray()
	}
	return true, true
}

// strs takes a list of strings that binds us.
func (p *parser) strs() [][]byte {
	a := &p.r.store.views
	start := len(a.buf)
	for one, ok := p.scalars(); ok; ok = !one && p.moreElements() {
		v := p.str()
		if len(v) == 0 {
			continue
		}
		if len(a.buf) >= MaxStrings {
			p.tooLong()
			return nil
		}
		a.add(v)
	}
	return a.since(start)
}

// infoStrs is strs for a list that only informs: what is too long is cut.
func (p *parser) infoStrs() [][]byte {
	a := &p.r.store.views
	start := len(a.buf)
	for one, ok := p.scalars(); ok; ok = !one && p.moreElements() {
		v := p.str()
		if len(v) == 0 {
			continue
		}
		if len(a.buf) >= maxInfoStrings {
			p.r.Truncated++
			continue
		}
		a.add(v)
	}
	return a.since(start)
}

// keywords takes a comma-separated string, or the list that some send instead.
func (p *parser) keywords(list *[][]byte) []byte {
	if p.peek() == '[' {
		*list = p.infoStrs()
		return nil
	}
	return p.str()
}

// ints takes a list of integers, all of which bind us.
func (p *parser) ints() []int {
	a := &p.r.store.ints
	start := len(a.buf)
	for one, ok := p.scalars(); ok; ok = !one && p.moreElements() {
		v, sent := p.integer()
		if !sent {
			continue
		}
		if len(a.buf) >= MaxInts {
			p.tooLong()
			return nil
		}
		a.add(v)
	}
	return a.since(start)
}

// currencies takes a list of codes. One that is no code stays as the zero
// Currency: a list of nothing but those must not look like no list.
func (p *parser) currencies() []money.Currency {
	a := &p.r.store.currencies
	start := len(a.buf)
	for one, ok := p.scalars(); ok; ok = !one && p.moreElements() {
		v := p.str()
		if len(v) == 0 {
			continue
		}
		if len(a.buf) >= MaxCurrencies {
			p.tooLong()
			return nil
		}
		a.add(toCurrency(v))
	}
	return a.since(start)
}
