package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bidhawk/campaigns"
	"bidhawk/campaigns/api"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/local"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger is a pacer that says what tests want.
type ledger struct {
	mu    sync.Mutex
	state []pacing.PartitionState
	asked []pacing.LeaseRequest
	grant pacing.LeaseGrant
	fail  error
	hang  chan struct{} // nil: it does not
}

func (l *ledger) RequestPartition(ctx context.Context, p int32, req pacing.LeaseRequest) (pacing.LeaseGrant, error) {
	l.mu.Lock()
	hang := l.hang
	l.asked = append(l.asked, req)
	defer l.mu.Unlock()
	if hang != nil {
		l.mu.Unlock()
		select {
		case <-hang:
		case <-ctx.Done():
		}
		l.mu.Lock()
	}
	if l.state[p].Role != pacing.RoleOwner {
		return pacing.LeaseGrant{}, fmt.Errorf("partition %d: %w", p, pacing.ErrNotOwner)
	}
	return l.grant, l.fail
}

func (l *ledger) Partitions() int32 { return int32(len(l.state)) }

func (l *ledger) State() []pacing.PartitionState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]pacing.PartitionState(nil), l.state...)
}

func (l *ledger) Ready() error { return nil }

func (l *ledger) Figures() pacing.Figures {
	return pacing.Figures{Payables: []pacing.Payable{{Exchange: "demo", Currency: money.USD, Owed: money.WideOf(5)}}, OpenLeases: 1,
		Plans: []pacing.PlanView{{Advertiser: 3, LineItem: 9}, {Advertiser: 4}}}
}

func (l *ledger) Balances(a campaigns.ID) []pacing.AccountBalance {
	if a != 3 {
		return nil
	}
	return []pacing.AccountBalance{{Level: pacing.LevelAdvertiser, Advertiser: a, Currency: money.USD}}
}

func (l *ledger) CheckLimits(q pacing.LimitEdit) (string, error) {
	switch {
	case q.Daily == 5:
		return "", &campaigns.ValidationError{Violations: []campaigns.Violation{{Field: "line_item.budget.daily_nanos", Value: "5", Rule: "too low"}}}
	case q.Daily == 6:
		return fmt.Sprintf("a target: %+v", q), nil
	}
	return "", nil
}

// owns sets the roles: epoch by partition, -1 for standby.
func (l *ledger) owns(epochs ...int64) *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = nil
	for i, e := range epochs {
		s := pacing.PartitionState{Partition: int32(i), Role: pacing.RoleStandby, Epoch: e}
		if e >= 0 {
			s.Role, s.Ready = pacing.RoleOwner, true
		}
		l.state = append(l.state, s)
	}
	return l
}

func serve(t *testing.T, l *ledger, token string) *httptest.Server {
	t.Helper()
	log, err := local.Open(local.Config{Dir: t.TempDir(), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return serveLog(t, l, log, token)
}

func serveLog(t *testing.T, l *ledger, log eventlog.Log, token string) *httptest.Server {
	t.Helper()
	s, err := New(Config{Version: "test", Token: token}, Deps{Ledger: l, Log: log, Now: time.Now,
		OnError: func(r *http.Request, err error) { t.Errorf("%s %s: %v", r.Method, r.URL, err) }})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(s)
	h.Config = HTTP(s, nil)
	h.Start()
	t.Cleanup(h.Close)
	return h
}

// client asks the servers; line item n lives on partition n%2.
func client(t *testing.T, token string, servers ...*httptest.Server) *Client {
	t.Helper()
	cfg := ClientConfig{Token: token, Partitions: 2, Timeout: 300 * time.Millisecond, Backoff: 20 * time.Millisecond}
	for _, s := range servers {
		cfg.Pacers = append(cfg.Pacers, s.URL+"/")
	}
	c, err := NewClient(cfg, ClientDeps{
		Partition: func(li campaigns.ID) (int32, bool) { return int32(li % 2), li < 100 },
		Clock:     time.Now, OnError: func(err error) { t.Log(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// fill sets every field to something of its own, so that one that is lost on
// the way is seen.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprint("text", *n))
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n)) // more than a float holds
	case reflect.Uint8:
		v.SetUint(uint64(1 + *n%6))
	default:
		if v.Type() == reflect.TypeFor[pacing.Day]() {
			v.SetInt(20261100 + 1 + *n%28)
			return
		}
		v.SetInt(1<<53 + *n)
		if v.Kind() == reflect.Int32 {
			v.SetInt(*n)
		}
	}
}

// What a bidder asks and what a pacer grants cross the wire whole, every field of them.
func TestEveryFieldCrossesTheWire(t *testing.T) {
	l := (&ledger{}).owns(1, 1)
	var n int64
	fill(reflect.ValueOf(&l.grant).Elem(), &n)
	var req pacing.LeaseRequest
	fill(reflect.ValueOf(&req).Elem(), &n)
	req.Items[0].LineItem, req.Items[1].LineItem = 2, 4 // one partition
	got, err := client(t, "s3cret", serve(t, l, "s3cret")).RequestLease(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, l.grant) {
		t.Errorf("got %+v\nwant %+v", got, l.grant)
	}
	if len(l.asked) != 1 || !reflect.DeepEqual(l.asked[0], req) {
		t.Errorf("asked %+v\nwant %+v", l.asked, req)
	}
}

func demand(ids ...campaigns.ID) pacing.LeaseRequest {
	req := pacing.LeaseRequest{Bidder: 7}
	for _, id := range ids {
		req.Items = append(req.Items, pacing.LeaseDemand{LineItem: id, Need: pacing.Amounts{Media: 1, Charge: 1}})
	}
	return req
}

// One call goes to the owner of each partition; what no partition holds is refused.
func TestOneCallForEachPartition(t *testing.T) {
	a, b := (&ledger{}).owns(5, -1), (&ledger{}).owns(-1, 9)
	a.grant.Leases, b.grant.Leases = []pacing.Lease{{ID: 1, Day: 20261125}}, []pacing.Lease{{ID: 2, Day: 20261125}}
	c := client(t, "", serve(t, a, ""), serve(t, b, ""))
	g, err := c.RequestLease(t.Context(), demand(1, 2, 3, 4, 100))
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Leases) != 2 || len(g.Refused) != 1 || g.Refused[0] != (pacing.LeaseRefusal{LineItem: 100, Reason: pacing.RefusedInactive}) {
		t.Errorf("grant %+v", g)
	}
	if len(a.asked) != 1 || len(b.asked) != 1 || len(a.asked[0].Items) != 2 || len(b.asked[0].Items) != 2 {
		t.Errorf("asked %+v and %+v; want one call of two line items each", a.asked, b.asked)
	}
	if !c.Reached(time.Minute) || c.Owned() != 2 {
		t.Errorf("reached %v, owned %d", c.Reached(time.Minute), c.Owned())
	}
	f, err := c.Figures(t.Context())
	if err != nil || len(f.Payables) != 1 || f.Payables[0].Owed != money.WideOf(10) || f.OpenLeases != 2 {
		t.Errorf("figures %+v, %v; want the sum of two pacers", f, err)
	}
}

// A partition moves: the client follows, within the same request.
func TestClientFollowsTheOwner(t *testing.T) {
	a, b := (&ledger{}).owns(5, 5), (&ledger{}).owns(-1, -1)
	b.grant.Leases = []pacing.Lease{{ID: 2, Day: 20261125}}
	c := client(t, "", serve(t, a, ""), serve(t, b, ""))
	if _, err := c.RequestLease(t.Context(), demand(2)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * atOnce)
	a.owns(-1, -1)
	b.owns(8, 8)
	g, err := c.RequestLease(t.Context(), demand(2))
	if err != nil || len(g.Leases) != 1 || g.Leases[0].ID != 2 {
		t.Errorf("after the move: %+v, %v", g, err)
	}
	// One that woke up and does not know yet has the older claim.
	a.owns(5, 5)
	time.Sleep(2 * atOnce)
	c.look(t.Context())
	if got := c.owner(0); got == nil || got.url != c.mu.pacers[1].url {
		t.Errorf("the owner is %+v; want the pacer of the newer claim", got)
	}
}

// A pacer that hangs, and one that is gone, cost their own partitions alone.
func TestAPacerThatDoesNotAnswer(t *testing.T) {
	a, b := (&ledger{}).owns(5, -1), (&ledger{}).owns(-1, 9)
	b.grant.Leases = []pacing.Lease{{ID: 2, Day: 20261125}}
	a.hang = make(chan struct{})
	first := serve(t, a, "")
	c := client(t, "", first, serve(t, b, ""))
	began := time.Now()
	g, err := c.RequestLease(t.Context(), demand(1, 2))
	if err != nil || len(g.Leases) != 1 || time.Since(began) > 2*time.Second {
		t.Errorf("one hangs: %+v, %v after %v", g, err, time.Since(began))
	}
	close(a.hang)
	first.CloseClientConnections()
	first.Close()
	if g, err = c.RequestLease(t.Context(), demand(1, 2)); err != nil || len(g.Leases) != 1 {
		t.Errorf("one is gone: %+v, %v", g, err)
	}
	if g, err = c.RequestLease(t.Context(), demand(2)); err == nil {
		t.Errorf("nobody is there to ask: %+v", g)
	}
}

func call(t *testing.T, s *httptest.Server, method, path, body string, headers ...string) (int, api.Problem, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var p api.Problem
	if resp.StatusCode != 200 {
		if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s %s: %d of type %q", method, path, resp.StatusCode, ct)
		}
		if err := json.Unmarshal(b, &p); err != nil || p.Status != resp.StatusCode {
			t.Errorf("%s %s: %s", method, path, b)
		}
	}
	return resp.StatusCode, p, string(b)
}

func TestToken(t *testing.T) {
	s := serve(t, (&ledger{}).owns(1), "s3cret")
	f := func(header string, want int) {
		t.Helper()
		if got, _, body := call(t, s, "GET", "/v1/state", "", "Authorization", header); got != want {
			t.Errorf("%q: %d %s; want %d", header, got, body, want)
		}
	}
	f("", 401)
	f("Bearer", 401)
	f("Bearer s3cre", 401)
	f("Bearer s3crets", 401)
	f("Basic s3cret", 401)
	f("Bearer s3cret", 200)
	if got, _, _ := call(t, s, "GET", "/openapi.json", ""); got != 200 {
		t.Errorf("the document needs no token: %d", got)
	}
	if _, err := client(t, "wrong", s).RequestLease(t.Context(), demand(2)); err == nil || !strings.Contains(err.Error(), "no pacer says") {
		t.Errorf("a client with another token got %v", err)
	}
}

// Bad input gets an answer that names field and rule.
func TestBadRequests(t *testing.T) {
	l := (&ledger{}).owns(1, -1)
	s := serve(t, l, "")
	f := func(body string, status int, field string) {
		t.Helper()
		got, p, text := call(t, s, "POST", "/v1/leases", body)
		if got != status || field != "" && (len(p.Errors) == 0 || !strings.HasPrefix(p.Errors[0].Field, field) || p.Errors[0].Rule == "") {
			t.Errorf("%.100s: %d %.300s; want %d naming %s", body, got, text, status, field)
		}
	}
	item := `{"line_item":2,"need":{"media_nanos":1,"charge_nanos":1},"asked_nanos":0,"over":0}`
	f(`{"partition":0,"bidder":7,"items":[`+item+`]}`, 200, "")
	f(`{"partition":0,"bidder":7,"items":[],"of_a_newer_bidder":1}`, 200, "")
	f(`{"partition":1,"bidder":7,"items":[`+item+`]}`, 421, "")
	f(`{"partition":2,"bidder":7,"items":[]}`, 422, "body.partition")
	f(`{"partition":-1,"bidder":7,"items":[]}`, 422, "body.partition")
	f(`{"partition":0,"bidder":0,"items":[]}`, 422, "body.bidder")
	f(`{"partition":0,"bidder":7}`, 422, "body")
	f(`{"partition":0,"bidder":7,"items":[`+strings.ReplaceAll(item, `"line_item":2`, `"line_item":-2`)+`]}`, 422, "body.items")
	f(`{"partition":0,"bidder":7,"items":[`+strings.ReplaceAll(item, `"charge_nanos":1`, `"charge_nanos":-1`)+`]}`, 422, "body.items")
	f(`{"partition":0,"bidder":7,"items":[`+strings.Repeat(item+",", 1000)+item+`]}`, 422, "body.items")
	f(`{"partition":0,`, 400, "")
	f(`{"partition":0,"bidder":7,"items":[`+strings.Repeat(" ", maxBodyBytes)+`]}`, 413, "")
	l.fail = errors.New("the log is away")
	f(`{"partition":0,"bidder":7,"items":[`+item+`]}`, 503, "")
	for path, want := range map[string]int{
		"/v1/nothing": 404, "/v1/advertisers/4/state": 404, "/v1/advertisers/0/state": 422, "/v1/state?plan=true": 422,
		"/v1/advertisers/3/history?limit=1001": 422, "/v1/advertisers/3/history?from=-1": 422,
	} {
		if got, _, body := call(t, s, "GET", path, ""); got != want {
			t.Errorf("%s: %d %s; want %d", path, got, body, want)
		}
	}
}

func TestStateOfAnAdvertiser(t *testing.T) {
	s := serve(t, (&ledger{}).owns(1, -1), "")
	_, _, body := call(t, s, "GET", "/v1/advertisers/3/state", "")
	var got advertiserBody
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Accounts) != 1 || len(got.Plans) != 1 || got.Plans[0].LineItem != 9 ||
		got.Partition.Partition != eventlog.PartitionOf(pacing.MoneyKey(3), 2) {
		t.Errorf("%s", body)
	}
	_, _, body = call(t, s, "GET", "/v1/state?plans=true", "")
	var state stateBody
	if err := json.Unmarshal([]byte(body), &state); err != nil || len(state.Partitions) != 2 || len(state.Plans) != 2 || !state.Ready {
		t.Errorf("%s", body)
	}
	_, _, body = call(t, s, "GET", "/openapi.json", "")
	for _, want := range []string{`"openapi":"3.1.0"`, "/v1/leases", "/v1/state", "/v1/limit-checks", "/v1/ledger", "/v1/advertisers/{id}/state", "/v1/advertisers/{id}/history", "421"} {
		if !strings.Contains(body, want) {
			t.Errorf("the document does not mention %s", want)
		}
	}
}

// History is read back from the log, page by page, of one advertiser alone.
func TestHistory(t *testing.T) {
	log, err := local.Open(local.Config{Dir: t.TempDir(), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	if err := log.EnsureTopics(t.Context(), eventlog.TopicConfig{Name: eventlog.TopicMoney, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	for i := range 90 {
		m := eventlog.Message{Topic: eventlog.TopicMoney, Key: pacing.MoneyKey(campaigns.ID(3 + i%2)),
			Value: fmt.Appendf(nil, `{"v":1,"type":%q,"n":%d}`, []string{"grant", "bill", "close"}[i%3], i)}
		if err := log.Append(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	s := serveLog(t, (&ledger{}).owns(1), log, "")
	f := func(query string, want int, types string) {
		t.Helper()
		seen, last, pages := 0, int64(-1), 0
		for next, end := int64(0), int64(1); next < end; pages++ {
			status, _, body := call(t, s, "GET", fmt.Sprintf("/v1/advertisers/3/history?from=%d%s", next, query), "")
			var p historyBody
			if err := json.Unmarshal([]byte(body), &p); err != nil || status != 200 || p.Next < next || p.End != 90 {
				t.Fatalf("%d %s", status, body)
			}
			for _, it := range p.Items {
				var rec struct{ N int64 }
				if err := json.Unmarshal(it.Record, &rec); err != nil || rec.N != it.Offset || it.Offset%2 != 0 || it.Offset <= last || !strings.Contains(types, it.Type) {
					t.Fatalf("item %+v after %d: %s", it, last, it.Record)
				}
				last = it.Offset
				seen++
			}
			next, end = p.Next, p.End
		}
		if seen != want {
			t.Errorf("%s: %d records on %d pages; want %d", query, seen, pages, want)
		}
	}
	f("", 30, "grant close")
	f("&limit=7", 30, "grant close")
	f("&types=bill", 15, "bill")
	f("&types=bill,grant,close&limit=1", 45, "bill grant close")
	if status, p, _ := call(t, s, "GET", "/v1/advertisers/3/history?from=91", ""); status != 422 || p.Errors[0].Field != "query.from" {
		t.Errorf("beyond the end: %d %+v", status, p)
	}
}
