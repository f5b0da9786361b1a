package attribution

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

func (a *apiTest) post(as campaigns.Principal, body string) (int, conversionsResult) {
	a.t.Helper()
	a.as = &as
	res := a.api.Post("/v1/conversions", strings.NewReader(body))
	var out conversionsResult
	if res.Code == 200 {
		if err := json.Unmarshal(res.Body.Bytes(), &out); err != nil {
			a.t.Fatal(err)
		}
	}
	return res.Code, out
}

// posted returns the conversions in the log.
func (a *apiTest) posted() []conversionRecord {
	var out []conversionRecord
	for n := range a.log.partitions {
		for _, rec := range a.log.logs[partition{eventlog.TopicConversions, n}] {
			var r conversionRecord
			mustRead(rec, &r)
			if err := readable(decode(rec.Value, &r, &r.V), r.check); err != nil {
				a.t.Errorf("the API wrote what the consumer refuses: %s: %v", rec.Value, err)
			}
			out = append(out, r)
		}
	}
	return out
}

func TestConversionsAreDurableAndHashed(t *testing.T) {
	a := newAPITest(t)
	f := func(row string, want conversionRecord) {
		t.Helper()
		for k := range a.log.logs {
			delete(a.log.logs, k)
		}
		code, out := a.post(advertiser1Key, "["+row+"]")
		got := a.posted()
		if code != 200 || out.Accepted != 1 || len(got) != 1 {
			t.Fatalf("%s: got %d, %+v, %d records", row, code, out, len(got))
		}
		if out.Rows[0].ID != got[0].ID || len(got[0].ID) != 32 {
			t.Errorf("%s: id %q in the answer, %q in the log", row, out.Rows[0].ID, got[0].ID)
		}
		want.V, want.ID, want.Source, want.Order, want.Currency, want.Advertiser = 1, got[0].ID, "server", "A-1", "USD", 1
		if want.Type == "" {
			want.Type = "purchase"
		}
		if want.At.IsZero() {
			want.At = a.now
		}
		if got[0] != want {
			t.Errorf("%s:\n got  %+v\n want %+v", row, got[0], want)
		}
	}
	ring, err := ids.NewKeyring(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	buyer := userKey(ring.User(ids.KindBuyerUID, "demo", []byte("u-1")))
	ifa := userKey(ring.User(ids.KindIFA, "", []byte("aaaa-bbbb")))
	f(`{"order_id":"A-1","exchange":"demo","buyeruid":"u-1"}`, conversionRecord{User: buyer, Identified: true})
	f(`{"order_id":"A-1","ifa":"AAAA-bbbb"}`, conversionRecord{User: ifa, Identified: true})
	f(`{"order_id":"A-1","ifa":"AAAA-bbbb","exchange":"demo","buyeruid":"u-1"}`, conversionRecord{User: buyer, Identified: true})
	f(`{"order_id":"A-1","click_id":"good"}`, conversionRecord{User: 5, ClickBid: bid(1), ClickLine: 100})
	f(`{"order_id":"A-1","ifa":"x-y","click_id":"good"}`, conversionRecord{Identified: true, User: 5, ClickBid: bid(1), ClickLine: 100})
	f(`{"order_id":"A-1","click_id":"good","value":"12.5"}`, conversionRecord{User: 5, ClickBid: bid(1), ClickLine: 100, Value: 12_500_000_000})
	f(`{"order_id":"A-1","click_id":"good","value":12.5,"currency":"USD","type":"lead","advertiser_id":1}`,
		conversionRecord{User: 5, ClickBid: bid(1), ClickLine: 100, Value: 12_500_000_000, Type: "lead"})
	f(`{"order_id":"A-1","click_id":"good","value":null,"time":"2026-11-20T10:00:00+02:00"}`,
		conversionRecord{User: 5, ClickBid: bid(1), ClickLine: 100, At: t0.Add(-4 * time.Hour)})
}

func TestConversionsAreRefusedRowByRow(t *testing.T) {
	a := newAPITest(t)
	f := func(as campaigns.Principal, row, field, value, rule string) {
		t.Helper()
		good := `{"order_id":"ok","advertiser_id":1,"click_id":"good"}`
		code, out := a.post(as, "["+good+","+row+","+good+"]")
		if code != 200 || len(out.Rows) != 3 || out.Accepted != 2 || out.Refused != 1 || !out.Rows[0].Accepted || !out.Rows[2].Accepted {
			t.Fatalf("%s: got %d %+v; want the middle row refused", row, code, out)
		}
		e := out.Rows[1].Error
		if e == nil || e.Field != field || e.Value != value || !strings.Contains(e.Rule, rule) {
			t.Errorf("%s: got %+v; want %s, %q, %q", row, e, field, value, rule)
		}
	}
	row := func(more string) string { return `{"order_id":"A-1","advertiser_id":1,"ifa":"x"` + more + `}` }
	f(operatorKey, `{"order_id":"A-1","ifa":"x"}`, "advertiser_id", "0", "no such advertiser")
	f(agency1Key, `{"order_id":"A-1","ifa":"x","advertiser_id":3}`, "advertiser_id", "3", "no such advertiser")
	f(advertiser1Key, `{"order_id":"A-1","ifa":"x","advertiser_id":2}`, "advertiser_id", "2", "no such advertiser")
	f(operatorKey, `{"advertiser_id":1,"ifa":"x"}`, "order_id", "", "want 1 to 256 bytes")
	f(operatorKey, `{"advertiser_id":1,"ifa":"x","order_id":"a\u0000"}`, "order_id", "a\x00", "control")
	f(operatorKey, `{"advertiser_id":1,"order_id":"A-1"}`, "click_id", "", "want a click_id")
	f(operatorKey, `{"advertiser_id":1,"order_id":"A-1","buyeruid":"x"}`, "buyeruid", "", "exchange and buyeruid together")
	f(operatorKey, row(`,"exchange":"demo"`), "buyeruid", "", "exchange and buyeruid together")
	f(operatorKey, row(`,"click_id":"forged"`), "click_id", "forged", "unaltered")
	f(operatorKey, `{"order_id":"A-1","advertiser_id":2,"click_id":"good"}`, "click_id", "good", "of this advertiser")
	f(operatorKey, row(`,"value":"-1"`), "value", "-1", "want a decimal")
	f(operatorKey, row(`,"value":-0.5`), "value", "-0.5", "want a decimal")
	f(operatorKey, row(`,"value":"1,5"`), "value", "1,5", "want a decimal")
	f(operatorKey, row(`,"value":1e30`), "value", "1e30", "want a decimal")
	f(operatorKey, row(`,"value":true`), "value", "true", "want a decimal")
	f(operatorKey, row(`,"currency":"EUR"`), "currency", "EUR", "USD")
	f(operatorKey, row(`,"time":"yesterday"`), "time", "yesterday", "RFC 3339")
	f(operatorKey, row(`,"time":"2026-11-18T12:59:59Z"`), "time", "2026-11-18T12:59:59Z", "within the last 48h")
	f(operatorKey, row(`,"time":"2026-11-20T13:05:01Z"`), "time", "2026-11-20T13:05:01Z", "within the last 48h")
	f(operatorKey, row(`,"type":"Big Sale"`), "type", "Big Sale", "a-z")
	f(operatorKey, row(`,"oder_id":"x"`), "oder_id", `{"order_id":"A-1","advertiser_id":1,"ifa":"x","oder_id":"x"}`, "unknown field")
	f(operatorKey, `{"order_id":5}`, "order_id", "number", "want string")
	f(operatorKey, `"A-1"`, "row", `"A-1"`, "")
}

func TestConversionBatchErrors(t *testing.T) {
	a := newAPITest(t)
	many := "[" + strings.TrimSuffix(strings.Repeat(`{"order_id":"a","click_id":"good"},`, 1001), ",") + "]"
	for body, want := range map[string]int{
		`{}`: 422, `[`: 422, `[]`: 422, ``: 400, many: 422, "[" + strings.Repeat(" ", 1<<20) + "]": 413,
	} {
		if code, _ := a.post(advertiser1Key, body); code != want {
			t.Errorf("%.20q: got %d; want %d", body, code, want)
		}
	}
	a.log.failAppends(errFlaky)
	if code, _ := a.post(advertiser1Key, `[{"order_id":"a","click_id":"good"}]`); code != 503 {
		t.Errorf("log down: got %d; want 503", code)
	}
	a.as = nil
	if res := a.api.Post("/v1/conversions", strings.NewReader("[]")); res.Code != 401 {
		t.Errorf("without a key: got %d; want 401", res.Code)
	}
	if got := a.posted(); len(got) != 0 {
		t.Errorf("%d conversions were logged; want none", len(got))
	}
}

func TestPostedConversionIsAttributed(t *testing.T) {
	a := newAPITest(t)
	e := exposureRecord{V: 1, Type: "click", Bid: bid(1), User: 5, BidAt: t0, At: t0, wirePlacement: place(1, 0)}
	a.log.write(e, t0)
	for range 2 { // an order counts once
		if code, out := a.post(advertiser1Key, `[{"order_id":"A-1","click_id":"good","value":"7"}]`); code != 200 || out.Accepted != 1 {
			t.Fatalf("got %d %+v", code, out)
		}
	}
	readAll(t, a.s, a.log, topics[:]...)
	got := a.report(advertiser1Key, "from=2026-11-20&to=2026-11-20&group_by=line_item")
	if len(got.Rows) != 1 || got.Rows[0]["value"] != "7" || fmt.Sprint(got.Rows[0]["click_conversions"]) != "1" {
		t.Errorf("got %v; want one conversion of 7", got.Rows)
	}
}

func FuzzConversionRow(f *testing.F) {
	for _, s := range []string{
		`{"order_id":"A-1","click_id":"good","value":"7"}`, `{"value":1e400}`, `{"time":"2026-11-20T10:00:00+02:00"}`, `[]`, `null`, `{"ifa":"\ud800"}`,
	} {
		f.Add([]byte(s))
	}
	ring, err := ids.NewKeyring(testSecret)
	if err != nil {
		f.Fatal(err)
	}
	bidIDs, err := ids.NewBidIDs()
	if err != nil {
		f.Fatal(err)
	}
	h := &handlers{APIDeps{Service: &Service{cfg: Config{}.withDefaults()}, Users: ring, ConversionIDs: bidIDs,
		VerifyClick: func(string) (Click, error) { return Click{Advertiser: 1}, nil }}}
	c := conversionReader{handlers: h, catalog: testCatalog(), principal: advertiser1Key, now: t0}
	f.Fuzz(func(t *testing.T, raw []byte) {
		rec, _, refusal := c.read(raw)
		if (rec == nil) == (refusal == nil) {
			t.Fatalf("%q: got %v and %v; want one of them", raw, rec, refusal)
		}
		if rec == nil {
			return
		}
		var back conversionRecord
		if err := readable(decode(rec.message().Value, &back, &back.V), back.check); err != nil {
			t.Fatalf("%q: accepted, yet the consumer refuses it: %v", raw, err)
		}
		if back != *rec {
			t.Fatalf("%q:\n wrote %+v\n read  %+v", raw, *rec, back)
		}
	})
}
