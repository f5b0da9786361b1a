package attribution

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/internal/sqldb"
	"bidhawk/internal/sqldb/sqldbtest"
)

var t0 = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// testCatalog: agency 1 has the advertisers 1 (Berlin, USD, windows of 48 h and
// 2 h) and 2 (Kathmandu, +05:45, USD); agency 2 has advertiser 3 (New York, JPY).
func testCatalog() *campaigns.Catalog {
	c := &campaigns.Catalog{
		Agencies: map[campaigns.ID]*campaigns.Agency{}, Advertisers: map[campaigns.ID]*campaigns.Advertiser{},
		Campaigns: map[campaigns.ID]*campaigns.Campaign{}, LineItems: map[campaigns.ID]*campaigns.LineItem{},
		Creatives: map[campaigns.ID]*campaigns.Creative{},
	}
	jpy := money.Currency{'J', 'P', 'Y'}
	for _, a := range []campaigns.Advertiser{
		{Meta: campaigns.Meta{ID: 1}, AgencyID: 1, Currency: money.USD, TimeZone: "Europe/Berlin", ClickWindowHours: 48, ViewWindowHours: 2},
		{Meta: campaigns.Meta{ID: 2}, AgencyID: 1, Currency: money.USD, TimeZone: "Asia/Kathmandu"},
		{Meta: campaigns.Meta{ID: 3}, AgencyID: 2, Currency: jpy, TimeZone: "America/New_York"},
	} {
		c.Agencies[a.AgencyID] = &campaigns.Agency{Meta: campaigns.Meta{ID: a.AgencyID}}
		c.Advertisers[a.ID] = &a
		campaign, item, creative := a.ID*10, a.ID*100, a.ID*1000
		c.Campaigns[campaign] = &campaigns.Campaign{Meta: campaigns.Meta{ID: campaign}, AdvertiserID: a.ID}
		for i := range campaigns.ID(3) {
			c.LineItems[item+i] = &campaigns.LineItem{Meta: campaigns.Meta{ID: item + i}, CampaignID: campaign}
		}
		c.Creatives[creative] = &campaigns.Creative{Meta: campaigns.Meta{ID: creative}, AdvertiserID: a.ID}
	}
	return c
}

// emptyDB is a migrated database, made once: migrations take longer than tests.
var emptyDB = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "attribution")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	s, err := Open(context.Background(), Config{Database: sqldb.Source{File: path}}, testDeps(newMemLog(1)))
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func testDeps(l eventlog.Log) Deps {
	c := testCatalog()
	return Deps{Log: l, Catalog: func() *campaigns.Catalog { return c }, Now: func() time.Time { return t0 }}
}

// onPostgres are the databases that stand for files where tests run on Postgres.
var onPostgres sync.Map

// database is the database at path: that file, or what stands for it.
func database(t testing.TB, path string) sqldb.Source {
	t.Helper()
	if !sqldbtest.Postgres() {
		return sqldb.Source{File: path}
	}
	if s, ok := onPostgres.Load(path); ok {
		return s.(sqldb.Source)
	}
	s := sqldbtest.PostgresSource(t)
	onPostgres.Store(path, s)
	return s
}

// open opens a service on the database at path, a fresh one where there is none.
func open(t testing.TB, path string, cfg Config, deps Deps) *Service {
	t.Helper()
	cfg.Database = database(t, path)
	if _, err := os.Stat(path); os.IsNotExist(err) && !sqldbtest.Postgres() {
		raw, err := emptyDB()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(context.Background(), cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// place is the placement of line item i of an advertiser.
func place(advertiser, i int64) wirePlacement {
	return wirePlacement{
		Advertiser: advertiser, Campaign: advertiser * 10, LineItem: advertiser*100 + i, Creative: advertiser * 1000,
		Exchange: "demo", Site: "news.example",
	}
}

func bid(n uint64) bidID { return bidID{ids.BidID{Incarnation: 7, Counter: n}, true} }

func mustMarshal(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}

// write appends v to the log as its own topic and key say.
func (l *memLog) write(v any, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	topic, key := eventlog.TopicExposures, ""
	switch r := v.(type) {
	case exposureRecord:
		key = ids.UserKey(r.User).String()
	case conversionRecord:
		topic, key = eventlog.TopicConversions, string(r.message().Key)
	case postingRecord:
		topic, key = eventlog.TopicPostings, fmt.Sprint(r.Advertiser)
	case auctionsRecord:
		topic, key = eventlog.TopicAuctions, r.Node
	default:
		panic(fmt.Sprintf("no topic for %T", v))
	}
	l.put(topic, []byte(key), mustMarshal(v), at)
	close(l.grown)
	l.grown = make(chan struct{})
}

func (d wireDay) MarshalText() ([]byte, error) { return []byte(d.day.String()), nil }
