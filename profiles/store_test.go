package profiles

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func testConfig(dir string) StoreConfig {
	return StoreConfig{Dir: dir, CacheBytes: 8 << 20, BlockCacheBytes: 8 << 20, MemTableBytes: 4 << 20, ExpectedUsers: 10_000}
}

func openTest(t testing.TB, cfg StoreConfig) *Store {
	t.Helper()
	cfg.Logf = t.Logf
	s, err := OpenStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, ErrStoreClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func mustRecord(t testing.TB, version uint64, tags ...Tag) Record {
	t.Helper()
	r, err := AppendRecord(nil, version, testNow, tags)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// versionTag makes a record whose one tag's number is its version, so that
// a reader knows which it saw.
func versionTag(v uint64) Tag { return Tag{Key: campaigns.TagKey(v), Weight: 1} }

func mustApply(t testing.TB, s *Store, changes []Change, offsets ...Offset) (applied, stale int) {
	t.Helper()
	applied, stale, err := s.Apply(changes, offsets...)
	if err != nil {
		t.Fatal(err)
	}
	return applied, stale
}

func TestStoreAppendTags(t *testing.T) {
	s := openTest(t, testConfig(t.TempDir()))
	mustApply(t, s, []Change{{1, mustRecord(t, 1,
		Tag{Key: 10, Weight: 1, Expires: MinuteOf(testNow) + 5}, Tag{Key: 11, Weight: 1})}, {2, mustRecord(t, 1)}})
	f := func(user ids.UserKey, now time.Time, ok bool, want ...campaigns.TagKey) {
		t.Helper()
		for range 3 { // from disk, then perhaps from memory
			got, found := s.AppendTags([]campaigns.TagKey{99}, user, now)
			if found != ok || !slices.Equal(got, append([]campaigns.TagKey{99}, want...)) {
				t.Errorf("user %d: got %v, %v; want %v, %v", user, got, found, want, ok)
			}
			s.hot.cache.Wait()
		}
	}
	f(1, testNow, true, 10, 11)
	f(1, testNow.Add(5*time.Minute), true, 11)
	f(2, testNow, true)
	f(3, testNow, false)
	f(0, testNow, false)
	mustApply(t, s, []Change{{1, nil}})
	f(1, testNow, false)
	if st := s.Stats(); st.Hits == 0 || st.Misses == 0 || st.Unknown == 0 || st.ReadErrors != 0 || st.Users != 2 {
		t.Errorf("stats: got %+v", st)
	}
}

func TestStoreVersions(t *testing.T) {
	s := openTest(t, testConfig(t.TempDir()))
	f := func(wantApplied, wantStale int, wantVersion uint64, changes ...Change) {
		t.Helper()
		applied, stale := mustApply(t, s, changes)
		rec, ok, err := s.Lookup(nil, 1)
		if err != nil || applied != wantApplied || stale != wantStale || ok != (wantVersion > 0) || rec.Version() != wantVersion {
			t.Errorf("got applied %d, stale %d, version %d, %v; want %d, %d, %d",
				applied, stale, rec.Version(), err, wantApplied, wantStale, wantVersion)
		}
	}
	at := func(v uint64, tags ...Tag) Change { return Change{1, mustRecord(t, v, tags...)} }
	f(1, 0, 5, at(5))
	f(0, 1, 5, at(4))
	f(0, 1, 5, at(5))
	f(1, 0, 5, at(5, versionTag(1))) // same version, other tags: the later wins
	f(2, 1, 7, at(6), at(7), at(6))
	f(1, 0, 0, Change{1, nil})
	f(3, 0, 1, at(9), Change{1, nil}, at(1))
	f(2, 1, 0, at(2), at(1), Change{1, nil})
}

// TestStoreModel drives the store with random batches, reads and restarts and
// compares it with a map.
func TestStoreModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := testConfig("store")
		cfg.fs = vfs.NewMem()
		cfg.ExpectedUsers = 3 // so that the filter grows
		cfg.CacheBytes, cfg.MemTableBytes = 1<<20, 1<<20
		s, err := OpenStore(cfg)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		model := map[ids.UserKey]Record{}
		var next int64
		rt.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				changes := rapid.SliceOfN(genChange(), 1, 12).Draw(t, "changes")
				for _, c := range changes {
					old := model[c.User]
					switch {
					case c.Record == nil:
						delete(model, c.User)
					case old == nil || c.Record.Version() >= old.Version():
						model[c.User] = c.Record
					}
				}
				next++
				if _, _, err := s.Apply(changes, Offset{"profiles", 3, next}); err != nil {
					t.Fatal(err)
				}
			},
			"restart": func(t *rapid.T) {
				if rapid.IntRange(0, 3).Draw(t, "really") > 0 {
					t.Skip("seldom: it costs most of the time")
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = OpenStore(cfg); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) { compareWithModel(t, s, model, next) },
		})
	})
}

func genChange() *rapid.Generator[Change] {
	return rapid.Custom(func(t *rapid.T) Change {
		c := Change{User: ids.UserKey(rapid.Uint64Range(1, 12).Draw(t, "user"))}
		if rapid.IntRange(0, 5).Draw(t, "erase") == 0 {
			return c
		}
		v := rapid.Uint64Range(1, 9).Draw(t, "version")
		tag := versionTag(rapid.Uint64Range(1, 3).Draw(t, "tag"))
		c.Record, _ = AppendRecord(nil, v, testNow, []Tag{tag})
		return c
	})
}

func compareWithModel(t *rapid.T, s *Store, model map[ids.UserKey]Record, next int64) {
	for user := ids.UserKey(1); user <= 13; user++ {
		want, known := model[user]
		got, ok := s.AppendTags(nil, user, testNow)
		if ok != known || !slices.Equal(got, want.AppendLive(nil, testNow)) {
			t.Fatalf("user %d: got %v, %v; want record %x", user, got, ok, []byte(want))
		}
		rec, ok, err := s.Lookup(nil, user)
		if err != nil || ok != known || !bytes.Equal(rec, want) {
			t.Fatalf("user %d: got %x, %v, %v; want %x", user, []byte(rec), ok, err, []byte(want))
		}
	}
	got, ok, err := s.Offset("profiles", 3)
	if err != nil || ok != (next > 0) || got != next {
		t.Fatalf("offset: got %d, %v, %v; want %d", got, ok, err, next)
	}
}

func TestStoreClosed(t *testing.T) {
	s := openTest(t, testConfig(t.TempDir()))
	mustApply(t, s, []Change{{1, mustRecord(t, 1)}})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { // readers must survive the close
			for {
				if _, ok := s.AppendTags(nil, 1, testNow); !ok {
					return
				}
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if _, _, err := s.Apply(nil); !errors.Is(err, ErrStoreClosed) {
		t.Errorf("apply: got %v; want ErrStoreClosed", err)
	}
	if _, _, err := s.Lookup(nil, 1); !errors.Is(err, ErrStoreClosed) {
		t.Errorf("lookup: got %v; want ErrStoreClosed", err)
	}
	if _, _, err := s.Offset("a", 0); !errors.Is(err, ErrStoreClosed) {
		t.Errorf("offset: got %v; want ErrStoreClosed", err)
	}
	if err := s.Close(); !errors.Is(err, ErrStoreClosed) {
		t.Errorf("close again: got %v; want ErrStoreClosed", err)
	}
	s.Stats()
}

func TestStoreConfigRefuses(t *testing.T) {
	f := func(field string, change func(*StoreConfig)) {
		t.Helper()
		c := DefaultStoreConfig("x")
		change(&c)
		if _, err := OpenStore(c); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v; want an error that names %s", err, field)
		}
	}
	f("dir", func(c *StoreConfig) { c.Dir = "" })
	f("cache_bytes", func(c *StoreConfig) { c.CacheBytes = 0 })
	f("block_cache_bytes", func(c *StoreConfig) { c.BlockCacheBytes = -1 })
	f("memtable_bytes", func(c *StoreConfig) { c.MemTableBytes = 1 << 40 })
	f("expected_users", func(c *StoreConfig) { c.ExpectedUsers = 0 })
}

// TestStoreNeverStale is the race that ristretto's queues make hard: a million
// updates against four readers. What a reader sees must be at least what was
// applied before its read began, and never older than what it saw before.
func TestStoreNeverStale(t *testing.T) {
	updates := 1_000_000
	if raceEnabled || testing.Short() {
		updates = 50_000
	}
	for _, c := range []struct {
		name       string
		users      int
		cacheBytes int64
	}{
		{"all in memory", 4000, 8 << 20},
		{"evicting", 20_000, 1 << 20},
	} {
		t.Run(c.name, func(t *testing.T) { raceReaders(t, c.users, updates/2, c.cacheBytes) })
	}
}

func raceReaders(t *testing.T, users, updates int, cacheBytes int64) {
	cfg := testConfig("store")
	cfg.fs, cfg.CacheBytes = vfs.NewMem(), cacheBytes
	s := openTest(t, cfg)
	applied := make([]atomic.Uint64, users+1) // versions that Apply has returned for
	var stop atomic.Bool
	var wg sync.WaitGroup
	for r := range 4 {
		wg.Go(func() { readVersions(t, s, uint64(r), applied, &stop) })
	}
	applyVersions(t, s, updates, applied)
	stop.Store(true)
	wg.Wait()
	st := s.Stats()
	t.Logf("%+v", st)
	s.hot.cache.Wait()
	if n := s.hot.pending.Load(); n != 0 {
		t.Errorf("pending inserts: got %d after all were worked off; want 0", n)
	}
	if st.Hits == 0 || st.Misses == 0 {
		t.Errorf("hits %d, misses %d: the cache was not raced", st.Hits, st.Misses)
	}
}

func applyVersions(t *testing.T, s *Store, updates int, applied []atomic.Uint64) {
	const batch = 1000
	changes := make([]Change, batch)
	versions := make([]uint64, len(applied))
	var arena []byte
	user := 0
	for done := 0; done < updates; done += batch {
		arena = arena[:0]
		for i := range changes { // a user may come twice in a batch
			user = (user + 7919) % (len(applied) - 1)
			versions[user+1]++
			v := versions[user+1]
			start := len(arena)
			arena, _ = AppendRecord(arena, v, testNow, []Tag{versionTag(v)})
			changes[i] = Change{ids.UserKey(user + 1), arena[start:len(arena):len(arena)]}
		}
		if _, _, err := s.Apply(changes); err != nil {
			t.Error(err)
			return
		}
		for _, c := range changes {
			applied[c.User].Store(versions[c.User])
		}
	}
}

func readVersions(t *testing.T, s *Store, seed uint64, applied []atomic.Uint64, stop *atomic.Bool) {
	seen := make([]uint64, len(applied))
	var buf []campaigns.TagKey
	x := seed*2 + 1
	for n := 0; !stop.Load(); n++ {
		if n%32 == 0 {
			runtime.Gosched() // else the writer waits for a processor
		}
		x = x*6364136223846793005 + 1442695040888963407
		user := 1 + int(x>>33)%(len(applied)-1)
		if x>>63 == 0 { // half of the reads go to few users
			user = 1 + user%16
		}
		atLeast := max(applied[user].Load(), seen[user])
		var got uint64
		tags, ok := s.AppendTags(buf[:0], ids.UserKey(user), testNow)
		if ok {
			got = uint64(tags[0])
		}
		buf = tags
		if got < atLeast {
			t.Errorf("user %d: read version %d after %d", user, got, atLeast)
			return
		}
		seen[user] = got
	}
}

// TestStoreKilled kills a process in the middle of its applies: what is found
// afterwards is a prefix of them, with the offset that belongs to it.
func TestStoreKilled(t *testing.T) {
	if dir := os.Getenv("PROFILES_TEST_CHILD"); dir != "" {
		applyUntilKilled(t, dir)
		return
	}
	dir := t.TempDir()
	last := int64(0)
	for range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestStoreKilled$", "-test.count=1")
		cmd.Env = append(os.Environ(), "PROFILES_TEST_CHILD="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var b [64]byte
		for read := 0; read < 3000; { // a byte for each batch; the last 32 KB of the log may be lost
			n, err := out.Read(b[:])
			if err != nil {
				t.Fatalf("child ended: %v", err)
			}
			read += n
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed: always an error
		last = checkPrefix(t, dir, last)
	}
}

func applyUntilKilled(t *testing.T, dir string) {
	s := openTest(t, testConfig(dir))
	start, _, err := s.Offset("profiles", 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := start + 1; ; n++ {
		v := uint64(n)
		mustApply(t, s, []Change{{ids.UserKey(n), mustRecord(t, v, versionTag(v))}, {1 << 40, mustRecord(t, v, versionTag(v))}},
			Offset{"profiles", 0, n})
		fmt.Print(".")
	}
}

func checkPrefix(t *testing.T, dir string, last int64) int64 {
	s := openTest(t, testConfig(dir))
	defer func() { _ = s.Close() }()
	next, _, err := s.Offset("profiles", 0)
	if err != nil || next <= last {
		t.Fatalf("offset: got %d, %v; want above %d", next, err, last)
	}
	for n := int64(1); n <= next+1; n++ {
		if _, ok := s.AppendTags(nil, ids.UserKey(n), testNow); ok != (n <= next) {
			t.Fatalf("user %d of %d: got %v", n, next, ok)
		}
	}
	if tags, _ := s.AppendTags(nil, 1<<40, testNow); !slices.Equal(tags, []campaigns.TagKey{campaigns.TagKey(next)}) {
		t.Fatalf("shared user: got %v; want %d", tags, next)
	}
	return next
}
