package sqlstore_test

import "testing"

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
