package frequency

// entry is one count in memory: a cache line. A count is what was shown, as the
// store keeps it, and the bids in flight, which end together at holdUntil (Unix
// milliseconds): every new one moves it on.
type entry struct {
	key       uint64 // hash of subject and cap; of a free entry the next free place
	holdUntil int64
	State
	held uint16
}

// heldAt is how many bids are in flight.
func (e *entry) heldAt(ms int64) int {
	if e.holdUntil <= ms {
		return 0
	}
	return int(e.held)
}

// dead says that nothing of e counts any more.
func (e *entry) dead(ms int64) bool { return e.heldAt(ms) == 0 && uint32(ms/1000) >= e.End }

// slot of the index: half of a key's hash, so that a search reads no entry but the one
// it finds, and the entry's place; 0: empty.
type slot struct{ tag, place uint32 }

func slotOf(place uint32, key uint64) slot { return slot{uint32(key >> 32), place} }

const chunkSize = 256

// table finds entries by key: open addressing with linear probes over places in
// chunks that never move. Nothing is allocated but to grow. The places are from 1 on.
type table struct {
	index  []slot
	chunks []*[chunkSize]entry
	free   uint32 // the first of the list of free places; 0: none
	used   int
	hand   uint32 // the next place that sweep looks at
}

func (t *table) at(place uint32) *entry {
	place--
	return &t.chunks[place/chunkSize][place%chunkSize]
}

// find returns the place of key; 0: it is not there.
func (t *table) find(key uint64) uint32 {
	if len(t.index) == 0 {
		return 0
	}
	mask := uint64(len(t.index) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		s := t.index[i]
		if s.place == 0 || s.tag == uint32(key>>32) && t.at(s.place).key == key {
			return s.place
		}
	}
}

// insert makes an empty entry for key, which is not there.
func (t *table) insert(key uint64) uint32 {
	if (t.used+1)*4 > len(t.index)*3 {
		t.grow()
	}
	if t.free == 0 {
		t.addChunk()
	}
	place := t.free
	e := t.at(place)
	t.free = uint32(e.key)
	*e = entry{key: key}
	t.used++
	t.link(place, key)
	return place
}

func (t *table) link(place uint32, key uint64) {
	mask := uint64(len(t.index) - 1)
	i := key & mask
	for t.index[i].place != 0 {
		i = (i + 1) & mask
	}
	t.index[i] = slotOf(place, key)
}

func (t *table) addChunk() {
	t.chunks = append(t.chunks, new([chunkSize]entry))
	first := uint32(len(t.chunks)-1)*chunkSize + 1
	for place := first + chunkSize - 1; place >= first; place-- {
		e := t.at(place)
		e.form, e.key = formFree, uint64(t.free)
		t.free = place
	}
}

func (t *table) grow() {
	old := t.index
	t.index = make([]slot, max(64, 2*len(old)))
	for _, s := range old {
		if s.place != 0 {
			t.link(s.place, t.at(s.place).key)
		}
	}
}

// remove frees a place. The entries after it that were pushed on by it move back, so
// that no search ends before them.
func (t *table) remove(place uint32) {
	e := t.at(place)
	mask := uint64(len(t.index) - 1)
	i := e.key & mask
	for t.index[i].place != place {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; t.index[j].place != 0; j = (j + 1) & mask {
		home := t.at(t.index[j].place).key & mask
		if (j-home)&mask >= (j-i)&mask {
			t.index[i] = t.index[j]
			i = j
		}
	}
	t.index[i] = slot{}
	*e = entry{key: uint64(t.free), State: State{form: formFree}}
	t.free = place
	t.used--
}

// sweep looks at the next n places and frees the dead ones: most bids are lost,
// and their entries would fill the memory.
func (t *table) sweep(n int, ms int64) {
	places := uint32(len(t.chunks) * chunkSize)
	for range min(n, int(places)) {
		if t.hand++; t.hand > places {
			t.hand = 1
		}
		if e := t.at(t.hand); e.form != formFree && e.dead(ms) {
			t.remove(t.hand)
		}
	}
}
