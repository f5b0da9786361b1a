package bidder

import (
	"strings"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
)

func TestPostbacksOfPartners(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(4_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	_, bid := answered(t, h.bid(plainRequest))
	_, click, _ := strings.Cut(bid.AdM, "/t/click/")
	click, _, _ = strings.Cut(click, `"`)
	f := func(path string, status int, parts ...string) {
		t.Helper()
		before := len(h.events.of(eventlog.TopicConversions))
		if got := h.call("GET", "/t/postback/"+path, "").StatusCode(); got != status {
			t.Fatalf("%s: got %d; want %d", path, got, status)
		}
		got := h.events.of(eventlog.TopicConversions)[before:]
		if status != 200 {
			if len(got) != 0 {
				t.Errorf("%s: got %v; want nothing", path, got)
			}
			return
		}
		for _, part := range parts {
			if len(got) != 1 || !strings.Contains(got[0], part) {
				t.Errorf("%s: got %v; want %s", path, got, part)
			}
		}
	}
	f("appsflyer?clickid="+click, 200, `"type":"install"`, `"order":"install/`+bid.ID+`"`, `"source":"mmp"`, `"value_nanos":0`)
	f("appsflyer?clickid="+click+"&event_name=af_purchase&event_id=E-1&event_revenue=12.5&event_revenue_currency=usd", 200,
		`"type":"af_purchase"`, `"order":"E-1"`, `"value_nanos":12500000000`, `"currency":"USD"`, `"click_bid":"`+bid.ID+`"`)
	f("appsflyer?clickid="+click+"&event_name=Level%205&event_id=(event_id)&event_revenue=(revenue)", 200, `"type":"level_5"`, `"order":"level_5/`+bid.ID+`"`, `"value_nanos":0`)
	f("adjust?click_id="+click+"&event_name=sale&transaction_id=T9&revenue=3&currency=EUR", 200, `"type":"sale"`, `"order":"T9"`, `"currency":"EUR"`)
	f("adjust?click_id="+click+"&revenue=%7Brevenue%7D", 200, `"type":"install"`)
	f("adjust?click_id="+click+"x&event_name=sale", 400)
	f("adjust?event_name=sale", 400)
	f("adjust?click_id="+click+"&revenue=much", 400)
	f("nobody?click="+click, 404)
}
