package profiles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

func newBuilder(t testing.TB, l eventlog.Log, s *Store, dead *deadLetters) *Builder {
	t.Helper()
	b, err := NewBuilder(Deps{Log: l, Store: s, Numbers: someTags, DeadLetter: dead.add})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tagEvent(id int, user ids.UserKey, ms int, path string, weight uint8, remove bool) TagEvent {
	return TagEvent{ID: fmt.Sprint(id), User: user, At: testNow.Add(time.Duration(ms) * time.Millisecond),
		Tag: TagPath{Path: path, Weight: weight}, Remove: remove}
}

func appendEvents(t testing.TB, l eventlog.Log, events ...TagEvent) {
	t.Helper()
	for _, e := range events {
		_, m := e.appendMessage(nil)
		appendAll(t, l, m)
	}
}

// published reads a whole topic back.
func published(t testing.TB, l eventlog.Log, topic string) (all []eventlog.Record) {
	t.Helper()
	n, err := l.Partitions(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for p := range n {
		_, next, err := l.Bounds(t.Context(), topic, p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Read(t.Context(), topic, p, eventlog.FirstOffset)
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(0); at < next; {
			recs, err := r.Fetch(t.Context(), 1000)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, recs...)
			at = recs[len(recs)-1].Offset + 1
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestBuilderToFeed runs the whole way: behaviour, builder, profiles, feed.
func TestBuilderToFeed(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, fs, 2)
	s := memStore(t, fs, "profiles")
	var dead deadLetters
	f := newFeed(t, l, s, &dead)
	runner(t, f.Run)
	b := newBuilder(t, l, memStore(t, fs, "profiler"), &dead)
	stop := runner(t, b.Run)
	list := "list/\"odd\" é"
	appendEvents(t, l, tagEvent(1, 1, 0, "auto", 5, false), tagEvent(2, 1, 1, list, 6, false), tagEvent(3, 2, 0, "travel", 1, false),
		tagEvent(4, 2, 0, "not/there", 1, false))
	appendAll(t, l, eventlog.Message{Topic: eventlog.TopicBehaviour, Key: userKey(1), Value: []byte(`{`)},
		eventlog.Message{Topic: eventlog.TopicBehaviour, Key: userKey(1), Value: []byte(`{"v":1,"id":"p","user":"0000000000000001","type":"page_view","at":"2026-11-21T00:00:00Z"}`)})
	eventually(t, "tags", func() bool {
		return slices.Equal(tagsOf(s, 1), []campaigns.TagKey{1, 1<<31 | 78}) && slices.Equal(tagsOf(s, 2), []campaigns.TagKey{3})
	})
	appendEvents(t, l, tagEvent(5, 1, 2, "auto", 5, true), tagEvent(1, 1, 0, "auto", 5, false)) // removed; then a late repeat
	eventually(t, "removal", func() bool { return slices.Equal(tagsOf(s, 1), []campaigns.TagKey{1<<31 | 78}) })
	eventually(t, "all read", func() bool {
		st := b.Stats()
		return st.Dead == 1 && st.Ignored == 1 && st.UnknownTags == 1 && st.BehaviourLag == 0 && st.Stale >= 1
	})
	stop()
	if got := dead.list(); len(got) != 1 || !strings.HasPrefix(got[0], "behaviour/") {
		t.Errorf("dead letters: got %q", got)
	}
}

// TestBuilderAdopts: records of other writers are taken over by version, and
// the next event builds upon them.
func TestBuilderAdopts(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, fs, 1)
	s := memStore(t, fs, "profiler")
	b := newBuilder(t, l, s, &deadLetters{})
	stop := runner(t, b.Run)
	seed := func(version uint64, paths ...string) {
		f := Full{User: 1, Version: version, At: testNow}
		for _, p := range paths {
			f.Tags = append(f.Tags, TagPath{Owner: 7, Path: p, Weight: 1})
		}
		appendFull(t, l, f)
	}
	stored := func() (v uint64, n int) {
		rec, _, err := s.Lookup(nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		return rec.Version(), rec.Len()
	}
	is := func(version uint64, n int) {
		t.Helper()
		eventually(t, fmt.Sprintf("version %d of %d tags", version, n), func() bool { v, m := stored(); return v == version && m == n })
	}
	seed(10, "auto", "travel")
	is(10, 2)
	appendEvents(t, l, tagEvent(1, 1, 5, "auto/suv", 5, false))
	is(11, 3)
	seed(11, "auto") // equal version, later in the log
	is(11, 1)
	seed(9, "auto", "travel") // lower
	seed(13)
	is(13, 0)
	appendAll(t, l, eventlog.Message{Topic: eventlog.TopicProfiles, Key: userKey(1)})
	is(0, 0)
	stop()
	// The paths of adopted tags survive a restart.
	seed(20, "travel")
	b = newBuilder(t, l, s, &deadLetters{})
	runner(t, b.Run)
	is(20, 1)
	appendEvents(t, l, tagEvent(2, 1, 5, "auto", 5, false))
	eventually(t, "version 21 on the log", func() bool {
		all := published(t, l, eventlog.TopicProfiles)
		return strings.Contains(string(all[len(all)-1].Value), `"version":21`) && strings.Contains(string(all[len(all)-1].Value), `"travel"`)
	})
}

// naiveFold is the specification of the builder: per tag the latest event wins.
func naiveFold(events []TagEvent) map[string]TagEvent {
	last := map[string]TagEvent{}
	for _, e := range events {
		old, ok := last[e.Tag.Path]
		later := e.At.After(old.At) || e.At.Equal(old.At) &&
			(e.Remove && !old.Remove || e.Remove == old.Remove && e.Tag.Weight > old.Tag.Weight)
		if !ok || later {
			last[e.Tag.Path] = e
		}
	}
	return last
}

func genEvents() *rapid.Generator[[]TagEvent] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) TagEvent {
		path := rapid.SampledFrom([]string{"auto", "auto/suv", "travel", "list/vip"}).Draw(t, "path")
		return tagEvent(rapid.Int().Draw(t, "id"), ids.UserKey(rapid.Uint64Range(1, 3).Draw(t, "user")), rapid.IntRange(0, 6).Draw(t, "ms"), path,
			rapid.Uint8Range(1, 3).Draw(t, "weight"), rapid.IntRange(0, 3).Draw(t, "remove") == 0)
	}), 1, 30)
}

// TestFoldCommutes: order and repeats of events do not matter.
func TestFoldCommutes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := genEvents().Draw(t, "events")
		repeated := append(slices.Clone(events), events[:rapid.IntRange(0, len(events)).Draw(t, "repeats")]...)
		fold := func(events []TagEvent) []Tag {
			var p profile
			for _, e := range events {
				tag := Tag{Key: campaigns.TagKey(someTags[e.Tag.Path]), Weight: e.Tag.Weight, Seen: e.At.UnixMilli()}
				if e.Remove {
					tag.Weight = 0
				}
				p.apply(tag)
			}
			return p.visible(nil)
		}
		var want []Tag
		for path, e := range naiveFold(events) {
			if !e.Remove {
				want = append(want, Tag{Key: campaigns.TagKey(someTags[path]), Weight: e.Tag.Weight})
			}
		}
		want = NormalizeTags(want)
		for _, order := range [][]TagEvent{events, repeated, rapid.Permutation(repeated).Draw(t, "order")} {
			if got := fold(order); !slices.Equal(got, want) {
				t.Fatalf("got %v; want %v", got, want)
			}
		}
	})
}

func TestFoldBounds(t *testing.T) {
	var p profile
	for i := range MaxTags {
		p.apply(Tag{Key: campaigns.TagKey(i), Weight: 1, Seen: int64(1000 + i)})
	}
	p.apply(Tag{Key: 500, Seen: 3000})
	if !p.apply(Tag{Key: 5000, Weight: 1, Seen: 3001}) || len(p.tags) != MaxTags {
		t.Fatalf("got %d tags; want %d and one evicted", len(p.tags), MaxTags)
	}
	has := func(k campaigns.TagKey) bool {
		return slices.ContainsFunc(p.tags, func(t Tag) bool { return t.Key == k })
	}
	if has(500) || !has(0) {
		t.Errorf("the removed tag must go before the oldest live one")
	}
	version := p.version
	p.apply(Tag{Key: 6000, Weight: 1, Seen: 3002})
	if has(0) || p.version != version+2 {
		t.Errorf("the oldest tag must go, as a change of its own: version %d after %d", p.version, version)
	}
	month := forgetAfter.Milliseconds()
	p = profile{}
	p.apply(Tag{Key: 1, Seen: 1})
	p.apply(Tag{Key: 2, Weight: 1, Expires: 5, Seen: 2})
	p.apply(Tag{Key: 3, Weight: 1, Seen: month})
	if !has(1) || !has(2) {
		t.Errorf("dead tags must be remembered for %v", forgetAfter)
	}
	p.apply(Tag{Key: 3, Weight: 2, Seen: month + 3})
	if has(1) || has(2) || !has(3) {
		t.Errorf("got %v; want the long dead forgotten", p.tags)
	}
}

// TestBuilderReplay crashes between publishing and committing, and lets the log
// fail: what ends up in profiles and stores must be what an undisturbed run
// gives, and no version may ever have two contents.
func TestBuilderReplay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		events := genEvents().Draw(rt, "events")
		faults := rapid.SliceOfN(rapid.IntRange(0, 2), 0, 6).Draw(rt, "faults")
		batches := rapid.SliceOfN(rapid.IntRange(1, 7), 1, 40).Draw(rt, "batches")

		fs := vfs.NewMem()
		l := openLog(t, fs, 1)
		defer l.Close()
		appendEvents(t, l, events...)
		recs := published(t, l, eventlog.TopicBehaviour)
		s := memStore(t, fs, "profiler")
		defer s.Close()
		var n int
		b := newBuilder(t, flakyLog{l, func() (before, after bool) {
			n++
			return n <= len(faults) && faults[n-1] == 1, n <= len(faults) && faults[n-1] == 2
		}}, s, &deadLetters{})
		w := newBuildWorker(b, 0)
		for i := 0; ; i++ { // what a consumer does, with odd batches
			next, _, err := s.Offset(eventlog.TopicBehaviour, 0)
			if err != nil {
				rt.Fatal(err)
			}
			if next == int64(len(recs)) {
				break
			}
			batch := recs[next:min(int(next)+batches[i%len(batches)], len(recs))]
			if err := w.handleEvents(context.Background(), batch); err != nil && !errors.Is(err, errFlaky) {
				rt.Fatal(err)
			}
		}
		checkPublished(t, rt, l, events)
	})
}

func checkPublished(t *testing.T, rt *rapid.T, l eventlog.Log, events []TagEvent) {
	contents := map[string]string{}
	newest := map[ids.UserKey]decoded{}
	d := decoder{numbers: someTags}
	for _, r := range published(t, l, eventlog.TopicProfiles) {
		p, err := d.profile(&r)
		if err != nil {
			rt.Fatal(err)
		}
		id := fmt.Sprint(p.user, p.version)
		if old, ok := contents[id]; ok && old != string(r.Value) {
			rt.Fatalf("version %d of %s has two contents:\n%s\n%s", p.version, p.user, old, r.Value)
		}
		contents[id] = string(r.Value)
		if p.version > newest[p.user].version {
			p.tags = slices.Clone(p.tags)
			newest[p.user] = p
		}
	}
	for user := ids.UserKey(1); user <= 3; user++ {
		var want []Tag
		mine := slices.DeleteFunc(slices.Clone(events), func(e TagEvent) bool { return e.User != user })
		for path, e := range naiveFold(mine) {
			if !e.Remove {
				want = append(want, Tag{Key: campaigns.TagKey(someTags[path]), Weight: e.Tag.Weight})
			}
		}
		if want = NormalizeTags(want); !slices.Equal(newest[user].tags, want) {
			rt.Fatalf("user %d: got %v; want %v", user, newest[user].tags, want)
		}
	}
}

// TestBuilderSurvivesTheLog runs against a log whose appends fail at random
// and restarts the builder in between.
func TestBuilderSurvivesTheLog(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, fs, 2)
	var calls atomic.Int64
	flaky := flakyLog{l, func() (bool, bool) { n := calls.Add(1); return n%5 == 1, n%5 == 3 }}
	s := memStore(t, fs, "profiler")
	front := memStore(t, fs, "profiles")
	f := newFeed(t, l, front, &deadLetters{})
	runner(t, f.Run)
	const users = 200
	for round := range 3 {
		b := newBuilder(t, flaky, s, &deadLetters{})
		stop := runner(t, b.Run)
		for u := ids.UserKey(1); u <= users; u++ {
			appendEvents(t, l, tagEvent(round, u, round, []string{"auto", "travel", "list/vip"}[round], 1, false))
		}
		if round < 2 {
			eventually(t, "half of the round", func() bool { return len(tagsOf(front, users/2)) > round })
			stop()
			continue
		}
		eventually(t, "all tags", func() bool {
			for u := ids.UserKey(1); u <= users; u++ {
				if len(tagsOf(front, u)) != 3 {
					return false
				}
			}
			return true
		})
		if b.Stats().Retries == 0 {
			t.Error("the log never failed")
		}
	}
}

func TestBuilderRefusesUnequalPartitions(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, fs, 2)
	b := newBuilder(t, unequalLog{l}, memStore(t, fs, "profiler"), &deadLetters{})
	if err := b.Run(t.Context()); !errors.Is(err, eventlog.ErrPartitionCount) {
		t.Errorf("got %v; want ErrPartitionCount", err)
	}
}

type unequalLog struct{ eventlog.Log }

func (l unequalLog) Partitions(ctx context.Context, topic string) (int32, error) {
	n, err := l.Log.Partitions(ctx, topic)
	if topic == eventlog.TopicProfiles {
		n++
	}
	return n, err
}
