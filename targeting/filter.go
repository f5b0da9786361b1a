package targeting

import (
	"cmp"
	"maps"
	"slices"

	"bidhawk/campaigns"
)

// The filters, by the dimension they stand for.
const (
	filterExchange = iota
	filterCountry
	filterDevice
	filterOS
	numFilters
)

var filterDims = [numFilters]dim{dimExchange, dimCountry, dimDevice, dimOS}

// commonMax bounds the values of a dimension that get a bitmap of their own, so
// that a filter's memory is at most commonMax bits a line item.
const commonMax = 256

// filter holds, for a dimension in which a request has at most one value, the
// rows that a value leaves standing. For common values it decides; for rare ones
// it lets rows through whose programs then decide.
type filter struct {
	slots  map[string]int32 // of common values; rareSlot for the others that any row names
	common [][]uint64
	rare   []uint64
	none   []uint64 // for no value, or one that no row names
}

const rareSlot = -1

// column is the bitmap of the rows that a request's value leaves standing.
func (f *filter) column(key []byte) []uint64 {
	slot, ok := f.slots[string(key)]
	switch {
	case !ok || len(key) == 0:
		return f.none
	case slot == rareSlot:
		return f.rare
	}
	return f.common[slot]
}

// newFilter compiles what each row asks of a dimension.
func newFilter(asked []campaigns.Set, commonMax int) filter {
	f := filter{slots: slotsOf(asked, commonMax)}
	words := (len(asked) + 63) / 64
	common := len(f.slots)
	for _, slot := range f.slots {
		if slot == rareSlot {
			common--
		}
	}
	store := make([]uint64, words*(common+2))
	take := func() (b []uint64) { b, store = store[:words:words], store[words:]; return b }
	f.none, f.rare = take(), take()
	for range common {
		f.common = append(f.common, take())
	}
	for row := range asked {
		if len(asked[row].Include) == 0 {
			put(f.none, row)
		}
	}
	copy(f.rare, f.none)
	for _, b := range f.common {
		copy(b, f.none)
	}
	for row := range asked {
		f.ask(row, &asked[row])
	}
	return f
}

// ask enters what a row includes, and then what it excludes: exclusion wins.
func (f *filter) ask(row int, set *campaigns.Set) {
	for _, v := range set.Include {
		if slot := f.slots[v]; slot == rareSlot {
			put(f.rare, row)
		} else {
			put(f.common[slot], row)
		}
	}
	for _, v := range set.Exclude {
		if slot := f.slots[v]; slot != rareSlot {
			f.common[slot][row>>6] &^= 1 << (row & 63)
		}
	}
}

// decides says whether the filter alone decides what a row asks.
func (f *filter) decides(set *campaigns.Set) bool {
	rare := func(v string) bool { return f.slots[v] == rareSlot }
	return !slices.ContainsFunc(set.Include, rare) && !slices.ContainsFunc(set.Exclude, rare)
}

func put(bitmap []uint64, row int) { bitmap[row>>6] |= 1 << (row & 63) }

// slotsOf gives the commonMax values that most rows name a slot each.
func slotsOf(asked []campaigns.Set, commonMax int) map[string]int32 {
	named := map[string]int{}
	for _, set := range asked {
		for _, v := range set.Include {
			named[v]++
		}
		for _, v := range set.Exclude {
			named[v]++
		}
	}
	values := slices.SortedFunc(maps.Keys(named), func(a, b string) int {
		return cmp.Or(cmp.Compare(named[b], named[a]), cmp.Compare(a, b))
	})
	slots := make(map[string]int32, len(values))
	for i, v := range values {
		slots[v] = rareSlot
		if i < commonMax {
			slots[v] = int32(i)
		}
	}
	return slots
}
