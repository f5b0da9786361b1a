package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
	"bidhawk/campaigns/api"
	"bidhawk/campaigns/sqlstore"
	"bidhawk/internal/sqldb/sqldbtest"
)

func now() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

type tags map[string]campaigns.TagNumber

func (t tags) Number(tag string) (campaigns.TagNumber, bool) { n, ok := t[tag]; return n, ok }

// service is the API on a store of its own.
type service struct {
	t        testing.TB
	api      *api.API
	store    *sqlstore.Store
	server   *httptest.Server
	operator string
	failures atomic.Int64 // errors behind answers of 500
	clock    atomic.Int64 // nanoseconds beyond now

	mu       sync.Mutex
	refusals []api.Refusal
}

func (s *service) now() time.Time { return now().Add(time.Duration(s.clock.Load())) }

func serve(t testing.TB) *service { return serveWith(t, nil) }

// serveWith lets configure change what the API is configured with; base is where
// it is served.
func serveWith(t testing.TB, configure func(c *api.Config, base string)) *service {
	t.Helper()
	s := &service{t: t}
	store, err := sqlstore.Open(t.Context(), sqldbtest.Source(t), s.now)
	if err != nil {
		t.Fatal(err)
	}
	key := ""
	if _, err := store.EnsureOperatorKey(t.Context(), func(plain string) error { key = plain; return nil }); err != nil {
		t.Fatal(err)
	}
	s.store, s.operator = store, key
	cfg := api.Config{Version: "test", PasswordCost: 4}
	s.server = httptest.NewUnstartedServer(nil)
	if configure != nil {
		configure(&cfg, "http://"+s.server.Listener.Addr().String())
	}
	s.api, err = api.New(cfg, api.Deps{Store: store, Keys: store, Users: store, Requests: store, Operations: store, Tags: tags{"auto": 1}, Now: s.now,
		OnError: func(*http.Request, error) { s.failures.Add(1) },
		OnRefusal: func(r api.Refusal) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.refusals = append(s.refusals, r)
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.server.Config.Handler = s.api.Handler()
	s.server.Start()
	t.Cleanup(func() {
		s.server.Close()
		s.api.Close()
		store.Close()
	})
	return s
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

func (s *service) call(key, method, path, body string, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequest(method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.server.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			s.t.Fatalf("%s %s: body %q: %v", method, path, raw, err)
		}
	}
	return a
}

// want calls and checks the status, and of errors the shape.
func (s *service) want(status int, key, method, path, body string, headers ...string) answer {
	s.t.Helper()
	a := s.call(key, method, path, body, headers...)
	if a.status != status {
		s.t.Fatalf("%s %s %s: got %d %s; want %d", method, path, body, a.status, a.raw, status)
	}
	if status >= 400 && (a.header.Get("Content-Type") != "application/problem+json" || a.body["status"] != float64(status) || a.body["title"] == "") {
		s.t.Errorf("%s %s: %d is no problem document: %s %s", method, path, status, a.header.Get("Content-Type"), a.raw)
	}
	return a
}

// wantViolation calls and checks that the problem names field and rule first.
func (s *service) wantViolation(status int, key, method, path, body, field, value, rule string, headers ...string) {
	s.t.Helper()
	a := s.want(status, key, method, path, body, headers...)
	list, _ := a.body["errors"].([]any)
	if len(list) == 0 {
		s.t.Errorf("%s %s %s: no errors in %s", method, path, body, a.raw)
		return
	}
	v := list[0].(map[string]any)
	if v["field"] != field || v["value"] != value || !strings.Contains(fmt.Sprint(v["rule"]), rule) {
		s.t.Errorf("%s %s %s: got %v; want %s = %q: ...%s", method, path, body, v, field, value, rule)
	}
}

func (a answer) id() string { return fmt.Sprint(a.body["id"]) }

// tenant is one of everything, with a key for each role.
type tenant struct {
	agency, advertiser, campaign, creative, lineItem string // ids
	agencyKey, advertiserKey                         string
}

func (s *service) plant(name string) (w tenant) {
	s.t.Helper()
	post := func(path, body string, args ...any) string {
		s.t.Helper()
		return s.want(201, s.operator, "POST", path, fmt.Sprintf(body, args...)).id()
	}
	key := func(body string, args ...any) string {
		s.t.Helper()
		a := s.want(201, s.operator, "POST", "/v1/api-keys", fmt.Sprintf(body, args...))
		return a.body["key"].(string)
	}
	w.agency = post("/v1/agencies", `{"name":%q}`, name)
	w.advertiser = post("/v1/advertisers", `{"agency_id":%s,"name":"A","currency":"USD","time_zone":"UTC","domain":"a.example","redirect_hosts":["a.example"]}`, w.agency)
	w.campaign = post("/v1/campaigns", `{"advertiser_id":%s,"name":"C","start":"2026-11-01T00:00:00Z","end":"2026-12-01T00:00:00Z","budget":{"lifetime_nanos":9000000000000001}}`, w.advertiser)
	w.creative = post("/v1/creatives", `{"advertiser_id":%s,"name":"V","w":300,"h":250,"image_url":"https://cdn.example/a","landing_url":"https://a.example/"}`, w.advertiser)
	w.lineItem = post("/v1/line-items", `{"campaign_id":%s,"name":"L","pricing":"cpm","price_micros":2000000,"max_bid_micros":1000000,"creative_ids":[%s],"targeting":{"countries":{"include":["usa"]},"tags":{"any_of":[["auto"]]}}}`, w.campaign, w.creative)
	w.agencyKey = key(`{"name":"agency","role":"agency","agency_id":%s}`, w.agency)
	w.advertiserKey = key(`{"name":"advertiser","role":"advertiser","advertiser_id":%s}`, w.advertiser)
	return w
}

// paths are one entity of each kind, and the lists.
func (w tenant) paths() map[string]string {
	return map[string]string{
		"/v1/agencies": w.agency, "/v1/advertisers": w.advertiser, "/v1/campaigns": w.campaign,
		"/v1/creatives": w.creative, "/v1/line-items": w.lineItem,
	}
}

func TestLifeOfEachKind(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	for path, id := range w.paths() {
		one := path + "/" + id
		a := s.want(200, s.operator, "GET", one, "")
		if a.header.Get("ETag") != `"1"` || a.id() != id || a.body["status"] != "active" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %v %s", one, a.header, a.raw)
		}
		list := s.want(200, s.operator, "GET", path, "")
		if items := list.body["items"].([]any); len(items) != 1 || list.body["next"] != nil {
			t.Errorf("%s: got %s", path, list.raw)
		}
		a = s.want(200, s.operator, "PATCH", one, `{"name":"renamed"}`, "If-Match", `"1"`)
		if a.body["name"] != "renamed" || a.header.Get("ETag") != `"2"` || a.body["revision"] != 2.0 {
			t.Errorf("%s: got %s", one, a.raw)
		}
		s.want(412, s.operator, "PATCH", one, `{"name":"x"}`, "If-Match", `"1"`)
		s.wantViolation(428, s.operator, "PATCH", one, `{"name":"x"}`, "header.If-Match", "", "ETag")
		s.wantViolation(422, s.operator, "PATCH", one, `{"name":"x"}`, "header.If-Match", "x", "ETag", "If-Match", "x")
		a = s.want(200, s.operator, "POST", one+"/pause", "")
		if a.body["status"] != "paused" || a.header.Get("ETag") != `"3"` {
			t.Errorf("%s: got %s", one, a.raw)
		}
		s.want(412, s.operator, "POST", one+"/resume", "", "If-Match", `"2"`)
		if a = s.want(200, s.operator, "POST", one+"/resume", "", "If-Match", `"3"`); a.body["status"] != "active" {
			t.Errorf("%s: got %s", one, a.raw)
		}
		s.want(404, s.operator, "GET", path+"/999", "")
		s.want(404, s.operator, "PATCH", path+"/999", `{}`, "If-Match", `"1"`)
		s.want(404, s.operator, "POST", path+"/999/pause", "")
		s.wantViolation(422, s.operator, "GET", path+"/x", "", "path.id", "x", "integer")
		s.want(405, s.operator, "DELETE", one, "")
	}
	for _, path := range []string{"/v1/line-items", "/v1/creatives", "/v1/campaigns", "/v1/advertisers", "/v1/agencies"} {
		one := path + "/" + w.paths()[path]
		if a := s.want(200, s.operator, "POST", one+"/archive", ""); a.body["status"] != "archived" {
			t.Errorf("%s: got %s", one, a.raw)
		}
		s.want(422, s.operator, "POST", one+"/resume", "")
	}
	if n := s.failures.Load(); n != 0 {
		t.Errorf("%d errors behind answers of 500", n)
	}
}

func TestLocationAndDefaults(t *testing.T) {
	s := serve(t)
	a := s.want(201, s.operator, "POST", "/v1/agencies", `{"name":" North ","id":77,"revision":9}`)
	if a.header.Get("Location") != "/v1/agencies/1" || a.header.Get("ETag") != `"1"` || a.body["name"] != "North" || a.id() != "1" {
		t.Errorf("got %v %s", a.header, a.raw)
	}
	a = s.want(201, s.operator, "POST", "/v1/advertisers", `{"agency_id":1,"name":"A","currency":"EUR","time_zone":"Asia/Tokyo","domain":"A.example."}`)
	if a.body["domain"] != "a.example" || a.body["click_window_hours"] != 720.0 || a.body["currency"] != "EUR" || fmt.Sprint(a.body["redirect_hosts"]) != "[]" {
		t.Errorf("got %s", a.raw)
	}
}

func TestMergePatch(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	one := "/v1/line-items/" + w.lineItem
	a := s.want(200, s.operator, "PATCH", one, `{"targeting":{"os":["iOS"],"tags":null},"budget":{"daily_nanos":9000000000000001},"id":9}`, "If-Match", `"1"`)
	got := fmt.Sprint(a.body["targeting"])
	if got != "map[countries:map[include:[USA]] os:[ios]]" || a.id() != w.lineItem {
		t.Errorf("got %s", a.raw)
	}
	// Beyond 2^53: a float would round it.
	if !strings.Contains(a.raw, `"daily_nanos":9000000000000001`) {
		t.Errorf("got %s", a.raw)
	}
	a = s.want(200, s.operator, "PATCH", "/v1/campaigns/"+w.campaign, `{"name":"x"}`, "If-Match", `"1"`)
	if !strings.Contains(a.raw, `"lifetime_nanos":9000000000000001`) {
		t.Errorf("a patch elsewhere changed the budget: %s", a.raw)
	}
}

func TestFlights(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	one := "/v1/line-items/" + w.lineItem
	start := s.want(200, s.operator, "GET", "/v1/campaigns/"+w.campaign, "").body["start"].(string)
	begin, err := time.Parse(time.RFC3339, start)
	if err != nil {
		t.Fatal(err)
	}
	flight := func(from, to int, budget string) string {
		at := func(h int) string { return begin.Add(time.Duration(h) * time.Hour).Format(time.RFC3339) }
		return `{"start":"` + at(from) + `","end":"` + at(to) + `","budget_nanos":` + budget + `}`
	}
	a := s.want(200, s.operator, "PATCH", one, `{"pacing":"AHEAD","flights":[`+flight(1, 2, "9000000000000001")+`,`+flight(2, 3, "5")+`]}`, "If-Match", "*")
	if !strings.Contains(a.raw, `"budget_nanos":9000000000000001`) || a.body["pacing"] != "ahead" || len(a.body["flights"].([]any)) != 2 {
		t.Errorf("got %s", a.raw)
	}
	a = s.want(422, s.operator, "PATCH", one, `{"flights":[`+flight(1, 3, "5")+`,`+flight(2, 4, "5")+`]}`, "If-Match", "*")
	if !strings.Contains(a.raw, "line_item.flights[1]") || !strings.Contains(a.raw, "overlap flights[0]") {
		t.Errorf("got %s", a.raw)
	}
	if a = s.want(200, s.operator, "GET", one, ""); len(a.body["flights"].([]any)) != 2 || !strings.Contains(a.raw, "9000000000000001") {
		t.Errorf("a refused edit was applied: %s", a.raw)
	}
	if a = s.want(200, s.operator, "PATCH", one, `{"flights":null}`, "If-Match", "*"); a.body["flights"] != nil {
		t.Errorf("got %s", a.raw)
	}
}

func TestBadBodiesNameFieldValueAndRule(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	line := func(fields string) string {
		return fmt.Sprintf(`{"campaign_id":%s,"name":"L","pricing":"cpm","price_micros":2,"max_bid_micros":1,"creative_ids":[%s],%s}`, w.campaign, w.creative, fields)
	}
	f := func(status int, path, body, field, value, rule string) {
		t.Helper()
		s.wantViolation(status, s.operator, "POST", path, body, field, value, rule)
	}
	f(422, "/v1/line-items", line(`"colour":1`), "line_item.colour", "1", "not a known field")
	f(422, "/v1/line-items", line(`"Budget":{}`), "line_item.Budget", "{}", "not a known field")
	f(422, "/v1/line-items", line(`"budget":{"daily":1}`), "line_item.budget.daily", "1", "not a known field")
	f(422, "/v1/line-items", line(`"targeting":{"sizes":[{"w":1,"h":1,"x":1}]}`), "line_item.targeting.sizes[0].x", "1", "not a known field")
	f(422, "/v1/line-items", line(`"budget":{"daily_nanos":1.5}`), "line_item.budget.daily_nanos", "1.5", "integer")
	f(422, "/v1/line-items", line(`"budget":{"daily_nanos":"1"}`), "line_item.budget.daily_nanos", "1", "integer")
	f(422, "/v1/line-items", line(`"budget":{"daily_nanos":99999999999999999999}`), "line_item.budget.daily_nanos", "number 99999999999999999999", "")
	f(422, "/v1/line-items", line(`"budget":{"daily_nanos":-1}`), "line_item.budget.daily_nanos", "-1", "must be 0 to")
	f(422, "/v1/line-items", line(`"targeting":{"hours_of_week":[0,1,168]}`), "line_item.targeting.hours_of_week[2]", "168", "0 to 167")
	f(422, "/v1/line-items", line(`"targeting":{"tags":{"all_of":["auto/tank"]}}`), "line_item.targeting.tags.all_of[0]", "auto/tank", "taxonomy")
	f(422, "/v1/line-items", `{"name":"x"}`, "line_item", `{"name":"x"}`, "campaign_id")
	f(422, "/v1/campaigns", `{"advertiser_id":1,"name":"C","start":"soon","end":"2026-12-01T00:00:00Z"}`, "campaign.start", "soon", "RFC 3339")
	f(422, "/v1/advertisers", `{"agency_id":1,"name":"A","currency":"usd","time_zone":"UTC","domain":"a.example"}`, "advertiser", "", "ISO 4217")
	f(422, "/v1/agencies", `{"name":7}`, "agency.name", "7", "string")
	f(400, "/v1/agencies", `[]`, "agency", "[]", "one JSON object")
	f(400, "/v1/agencies", `{"name":"a"}{}`, "agency", `{"name":"a"}{}`, "one JSON object")
	f(400, "/v1/agencies", `null`, "agency", "null", "one JSON object")
	f(422, "/v1/api-keys", `{"name":"x","role":"god"}`, "api_key.role", "god", "operator, agency, advertiser or viewer")
	f(422, "/v1/api-keys", `{"name":"x","role":"operator","x":1}`, "api_key.x", `{"name":"x","role":"operator","x":1}`, "unexpected")
	s.wantViolation(422, s.operator, "GET", "/v1/agencies?limit=0", "", "query.limit", "0", ">= 1")
	s.wantViolation(422, s.operator, "GET", "/v1/agencies?colour=red", "", "query.colour", "", "unknown")
	s.want(413, s.operator, "POST", "/v1/agencies", `{"name":"`+strings.Repeat("a", 1<<20)+`"}`)
	s.want(400, s.operator, "POST", "/v1/agencies", "")
	if n := s.failures.Load(); n != 0 {
		t.Errorf("%d errors behind answers of 500", n)
	}
}

func TestListsPageAndFilter(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	for i := range 3 {
		s.want(201, s.operator, "POST", "/v1/agencies", fmt.Sprintf(`{"name":"x%d","status":"paused"}`, i))
	}
	var names []string
	for cursor := ""; cursor != "<nil>"; {
		a := s.want(200, s.operator, "GET", "/v1/agencies?limit=2&cursor="+cursor, "")
		for _, item := range a.body["items"].([]any) {
			names = append(names, item.(map[string]any)["name"].(string))
		}
		cursor = fmt.Sprint(a.body["next"])
	}
	if fmt.Sprint(names) != "[one two x0 x1 x2]" {
		t.Errorf("got %v", names)
	}
	count := func(path string, want int) {
		t.Helper()
		if a := s.want(200, s.operator, "GET", path, ""); len(a.body["items"].([]any)) != want {
			t.Errorf("%s: got %s; want %d items", path, a.raw, want)
		}
	}
	count("/v1/agencies?status=paused", 3)
	count("/v1/line-items", 2)
	count("/v1/line-items?campaign_id="+w.campaign, 1)
	count("/v1/line-items?advertiser_id="+other.advertiser+"&campaign_id="+w.campaign, 0)
	count("/v1/creatives?agency_id="+w.agency, 1)
}

func TestTenantsAreIsolated(t *testing.T) {
	s := serve(t)
	mine, theirs := s.plant("mine"), s.plant("theirs")
	for _, key := range []string{mine.agencyKey, mine.advertiserKey} {
		for path, id := range theirs.paths() {
			one := path + "/" + id
			gone := s.want(404, key, "GET", path+"/999", "")
			if a := s.want(404, key, "GET", one, ""); a.raw != gone.raw {
				t.Errorf("%s: another tenant's and a missing one differ:\n%s%s", one, a.raw, gone.raw)
			}
			s.want(404, key, "PATCH", one, `{"name":"x"}`, "If-Match", `"1"`)
			for _, verb := range []string{"pause", "resume", "archive"} {
				s.want(404, key, "POST", one+"/"+verb, "")
			}
			for _, item := range s.want(200, key, "GET", path, "").body["items"].([]any) {
				if fmt.Sprint(item.(map[string]any)["id"]) == id {
					t.Errorf("%s: the list holds another tenant's %s", path, id)
				}
			}
		}
		s.want(404, key, "GET", "/v1/line-items?agency_id="+theirs.agency, "")
		s.want(404, key, "GET", "/v1/line-items?advertiser_id="+theirs.advertiser, "")
		s.want(404, key, "GET", "/v1/line-items?campaign_id="+theirs.campaign, "")
		same := func(path, theirs, missing string) {
			t.Helper()
			a, b := s.want(422, key, "POST", path, theirs), s.want(422, key, "POST", path, missing)
			if a.body["detail"] != b.body["detail"] || fmt.Sprint(rules(a)) != fmt.Sprint(rules(b)) {
				t.Errorf("another tenant's parent and a missing one differ:\n%s%s", a.raw, b.raw)
			}
		}
		campaign := `{"advertiser_id":%s,"name":"C","start":"2026-11-01T00:00:00Z","end":"2026-12-01T00:00:00Z"}`
		same("/v1/campaigns", fmt.Sprintf(campaign, theirs.advertiser), fmt.Sprintf(campaign, "999"))
		line := `{"campaign_id":` + mine.campaign + `,"name":"L","pricing":"cpm","price_micros":2,"max_bid_micros":1,"creative_ids":[%s]}`
		same("/v1/line-items", fmt.Sprintf(line, theirs.creative), fmt.Sprintf(line, "999"))
	}
	if a := s.want(200, s.operator, "GET", "/v1/line-items/"+theirs.lineItem, ""); a.body["revision"] != 1.0 {
		t.Errorf("somebody changed it: %s", a.raw)
	}
}

func rules(a answer) (out []any) {
	for _, v := range a.body["errors"].([]any) {
		out = append(out, v.(map[string]any)["field"], v.(map[string]any)["rule"])
	}
	return out
}

func TestRoles(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	agency, advertiser := w.agencyKey, w.advertiserKey
	s.want(200, agency, "GET", "/v1/agencies/"+w.agency, "")
	s.want(403, agency, "PATCH", "/v1/agencies/"+w.agency, `{"platform_fee_ppm":0}`, "If-Match", `"1"`)
	s.want(403, agency, "POST", "/v1/agencies", `{"name":"x"}`)
	s.want(200, agency, "PATCH", "/v1/advertisers/"+w.advertiser, `{"name":"x"}`, "If-Match", `"1"`)
	s.want(404, advertiser, "GET", "/v1/agencies/"+w.agency, "")
	s.want(200, advertiser, "GET", "/v1/advertisers/"+w.advertiser, "")
	s.want(403, advertiser, "PATCH", "/v1/advertisers/"+w.advertiser, `{"name":"y"}`, "If-Match", `"2"`)
	s.want(403, advertiser, "POST", "/v1/advertisers/"+w.advertiser+"/pause", "")
	s.want(200, advertiser, "POST", "/v1/line-items/"+w.lineItem+"/pause", "")
	s.want(201, advertiser, "POST", "/v1/creatives", fmt.Sprintf(`{"advertiser_id":%s,"name":"V","w":1,"h":1,"html":"x"}`, w.advertiser))
	if list := s.want(200, agency, "GET", "/v1/api-keys", ""); len(list.body["items"].([]any)) != 2 {
		t.Errorf("an agency lists keys that are not its own: %s", list.raw)
	}
	s.want(404, agency, "DELETE", "/v1/api-keys/1", "")
	s.want(403, advertiser, "GET", "/v1/api-keys", "")
	s.want(403, advertiser, "DELETE", "/v1/api-keys/1", "")
	for _, key := range []string{agency, advertiser} {
		s.want(403, key, "GET", "/v1/kill-switches", "")
		s.want(403, key, "PUT", "/v1/kill-switches", `{"scope":"all","on":true,"reason":"because"}`)
		s.want(403, key, "POST", "/v1/api-keys", `{"name":"x","role":"operator"}`)
	}
}

func TestKeysAreNeeded(t *testing.T) {
	s := serve(t)
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer bhk_nonsense", "Basic " + s.operator, s.operator} {
		a := s.want(401, "", "GET", "/v1/agencies", "", "Authorization", header)
		if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%q: got %v", header, a.header)
		}
	}
	a := s.want(201, s.operator, "POST", "/v1/api-keys", `{"name":"second","role":"operator"}`)
	key := a.body["key"].(string)
	s.want(200, key, "GET", "/v1/agencies", "")
	if list := s.want(200, s.operator, "GET", "/v1/api-keys", ""); strings.Contains(list.raw, key) || len(list.body["items"].([]any)) != 2 {
		t.Errorf("got %s", list.raw)
	}
	s.want(204, s.operator, "DELETE", a.header.Get("Location"), "")
	s.want(401, key, "GET", "/v1/agencies", "")
	s.want(404, s.operator, "DELETE", "/v1/api-keys/999", "")
}

func TestKillSwitches(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	a := s.want(200, s.operator, "PUT", "/v1/kill-switches", `{"scope":"all","on":true,"reason":"spend is wrong"}`)
	if a.body["on"] != true || a.body["by"] != "bootstrap operator" || a.body["revision"] != 1.0 || a.body["at"] != "2026-11-21T12:00:00Z" {
		t.Errorf("got %s", a.raw)
	}
	a = s.want(200, s.operator, "PUT", "/v1/kill-switches", `{"scope":"all","on":false,"reason":"found it"}`)
	if a.body["on"] != false || a.body["revision"] != 2.0 {
		t.Errorf("got %s", a.raw)
	}
	s.want(200, s.operator, "PUT", "/v1/kill-switches", `{"scope":"line_item","target":`+w.lineItem+`,"on":true,"reason":"bad creative"}`)
	if list := s.want(200, s.operator, "GET", "/v1/kill-switches", ""); len(list.body["items"].([]any)) != 2 {
		t.Errorf("got %s", list.raw)
	}
	f := func(body, field, value string) {
		t.Helper()
		s.wantViolation(422, s.operator, "PUT", "/v1/kill-switches", body, field, value, "")
	}
	f(`{"scope":"all","on":true,"reason":""}`, "kill_switch.reason", "")
	f(`{"scope":"moon","on":true,"reason":"because"}`, "kill_switch.scope", "moon")
	f(`{"scope":"line_item","target":999,"on":true,"reason":"because"}`, "kill_switch.target", "999")
	f(`{"scope":"all","on":"yes","reason":"because"}`, "kill_switch.on", "yes")
	f(`{"scope":"all","reason":"because"}`, "kill_switch", `{"reason":"because","scope":"all"}`)
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := serve(t)
	s.want(404, s.operator, "GET", "/v2/agencies", "")
	s.want(404, s.operator, "GET", "/", "")
	if a := s.want(405, s.operator, "DELETE", "/v1/agencies", ""); !strings.Contains(a.header.Get("Allow"), "POST") {
		t.Errorf("got %v", a.header)
	}
}

// TestOpenAPI also shows that other packages' operations share keys and errors.
func TestOpenAPIAndOtherOperations(t *testing.T) {
	s := serve(t)
	type in struct {
		N int `query:"n" minimum:"1"`
	}
	type out struct{ Body struct{ Role string } }
	huma.Register(s.api.Huma(), huma.Operation{OperationID: "other", Method: "GET", Path: "/v1/other"}, func(ctx context.Context, i *in) (*out, error) {
		if i.N == 13 {
			panic("bug")
		}
		p, ok := campaigns.PrincipalFrom(ctx)
		o := &out{}
		o.Body.Role = fmt.Sprint(p.Role, ok)
		return o, nil
	})
	s.want(401, "", "GET", "/v1/other", "")
	if a := s.want(200, s.operator, "GET", "/v1/other", ""); a.body["Role"] != "operatortrue" {
		t.Errorf("got %s", a.raw)
	}
	s.wantViolation(422, s.operator, "GET", "/v1/other?n=0", "", "query.n", "0", ">= 1")
	if a := s.want(500, s.operator, "GET", "/v1/other?n=13", ""); strings.Contains(a.raw, "bug") || s.failures.Load() != 1 {
		t.Errorf("a panic: got %s and %d reports", a.raw, s.failures.Load())
	}

	a := s.want(200, "", "GET", "/openapi.json", "")
	if a.body["openapi"] != "3.1.0" {
		t.Errorf("got version %v", a.body["openapi"])
	}
	paths := a.body["paths"].(map[string]any)
	for _, p := range []string{"/v1/agencies", "/v1/advertisers/{id}", "/v1/campaigns/{id}/pause", "/v1/line-items/{id}/resume",
		"/v1/creatives/{id}/archive", "/v1/kill-switches", "/v1/api-keys", "/v1/other"} {
		if paths[p] == nil {
			t.Errorf("the document lacks %s", p)
		}
	}
	schemas := a.body["components"].(map[string]any)["schemas"].(map[string]any)
	input := schemas["LineItemInput"].(map[string]any)
	if fmt.Sprint(input["required"]) != "[campaign_id name pricing max_bid_micros]" || input["properties"].(map[string]any)["id"] != nil {
		t.Errorf("got %v", input)
	}
	if schemas["ErrorModel"].(map[string]any)["properties"].(map[string]any)["errors"] == nil ||
		strings.Count(a.raw, "octet-stream") != strings.Count(a.raw, `"format":"binary"`) { // uploads alone have raw bodies
		t.Error("the document shows huma's errors or raw bodies")
	}
}

// TestInternalErrorsStayInside: no SQL, path or stack in an answer.
func TestInternalErrorsStayInside(t *testing.T) {
	s := serve(t)
	s.plant("one")
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	a := s.want(500, s.operator, "GET", "/v1/agencies", "")
	if strings.Contains(a.raw, "sql") || a.body["detail"] != nil || s.failures.Load() == 0 {
		t.Errorf("got %s and %d reports", a.raw, s.failures.Load())
	}
}

func TestNewRefusesMissingDeps(t *testing.T) {
	if _, err := api.New(api.Config{}, api.Deps{}); err == nil {
		t.Error("no dependencies were accepted")
	}
	if _, err := api.New(api.Config{MaxBodyBytes: -1}, api.Deps{}); err == nil || !strings.Contains(err.Error(), "MaxBodyBytes") {
		t.Errorf("got %v", err)
	}
}

// FuzzBodies: whatever a body holds, the answer is no 5xx.
func FuzzBodies(f *testing.F) {
	s := serve(f)
	w := s.plant("one")
	handler := s.api.Handler()
	f.Add("/v1/line-items", []byte(`{"campaign_id":1,"targeting":{"sizes":[{"w":1}],"tags":{"any_of":[[]]}}}`))
	f.Add("/v1/agencies", []byte(`{"name":null}`))
	f.Add("/v1/campaigns/"+w.campaign, []byte(`{"budget":null,"start":1e99}`))
	f.Add("/v1/creatives", fmt.Appendf(nil, videoBody, w.advertiser))
	f.Add("/v1/creatives", fmt.Appendf(nil, nativeBody, w.advertiser))
	f.Add("/v1/creatives/"+w.creative, []byte(`{"exchanges":{"google":{"status":"approved"},"x":null},"vast":{"media_files":[{}]},"native":{"icon":null}}`))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		for _, method := range []string{"POST", "PATCH", "PUT"} {
			r := httptest.NewRequest(method, "/v1/line-items", bytes.NewReader(body))
			if strings.HasPrefix(path, "/v1/") && !strings.ContainsAny(path, " ?#%\x00") {
				r.URL.Path = path
			}
			r.Header.Set("Authorization", "Bearer "+s.operator)
			r.Header.Set("If-Match", "*")
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			if rec.Code >= 500 {
				t.Fatalf("%s %s %q: %d %s", method, path, body, rec.Code, rec.Body)
			}
		}
	})
}
