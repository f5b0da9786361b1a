package frequency

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
)

var start = time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC)

const holdFor = 5 * time.Second

func newCounter() *Counter { return New(Config{MaxKeys: shardCount * 1000, HoldFor: holdFor}) }

func user(key uint64) Who { return Who{User: Subject{User, key}} }

// capsOf are the caps of a line item with caps at each level.
func capsOf(perLevel [LevelCount][]campaigns.Cap) Caps {
	return CapsOf(campaigns.Lineage{
		LineItem:   &campaigns.LineItem{Meta: campaigns.Meta{ID: 10}, FrequencyCaps: perLevel[LevelLineItem]},
		Campaign:   &campaigns.Campaign{Meta: campaigns.Meta{ID: 3}, FrequencyCaps: perLevel[LevelCampaign]},
		Advertiser: &campaigns.Advertiser{Meta: campaigns.Meta{ID: 2}, FrequencyCaps: perLevel[LevelAdvertiser]},
	}, &campaigns.Creative{Meta: campaigns.Meta{ID: 100}, FrequencyCaps: perLevel[LevelCreative]})
}

func lineCaps(list ...campaigns.Cap) Caps {
	return capsOf([LevelCount][]campaigns.Cap{LevelLineItem: list})
}

func rolling(max int, window string) campaigns.Cap {
	return campaigns.Cap{Max: max, Window: window, Kind: campaigns.CapRolling, Per: campaigns.PerUser}
}

// shown is what a follower does with an exposure: it adds to what it keeps, and puts.
type follower map[string]State

func (f follower) shown(t testing.TB, to *Counter, caps *Caps, w Who, at, now time.Time, own bool) {
	t.Helper()
	for _, part := range []struct {
		caps []Cap
		u    Subject
	}{{caps.User, w.User}, {caps.Household, w.Household}} {
		if part.u.Kind == Nobody {
			continue
		}
		for i := range part.caps {
			c := &part.caps[i]
			key := string(c.AppendKey(nil, part.u))
			st := f[key]
			st.Add(c, at)
			again, err := ParseState(st.Append(nil)) // as a store would
			if err != nil || again != st {
				t.Fatalf("%+v comes back as %+v, %v", st, again, err)
			}
			f[key] = again
			if !to.Put(c, part.u, again, own, now) {
				t.Fatal("memory has no room")
			}
		}
	}
}

func TestBidsInFlightCount(t *testing.T) {
	c, known := newCounter(), follower{}
	f := func(at time.Duration, max int, want bool) {
		t.Helper()
		caps := lineCaps(rolling(max, "24h"))
		if got := c.Take(&caps, user(7), start.Add(at)).Cap == nil; got != want {
			t.Fatalf("Take at %v with cap %d: got %v; want %v", at, max, got, want)
		}
	}
	two := lineCaps(rolling(2, "24h"))
	shown := func(at time.Duration) { known.shown(t, c, &two, user(7), start.Add(at), start.Add(at), true) }
	f(0, 2, true)
	f(0, 2, true)
	f(time.Second, 2, false)  // both still in flight
	f(7*time.Second, 2, true) // the holds have ended
	shown(7 * time.Second)
	f(8*time.Second, 2, true)
	shown(8 * time.Second)
	f(60*time.Second, 2, false) // two shown: the day is full
	f(60*time.Second, 3, true)  // another max keeps the count
	f(24*time.Hour+6*time.Second, 2, false)
	f(24*time.Hour+7*time.Second, 2, true)
	f(24*time.Hour+7*time.Second, 2, false)
}

// TestTakeIsAllOrNothing: whichever cap refuses, no other counts the bid.
func TestTakeIsAllOrNothing(t *testing.T) {
	for refusing := range LevelCount {
		for _, per := range []campaigns.CapPer{campaigns.PerUser, campaigns.PerHousehold} {
			var all [LevelCount][]campaigns.Cap
			for level := range LevelCount {
				all[level] = []campaigns.Cap{rolling(3, "1h"), {Max: 3, Window: "day", Kind: campaigns.CapCalendar, Per: campaigns.PerHousehold}}
			}
			all[refusing] = append(all[refusing], campaigns.Cap{Max: 1, Window: "lifetime", Kind: campaigns.CapRolling, Per: per})
			caps, c := capsOf(all), newCounter()
			w := Who{Subject{User, 7}, Subject{Household, 8}}
			if r := c.Take(&caps, w, start); r.Cap != nil {
				t.Fatalf("the first bid is refused by %v", r.Cap)
			}
			for range 5 {
				if r := c.Take(&caps, w, start); r.Cap == nil || r.Cap.Level != refusing || r.Cap.Window != Lifetime {
					t.Fatalf("refused by %v; want the %v's lifetime cap", r.Cap, refusing)
				}
			}
			c.Release(&caps, w)
			if n := c.Len(); n != 0 {
				t.Fatalf("%d keys are left by bids that were refused or released", n)
			}
		}
	}
}

func TestReleaseGivesTheBidBack(t *testing.T) {
	c, caps := newCounter(), lineCaps(rolling(1, "1h"))
	c.Take(&caps, user(7), start)
	c.Release(&caps, user(7))
	if c.Take(&caps, user(7), start).Cap != nil {
		t.Fatal("a released bid must not count")
	}
	c.Release(&caps, user(99)) // unknown: nothing to give back
	if n := c.Len(); n != 1 {
		t.Fatalf("got %d keys; want 1", n)
	}
}

// TestImpressionsOfOthersEndNoBidHere: what another node showed must not free what
// this one has in flight.
func TestImpressionsOfOthersEndNoBidHere(t *testing.T) {
	c, known, caps := newCounter(), follower{}, lineCaps(rolling(2, "1h"))
	c.Take(&caps, user(7), start)
	known.shown(t, c, &caps, user(7), start, start, false)
	if c.Take(&caps, user(7), start).Cap == nil {
		t.Fatal("one shown elsewhere and one in flight here: a cap of 2 is reached")
	}
	known.shown(t, c, &caps, user(7), start, start, true)
	if got := c.Count(&caps.User[0], Subject{User, 7}, start); got != 2 {
		t.Fatalf("counted %d; want 2", got)
	}
}

func TestNobodyIsNotCounted(t *testing.T) {
	c, caps := newCounter(), lineCaps(rolling(1, "1h"))
	for range 3 {
		if c.Take(&caps, Who{}, start).Cap != nil || c.Allows(&caps, Who{}, start) != nil {
			t.Fatal("a cap binds nobody")
		}
	}
	if c.Len() != 0 {
		t.Fatal("something was counted for nobody")
	}
}

func TestConcurrentTakesNeverPassTheCap(t *testing.T) {
	c := newCounter()
	caps := capsOf([LevelCount][]campaigns.Cap{
		LevelCreative:   {rolling(40, "1h")},
		LevelAdvertiser: {{Max: 17, Window: "week", Kind: campaigns.CapCalendar, Per: campaigns.PerHousehold}},
	})
	var taken atomic.Int64
	var wg sync.WaitGroup
	for i := range uint64(8) {
		wg.Go(func() {
			w := Who{Subject{User, i}, Subject{Household, 1}}
			for range 1000 {
				if c.Take(&caps, w, start).Cap == nil {
					taken.Add(1)
				}
				c.Allows(&caps, w, start)
			}
		})
	}
	wg.Wait()
	if got := taken.Load(); got != 17 {
		t.Fatalf("got %d bids in flight; want the household's cap, 17", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	const most = shardCount * 8
	c, caps := New(Config{MaxKeys: most, HoldFor: time.Second}), lineCaps(rolling(5, "1h"), rolling(9, "30m"))
	refused := 0
	for u := range uint64(10_000) {
		if r := c.Take(&caps, user(u), start); r.Cap != nil {
			if !r.Full {
				t.Fatalf("user %d is refused by %v; want for want of room", u, r.Cap)
			}
			refused++
		}
	}
	if n := c.Len(); n > most || n < most*9/10 || c.Full() != uint64(refused) {
		t.Fatalf("got %d keys, %d of %d refusals told; want at most %d keys", n, c.Full(), refused, most)
	}
	st := State{}
	st.Add(&caps.User[0], start)
	for u := range uint64(10_000) {
		c.Put(&caps.User[0], Subject{User, 20_000 + u}, st, false, start)
	}
	if n := c.Len(); n > most {
		t.Fatalf("got %d keys after impressions of others; want at most %d", n, most)
	}
}

// TestWhatIsOverMakesRoom: lost bids, and windows that have passed.
func TestWhatIsOverMakesRoom(t *testing.T) {
	const most = shardCount * 8
	c, known, caps := New(Config{MaxKeys: most, HoldFor: time.Second}), follower{}, lineCaps(rolling(5, "1h"))
	fill := func(from uint64, now time.Time) (n int) {
		for u := from; u < from+20*most; u++ {
			if c.Take(&caps, user(u), now).Cap == nil {
				n++
			}
		}
		return n
	}
	if n := fill(0, start); n != most {
		t.Fatalf("took %d; want %d", n, most)
	}
	var won []uint64
	for u := range uint64(20 * most) {
		if len(won) < most/4 && c.Take(&caps, user(u), start).Cap == nil {
			known.shown(t, c, &caps, user(u), start, start, true)
			won = append(won, u)
		}
	}
	if n := fill(1e6, start.Add(2*time.Second)); n != most-len(won) {
		t.Fatalf("took %d where the lost bids' holds have ended; want %d", n, most-len(won))
	}
	for _, u := range won {
		if n := c.Count(&caps.User[0], Subject{User, u}, start); n != 1 {
			t.Fatalf("user %d: got %d impressions; want 1", u, n)
		}
	}
	if n := fill(2e6, start.Add(2*time.Hour)); n != most {
		t.Fatalf("took %d where everything is over; want %d", n, most)
	}
}

// TestNewUsersForeverTakeBoundedMemory: without a bound in the way, entries of lost
// bids are reused.
func TestNewUsersForeverTakeBoundedMemory(t *testing.T) {
	c, caps := New(Config{MaxKeys: 1 << 24, HoldFor: time.Second}), lineCaps(rolling(5, "1h"))
	for i := range uint64(200_000) { // 10,000 a second: 10,000 are live
		c.Take(&caps, user(i), start.Add(time.Duration(i)*100*time.Microsecond))
	}
	if n := c.Len(); n > 30_000 {
		t.Fatalf("got %d keys; want about twice the 10,000 that are live", n)
	}
}

// TestTableAgreesWithAMap: inserted, removed and found in any order.
func TestTableAgreesWithAMap(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var tab table
		want := map[uint64]uint32{}
		for range rapid.IntRange(1, 400).Draw(r, "steps") {
			key := rapid.Uint64Range(0, 90).Draw(r, "key")
			if rapid.Bool().Draw(r, "spread") {
				key = mix(key, 1)
			}
			place, known := want[key], want[key] != 0
			if got := tab.find(key); got != place {
				t.Fatalf("find(%d): got %d; want %d", key, got, place)
			}
			if known {
				tab.remove(place)
				delete(want, key)
			} else {
				want[key] = tab.insert(key)
			}
			if tab.used != len(want) {
				t.Fatalf("%d in use; want %d", tab.used, len(want))
			}
		}
		for key, place := range want {
			if tab.find(key) != place || tab.at(place).key != key {
				t.Fatalf("%d is not where it was put", key)
			}
		}
	})
}
