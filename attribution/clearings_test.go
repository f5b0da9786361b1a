package attribution

import (
	"path/filepath"
	"testing"
	"time"
)

// Clearings are forgotten after their time, of every exchange, a bounded number at
// once; the books are not.
func TestPruneForgetsOldClearings(t *testing.T) {
	const keep = 40 * 24 * time.Hour
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{ClearingsFor: keep, PruneRows: 7}, testDeps(newMemLog(1)))
	defer s.Close()
	slot := func(age time.Duration) int64 { return t0.Add(-age).Unix() }
	for _, exchange := range []string{"a", "b", "c"} {
		for i := range int64(5) {
			for _, at := range []int64{slot(keep+time.Hour) - 900*i, slot(keep-time.Hour) + 900*i} {
				if _, err := s.store.w.Exec(upsertClearing, exchange, at, "", "USD", "posted", 1, 2, 3); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	count := func() (old, young int) {
		t.Helper()
		err := s.store.r.QueryRow(`SELECT COUNT(*) FILTER (WHERE slot < ?), COUNT(*) FILTER (WHERE slot >= ?) FROM clearings`, slot(keep), slot(keep)).Scan(&old, &young)
		if err != nil {
			t.Fatal(err)
		}
		return old, young
	}
	for _, want := range []int{15, 8, 1, 0, 0} {
		if old, young := count(); old != want || young != 15 {
			t.Errorf("%d old and %d young clearings; want %d and 15", old, young, want)
		}
		prune(t, s, t0)
	}
}
