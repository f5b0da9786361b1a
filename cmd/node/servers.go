package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/valyala/fasthttp"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"bidhawk/internal/eventlog"
	"bidhawk/pacing/service"
)

func (n *Node) openServers(context.Context) error {
	if n.bidder != nil {
		n.bids = &fasthttp.Server{
			Handler: n.handle, Name: "bidhawk", Concurrency: n.cfg.Bidder.MaxConnections,
			// A body is read whole before the handler runs; gzip may unpack to no more either.
			MaxRequestBodySize: n.cfg.Bidder.MaxBodyBytes, ReadBufferSize: 16 << 10,
			ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: n.cfg.Bidder.IdleTimeout,
			NoDefaultContentType: true, NoDefaultDate: true, CloseOnShutdown: true, Logger: quietLogger{},
			ErrorHandler: n.badConnection, HeaderReceived: timesOf,
		}
	}
	if n.store != nil {
		api, err := n.apiHandler()
		if err != nil {
			return err
		}
		n.api = &http.Server{
			Handler: api, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
			ErrorLog: zap.NewStdLog(n.logger.Named("api")),
		}
	}
	if n.pacer != nil {
		grants, err := n.grantsHandler()
		if err != nil {
			return err
		}
		n.grants = service.HTTP(grants, zap.NewStdLog(n.logger.Named("pacing")))
		secure, err := n.grantsTLS()
		if err != nil {
			return err
		}
		if secure != nil {
			n.sockets[3] = tls.NewListener(n.sockets[3], secure)
		}
	}
	n.ops = &http.Server{Handler: n.opsHandler(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: zap.NewStdLog(n.logger.Named("operations"))}
	return nil
}

// servers are those of net/http that the node has, each with its listener. The
// operations listener is the last, so that a stop can be watched.
func (n *Node) servers() (list []httpServer) {
	for _, s := range []httpServer{{n.api, n.sockets[1]}, {n.grants, n.sockets[3]}, {n.ops, n.sockets[2]}} {
		if s.Server != nil {
			list = append(list, s)
		}
	}
	return list
}

type httpServer struct {
	*http.Server
	socket net.Listener
}

// handle serves the bid listener. While the node stops each answer ends its
// connection, so that an exchange leaves with an answer and not with a reset.
func (n *Node) handle(ctx *fasthttp.RequestCtx) {
	n.bidder.Handle(ctx)
	if n.stopping.Load() {
		ctx.SetConnectionClose()
	}
}

// timesOf gives uploaded creatives, which may be videos on their way to a phone,
// more time than an answer to an exchange has.
func timesOf(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if bytes.HasPrefix(h.RequestURI(), []byte("/c/")) {
		return fasthttp.RequestConfig{WriteTimeout: 5 * time.Minute}
	}
	return fasthttp.RequestConfig{}
}

// badConnection answers requests that never reach the handler: bodies over the
// bound and broken HTTP are the sender's mistake, without content.
func (n *Node) badConnection(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		n.bidder.Metrics().BodyTooLarge()
		ctx.SetStatusCode(fasthttp.StatusRequestEntityTooLarge)
		return
	}
	ctx.SetStatusCode(fasthttp.StatusBadRequest)
}

// quietLogger drops fasthttp's lines about connections that peers broke.
type quietLogger struct{}

func (quietLogger) Printf(string, ...any) {}

func (n *Node) startServers(g *errgroup.Group) {
	if n.bids != nil {
		g.Go(func() error { return n.bids.Serve(n.sockets[0]) })
	}
	for _, s := range n.servers() {
		g.Go(func() error {
			if err := s.Serve(s.socket); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %v: %w", s.socket.Addr(), err)
			}
			return nil
		})
	}
}

// stopServers ends the listeners. The bid listener first goes on for a twentieth
// of the stop's time: what exchanges have sent already is answered, and their
// connections end with an answer. Requests in flight are answered everywhere;
// the operations listener goes last, so that the stop can be watched.
func (n *Node) stopServers() error {
	var err error
	if n.bids != nil {
		err = n.stopBids()
	}
	ctx, cancel := context.WithTimeout(context.Background(), n.cfg.ShutdownTimeout/10)
	defer cancel()
	for _, s := range n.servers() {
		if e := s.Shutdown(ctx); e != nil {
			n.logger.Warn("connections of clients were still open and are cut", zap.Error(e))
			err = errors.Join(err, s.Close())
		}
	}
	return err
}

func (n *Node) stopBids() error {
	lameDuck := time.NewTimer(n.cfg.ShutdownTimeout / 20)
	defer lameDuck.Stop()
	<-lameDuck.C
	ctx, cancel := context.WithTimeout(context.Background(), n.cfg.ShutdownTimeout/3)
	defer cancel()
	err := n.bids.ShutdownWithContext(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		n.logger.Warn("connections of exchanges were still open and are cut")
		err = nil
	}
	return err
}

func (n *Node) opsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := n.Ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = n.metrics(w) // an error here is the reader's connection: nobody to tell
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// maxDeadValue bounds what of a dead record is kept.
const maxDeadValue = 4 << 10

func deadLetterRecord(r eventlog.Record, reason string) []byte {
	b, err := json.Marshal(struct {
		V         int    `json:"v"`
		Topic     string `json:"topic"`
		Partition int32  `json:"partition"`
		Offset    int64  `json:"offset"`
		Reason    string `json:"reason"`
		Key       string `json:"key"`
		Value     string `json:"value"`
	}{1, r.Topic, r.Partition, r.Offset, reason, base64.StdEncoding.EncodeToString(r.Key),
		base64.StdEncoding.EncodeToString(r.Value[:min(len(r.Value), maxDeadValue)])})
	if err != nil {
		return []byte(`{"v":1}`) // strings and numbers always encode
	}
	return b
}
