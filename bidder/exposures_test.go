package bidder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/local"
	"bidhawk/internal/ids"
	"bidhawk/pacing"
	"bidhawk/pacing/frequency"
	"bidhawk/scoring"
)

// cappedCatalog has the line items 10 (capped) and 11 (not), of an advertiser
// in New York's time.
func cappedCatalog() *campaigns.Catalog {
	capped := cpm(1_000_000, campaigns.Targeting{})
	capped.FrequencyCap.PerDay = 3
	return newCatalog([]campaigns.LineItem{capped, cpm(1_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()})
}

// memory is what a bidder forgets when its process ends, and the state on disk.
type memory struct {
	t       testing.TB
	cfg     ExposuresConfig
	clock   *fakeClock
	catalog atomic.Pointer[campaigns.Catalog]
	mu      sync.Mutex
	dead    []string // reasons
	x       *Exposures
}

func newMemory(t testing.TB, log eventlog.Log) *memory {
	m := &memory{t: t, clock: &fakeClock{now: testNow}}
	m.catalog.Store(cappedCatalog())
	m.cfg = ExposuresConfig{
		Log: log, Dir: filepath.Join(t.TempDir(), "exposures"), Catalog: m.catalog.Load, Clock: m.clock.Now, Logger: zap.NewNop(),
		DeadLetter: func(_ eventlog.Record, reason string) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.dead = append(m.dead, reason)
		},
	}
	return m
}

// open is a process that starts with nothing in memory.
func (m *memory) open() {
	m.t.Helper()
	m.cfg.Frequency = frequency.New(frequency.Config{MaxKeys: 100_000, HoldFor: 5 * time.Second})
	m.cfg.Rates = scoring.NewRates(1000)
	x, err := OpenExposures(context.Background(), m.cfg)
	if err != nil {
		m.t.Fatal(err)
	}
	m.x = x
}

func (m *memory) close() {
	m.t.Helper()
	if err := m.x.Close(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *memory) reasons() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.dead...)
}

func (m *memory) wantRate(creative campaigns.ID, impressions, clicks int64) {
	m.t.Helper()
	if i, c := m.cfg.Rates.Totals(creative); i != impressions || c != clicks {
		m.t.Errorf("creative %d: %d impressions, %d clicks; want %d, %d", creative, i, c, impressions, clicks)
	}
}

// wantCount is of the caps of line item 10, at at.
func (m *memory) wantCount(user ids.UserKey, at time.Time, want int) {
	m.t.Helper()
	for _, c := range cappedBy(m.t, m.catalog.Load()).User {
		if got := m.cfg.Frequency.Count(&c, frequency.Subject{Kind: frequency.User, Key: uint64(user)}, at); got != want {
			m.t.Errorf("user %v at %v: %d towards %v; want %d", user, at, got, &c, want)
		}
	}
}

// cappedBy are the caps of the line item 10.
func cappedBy(t testing.TB, cat *campaigns.Catalog) frequency.Caps {
	t.Helper()
	l, ok := cat.Lineage(10)
	if !ok {
		t.Fatal("line item 10 is not there")
	}
	return frequency.CapsOf(l, cat.Creatives[100])
}

// shown is an impression of the capped line item to user, bid at at.
func shown(bid uint64, user ids.UserKey, at time.Time) exposureRecord {
	x := exposureRecord{
		V: 1, Type: "impression", At: at, BidAt: at, Bid: ids.BidID{Incarnation: 1, Counter: bid}, Exchange: "demo",
		Advertiser: 2, Campaign: 3, LineItem: 10, Creative: 100,
	}
	if user != 0 {
		x.User = user.String()
	}
	return x
}

func clicked(x exposureRecord) exposureRecord { x.Type = "click"; return x }

// memLog has one topic of one partition in memory. Its first reads and fetches
// fail as told.
type memLog struct {
	eventlog.Log
	mu          sync.Mutex
	records     []eventlog.Record
	first       int64 // the oldest offset that is held
	grown       chan struct{}
	failReads   int
	failFetches int
}

func newMemLog() *memLog { return &memLog{grown: make(chan struct{})} }

var errAway = errors.New("the log is away")

func (l *memLog) Partitions(context.Context, string) (int32, error) { return 1, nil }

func (l *memLog) add(values ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range values {
		l.records = append(l.records, eventlog.Record{Topic: eventlog.TopicExposures, Offset: int64(len(l.records)), Key: []byte("k"), Value: []byte(v)})
	}
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *memLog) addExposures(list ...exposureRecord) {
	for _, x := range list {
		l.add(string(marshal(&x)))
	}
}

func (l *memLog) Read(_ context.Context, _ string, _ int32, offset int64) (eventlog.Reader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failReads > 0 {
		l.failReads--
		return nil, errAway
	}
	if offset == eventlog.FirstOffset {
		offset = l.first
	}
	if offset < l.first || offset > int64(len(l.records)) {
		return nil, eventlog.ErrOffsetOutOfRange
	}
	return &memReader{log: l, next: offset}, nil
}

type memReader struct {
	log  *memLog
	next int64
}

func (r *memReader) Fetch(ctx context.Context, max int) ([]eventlog.Record, error) {
	for {
		r.log.mu.Lock()
		all, grown := r.log.records, r.log.grown
		if r.log.failFetches > 0 {
			r.log.failFetches--
			r.log.mu.Unlock()
			return nil, errAway
		}
		r.log.mu.Unlock()
		if int(r.next) < len(all) {
			out := all[r.next:min(int(r.next)+max, len(all))]
			r.next += int64(len(out))
			return out, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-grown:
		}
	}
}

func (r *memReader) Lag() int64 {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return int64(len(r.log.records)) - r.next
}

func (r *memReader) Close() error { return nil }

// run follows the log until stop is called, which ends the process in order.
func (m *memory) run() (stop func()) {
	m.t.Helper()
	m.open()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.x.Run(ctx) }()
	return func() {
		m.t.Helper()
		cancel()
		if err := <-done; err != nil {
			m.t.Errorf("Run: %v", err)
		}
		m.close()
	}
}

// until polls what only the follower can make true.
func (m *memory) until(what string, ok func() bool) {
	m.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(10 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-limit:
			m.t.Fatalf("after 10 s still not: %s", what)
		}
	}
}

// caughtUp waits until the offset kept for partition 0 is next.
func (m *memory) caughtUp(next int64) {
	m.t.Helper()
	m.until(fmt.Sprintf("offset %d", next), func() bool {
		got, err := m.x.offset(0)
		return err == nil && got == next
	})
}

const alice, bob = ids.UserKey(0xa11ce), ids.UserKey(0xb0b)

func TestExposuresSurviveARestart(t *testing.T) {
	log := newMemLog()
	m := newMemory(t, log)
	a, b := shown(1, alice, testNow), shown(2, alice, testNow)
	log.addExposures(a, b, a, clicked(a), shown(3, bob, testNow), clicked(a))
	stop := m.run()
	m.caughtUp(6)
	check := func() {
		t.Helper()
		m.wantRate(100, 3, 1)
		m.wantCount(alice, testNow, 2)
		m.wantCount(bob, testNow, 1)
	}
	check()
	stop()

	// Repeats on the log across the restart are counted no second time.
	log.addExposures(a, b, clicked(a))
	stop = m.run()
	m.caughtUp(9)
	check()
	log.addExposures(shown(4, bob, testNow))
	m.caughtUp(10)
	m.wantCount(bob, testNow, 2)
	if n := m.x.Lag(); n != 0 {
		t.Errorf("lag %d", n)
	}
	stop()
}

// A log that lost its tail, or whose retention passed the reader, is read from
// its first record; what was seen stays counted once.
func TestExposuresReadAgainFromTheFirst(t *testing.T) {
	log := newMemLog()
	m := newMemory(t, log)
	a, b := shown(1, alice, testNow), shown(2, alice, testNow)
	log.addExposures(a, b, shown(3, bob, testNow))
	stop := m.run()
	m.caughtUp(3)
	stop()

	log.mu.Lock()
	log.records = log.records[:2] // shorter than the offset kept
	log.mu.Unlock()
	stop = m.run()
	m.caughtUp(2)
	m.wantRate(100, 3, 0)
	m.wantCount(alice, testNow, 2)
	stop()

	log.addExposures(a, b, shown(5, bob, testNow), shown(6, bob, testNow))
	log.mu.Lock()
	log.first = 5
	log.mu.Unlock()
	stop = m.run()
	m.caughtUp(6)
	m.wantRate(100, 4, 0) // bid 6; what retention took is gone
	m.wantCount(bob, testNow, 2)
	stop()
}

// A day is the advertiser's: 03:00 and 05:00 in UTC are two days in New York.
func TestCapsCountByTheAdvertisersDay(t *testing.T) {
	log := newMemLog()
	m := newMemory(t, log)
	night := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	late := shown(3, alice, night)
	late.At = night.Add(9 * time.Hour) // shown much later: the bid's day counts
	other := shown(4, alice, night)
	other.LineItem = 11 // without a cap
	unknown := shown(5, alice, night)
	unknown.LineItem = 99
	log.addExposures(shown(1, alice, night), shown(2, alice, night.Add(2*time.Hour)), late, other, unknown, shown(6, 0, night))
	stop := m.run()
	m.caughtUp(6)
	m.wantCount(alice, night.Add(3*time.Hour), 1) // the day before is over
	m.wantRate(100, 6, 0)
	if n := m.cfg.Frequency.Len(); n != 1 {
		t.Errorf("%d keys are counted; want 1: of one user and one line item", n)
	}
	stop()
}

// Before the catalogue is there nobody knows which line items are capped.
func TestExposuresWaitForTheCatalogue(t *testing.T) {
	log := newMemLog()
	m := newMemory(t, log)
	cat := m.catalog.Swap(nil)
	var asked atomic.Int64
	m.cfg.Catalog = func() *campaigns.Catalog { asked.Add(1); return m.catalog.Load() }
	log.addExposures(shown(1, alice, testNow))
	stop := m.run()
	m.until("the catalogue is asked for again", func() bool { return asked.Load() >= 3 })
	if got, err := m.x.offset(0); got != eventlog.FirstOffset || err != nil {
		t.Errorf("offset %d, %v before the catalogue", got, err)
	}
	m.catalog.Store(cat)
	m.caughtUp(1)
	m.wantCount(alice, testNow, 1)
	stop()

	m.catalog.Store(nil)
	m.run()() // ends in order while it waits
}

func TestUnreadableExposuresGoToDeadLetters(t *testing.T) {
	log := newMemLog()
	m := newMemory(t, log)
	good := string(marshal(shown(1, alice, testNow)))
	f := func(old, new string) string {
		t.Helper()
		out := strings.Replace(good, old, new, 1)
		if out == good {
			t.Fatalf("%q is not in %s", old, good)
		}
		return out
	}
	garbage := []string{
		"", "null", "{", "[]", `"x"`, "\x00\xff", good[:len(good)-1],
		f(`"v":1`, `"v":2`), f(`"v":1`, `"v":"1"`), f(`"bid":"`, `"bid":"z`), f(`"line_item":10`, `"line_item":-1.5`),
		f(`"user":"`, `"user":"no hex `), f(`"bid_at":"2026`, `"bid_at":"later 2026`), f(`"bid":`, `"bud":`), f(`"bid_at":`, `"bud_at":`),
	}
	for _, v := range garbage {
		log.add(v, good)
	}
	log.addExposures(shown(2, bob, testNow))
	stop := m.run()
	m.caughtUp(int64(2*len(garbage) + 1))
	stop()
	if got := m.reasons(); len(got) != len(garbage) {
		t.Errorf("%d dead letters; want %d: %q", len(got), len(garbage), got)
	}
	for _, r := range m.reasons() {
		if r == "" {
			t.Error("a dead letter has no reason")
		}
	}
	m.wantRate(100, 2, 0)
	m.wantCount(alice, testNow, 1)
	m.wantCount(bob, testNow, 1)
}

// What is not an impression or click, and what is a test, counts for nothing.
func TestExposuresOfOtherTypesAreIgnored(t *testing.T) {
	log := newMemLog()
	m := newMemory(t, log)
	for i, kind := range []string{"win", "loss", "view", ""} {
		x := shown(uint64(10+i), alice, testNow)
		x.Type = kind
		log.addExposures(x)
	}
	test := shown(1, alice, testNow)
	test.Test = true
	log.addExposures(test, clicked(test))
	stop := m.run()
	m.caughtUp(6)
	stop()
	m.wantRate(100, 0, 0)
	m.wantCount(alice, testNow, 0)
	if got := m.reasons(); len(got) != 0 {
		t.Errorf("dead letters: %q", got)
	}
}

func TestExposuresRetryALogThatIsAway(t *testing.T) {
	log := newMemLog()
	log.failReads, log.failFetches = 1, 1
	m := newMemory(t, log)
	log.addExposures(shown(1, alice, testNow))
	stop := m.run()
	m.caughtUp(1)
	stop()
	m.wantCount(alice, testNow, 1)
	if log.failReads != 0 || log.failFetches != 0 {
		t.Errorf("%d reads and %d fetches were not tried", log.failReads, log.failFetches)
	}
}

func TestExposuresForgetOldDays(t *testing.T) {
	log := newMemLog()
	m := newMemory(t, log)
	log.addExposures(shown(1, alice, testNow), clicked(shown(1, alice, testNow)))
	stop := m.run()
	m.caughtUp(2)
	seen := 0
	if err := m.x.scan(keySeen, 22, 0, func(_, _ []byte) { seen++ }); err != nil || seen != 2 {
		t.Errorf("%d ids are remembered, %v; want 2", seen, err)
	}
	stop()
	midnight := time.Date(2026, 3, 3, 5, 0, 0, 0, time.UTC) // in New York
	m.clock.Set(midnight.Add(-time.Second))
	m.open()
	m.wantCount(alice, m.clock.Now(), 1)
	m.close()
	m.clock.Set(midnight)
	m.open()
	m.wantCount(alice, m.clock.Now(), 0)
	if err := m.x.scan(keyCap, 1+frequency.KeyBytes, 0, func(k, _ []byte) { t.Errorf("%x is still counted", k) }); err != nil {
		t.Error(err)
	}
	m.close()
	m.clock.Set(testNow.AddDate(0, 0, keepDays+1))
	m.open()
	m.wantRate(100, 1, 1) // rates are for good
	if err := m.x.scan(keySeen, 22, 0, func(k, _ []byte) { t.Errorf("%x is still remembered", k) }); err != nil {
		t.Error(err)
	}
	m.close()

	// A record of a day that is over does not come back into the caps.
	log.addExposures(shown(2, alice, testNow), shown(3, bob, m.clock.Now()))
	stop = m.run()
	m.caughtUp(4)
	stop()
	m.wantCount(alice, m.clock.Now(), 0)
	m.wantCount(bob, m.clock.Now(), 1)
	m.wantRate(100, 3, 1)
	if n := m.cfg.Frequency.Len(); n != 1 {
		t.Errorf("%d keys are held; want 1", n)
	}
}

// A state that cannot be opened is an error that names it.
func TestExposuresNameTheirDirectory(t *testing.T) {
	m := newMemory(t, newMemLog())
	m.cfg.Dir = filepath.Join(os.DevNull, "exposures")
	_, err := OpenExposures(t.Context(), m.cfg)
	if err == nil || !strings.Contains(err.Error(), m.cfg.Dir) {
		t.Errorf("got %v; want an error that names %s", err, m.cfg.Dir)
	}
}

// On the real local log, with several partitions.
func TestExposuresOnTheLocalLog(t *testing.T) {
	log, err := local.Open(local.Config{Dir: filepath.Join(t.TempDir(), "log"), Clock: func() time.Time { return testNow }})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.EnsureTopics(t.Context(), eventlog.Topics(3)...); err != nil {
		t.Fatal(err)
	}
	const users, each = 20, 5
	var msgs []eventlog.Message
	for i := range uint64(users * each) {
		u := ids.UserKey(1 + i%users)
		msgs = append(msgs, eventlog.Message{Topic: eventlog.TopicExposures, Key: []byte(u.String()), Value: marshal(shown(i+1, u, testNow))})
	}
	m := newMemory(t, log)
	for range 2 { // a second time as repeats, after a restart
		if err := log.Append(t.Context(), msgs...); err != nil {
			t.Fatal(err)
		}
		stop := m.run()
		m.until("every partition is read", func() bool {
			for p := range int32(3) {
				_, next, err := log.Bounds(t.Context(), eventlog.TopicExposures, p)
				if got, e := m.x.offset(p); errors.Join(err, e) != nil || got != next {
					return false
				}
			}
			return true
		})
		stop()
		m.wantRate(100, users*each, 0)
		for u := range ids.UserKey(users) {
			m.wantCount(u+1, testNow, each)
		}
	}
}

// naive counts exposures as the documents say, in the plainest way.
type naive struct {
	seen  map[string]bool
	rates map[campaigns.ID][2]int64
	shown []exposureRecord
}

func (n *naive) count(x exposureRecord) {
	id := x.Type + " " + x.Bid.String()
	if x.Test || n.seen[id] {
		return
	}
	n.seen[id] = true
	r := n.rates[x.Creative]
	if x.Type == "click" {
		r[1]++
	} else {
		r[0]++
		n.shown = append(n.shown, x)
	}
	n.rates[x.Creative] = r
}

// towards is how many exposures of u count towards c.
func (n *naive) towards(c *frequency.Cap, u frequency.Subject, zone *time.Location, now time.Time) (count int) {
	for _, x := range n.shown {
		of := map[frequency.Level]campaigns.ID{
			frequency.LevelCreative: x.Creative, frequency.LevelLineItem: x.LineItem, frequency.LevelCampaign: x.Campaign, frequency.LevelAdvertiser: x.Advertiser}
		who := x.User
		if c.Per == frequency.Household {
			who = x.Household
		}
		if of[c.Level] != c.Entity || x.LineItem == 99 || who != ids.UserKey(u.Key).String() {
			continue // 99 is no line item: its caps are not known
		}
		switch c.Window {
		case frequency.Lifetime:
			count++
		case frequency.Day:
			if pacing.DayOf(x.BidAt.In(zone)) == pacing.DayOf(now.In(zone)) {
				count++
			}
		default:
			if now.Unix()-x.BidAt.Unix() < int64(c.Window) {
				count++
			}
		}
	}
	if c.Window < frequency.Lifetime {
		count = min(count, 8) // a rolling cap of at most 8 needs no more
	}
	return count
}

// Random exposures in random batches, replays from older offsets, restarts and
// days that go by: memory always says what the naive count says.
func TestExposuresAgreeWithANaiveCount(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		m := newMemory(t, newMemLog())
		m.catalog.Store(cappedEverywhere())
		m.open()
		defer func() { m.close() }()
		want := naive{seen: map[string]bool{}, rates: map[campaigns.ID][2]int64{}}
		var history []eventlog.Record
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			now := m.clock.Now()
			switch rapid.SampledFrom([]string{"batch", "batch", "replay", "restart", "time"}).Draw(r, "step") {
			case "batch":
				batch := make([]eventlog.Record, rapid.IntRange(1, 8).Draw(r, "records"))
				for i := range batch {
					x := drawExposure(r, now)
					want.count(x)
					batch[i] = eventlog.Record{Offset: int64(len(history)), Value: marshal(x)}
					history = append(history, batch[i])
				}
				if err := m.x.apply(0, batch); err != nil {
					r.Fatal(err)
				}
			case "replay": // of what is young enough to be remembered
				from := rapid.IntRange(0, len(history)).Draw(r, "from")
				var batch []eventlog.Record
				for _, rec := range history[from:] {
					var x exposureRecord
					if err := json.Unmarshal(rec.Value, &x); err != nil {
						r.Fatal(err)
					}
					if pacing.DayOf(x.BidAt.UTC()) >= oldest(now) {
						batch = append(batch, rec)
					}
				}
				if len(batch) == 0 {
					continue
				}
				if err := m.x.apply(0, batch); err != nil {
					r.Fatal(err)
				}
			case "restart":
				m.close()
				m.open()
			case "time":
				now = now.Add(time.Duration(rapid.IntRange(1, 40).Draw(r, "hours")) * time.Hour)
				m.clock.Set(now)
				if err := m.x.forget(now); err != nil {
					r.Fatal(err)
				}
			}
			for c := campaigns.ID(100); c < 103; c++ {
				if i, cl := m.cfg.Rates.Totals(c); [2]int64{i, cl} != want.rates[c] {
					r.Fatalf("creative %d: %d impressions, %d clicks; want %v", c, i, cl, want.rates[c])
				}
			}
			want.compare(r, m, zone)
		}
	})
}

// cappedEverywhere has a cap of another kind at each level.
func cappedEverywhere() *campaigns.Catalog {
	cat := cappedCatalog()
	caps := func(c ...campaigns.Cap) []campaigns.Cap { return c }
	cat.Creatives[100].FrequencyCaps = caps(campaigns.Cap{Max: 2, Window: "lifetime", Kind: campaigns.CapRolling, Per: campaigns.PerUser})
	cat.Campaigns[3].FrequencyCaps = caps(
		campaigns.Cap{Max: 5, Window: "20h", Kind: campaigns.CapRolling, Per: campaigns.PerUser, Recency: "3h"},
		campaigns.Cap{Max: 4, Window: "day", Kind: campaigns.CapCalendar, Per: campaigns.PerHousehold})
	cat.Advertisers[2].FrequencyCaps = caps(campaigns.Cap{Max: 7, Window: "7d", Kind: campaigns.CapRolling, Per: campaigns.PerHousehold})
	return cat
}

// compare asks every cap of every user and home.
func (n *naive) compare(r *rapid.T, m *memory, zone *time.Location) {
	now, cat := m.clock.Now(), m.catalog.Load()
	for _, line := range []campaigns.ID{10, 11} {
		l, _ := cat.Lineage(line)
		caps := frequency.CapsOf(l, cat.Creatives[100])
		for _, list := range [][]frequency.Cap{caps.User, caps.Household} {
			for _, c := range list {
				for _, u := range []frequency.Subject{{Kind: frequency.User, Key: uint64(alice)}, {Kind: frequency.User, Key: uint64(bob)}, {Kind: frequency.Household, Key: 7}} {
					if u.Kind != c.Per {
						continue
					}
					if got, want := m.cfg.Frequency.Count(&c, u, now), n.towards(&c, u, zone, now); got != want {
						r.Fatalf("%v of %v at %v: %d; want %d", &c, u, now, got, want)
					}
				}
			}
		}
	}
}

func drawExposure(r *rapid.T, now time.Time) exposureRecord {
	at := now.Add(-time.Duration(rapid.IntRange(0, 60).Draw(r, "age in hours")) * time.Hour)
	bid := rapid.Uint64Range(1, 12).Draw(r, "bid")
	// A bid has one instant; within this test its number says on which day it was.
	x := shown(bid, rapid.SampledFrom([]ids.UserKey{0, alice, bob}).Draw(r, "user"), at)
	x.Bid.Incarnation = uint64(at.Unix())
	x.Creative = campaigns.ID(100 + bid%3)
	x.LineItem = rapid.SampledFrom([]campaigns.ID{10, 10, 11, 99}).Draw(r, "line item")
	x.Test = rapid.IntRange(0, 9).Draw(r, "test") == 0
	if rapid.Bool().Draw(r, "home") {
		x.Household = ids.UserKey(7).String()
	}
	if rapid.Bool().Draw(r, "click") {
		x = clicked(x)
	}
	return x
}

// Nothing on the topic can make the reader panic.
func FuzzParseExposure(f *testing.F) {
	f.Add(marshal(shown(1, alice, testNow)))
	f.Add([]byte(`{"v":1,"bid":"00000000000000010000000000000001","bid_at":"2026-03-02T10:00:00Z","user":"zz"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parseExposure(b)
		if err == nil && (x.V != 1 || x.Bid == ids.BidID{} || x.BidAt.IsZero()) {
			t.Errorf("%q: taken as %+v", b, x)
		}
	})
}
