package bidder

import (
	"github.com/valyala/fasthttp"
)

// viewScript serves the script by which banners tell that they were viewable. It is
// the same for everybody, so that whatever lies between may keep it for an hour.
func (b *Bidder) viewScript(ctx *fasthttp.RequestCtx) {
	if !ctx.IsGet() && !ctx.IsHead() {
		notAllowed(ctx, "GET, HEAD")
		return
	}
	h := &ctx.Response.Header
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("ETag", b.view.ETag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if string(ctx.Request.Header.Peek("If-None-Match")) == b.view.ETag {
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	ctx.SetContentType("text/javascript; charset=utf-8")
	if ctx.Request.Header.HasAcceptEncoding("gzip") {
		h.SetContentEncoding("gzip")
		ctx.Response.SetBodyRaw(b.view.Gzip)
		return
	}
	ctx.Response.SetBodyRaw(b.view.Plain)
}
