package loadtest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// maxAnswerBytes bounds any answer.
const maxAnswerBytes = 1 << 20

// errConnect marks failures before the first byte of a request was written:
// the server surely did not see it.
var errConnect = errors.New("no connection")

// conn is one keep-alive connection that sends one request at a time, as a
// whole and in one write. It reconnects when it has broken. It belongs to one
// goroutine. A pooled client would cost the machine under test more.
type conn struct {
	addr    string // host:port
	timeout time.Duration
	now     func() time.Time
	tcp     net.Conn
	in      *bufio.Reader
	resp    fasthttp.Response
}

// roundTrip writes a whole HTTP request and returns the answer, valid until the
// next call. After an error the connection is closed; the error wraps errConnect
// where nothing was written.
func (c *conn) roundTrip(request []byte) (*fasthttp.Response, error) {
	deadline := c.now().Add(c.timeout)
	if c.tcp == nil {
		tcp, err := net.DialTimeout("tcp", c.addr, c.timeout)
		if err != nil {
			return nil, fmt.Errorf("%w to %s: %w", errConnect, c.addr, err)
		}
		c.tcp = tcp
		if c.in == nil {
			c.in = bufio.NewReaderSize(nil, 8<<10)
		}
		c.in.Reset(tcp)
	}
	err := c.tcp.SetDeadline(deadline)
	if err == nil {
		_, err = c.tcp.Write(request)
	}
	if err == nil {
		err = c.resp.ReadLimitBody(c.in, maxAnswerBytes)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("request to %s: %w", c.addr, err)
	}
	if c.resp.ConnectionClose() {
		c.close()
	}
	return &c.resp, nil
}

func (c *conn) close() {
	if c.tcp != nil {
		_ = c.tcp.Close() // nothing is buffered: there is nothing to lose
		c.tcp = nil
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, fasthttp.ErrTimeout) || errors.As(err, &timeout) && timeout.Timeout()
}
