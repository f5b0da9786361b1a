package files

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

// What a page of a creative may do, when it is opened by itself as well as in a
// frame: run its scripts, load by https and open the landing page. The sandbox
// gives it an origin of its own, so no cookie and no storage of this host (HTML
// Standard, "sandboxing"; CSP Level 3, "sandbox").
const (
	pagePolicy = "default-src 'self' https: data: blob: 'unsafe-inline' 'unsafe-eval'; base-uri 'none'; form-action https:; " +
		"sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox"
	filePolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox" // of a picture, and what runs in one: nothing
)

// setHead sets what every answer of a file has. Content never changes under its
// name: it may be kept for a year, which is for good.
func setHead(ctx *fasthttp.RequestCtx, kind, tag string) {
	h := &ctx.Response.Header
	h.SetContentType(kind)
	h.Set("ETag", tag)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Access-Control-Allow-Origin", "*") // players load VAST and captions by script
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Referrer-Policy", "no-referrer")
	policy := filePolicy
	if strings.HasPrefix(kind, "text/html") {
		policy = pagePolicy
	}
	h.Set("Content-Security-Policy", policy)
}

// ranged reads Range and If-Range (RFC 9110 sections 14.2 and 13.1.5): one range of
// bytes; what asks for several, or for another unit, or of another file, gets the
// whole. ok is false where nothing of the range is there.
func ranged(ctx *fasthttp.RequestCtx, tag string, size int64) (from, n int64, ok bool) {
	r := ctx.Request.Header.Peek("Range")
	if len(r) == 0 || !bytes.HasPrefix(r, bytesUnit) || bytes.IndexByte(r, ',') >= 0 {
		return 0, size, true
	}
	if v := ctx.Request.Header.Peek("If-Range"); len(v) > 0 && string(v) != tag {
		return 0, size, true
	}
	first, last, err := fasthttp.ParseByteRange(r, int(size))
	if err != nil {
		return 0, 0, false
	}
	return int64(first), int64(last-first) + 1, true
}

var bytesUnit = []byte("bytes=")

func text(n int64) string { return strconv.FormatInt(n, 10) }
