//go:build !race

package targeting

import "testing"

func TestMatchDoesNotAllocate(t *testing.T) {
	w := newWorkload(2)
	ix := buildWorkload(t, w, 3000)
	requests := make([]*benchRequest, 200)
	for i := range requests {
		requests[i] = w.request(60)
	}
	var s Scratch
	dst := make([]int32, 0, ix.Len())
	all := func() (matches, deferred int) {
		for _, r := range requests {
			dst = ix.Match(dst[:0], &s, &r.RequestFacts, &r.imp)
			matches, deferred = matches+len(dst), deferred+len(s.deferred)
		}
		return matches, deferred
	}
	if matches, deferred := all(); matches == 0 || deferred == 0 {
		t.Fatalf("%d matches, %d deferred rows: the requests try too little", matches, deferred)
	}
	if n := testing.AllocsPerRun(10, func() { all() }); n != 0 {
		t.Errorf("%v allocations in %d matches; want 0", n, len(requests))
	}
}

func buildWorkload(t testing.TB, w *workload, lines int) *Index {
	t.Helper()
	ix, err := Build(w.catalog(lines), Params{Tags: w.tags, Now: epoch})
	if err != nil {
		t.Fatal(err)
	}
	return ix
}
