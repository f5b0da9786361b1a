package supply

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTable holds the table to a map, with keys crowded together and spread out.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.OneOf(rapid.Uint64(), rapid.Uint64Max(300), rapid.Uint64Min(1<<64-300))
		keys := rapid.SliceOf(key).Draw(t, "keys")
		want := map[uint64]bool{}
		for _, k := range keys {
			want[k|1] = want[k|1] || k&1 != 0
		}
		tab := newTable(slices.Clone(keys))
		if len(tab.keys) != len(want) {
			t.Fatalf("got %d keys; want %d", len(tab.keys), len(want))
		}
		for _, k := range append(keys, rapid.SliceOf(key).Draw(t, "others")...) {
			mark, ok := tab.marked(k)
			if wantMark, wantOK := want[k|1]; ok != wantOK || mark != wantMark {
				t.Fatalf("%x: got %v, %v; want %v, %v", k, mark, ok, wantMark, wantOK)
			}
		}
	})
}

// TestTableBytes holds the claim of 8 to 9 bytes an entry.
func TestTableBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	f := func(n int) {
		t.Helper()
		keys := make(map[uint64]struct{}, n)
		for len(keys) < n {
			keys[rng.Uint64()&^1] = struct{}{}
		}
		tab := newTable(slices.Collect(maps.Keys(keys)))
		per, longest := float64(tab.bytes())/float64(n), uint32(0)
		for i := range len(tab.first) - 1 {
			longest = max(longest, tab.first[i+1]-tab.first[i])
		}
		t.Logf("%d entries: %.2f bytes each, %d in the longest run", n, per, longest)
		if per > 9.1 || longest > 48 {
			t.Errorf("%d entries: %.2f bytes each, %d in the longest run; want at most 9.1 and 48", n, per, longest)
		}
	}
	f(100_000)
	f(131_071)
	f(300_000)
}
