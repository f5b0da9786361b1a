package bidder

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"bidhawk/internal/openrtb"
)

// TestNoBidCodes is of the row "No-bid reasons": each reason of ours has the code
// that AdCOM's list means by it, and a body says it.
func TestNoBidCodes(t *testing.T) {
	codes := map[NoBid]openrtb.NoBidReason{
		NoBidNotReady: 1, NoBidInternal: 1, NoBidUnknownExchange: 1, NoBidAnswerTooLarge: 1,
		NoBidMalformed: 2, NoBidInvalid: 2, NoBidNativeRequest: 2, NoBidCrawler: 3, NoBidNonHuman: 4, NoBidProxy: 5, NoBidDevice: 6,
		NoBidPrivacy: 8, NoBidFrequency: 9, NoBidAdsTxtMissing: 11, NoBidAdsTxtViolation: 12,
		NoBidTimeout: 15, NoBidOverload: 15, NoBidExchangeQPS: 15,
		NoBidSChainMissing: 16, NoBidIncompleteSChain: 16, NoBidSChainBroken: 16, NoBidBlockedNode: 17, NoBidSellersViolation: 17,
	}
	h := oneLine(t)
	for n := range noBidCount {
		if got := n.NBR(); got != codes[n] {
			t.Errorf("%v: got nbr %d; want %d", n, got, codes[n])
		}
		a := &auction{exchange: h.exchanges.Load().byName["wordy"], now: testNow}
		a.req.ID = []byte("r1")
		var body struct {
			ID  string
			NBR *int
		}
		if err := json.Unmarshal(h.appendNoBid(a, n), &body); err != nil || body.ID != "r1" || body.NBR == nil || *body.NBR != int(codes[n]) {
			t.Errorf("%v: got %+v, %v; want the request's id and nbr %d", n, body, err, codes[n])
		}
	}
}

// TestConnectionsAreKept is of the rows "Transport" and "Unity, AppLovin,
// Smaato": whatever an answer is, the connection takes the next request.
func TestConnectionsAreKept(t *testing.T) {
	h := oneLine(t)
	connections := fasthttputil.NewPipeConns()
	server := &fasthttp.Server{Handler: h.Handle, NoDefaultDate: true} // the date's clock would outlive the test
	done := make(chan error, 1)
	go func() { done <- server.ServeConn(connections.Conn1()) }()
	exchange := connections.Conn2()
	answers := bufio.NewReader(exchange)
	f := func(body string, want int) {
		t.Helper()
		if _, err := fmt.Fprintf(exchange, "POST /openrtb2/demo HTTP/1.1\r\nHost: bidder\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
			t.Fatal(err)
		}
		var answer fasthttp.Response
		if err := answer.Read(answers); err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode() != want || answer.ConnectionClose() {
			t.Errorf("got %d, close %v; want %d on a connection that stays", answer.StatusCode(), answer.ConnectionClose(), want)
		}
	}
	f(plainRequest, 200)
	f(strings.Replace(plainRequest, "0.5", "99", 1), 204)
	f(`{"id":`, 400)
	f(plainRequest, 200)
	if err := exchange.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
