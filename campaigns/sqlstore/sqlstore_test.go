package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/campaigns/sqlstore"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/local"
	"bidhawk/internal/money"
	"bidhawk/internal/sqldb"
	"bidhawk/internal/sqldb/sqldbtest"
)

func now() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 123, time.UTC) }

func open(t testing.TB, source sqldb.Source) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), source, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) // a second Close is harmless
	return s
}

func openTemp(t testing.TB) (*sqlstore.Store, *campaigns.Editor) {
	s := open(t, sqldbtest.Source(t))
	return s, campaigns.NewEditor(s, nil, nil, now)
}

func create[E campaigns.Entity](t testing.TB, ed *campaigns.Editor, e E) E {
	t.Helper()
	if err := ed.Create(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	return e
}

// tree is one entity of each kind.
type tree struct {
	agency     *campaigns.Agency
	advertiser *campaigns.Advertiser
	campaign   *campaigns.Campaign
	creative   *campaigns.Creative
	asset      *campaigns.Asset
	lineItem   *campaigns.LineItem
}

func plant(t testing.TB, ed *campaigns.Editor, name string) (w tree) {
	t.Helper()
	w.agency = create(t, ed, &campaigns.Agency{Name: name})
	w.advertiser = create(t, ed, &campaigns.Advertiser{AgencyID: w.agency.ID, Name: name, Currency: money.USD, TimeZone: "UTC",
		Domain: "acme.example", RedirectHosts: []string{"acme.example"}, Budget: campaigns.Budget{Daily: 5 * money.Unit}})
	w.campaign = create(t, ed, &campaigns.Campaign{AdvertiserID: w.advertiser.ID, Name: name, Start: now(), End: now().Add(time.Hour)})
	w.creative = create(t, ed, &campaigns.Creative{AdvertiserID: w.advertiser.ID, Name: name, W: 300, H: 250,
		ImageURL: "https://cdn.example/a.png", LandingURL: "https://acme.example/"})
	w.asset = create(t, ed, &campaigns.Asset{AdvertiserID: w.advertiser.ID, Name: name, FileFacts: campaigns.FileFacts{SHA256: "ab", File: "ab.png", Type: campaigns.AssetImage}})
	w.lineItem = create(t, ed, &campaigns.LineItem{CampaignID: w.campaign.ID, Name: name, Pricing: campaigns.PricingCPM,
		Price: 2_000_000, MaxBid: 1_000_000, CreativeIDs: []campaigns.ID{w.creative.ID}})
	create(t, ed, &campaigns.Deal{AdvertiserID: w.advertiser.ID, Name: name, Exchange: "demo", DealID: "d1", Type: campaigns.DealPrivateAuction,
		Currency: money.USD, Start: now(), End: now().Add(time.Hour)})
	create(t, ed, &campaigns.ConversionDefinition{AdvertiserID: w.advertiser.ID, Name: name, Type: "purchase"})
	create(t, ed, &campaigns.Segment{AdvertiserID: w.advertiser.ID, Name: name, Tags: campaigns.TagRule{AllOf: []string{"list/vip"}}})
	create(t, ed, &campaigns.SiteList{AdvertiserID: w.advertiser.ID, Name: name, Type: campaigns.ListDomains, Entries: []string{"news.example"}})
	create(t, ed, &campaigns.BidModifier{LineItemID: w.lineItem.ID, Name: name, Dimension: campaigns.ModifyOS,
		Values: []campaigns.ValueModifier{{Value: "ios", Bid: 500_000}}})
	create(t, ed, &campaigns.Experiment{CampaignID: w.campaign.ID, Name: name, Holdout: 100_000, Salt: name,
		LineItemIDs: []campaigns.ID{w.lineItem.ID}, Start: now(), End: now().Add(time.Hour)})
	return w
}

func TestCreateGetListUpdate(t *testing.T) {
	s, ed := openTemp(t)
	ctx := t.Context()
	a, b := plant(t, ed, "a"), plant(t, ed, "b")

	e, owner, err := s.Get(ctx, campaigns.KindLineItem, a.lineItem.ID)
	if err != nil || owner != (campaigns.Owner{Agency: a.agency.ID, Advertiser: a.advertiser.ID}) {
		t.Fatalf("got %+v of %+v, %v", e, owner, err)
	}
	got := e.(*campaigns.LineItem)
	if got.Name != "a" || got.Revision != 1 || got.Pacing != campaigns.PacingEven || !got.CreatedAt.Equal(now()) || got.CreativeIDs[0] != a.creative.ID {
		t.Errorf("got %+v", got)
	}

	list := func(k campaigns.Kind, f campaigns.Filter, want ...campaigns.ID) {
		t.Helper()
		found, err := s.List(ctx, k, f)
		if err != nil {
			t.Fatal(err)
		}
		ids := []campaigns.ID{}
		for _, e := range found {
			ids = append(ids, e.Head().ID)
		}
		if fmt.Sprint(ids) != fmt.Sprint(want) {
			t.Errorf("%s %+v: got %v; want %v", k, f, ids, want)
		}
	}
	for _, k := range campaigns.Kinds() {
		list(k, campaigns.Filter{}, 1, 2)
		list(k, campaigns.Filter{Agency: b.agency.ID}, 2)
		list(k, campaigns.Filter{After: 1, Limit: 1}, 2)
		list(k, campaigns.Filter{Limit: 1}, 1)
		list(k, campaigns.Filter{Status: campaigns.StatusPaused})
	}
	for _, k := range campaigns.Kinds()[1:] {
		list(k, campaigns.Filter{Advertiser: b.advertiser.ID}, 2)
	}
	list(campaigns.KindAgency, campaigns.Filter{Advertiser: 1}) // agencies have no advertiser
	list(campaigns.KindLineItem, campaigns.Filter{Campaign: a.campaign.ID}, 1)

	got.Name = "renamed"
	if err := ed.Update(ctx, got); err != nil || got.Revision != 2 {
		t.Fatalf("update: revision %d, %v", got.Revision, err)
	}
	again, err := campaigns.Get[*campaigns.LineItem](ctx, s, got.ID)
	if err != nil || again.Name != "renamed" || again.Revision != 2 || !again.CreatedAt.Equal(now()) {
		t.Errorf("got %+v, %v", again, err)
	}
	got.Revision = 1
	if err := ed.Update(ctx, got); !errors.Is(err, campaigns.ErrConflict) {
		t.Errorf("stale update: got %v; want ErrConflict", err)
	}
	if _, _, err := s.Get(ctx, campaigns.KindCampaign, 99); !errors.Is(err, campaigns.ErrNotFound) {
		t.Errorf("got %v; want ErrNotFound", err)
	}
	if err := ed.Update(ctx, &campaigns.Agency{Meta: campaigns.Meta{ID: 99}}); !errors.Is(err, campaigns.ErrNotFound) {
		t.Errorf("got %v; want ErrNotFound", err)
	}
	if _, _, err := s.Get(ctx, campaigns.KindKillSwitch, 1); err == nil {
		t.Error("a kill switch is no stored entity")
	}
}

func TestReplaceRefusesAStaleRevisionByItself(t *testing.T) {
	s, ed := openTemp(t)
	a := create(t, ed, &campaigns.Agency{Name: "a"})
	err := s.Write(t.Context(), func(tx campaigns.Tx) error {
		a.Revision = 5
		return tx.Replace(t.Context(), a)
	})
	if !errors.Is(err, campaigns.ErrConflict) {
		t.Errorf("got %v; want ErrConflict", err)
	}
}

func TestStatusIsABrake(t *testing.T) {
	s, ed := openTemp(t)
	ctx := t.Context()
	w := plant(t, ed, "a")
	var ve *campaigns.ValidationError

	set := func(id campaigns.ID, revision int64, status campaigns.Status) error {
		_, err := ed.SetStatus(ctx, campaigns.KindLineItem, id, revision, status)
		return err
	}
	if err := set(w.lineItem.ID, 7, campaigns.StatusPaused); !errors.Is(err, campaigns.ErrConflict) {
		t.Errorf("wrong revision: got %v", err)
	}
	if _, err := ed.SetStatus(ctx, campaigns.KindCreative, w.creative.ID, 0, campaigns.StatusArchived); err != nil {
		t.Fatal(err)
	}
	if err := set(w.lineItem.ID, 1, campaigns.StatusPaused); err != nil {
		t.Errorf("pausing must not be refused for an archived creative: %v", err)
	}
	if err := set(w.lineItem.ID, 0, campaigns.StatusActive); !errors.As(err, &ve) || ve.Violations[0].Field != "line_item.creative_ids[0]" {
		t.Errorf("resuming checks all rules: got %v", err)
	}
	if err := set(w.lineItem.ID, 0, campaigns.StatusArchived); err != nil {
		t.Fatal(err)
	}
	if err := set(w.lineItem.ID, 0, campaigns.StatusArchived); err != nil {
		t.Errorf("archiving twice: %v", err)
	}
	if err := set(w.lineItem.ID, 0, campaigns.StatusPaused); !errors.As(err, &ve) {
		t.Errorf("an archived line item came back: %v", err)
	}
	l, err := campaigns.Get[*campaigns.LineItem](ctx, s, w.lineItem.ID)
	if err != nil || l.Revision != 3 || l.Status != campaigns.StatusArchived {
		t.Errorf("got %+v, %v", l, err)
	}
}

func TestAnEditMustNotUnboundALineItem(t *testing.T) {
	_, ed := openTemp(t)
	ctx := t.Context()
	w := plant(t, ed, "a") // bounded by the advertiser's daily budget alone
	var ve *campaigns.ValidationError
	free := *w.advertiser
	free.Budget = campaigns.Budget{}
	if err := ed.Update(ctx, &free); !errors.As(err, &ve) || ve.Violations[0].Field != "advertiser.budget" || ve.Violations[0].Value != fmt.Sprint(w.lineItem.ID) {
		t.Fatalf("got %v; want a violation of advertiser.budget naming line item %d", err, w.lineItem.ID)
	}
	w.campaign.Budget.Lifetime = money.Unit
	if err := ed.Update(ctx, w.campaign); err != nil {
		t.Fatal(err)
	}
	free.Revision = w.advertiser.Revision
	if err := ed.Update(ctx, &free); err != nil {
		t.Fatalf("the campaign bounds it now: %v", err)
	}
	w.campaign.Budget.Lifetime = 0
	if err := ed.Update(ctx, w.campaign); !errors.As(err, &ve) || ve.Violations[0].Field != "campaign.budget" {
		t.Fatalf("got %v; want a violation of campaign.budget", err)
	}
	if _, err := ed.SetStatus(ctx, campaigns.KindLineItem, w.lineItem.ID, 0, campaigns.StatusArchived); err != nil {
		t.Fatal(err)
	}
	if err := ed.Update(ctx, w.campaign); err != nil {
		t.Errorf("nothing live depends on it: %v", err)
	}
}

func TestAnEntityLargerThanARecordIsRefused(t *testing.T) {
	_, ed := openTemp(t)
	w := plant(t, ed, "a")
	for i := range 10_000 {
		w.lineItem.Targeting.Domains.Include = append(w.lineItem.Targeting.Domains.Include, fmt.Sprintf("%s%d.example", strings.Repeat("a", 50), i))
		w.lineItem.Targeting.Domains.Exclude = append(w.lineItem.Targeting.Domains.Exclude, fmt.Sprintf("%s%d.example", strings.Repeat("b", 50), i))
	}
	var ve *campaigns.ValidationError
	if err := ed.Update(t.Context(), w.lineItem); !errors.As(err, &ve) || ve.Violations[0].Field != "line_item" {
		t.Errorf("got %v; want a violation of line_item", err)
	}
}

func TestAPanicFreesTheWriter(t *testing.T) {
	s, ed := openTemp(t)
	func() {
		defer func() { _ = recover() }()
		_ = s.Write(t.Context(), func(campaigns.Tx) error { panic("bug") })
	}()
	create(t, ed, &campaigns.Agency{Name: "after"})
}

func TestConcurrentEditsLoseNothing(t *testing.T) {
	s, ed := openTemp(t)
	a := create(t, ed, &campaigns.Agency{Name: "a"})
	const writers, edits = 4, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for done := 0; done < edits; {
				e, err := campaigns.Get[*campaigns.Agency](t.Context(), s, a.ID)
				if err != nil {
					t.Error(err)
					return
				}
				e.PlatformFee++
				switch err := ed.Update(t.Context(), e); {
				case err == nil:
					done++
				case !errors.Is(err, campaigns.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	got, err := campaigns.Get[*campaigns.Agency](t.Context(), s, a.ID)
	if err != nil || got.PlatformFee != writers*edits || got.Revision != 1+writers*edits {
		t.Errorf("got fee %d at revision %d, %v; want %d", got.PlatformFee, got.Revision, err, writers*edits)
	}
}

func openLog(t testing.TB, dir string) eventlog.Log {
	t.Helper()
	l, err := local.Open(local.Config{Dir: dir, Clock: time.Now, MaintainEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.EnsureTopics(t.Context(), eventlog.Topics(1)...); err != nil {
		t.Fatal(err)
	}
	return l
}

// topic reads everything on the campaigns topic, as "key@revision".
func topic(t testing.TB, l eventlog.Log) (out []string) {
	t.Helper()
	_, end, err := l.Bounds(t.Context(), eventlog.TopicCampaigns, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Read(t.Context(), eventlog.TopicCampaigns, 0, eventlog.FirstOffset)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for next := int64(0); next < end; {
		recs, err := r.Fetch(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs {
			_, rest, _ := strings.Cut(string(rec.Value), `"revision":`)
			revision, _, _ := strings.Cut(rest, ",")
			out = append(out, string(rec.Key)+"@"+strings.TrimSuffix(revision, "}"))
			next = rec.Offset + 1
		}
	}
	return out
}

// crash is source as a crash would leave it: nothing was closed, and what was not
// committed is gone. Of Postgres that is the server's affair.
func crash(t *testing.T, source sqldb.Source) sqldb.Source {
	t.Helper()
	if source.Postgres() {
		return source
	}
	after := sqldb.Source{File: filepath.Join(t.TempDir(), "b.db")}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(source.File + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(after.File+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return after
}

// TestCrashBetweenCommitAndPublish: the edit was acknowledged, the process died
// before the relay saw it.
func TestCrashBetweenCommitAndPublish(t *testing.T) {
	dir := t.TempDir()
	source := sqldbtest.Source(t)
	s := open(t, source)
	ed := campaigns.NewEditor(s, nil, nil, now)
	plant(t, ed, "a")
	if err := ed.SetKillSwitch(t.Context(), &campaigns.KillSwitch{Scope: "all", On: true, Reason: "night", By: "op"}); err != nil {
		t.Fatal(err)
	}
	after := open(t, crash(t, source))
	l := openLog(t, filepath.Join(dir, "log"))
	relay := sqlstore.NewRelay(sqlstore.RelayConfig{BatchMax: 2}, after, l)
	all := len(campaigns.Kinds()) + 1 // one of each kind, and the switch
	if n, err := relay.Pending(t.Context()); n != int64(all) || err != nil {
		t.Fatalf("got %d pending, %v; want %d", n, err, all)
	}
	if n, err := relay.Flush(t.Context()); n != all || err != nil {
		t.Fatalf("got %d published, %v; want %d", n, err, all)
	}
	want := "[agency/1@1 advertiser/1@1 campaign/1@1 creative/1@1 asset/1@1 line_item/1@1 deal/1@1 conversion_definition/1@1 segment/1@1 list/1@1 bid_modifier/1@1 experiment/1@1 kill_switch/all@1]"
	if got := fmt.Sprint(topic(t, l)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if n, err := relay.Flush(t.Context()); n != 0 || err != nil {
		t.Errorf("got %d published again, %v", n, err)
	}
}

// dyingLog is durable and then the process is gone: the caller never hears.
type dyingLog struct {
	eventlog.Log
	die func()
}

func (l dyingLog) Append(ctx context.Context, msgs ...eventlog.Message) error {
	err := l.Log.Append(ctx, msgs...)
	l.die()
	return err
}

// TestCrashBetweenPublishAndDelete: the records are on the log twice, and the
// feed ends with the same catalogue.
func TestCrashBetweenPublishAndDelete(t *testing.T) {
	dir := t.TempDir()
	s := open(t, sqldbtest.Source(t))
	ed := campaigns.NewEditor(s, nil, nil, now)
	a := create(t, ed, &campaigns.Agency{Name: "one"})
	a.Name = "two"
	if err := ed.Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, filepath.Join(dir, "log"))
	ctx, die := context.WithCancel(t.Context())
	if _, err := sqlstore.NewRelay(sqlstore.RelayConfig{AppendMax: 100 * time.Millisecond}, s, dyingLog{l, die}).Flush(ctx); err == nil {
		t.Fatal("the relay went on after its process was gone")
	}
	if n, err := sqlstore.NewRelay(sqlstore.RelayConfig{}, s, l).Flush(t.Context()); n != 2 || err != nil {
		t.Fatalf("got %d published, %v; want 2 again", n, err)
	}
	if got := fmt.Sprint(topic(t, l)); got != "[agency/1@1 agency/1@2 agency/1@1 agency/1@2]" {
		t.Errorf("got %s", got)
	}
	f := campaigns.NewFeed(campaigns.FeedConfig{BatchMax: 3}, campaigns.FeedDeps{Log: l})
	defer run(t, f)()
	c := await(t, f, func(*campaigns.Catalog) bool { return f.Ready() })
	if c.Agencies[1].Name != "two" || c.Generation != 2 {
		t.Errorf("got %+v at generation %d", c.Agencies[1], c.Generation)
	}
}

// run runs f until the returned function is called.
func run(t testing.TB, f *campaigns.Feed) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func await(t testing.TB, f *campaigns.Feed, ok func(*campaigns.Catalog) bool) *campaigns.Catalog {
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
			t.Fatal("not in 40 s")
		}
	}
}

func TestRelayWaitsForALogThatIsAway(t *testing.T) {
	dir := t.TempDir()
	s := open(t, sqldbtest.Source(t))
	ed := campaigns.NewEditor(s, nil, nil, now)
	l := openLog(t, filepath.Join(dir, "log"))
	var away atomic.Bool
	away.Store(true)
	failures := make(chan error, 1000)
	relay := sqlstore.NewRelay(sqlstore.RelayConfig{Poll: time.Millisecond, OnError: func(err error) {
		select {
		case failures <- err:
		default:
		}
	}}, s, awayLog{l, &away})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); relay.Run(ctx) }()
	create(t, ed, &campaigns.Agency{Name: "one"})
	if err := <-failures; !errors.Is(err, errAway) {
		t.Errorf("got %v; want errAway", err)
	}
	create(t, ed, &campaigns.Agency{Name: "two"})
	away.Store(false)
	f := campaigns.NewFeed(campaigns.FeedConfig{}, campaigns.FeedDeps{Log: l})
	defer run(t, f)()
	await(t, f, func(c *campaigns.Catalog) bool { return len(c.Agencies) == 2 })
	stop()
	<-done
	if got := fmt.Sprint(topic(t, l)); got != "[agency/1@1 agency/2@1]" {
		t.Errorf("got %s", got)
	}
}

var errAway = errors.New("the log is away")

type awayLog struct {
	eventlog.Log
	away *atomic.Bool
}

func (l awayLog) Append(ctx context.Context, msgs ...eventlog.Message) error {
	if l.away.Load() {
		return errAway
	}
	return l.Log.Append(ctx, msgs...)
}

// TestAnEditReachesTheFeedWithinASecond is the promise to the people who edit:
// stored, on the topic and in the bidder's catalogue, on a real disk.
func TestAnEditReachesTheFeedWithinASecond(t *testing.T) {
	dir := t.TempDir()
	source := sqldbtest.Source(t)
	s := open(t, source)
	other := open(t, source) // as a second process: nobody wakes the relay
	l := openLog(t, filepath.Join(dir, "log"))
	relay := sqlstore.NewRelay(sqlstore.RelayConfig{OnError: func(err error) { t.Error(err) }}, s, l)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); relay.Run(ctx) }()
	defer func() { stop(); <-done }()

	f := campaigns.NewFeed(campaigns.FeedConfig{}, campaigns.FeedDeps{Log: l})
	defer run(t, f)()
	measure := func(s *sqlstore.Store, name string) time.Duration {
		start := time.Now()
		a := create(t, campaigns.NewEditor(s, nil, nil, now), &campaigns.Agency{Name: name})
		await(t, f, func(c *campaigns.Catalog) bool { return c.Agencies[a.ID] != nil })
		return time.Since(start)
	}
	for i := range 5 {
		if d := measure(s, fmt.Sprintf("own %d", i)); d > time.Second {
			t.Errorf("edit %d took %v to the feed; want at most 1 s", i, d)
		} else {
			t.Logf("own process: %v", d)
		}
	}
	if d := measure(other, "other"); d > time.Second {
		t.Errorf("another process's edit took %v to the feed; want at most 1 s", d)
	} else {
		t.Logf("other process: %v", d)
	}
}

// TestResumeOfWhatAnOlderVersionStored: a creative without format is a banner.
func TestResumeOfWhatAnOlderVersionStored(t *testing.T) {
	s, ed := openTemp(t)
	a := create(t, ed, &campaigns.Agency{Name: "A"})
	adv := create(t, ed, &campaigns.Advertiser{AgencyID: a.ID, Name: "B", Currency: money.USD, TimeZone: "UTC", Domain: "b.example"})
	v := create(t, ed, &campaigns.Creative{AdvertiserID: adv.ID, Name: "V", W: 1, H: 1, HTML: "x"})
	v.Format, v.CatTax, v.Status = "", 0, campaigns.StatusPaused
	v.Revision++
	if err := s.Write(t.Context(), func(tx campaigns.Tx) error { return tx.Replace(t.Context(), v) }); err != nil {
		t.Fatal(err)
	}
	e, err := ed.SetStatus(t.Context(), campaigns.KindCreative, v.ID, 0, campaigns.StatusActive)
	if err != nil || e.(*campaigns.Creative).Format != campaigns.FormatBanner {
		t.Errorf("got %+v, %v", e, err)
	}
}
