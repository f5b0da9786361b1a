package bidder

import (
	"strings"
	"testing"

	"bidhawk/bidder/exchanges"
)

// TestBidFeedbackIsCounted is of the row "Google Authorized Buyers": what a
// request says of earlier bids is counted, where the exchange is configured so,
// and never keeps a request from its bid.
func TestBidFeedbackIsCounted(t *testing.T) {
	h := newHouse(t, oneLine(t).catalog, func(_ *Config, d *Deps) {
		told := exchanges.Default("told")
		told.BidFeedback = true
		d.Exchanges = append(d.Exchanges, told)
	})
	f := func(exchange, feedback string, status, want int) {
		t.Helper()
		before := h.metrics.feedback.statuses[status].Load()
		request := strings.Replace(plainRequest, `"tmax":100`, `"ext":{"bid_feedback":`+feedback+`}`, 1)
		if got := h.call("POST", "/openrtb2/"+exchange, request).StatusCode(); got != 200 {
			t.Errorf("%s: got %d; want 200", feedback, got)
		}
		if got := int(h.metrics.feedback.statuses[status].Load() - before); got != want {
			t.Errorf("%s of %s: counted %d of status %d; want %d", feedback, exchange, got, status, want)
		}
	}
	f("told", `[{"request_id":"a","creative_status_code":79},{"creative_status_code":"79"},{"creative_status_code":1}]`, 79, 2)
	f("told", `[{"creative_status_code":100000}]`, 255, 1)
	f("told", `[{"creative_status_code":-1},{"price":1},7,"x"]`, 0, 0)
	f("told", `{"creative_status_code":79}`, 79, 0)
	f("told", `[`+strings.Repeat(`{"creative_status_code":5},`, 99)+`{"creative_status_code":5}]`, 5, 64)
	f("demo", `[{"creative_status_code":79}]`, 79, 0)
}
