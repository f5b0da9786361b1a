package supply

import (
	"math/bits"
	"slices"
)

// table is an immutable set of 63-bit hashes, each with one bit of its own: 8
// bytes an entry, and half a byte to a byte of directory, so that a look-up
// reads one directory slot and, as a rule, one cache line of keys.
//
// Two different things share a hash with a chance of 2^-63 a pair. A look-up of
// what is not in a table of n entries finds something with a chance of n/2^63:
// at a hundred million entries one in 9e10. Hashes are keyed by a seed that is
// drawn at each load, so nobody can prepare a name that collides.
type table struct {
	keys  []uint64 // ascending; bit 0 is the entry's mark, the others its hash
	first []uint32 // first[p] is the place of the first key whose top bits are p or more
	shift uint8    // takes a hash to its top bits
}

// newTable takes keys over. Of two with one hash, the marked one stays.
func newTable(keys []uint64) table {
	slices.Sort(keys)
	n := 0
	for i, k := range keys {
		if i+1 < len(keys) && keys[i+1]|1 == k|1 {
			continue
		}
		keys[n] = k
		n++
	}
	return indexTable(slices.Clip(keys[:n]))
}

// indexTable makes a table of ascending keys without repeats.
func indexTable(keys []uint64) table {
	width := max(1, bits.Len(uint(len(keys)/8)))
	t := table{keys: keys, first: make([]uint32, 1<<width+1), shift: uint8(64 - width)}
	p := 0
	for i, k := range keys {
		for ; p <= int(k>>t.shift); p++ {
			t.first[p] = uint32(i)
		}
	}
	for ; p < len(t.first); p++ {
		t.first[p] = uint32(len(keys))
	}
	return t
}

// find returns the place of h's key. The mark of h does not matter.
func (t *table) find(h uint64) (i int, ok bool) {
	if len(t.keys) == 0 {
		return 0, false
	}
	p := h >> t.shift
	for i, k := range t.keys[t.first[p]:t.first[p+1]] {
		if k|1 == h|1 {
			return int(t.first[p]) + i, true
		}
	}
	return 0, false
}

// marked returns the mark of h's key.
func (t *table) marked(h uint64) (mark, ok bool) {
	i, ok := t.find(h)
	return ok && t.keys[i]&1 != 0, ok
}

func (t *table) bytes() int64 { return int64(8*cap(t.keys) + 4*len(t.first)) }
