package bidder

import (
	"bytes"
	"net/url"
	"strconv"
	"time"

	"github.com/goccy/go-json"
	"github.com/valyala/fasthttp"

	"bidhawk/bidder/markup"
	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// pixel is a transparent 1x1 GIF.
var pixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// handleTracker serves /t/view.js, /t/imp/{token}, /t/bill/{token}, /t/click/{token},
// /t/event/{name}/{token} and /t/conv. A HEAD is somebody who checks a link, and
// nobody's click: click only leads it on.
func (b *Bidder) handleTracker(ctx *fasthttp.RequestCtx, rest []byte) {
	name, text, _ := bytes.Cut(rest, slash)
	if string(name) == "view.js" {
		b.viewScript(ctx)
		return
	}
	ctx.Response.Header.Set("Cache-Control", "no-store, private")
	if !ctx.IsGet() && !ctx.IsPost() && !(ctx.IsHead() && string(name) == "click") {
		notAllowed(ctx, "GET, POST")
		return
	}
	switch string(name) {
	case "imp":
		b.impression(ctx, text, PurposeImpression)
	case "bill":
		b.impression(ctx, text, PurposeBilling)
	case "event":
		b.event(ctx, text)
	case "click":
		b.click(ctx, text)
	case "conv":
		b.convert(ctx, ctx.QueryArgs(), "pixel")
	case "postback":
		b.postback(ctx, string(text))
	default:
		ctx.SetStatusCode(fasthttp.StatusNotFound)
	}
}

// impression answers with the pixel whatever happens: a page must not show a
// broken image. Only the count tells. Where the impression is what bills, it is
// the billing notice as well: that counts whoever is behind it.
func (b *Bidder) impression(ctx *fasthttp.RequestCtx, text []byte, purpose Purpose) {
	t, result := b.token(text, purpose)
	if result == NoticeAccepted && purpose == PurposeBilling {
		billed := b.record(ctx, NoticeBilling, &t)
		b.metrics.notices[NoticeBilling][billed].Add(1)
		if billed == NoticeFailed {
			ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
			return
		}
	}
	b.seen(ctx, NoticeImpression, "impression", &t, result, detail{})
}

// event counts what a player reports of an ad: how far it was watched, what was
// opened, what went wrong.
func (b *Bidder) event(ctx *fasthttp.RequestCtx, rest []byte) {
	name, text, _ := bytes.Cut(rest, slash)
	kind := eventNames[string(name)]
	if kind == "" {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	t, result := b.token(text, PurposeEvent)
	b.seen(ctx, NoticeEvent, kind, &t, result, detailOf(kind, ctx.QueryArgs()))
}

// eventNames are the events of players and what their records are called.
var eventNames = func() map[string]string {
	m := make(map[string]string)
	for _, e := range markup.Events() {
		m[string(e)] = string(e)
	}
	return m
}()

// detail is what a tracker says beside its kind.
type detail struct {
	code      int   // the player's VAST error code
	engagedMS int64 // how long a banner was in view
}

func detailOf(kind string, args *fasthttp.Args) (d detail) {
	switch markup.Event(kind) {
	case markup.EventError:
		d.code = vastError(args.Peek("code"))
	case markup.EventEngaged:
		d.engagedMS = engagement(args.Peek("ms"))
	}
	return d
}

// maxEngagement is more than anybody looks at a banner: beyond it somebody makes
// numbers up, or left.
const maxEngagement = time.Hour

// engagement is milliseconds, at most an hour; 0 where text says none.
func engagement(text []byte) int64 {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return min(n, maxEngagement.Milliseconds())
}

// vastError is a player's error code, 100 to 999 (VAST 4.2 section 2.3.6.3); 0
// where there is none, or the macro was not replaced.
func vastError(text []byte) int {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 100 || n > 999 {
		return 0
	}
	return n
}

// seen records what a tracker saw and answers with the pixel.
func (b *Bidder) seen(ctx *fasthttp.RequestCtx, notice NoticeKind, kind string, t *Token, result NoticeResult, d detail) {
	if result == NoticeAccepted && b.machine(ctx, t) {
		result = NoticeInvalidTraffic
	}
	if result == NoticeAccepted {
		now := b.clock()
		e := b.exposureOf(kind, t, now)
		e.Code, e.EngagedMS = d.code, d.engagedMS
		if msgs, ok := b.chargeMessages([]eventlog.Message{e.message(t)}, chargeEvent(kind), t, now); ok {
			result = b.publish(b.expired(t, now), msgs...)
		} else {
			result = NoticeMalformed
		}
	}
	b.metrics.notices[notice][result].Add(1)
	if result == NoticeFailed {
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		return
	}
	ctx.SetContentType("image/gif")
	ctx.SetBody(pixel)
}

// machine says whether a known crawler calls. Where trackers are called by a
// server (ssai=3) it names the viewer's user agent in a header, which counts for
// exchanges that are trusted with it.
func (b *Bidder) machine(ctx *fasthttp.RequestCtx, t *Token) bool {
	if b.deps.Traffic == nil {
		return false
	}
	ua := ctx.UserAgent()
	if b.agreement(t).TrustDeviceHeaders {
		if device := ctx.Request.Header.Peek("X-Device-User-Agent"); len(device) > 0 {
			ua = device
		}
	}
	return b.deps.Traffic.IsCrawler(ua, t.App)
}

// click leads the user on to the creative's landing page, with the click's id.
// The page comes from the catalogue, never from the URL, and its host must be
// registered with the advertiser.
func (b *Bidder) click(ctx *fasthttp.RequestCtx, text []byte) {
	if prefetched(ctx) { // refused, so that the click itself comes here
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		return
	}
	t, result := b.token(text, PurposeClick)
	if result == NoticeForged || result == NoticeMalformed {
		b.metrics.notices[NoticeClick][result].Add(1)
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	k := b.book.Load()
	if k == nil { // starting: where the click leads is not known yet
		b.metrics.notices[NoticeClick][NoticeFailed].Add(1)
		ctx.Response.Header.Set("Retry-After", "1")
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		return
	}
	landing, wrapped := k.landing(&t), k.wraps(&t)
	if landing == "" && !wrapped {
		b.metrics.notices[NoticeClick][NoticeMalformed].Add(1)
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	if !ctx.IsHead() {
		switch {
		case result == NoticeAccepted && b.machine(ctx, &t):
			result = NoticeInvalidTraffic
		case result == NoticeAccepted:
			result = b.recordClick(&t)
		}
		b.metrics.notices[NoticeClick][result].Add(1)
	}
	if wrapped { // the player tells of the click; the wrapped ad leads it on
		ctx.SetStatusCode(result.status())
		return
	}
	// The user goes on even where the click could not be recorded.
	ctx.Response.Header.Set("Location", withClickID(landing, text))
	ctx.Response.Header.Set("Referrer-Policy", "no-referrer-when-downgrade")
	ctx.SetStatusCode(fasthttp.StatusFound)
}

// prefetched says that a browser loads what nobody has clicked yet: by Fetch's
// Sec-Purpose (WHATWG Fetch, "Sec-Purpose header"), or the older Purpose and X-Moz.
func prefetched(ctx *fasthttp.RequestCtx) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if bytes.HasPrefix(ctx.Request.Header.Peek(name), prefetch) {
			return true
		}
	}
	return false
}

var prefetch = []byte("prefetch")

// landing is where a click leads, empty where that is nowhere: the creative is
// gone, or a host on the way is no longer registered with the advertiser.
func (k *book) landing(t *Token) string {
	c, a := k.catalog.Creatives[t.Creative], k.catalog.Advertisers[t.Advertiser]
	if c == nil || a == nil {
		return ""
	}
	if !a.MayRedirect(c.LandingURL) {
		return ""
	}
	return c.LandingURL
}

// wraps says whether the click's creative is a wrapper of another server's ad.
func (k *book) wraps(t *Token) bool {
	c := k.catalog.Creatives[t.Creative]
	return c != nil && c.VAST != nil && (c.VAST.TagURL != "" || c.VAST.AssetID != 0)
}

func (b *Bidder) recordClick(t *Token) NoticeResult {
	now := b.clock()
	result := b.expired(t, now)
	msgs, ok := b.chargeMessages([]eventlog.Message{b.exposure("click", t, now)}, campaigns.ChargeAtClick, t, now)
	if !ok {
		return NoticeMalformed
	}
	return b.publish(result, msgs...)
}

// ClickParam is the landing page's parameter that carries the click's id.
const ClickParam = "bh_click"

func withClickID(landing string, token []byte) string {
	u, err := url.Parse(landing)
	if err != nil {
		return landing
	}
	q := ClickParam + "=" + string(token) // the token's alphabet needs no escape
	if u.RawQuery != "" {
		q = u.RawQuery + "&" + q
	}
	u.RawQuery = q
	return u.String()
}

// VerifyClick reads a click id, as it came back from a landing page.
func (b *Bidder) VerifyClick(id string) (Token, error) {
	return b.parse([]byte(id), PurposeClick)
}

// Bounds of a conversion's parameters.
const (
	maxOrderID  = 128
	maxConvType = 32
)

// convert serves the pixel /t/conv?click=&order=&value=&cur=&type=, and what partners
// post back. It needs a click id: without one it can't tell whose conversion it is.
func (b *Bidder) convert(ctx *fasthttp.RequestCtx, args *fasthttp.Args, source string) {
	t, result := b.token(args.Peek("click"), PurposeClick)
	if result == NoticeAccepted {
		c, field, ok := newConversion(&t, args, b.clock(), b.currencyOf(t.Advertiser))
		if !ok {
			b.metrics.notices[NoticeConversion][NoticeMalformed].Add(1)
			ctx.Error("conversion pixel: parameter "+field, fasthttp.StatusBadRequest)
			return
		}
		c.Source = source
		key := []byte(c.User)
		if len(key) == 0 {
			key = append(appendID(nil, c.Advertiser), "/"+c.Order...)
		}
		body, err := json.Marshal(c)
		if err != nil {
			result = NoticeMalformed
		} else {
			result = b.publish(result, eventlog.Message{Topic: eventlog.TopicConversions, Key: key, Value: body})
		}
	}
	b.metrics.notices[NoticeConversion][result].Add(1)
	if s := result.status(); s >= 400 {
		ctx.SetStatusCode(s)
		return
	}
	ctx.SetContentType("image/gif")
	ctx.SetBody(pixel)
}

// currencyOf is what an advertiser counts in; none where that is not known yet,
// which reports take for the same.
func (b *Bidder) currencyOf(advertiser campaigns.ID) money.Currency {
	if k := b.book.Load(); k != nil {
		if a := k.catalog.Advertisers[advertiser]; a != nil {
			return a.Currency
		}
	}
	return money.Currency{}
}

// newConversion reads the pixel's parameters; cur is the currency of a value
// that names none. Where ok is false, field names the parameter that breaks its
// rule, and the rule.
func newConversion(t *Token, args *fasthttp.Args, now time.Time, cur money.Currency) (c conversionRecord, field string, ok bool) {
	order, kind := string(args.Peek("order")), string(args.Peek("type"))
	if kind == "" {
		kind = "purchase"
	}
	switch {
	case order == "" || len(order) > maxOrderID || !printable(order):
		return c, "order: want 1 to 128 printable characters", false
	case len(kind) > maxConvType || !printable(kind):
		return c, "type: want at most 32 printable characters", false
	}
	value := money.Nanos(0)
	if v := args.Peek("value"); len(v) > 0 {
		n, err := money.ParseNanos(v, money.RoundDown)
		if err != nil || n < 0 {
			return c, "value: want a decimal number from 0 to 9 billion", false
		}
		value = money.Nanos(n)
	}
	if v := args.Peek("cur"); len(v) > 0 {
		parsed, err := money.ParseCurrency(string(v))
		if err != nil {
			return c, "cur: want three upper-case letters of ISO 4217", false
		}
		cur = parsed
	}
	bid := t.Bid
	c = conversionRecord{
		V: 1, ID: conversionID(t.Advertiser, order), At: now, Advertiser: t.Advertiser, Type: kind, Order: order,
		Value: value, Currency: cur, ClickBid: &bid, ClickLineItem: t.LineItem, Source: "pixel",
	}
	if t.User != 0 {
		c.User = t.User.String()
	}
	return c, "", true
}

// conversionID is the same for every report of one order: repeats are dropped.
func conversionID(advertiser campaigns.ID, order string) string {
	return string(appendID(nil, advertiser)) + "/" + order
}

func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return false
		}
	}
	return true
}
