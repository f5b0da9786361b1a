package campaigns_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/local"
)

func fixedClock() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func openLog(t testing.TB) *local.Log {
	t.Helper()
	l, err := local.Open(local.Config{Dir: "log", FS: vfs.NewMem(), Clock: fixedClock, MaintainEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := l.EnsureTopics(t.Context(), eventlog.Topics(2)...); err != nil {
		t.Fatal(err)
	}
	return l
}

// runFeed starts a feed; the test's end stops it and waits.
func runFeed(t testing.TB, deps campaigns.FeedDeps) *campaigns.Feed {
	t.Helper()
	f := campaigns.NewFeed(campaigns.FeedConfig{RetryWait: time.Millisecond}, deps)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("feed: %v", err)
		}
	})
	return f
}

// fataler is testing.TB or *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// await waits until ok holds, looking again at each signal of the feed. On Postgres
// a relay that takes over waits up to 12 s for a late append of the one before.
func await(t fataler, f *campaigns.Feed, what string, ok func(*campaigns.Catalog) bool) *campaigns.Catalog {
	t.Helper()
	changed := f.Subscribe()
	timeout := time.After(40 * time.Second)
	for {
		if c := f.Catalog(); ok(c) {
			return c
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%s: not in 40 s; the catalogue is %+v", what, f.Catalog())
		}
	}
}

func record(t testing.TB, key string, v any) eventlog.Message {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return eventlog.Message{Topic: eventlog.TopicCampaigns, Key: []byte(key), Value: b}
}

func agency(id campaigns.ID, revision int64, name string) *campaigns.Agency {
	return &campaigns.Agency{Meta: campaigns.Meta{ID: id, Revision: revision}, Name: name, Status: campaigns.StatusActive}
}

func appendAll(t testing.TB, l eventlog.Log, msgs ...eventlog.Message) {
	t.Helper()
	if err := l.Append(context.Background(), msgs...); err != nil {
		t.Fatal(err)
	}
}

func TestFeedIsReadyAtOnceOnAnEmptyTopic(t *testing.T) {
	f := runFeed(t, campaigns.FeedDeps{Log: openLog(t)})
	await(t, f, "ready", func(*campaigns.Catalog) bool { return f.Ready() })
	if c := f.Catalog(); c == nil || c.Generation != 0 || len(c.LineItems) != 0 {
		t.Errorf("got %+v; want an empty catalogue", c)
	}
}

func TestFeedReplaysAndFollows(t *testing.T) {
	l := openLog(t)
	appendAll(t, l, record(t, "agency/1", agency(1, 1, "one")), record(t, "agency/1", agency(1, 2, "two")),
		record(t, "creative/9", &campaigns.Creative{Meta: campaigns.Meta{ID: 9, Revision: 1}}),
		record(t, "kill_switch/all", campaigns.KillSwitch{Scope: "all", On: true, Revision: 1}))
	f := runFeed(t, campaigns.FeedDeps{Log: l})
	first := await(t, f, "ready", func(*campaigns.Catalog) bool { return f.Ready() })
	if first.Agencies[1].Name != "two" || first.Creatives[9] == nil || !first.Kill.All || first.Generation != 4 {
		t.Fatalf("got %+v", first)
	}
	appendAll(t, l, record(t, "agency/1", agency(1, 3, "three")),
		record(t, "kill_switch/all", campaigns.KillSwitch{Scope: "all", On: false, Revision: 2}),
		record(t, "kill_switch/line_item/7", campaigns.KillSwitch{Scope: "line_item", Target: 7, On: true, Revision: 1}))
	second := await(t, f, "edit", func(c *campaigns.Catalog) bool { return c.Kill.LineItems[7] })
	if second.Agencies[1].Name != "three" || second.Kill.All || second.Generation != 7 {
		t.Errorf("got %+v", second)
	}
	if first.Agencies[1].Name != "two" || !first.Kill.All || len(first.Kill.LineItems) != 0 {
		t.Errorf("the earlier catalogue changed: %+v", first)
	}
	appendAll(t, l, eventlog.Message{Topic: eventlog.TopicCampaigns, Key: []byte("agency/1")})
	await(t, f, "tombstone", func(c *campaigns.Catalog) bool { return c.Agencies[1] == nil })
}

func TestFeedSkipsAndReportsWhatItCannotRead(t *testing.T) {
	l := openLog(t)
	bad := []eventlog.Message{
		{Topic: eventlog.TopicCampaigns, Key: []byte("agency/1"), Value: []byte("{")},
		{Topic: eventlog.TopicCampaigns, Key: []byte("agency"), Value: []byte("{}")},
		{Topic: eventlog.TopicCampaigns, Key: []byte("agency/-1"), Value: []byte("{}")},
		{Topic: eventlog.TopicCampaigns, Key: []byte("agency/x"), Value: []byte("{}")},
		{Topic: eventlog.TopicCampaigns, Key: []byte("planet/1"), Value: []byte("{}")},
		{Topic: eventlog.TopicCampaigns, Key: []byte("advertiser/1"), Value: []byte(`{"id":1,"currency":"usd"}`)},
		record(t, "agency/2", agency(3, 1, "other id")),
		{Topic: eventlog.TopicCampaigns, Key: []byte("kill_switch/moon"), Value: []byte(`{"scope":"moon"}`)},
		record(t, "kill_switch/all", campaigns.KillSwitch{Scope: "line_item", Target: 1}),
		{Topic: eventlog.TopicCampaigns, Key: []byte("kill_switch/line_item/0"), Value: []byte(`{"scope":"line_item"}`)},
	}
	appendAll(t, l, bad...)
	appendAll(t, l, record(t, "agency/5", agency(5, 1, "good")))
	letters := make(chan string, 100)
	f := runFeed(t, campaigns.FeedDeps{Log: l, DeadLetter: func(r eventlog.Record, reason error) { letters <- string(r.Key) }})
	c := await(t, f, "good record", func(c *campaigns.Catalog) bool { return c.Agencies[5] != nil && f.Ready() })
	if len(letters) != len(bad) || f.Skipped() != int64(len(bad)) || c.Generation != 1 {
		t.Errorf("got %d dead letters, %d skipped, generation %d; want %d, %d and 1", len(letters), f.Skipped(), c.Generation, len(bad), len(bad))
	}
}

// TestFeedKnowsEveryScope, and that what is fixed here holds whatever the topic
// says, until it is fixed no more.
func TestFeedKnowsEveryScope(t *testing.T) {
	l := openLog(t)
	f := runFeed(t, campaigns.FeedDeps{Log: l})
	put := func(name string, on bool, revision int64) {
		k, err := campaigns.ParseKillSwitch(name)
		if err != nil {
			t.Fatal(err)
		}
		k.On, k.Revision = on, revision
		appendAll(t, l, record(t, "kill_switch/"+name, k))
	}
	line := campaigns.Lineage{LineItem: &campaigns.LineItem{Meta: campaigns.Meta{ID: 4}}, Campaign: &campaigns.Campaign{Meta: campaigns.Meta{ID: 3}},
		Advertiser: &campaigns.Advertiser{Meta: campaigns.Meta{ID: 2}}, Agency: &campaigns.Agency{Meta: campaigns.Meta{ID: 1}}}
	for name, stops := range map[string]func(*campaigns.KillState) bool{
		"all": func(k *campaigns.KillState) bool { return k.All && k.Stops(line) && k.StopsExchange("demo") },
		"exchange/demo": func(k *campaigns.KillState) bool {
			return k.StopsExchange("demo") && !k.StopsExchange("other") && !k.Stops(line)
		},
		"agency/1":     func(k *campaigns.KillState) bool { return k.Stops(line) && !k.StopsExchange("demo") },
		"advertiser/2": func(k *campaigns.KillState) bool { return k.Stops(line) },
		"campaign/3":   func(k *campaigns.KillState) bool { return k.Stops(line) },
		"line_item/4":  func(k *campaigns.KillState) bool { return k.Stops(line) },
		"creative/4":   func(k *campaigns.KillState) bool { return k.StopsCreative(4) && !k.StopsCreative(5) && !k.Stops(line) },
	} {
		put(name, true, 1)
		on := await(t, f, name, func(c *campaigns.Catalog) bool { return stops(&c.Kill) })
		if b := on.Brakes(); len(b) != 1 || b[0].Name() != name {
			t.Errorf("%s: the brakes are %+v", name, b)
		}
		put(name, false, 2)
		await(t, f, name+" released", func(c *campaigns.Catalog) bool { return !stops(&c.Kill) && len(c.Brakes()) == 0 })
	}
	before := f.Catalog().Generation
	f.Fix([]campaigns.KillSwitch{{Scope: "line_item", Target: 4, Reason: "fixed", By: "configuration"}})
	put("line_item/4", false, 3)
	put("line_item/5", true, 1)
	c := await(t, f, "an edit over what is fixed", func(c *campaigns.Catalog) bool { return c.Kill.LineItems[5] })
	if !c.Kill.LineItems[4] || c.Generation <= before {
		t.Errorf("the topic released what is fixed: %+v", c.Kill)
	}
	f.Fix(nil)
	await(t, f, "fixed no more", func(c *campaigns.Catalog) bool { return !c.Kill.LineItems[4] && c.Kill.LineItems[5] })
	var none *campaigns.KillState
	if none.Stops(line) || none.StopsExchange("demo") || none.StopsCreative(1) {
		t.Error("no switches stop something")
	}
}

// TestFeedTellsRepeatsFromANewStore: a repeat of an old revision changes
// nothing, also for switches; the first revisions of a store that was begun anew
// on the same log count.
func TestFeedTellsRepeatsFromANewStore(t *testing.T) {
	l := openLog(t)
	at := func(revision int64, hour int, name string) eventlog.Message {
		a := agency(1, revision, name)
		a.CreatedAt = fixedClock().Add(time.Duration(hour) * time.Hour)
		return record(t, "agency/1", a)
	}
	kill := func(revision int64, hour int, on bool) eventlog.Message {
		return record(t, "kill_switch/all", campaigns.KillSwitch{Scope: "all", On: on, Revision: revision, At: fixedClock().Add(time.Duration(hour) * time.Hour)})
	}
	appendAll(t, l, at(1, 0, "one"), at(5, 0, "five"), at(1, 0, "one"), kill(1, 0, false), kill(2, 1, true), kill(1, 0, false))
	f := runFeed(t, campaigns.FeedDeps{Log: l})
	c := await(t, f, "ready", func(*campaigns.Catalog) bool { return f.Ready() })
	if c.Agencies[1].Name != "five" || !c.Kill.All || c.Generation != 4 {
		t.Errorf("a repeat changed %+v, %+v at generation %d", c.Agencies[1], c.Kill, c.Generation)
	}
	appendAll(t, l, at(1, 3, "new"), kill(1, 3, false))
	await(t, f, "the new store's records", func(c *campaigns.Catalog) bool { return c.Agencies[1].Name == "new" && !c.Kill.All })
}

// TestCreativesFromBeforeFormats: what an older version wrote is a banner of
// taxonomy 1.0.
func TestCreativesFromBeforeFormats(t *testing.T) {
	l := openLog(t)
	old := map[string]any{"id": 4, "revision": 1, "w": 300, "h": 250, "image_url": "https://cdn.example/a"}
	appendAll(t, l, record(t, "creative/4", old))
	f := runFeed(t, campaigns.FeedDeps{Log: l})
	c := await(t, f, "the creative", func(c *campaigns.Catalog) bool { return c.Creatives[4] != nil })
	if v := c.Creatives[4]; v.Format != campaigns.FormatBanner || v.CatTax != 1 {
		t.Errorf("got %+v", v)
	}
}

func TestSubscribeCoalesces(t *testing.T) {
	l := openLog(t)
	f := runFeed(t, campaigns.FeedDeps{Log: l})
	changed := f.Subscribe()
	for i := range int64(50) {
		appendAll(t, l, record(t, "agency/1", agency(1, i+1, "x")))
	}
	await(t, f, "last", func(c *campaigns.Catalog) bool { return c.Agencies[1] != nil && c.Agencies[1].Revision == 50 })
	if cap(changed) != 1 || len(changed) != 1 {
		t.Errorf("got %d of %d signals; want one of one", len(changed), cap(changed))
	}
}

// flakyLog fails some calls, as a log that is away does.
type flakyLog struct {
	eventlog.Log
	fail func() error
}

func (l *flakyLog) Read(ctx context.Context, topic string, p int32, offset int64) (eventlog.Reader, error) {
	if err := l.fail(); err != nil {
		return nil, err
	}
	r, err := l.Log.Read(ctx, topic, p, offset)
	return &flakyReader{r, l.fail}, err
}

type flakyReader struct {
	eventlog.Reader
	fail func() error
}

func (r *flakyReader) Fetch(ctx context.Context, _ int) ([]eventlog.Record, error) {
	if err := r.fail(); err != nil {
		return nil, err
	}
	return r.Reader.Fetch(ctx, 1)
}

func TestFeedOutlivesErrorsOfTheLog(t *testing.T) {
	l := openLog(t)
	const n = 20
	for i := range campaigns.ID(n) {
		appendAll(t, l, record(t, fmt.Sprintf("agency/%d", i+1), agency(i+1, 1, "x")))
	}
	calls := 0
	errAway := errors.New("the log is away")
	flaky := &flakyLog{l, func() error { // called by the feed's goroutine alone
		if calls++; calls%3 == 0 && calls < 60 {
			return errAway
		}
		return nil
	}}
	failures := make(chan error, 100)
	f := runFeed(t, campaigns.FeedDeps{Log: flaky, OnError: func(err error) { failures <- err }})
	c := await(t, f, "all", func(c *campaigns.Catalog) bool { return len(c.Agencies) == n && f.Ready() })
	if c.Generation != n || len(failures) == 0 || !errors.Is(<-failures, errAway) {
		t.Errorf("generation %d after %d failures; want each record once (%d) in spite of some", c.Generation, len(failures), n)
	}
}

func TestFeedEndsWithAClosedLog(t *testing.T) {
	l := openLog(t)
	f := campaigns.NewFeed(campaigns.FeedConfig{}, campaigns.FeedDeps{Log: l})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("got %v; want ErrClosed", err)
	}
}

// TestFeedAgainstANaiveModel appends random records, repeats and old revisions
// included, in random batches, and checks every catalogue that was ever published.
func TestFeedAgainstANaiveModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := openLog(t)
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		f := campaigns.NewFeed(campaigns.FeedConfig{BatchMax: rapid.IntRange(1, 5).Draw(rt, "batch")}, campaigns.FeedDeps{Log: l})
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		model := map[campaigns.ID]int64{}
		type snapshot struct {
			c    *campaigns.Catalog
			copy map[campaigns.ID]*campaigns.Agency
		}
		var seen []snapshot
		for i := range rapid.IntRange(1, 30).Draw(rt, "n") {
			id := campaigns.ID(rapid.IntRange(1, 4).Draw(rt, "id"))
			rev := int64(rapid.IntRange(1, 6).Draw(rt, "revision"))
			key := fmt.Sprintf("agency/%d", id)
			if rapid.IntRange(0, 9).Draw(rt, "tombstone") == 0 {
				appendAll(t, l, eventlog.Message{Topic: eventlog.TopicCampaigns, Key: []byte(key)})
				delete(model, id)
			} else {
				appendAll(t, l, record(t, key, agency(id, rev, "x")))
				model[id] = max(model[id], rev)
			}
			mark := campaigns.ID(1000 + i)
			appendAll(t, l, record(t, fmt.Sprintf("creative/%d", mark), &campaigns.Creative{Meta: campaigns.Meta{ID: mark, Revision: 1}}))
			c := await(t, f, "marker", func(c *campaigns.Catalog) bool { return c.Creatives[mark] != nil })
			got := map[campaigns.ID]int64{}
			for id, a := range c.Agencies {
				got[id] = a.Revision
			}
			if !maps.Equal(got, model) {
				rt.Fatalf("got %v; want %v", got, model)
			}
			seen = append(seen, snapshot{c, maps.Clone(c.Agencies)})
		}
		for i, s := range seen {
			if !maps.Equal(s.c.Agencies, s.copy) {
				rt.Fatalf("catalogue %d changed after it was published", i)
			}
		}
		stop()
		if err := <-done; err != nil {
			rt.Fatal(err)
		}
	})
}

func BenchmarkFeedApply(b *testing.B) {
	// One edit among 5,000 line items: what publishing a catalogue costs.
	l := openLog(b)
	const n = 5_000
	msgs := make([]eventlog.Message, n)
	for i := range msgs {
		id := campaigns.ID(i + 1)
		msgs[i] = record(b, campaigns.TopicKey(campaigns.KindLineItem, id), &campaigns.LineItem{Meta: campaigns.Meta{ID: id, Revision: 1}})
	}
	appendAll(b, l, msgs...)
	f := runFeed(b, campaigns.FeedDeps{Log: l})
	await(b, f, "all", func(c *campaigns.Catalog) bool { return len(c.LineItems) == n })
	changed := f.Subscribe()
	revision := int64(1)
	b.ReportAllocs()
	for b.Loop() {
		revision++
		appendAll(b, l, record(b, "line_item/1", &campaigns.LineItem{Meta: campaigns.Meta{ID: 1, Revision: revision}}))
		for f.Catalog().LineItems[1].Revision != revision {
			<-changed
		}
	}
}
