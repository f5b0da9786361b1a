package profiles

import (
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"bidhawk/internal/ids"
)

func mustPutMatch(t testing.TB, s *Store, foreign, user ids.UserKey, expires time.Time) {
	t.Helper()
	if err := s.PutMatch(foreign, user, expires); err != nil {
		t.Fatal(err)
	}
}

func TestMatch(t *testing.T) {
	s := openTest(t, testConfig(t.TempDir()))
	<-s.scanDone
	hour := testNow.Add(time.Hour)
	f := func(foreign ids.UserKey, now time.Time, want ids.UserKey) {
		t.Helper()
		for range 2 { // from disk or memory, then from memory
			if got, ok := s.Match(foreign, now); got != want || ok != (want != 0) {
				t.Errorf("match of %d: got %d, %v; want %d", foreign, got, ok, want)
			}
		}
	}
	f(1, testNow, 0)
	mustPutMatch(t, s, 1, 100, hour)
	mustPutMatch(t, s, 2, 100, hour.Add(time.Hour))
	f(1, testNow, 100)
	f(2, testNow, 100)
	f(0, testNow, 0)
	f(1, hour.Add(-time.Second), 100)
	f(1, hour, 0)
	mustPutMatch(t, s, 1, 200, hour) // another user of ours behind the same exchange user
	f(1, testNow, 200)
	// A row of the reverse table alone, as no batch leaves it, erases nobody else's match.
	if err := s.db.Set(appendUserMatchKey(nil, 100, 1), nil, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	if n, err := s.EraseMatches(100); n != 1 || err != nil {
		t.Errorf("erase: got %d, %v; want the one match left of 100", n, err)
	}
	f(1, testNow, 200)
	f(2, testNow, 0)
	if st := s.MatchStats(); st.Matches != 1 || st.Hits == 0 {
		t.Errorf("got %+v; want 1 match and some hits", st)
	}
	for _, bad := range []func() error{
		func() error { return s.PutMatch(0, 1, hour) },
		func() error { return s.PutMatch(1, 0, hour) },
		func() error { return s.PutMatch(1, 1, time.Time{}) },
	} {
		if bad() == nil {
			t.Error("want an error")
		}
	}
}

func TestMatchSurvivesRestart(t *testing.T) {
	cfg := testConfig("store")
	cfg.fs = vfs.NewMem()
	s := openTest(t, cfg)
	mustPutMatch(t, s, 1, 100, testNow.Add(time.Hour))
	if err := s.PutOptOut(7, testNow.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.PutOptOut(8, testNow); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.PutMatch(1, 2, testNow); !errors.Is(err, ErrStoreClosed) {
		t.Errorf("closed: got %v; want ErrStoreClosed", err)
	}
	if err := s.PutOptOut(9, testNow); !errors.Is(err, ErrStoreClosed) {
		t.Errorf("closed: got %v; want ErrStoreClosed", err)
	}
	s = openTest(t, cfg)
	<-s.scanDone
	for range 2 {
		if got, ok := s.Match(1, testNow); got != 100 || !ok {
			t.Errorf("got %d, %v; want 100", got, ok)
		}
	}
	if _, ok := s.Match(2, testNow); ok {
		t.Error("an unknown id has a match")
	}
	if st := s.MatchStats(); st.Matches != 1 || st.Hits != 1 || st.Misses != 1 {
		t.Errorf("got %+v; want one match, one hit after one miss, and nothing for the unknown", st)
	}
	for range 2 {
		var got []ids.UserKey
		if err := s.OptOuts(testNow, func(u ids.UserKey) { got = append(got, u) }); err != nil || len(got) != 1 || got[0] != 7 {
			t.Errorf("opt-outs: got %v, %v; want 7: the other's time is over", got, err)
		}
	}
	if _, done, err := s.db.Get(binary.BigEndian.AppendUint64([]byte{prefixOptOut}, 8)); !errors.Is(err, pebble.ErrNotFound) {
		t.Errorf("an opt-out past its time is still stored: %v", errors.Join(err, done.Close()))
	}
}

func TestMatchesAreBounded(t *testing.T) {
	s := openTest(t, testConfig(t.TempDir()))
	<-s.scanDone
	s.matches.write.most = MaxUserMatches + 1
	for i := range MaxUserMatches {
		mustPutMatch(t, s, ids.UserKey(1000+i), 5, testNow.Add(time.Duration(100-i)*time.Hour))
	}
	last := ids.UserKey(1000 + MaxUserMatches - 1)
	if _, ok := s.Match(last, testNow); !ok {
		t.Fatal("want a match")
	}
	mustPutMatch(t, s, 5000, 5, testNow.Add(200*time.Hour))
	if _, ok := s.Match(last, testNow); ok {
		t.Error("the match of the user that expires first must give way")
	}
	if _, ok := s.Match(1000, testNow); !ok {
		t.Error("the others must stay")
	}
	mustPutMatch(t, s, 6000, 6, testNow.Add(time.Hour))
	if err := s.PutMatch(7000, 7, testNow.Add(time.Hour)); !errors.Is(err, ErrMatchesFull) {
		t.Errorf("got %v; want ErrMatchesFull", err)
	}
	mustPutMatch(t, s, 6000, 7, testNow.Add(time.Hour)) // takes no new room
	if n, err := s.SweepMatches(testNow.Add(time.Hour), 1000); n != 1 || err != nil {
		t.Fatalf("sweep: got %d, %v; want 1", n, err)
	}
	mustPutMatch(t, s, 7000, 7, testNow.Add(time.Hour))
}

// TestSweepGoesRound removes all that has expired in bounded steps, once each.
func TestSweepGoesRound(t *testing.T) {
	s := openTest(t, testConfig(t.TempDir()))
	<-s.scanDone
	for i := range 100 {
		mustPutMatch(t, s, ids.UserKey(i+1)<<40, ids.UserKey(i+1), testNow.Add(time.Duration(i)*time.Minute))
	}
	now, removed := testNow.Add(49*time.Minute), 0
	for range 15 { // 14 reach the end of 100
		n, err := s.SweepMatches(now, 7)
		if err != nil || n > 7 {
			t.Fatalf("got %d, %v; want at most 7", n, err)
		}
		removed += n
	}
	if removed != 50 || s.MatchStats().Matches != 50 {
		t.Errorf("removed %d, %d left; want 50 each", removed, s.MatchStats().Matches)
	}
	for range 16 {
		n, err := s.SweepMatches(now.Add(time.Minute), 7)
		if err != nil {
			t.Fatal(err)
		}
		removed += n
	}
	if removed != 51 {
		t.Errorf("removed %d; want the one that expired since as well", removed)
	}
}

// TestMatchModel compares the table with a map over puts, erasures, sweeps and
// restarts.
func TestMatchModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := testConfig("store")
		cfg.fs = vfs.NewMem()
		cfg.CacheBytes, cfg.MemTableBytes = 1<<20, 1<<20
		s, err := OpenStore(cfg)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		<-s.scanDone
		model, now := map[ids.UserKey]match{}, testNow
		key := func(t *rapid.T, name string) ids.UserKey { return ids.UserKey(rapid.Uint64Range(1, 6).Draw(t, name)) }
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				m := match{key(t, "foreign"), key(t, "user"), now.Unix() + int64(rapid.IntRange(1, 100).Draw(t, "seconds"))}
				if err := s.PutMatch(m.foreign, m.user, time.Unix(m.expires, 0)); err != nil {
					t.Fatal(err)
				}
				model[m.foreign] = m
			},
			"erase": func(t *rapid.T) {
				user, want := key(t, "user"), 0
				for k, m := range model {
					if m.user == user {
						delete(model, k)
						want++
					}
				}
				if n, err := s.EraseMatches(user); n != want || err != nil {
					t.Fatalf("erase %d: got %d, %v; want %d", user, n, err, want)
				}
			},
			"sweep": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "seconds")) * time.Second)
				s.matches.write.cursor = 0
				if _, err := s.SweepMatches(now, 100); err != nil {
					t.Fatal(err)
				}
				for k, m := range model {
					if m.expires <= now.Unix() {
						delete(model, k)
					}
				}
			},
			"restart": func(t *rapid.T) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = OpenStore(cfg); err != nil {
					t.Fatal(err)
				}
				<-s.scanDone
			},
			"": func(t *rapid.T) {
				for k := ids.UserKey(1); k <= 6; k++ {
					m := model[k]
					want := m.user
					if now.Unix() >= m.expires {
						want = 0
					}
					if got, ok := s.Match(k, now); got != want || ok != (want != 0) {
						t.Fatalf("match of %d: got %d, %v; want %d", k, got, ok, want)
					}
				}
				if n := s.MatchStats().Matches; n != len(model) {
					t.Fatalf("counts %d; want %d", n, len(model))
				}
			},
		})
	})
}

// TestMatchCacheTickets: what was read before or during a write never gets in
// after it began.
func TestMatchCacheTickets(t *testing.T) {
	row := []match{{1, 200, 9}}
	f := func(name string, want ids.UserKey, events ...string) {
		t.Helper()
		var c matchCache
		var ticket uint32
		for _, e := range events {
			switch e {
			case "read": // finds what was before
				_, ticket = c.get(1)
			case "insert":
				c.insert(match{1, 100, 9}, ticket)
			case "begin":
				c.beginWrite(row)
			case "end":
				c.endWrite(row, true)
			case "failed":
				c.endWrite(row, false)
			case "erased":
				c.endWrite([]match{{foreign: 1}}, true)
			}
		}
		if m, _ := c.get(1); m.user != want {
			t.Errorf("%s: got %d; want %d", name, m.user, want)
		}
	}
	f("nobody writes", 100, "read", "insert")
	f("a write, then an old read", 200, "read", "begin", "end", "insert")
	f("inserted during a write", 0, "read", "begin", "insert")
	f("read and inserted during a write", 0, "begin", "read", "insert")
	f("read during a write", 0, "begin", "read", "erased", "insert")
	f("what was there", 0, "read", "insert", "begin")
	f("a write that failed", 0, "read", "insert", "begin", "failed")
	f("read after a write that failed", 100, "begin", "failed", "read", "insert")
}

// TestMatchReadersNeverGoBack reads while matches change: a reader may see the
// old or the new user, never an older one after a newer.
func TestMatchReadersNeverGoBack(t *testing.T) {
	s := openTest(t, testConfig(t.TempDir()))
	<-s.scanDone
	const foreign, rounds = 3, 400
	far := testNow.Add(time.Hour)
	mustPutMatch(t, s, foreign, 1, far)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			var last ids.UserKey
			for {
				select {
				case <-stop:
					return
				default:
				}
				// Evicted, as by other rows, so that readers go to disk and insert.
				sh, at := s.matches.cache.place(foreign)
				sh.mu.Lock()
				sh.drop(foreign, at)
				sh.mu.Unlock()
				got, ok := s.Match(foreign, testNow)
				if !ok || got < last {
					t.Errorf("got %d, %v after %d", got, ok, last)
					return
				}
				last = got
			}
		})
	}
	for i := range rounds {
		mustPutMatch(t, s, foreign, ids.UserKey(i+2), far)
		if got, _ := s.Match(foreign, testNow); got != ids.UserKey(i+2) {
			t.Errorf("after the write of %d: got %d", i+2, got)
		}
	}
	close(stop)
	wg.Wait()
}

func BenchmarkMatch(b *testing.B) {
	s := openTest(b, testConfig(b.TempDir()))
	<-s.scanDone
	for i := range 10_000 {
		mustPutMatch(b, s, ids.UserKey(i+1)*0x9e3779b97f4a7c15, ids.UserKey(i+1), testNow.Add(time.Hour))
	}
	for name, foreign := range map[string]ids.UserKey{"hit": 0x9e3779b97f4a7c15, "unknown": 12345} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Match(foreign, testNow)
			}
		})
	}
}
