package profiles

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/local"
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

// BenchmarkFeedDecode reads a profile of 20 tags from the log's JSON into a record.
func BenchmarkFeedDecode(b *testing.B) {
	numbers := testNumbers{}
	var full Full
	for i := range 20 {
		path := fmt.Sprintf("industry/category-%d/interest", i)
		numbers[path] = campaigns.TagNumber(i*37 + 1)
		full.Tags = append(full.Tags, TagPath{Path: path, Weight: 100, Expires: testNow.AddDate(0, 0, i+1)})
	}
	full.User, full.Version, full.At = 17, 3, testNow
	value := full.AppendJSON(nil)
	w := feedWorker{feed: &Feed{}, decoder: decoder{numbers: numbers}}
	r := &eventlog.Record{Key: userKey(17), Value: value}
	b.ReportAllocs()
	b.SetBytes(int64(len(value)))
	defer reportCPU(b)()
	for b.Loop() {
		w.arena = w.arena[:0]
		if _, ok := w.change(r); !ok {
			b.Fatal("refused")
		}
	}
}

// BenchmarkBuild folds one event into each of 100,000 profiles in turn; an
// operation is one event, with its publication on a local log in memory.
func BenchmarkBuild(b *testing.B) {
	fs := vfs.NewMem()
	l := openLog(b, fs, 1)
	s := memStore(b, fs, "profiler")
	builder := newBuilder(b, l, s, &deadLetters{})
	w := newBuildWorker(builder, 0)
	paths := slices.Sorted(maps.Keys(someTags))
	var recs []eventlog.Record
	var offset int64
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		user := benchUser(uint64(offset*7919) % benchUsers)
		e := TagEvent{ID: "x", User: user, At: testNow.Add(time.Duration(offset) * time.Millisecond), Tag: TagPath{Path: paths[offset%int64(len(paths))], Weight: 1}}
		_, m := e.appendMessage(nil)
		recs = append(recs, eventlog.Record{Topic: m.Topic, Offset: offset, Time: e.At, Key: m.Key, Value: m.Value})
		offset++
		if len(recs) == maxFetch {
			if err := w.handleEvents(b.Context(), recs); err != nil {
				b.Fatal(err)
			}
			recs = recs[:0]
		}
	}
}

// BenchmarkSeedAndFill publishes 100,000 profiles of 20 tags on the real local
// log on disk and fills a store with them through the feed.
func BenchmarkSeedAndFill(b *testing.B) {
	l, err := local.Open(local.Config{Dir: b.TempDir(), Clock: func() time.Time { return testNow }, MaintainEvery: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if err := l.EnsureTopics(b.Context(), eventlog.Topics(2)...); err != nil {
		b.Fatal(err)
	}
	numbers := testNumbers{}
	var paths []string
	for i := range 500 {
		paths = append(paths, fmt.Sprintf("industry/category-%d/interest", i))
		numbers[paths[i]] = campaigns.TagNumber(i + 1)
	}
	defer reportCPU(b)()
	for n := uint64(1); b.Loop(); n++ {
		start := time.Now()
		if _, err := SeedProfiles(b.Context(), SeedOptions{
			Users: benchUsers, Version: n, At: testNow, Log: l, User: func(i int) ids.UserKey { return benchUser(uint64(i)) },
			Tags: RandomTags(1, 0, paths, 15, 25, testNow.AddDate(0, 1, 0)),
		}); err != nil {
			b.Fatal(err)
		}
		seeded := time.Now()
		s := openTest(b, DefaultStoreConfig(b.TempDir()))
		f, err := NewFeed(Deps{Log: l, Store: s, Numbers: numbers})
		if err != nil {
			b.Fatal(err)
		}
		stop := runner(b, f.Run)
		eventually(b, "ready", f.Ready)
		stop()
		b.ReportMetric(benchUsers/seeded.Sub(start).Seconds(), "seeded/s")
		b.ReportMetric(float64(n)*benchUsers/time.Since(seeded).Seconds(), "fed/s")
	}
}
