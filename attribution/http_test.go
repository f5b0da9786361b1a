package attribution

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/humatest"
	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

var (
	operatorKey    = campaigns.Principal{Role: campaigns.RoleOperator}
	agency1Key     = campaigns.Principal{Role: campaigns.RoleAgency, Owner: campaigns.Owner{Agency: 1}}
	advertiser1Key = campaigns.Principal{Role: campaigns.RoleAdvertiser, Owner: campaigns.Owner{Agency: 1, Advertiser: 1}}
)

type apiTest struct {
	t   *testing.T
	api humatest.TestAPI
	s   *Service
	log *memLog
	as  *campaigns.Principal
	now time.Time
}

var testSecret = []byte("0123456789abcdef")

func newAPITest(t *testing.T) *apiTest {
	a := &apiTest{t: t, log: newMemLog(2), now: t0.Add(time.Hour)}
	deps := testDeps(a.log)
	deps.Now = func() time.Time { return a.now }
	a.s = open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, deps)
	t.Cleanup(func() { a.s.Close() })
	_, a.api = humatest.New(quiet{t})
	a.api.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) {
		if a.as != nil {
			ctx = huma.WithContext(ctx, campaigns.WithPrincipal(ctx.Context(), *a.as))
		}
		next(ctx)
	})
	ring, err := ids.NewKeyring(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	bidIDs, err := ids.NewBidIDs()
	if err != nil {
		t.Fatal(err)
	}
	err = Register(a.api, APIDeps{Service: a.s, Users: ring, ConversionIDs: bidIDs, VerifyClick: func(token string) (Click, error) {
		if token != "good" {
			return Click{}, ids.ErrForged
		}
		return Click{Bid: bid(1).id, Advertiser: 1, LineItem: 100, User: 5}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *apiTest) get(as campaigns.Principal, query string, headers ...any) *httptest.ResponseRecorder {
	a.t.Helper()
	a.as = &as
	return a.api.Get("/v1/reports?"+query, headers...)
}

type reportBody struct {
	From, To, Status string
	TimeZone         string `json:"time_zone"`
	Currencies       []string
	AsOf             time.Time        `json:"as_of"`
	Rows             []map[string]any `json:"rows"`
	Totals           []map[string]any `json:"totals"`
}

func (a *apiTest) report(as campaigns.Principal, query string) reportBody {
	a.t.Helper()
	res := a.get(as, query)
	if res.Code != 200 {
		a.t.Fatalf("%s: got %d %s; want 200", query, res.Code, res.Body)
	}
	var out reportBody
	d := json.NewDecoder(res.Body)
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		a.t.Fatal(err)
	}
	return out
}

func (a *apiTest) seed() {
	someEvents(a.log)
	for _, advertiser := range []int64{2, 3} {
		a.log.write(exposureRecord{
			V: 1, Type: "impression", Bid: bid(uint64(advertiser)), User: 5, BidAt: t0, At: t0, wirePlacement: place(advertiser, 0),
		}, t0)
	}
	readAll(a.t, a.s, a.log, topics[:]...)
}

func TestReportStatesWhatItIs(t *testing.T) {
	a := newAPITest(t)
	a.seed()
	got := a.report(advertiser1Key, "from=2026-11-20&to=2026-11-20&group_by=day,line_item")
	if got.TimeZone != "Europe/Berlin" || got.Status != "preliminary" || !slices.Equal(got.Currencies, []string{"USD"}) || !got.AsOf.Equal(a.now) {
		t.Errorf("head: got %+v", got)
	}
	if len(got.Rows) != 1 || len(got.Totals) != 1 {
		t.Fatalf("got %d rows, %d totals; want 1 of each", len(got.Rows), len(got.Totals))
	}
	for name, want := range map[string]any{
		"day": "2026-11-20", "line_item": json.Number("100"), "currency": "USD", "bids": json.Number("9"), "wins": json.Number("1"),
		"billable": json.Number("1"), "impressions": json.Number("1"), "clicks": json.Number("1"), "conversions": json.Number("1"),
		"value": "30", "charge": "0.003", "platform_fee": "0.0004", "data_fee": "0",
		"ctr": "1", "cvr": "1", "ecpm": "3", "ecpc": "0.003", "ecpa": "0.003", "roas": "10000",
	} {
		if got.Rows[0][name] != want {
			t.Errorf("%s: got %v; want %v", name, got.Rows[0][name], want)
		}
	}
	for _, name := range []string{"house_late", "media_cost", "margin"} {
		if _, ok := got.Rows[0][name]; ok {
			t.Errorf("an advertiser whose contract does not say so sees %s", name)
		}
	}
	op := a.report(operatorKey, "from=2026-11-20&to=2026-11-20&group_by=advertiser")
	if _, ok := op.Rows[0]["house_late"]; !ok || op.TimeZone != "advertiser" || !slices.Equal(op.Currencies, []string{"JPY", "USD"}) {
		t.Errorf("operator: got %+v", op)
	}
	if op.Rows[0]["ctr"] != "0" || op.Rows[0]["cvr"] != nil {
		t.Errorf("ratios without clicks: got %v, %v; want 0 and null", op.Rows[0]["ctr"], op.Rows[0]["cvr"])
	}
}

func TestReportBecomesFinal(t *testing.T) {
	a := newAPITest(t)
	a.seed()
	f := func(now time.Time, want string) {
		t.Helper()
		a.now = now
		if got := a.report(advertiser1Key, "from=2026-11-20&to=2026-11-20").Status; got != want {
			t.Errorf("at %v: got %s; want %s", now, got, want)
		}
	}
	end := time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC) // midnight in Berlin
	f(end.Add(72*time.Hour-1), "preliminary")
	f(end.Add(72*time.Hour), "final")
	someEvents(a.log) // unread: what was logged until then is not all counted
	f(end.Add(72*time.Hour), "preliminary")
}

func TestTenantsSeeTheirOwn(t *testing.T) {
	a := newAPITest(t)
	a.seed()
	f := func(as campaigns.Principal, want ...string) {
		t.Helper()
		var got []string
		for _, r := range a.report(as, "from=2026-11-20&to=2026-11-20&group_by=advertiser").Rows {
			got = append(got, fmt.Sprint(r["advertiser"]))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s %v: got %v; want %v", as.Role, as.Owner, got, want)
		}
	}
	f(operatorKey, "1", "2", "3")
	f(agency1Key, "1", "2")
	f(advertiser1Key, "1")
	f(campaigns.Principal{Role: campaigns.RoleAgency, Owner: campaigns.Owner{Agency: 2}}, "3")
	f(campaigns.Principal{Role: "nobody"})
	f(campaigns.Principal{Role: campaigns.RoleAdvertiser})
	// Another tenant's id answers like one that does not exist.
	for _, q := range []string{
		"advertiser=3", "advertiser=99", "campaign=30", "campaign=99", "line_item=300", "line_item=9999", "creative=3000", "creative=9",
		"advertiser=1,3",
	} {
		res := a.get(agency1Key, "from=2026-11-20&to=2026-11-20&"+q)
		if res.Code != 404 || !strings.Contains(res.Body.String(), "no such "+strings.Split(strings.ReplaceAll(q, "_", " "), "=")[0]) {
			t.Errorf("%s: got %d %s; want 404", q, res.Code, res.Body)
		}
	}
	a.as = nil
	if res := a.api.Get("/v1/reports?from=2026-11-20&to=2026-11-20"); res.Code != 401 {
		t.Errorf("without a key: got %d; want 401", res.Code)
	}
}

func TestReportErrorsNameParameterValueAndRule(t *testing.T) {
	a := newAPITest(t)
	f := func(as campaigns.Principal, query, location, value, rule string) {
		t.Helper()
		res := a.get(as, query)
		var body huma.ErrorModel
		if err := json.Unmarshal(res.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if res.Code != 422 || res.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: got %d, %s; want a 422 problem", query, res.Code, res.Header().Get("Content-Type"))
		}
		for _, e := range body.Errors {
			if e.Location == location && fmt.Sprint(e.Value) == value && strings.Contains(e.Message, rule) {
				return
			}
		}
		t.Errorf("%s: got %s; want %s, %q, %q", query, res.Body, location, value, rule)
	}
	days := "from=2026-11-20&to=2026-11-21"
	f(operatorKey, "to=2026-11-20", "query.from", "", "required")
	f(operatorKey, "from=soon&to=2026-11-20", "query.from", "soon", "want a date")
	f(operatorKey, "from=2026-11-20&to=2026-11-19", "query.to", "2026-11-19", "not before from")
	f(operatorKey, "from=2025-01-01&to=2026-11-19", "query.to", "2026-11-19", "at most 400 days")
	f(operatorKey, "from=2026-10-01&to=2026-11-19&group_by=hour", "query.to", "2026-11-19", "at most 31 days by hour")
	f(operatorKey, days+"&group_by=day,moon", "query.group_by", "moon", "want day, hour")
	f(operatorKey, days+"&group_by=day,day", "query.group_by", "day", "once")
	f(operatorKey, days+"&time_zone=Mars/Base", "query.time_zone", "Mars/Base", "IANA")
	f(operatorKey, days+"&time_zone=Local", "query.time_zone", "Local", "IANA")
	f(operatorKey, days+"&time_zone=..%2Fetc%2Fpasswd", "query.time_zone", "../etc/passwd", "IANA")
	f(operatorKey, days+"&group_by=hour", "query.time_zone", "", "required with group_by=hour")
	f(operatorKey, days+"&line_item=x", "query.line_item", "x", "positive ids")
	f(operatorKey, days+"&line_item=-4", "query.line_item", "-4", "positive ids")
	f(operatorKey, days+"&site="+strings.Repeat("a", 301), "query.site", strings.Repeat("a", 60)+"…", "at most 300 bytes")
	f(operatorKey, days+"&site="+strings.Repeat("a,", 1001), "query.site", "1001", "at most 1000 values")
	f(operatorKey, days+"&format=xml", "query.format", "xml", "json, csv or ndjson")
	f(operatorKey, days+"&fliter=1", "query.fliter", "", "unknown")
}

func TestReportRefusesTooManyRows(t *testing.T) {
	a := newAPITest(t)
	a.seed()
	day := dayOf(t0, time.UTC)
	q := Query{From: day, To: day, GroupBy: []Dimension{ByAdvertiser}, Advertisers: []campaigns.ID{1, 2, 3}, MaxRows: 2}
	if _, err := a.s.Report(context.Background(), q); !errors.Is(err, ErrTooManyRows) {
		t.Errorf("got %v; want %v", err, ErrTooManyRows)
	}
	q.MaxRows = 3
	if rep, err := a.s.Report(context.Background(), q); err != nil || len(rep.Rows) != 3 {
		t.Errorf("got %v; want 3 rows", err)
	}
	q.GroupBy = []Dimension{ByHour}
	if _, err := a.s.Report(context.Background(), q); !errors.Is(err, ErrZoneRequired) {
		t.Errorf("got %v; want %v", err, ErrZoneRequired)
	}
}

func TestReportFilters(t *testing.T) {
	a := newAPITest(t)
	for i, p := range []wirePlacement{place(1, 0), place(1, 1), place(1, 2)} {
		p.Site, p.App, p.Exchange = []string{"a.example", "a.example", "b.example"}[i], i == 1, []string{"x", "y", "y"}[i]
		p.Deal = []string{"", "d1", ""}[i]
		a.log.write(exposureRecord{V: 1, Type: "impression", Bid: bid(uint64(i)), BidAt: t0, At: t0, wirePlacement: p}, t0)
	}
	readAll(t, a.s, a.log, topics[:]...)
	f := func(filter string, want ...string) {
		t.Helper()
		var got []string
		for _, r := range a.report(advertiser1Key, "from=2026-11-20&to=2026-11-20&group_by=line_item,site&"+filter).Rows {
			got = append(got, fmt.Sprintf("%v %v %v", r["line_item"], r["site"], r["app"]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v; want %v", filter, got, want)
		}
	}
	f("", "100 a.example false", "101 a.example true", "102 b.example false")
	f("site=a.example", "100 a.example false")
	f("app=a.example", "101 a.example true")
	f("site=b.example&app=a.example", "101 a.example true", "102 b.example false")
	f("exchange=y&line_item=102,100", "102 b.example false")
	f("line_item=102&line_item=100", "100 a.example false", "102 b.example false")
	f("deal=d1", "101 a.example true")
	f("campaign=10&creative=1000&exchange=x", "100 a.example false")
	f("site=nowhere")
}

func TestCSVAndJSONAgree(t *testing.T) {
	a := newAPITest(t)
	a.seed()
	for i, site := range []string{"=cmd()", `quote".example`, "comma,.example", "-1"} {
		p := place(1, 1)
		p.Site = site
		a.log.write(exposureRecord{V: 1, Type: "impression", Bid: bid(uint64(50 + i)), BidAt: t0, At: t0, wirePlacement: p}, t0)
	}
	readAll(t, a.s, a.log, topics[:]...)
	const q = "from=2026-11-20&to=2026-11-20&group_by=hour,site,line_item,campaign,creative,exchange,deal,day,advertiser&time_zone=UTC"
	want := a.report(operatorKey, q)
	f := func(res *httptest.ResponseRecorder) {
		t.Helper()
		if got := res.Header().Get("Content-Type"); got != "text/csv; charset=utf-8" {
			t.Fatalf("Content-Type: got %q", got)
		}
		if res.Header().Get("Report-Time-Zone") != "UTC" || res.Header().Get("Report-Status") != "preliminary" {
			t.Errorf("headers: got %v", res.Header())
		}
		records, err := csv.NewReader(res.Body).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(records) != len(want.Rows)+1 || len(want.Rows) < 5 {
			t.Fatalf("%d records of CSV, %d rows of JSON", len(records), len(want.Rows))
		}
		for i, row := range want.Rows {
			if len(row) != len(records[0]) {
				t.Errorf("row %d: %d columns of JSON, %d of CSV", i, len(row), len(records[0]))
			}
			for j, name := range records[0] {
				cell := ""
				if row[name] != nil {
					cell = fmt.Sprint(row[name])
				}
				if name == "site" && strings.ContainsAny(cell[:1], "=-") {
					cell = "'" + cell // no spreadsheet runs it
				}
				if records[i+1][j] != cell {
					t.Errorf("row %d, %s: got %q in CSV, %q in JSON", i, name, records[i+1][j], cell)
				}
			}
		}
	}
	f(a.get(operatorKey, q+"&format=csv"))
	f(a.get(operatorKey, q, "Accept: text/csv"))
	if res := a.get(operatorKey, q+"&format=json", "Accept: text/csv"); res.Header().Get("Content-Type") != "application/json" {
		t.Errorf("format beats Accept: got %q", res.Header().Get("Content-Type"))
	}
}

// TestReportByDayIsTheLedgerByDay posts money late, early and around changes of
// clock: days are the postings' own, hours add up to them.
func TestReportByDayIsTheLedgerByDay(t *testing.T) {
	a := newAPITest(t)
	zone := mustZone(t, "Europe/Berlin")
	base := time.Date(2026, 10, 24, 12, 0, 0, 0, zone) // the clock changes on the 25th
	offset := int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		want := map[string]*Amount{}
		if _, err := a.s.store.w.Exec("DELETE FROM parts; DELETE FROM payables"); err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 20).Draw(rt, "postings") {
			at := base.Add(time.Duration(rapid.IntRange(0, 48*60).Draw(rt, "at")) * time.Minute)
			day := dayOf(at, zone) - Day(rapid.IntRange(0, 1).Draw(rt, "late"))
			offset++
			p := postingRecord{V: 1, Type: "bill", MoneyOffset: offset, At: at, Day: wireDay{day, true}, Outcome: "posted",
				Charge: money.Nanos(rapid.Int64Range(1, 9e18).Draw(rt, "charge")), wirePlacement: place(1, 0)}
			a.log.write(p, at)
			if want[day.String()] == nil {
				want[day.String()] = new(Amount)
			}
			want[day.String()].Add(p.Charge)
		}
		readAll(t, a.s, a.log, eventlog.TopicPostings)
		for _, by := range []string{"day", "day,hour", "day,creative"} {
			for _, tz := range []string{"", "&time_zone=Europe/Berlin"} {
				got := map[string]*decimalSum{}
				for _, r := range a.report(advertiser1Key, "from=2026-10-20&to=2026-10-30&group_by="+by+tz).Rows {
					day := r["day"].(string)
					if h, ok := r["hour"].(string); ok && !strings.HasPrefix(h, day) {
						rt.Fatalf("hour %s is not of day %s", h, day)
					}
					if got[day] == nil {
						got[day] = new(decimalSum)
					}
					got[day].add(rt, r["charge"].(string))
				}
				for day, sum := range want {
					if got[day] == nil || got[day].Wide != sum.Wide() {
						rt.Fatalf("group_by=%s%s, %s: got %v; want %v", by, tz, day, got[day], sum.Wide())
					}
				}
				if len(got) != len(want) {
					rt.Fatalf("group_by=%s%s: got %d days; want %d", by, tz, len(got), len(want))
				}
			}
		}
	})
}

// decimalSum adds decimal strings.
type decimalSum struct{ money.Wide }

func (b *decimalSum) add(t rapidOrTest, s string) {
	units, frac, _ := strings.Cut(s, ".")
	var w money.Wide
	if err := w.UnmarshalText([]byte(units + (frac + "000000000")[:9])); err != nil {
		t.Fatal(err)
	}
	b.Wide = b.Plus(w)
}

func TestReportInAnotherZone(t *testing.T) {
	a := newAPITest(t)
	// 18:30 UTC is 2026-11-21 00:15 in Kathmandu, 13:30 in New York.
	at := time.Date(2026, 11, 20, 18, 30, 0, 0, time.UTC)
	a.log.write(exposureRecord{V: 1, Type: "impression", Bid: bid(1), BidAt: at, At: at, wirePlacement: place(2, 0)}, at)
	readAll(t, a.s, a.log, topics[:]...)
	f := func(zone, wantDay, wantHour string) {
		t.Helper()
		got := a.report(agency1Key, "advertiser=2&from="+wantDay+"&to="+wantDay+"&group_by=day,hour&time_zone="+zone)
		if len(got.Rows) != 1 || got.Rows[0]["day"] != wantDay || got.Rows[0]["hour"] != wantHour {
			t.Errorf("%s: got %v; want %s, %s", zone, got.Rows, wantDay, wantHour)
		}
	}
	f("", "2026-11-21", "2026-11-21T00:00:00+05:45")
	f("Asia/Kathmandu", "2026-11-21", "2026-11-21T00:00:00+05:45")
	f("UTC", "2026-11-20", "2026-11-20T18:00:00Z")
	f("America/New_York", "2026-11-20", "2026-11-20T13:00:00-05:00")
	f("Pacific/Kiritimati", "2026-11-21", "2026-11-21T08:00:00+14:00")
}

// quiet keeps humatest's transcripts out of the tests' output.
type quiet struct{ *testing.T }

func (quiet) Log(...any)          {}
func (quiet) Logf(string, ...any) {}
