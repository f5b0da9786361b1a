package attribution

import (
	"fmt"
	"strings"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
)

func (a *apiTest) upload(as campaigns.Principal, query, body string) (int, string) {
	a.t.Helper()
	a.as = &as
	res := a.api.Post("/v1/conversions/upload"+query, "Content-Type: text/csv", strings.NewReader(body))
	return res.Code, res.Body.String()
}

func TestUploadTakesAllRowsOrNone(t *testing.T) {
	a := newAPITest(t)
	const good = "\xef\xbb\xbfOrder_ID,value,ifa,click_id,refund_id\r\nS-1,12.50,aaaa-bbbb,,\r\n\"S,2\",,,good,\r\nS-0,,,,back\r\n"
	if code, body := a.upload(advertiser1Key, "?validate_only=true", good); code != 200 || !strings.Contains(body, `"accepted":3`) || len(a.posted()) != 0 {
		t.Fatalf("validate_only: got %d %s, %d records", code, body, len(a.posted()))
	}
	if code, body := a.upload(advertiser1Key, "", good); code != 200 || !strings.Contains(body, `"accepted":3`) {
		t.Fatalf("got %d %s", code, body)
	}
	got := map[string]conversionRecord{}
	for _, r := range a.posted() {
		got[r.Order] = r
	}
	if r := got["S-1"]; r.Value != 12_500_000_000 || r.Source != "offline" || !r.Identified || r.User == 0 || r.Currency != "USD" {
		t.Errorf("got %+v", r)
	}
	if r := got["S,2"]; r.ClickBid != bid(1) || r.Identified {
		t.Errorf("got %+v", r)
	}
	if r := got["S-0"]; !r.Refund || r.ID != "back" || r.Value != 0 {
		t.Errorf("got %+v", r)
	}

	f := func(as campaigns.Principal, query, body string, want ...string) {
		t.Helper()
		before := len(a.posted())
		code, text := a.upload(as, query, body)
		if code != 422 || len(a.posted()) != before {
			t.Errorf("%q: got %d %s, %d new records; want 422 and nothing taken in", body, code, text, len(a.posted())-before)
		}
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%q: got %s; want it to name %s", body, text, part)
			}
		}
	}
	const row = "S-9,1,aaaa-bbbb\n"
	f(advertiser1Key, "", "\n", "line[1]", "empty")
	f(advertiser1Key, "", "order_id,value,ifa\n", "line[2]", "at least one")
	f(advertiser1Key, "", "order_id,moon,ifa\n"+row, "body.line[1].column[2]", "moon")
	f(advertiser1Key, "", "order_id,ifa,ifa\n"+row, "body.line[1].column[3]")
	f(advertiser1Key, "", "value,ifa\n1,a\n", "column order_id")
	f(advertiser1Key, "", "order_id,value,ifa\n"+row+"S-10,much,aaaa\n,1,aaaa\n", "body.line[3].column[2].value", "much", "body.line[4].column[1].order_id")
	f(advertiser1Key, "", "order_id,value,ifa\n"+row+"S-10,1\n", "line 3", "wrong number of fields")
	f(advertiser1Key, "", "order_id,value,ifa\n\"a\nb\"x,1,2\n", "line 3, column")
	f(advertiser1Key, "", "order_id\nS-1\n", "body.line[2].click_id")
	f(advertiser1Key, "?advertiser_id=3", "order_id,value,ifa\n"+row, "no such advertiser")
	f(operatorKey, "", "order_id,value,ifa\n"+row, "no such advertiser")
	f(advertiser1Key, "", "order_id,refund_id,value\nS-1,r,0\n", "column[3].value")
	f(advertiser1Key, "", "order_id,value,ifa\n"+strings.Repeat(row, maxUploadRows+1), fmt.Sprintf("at most %d rows", maxUploadRows))
	if strings.Contains(fmt.Sprint(a.log.logs[partition{eventlog.TopicConversions, 0}]), "aaaa-bbbb") {
		t.Error("an identifier is in the log")
	}
}

// TestRefundRows: server to server, beside ordinary rows.
func TestRefundRows(t *testing.T) {
	a := newAPITest(t)
	code, out := a.post(advertiser1Key, `[{"order_id":"A","refund":true,"refund_id":"r1","value":"2.5"},{"order_id":"A","refund":true},
		{"order_id":"B","refund_id":"r1","ifa":"x"},{"order_id":"C","refund":true,"refund_id":"r2","value":"0"}]`)
	if code != 200 || out.Accepted != 1 || out.Refused != 3 {
		t.Fatalf("got %d, %+v", code, out)
	}
	for i, field := range map[int]string{1: "refund_id", 2: "refund_id", 3: "value"} {
		if out.Rows[i].Error == nil || out.Rows[i].Error.Field != field {
			t.Errorf("row %d: got %+v; want a fault of %s", i, out.Rows[i].Error, field)
		}
	}
	if got := a.posted(); len(got) != 1 || !got[0].Refund || got[0].ID != "r1" || got[0].Value != 2_500_000_000 || got[0].User != 0 {
		t.Errorf("got %+v", got)
	}
}

func FuzzUpload(f *testing.F) {
	f.Add("order_id,value,ifa\nS-1,1,a\n")
	f.Add("order_id,refund_id\nS-1,r\n")
	f.Add("\xef\xbb\xbforder_id\n\"a\nb\"\n")
	f.Fuzz(func(t *testing.T, body string) {
		a := newAPITest(t)
		c := conversionReader{handlers: &handlers{APIDeps{Service: a.s}}, catalog: testCatalog(), principal: advertiser1Key, now: t0}
		// Without keys no row may name a customer: refunds alone get through.
		body = strings.NewReplacer("ifa", "type", "buyeruid", "type", "click_id", "type").Replace(strings.ToLower(body))
		records, err := c.readCSV([]byte(body), 0)
		for _, r := range records {
			if err == nil && (r == nil || r.check() != nil) {
				t.Fatalf("%q: got %+v, which the consumer refuses", body, r)
			}
		}
	})
}
