package offers

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func newTable(t testing.TB, cfg Config) *Table {
	t.Helper()
	table, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func small() Config { c := DefaultConfig(); c.Entries = 1 << 12; return c }

func TestTheFirstPathWins(t *testing.T) {
	table := newTable(t, small())
	f := func(k Key, li campaigns.ID, path uint16, after time.Duration, ok, fresh bool) {
		t.Helper()
		if gotOK, gotFresh := table.Claim(k, li, path, noon.Add(after)); gotOK != ok || gotFresh != fresh {
			t.Errorf("%v by %d through %d after %v: got %v, %v; want %v, %v", k, li, path, after, gotOK, gotFresh, ok, fresh)
		}
	}
	at := func(transaction, placement uint64, request uint16) Key {
		return Key{transaction, placement, request << 1}
	}

	f(at(0, 5, 1), 1, 1, 0, true, true)
	f(at(0, 5, 1), 1, 1, 0, true, false)            // the same impression, tried again
	f(at(0, 5, 2), 1, 2, time.Second, false, false) // through another exchange
	f(at(0, 5, 2), 2, 2, time.Second, true, true)   // by another line item
	f(at(0, 5, 3), 1, 1, time.Second, true, true)   // another request of the first
	f(at(0, 5, 3), 1, 1, time.Second, true, false)
	f(at(0, 5, 2), 1, 2, 1999*time.Millisecond, false, false)
	f(at(0, 5, 2), 1, 2, 2*time.Second, true, true) // the first claim is over
	f(at(0, 5, 1), 1, 1, 2*time.Second, false, false)

	f(at(6, 0, 1), 1, 1, 0, true, true)
	f(at(6, 0, 2), 1, 2, 9999*time.Millisecond, false, false)
	f(at(6, 0, 2), 1, 2, 10*time.Second, true, true)

	f(at(7, 8, 1), 1, 1, 0, true, true)
	f(at(7, 9, 2), 1, 2, 0, false, false) // by its transaction
	f(at(9, 8, 2), 1, 2, 0, false, false) // by its placement, and nothing of it stays:
	f(at(9, 0, 3), 1, 3, 0, true, true)

	f(Key{}, 1, 1, 0, true, true)
	f(Key{request: 8}, 1, 2, 0, true, true)

	f(at(0, 20, 1), 1, 1, time.Hour, true, true)
	f(at(0, 20, 2), 1, 2, 0, true, true) // the clock was set back: nothing holds for an hour
	if got := table.Stats(); got != (Stats{Refused: 6}) {
		t.Errorf("got %+v; want 6 refused", got)
	}
}

func TestReleaseTakesBackItsOwn(t *testing.T) {
	table := newTable(t, small())
	a, b, c := Key{1, 2, 2}, Key{1, 2, 4}, Key{1, 2, 6}
	f := func(k Key, path uint16, ok, fresh bool) {
		t.Helper()
		if gotOK, gotFresh := table.Claim(k, 1, path, noon); gotOK != ok || gotFresh != fresh {
			t.Errorf("%v through %d: got %v, %v; want %v, %v", k, path, gotOK, gotFresh, ok, fresh)
		}
	}
	f(a, 1, true, true)
	table.Release(b, 1, 2) // never had it
	f(b, 2, false, false)
	table.Release(a, 1, 1)
	f(b, 2, true, true) // free again
	f(c, 2, true, true)
	table.Release(c, 1, 2)
	f(a, 1, false, false) // b still has it
	f(c, 2, true, true)   // and c was not counted
	table.Release(Key{}, 1, 1)
}

// claims is what a Table should remember, in a map that forgets nothing early.
type claims struct {
	lasts [2]time.Duration
	held  map[claim]holder
}

type claim struct {
	key uint64
	li  campaigns.ID
}

type holder struct {
	path, request uint16
	until         time.Time
}

func (c *claims) claim(k Key, li campaigns.ID, path uint16, now time.Time) (ok, fresh bool) {
	other := func(key uint64) bool {
		h, live := c.held[claim{key, li}]
		return key != 0 && live && now.Before(h.until) && h.path != path
	}
	if other(k.transaction) {
		return false, false
	}
	if other(k.placement) {
		// What it had by the other key has seen this request.
		if h, had := c.held[claim{k.transaction, li}]; had {
			h.request = k.request
			c.held[claim{k.transaction, li}] = h
		}
		return false, false
	}
	return true, c.take(k, li, path, now)
}

// take records a claim that was granted, over whatever was there.
func (c *claims) take(k Key, li campaigns.ID, path uint16, now time.Time) (fresh bool) {
	for i, key := range []uint64{k.transaction, k.placement} {
		if key == 0 {
			continue
		}
		at := claim{key, li}
		h, live := c.held[at]
		if !live || !now.Before(h.until) || h.path != path {
			h = holder{path: path, until: now.Add(c.lasts[i])}
			fresh = true
		}
		fresh = fresh || h.request != k.request
		h.request = k.request
		c.held[at] = h
	}
	return fresh || k.Unknown()
}

// history draws claims of few offers by few line items through few paths.
func history(t *rapid.T, keys uint64, f func(k Key, li campaigns.ID, path uint16, now time.Time)) {
	now := noon
	for range rapid.IntRange(1, 300).Draw(t, "claims") {
		now = now.Add(time.Duration(rapid.IntRange(0, 700).Draw(t, "ms")) * time.Millisecond)
		f(Key{
			transaction: rapid.Uint64Range(0, keys).Draw(t, "transaction"),
			placement:   rapid.Uint64Range(0, keys).Draw(t, "placement") << 32, // apart from transactions
			request:     rapid.Uint16Range(0, 3).Draw(t, "request") << 1,
		}, campaigns.ID(rapid.Int64Range(1, 2).Draw(t, "line item")), rapid.Uint16Range(1, 3).Draw(t, "path"), now)
	}
}

// TestATableRemembersLikeAMap, as long as nothing is pushed out.
func TestATableRemembersLikeAMap(t *testing.T) {
	cfg := small()
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		table, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		want := claims{[2]time.Duration{cfg.TransactionFor, cfg.PlacementFor}, map[claim]holder{}}
		history(t, 8, func(k Key, li campaigns.ID, path uint16, now time.Time) {
			ok, fresh := table.Claim(k, li, path, now)
			wantOK, wantFresh := want.claim(k, li, path, now)
			if ok != wantOK || fresh != wantFresh {
				t.Fatalf("%v by %d through %d: got %v, %v; want %v, %v", k, li, path, ok, fresh, wantOK, wantFresh)
			}
			if !ok {
				refused++
			}
		})
		if n := table.Stats().Evicted; n != 0 {
			t.Fatalf("%d were evicted; the tables are not alike", n)
		}
	})
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// TestEvictionOnlyPermits: a table that is far too small refuses nothing that it
// has not granted to another path, and grants no more in excess than it evicted.
func TestEvictionOnlyPermits(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Entries = shardCount * bucketSize
	lasts := [2]time.Duration{cfg.TransactionFor, cfg.PlacementFor}
	evicted, excess := uint64(0), uint64(0)
	rapid.Check(t, func(t *rapid.T) {
		table, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		exact := claims{lasts, map[claim]holder{}}
		granted := map[claim]map[uint16]time.Time{} // the last time, by path
		before := excess
		history(t, 2000, func(k Key, li campaigns.ID, path uint16, now time.Time) {
			for i := range uint64(20) { // what pushes others out
				table.Claim(Key{transaction: 1e6 + uint64(now.UnixNano()) + i}, li, path, now)
			}
			ok, _ := table.Claim(k, li, path, now)
			explained := false
			for i, key := range []uint64{k.transaction, k.placement} {
				at := claim{key, li}
				for other, when := range granted[at] {
					explained = explained || key != 0 && other != path && now.Sub(when) < lasts[i]
				}
				if ok && granted[at] == nil {
					granted[at] = map[uint16]time.Time{}
				}
				if ok {
					granted[at][path] = now
				}
			}
			if !ok && !explained {
				t.Fatalf("%v by %d through %d: refused, and no other path has it", k, li, path)
			}
			if wantOK, _ := exact.claim(k, li, path, now); ok && !wantOK {
				excess++
				exact.take(k, li, path, now)
			}
		})
		n := table.Stats().Evicted
		if excess-before > n {
			t.Fatalf("%d claims were granted in excess, and only %d evicted", excess-before, n)
		}
		evicted += n
	})
	if evicted == 0 || excess == 0 {
		t.Errorf("%d evicted, %d granted in excess: it was not tried", evicted, excess)
	}
}

// TestOnePathWinsARace: of exchanges that offer at the same moment, one gets the bid.
func TestOnePathWinsARace(t *testing.T) {
	table := newTable(t, small())
	const paths, rounds = 8, 500
	var won [rounds]atomic.Int32
	var wg sync.WaitGroup
	for path := range uint16(paths) {
		wg.Go(func() {
			for i := range uint64(rounds) {
				k := Key{transaction: i + 1, placement: 1 + i, request: path << 1}
				if ok, fresh := table.Claim(k, 1, path, noon); ok {
					won[i].Add(1)
					if !fresh {
						t.Error("a first claim was not fresh")
					}
				}
			}
		})
	}
	wg.Wait()
	for i := range won {
		if n := won[i].Load(); n != 1 && table.Stats().Evicted == 0 {
			t.Errorf("offer %d: %d paths won; want 1", i, n)
		}
	}
}

func TestConfigNamesTheField(t *testing.T) {
	f := func(change func(*Config), want string) {
		t.Helper()
		cfg := DefaultConfig()
		change(&cfg)
		_, err := New(cfg)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), "offers."+want+":") {
			t.Errorf("got %v; want one of %q", err, want)
		}
	}
	f(func(*Config) {}, "")
	f(func(c *Config) { c.Entries = 511 }, "entries")
	f(func(c *Config) { c.Entries = 3 << 10 }, "entries")
	f(func(c *Config) { c.Entries = 1 << 27 }, "entries")
	f(func(c *Config) { c.TransactionFor = 0 }, "transaction_for")
	f(func(c *Config) { c.PlacementFor = time.Hour }, "placement_for")
}
