package traffic

import "fmt"

// automaton finds every one of many texts in one pass over another (Aho and
// Corasick, "Efficient string matching", CACM 18(6), 1975), with its failures
// compiled away: a byte costs one look-up. It is immutable.
type automaton struct {
	class   [256]uint8 // bytes that no text has share class 0
	classes int
	next    []uint16 // by state x classes + class
	found   []int32  // by state: the first of hits that ends here, or -1
	hits    []hit
}

// hit is one text that ends in a state; next is the following one, or -1.
type hit struct{ owner, next int32 }

const maxStates = 1 << 16

// automatonText is a text to find and who wants to know.
type automatonText struct {
	text  string
	owner int32
}

// newAutomaton compiles texts, none of them empty.
func newAutomaton(texts []automatonText) (*automaton, error) {
	a := &automaton{classes: 1}
	for _, t := range texts {
		for i := range len(t.text) {
			if b := t.text[i]; a.class[b] == 0 {
				if a.classes == 256 {
					return nil, fmt.Errorf("crawler literals use %d different bytes; want fewer than 256", a.classes)
				}
				a.class[b] = uint8(a.classes)
				a.classes++
			}
		}
	}
	a.grow()
	for _, t := range texts {
		state := 0
		for i := range len(t.text) {
			at := state*a.classes + int(a.class[t.text[i]])
			if a.next[at] == 0 {
				if len(a.found) == maxStates {
					return nil, fmt.Errorf("crawler literals: got more than %d different beginnings; want fewer or shorter patterns", maxStates)
				}
				a.next[at] = uint16(len(a.found))
				a.grow()
			}
			state = int(a.next[at])
		}
		a.hits = append(a.hits, hit{owner: t.owner, next: a.found[state]})
		a.found[state] = int32(len(a.hits) - 1)
	}
	a.compile()
	return a, nil
}

// grow adds a state that leads nowhere.
func (a *automaton) grow() {
	a.next = append(a.next, make([]uint16, a.classes)...)
	a.found = append(a.found, -1)
}

// compile turns the trie into a machine without failures, breadth first: where
// a state has no way on, it takes that of its longest proper suffix, whose row
// is complete by then. A state's hits end in its suffix's.
func (a *automaton) compile() {
	suffix := make([]uint16, len(a.found))
	queue := []int{0}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for c := range a.classes {
			at := s*a.classes + c
			child, fallback := a.next[at], uint16(0)
			if s != 0 {
				fallback = a.next[int(suffix[s])*a.classes+c]
			}
			if child == 0 {
				a.next[at] = fallback
				continue
			}
			suffix[child] = fallback
			a.chain(child, fallback)
			queue = append(queue, int(child))
		}
	}
}

// chain lets the hits of state go on with those of its suffix.
func (a *automaton) chain(state, suffix uint16) {
	if a.found[state] < 0 {
		a.found[state] = a.found[suffix]
		return
	}
	last := a.found[state]
	for a.hits[last].next >= 0 {
		last = a.hits[last].next
	}
	a.hits[last].next = a.found[suffix]
}
