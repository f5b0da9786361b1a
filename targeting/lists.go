package targeting

import (
	"math/bits"
	"slices"

	"bidhawk/campaigns"
)

// dictionary knows the values of one dimension that some clause names.
type dictionary struct {
	ids    map[string]uint32
	values []value
}

// find is the value's place in values.
func (d *dictionary) find(key []byte) (uint32, bool) {
	v, ok := d.ids[string(key)]
	return v, ok
}

// value says what becomes true when a request has it.
type value struct {
	bit uint32 // set for clauses that name it; 0 where none does
	// The lists that hold it: postings[first:last] or, for many, dense[first:last],
	// a bitmap of lists.
	first, last uint32
	dense       bool
}

// lists are the sets of more than inlineMax values. Line items that ask for the
// same set share a list, and a request's value finds all its lists at once, so
// that a list costs a look-up of the value whatever its length.
type lists struct {
	base     uint32 // the word of a Scratch's bitset where the lists' bits begin
	count    int
	postings []uint32
	dense    []uint64
}

// denseAt is the number of values' lists from which a bitmap of all the lists
// takes no more memory than their numbers.
func denseAt(lists int) int { return max(4, (lists+63)/64*2) }

// hold makes true all that a value of the request makes true.
func (ix *Index) hold(s *Scratch, d dim, id uint32) {
	v := &ix.dims[d].values[id]
	if v.bit != 0 {
		s.set(v.bit)
	}
	if v.dense {
		for w, word := range ix.lists.dense[v.first:v.last] {
			s.or(ix.lists.base+uint32(w), word)
		}
		return
	}
	for _, l := range ix.lists.postings[v.first:v.last] {
		s.set(ix.lists.base<<6 + l)
	}
}

// holdKey is hold for a value that may be in no clause at all.
func (ix *Index) holdKey(s *Scratch, d dim, key []byte) {
	if v, ok := ix.dims[d].find(key); ok {
		ix.hold(s, d, v)
	}
}

// makes says whether a value of the request sets a bit of a program.
func (ix *Index) makes(v *value, bit uint32) bool {
	l := &ix.lists
	if bit < l.base<<6 {
		return bit == v.bit
	}
	list := bit - l.base<<6
	if v.dense {
		return l.dense[v.first:v.last][list>>6]&(1<<(list&63)) != 0
	}
	return slices.Contains(l.postings[v.first:v.last], list)
}

// tagTable finds a tag's value by its number. A request looks up a hundred, so
// it is an open-addressing table of its own: no pointers, one cache line a look-up.
// The zero table knows no tag.
type tagTable struct {
	slots []tagSlot // a power of two, at most half full
	shift uint8
}

type tagSlot struct {
	tag   campaigns.TagNumber
	value uint32 // plus one; 0 is an empty slot
}

func newTagTable(ids map[campaigns.TagNumber]uint32) tagTable {
	size := bits.Len(uint(len(ids)*2 + 1))
	t := tagTable{slots: make([]tagSlot, 1<<size), shift: uint8(32 - size)}
	for tag, v := range ids {
		i := t.home(tag)
		for t.slots[i].value != 0 {
			i = (i + 1) & (len(t.slots) - 1)
		}
		t.slots[i] = tagSlot{tag, v + 1}
	}
	return t
}

// home is where a tag's probing begins (Fibonacci hashing: the product's top bits).
func (t *tagTable) home(tag campaigns.TagNumber) int {
	return int(uint32(tag) * 0x9E3779B1 >> t.shift)
}

func (t *tagTable) find(tag campaigns.TagNumber) (uint32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	for i := t.home(tag); ; i = (i + 1) & (len(t.slots) - 1) {
		if s := t.slots[i]; s.value == 0 || s.tag == tag {
			return s.value - 1, s.value != 0
		}
	}
}
