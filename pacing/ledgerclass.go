package pacing

// classHold is what bids of one class (exchange and format) have reserved of a
// lease's item. Classes end at times of their own: the notices of one exchange
// take seconds, those of another hours, and money that cannot be billed any more
// should not wait for them.
type classHold struct {
	Class    string  `json:"class"`
	Told     bool    `json:"told"`     // by the return
	Reserved Amounts `json:"reserved"` // as the return said
	Freed    Amounts `json:"freed"`    // of it, by notices, ease and unwon; also before the return
	Resolved Amounts `json:"resolved"` // of bids that are billed or void
	Won      Amounts `json:"won"`      // reserved by bids that won and are neither billed nor void
	Unwon    bool    `json:"unwon"`    // what had not won by now is lost
	Closed   bool    `json:"closed"`
}

// class returns the holds of a class, adding it where the item has none. Valid
// until the next call.
func (it *leaseItem) class(name string) *classHold {
	if c := it.known(name); c != nil {
		return c
	}
	it.classes = append(it.classes, classHold{Class: name})
	return &it.classes[len(it.classes)-1]
}

func (it *leaseItem) known(name string) *classHold {
	for i := range it.classes {
		if it.classes[i].Class == name {
			return &it.classes[i]
		}
	}
	return nil
}

// open is what the class still holds of it.
func (c *classHold) open(it *leaseItem) Amounts { return c.Reserved.less(c.Freed).least(it.held) }

// unresolved is what was reserved by bids that are neither billed nor void.
func (c *classHold) unresolved() Amounts { return c.Reserved.less(c.Resolved) }

// endClass frees what is open of a class: all of it (close), what has not won
// (unwon), or what is not expected to be billed any more (ease).
func (ls *lease) endClass(t Type, p *Phase) {
	for i := range ls.items {
		it := &ls.items[i]
		c := it.class(p.Class)
		n := c.open(it)
		switch t {
		case TypeEase:
			n = n.less(c.Won.plus(c.unresolved().less(c.Won).shareUp(p.Keep)))
		case TypeUnwon:
			lost := c.unresolved().less(c.Won)
			n = n.less(c.Won)
			c.Unwon = true
			it.line.line.Yield.lose(lost.Charge)
			c.Resolved = c.Resolved.plus(lost)
		default:
			c.Closed = true
			it.line.line.Yield.lose(c.unresolved().Charge)
		}
		it.release(n)
		c.Freed = c.Freed.plus(n)
	}
	ls.touch()
}

// opens says whether anything is open of a class.
func (ls *lease) opens(class string) bool {
	for i := range ls.items {
		it := &ls.items[i]
		if c := it.known(class); c != nil && c.open(it) != (Amounts{}) {
			return true
		}
	}
	return false
}

// settled says whether no bill can come in time any more: closing it early makes
// nothing late. What was eased holds nothing, and may still be billed.
func (ls *lease) settled() bool {
	for i := range ls.items {
		it := &ls.items[i]
		if it.held != (Amounts{}) {
			return false
		}
		for k := range it.classes {
			if c := &it.classes[k]; c.Told && !c.Closed && c.unresolved() != (Amounts{}) {
				return false
			}
		}
	}
	return ls.returned
}
