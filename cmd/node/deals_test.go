package node

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prebid/openrtb/v20/openrtb2"
)

// TestDealFromTheAPIToItsHealth: a deal is made, a line item bids under it, wins, and
// one guaranteed request is passed back; its health says so.
func TestDealFromTheAPIToItsHealth(t *testing.T) {
	c := installation(t)
	c.Bidder.CountsEvery = 200 * time.Millisecond
	r := start(t, c)
	deal := r.create("/v1/deals", fmt.Sprintf(`{"advertiser_id":%d,"name":"PG","exchange":"demo","deal_id":"pg-1","type":"programmatic_guaranteed",
		"price_micros":1200000,"currency":"USD","start":"2020-01-01T00:00:00Z","end":"2100-01-01T00:00:00Z"}`, r.entity("/v1/advertisers", "Acme Motors")))
	l := r.newLine(711, fmt.Sprintf(`{"deal_ids":[%d]}`, deal))
	offer := func(floor float64) *openrtb2.Bid {
		t.Helper()
		body := bytes.Replace(bidRequest(l, "d"), []byte(`"imp":[{`), fmt.Appendf(nil, `"imp":[{"pmp":{"deals":[{"id":"pg-1","guar":1,"bidfloor":%v}]},`, floor), 1)
		resp, err := r.client.Post(r.bids("/openrtb2/demo"), "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var out openrtb2.BidResponse
		if resp.StatusCode != http.StatusOK {
			return nil
		}
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		return &out.SeatBid[0].Bid[0]
	}
	var bid *openrtb2.Bid
	within(t, 10*time.Second, "a bid under the deal", func() bool { bid = offer(1); return bid != nil })
	if bid.DealID != "pg-1" || bid.Price != 1.2 {
		t.Errorf("got deal %q at %v; want pg-1 at the agreed 1.2", bid.DealID, bid.Price)
	}
	if offer(1.3) != nil {
		t.Error("got a bid above the agreed price")
	}
	if got := r.notify(bid.NURL, "1.2"); got/100 != 2 {
		t.Errorf("the win's notice: got %d", got)
	}
	var h struct {
		State                                      string
		Requests, Eligible, Bids, Wins, Guaranteed int64
		PassBacks                                  int64 `json:"pass_backs"`
		Alerts                                     []struct{ Code string }
		Reasons                                    []struct{ Reason string } `json:"pass_back_reasons"`
	}
	within(t, 20*time.Second, "the deal's health", func() bool {
		r.do("GET", fmt.Sprintf("/v1/deals/%d/health", deal), "", &h)
		time.Sleep(100 * time.Millisecond) // the API bounds how often it is asked
		return h.Wins == 1 && h.Bids == 1 && h.PassBacks == h.Guaranteed-1 && h.PassBacks > 0 && strings.Contains(fmt.Sprint(h.Reasons), "below_floor")
	})
	if h.State != "live" || h.Requests != h.Guaranteed || h.Eligible < 2 || !strings.Contains(fmt.Sprint(h.Alerts), "pass_backs") || !strings.Contains(fmt.Sprint(h.Alerts), "price") {
		t.Errorf("got %+v", h)
	}
}
