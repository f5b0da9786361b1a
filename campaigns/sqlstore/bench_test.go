package sqlstore_test

import (
	"fmt"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/sqldb/sqldbtest"
)

// BenchmarkUpdate is one acknowledged edit: validated, stored with its outbox
// record and synced to the disk.
func BenchmarkUpdate(b *testing.B) {
	_, ed := openTemp(b)
	w := plant(b, ed, "a")
	b.ReportAllocs()
	for b.Loop() {
		w.lineItem.MaxBid++
		if err := ed.Update(b.Context(), w.lineItem); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdateByNodes is the same at two nodes of one database at once, each of
// an entity of its own: writers wait for each other.
func BenchmarkUpdateByNodes(b *testing.B) {
	source := sqldbtest.Source(b)
	type node struct {
		ed *campaigns.Editor
		w  tree
	}
	nodes := make(chan node, 2)
	for i := range cap(nodes) {
		ed := campaigns.NewEditor(open(b, source), nil, nil, now)
		nodes <- node{ed, plant(b, ed, fmt.Sprint("node", i))}
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		n := <-nodes
		defer func() { nodes <- n }()
		for pb.Next() {
			n.w.lineItem.MaxBid++
			if err := n.ed.Update(b.Context(), n.w.lineItem); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
