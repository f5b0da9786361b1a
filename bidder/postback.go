package bidder

import (
	"strings"

	"github.com/valyala/fasthttp"
)

// This file takes the postbacks of mobile measurement partners: a GET of their server
// for each install or event that our click led to, with the click id that the landing
// URL carried. The click id is signed, so that nobody else can report; it names the
// advertiser. docs/measurement.md has the URLs to enter at each.

// postback says what a partner calls the parameters of a conversion.
type postback struct {
	click, order, kind, value, currency string
	// unreplaced is what a macro begins with that the partner did not fill.
	unreplaced string
}

var postbacks = map[string]postback{
	"appsflyer": {click: "clickid", order: "event_id", kind: "event_name", value: "event_revenue", currency: "event_revenue_currency", unreplaced: "("},
	"adjust":    {click: "click_id", order: "transaction_id", kind: "event_name", value: "revenue", currency: "currency", unreplaced: "{"},
}

// arguments are those of the pixel, as the partner called them. An event without an
// order id counts once per click and type, which suits installs.
func (p *postback) arguments(in *fasthttp.Args) *fasthttp.Args {
	read := func(name string) string {
		v := string(in.Peek(name))
		if strings.HasPrefix(v, p.unreplaced) || v == "null" || v == "N/A" {
			return ""
		}
		return v
	}
	out := &fasthttp.Args{}
	kind := typeName(read(p.kind))
	if kind == "" {
		kind = "install"
	}
	order := read(p.order)
	if order == "" {
		order = kind // made unique by the click, below
	}
	out.Set("click", string(in.Peek(p.click)))
	out.Set("order", order)
	out.Set("type", kind)
	if v := read(p.value); v != "" {
		out.Set("value", v)
	}
	if v := read(p.currency); v != "" {
		out.Set("cur", strings.ToUpper(v))
	}
	return out
}

// typeName is a partner's event name as a conversion's type: af_purchase, "Level 5".
func typeName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, s[:min(len(s), maxConvType)])
}

// postback serves /t/postback/{partner}.
func (b *Bidder) postback(ctx *fasthttp.RequestCtx, partner string) {
	p, known := postbacks[partner]
	if !known {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	named := len(ctx.QueryArgs().Peek(p.order)) > 0
	args := p.arguments(ctx.QueryArgs())
	if t, err := b.parse(args.Peek("click"), PurposeClick); err == nil && (!named || string(args.Peek("order")) == string(args.Peek("type"))) {
		args.Set("order", string(args.Peek("type"))+"/"+string(t.Bid.AppendHex(nil)))
	}
	b.convert(ctx, args, "mmp")
}
