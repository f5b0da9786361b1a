package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/local"
	"bidhawk/internal/sqldb/sqldbtest"
)

var t0 = time.Date(2026, 11, 26, 4, 30, 0, 0, time.UTC)

// fixture is a feed on a log of its own, whose clock the test sets.
type fixture struct {
	t   *testing.T
	now time.Time
	log eventlog.Log
	dir Dir
	cfg Config
	*Feed
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, now: t0, dir: Dir(t.TempDir())}
	l, err := local.Open(local.Config{Dir: t.TempDir(), Clock: func() time.Time { return f.now }, MaintainEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.EnsureTopics(t.Context(), eventlog.Topics(2)...); err != nil {
		t.Fatal(err)
	}
	f.log, f.cfg = l, Config{Database: sqldbtest.Source(t)}
	f.open(f.dir)
	return f
}

// open opens the feed, anew as after a crash.
func (f *fixture) open(files Files) {
	f.t.Helper()
	feed, err := Open(f.t.Context(), f.cfg, Deps{Log: f.log, Files: files, Now: func() time.Time { return f.now }})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { feed.Close() })
	f.Feed = feed
}

func (f *fixture) write(topic, format string, args ...any) {
	f.t.Helper()
	if err := f.log.Append(f.t.Context(), eventlog.Message{Topic: topic, Key: []byte("k"), Value: fmt.Appendf(nil, format, args...)}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) exposure(typ string, bid int, at time.Time) {
	f.write(eventlog.TopicExposures, `{"v":1,"type":%q,"at":%q,"bid":"%032d","user":"00000000000000ab","exchange":"demo","advertiser":3,"campaign":4,
		"line_item":9,"creative":11,"site":"news.example","app":false,"test":false}`, typ, at.Format(time.RFC3339Nano), bid)
}

func (f *fixture) step() {
	f.t.Helper()
	if err := f.Step(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// files are the keys of the directory's files, and the ids in each.
func (f *fixture) files() map[string]string {
	f.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(string(f.dir), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		key, err := filepath.Rel(string(f.dir), path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var ids []string
		for _, e := range f.lines(b) {
			ids = append(ids, e.ID)
		}
		out[key] = strings.Join(ids, " ")
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

func (f *fixture) lines(file []byte) (out []Event) {
	f.t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		f.t.Fatal(err)
	}
	for dec := json.NewDecoder(r); ; {
		var e Event
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			f.t.Fatal(err)
		}
		out = append(out, e)
	}
}

func (f *fixture) want(want map[string]string) {
	f.t.Helper()
	if got := f.files(); !reflect.DeepEqual(got, want) {
		f.t.Errorf("got  %v\nwant %v", got, want)
	}
}

func id(typ string, bid int) string { return fmt.Sprintf("%s/%032d", typ, bid) }

// An hour's file holds each event once, closes 15 minutes after the hour and stays
// as it is; what comes later is in a file of its own.
func TestHoursCloseAndLateEventsComeAfter(t *testing.T) {
	f := newFixture(t)
	f.exposure("impression", 2, t0.Add(time.Second))
	f.exposure("impression", 1, t0)
	f.exposure("impression", 1, t0) // a repeat
	f.exposure("win", 1, t0)
	f.exposure("click", 1, t0.Add(time.Hour)) // of the next hour
	f.write(eventlog.TopicMoney, `{"v":1,"type":"loss","at":"2026-11-26T04:31:00Z","advertiser":3,"line_item":9,"bid":"%032d","reason":102,"min_to_win_micros":1500000}`, 7)
	f.write(eventlog.TopicMoney, `{"v":1,"type":"bill","at":"2026-11-26T04:31:00Z","advertiser":3,"line_item":9,"bid":"%032d"}`, 1)
	f.write(eventlog.TopicConversions, `{"v":1,"id":"3/A","at":"2026-11-26T04:59:59Z","advertiser":3,"type":"purchase","order":"A","value_nanos":5,"currency":"USD","user":"00000000000000ab","source":"pixel"}`)
	f.write(eventlog.TopicExposures, `{"v":1,"type":"impression","at":"2026-11-26T04:31:00Z","bid":"%032d","advertiser":3,"test":true}`, 8)
	f.write(eventlog.TopicExposures, `not JSON`)
	f.step()
	f.want(map[string]string{})

	f.now = time.Date(2026, 11, 26, 5, 14, 59, 0, time.UTC)
	f.step()
	f.want(map[string]string{})
	f.now = f.now.Add(time.Second)
	f.step()
	closed := map[string]string{
		"3/2026-11-26/04/exposures.ndjson.gz":   id("impression", 1) + " " + id("impression", 2),
		"3/2026-11-26/04/wins.ndjson.gz":        id("win", 1),
		"3/2026-11-26/04/losses.ndjson.gz":      id("loss", 7),
		"3/2026-11-26/04/conversions.ndjson.gz": "conversion/3/A",
	}
	f.want(closed)
	before, err := os.ReadFile(filepath.Join(string(f.dir), "3/2026-11-26/04/exposures.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}

	f.exposure("impression", 1, t0) // repeats of what is in files
	f.exposure("impression", 3, t0.Add(time.Minute))
	f.step()
	f.exposure("impression", 4, t0.Add(time.Minute))
	f.step()
	f.exposure("impression", 5, t0.Add(-40*24*time.Hour)) // too late
	f.step()
	closed["3/2026-11-26/04/exposures.late-0001.ndjson.gz"] = id("impression", 3)
	closed["3/2026-11-26/04/exposures.late-0002.ndjson.gz"] = id("impression", 4)
	f.want(closed)
	if after, err := os.ReadFile(filepath.Join(string(f.dir), "3/2026-11-26/04/exposures.ndjson.gz")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("a closed hour was changed, %v", err)
	}
	b, err := os.ReadFile(filepath.Join(string(f.dir), "3/2026-11-26/04/losses.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if e := f.lines(b)[0]; e.MinToWin != 1_500_000 || e.Reason != 102 || e.LineItem != 9 {
		t.Errorf("got %+v", e)
	}
}

// dyingFiles fails after or before the file is there, as a crash would.
type dyingFiles struct {
	Dir
	after bool
}

var errDied = errors.New("the process is gone")

func (d dyingFiles) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if d.after {
		if err := d.Dir.Put(ctx, key, r, size); err != nil {
			return err
		}
	}
	return errDied
}

// Wherever the process dies while files are written, and whatever comes meanwhile,
// the next one writes the same files.
func TestACrashLeadsToTheSameFiles(t *testing.T) {
	for _, after := range []bool{false, true} {
		f := newFixture(t)
		f.open(dyingFiles{f.dir, after})
		f.exposure("impression", 1, t0)
		f.exposure("win", 1, t0)
		f.now = t0.Add(2 * time.Hour)
		if err := f.Step(t.Context()); !errors.Is(err, errDied) {
			t.Fatalf("got %v", err)
		}
		f.exposure("impression", 2, t0) // late, though no file was finished
		f.open(f.dir)
		f.step()
		f.want(map[string]string{
			"3/2026-11-26/04/exposures.ndjson.gz":           id("impression", 1),
			"3/2026-11-26/04/exposures.late-0001.ndjson.gz": id("impression", 2),
			"3/2026-11-26/04/wins.ndjson.gz":                id("win", 1),
		})
	}
}

// Every field of a line is in docs/feed.md, and no field there is of none.
func TestFieldsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/feed.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(doc), "| field | what it says |\n")
	if !ok {
		t.Fatal("docs/feed.md has no table of fields")
	}
	documented := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			break
		}
		for i, name := range strings.Split(cells[1], "`") {
			if i%2 == 1 {
				documented[name] = true
			}
		}
	}
	for i := range reflect.TypeFor[Event]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Event]().Field(i).Tag.Get("json"), ",")
		if !documented[name] {
			t.Errorf("field %q is written and not documented", name)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("field %q is documented and not written", name)
	}
}

// Only who sees the advertiser is told of its files.
func TestFilesAreTheAdvertisersAlone(t *testing.T) {
	f := newFixture(t)
	f.exposure("win", 1, t0)
	f.now = t0.Add(2 * time.Hour)
	f.step()
	catalog := &campaigns.Catalog{Advertisers: map[campaigns.ID]*campaigns.Advertiser{
		3: {Meta: campaigns.Meta{ID: 3}, AgencyID: 1}, 5: {Meta: campaigns.Meta{ID: 5}, AgencyID: 1}}}
	mux := http.NewServeMux()
	Register(humago.New(mux, huma.DefaultConfig("t", "1")), f.Feed, func() *campaigns.Catalog { return catalog })
	get := func(advertiser campaigns.ID, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		if advertiser != 0 {
			r = r.WithContext(campaigns.WithPrincipal(r.Context(), campaigns.Principal{Role: campaigns.RoleAdvertiser,
				Owner: campaigns.Owner{Agency: 1, Advertiser: advertiser}}))
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w
	}
	const list, file = "/v1/feed?advertiser_id=3&from=2026-11-26&to=2026-11-26", "/v1/feed/3/2026-11-26/04/wins.ndjson.gz"
	f1 := func(advertiser campaigns.ID, path string, want int) {
		t.Helper()
		if got := get(advertiser, path); got.Code != want {
			t.Errorf("advertiser %d, %s: got %d; want %d: %s", advertiser, path, got.Code, want, got.Body)
		}
	}
	f1(3, list, 200)
	f1(3, file, 200)
	f1(5, list, 404)
	f1(5, file, 404)
	f1(0, file, 401)
	f1(3, "/v1/feed?advertiser_id=3&from=2026-11-26&to=2026-11-25", 422)
	f1(3, "/v1/feed?advertiser_id=3&from=2026-11-01&to=2026-12-31", 422)
	f1(3, "/v1/feed?advertiser_id=3&from=x&to=2026-11-25", 422)
	f1(3, "/v1/feed/3/2026-11-26/05/wins.ndjson.gz", 404)
	f1(3, "/v1/feed/3/2026-11-26/04/wins.late-0000.ndjson.gz", 404)
	f1(3, "/v1/feed/3/2026-11-26/04/feed.db", 404)

	var body struct{ Files []File }
	if err := json.Unmarshal(get(3, list).Body.Bytes(), &body); err != nil || len(body.Files) != 1 {
		t.Fatalf("got %+v, %v", body, err)
	}
	got := get(3, body.Files[0].Path)
	if int64(got.Body.Len()) != body.Files[0].Bytes || got.Header().Get("ETag") != `"`+body.Files[0].SHA256+`"` {
		t.Errorf("got %d bytes, ETag %s; want those of %+v", got.Body.Len(), got.Header().Get("ETag"), body.Files[0])
	}
	if e := f.lines(got.Body.Bytes()); len(e) != 1 || e[0].ID != id("win", 1) || strings.Contains(fmt.Sprint(e), "ab") {
		t.Errorf("got %+v", e)
	}
}
