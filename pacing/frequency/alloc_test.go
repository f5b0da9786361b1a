//go:build !race

package frequency

import (
	"testing"
	"time"

	"bidhawk/campaigns"
)

// TestAllocationsOfATake: caps cost a bid no allocation, of known users and, once
// there is memory for as many as are in flight, of new ones.
func TestAllocationsOfATake(t *testing.T) {
	c, caps := newCounter(), fourCaps()
	now, n := start, uint64(0)
	f := func(name string, step func()) {
		t.Helper()
		for range 200_000 {
			step()
		}
		if got := testing.AllocsPerRun(20_000, step); got != 0 {
			t.Errorf("%s: %v allocations; want 0", name, got)
		}
	}
	f("a known user", func() {
		w := user(7)
		c.Allows(&caps, w, now)
		if c.Take(&caps, w, now).Cap == nil {
			c.Release(&caps, w)
		}
	})
	f("new users", func() {
		n++
		now = now.Add(time.Millisecond)
		c.Take(&caps, Who{Subject{User, n}, Subject{Household, n / 3}}, now)
	})
	st := State{}
	st.Add(&caps.User[0], start)
	f("impressions", func() {
		n++
		now = now.Add(time.Second)
		st.Add(&caps.User[0], now)
		c.Put(&caps.User[0], Subject{User, n}, st, true, now)
	})
}

func fourCaps() Caps {
	return capsOf([LevelCount][]campaigns.Cap{
		LevelCreative: {rolling(2, "1h")}, LevelLineItem: {rolling(100, "24h")}, LevelCampaign: {rolling(20, "7d")},
		LevelAdvertiser: {rolling(50, "lifetime")},
	})
}
