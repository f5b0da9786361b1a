package node

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bidhawk/bidder"
)

// TestExplainOverTheAPI: a question to the real node, as the operator and as one
// of two advertisers asks it.
func TestExplainOverTheAPI(t *testing.T) {
	r := start(t, installation(t))
	ours := r.newLine(131, `{}`)
	theirs := r.entity("/v1/line-items", "Blue Fjord run of network")
	r.bidding(ours, "somebody")
	request := string(bidRequest(ours, "somebody"))
	ask := func(key, query, body string, want int) (x bidder.Explanation, text string) {
		t.Helper()
		status, _, b := r.call(key, "POST", "/v1/explain?"+query, body)
		if status != want {
			t.Fatalf("%s: %d %s; want %d", query, status, b, want)
		}
		if want == http.StatusOK {
			if err := json.Unmarshal(b, &x); err != nil {
				t.Fatal(err)
			}
		}
		return x, string(b)
	}
	x, text := ask(r.key, fmt.Sprintf("exchange=demo&line_item=%d", ours.id), request, 200)
	if x.NoBid != "" || len(x.Imps) != 1 || x.Imps[0].LineItems[0].First != "bid" || x.Imps[0].Bids[0].Price != "1.5" {
		t.Errorf("explained as %s", text)
	}
	if strings.Contains(text, "somebody") {
		t.Errorf("the explanation has a user's id: %s", text)
	}
	if x, text = ask(r.key, "exchange=demo", request, 200); x.Imps[0].Reasons["creative_size"] < 2 {
		t.Errorf("explained as %s", text)
	}

	var key struct{ Key string }
	acme := r.entity("/v1/advertisers", "Acme Motors")
	agency := r.entity("/v1/agencies", "North Media")
	r.do("POST", "/v1/api-keys", fmt.Sprintf(`{"name":"acme","role":"advertiser","agency_id":%d,"advertiser_id":%d}`, agency, acme), &key)
	x, text = ask(key.Key, "exchange=demo", request, 200)
	for _, l := range x.Imps[0].LineItems {
		if int64(l.Advertiser) != acme {
			t.Errorf("an advertiser was told of line item %d of another: %s", l.LineItem, text)
		}
	}
	ask(key.Key, fmt.Sprintf("exchange=demo&line_item=%d", theirs), request, 404)
	if _, text = ask(r.key, "exchange=nobody", request, 422); !strings.Contains(text, `"nobody"`) {
		t.Errorf("the error does not name the exchange: %s", text)
	}
	if _, text = ask(r.key, "exchange=demo", `{"id":"1","imp":[{"id":"1"}]}`, 422); !strings.Contains(text, "imp[0].banner") {
		t.Errorf("the error does not name the field: %s", text)
	}
	ask("", "exchange=demo", request, 401)

	resp, err := r.client.Post(r.bids("/openrtb2/demo"), "application/json", strings.NewReader(`{"id":"secret-id","imp":[]}`))
	if err != nil || resp.StatusCode != 400 {
		t.Fatalf("%v, %v; want a 400", resp, err)
	}
	resp.Body.Close()
	var refused struct{ Items []bidder.RefusedRequest }
	r.do("GET", "/v1/refused-requests", "", &refused)
	if len(refused.Items) == 0 || refused.Items[0].Field != "imp" || refused.Items[0].Exchange != "demo" {
		t.Errorf("refused requests: %+v", refused)
	}
	if status, _, _ := r.call(key.Key, "GET", "/v1/refused-requests", ""); status != 403 {
		t.Errorf("an advertiser reads refused requests: %d; want 403", status)
	}
}

// TestFilesAreReplacedWhileItRuns: exchanges and rates, and what is broken leaves
// the last good one in use.
func TestFilesAreReplacedWhileItRuns(t *testing.T) {
	c := installation(t)
	c.ExchangesDir, c.ExchangesReloadEvery = t.TempDir(), time.Second
	c.Rates, c.Currency.RatesFile, c.Currency.ReloadEvery = nil, filepath.Join(t.TempDir(), "rates.yaml"), time.Second
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	exchange := func(seat string) string { return "seat: {value: " + seat + ", source: assumed}\n" }
	table := func(eur string) string {
		return "date: " + time.Now().UTC().Format(time.DateOnly) + "\nbase: USD\nrates:\n  EUR: \"" + eur + "\"\n"
	}
	file := filepath.Join(c.ExchangesDir, "other.yaml")
	write(file, exchange("first"))
	write(c.Currency.RatesFile, table("1.10"))
	r := start(t, c)
	ours := r.newLine(132, `{}`)
	r.bidding(ours, "u")
	seat := func() (string, float64) {
		t.Helper()
		body := strings.Replace(string(bidRequest(ours, "u")), `"tmax":2000`, `"tmax":2000,"cur":["EUR"]`, 1)
		resp, err := r.client.Post(r.bids("/openrtb2/other"), "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		var out struct {
			SeatBid []struct {
				Seat string
				Bid  []struct{ Price float64 }
			}
		}
		if resp.StatusCode != 200 || json.Unmarshal(b, &out) != nil {
			return fmt.Sprint(resp.StatusCode), 0
		}
		return out.SeatBid[0].Seat, out.SeatBid[0].Bid[0].Price
	}
	within(t, 10*time.Second, "a bid under the first agreement", func() bool { s, p := seat(); return s == "first" && p > 0 })
	_, before := seat()
	write(file, exchange("second"))
	write(c.Currency.RatesFile, table("1.30"))
	within(t, 10*time.Second, "the second seat, and cheaper euros", func() bool { s, p := seat(); return s == "second" && p > 0 && p < before })
	write(file, exchange("third")+"default_tmax: {value: 1h, source: assumed}\n")
	write(c.Currency.RatesFile, "rates: {EUR: cheap}\n")
	time.Sleep(2500 * time.Millisecond) // two looks at the broken files
	if s, p := seat(); s != "second" || p == 0 {
		t.Errorf("seat %q, price %v; want the last good ones", s, p)
	}
}

// TestSyncOverTheListener: with a basis a browser gets our cookie, and none where
// it may not.
func TestSyncOverTheListener(t *testing.T) {
	r := start(t, installation(t))
	f := func(query string, headers map[string]string, wantCookie bool) {
		t.Helper()
		req, err := http.NewRequest("GET", r.bids("/sync/demo"+query), nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range headers {
			req.Header.Set(k, v)
		}
		resp, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		cookie := resp.Header.Get("Set-Cookie")
		if resp.StatusCode >= 400 || strings.HasPrefix(cookie, "bh_uid=") != wantCookie {
			t.Errorf("%q %v: %d, cookie %q; want one: %v", query, headers, resp.StatusCode, cookie, wantCookie)
		}
		for _, flag := range []string{"HttpOnly", "secure", "SameSite=None"} {
			if wantCookie && !strings.Contains(strings.ToLower(cookie), strings.ToLower(flag)) {
				t.Errorf("cookie %q lacks %s", cookie, flag)
			}
		}
	}
	f("", nil, true)
	f("?us_privacy=1YNN", nil, true)
	f("?us_privacy=1YYN", nil, false)
	f("?gdpr=1", nil, false)
	f("?gdpr=${GDPR}", nil, false)
	f("", map[string]string{"Sec-GPC": "1"}, false)
	f("?gpp=DBABTA~1YYN&gpp_sid=6", nil, false)
}
