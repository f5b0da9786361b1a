package bidder

import (
	"strings"
	"testing"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// TestConversionsCountInTheAdvertisersCurrency: a value of another currency is
// not added to reports, so a pixel that names none must not get dollars.
func TestConversionsCountInTheAdvertisersCurrency(t *testing.T) {
	h, _, click, _ := perClickHouse(t)
	id := click[strings.LastIndexByte(click, '/')+1:]
	f := func(args, want string) {
		t.Helper()
		if r := h.call("GET", "/t/conv?click="+id+"&order=A-17&value=12.5"+args, ""); r.StatusCode() != 200 {
			t.Fatalf("%q: got %d; want 200", args, r.StatusCode())
		}
		records := h.events.of(eventlog.TopicConversions)
		if last := records[len(records)-1]; !strings.Contains(last, `"currency":"`+want+`"`) {
			t.Errorf("%q: got %s; want %s", args, last, want)
		}
	}
	f("", "USD")
	h.catalog.Advertisers[2].Currency = money.Currency{'E', 'U', 'R'}
	f("", "EUR")
	f("&cur=USD", "USD")
	h.book.Store(nil) // starting
	f("", "")
}
