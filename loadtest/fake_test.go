package loadtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"bidhawk/internal/money"
)

// asFloorServer makes the test binary a floor server: the child of TestFloor.
const asFloorServer = "BIDHAWK_LOADTEST_FLOOR_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asFloorServer) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		if err := FloorServer(ctx, "127.0.0.1:0", os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// fasthttp's clock ticks for the whole process from its first error answer on,
	// which a connection that is cut in the middle may bring about.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// fakeDSP is the counterpart of the exchange: a bidder that bids on every imp
// with a banner, correctly unless spoil breaks it, and keeps its own ledger.
type fakeDSP struct {
	addr   string
	price  string                         // of every bid
	every  bool                           // bids on every imp of every format
	spoil  func(req, resp map[string]any) // changes an answer before it is sent
	before func(ctx *fasthttp.RequestCtx) // runs before each bid request is answered
	notice func(kind string, try int) int // status of the n-th try of a bid's notice; nil: as it should be
	server *fasthttp.Server
	ended  chan struct{}

	mu      sync.Mutex
	bidNo   int
	ledger  map[string]string // kind and bid id -> price of its first notice
	times   map[string]string // kind and bid id -> multiplier of its first notice
	streams map[string]bool   // bids whose markup was VAST
	devices map[string]int    // calls by kind that named a device
	posts   int               // notices that came as POST
	calls   map[string]int    // kind and bid id -> calls
	byKind  map[string]int    // distinct bids per kind
	queries []string          // of losses
	orders  map[string]int    // order id -> calls
}

func newFakeDSP(t *testing.T) *fakeDSP {
	t.Helper()
	d := &fakeDSP{
		price: "2.5", ledger: map[string]string{}, times: map[string]string{}, streams: map[string]bool{}, devices: map[string]int{}, calls: map[string]int{}, byKind: map[string]int{}, orders: map[string]int{},
	}
	d.start(t, "127.0.0.1:0")
	t.Cleanup(func() { d.stop() })
	return d
}

func (d *fakeDSP) start(t *testing.T, addr string) {
	t.Helper()
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	d.addr = l.Addr().String()
	d.server = &fasthttp.Server{Handler: d.handle, NoDefaultDate: true, CloseOnShutdown: true, MaxIdleWorkerDuration: 50 * time.Millisecond}
	d.ended = make(chan struct{})
	server, ended := d.server, d.ended
	go func() {
		defer close(ended)
		_ = server.Serve(killable{l, d})
	}()
}

// killable hands every accepted connection to the server's owner, so that stop
// can cut them as a kill would.
type killable struct {
	net.Listener
	d *fakeDSP
}

var cut sync.Map // net.Conn -> *fakeDSP

func (k killable) Accept() (net.Conn, error) {
	c, err := k.Listener.Accept()
	if err == nil {
		cut.Store(c, k.d)
	}
	return c, err
}

// stop cuts all connections in the middle of whatever they do, and waits.
func (d *fakeDSP) stop() {
	down := make(chan struct{})
	go func() {
		defer close(down)
		_ = d.server.Shutdown()
	}()
	for {
		cut.Range(func(c, owner any) bool {
			if owner == d {
				_ = c.(net.Conn).Close()
				cut.Delete(c)
			}
			return true
		})
		select {
		case <-down:
			<-d.ended
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (d *fakeDSP) config() Config {
	cfg := Defaults()
	cfg.Target, cfg.Now = "http://"+d.addr, time.Now
	cfg.Generate.Templates, cfg.Users, cfg.Connections = 1, 1000, 4
	// Not late, however busy the machine: lateness has tests of its own.
	cfg.Generate.TMax, cfg.Timeout = time.Minute, 20*time.Second
	cfg.Duration, cfg.Count = 0, 200
	cfg.Market.AloneShare, cfg.Market.RivalDealShare = 1, 0
	cfg.People.RenderDelay, cfg.People.ClickDelay, cfg.People.ConversionDelay = 0, 0, 0
	cfg.Notices.DrainFor = 20 * time.Second
	return cfg
}

func (d *fakeDSP) handle(ctx *fasthttp.RequestCtx) {
	path := string(ctx.Path())
	switch {
	case strings.HasPrefix(path, "/openrtb2/"):
		if d.before != nil {
			d.before(ctx)
		}
		d.bid(ctx)
	case path == conversionPath:
		d.mu.Lock()
		d.orders[string(ctx.QueryArgs().Peek("order"))]++
		d.byKind["conv:"+string(ctx.QueryArgs().Peek("click"))]++
		d.mu.Unlock()
	case strings.HasPrefix(path, "/t/"):
		d.track(ctx, path)
	default:
		ctx.SetStatusCode(404)
	}
}

func (d *fakeDSP) track(ctx *fasthttp.RequestCtx, path string) {
	parts := strings.Split(path, "/") // "", "t", kind, id
	kind, id := parts[2], parts[3]
	d.mu.Lock()
	d.calls[kind+id]++
	if ctx.IsPost() {
		d.posts++
	}
	if len(ctx.Request.Header.Peek("X-Device-IP")) > 0 && len(ctx.Request.Header.Peek("X-Device-User-Agent")) > 0 {
		d.devices[kind]++
	}
	try := d.calls[kind+id]
	d.mu.Unlock()
	if d.notice != nil {
		if status := d.notice(kind, try); status != 0 {
			ctx.SetStatusCode(status)
			return
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, seen := d.ledger[kind+id]; !seen {
		d.ledger[kind+id] = string(ctx.QueryArgs().Peek("p"))
		d.times[kind+id] = string(ctx.QueryArgs().Peek("x"))
		d.byKind[kind]++
	}
	switch kind {
	case "loss", "error":
		d.queries = append(d.queries, ctx.QueryArgs().String())
	case "click":
		ctx.Response.Header.Set("Location", "https://shop.example/?a=1&"+clickParameter+"="+id)
		ctx.SetStatusCode(302)
	}
}

func (d *fakeDSP) bid(ctx *fasthttp.RequestCtx) {
	var req map[string]any
	if err := json.Unmarshal(ctx.PostBody(), &req); err != nil {
		ctx.SetStatusCode(400)
		return
	}
	var bids []any
	if d.every {
		bids = d.mixedBids(req)
	}
	for _, v := range req["imp"].([]any) {
		if b, ok := v.(map[string]any)["banner"].(map[string]any); ok && !d.every {
			bids = append(bids, d.oneBid(v.(map[string]any), b))
		}
	}
	if len(bids) == 0 {
		ctx.SetStatusCode(204)
		return
	}
	resp := map[string]any{
		"id": req["id"], "cur": "USD", "bidid": "x",
		"seatbid": []any{map[string]any{"seat": "fake", "bid": bids}},
	}
	if d.every {
		resp["seatbid"].([]any)[0].(map[string]any)["seat"] = "our-seat"
		if cur, ok := req["cur"].([]any); ok {
			resp["cur"] = cur[0]
		}
	}
	if d.spoil != nil {
		d.spoil(req, resp)
	}
	ctx.SetContentType("application/json")
	_ = json.NewEncoder(ctx).Encode(resp)
}

func (d *fakeDSP) oneBid(imp, banner map[string]any) map[string]any {
	d.mu.Lock()
	d.bidNo++
	id := fmt.Sprintf("%032x", d.bidNo)
	d.mu.Unlock()
	u := func(kind, query string) string { return "http://" + d.addr + "/t/" + kind + "/" + id + query }
	b := map[string]any{
		"id": id, "impid": imp["id"], "price": json.Number(d.price), "w": banner["w"], "h": banner["h"],
		"adomain": []string{"shop.example"}, "cid": "7", "crid": "70", "mtype": 1,
		"nurl": u("win", "?p=${AUCTION_PRICE}"), "burl": u("bill", "?p=${AUCTION_PRICE}&c=${AUCTION_CURRENCY}"),
		"lurl": u("loss", "?l=${AUCTION_LOSS}&m=${AUCTION_MIN_TO_WIN}"),
		"adm": `<a href="` + u("click", "?a=1&amp;b=2") + `"><img src="https://cdn.example/ad.png"></a>` +
			`<img src="` + u("imp", "?p=${AUCTION_PRICE}") + `" width="1" height="1">`,
	}
	// In a private auction only a deal may win.
	if pmp, ok := imp["pmp"].(map[string]any); ok && pmp["private_auction"] == 1.0 {
		deal := pmp["deals"].([]any)[0].(map[string]any)
		b["dealid"] = deal["id"]
	}
	return b
}

// book is the sum of prices in the fake's own ledger and how many bids it has.
func (d *fakeDSP) book(t *testing.T) (sum money.Nanos, bids int) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, p := range d.ledger {
		if !strings.HasPrefix(key, "bill") {
			continue
		}
		micros, err := money.ParseMicros([]byte(p), money.RoundDown)
		if err != nil {
			t.Fatalf("billing notice %s: price %q: %v", key, p, err)
		}
		sum += money.CPM(micros).PerImpression()
		bids++
	}
	return sum, bids
}

func mustRun(t *testing.T, cfg Config) *Result {
	t.Helper()
	var out strings.Builder
	r, err := Run(t.Context(), cfg, &out)
	if err != nil {
		t.Fatal(err)
	}
	if r.Sent != r.Bids+r.NoBids+r.HTTPErrors+r.Malformed {
		t.Errorf("sent %d != bids %d + no-bids %d + http errors %d + malformed %d", r.Sent, r.Bids, r.NoBids, r.HTTPErrors, r.Malformed)
	}
	if !t.Failed() && testing.Verbose() {
		t.Log("\n" + out.String())
	}
	return r
}
