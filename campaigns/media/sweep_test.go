package media

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/campaigns/sqlstore"
	"bidhawk/internal/blob"
	"bidhawk/internal/money"
	"bidhawk/internal/sqldb/sqldbtest"
)

func TestSweepDeletesWhatNothingRefersTo(t *testing.T) {
	ctx, now := t.Context(), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	store := openStore(t, clock)
	ed := campaigns.NewEditor(store, nil, nil, clock)
	create := func(e campaigns.Entity) campaigns.ID {
		t.Helper()
		if err := ed.Create(ctx, e); err != nil {
			t.Fatal(err)
		}
		return e.Head().ID
	}
	agency := create(&campaigns.Agency{Name: "a"})
	adv := create(&campaigns.Advertiser{AgencyID: agency, Name: "a", Currency: money.USD, TimeZone: "UTC", Domain: "a.example", RedirectHosts: []string{"a.example"}})
	dir, err := blob.OpenDir(filepath.Join(t.TempDir(), "files"))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	put := func(key string) {
		t.Helper()
		if err := dir.Put(ctx, key, strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
		if err := dir.Touch(key, now); err != nil {
			t.Fatal(err)
		}
	}
	hash := func(c string) string { return strings.Repeat(c, 64) }
	asset := func(c string) campaigns.ID {
		put(hash(c) + ".png")
		return create(&campaigns.Asset{AdvertiserID: adv, Name: c, FileFacts: campaigns.FileFacts{SHA256: hash(c), File: hash(c) + ".png", Type: campaigns.AssetImage, W: 3, H: 2}})
	}
	kept, shown, archived := asset("a"), asset("b"), asset("c")
	creative := create(&campaigns.Creative{AdvertiserID: adv, Name: "v", Upload: campaigns.Upload{AssetID: shown}, LandingURL: "https://a.example/"})
	put(hash("d") + ".png")
	put(hash("e") + "/index.html")
	put(hash("e") + "/a/b.js")
	archive := func(k campaigns.Kind, id campaigns.ID) {
		t.Helper()
		if _, err := ed.SetStatus(ctx, k, id, 0, campaigns.StatusArchived); err != nil {
			t.Fatal(err)
		}
	}
	archive(campaigns.KindAsset, shown) // a creative shows it still
	archive(campaigns.KindAsset, archived)

	s := Sweeper{Files: dir, Store: store, Now: clock, Grace: time.Hour}
	sweep := func(want string) {
		t.Helper()
		if _, err := s.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		var left []string
		for info, err := range dir.List(ctx, "") {
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, info.Key[:1])
		}
		slices.Sort(left)
		if got := fmt.Sprint(slices.Compact(left)); got != want {
			t.Errorf("at %s: left %s; want %s", now, got, want)
		}
	}
	sweep("[a b c d e]")
	now = now.Add(59 * time.Minute)
	sweep("[a b c d e]")
	now = now.Add(2 * time.Minute)
	put(hash("d") + ".png") // an upload of the same content comes again
	sweep("[a b d]")
	archive(campaigns.KindCreative, creative)
	sweep("[a b d]")
	now = now.Add(61 * time.Minute)
	sweep("[a]")
	if a, err := campaigns.Get[*campaigns.Asset](ctx, store, kept); err != nil || a.Status != campaigns.StatusActive {
		t.Errorf("got %+v, %v", a, err)
	}
}

func openStore(t *testing.T, now func() time.Time) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqldbtest.Source(t), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) // the test is over
	return s
}
