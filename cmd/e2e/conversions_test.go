//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
)

// Two line items, one charged by the conversion and one by a share of sales, live
// through bids, bills, clicks and conversions by pixel and from server to server,
// with a kill -9 between the conversions and their charges. Bill = ledger = report,
// each conversion charges once, and none over its budget.
func TestConversionsCharge(t *testing.T) {
	// Leases close before conversions charge: what they hold of a budget would leave
	// no room for them.
	w := newWorld(t, "BIDHAWK_REPORTS_SETTLE=12s", "BIDHAWK_REPORTS_CLOCK_SKEW=1s", "BIDHAWK_PACING_LEASE_WINDOW=1s", "BIDHAWK_PACING_CLOSE_AFTER=6s")
	w.prepare()
	s := w.start()

	const (
		perConversion = money.Nanos(3_000_000_000)
		tightBudget   = money.Nanos(10_000_000_000) // three conversions and a third
		saleShare     = 123_457                     // ppm
	)
	byConversion := w.lineItem(111, fmt.Sprintf(`"pricing":"cpa","price_micros":3000000,"max_bid_micros":4500000,"expected_ctr_ppm":100000,
		"expected_cvr_ppm":500000,"budget":{"lifetime_nanos":%d}`, tightBudget))
	bySale := w.lineItem(112, fmt.Sprintf(`"pricing":"cps","sale_share_ppm":%d,"max_bid_micros":4500000,"expected_ctr_ppm":100000,
		"expected_cvr_ppm":500000,"expected_sale_nanos":20000000000,"budget":{"lifetime_nanos":500000000000}`, saleShare))

	bill := money.Nanos(0)
	lived := func(width, n int) (clicks []string) {
		for i := range n {
			b := w.bid(width, fmt.Sprintf("conv-%d-%d", width, i))
			price := money.CPM(1_234_567 + 1000*i)
			for _, u := range []struct {
				address string
				status  int
			}{{b.NURL, 204}, {b.BURL, 204}, {b.shown, 200}, {b.click, 302}} {
				if got := w.fetch(u.address, price.String()); got != u.status {
					t.Fatalf("%s: %d; want %d", u.address, got, u.status)
				}
			}
			bill += price.PerImpression()
			clicks = append(clicks, b.clickID)
		}
		return clicks
	}
	ofConversion, ofSale := lived(111, 6), lived(112, 5)

	var sales money.Nanos
	pixel := func(order, value, click string) {
		q := url.Values{"order": {order}, "value": {value}, "cur": {"USD"}, "click": {click}}
		if got := w.fetch("http://"+w.cfg.Listen.Bids+"/t/conv?"+q.Encode(), ""); got != 200 {
			t.Fatalf("pixel of order %s: %d", order, got)
		}
	}
	server := func(order, value, click string) {
		var out struct{ Accepted int }
		w.send("POST", "/v1/conversions", fmt.Sprintf(`[{"advertiser_id":%d,"order_id":%q,"value":%q,"click_id":%q}]`, w.advertiser("Acme Motors"), order, value, click), &out)
		if out.Accepted != 1 {
			t.Fatalf("order %s was not accepted", order)
		}
	}
	for i, click := range ofConversion[:5] { // the last click buys nothing
		report := pixel
		if i%2 == 1 {
			report = server
		}
		report(fmt.Sprint("A-", i), "50", click)
		report(fmt.Sprint("A-", i), "50", click) // a repeat
	}
	for i, value := range []string{"19.99", "7.01", "120.003", "0.05"} {
		report := server
		if i%2 == 1 {
			report = pixel
		}
		report(fmt.Sprint("S-", i), value, ofSale[i])
		n, err := money.ParseNanos([]byte(value), money.RoundDown)
		w.must(err)
		charge, err := money.MulDiv(int64(n), saleShare, 1_000_000)
		w.must(err)
		sales += money.Nanos(charge)
	}
	server("S-1", "7.01", ofSale[1]) // by the other way, too
	s.kill()
	t.Log("kill -9 once the conversions were accepted")
	s = w.start()

	var l ledger
	var rep totals
	began := time.Now()
	for ; time.Since(began) < 40*time.Second; wait(t, 200*time.Millisecond) {
		w.get("/v1/ledger", &l)
		w.get("/v1/report-totals", &rep)
		if rep.Conversions == 9 && w.account(&l, bySale).Lifetime.Posted == sales && w.unbilled(&l, byConversion) > 0 {
			break
		}
	}
	t.Logf("everything was charged %v after the restart", time.Since(began).Round(100*time.Millisecond))
	want := map[string]string{"USD": fmt.Sprint(int64(bill))}
	if got, reported := owed(l.Payables), owed(rep.Payables); got["USD"] != want["USD"] || reported["USD"] != want["USD"] || rep.Impressions != 11 || rep.Clicks != 11 || rep.Conversions != 9 {
		t.Errorf("billed %v, ledger %v, report %v; %d impressions, %d clicks, %d conversions reported; want 11, 11, 9", want, got, reported, rep.Impressions, rep.Clicks, rep.Conversions)
	}
	a, unbilled := w.account(&l, byConversion), w.unbilled(&l, byConversion)
	if got := w.account(&l, bySale).Lifetime.Posted; got != sales || w.unbilled(&l, bySale) != 0 {
		t.Errorf("sales charged %v, %v unbilled; want %v of four sales", got, w.unbilled(&l, bySale), sales)
	}
	if all := a.Lifetime.Posted + unbilled; all != 5*perConversion || a.Lifetime.Posted > tightBudget || a.Lifetime.Posted < 3*perConversion {
		t.Errorf("conversions charged %v, %v unbilled; want five of %v in all, at most %v of it charged", a.Lifetime.Posted, unbilled, perConversion, tightBudget)
	}
	// The books say the same by line item.
	for id, want := range map[int64]money.Nanos{byConversion: a.Lifetime.Posted, bySale: sales} {
		got := w.booked(id)
		for began := time.Now(); got != want && time.Since(began) < 20*time.Second; wait(t, 200*time.Millisecond) {
			got = w.booked(id) // reports follow the ledger
		}
		if got != want {
			t.Errorf("line item %d: the statement has %v charged, the ledger %v", id, got, want)
		}
	}
	t.Logf("bill = ledger = report = %v; conversions: %v charged of a budget of %v, %v unbilled; sales: %v charged", bill, a.Lifetime.Posted, tightBudget, unbilled, sales)
	w.checkBudgets()
	s.stop()
	w.audit()
}

// lineItem makes a line item of Acme's that is alone in a size of its own.
func (w *world) lineItem(width int, terms string) int64 {
	w.t.Helper()
	var creative, item struct{ ID int64 }
	w.send("POST", "/v1/creatives", fmt.Sprintf(`{"advertiser_id":%d,"name":"ours %d","w":%d,"h":77,"image_url":"https://cdn.example/a.png",
		"landing_url":"https://www.acme-motors.example/x","adomain":["acme-motors.example"]}`, w.advertiser("Acme Motors"), width, width), &creative)
	w.send("POST", "/v1/line-items", fmt.Sprintf(`{"campaign_id":%d,"name":"ours %d","pacing":"asap","targeting":{},"creative_ids":[%d],%s}`,
		w.named("/v1/campaigns", "Acme always on"), width, creative.ID, terms), &item)
	return item.ID
}

func (w *world) advertiser(name string) int64 { return w.named("/v1/advertisers", name) }

func (w *world) named(path, name string) int64 {
	w.t.Helper()
	var page struct {
		Items []struct {
			ID   int64
			Name string
		}
	}
	w.send("GET", path+"?limit=1000", "", &page)
	for _, e := range page.Items {
		if e.Name == name {
			return e.ID
		}
	}
	w.t.Fatalf("%s has none named %q", path, name)
	return 0
}

// send speaks to the API as the operator, and wants a 2xx.
func (w *world) send(method, path, body string, out any, headers ...string) {
	w.t.Helper()
	key, err := os.ReadFile(w.cfg.OperatorKeyFile())
	w.must(err)
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+w.cfg.Listen.API+path, strings.NewReader(body))
	w.must(err)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	if resp.StatusCode/100 != 2 {
		w.t.Fatalf("%s %s: %s: %s", method, path, resp.Status, b)
	}
	if out != nil {
		w.must(json.Unmarshal(b, out))
	}
}

// offer is a bid, and where its ad leads.
type offer struct {
	NURL, BURL, AdM string
	Price           float64
	click, clickID  string
	shown           string
}

var (
	clickURL = regexp.MustCompile(`http://[^"' ]+/t/click/([A-Za-z0-9_.-]+)`)
	shownURL = regexp.MustCompile(`http://[^"' ]+/t/imp/[A-Za-z0-9_.-]+`)
)

// bid asks for a banner of that width until there is a bid.
func (w *world) bid(width int, user string) (o offer) {
	w.t.Helper()
	for began := time.Now(); time.Since(began) < 20*time.Second; wait(w.t, 50*time.Millisecond) {
		if o, ok := w.ask(width, user); ok {
			return o
		}
	}
	w.t.Fatalf("no bid on a banner of width %d", width)
	return o
}

var asked int

// ask sends one bid request of a banner of that width; false: no bid.
func (w *world) ask(width int, user string) (o offer, ok bool) {
	w.t.Helper()
	asked++
	body := fmt.Sprintf(`{"id":"e%d","tmax":2000,"imp":[{"id":"1","banner":{"w":%d,"h":77}}],"site":{"domain":"news.example"},"user":{"buyeruid":%q},
		"device":{"devicetype":2,"os":"Windows","geo":{"country":"USA"}}}`, asked, width, user)
	resp, err := http.Post("http://"+w.cfg.Listen.Bids+"/openrtb2/demo", "application/json", bytes.NewReader([]byte(body)))
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	if resp.StatusCode == http.StatusNoContent {
		return o, false
	}
	var answer struct{ SeatBid []struct{ Bid []offer } }
	if err := json.Unmarshal(b, &answer); err != nil || len(answer.SeatBid) != 1 || len(answer.SeatBid[0].Bid) != 1 {
		w.t.Fatalf("%d: %s", resp.StatusCode, b)
	}
	o = answer.SeatBid[0].Bid[0]
	click := clickURL.FindStringSubmatch(o.AdM)
	if o.shown = shownURL.FindString(o.AdM); click == nil || o.shown == "" {
		w.t.Fatalf("no trackers in %s", o.AdM)
	}
	o.click, o.clickID = click[0], click[1]
	return o, true
}

// fetch gets a notice or tracker as a browser would; redirects are not followed.
func (w *world) fetch(address, price string) int {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, strings.ReplaceAll(address, "${AUCTION_PRICE}", price), nil)
	w.must(err)
	req.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36")
	client := http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	w.must(err)
	resp.Body.Close()
	return resp.StatusCode
}

// account is a line item's balance.
func (w *world) account(l *ledger, item int64) (a account) {
	for _, a := range l.Accounts {
		if a.Level == "line_item" && a.LineItem == item {
			return a
		}
	}
	return a
}

// unbilled is what the house bears of a line item's charges.
func (w *world) unbilled(l *ledger, item int64) money.Nanos {
	w.t.Helper()
	a := w.account(l, item)
	if n := a.Unbilled.Big(); n.IsInt64() {
		return money.Nanos(n.Int64())
	}
	w.t.Fatalf("line item %d: %v unbilled is beyond all bounds", item, a.Unbilled)
	return 0
}

// booked is what Acme's statement has charged for a line item.
func (w *world) booked(item int64) (sum money.Nanos) {
	w.t.Helper()
	day := func(d int) string { return time.Now().UTC().AddDate(0, 0, d).Format(time.DateOnly) }
	var s struct {
		Lines []struct {
			LineItem int64 `json:"line_item"`
			Charge   string
		}
	}
	w.send("GET", fmt.Sprintf("/v1/advertisers/%d/statement?from=%s&to=%s", w.advertiser("Acme Motors"), day(-1), day(1)), "", &s)
	for _, line := range s.Lines {
		if line.LineItem != item || line.Charge == "" {
			continue
		}
		n, err := money.ParseNanos([]byte(line.Charge), money.RoundDown)
		w.must(err)
		sum += money.Nanos(n)
	}
	return sum
}
