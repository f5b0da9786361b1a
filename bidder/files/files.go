// Package files serves uploaded creatives: images, videos and pages, by the hash of
// their content, so that whoever has one keeps it for good. They come from no
// page's origin: a page of theirs runs in a sandbox, and can reach nothing of what
// else is served from this host.
package files

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"go.uber.org/zap"

	"bidhawk/campaigns/media"
	"bidhawk/internal/blob"
)

// Config bounds what serving may take from bidding.
type Config struct {
	CacheBytes int64         // of small files kept in memory
	MaxReads   int           // from the store at once; more are asked to come again
	Timeout    time.Duration // for the store to begin its answer
}

// DefaultConfig serves small ads from memory.
func DefaultConfig() Config {
	return Config{CacheBytes: 64 << 20, MaxReads: 64, Timeout: 5 * time.Second}
}

// cachedBytes is the most that a file in memory weighs.
const cachedBytes = 1 << 20

// Handler serves files. It is safe for concurrent use.
type Handler struct {
	cfg    Config
	store  blob.Store
	logger *zap.Logger
	cache  *cache
	reads  chan struct{} // one for each read under way

	served, missing, refused, failed atomic.Int64
}

// New returns a handler of the files of store.
func New(cfg Config, store blob.Store, logger *zap.Logger) *Handler {
	return &Handler{cfg: cfg, store: store, logger: logger, cache: newCache(cfg.CacheBytes), reads: make(chan struct{}, cfg.MaxReads)}
}

// Stats counts requests since the start.
type Stats struct{ Served, Missing, Refused, Failed int64 }

// Stats are the handler's counters.
func (h *Handler) Stats() Stats {
	return Stats{h.served.Load(), h.missing.Load(), h.refused.Load(), h.failed.Load()}
}

// Handle serves the file called key, to GET and HEAD, whole or a range of it.
func (h *Handler) Handle(ctx *fasthttp.RequestCtx, key []byte) {
	if !ctx.IsGet() && !ctx.IsHead() {
		ctx.Response.Header.Set("Allow", "GET, HEAD")
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
		return
	}
	name := string(key)
	kind := media.ContentType(name)
	if kind == "" || !isHash(name) || blob.CheckKey(name) != nil {
		h.missing.Add(1)
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	if content, ok := h.cache.get(name); ok {
		h.answer(ctx, name, kind, int64(len(content)), func(from, n int64) (io.ReadCloser, error) {
			ctx.Response.SetBodyRaw(content[from : from+n])
			return nil, nil
		})
		return
	}
	h.read(ctx, name, kind)
}

// isHash says whether a name begins as all of ours do: with 64 digits of a hash.
func isHash(name string) bool {
	const digits = 64
	if len(name) <= digits || name[digits] != '.' && name[digits] != '/' {
		return false
	}
	for i := range digits {
		if c := name[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// read serves from the store. It takes one of the places until the answer is
// written, so that slow readers can't take all there is.
func (h *Handler) read(ctx *fasthttp.RequestCtx, name, kind string) {
	select {
	case h.reads <- struct{}{}:
	default:
		h.refused.Add(1)
		ctx.Response.Header.Set("Retry-After", "1")
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		return
	}
	release := func() { <-h.reads }
	wait, cancel := context.WithTimeout(context.Background(), h.cfg.Timeout)
	defer cancel()
	info, err := h.store.Stat(wait, name)
	if err != nil {
		release()
		h.fail(ctx, name, err)
		return
	}
	if info.Size <= cachedBytes {
		defer release()
		content, err := h.load(wait, name, info.Size)
		if err != nil {
			h.fail(ctx, name, err)
			return
		}
		h.cache.put(name, content)
		h.answer(ctx, name, kind, info.Size, func(from, n int64) (io.ReadCloser, error) {
			ctx.Response.SetBodyRaw(content[from : from+n])
			return nil, nil
		})
		return
	}
	h.answer(ctx, name, kind, info.Size, func(from, n int64) (io.ReadCloser, error) {
		return h.store.Open(context.Background(), name, from, n)
	})
	if s, ok := ctx.Response.BodyStream().(*stream); ok {
		s.release = release
		return
	}
	release()
}

func (h *Handler) load(ctx context.Context, name string, size int64) ([]byte, error) {
	r, err := h.store.Open(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close() // what was read is whole or not
	content := make([]byte, size)
	_, err = io.ReadFull(r, content)
	return content, err
}

func (h *Handler) fail(ctx *fasthttp.RequestCtx, name string, err error) {
	if errors.Is(err, blob.ErrNotFound) {
		h.missing.Add(1)
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	h.failed.Add(1)
	h.logger.Warn("a file could not be read", zap.String("file", name), zap.Error(err))
	ctx.Response.Header.Set("Retry-After", "1")
	ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
}

// answer writes the head and has open write the body, n bytes from a place on, or
// return what to read it from.
func (h *Handler) answer(ctx *fasthttp.RequestCtx, name, kind string, size int64, open func(from, n int64) (io.ReadCloser, error)) {
	tag := `"` + name + `"`
	setHead(ctx, kind, tag)
	if string(ctx.Request.Header.Peek("If-None-Match")) == tag {
		h.served.Add(1)
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	from, n, ok := ranged(ctx, tag, size)
	if !ok {
		ctx.Response.Header.Set("Content-Range", "bytes */"+text(size))
		ctx.SetStatusCode(fasthttp.StatusRequestedRangeNotSatisfiable)
		return
	}
	if n < size {
		ctx.Response.Header.Set("Content-Range", "bytes "+text(from)+"-"+text(from+n-1)+"/"+text(size))
		ctx.SetStatusCode(fasthttp.StatusPartialContent)
	}
	if ctx.IsHead() {
		ctx.Response.SkipBody = true
		ctx.Response.Header.SetContentLength(int(n))
		h.served.Add(1)
		return
	}
	body, err := open(from, n)
	if err != nil {
		ctx.Response.Reset()
		h.fail(ctx, name, err)
		return
	}
	h.served.Add(1)
	if body != nil {
		ctx.SetBodyStream(&stream{ReadCloser: body}, int(n))
	}
}

// stream is a body that gives its place back once it is written.
type stream struct {
	io.ReadCloser
	release func()
}

func (s *stream) Close() error {
	if s.release != nil {
		s.release()
		s.release = nil
	}
	return s.ReadCloser.Close()
}
