package targeting

import (
	"slices"
	"testing"
	"unsafe"
)

func TestRecordIsACacheLine(t *testing.T) {
	if size := unsafe.Sizeof(record{}); size != 64 {
		t.Errorf("a record takes %d bytes; want 64", size)
	}
}

// clauses cuts a program into its clauses.
func clauses(program []uint32) (out [][]uint32) {
	for i := 0; i < len(program); {
		_, _, count := headerOf(program[i])
		out = append(out, program[i:i+1+count])
		i += 1 + count
	}
	return out
}

// TestDigest compares records with the clauses that they stand for.
func TestDigest(t *testing.T) {
	s := seededSource(1)
	const bits = 100
	wanted, taken, all := 0, 0, 0
	for round := range 20_000 {
		var program []uint32
		for range s(7) {
			count := s(4)
			if s.chance(3) {
				count = s(2*inlineMax + 1) // sites and apps in one clause
			}
			not := s.chance(2)
			if not {
				count = max(count, 1)
			}
			program = append(program, header(dim(s(int(numDims))), not, count))
			for range count {
				program = append(program, uint32(bitFirst+s(bits-bitFirst)))
			}
		}
		before := clauses(slices.Clone(program))
		var r record
		rest := r.digest(program)
		after := clauses(program)
		slices.SortFunc(before, slices.Compare)
		slices.SortFunc(after, slices.Compare)
		if !slices.EqualFunc(before, after, slices.Equal) {
			t.Fatalf("round %d: clauses %v became %v", round, before, after)
		}
		held := make([]uint64, (bits+63)/64)
		held[0] = 1 << bitAlways
		for range s(40) {
			put(held, bitFirst+s(bits-bitFirst))
		}
		got, want := r.wants(held) == 1, holds(program[:rest], held)
		if got != want {
			t.Fatalf("round %d: wants = %v; the clauses %v say %v\nrecord %+v", round, got, clauses(program[:rest]), want, r)
		}
		if got {
			wanted++
		}
		taken, all = taken+rest, all+len(program)
	}
	if wanted < 2_000 || wanted > 18_000 || taken*3 < all {
		t.Errorf("%d of 20000 records want, and stand for %d of %d words: too little is tested", wanted, taken, all)
	}
}
