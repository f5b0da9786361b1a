package identity

import (
	"time"

	"github.com/valyala/fasthttp"
)

// Our cookies.
const (
	cookieUID    = "bh_uid"    // our id of the browser
	cookieOptOut = "bh_optout" // 1: no id, ever
)

// cookie appends the browser's id to dst: its cookie's, or a new one, which it
// sets. A cookie that is there is not set again: its life is not prolonged.
func (s *Syncer) cookie(ctx *fasthttp.RequestCtx, dst []byte) ([]byte, error) {
	if id := ctx.Request.Header.Cookie(cookieUID); isOwnID(id) {
		return append(dst, id...), nil
	}
	id, err := newOwnID(dst)
	if err != nil {
		return nil, err
	}
	s.setCookie(ctx, cookieUID, id, s.cfg.CookieMaxAge)
	s.stats.cookies.Add(1)
	return id, nil
}

// setCookie sets a cookie that is sent from other sites' pages, over TLS, and
// read by no script; age 0 takes it away.
//
// It is not Partitioned: a partitioned cookie is another one below each site
// (developer.chrome.com/docs/privacy-sandbox/chips), so that the id an exchange
// is told on one site would never come back from another, while the exchange,
// whose own cookie is not partitioned, took them for one browser. Where a
// browser blocks cookies of third parties there is no id, which is its user's wish.
func (s *Syncer) setCookie(ctx *fasthttp.RequestCtx, name string, value []byte, age time.Duration) {
	c := fasthttp.AcquireCookie()
	defer fasthttp.ReleaseCookie(c)
	c.SetKey(name)
	c.SetValueBytes(value)
	c.SetPath("/")
	c.SetSecure(true)
	c.SetHTTPOnly(true)
	c.SetSameSite(fasthttp.CookieSameSiteNoneMode)
	if age > 0 {
		c.SetMaxAge(int(age / time.Second))
	} else {
		c.SetExpire(fasthttp.CookieExpireDelete)
	}
	ctx.Response.Header.SetCookie(c)
}

// pixel is a transparent 1x1 GIF.
var pixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

func answerPixel(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("image/gif")
	ctx.SetBody(pixel)
}
