package bidder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/klauspost/compress/gzip"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"

	"bidhawk/bidder/exchanges"
	"bidhawk/internal/openrtb"
)

// Handle serves the bidder's listener: bid requests, notices and trackers. A
// panic on the way of one request is a no-bid of that request, logged with its
// place and without its content; of a notice it is a failure, which its sender
// repeats.
func (b *Bidder) Handle(ctx *fasthttp.RequestCtx) {
	defer func() {
		if p := recover(); p != nil {
			b.metrics.panics.Add(1)
			b.deps.Logger.Error("a request panicked", zap.String("panic", fmt.Sprint(p)), zap.ByteString("stack", debug.Stack()))
			ctx.Response.Reset()
			ctx.SetStatusCode(fasthttp.StatusInternalServerError)
			if bytes.HasPrefix(ctx.Path(), pathBid) {
				ctx.SetStatusCode(fasthttp.StatusNoContent)
			}
		}
	}()
	path := ctx.Path()
	switch {
	case bytes.HasPrefix(path, pathBid):
		b.handleBid(ctx, path[len(pathBid):])
	case bytes.HasPrefix(path, pathNotice):
		b.handleNotice(ctx, path[len(pathNotice):])
	case bytes.HasPrefix(path, pathTracker):
		b.handleTracker(ctx, path[len(pathTracker):])
	case bytes.HasPrefix(path, pathSync) && b.deps.Sync != nil:
		b.deps.Sync(ctx, path[len(pathSync):])
	case bytes.HasPrefix(path, pathFiles) && b.deps.Files != nil:
		b.deps.Files(ctx, path[len(pathFiles):])
	default:
		ctx.SetStatusCode(fasthttp.StatusNotFound)
	}
}

var (
	pathBid     = []byte("/openrtb2/")
	pathNotice  = []byte("/n/")
	pathTracker = []byte("/t/")
	pathSync    = []byte("/sync/")
	pathFiles   = []byte("/c/")
)

const headerVersion = "X-Openrtb-Version"

func (b *Bidder) handleBid(ctx *fasthttp.RequestCtx, name []byte) {
	now := b.clock()
	k, r := b.book.Load(), b.exchanges.Load()
	if k != nil {
		r = k.exchanges
	}
	e := r.byName[string(name)]
	if e == nil {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		b.metrics.unknownExchange.Add(1)
		return
	}
	if !ctx.IsPost() {
		notAllowed(ctx, "POST")
		return
	}
	if v := ctx.Request.Header.Peek(headerVersion); e.EchoVersion && len(v) > 0 && len(v) < 16 {
		ctx.Response.Header.SetBytesV(headerVersion, v)
	}
	a := b.pool.Get().(*auction)
	a.exchange, a.book, a.kill, a.now = e, k, b.killed(), now
	reason := b.serve(ctx, a)
	e.metrics.finish(reason, len(a.bids), b.clock().Sub(now))
	if a.release() {
		b.pool.Put(a)
	}
}

// serve answers one bid request and says how it ended.
func (b *Bidder) serve(ctx *fasthttp.RequestCtx, a *auction) NoBid {
	body, err := b.body(ctx, a)
	if err == nil {
		err = a.req.Decode(body)
	}
	if err != nil {
		return b.refuse(ctx, a, body, NoBidMalformed, err)
	}
	if err = a.req.Validate(); err != nil {
		return b.refuse(ctx, a, body, NoBidInvalid, err)
	}
	if a.exchange.BidFeedback {
		b.metrics.feedback.read(&a.req)
	}
	if reason := b.admit(a); reason != NoBidNone {
		b.noBid(ctx, a, reason)
		return reason
	}
	reason := b.decide(a)
	if len(a.bids) > 0 {
		if b.guard(a); len(a.bids) == 0 {
			reason = NoBidOverMax
		} else {
			reason = b.answer(ctx, a)
		}
	}
	if reason != NoBidNone && len(a.bids) == 0 {
		b.noBid(ctx, a, reason)
	}
	return reason
}

// refuse answers a request that can't be read: 400 without content.
func (b *Bidder) refuse(ctx *fasthttp.RequestCtx, a *auction, body []byte, reason NoBid, err error) NoBid {
	ctx.SetStatusCode(fasthttp.StatusBadRequest)
	b.metrics.badRequests[openrtb.ReasonOf(err)].Add(1)
	b.refused.keep(a.exchange.Name, a.now, reason, len(body), err)
	return reason
}

// admit checks what holds for the whole request before any line item is looked at.
func (b *Bidder) admit(a *auction) NoBid {
	for _, check := range admission {
		if reason := check(b, a); reason != NoBidNone {
			return reason
		}
	}
	return NoBidNone
}

func (b *Bidder) noBid(ctx *fasthttp.RequestCtx, a *auction, reason NoBid) {
	if a.exchange.NoBid != exchanges.NoBidBody {
		ctx.SetStatusCode(fasthttp.StatusNoContent)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(b.appendNoBid(a, reason))
}

// body is the request's body, unpacked where it is gzipped, within the bound.
func (b *Bidder) body(ctx *fasthttp.RequestCtx, a *auction) ([]byte, error) {
	raw := ctx.PostBody()
	enc := ctx.Request.Header.ContentEncoding()
	if len(enc) == 0 || string(enc) == "identity" {
		if len(raw) > b.cfg.MaxBodyBytes {
			return nil, errBodyTooLarge
		}
		return raw, nil
	}
	if string(enc) != "gzip" || !a.exchange.GzipRequests {
		return nil, errEncoding
	}
	return a.gunzip(raw, b.cfg.MaxBodyBytes)
}

// gunzip unpacks raw into a's own buffer, up to max bytes.
func (a *auction) gunzip(raw []byte, max int) ([]byte, error) {
	in := &a.unpack
	in.src.Reset(raw)
	if in.r == nil {
		r, err := gzip.NewReader(&in.src)
		if err != nil {
			return nil, err
		}
		in.r = r
	} else if err := in.r.Reset(&in.src); err != nil {
		return nil, err
	}
	in.buf.Reset()
	n, err := in.buf.ReadFrom(io.LimitReader(in.r, int64(max)+1))
	if err != nil {
		return nil, err
	}
	if n > int64(max) {
		return nil, errBodyTooLarge
	}
	return in.buf.Bytes(), nil
}

// unpacker is the reused state of gunzip.
type unpacker struct {
	src bytes.Reader
	r   *gzip.Reader
	buf bytes.Buffer
}

var (
	errBodyTooLarge = errors.New("body is larger than bidder.max_body_bytes")
	errEncoding     = errors.New("content encoding is not agreed with the exchange: want identity, or gzip where its gzip_requests is on")
)
