package pacing

// classHold is what bids of one class (exchange and format) have reserved of a
// lease's item. Classes end at times of their own: the notices of one exchange
// take seconds, those of another hours, and money that cannot be billed any more
// should not wait for them.
type classHold struct {
	Class    string  `json:"class"`
	Told     bool    `json:"told"`     // by the return
	Reserved Amounts `json:"reserved"` // as the return said
	Freed    Amounts `json:"freed"`    // of it, by notices and by unwon; also before the return
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
func (c *classHold) open(it *leaseItem) Amounts {
	return Amounts{
		Media:  min(max(0, c.Reserved.Media-c.Freed.Media), it.held.Media),
		Charge: min(max(0, c.Reserved.Charge-c.Freed.Charge), it.held.Charge),
	}
}

func (c *classHold) free(n Amounts) {
	c.Freed.Media, c.Freed.Charge = addClamped(c.Freed.Media, n.Media), addClamped(c.Freed.Charge, n.Charge)
}

// endClass frees what is open of a class: all of it, or with TypeUnwon what has
// not won.
func (ls *lease) endClass(t Type, name string) {
	for i := range ls.items {
		it := &ls.items[i]
		c := it.class(name)
		n := c.open(it)
		if t == TypeUnwon {
			n.Media, n.Charge = max(0, n.Media-c.Won.Media), max(0, n.Charge-c.Won.Charge)
			c.Unwon = true
		} else {
			c.Closed = true
		}
		if n.Charge > 0 {
			it.line.line.Yield.add(0, n.Charge)
		}
		c.free(n)
		it.release(n)
	}
	ls.touch()
}

// settled says whether nothing of the lease is open: closing it early loses nothing.
func (ls *lease) settled() bool {
	for i := range ls.items {
		if ls.items[i].held != (Amounts{}) {
			return false
		}
	}
	return ls.returned
}
