package profiles

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
)

const benchUsers = 100_000

func benchUser(i uint64) ids.UserKey { return ids.UserKey((i + 1) * 0x9e3779b97f4a7c15) }

// benchStore holds benchUsers profiles of 50 tags.
func benchStore(b *testing.B, cacheBytes int64) *Store {
	cfg := DefaultStoreConfig(b.TempDir())
	cfg.CacheBytes = cacheBytes
	s := openTest(b, cfg)
	<-s.scanDone
	r := rand.New(rand.NewPCG(1, 2))
	var changes []Change
	for i := range uint64(benchUsers) {
		rec, err := AppendRecord(nil, 1, testNow, typicalTags(r, testNow))
		if err != nil {
			b.Fatal(err)
		}
		changes = append(changes, Change{benchUser(i), rec})
		if len(changes) == 1000 {
			mustApply(b, s, changes)
			changes = changes[:0]
		}
	}
	if err := s.db.Flush(); err != nil {
		b.Fatal(err)
	}
	return s
}

// reportCPU adds the processor time an operation took in all threads: on a
// machine shared with others it says more than the clock. Call the result at
// the end.
func reportCPU(b *testing.B) func() {
	cpu := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	start := cpu()
	return func() { b.ReportMetric(float64(cpu()-start)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkHit reads Zipf-distributed users that are all in memory.
func BenchmarkHit(b *testing.B) {
	s := benchStore(b, 256<<20)
	dst := make([]campaigns.TagKey, 0, 64)
	for i := range uint64(benchUsers) {
		dst, _ = s.AppendTags(dst[:0], benchUser(i), testNow)
		if i%1000 == 0 {
			s.hot.cache.Wait()
		}
	}
	s.hot.cache.Wait()
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, benchUsers-1)
	users := make([]ids.UserKey, 1<<16)
	for i := range users {
		users[i] = benchUser(zipf.Uint64())
	}
	before := s.Stats()
	b.ReportAllocs()
	defer reportCPU(b)()
	i := 0
	for b.Loop() {
		dst, _ = s.AppendTags(dst[:0], users[i&(1<<16-1)], testNow)
		i++
	}
	after := s.Stats()
	b.ReportMetric(100*float64(after.Hits-before.Hits)/float64(i), "hit-%")
}

// BenchmarkStoreWarm reads users that are on disk, in the system's or Pebble's cache.
func BenchmarkStoreWarm(b *testing.B) {
	s := benchStore(b, 1<<20)
	dst := make([]campaigns.TagKey, 0, 64)
	before := s.Stats()
	b.ReportAllocs()
	defer reportCPU(b)()
	i := uint64(0)
	for b.Loop() {
		dst, _ = s.AppendTags(dst[:0], benchUser(i*7919%benchUsers), testNow)
		i++
	}
	after := s.Stats()
	b.ReportMetric(100*float64(after.Misses-before.Misses)/float64(i), "miss-%")
}

func BenchmarkUnknown(b *testing.B) {
	s := benchStore(b, 64<<20)
	dst := make([]campaigns.TagKey, 0, 64)
	b.ReportAllocs()
	defer reportCPU(b)()
	i := uint64(0)
	for b.Loop() {
		dst, _ = s.AppendTags(dst[:0], benchUser(benchUsers+i), testNow)
		i++
	}
}

func BenchmarkAppendLive(b *testing.B) {
	rec := mustRecord(b, 1, typicalTags(rand.New(rand.NewPCG(1, 2)), testNow)...)
	dst := make([]campaigns.TagKey, 0, 64)
	f := func(name string, now time.Time) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				dst = rec.AppendLive(dst[:0], now)
			}
		})
	}
	f("all live", testNow)
	f("half expired", testNow.AddDate(0, 0, 15))
}

// BenchmarkApply updates known users, 50 tags each, in batches of 1,000; an
// operation is one user.
func BenchmarkApply(b *testing.B) {
	s := benchStore(b, 64<<20)
	tags := typicalTags(rand.New(rand.NewPCG(1, 2)), testNow)
	var changes []Change
	var arena []byte
	i := uint64(0)
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		start := len(arena)
		arena, _ = AppendRecord(arena, 2+i, testNow, tags)
		changes = append(changes, Change{benchUser(i * 7919 % benchUsers), arena[start:len(arena):len(arena)]})
		i++
		if len(changes) == 1000 {
			mustApply(b, s, changes)
			changes, arena = changes[:0], arena[:0]
		}
	}
}
