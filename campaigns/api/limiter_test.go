package api

import (
	"fmt"
	"testing"
	"time"
)

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(2, time.Second, 3)
	at := time.Unix(1_000, 0)
	take := func(name string, want bool) {
		t.Helper()
		if _, ok := l.take(name, 1, at); ok != want {
			t.Errorf("%s: got %v; want %v", name, ok, want)
		}
	}
	for i := range 3 {
		take(fmt.Sprint(i), true)
	}
	take("3", false) // nobody's bucket is full: there is no room
	take("0", true)
	take("0", false)
	at = at.Add(time.Second)
	take("3", true) // those of 1 and 2 are full again and forgotten
	if len(l.buckets) != 2 {
		t.Errorf("%d buckets are kept; want 2", len(l.buckets))
	}
	take("0", true)
	take("0", false)
	if wait, ok := l.take("0", 1, at.Add(250*time.Millisecond)); ok || wait != 750*time.Millisecond {
		t.Errorf("got %v, %v; want 750ms", wait, ok)
	}
	at = at.Add(-time.Hour) // a clock that goes back gives nothing
	take("0", false)
}
