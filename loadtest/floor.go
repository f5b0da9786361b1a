package loadtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/valyala/fasthttp"
)

// cannedBytes is the size of the floor's answer: that of an ordinary banner bid.
const cannedBytes = 740

// FloorServer is the least that any bidder on fasthttp must do: it reads each
// body and answers a canned bid of 740 bytes. It listens on addr (a loopback
// address; port 0 takes a free one), writes "listening on HOST:PORT" to out and
// serves until ctx ends. `bidhawk floor-server` runs it as a process of its own,
// so that its CPU time can be told from everybody else's.
func FloorServer(ctx context.Context, addr string, out io.Writer) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("floor server: %w", err)
	}
	answer := cannedAnswer()
	server := &fasthttp.Server{
		NoDefaultServerHeader: true, NoDefaultDate: true,
		Handler: func(c *fasthttp.RequestCtx) {
			if len(c.PostBody()) == 0 {
				c.SetStatusCode(fasthttp.StatusNoContent)
				return
			}
			c.SetContentType("application/json")
			c.SetBody(answer)
		},
	}
	if _, err := fmt.Fprintf(out, "%s%s\n", listeningOn, l.Addr()); err != nil {
		return errors.Join(fmt.Errorf("floor server: %w", err), l.Close())
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		// Shutdown waits for keep-alive connections that may never end; its error
		// says no more than that it stopped waiting.
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		_ = server.ShutdownWithContext(gone)
		err = <-ended
	}
	if err != nil {
		return fmt.Errorf("floor server: %w", err)
	}
	return nil
}

const listeningOn = "listening on "

// cannedAnswer is a valid BidResponse of cannedBytes.
func cannedAnswer() []byte {
	const before = `{"id":"00000000-q0000000000000000","cur":"USD","seatbid":[{"seat":"floor","bid":[{"id":"1","impid":"1","price":1.5,` +
		`"nurl":"http://127.0.0.1/t/win/x?p=${AUCTION_PRICE}","burl":"http://127.0.0.1/t/bill/x?p=${AUCTION_PRICE}",` +
		`"adomain":["floor.example"],"cid":"1","crid":"1","w":300,"h":250,"mtype":1,"adm":"<a href=\"http://127.0.0.1/t/click/x\">`
	const after = `</a>"}]}]}`
	return []byte(before + strings.Repeat("x", cannedBytes-len(before)-len(after)) + after)
}
