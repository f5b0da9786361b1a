package pacing

import (
	"maps"
	"sync"
	"sync/atomic"
)

// A class is the bids whose notices come alike: those of one exchange and format,
// such as "demo/banner". What a lease part reserved is counted by class, so that
// the pacer can free each class's holds when its notices are due.

// MaxClasses bounds the classes of one wallet; what comes after is OtherClass.
const MaxClasses = 1024

// OtherClass is the class 0: of bids of which nothing better is known.
const OtherClass = "other"

// maxClassBytes bounds a class's name.
const maxClassBytes = 64

// classes numbers the names of classes. Numbers are never reused.
type classes struct {
	mu    sync.Mutex // of writers
	byKey atomic.Pointer[map[string]uint16]
	names atomic.Pointer[[]string]
}

// Class is the number of a class's name, to reserve with. It is 0, OtherClass,
// for a name that is empty or too long, or where there are MaxClasses already.
func (w *Wallet) Class(name string) uint16 { return w.classes.number(name) }

func (c *classes) number(name string) uint16 {
	if n, ok := c.known(name); ok || name == "" || len(name) > maxClassBytes {
		return n
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.known(name); ok {
		return n
	}
	byKey, names := map[string]uint16{OtherClass: 0}, []string{OtherClass}
	if old := c.byKey.Load(); old != nil {
		byKey, names = maps.Clone(*old), *c.names.Load()
	}
	if len(names) == MaxClasses {
		return 0
	}
	n := uint16(len(names))
	byKey[name], names = n, append(names[:n:n], name)
	c.names.Store(&names) // before its number can be read
	c.byKey.Store(&byKey)
	return n
}

func (c *classes) known(name string) (uint16, bool) {
	m := c.byKey.Load()
	if m == nil {
		return 0, name == OtherClass
	}
	n, ok := (*m)[name]
	return n, ok
}

func (c *classes) name(n uint16) string {
	if names := c.names.Load(); names != nil && int(n) < len(*names) {
		return (*names)[n]
	}
	return OtherClass
}

// hold is a Hold in the making; its item's lock guards it.
type hold struct {
	class uint16
	Amounts
}

// usualClasses is how many classes a lease part has room for from the start;
// more grow it, once in a window.
const usualClasses = 4

// hold counts what was reserved. Fast path: the class of the bid before.
func (g *walletGrant) hold(class uint16, need Amounts) {
	if last := len(g.holds) - 1; last >= 0 && g.holds[last].class == class {
		g.holds[last].Charge += need.Charge // no overflow: both are parts of the grant
		g.holds[last].Media += need.Media
		return
	}
	// Slow path.
	for i := range g.holds {
		if g.holds[i].class == class {
			g.holds[i].Charge += need.Charge
			g.holds[i].Media += need.Media
			last := len(g.holds) - 1
			g.holds[i], g.holds[last] = g.holds[last], g.holds[i]
			return
		}
	}
	g.holds = append(g.holds, hold{class, need})
}

// told is what was reserved by class, for the return.
func (c *classes) told(holds []hold) []Hold {
	out := make([]Hold, 0, len(holds))
	for _, h := range holds {
		out = append(out, Hold{c.name(h.class), h.Amounts})
	}
	return out
}
