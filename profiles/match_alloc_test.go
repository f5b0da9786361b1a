//go:build !race

package profiles

import (
	"testing"
	"time"

	"bidhawk/internal/ids"
)

func TestAllocMatch(t *testing.T) {
	s := openTest(t, testConfig(t.TempDir()))
	<-s.scanDone
	mustPutMatch(t, s, 1, 100, testNow.Add(time.Hour))
	f := func(name string, foreign, want ids.UserKey) {
		t.Helper()
		var got ids.UserKey
		if n := testing.AllocsPerRun(1000, func() { got, _ = s.Match(foreign, testNow) }); n != 0 {
			t.Errorf("%s: %v allocations; want 0", name, n)
		}
		if got != want {
			t.Errorf("%s: got %d; want %d", name, got, want)
		}
	}
	f("hit", 1, 100)
	f("unknown", 2, 0)
}
