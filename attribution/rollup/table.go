package rollup

// table adds up groups: open addressing over keys that are kept flat, and a flat
// column of sums for each column that any row has.
type table struct {
	dims  int
	n     int      // groups
	keys  []uint64 // dims for each group
	sums  [][]int64
	slots []int32 // group + 1; 0: free
}

func newTable(dims, sums int) table {
	return table{dims: dims, sums: make([][]int64, sums), slots: make([]int32, 1<<10)}
}

// column is the sums of column m, one for each group.
func (t *table) column(m int) []int64 {
	c := t.sums[m]
	if len(c) < t.n {
		if cap(c) < t.n {
			grown := make([]int64, t.n, max(2*cap(c), t.n, 64))
			copy(grown, c)
			c = grown
		}
		c = c[:t.n]
		t.sums[m] = c
	}
	return c
}

// group finds or makes the group of each of n rows that is kept. keys has the first
// dimension of all rows, then the second of all.
func (t *table) group(groups []int32, keep []bool, keys []uint64, n int) {
	last := -1
	for i := range n {
		if !keep[i] {
			groups[i] = -1
			continue
		}
		if last >= 0 && t.sameRow(keys, n, i, last) { // Fast path: rows are sorted
			groups[i] = groups[last]
			continue
		}
		h := uint64(0)
		for d := range t.dims {
			h = mix(h, keys[d*n+i])
		}
		groups[i] = t.find(h, func(d int) uint64 { return keys[d*n+i] })
		last = i
	}
}

func (t *table) sameRow(keys []uint64, n, i, j int) bool {
	for d := range t.dims {
		if keys[d*n+i] != keys[d*n+j] {
			return false
		}
	}
	return true
}

func mix(h, k uint64) uint64 {
	h = (h ^ k) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

// find returns the group of a key, which it makes where there is none.
func (t *table) find(h uint64, key func(d int) uint64) int32 {
	mask := uint64(len(t.slots) - 1)
probe:
	for at := h & mask; ; at = (at + 1) & mask {
		g := t.slots[at] - 1
		if g < 0 {
			g = int32(t.n)
			for d := range t.dims {
				t.keys = append(t.keys, key(d))
			}
			t.n++
			t.slots[at] = g + 1
			if 2*t.n > len(t.slots) {
				t.grow()
			}
			return g
		}
		for d := range t.dims {
			if t.keys[int(g)*t.dims+d] != key(d) {
				continue probe
			}
		}
		return g
	}
}

func (t *table) grow() {
	t.slots = make([]int32, 4*len(t.slots))
	mask := uint64(len(t.slots) - 1)
	for g := range t.n {
		h := uint64(0)
		for _, k := range t.keys[g*t.dims : (g+1)*t.dims] {
			h = mix(h, k)
		}
		at := h & mask
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = int32(g) + 1
	}
}

// merge adds the groups of o, whose keys have the same meaning.
func (t *table) merge(o *table) {
	to := make([]int32, o.n)
	for g := range o.n {
		keys := o.keys[g*o.dims : (g+1)*o.dims]
		h := uint64(0)
		for _, k := range keys {
			h = mix(h, k)
		}
		to[g] = t.find(h, func(d int) uint64 { return keys[d] })
	}
	for m, c := range o.sums {
		if c == nil {
			continue
		}
		sums := t.column(m)
		for g, v := range c {
			sums[to[g]] += v
		}
	}
}
