package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prebid/openrtb/v20/openrtb2"
	"go.uber.org/zap"
)

// oneSecond is the promise of the brakes, of edits and of new tags.
const oneSecond = time.Second

// An advertiser's edits, an operator's brakes and a list's tags are in the hands
// of bids within a second.
func TestChangesReachBidsWithinASecond(t *testing.T) {
	r := start(t, installation(t))
	ours := r.newLine(123, `{}`)
	path := fmt.Sprintf("/v1/line-items/%d", ours.id)
	bid := r.bidding(ours, "u0000001")
	if bid.Price != 1.5 || bid.CrID == "" || bid.NURL == "" || bid.BURL == "" {
		t.Errorf("got %+v; want a bid of 1.50 with notices", bid)
	}
	r.bidding(ron(), "u0000001")

	f := func(what string, change func(), seen func() bool) {
		t.Helper()
		change()
		t.Logf("%s: seen by a bid after %v", what, within(t, oneSecond, what, seen).Round(time.Millisecond))
	}
	bids := func() bool { return r.offer(ours, "u0000001") != nil }
	none := func() bool { return !bids() }

	f("a pause", func() { r.do("POST", path+"/pause", "", nil) }, none)
	f("a resumption", func() { r.do("POST", path+"/resume", "", nil) }, bids)
	f("a price", func() {
		h := r.do("GET", path, "", nil)
		r.do("PATCH", path, `{"max_bid_micros":1250000}`, nil, "If-Match", h.Get("ETag"))
	}, func() bool { b := r.offer(ours, "u0000001"); return b != nil && b.Price == 1.25 })

	kill := func(scope string, target int64, on bool) func() {
		return func() {
			r.do("PUT", "/v1/kill-switches", fmt.Sprintf(`{"scope":%q,"target":%d,"on":%v,"reason":"a test"}`, scope, target, on), nil)
		}
	}
	f("the kill switch of one line item", kill("line_item", ours.id, true), none)
	if r.offer(ron(), "u0000001") == nil {
		t.Error("the kill switch of one line item stopped another")
	}
	f("its release", kill("line_item", ours.id, false), bids)
	f("the kill switch of everything", kill("all", 0, true), func() bool { return none() && r.offer(ron(), "u0000001") == nil })
	f("its release", kill("all", 0, false), func() bool { return bids() && r.offer(ron(), "u0000001") != nil })

	listed := r.newLine(124, `{"tags":{"any_of":[["list/vip"]]}}`)
	advertiser := r.entity("/v1/advertisers", "Acme Motors")
	imported := func(name, users string) {
		r.do("POST", fmt.Sprintf("/v1/audience-imports?import=%s&advertiser=%d&tag=list/vip&id_type=buyeruid:demo", name, advertiser),
			users, nil, "Content-Type", "text/csv")
	}
	imported("first", "vip-1\n")
	r.bidding(listed, "vip-1") // the line item has its lease
	if r.offer(listed, "vip-2") != nil {
		t.Error("a bid on a user who is not on the list")
	}
	f("a new tag", func() { imported("second", "vip-2\n") }, func() bool { return r.offer(listed, "vip-2") != nil })
	if r.offer(listed, "nobody") != nil {
		t.Error("a bid on a user without a profile")
	}
}

// What was paid, learnt and counted before a stop is there after it.
func TestARestartForgetsNothing(t *testing.T) {
	c := installation(t)
	r := start(t, c)
	ours := r.newLine(123, `{"tags":{"any_of":[["list/vip"]]}}`)
	advertiser := r.entity("/v1/advertisers", "Acme Motors")
	r.do("POST", fmt.Sprintf("/v1/audience-imports?import=a&advertiser=%d&tag=list/vip&id_type=buyeruid:demo", advertiser), "vip\n", nil, "Content-Type", "text/csv")
	first := r.bidding(ours, "vip")
	offered := bidsCounted(r)
	if s := r.notify(first.NURL, "1.2"); s != http.StatusNoContent {
		t.Errorf("win notice: %d", s)
	}
	if s := r.notify(first.BURL, "1.2"); s != http.StatusNoContent {
		t.Errorf("billing notice: %d", s)
	}
	within(t, 5*time.Second, "the first billing in the ledger", func() bool { _, c := r.ledger(); return c[ours.id] > 0 })
	second := r.bidding(ours, "vip")
	offered = bidsCounted(r)
	// Answered 2xx, and stopped at once: what was promised is kept.
	if s := r.notify(second.BURL, "1.1"); s != http.StatusNoContent {
		t.Errorf("billing notice: %d", s)
	}
	if took := r.stop(); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}

	r = start(t, c)
	const paid = 1_200_000 + 1_100_000 // nanos: a CPM of 1.20 and one of 1.10
	within(t, 5*time.Second, "both impressions in the ledger", func() bool { owed, _ := r.ledger(); return owed == fmt.Sprint(paid) })
	owed, charged := r.ledger()
	if charged[ours.id] != 2*2_000_000 {
		t.Errorf("charged %d nanos; want two impressions at a CPM of 2.00", charged[ours.id])
	}
	// Repeats after the restart move nothing.
	for _, b := range []*openrtb2.Bid{first, second} {
		if s := r.notify(b.BURL, "1.2"); s != http.StatusNoContent {
			t.Errorf("a repeat: %d; want what the first got", s)
		}
	}
	r.bidding(ours, "vip")
	if s := r.n.profileFeed.Stats(); s.Applied+s.Stale != 0 || s.Lag != 0 {
		t.Errorf("profiles were read again after the restart: %+v", s)
	}
	if n := r.n.profileStore.Stats().Users; n < seededUsers {
		t.Errorf("%d profiles; want %d at least", n, seededUsers)
	}
	within(t, 5*time.Second, "the bids that were counted before the stop, in the report", func() bool { return reportedBids(r, ours.id) >= int64(offered) })
	r.stop()

	r = start(t, c)
	owedAgain, chargedAgain := r.ledger()
	if owedAgain != fmt.Sprint(paid+100_000) || !maps.Equal(charged, chargedAgain) {
		// The repeat of 1.20 after 1.10 raises what is owed once, to the larger price.
		t.Errorf("owed %s, then %s; charged %v, then %v", owed, owedAgain, charged, chargedAgain)
	}
}

// bidsCounted is how many bids the node has counted since its start.
func bidsCounted(r *running) uint64 { return r.n.bidder.Metrics().Totals().Bids }

func reportedBids(r *running, lineItem int64) (n int64) {
	var live struct {
		Lines []struct {
			LineItem int64 `json:"line_item"`
			Bids     int64 `json:"bids"`
		} `json:"lines"`
	}
	r.do("GET", "/v1/live", "", &live)
	for _, l := range live.Lines {
		if l.LineItem == lineItem {
			n = l.Bids
		}
	}
	return n
}

// While exchanges keep sending, a stop answers whatever was sent before it.
func TestAStopAnswersWhatWasSent(t *testing.T) {
	r := start(t, installation(t))
	r.bidding(ron(), "u0000001")
	var stopped atomic.Int64 // unix nanoseconds; 0: not yet
	var sent, answered, farewells, lastBids, notReady atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for ctx.Err() == nil {
				began := time.Now().UnixNano()
				sent.Add(1)
				resp, err := r.client.Post(r.bids("/openrtb2/demo"), "application/json", bytes.NewReader(bidRequest(ron(), "u0000002")))
				if err != nil {
					if s := stopped.Load(); s == 0 || began < s {
						t.Errorf("a request sent before the stop: %v", err)
					}
					return
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
					t.Errorf("status %d, %v", resp.StatusCode, err)
				}
				answered.Add(1)
				if resp.Close { // the last answer on its connection
					farewells.Add(1)
				}
				if resp.Close && resp.StatusCode == http.StatusOK {
					lastBids.Add(1)
				}
			}
		})
	}
	senders.Go(func() { // the operations listener says why
		for ctx.Err() == nil {
			resp, err := r.client.Get(r.ops("/readyz"))
			if err != nil {
				return
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusServiceUnavailable && string(b) == "not ready: stopping\n" {
				notReady.Add(1)
			}
		}
	})
	within(t, 10*time.Second, "100 answers", func() bool { return answered.Load() > 100 })
	stopped.Store(time.Now().UnixNano())
	took := r.stop()
	cancel()
	senders.Wait()
	if took > 10*time.Second {
		t.Errorf("the stop took %v; want less than 10 s", took)
	}
	if farewells.Load() < 8 {
		t.Errorf("%d connections ended with an answer; want one at least of each sender", farewells.Load())
	}
	if n := lastBids.Load(); n > 8 {
		t.Errorf("%d bids while the node stopped; want at most the one of each sender that was on its way", n)
	}
	if notReady.Load() == 0 {
		t.Error("/readyz never said that the node stops")
	}
	t.Logf("%d sent, %d answered; stopped in %v", sent.Load(), answered.Load(), took.Round(time.Millisecond))
}

func TestReadinessSaysWhy(t *testing.T) {
	c := installation(t)
	n, err := New(t.Context(), c, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	get := func() (int, string) {
		w := httptest.NewRecorder()
		n.opsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		return w.Code, w.Body.String()
	}
	if code, body := get(); code != 503 || body != "not ready: starting\n" {
		t.Errorf("before Run: %d %q", code, body)
	}
	if err := n.checkReady(); err == nil || err.Error() != "campaigns are loading" {
		t.Errorf("before the feed: %v", err)
	}
	n.setReady(errors.New("profiles are loading"))
	if code, body := get(); code != 503 || body != "not ready: profiles are loading\n" {
		t.Errorf("got %d %q", code, body)
	}
	n.setReady(nil)
	if code, body := get(); code != 200 || body != "ready\n" {
		t.Errorf("got %d %q", code, body)
	}
	n.stopping.Store(true)
	if err := n.checkReady(); err == nil || err.Error() != "stopping" {
		t.Errorf("while stopping: %v", err)
	}
	w := httptest.NewRecorder()
	n.opsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/livez", nil))
	if w.Code != 200 {
		t.Errorf("/livez: %d; a node that stops is still alive", w.Code)
	}
}

// A start that can't succeed names the setting that would mend it, leaves
// nothing open, and lets the next start succeed.
func TestStartsThatFail(t *testing.T) {
	c := installation(t)
	f := func(want string, change func(*Config)) {
		t.Helper()
		c := c
		change(&c)
		n, err := New(t.Context(), c, zap.NewNop())
		if err == nil {
			_ = n.close()
			t.Errorf("no error; want %s", want)
			return
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	inUse := fmt.Sprintf("got %q; want an address that is free: listen tcp %s: bind: address already in use", addr, addr)
	f("setting listen.bids: "+inUse, func(c *Config) { c.Listen.Bids = addr })
	f("setting listen.api: "+inUse, func(c *Config) { c.Listen.API = addr })
	f("setting listen.operations: "+inUse, func(c *Config) { c.Listen.Operations = addr })

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f("setting data_dir: got \""+file+"\"; want a directory", func(c *Config) { c.DataDir = file })
	f("setting data_dir: got \"/proc/bidhawk\"; want a directory", func(c *Config) { c.DataDir = "/proc/bidhawk" })
	f("setting data_dir: got \"/proc/1\"; want a directory that can be written", func(c *Config) { c.DataDir = "/proc/1" })
	f(`setting campaigns.taxonomy_file: got "/none"; want a file that can be read`, func(c *Config) { c.Campaigns.TaxonomyFile = "/none" })
	f("setting secrets.token_keys_file: open /none", func(c *Config) { c.Secrets.TokenKeysFile = "/none" })
	f(`setting secrets.operator_file: got "/proc/1/x/key"; want a file that can be written`, func(c *Config) { c.Secrets.OperatorFile = "/proc/1/x/key" })
	f(`setting event_log.partitions: got 3; want the count that the installation began with: ensure topic "behaviour": it has 2 partitions`, func(c *Config) { c.EventLog.Partitions = 3 }) // fixed for good

	n, err := New(t.Context(), c, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	f("setting data_dir: got \""+c.DataDir+"\"; want a directory that can be written and that no other process uses: ", func(*Config) {})
	if err := n.close(); err != nil {
		t.Fatal(err)
	}
	start(t, c).stop()
}

// Tenants see neither the house's books nor each other's users.
func TestOtherTenantsAreRefused(t *testing.T) {
	r := start(t, installation(t))
	acme, fjord := r.entity("/v1/advertisers", "Acme Motors"), r.entity("/v1/advertisers", "Blue Fjord Travel")
	var issued struct {
		Key string `json:"key"`
	}
	r.do("POST", "/v1/api-keys", fmt.Sprintf(`{"name":"fjord","role":"advertiser","advertiser_id":%d}`, fjord), &issued)
	f := func(key, method, path, body string, want int) {
		t.Helper()
		status, h, b := r.call(key, method, path, body, "Content-Type", "text/csv")
		if status != want {
			t.Errorf("%s %s: %d %s; want %d", method, path, status, b, want)
		}
		if status >= 400 && !strings.HasPrefix(h.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s %s: %q; want problem JSON", method, path, h.Get("Content-Type"))
		}
	}
	for _, path := range []string{"/v1/live", "/v1/ledger", "/v1/report-totals"} {
		f(r.key, "GET", path, "", 200)
		f(issued.Key, "GET", path, "", 403)
		f("bhk_wrong", "GET", path, "", 401)
		f("", "GET", path, "", 401)
	}
	into := func(advertiser int64, query string) string {
		return fmt.Sprintf("/v1/audience-imports?import=x&advertiser=%d&tag=list/vip&id_type=buyeruid:demo%s", advertiser, query)
	}
	f(issued.Key, "POST", into(acme, ""), "u1\n", 404)
	f(issued.Key, "POST", into(9999, ""), "u1\n", 404)
	f(issued.Key, "POST", into(fjord, ""), "u1\n", 200)
	f("bhk_wrong", "POST", into(fjord, ""), "u1\n", 401)
	f(issued.Key, "POST", into(fjord, "&expires=tomorrow"), "u1\n", 422)
	f(issued.Key, "POST", into(fjord, "&expires=2020-01-01T00:00:00Z"), "u1\n", 422)
	f(issued.Key, "POST", strings.Replace(into(fjord, ""), "list/vip", "no/such/tag", 1), "u1\n", 422)
	f(issued.Key, "POST", strings.Replace(into(fjord, ""), "buyeruid:demo", "email", 1), "u1\n", 422)
}
