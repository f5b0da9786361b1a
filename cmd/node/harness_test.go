package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prebid/openrtb/v20/openrtb2"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"bidhawk/campaigns"
	"bidhawk/loadtest"
)

// TestMain fails where a stopped node left a goroutine behind. fasthttp's pool
// of workers ends its sweeper only when that wakes up, 10 s after the stop.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// Pebble does not close what it has opened of a directory that turns out to be broken.
		goleak.IgnoreAnyFunction("github.com/cockroachdb/pebble/v2/vfs.(*diskHealthCheckingFS).startTickerLocked.func1"))
}

// seededUsers have random tags before a node starts.
const seededUsers = 50

// installation is a directory with the demo's campaigns and some users, and a
// configuration on free ports.
func installation(t *testing.T) Config {
	t.Helper()
	c := emptyInstallation(t)
	fill(t, c)
	return c
}

// emptyInstallation has no campaigns and no users.
func emptyInstallation(t *testing.T) Config {
	t.Helper()
	c, err := Load(root+"configs/dev.yaml", []string{
		"BIDHAWK_DATA_DIR=" + t.TempDir(), "BIDHAWK_LISTEN={bids: '127.0.0.1:0', api: '127.0.0.1:0', operations: '127.0.0.1:0'}",
		"BIDHAWK_PACING_LISTEN=127.0.0.1:0",
		"BIDHAWK_CAMPAIGNS_TAXONOMY_FILE=" + root + "configs/taxonomy.yaml", "BIDHAWK_EVENT_LOG_PARTITIONS=2",
		"BIDHAWK_PROFILES_CACHE_BYTES=4194304", "BIDHAWK_BIDDER_COUNTS_EVERY=30s",
		"BIDHAWK_EXCHANGES={demo: {default_tmax: 2s}}", // a busy machine is not the subject
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fill(t *testing.T, c Config) {
	t.Helper()
	tags, err := OpenTaxonomy(c)
	if err != nil {
		t.Fatal(err)
	}
	store, err := OpenCampaigns(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(root + "configs/demo/campaigns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := campaigns.ImportYAML(t.Context(), store, tags, f, Clock()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := SeedUsers(t.Context(), c, tags, seededUsers, loadtest.UserName, 1); err != nil {
		t.Fatal(err)
	}
}

// running is a node in this process, and how the world reaches it.
type running struct {
	t      *testing.T
	n      *Node
	key    string // the operator's
	cancel context.CancelFunc
	done   chan error
	ended  atomic.Bool
	client http.Client
}

// browser calls as a person's browser would: trackers count no programs.
type browser struct{ *http.Transport }

func (b browser) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36")
	return b.Transport.RoundTrip(r)
}

// start runs a node until the test ends or stop is called.
func start(t *testing.T, c Config) *running {
	t.Helper()
	n, err := New(t.Context(), c, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(c.OperatorKeyFile())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, n: n, key: strings.TrimSpace(string(key)), cancel: cancel, done: make(chan error, 1)}
	r.client = http.Client{Timeout: 20 * time.Second, Transport: browser{&http.Transport{MaxIdleConnsPerHost: 64}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	go func() { r.done <- n.Run(ctx) }()
	t.Cleanup(func() { r.stop() })
	within(t, 20*time.Second, "ready", func() bool {
		resp, err := r.client.Get(r.ops("/readyz"))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return r
}

// stop is what SIGTERM does. It returns how long the node took; a second call
// does nothing.
func (r *running) stop() time.Duration {
	r.t.Helper()
	if r.ended.Swap(true) {
		return 0
	}
	began := time.Now()
	r.cancel()
	if err := <-r.done; err != nil {
		r.t.Errorf("the node ended with %v", err)
	}
	r.client.CloseIdleConnections()
	return time.Since(began)
}

func (r *running) bids(path string) string { return "http://" + r.n.sockets[0].Addr().String() + path }
func (r *running) api(path string) string  { return "http://" + r.n.sockets[1].Addr().String() + path }
func (r *running) ops(path string) string  { return "http://" + r.n.sockets[2].Addr().String() + path }

// within polls ok until it holds, and returns how long that took.
func within(t *testing.T, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if <-tick.C; time.Since(began) > limit {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
	return time.Since(began)
}

// call speaks to the API with key and returns the status and body.
func (r *running) call(key, method, path, body string, headers ...string) (int, http.Header, []byte) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.api(path), strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, b
}

// do is call as the operator; it wants a 2xx and decodes the answer into out.
func (r *running) do(method, path, body string, out any, headers ...string) http.Header {
	r.t.Helper()
	status, h, b := r.call(r.key, method, path, body, headers...)
	if status/100 != 2 {
		r.t.Fatalf("%s %s: %d %s", method, path, status, b)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			r.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return h
}

// entity is the id of the demo's entity of that name.
func (r *running) entity(path, name string) (id int64) {
	r.t.Helper()
	var page struct {
		Items []struct {
			ID   int64  `json:"id"`
			Name string `json:"name"`
		} `json:"items"`
	}
	r.do("GET", path+"?limit=1000", "", &page)
	for _, e := range page.Items {
		if e.Name == name {
			return e.ID
		}
	}
	r.t.Fatalf("%s has none named %q", path, name)
	return 0
}

func (r *running) create(path, body string) int64 {
	r.t.Helper()
	var e struct {
		ID int64 `json:"id"`
	}
	r.do("POST", path, body, &e)
	return e.ID
}

// line is a line item of our own, alone in the size of its creative.
type line struct {
	id   int64
	size openrtb2.Banner
}

// newLine makes a line item at a CPM of 2.00 that bids at most 1.50.
func (r *running) newLine(w int64, targeting string) line {
	r.t.Helper()
	acme, campaign := r.entity("/v1/advertisers", "Acme Motors"), r.entity("/v1/campaigns", "Acme always on")
	creative := r.create("/v1/creatives", fmt.Sprintf(`{"advertiser_id":%d,"name":"ours","w":%d,"h":77,"image_url":"https://cdn.example/a.png",
		"landing_url":"https://www.acme-motors.example/x","adomain":["acme-motors.example"]}`, acme, w))
	id := r.create("/v1/line-items", fmt.Sprintf(`{"campaign_id":%d,"name":"ours %d","pricing":"cpm","price_micros":2000000,"max_bid_micros":1500000,
		"pacing":"asap","budget":{"lifetime_nanos":1000000000000},"targeting":%s,"creative_ids":[%d]}`, campaign, w, targeting, creative))
	h := int64(77)
	return line{id, openrtb2.Banner{W: &w, H: &h}}
}

// ron is the size that run-of-network line items of the demo take.
func ron() line {
	w, h := int64(300), int64(250)
	return line{0, openrtb2.Banner{W: &w, H: &h}}
}

var requests atomic.Int64

func bidRequest(l line, user string) []byte {
	b, err := json.Marshal(openrtb2.BidRequest{
		ID: fmt.Sprintf("r%d", requests.Add(1)), TMax: 2000, Imp: []openrtb2.Imp{{ID: "1", Banner: &l.size}},
		Site: &openrtb2.Site{Domain: "news.example"}, User: &openrtb2.User{BuyerUID: user},
		Device: &openrtb2.Device{DeviceType: 2, OS: "Windows", Geo: &openrtb2.Geo{Country: "USA"}},
	})
	if err != nil {
		panic(err)
	}
	return b
}

// offer sends a bid request; the bid is nil where there is none.
func (r *running) offer(l line, user string) *openrtb2.Bid {
	r.t.Helper()
	resp, err := r.client.Post(r.bids("/openrtb2/demo"), "application/json", bytes.NewReader(bidRequest(l, user)))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		return nil
	}
	var out openrtb2.BidResponse
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	return &out.SeatBid[0].Bid[0]
}

// bidding waits for a bid: a new line item has to get its lease first.
func (r *running) bidding(l line, user string) (bid *openrtb2.Bid) {
	r.t.Helper()
	within(r.t, 10*time.Second, fmt.Sprintf("a bid of line item %d", l.id), func() bool {
		bid = r.offer(l, user)
		return bid != nil
	})
	return bid
}

// notify fetches a notice or tracker URL of a bid, at the price it cleared.
func (r *running) notify(address string, price string) int {
	r.t.Helper()
	u, err := url.Parse(strings.ReplaceAll(address, "${AUCTION_PRICE}", price))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.client.Get(r.bids(u.RequestURI()))
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// ledger is what is owed to exchange demo, and each line item's charge.
func (r *running) ledger() (owed string, charged map[int64]int64) {
	r.t.Helper()
	var raw struct {
		Payables []map[string]any `json:"payables"`
		Accounts []struct {
			Level    string `json:"level"`
			LineItem int64  `json:"line_item"`
			Lifetime struct {
				Posted int64 `json:"posted_nanos"`
			} `json:"lifetime"`
		} `json:"accounts"`
	}
	r.do("GET", "/v1/ledger", "", &raw)
	charged = make(map[int64]int64)
	for _, a := range raw.Accounts {
		if a.Level == "line_item" && a.Lifetime.Posted > 0 {
			charged[a.LineItem] = a.Lifetime.Posted
		}
	}
	if len(raw.Payables) == 0 {
		return "0", charged
	}
	return fmt.Sprint(raw.Payables[0]["owed_nanos"]), charged
}
