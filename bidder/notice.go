package bidder

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/goccy/go-json"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

// NoticeKind is what a notice or tracker reports.
type NoticeKind uint8

// The kinds.
const (
	NoticeWin NoticeKind = iota
	NoticeBilling
	NoticeLoss
	NoticeImpression
	NoticeClick
	NoticeConversion
	noticeKinds
)

func (k NoticeKind) String() string {
	return [...]string{"win", "billing", "loss", "impression", "click", "conversion"}[k]
}

// NoticeResult is how a notice ended at this node. Whether it is a repeat, or
// late, is decided by the ledger and the attributor.
type NoticeResult uint8

// The results.
const (
	NoticeAccepted  NoticeResult = iota // durable
	NoticeTest                          // of a test auction: recorded nowhere
	NoticeExpired                       // durable; beyond the token's validity: the late phases decide
	NoticeBadPrice                      // durable, without a price that counts
	NoticeForged                        // refused: the token does not verify
	NoticeMalformed                     // refused: not a token, or a parameter breaks its rule
	NoticeFailed                        // not durable: the sender must repeat it
	noticeResults
)

func (r NoticeResult) String() string {
	return [...]string{"accepted", "test", "expired", "bad_price", "forged", "malformed", "failed"}[r]
}

// noticeValid is how long a token is good for (docs: the longest billing
// deadline of an exchange and format); beyond it the ledger's late phases hold.
const noticeValid = 48 * time.Hour

// publishTimeout bounds how long a notice waits to be durable.
const publishTimeout = 5 * time.Second

// handleNotice serves /n/{win|bill|loss}/{token}. It answers 2xx only once the
// notice is durable, 4xx where repeating it can't help, 503 where it can.
func (b *Bidder) handleNotice(ctx *fasthttp.RequestCtx, rest []byte) {
	name, text, _ := bytes.Cut(rest, slash)
	var kind NoticeKind
	var purpose Purpose
	switch string(name) {
	case "win":
		kind, purpose = NoticeWin, PurposeWin
	case "bill":
		kind, purpose = NoticeBilling, PurposeBilling
	case "loss":
		kind, purpose = NoticeLoss, PurposeLoss
	default:
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	if !ctx.IsGet() && !ctx.IsPost() {
		notAllowed(ctx, "GET, POST")
		return
	}
	t, result := b.token(text, purpose)
	if result == NoticeAccepted {
		result = b.record(ctx, kind, &t)
	}
	b.metrics.notices[kind][result].Add(1)
	ctx.SetStatusCode(result.status())
}

// notAllowed answers a method that a path does not have: a HEAD must not bill.
func notAllowed(ctx *fasthttp.RequestCtx, allow string) {
	ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
	ctx.Response.Header.Set("Allow", allow)
}

var slash = []byte("/")

func (r NoticeResult) status() int {
	switch r {
	case NoticeForged, NoticeMalformed:
		return fasthttp.StatusBadRequest
	case NoticeFailed:
		return fasthttp.StatusServiceUnavailable
	default:
		return fasthttp.StatusNoContent
	}
}

// token parses text; the result is NoticeAccepted where it verifies.
func (b *Bidder) token(text []byte, purpose Purpose) (Token, NoticeResult) {
	t, err := b.deps.Tokens.Parse(text, purpose)
	switch {
	case errors.Is(err, ErrTokenForged):
		return t, NoticeForged
	case err != nil:
		return t, NoticeMalformed
	case t.Test:
		return t, NoticeTest
	}
	return t, NoticeAccepted
}

// record makes one notice durable.
func (b *Bidder) record(ctx *fasthttp.RequestCtx, kind NoticeKind, t *Token) NoticeResult {
	now := b.clock()
	result := NoticeAccepted
	if now.Sub(t.BidAt) > noticeValid {
		result = NoticeExpired
	}
	if kind == NoticeWin {
		return b.publish(result, b.exposure("win", t, now))
	}
	n, args := notice(t, now), ctx.QueryArgs()
	encode := pacing.BillMessage
	if kind == NoticeBilling {
		if n.Price, n.PriceBad = clearingPrice(args.Peek("p")); n.PriceBad != "" {
			result = NoticeBadPrice
		}
	} else {
		encode = pacing.LossMessage
		n.Reason = lossReason(args.Peek("r"))
		if p, bad := clearingPrice(args.Peek("m")); bad == "" {
			n.MinToWin = p
		}
		b.metrics.lossReasons[min(n.Reason, len(b.metrics.lossReasons)-1)].Add(1)
	}
	msg, err := encode(&n)
	if err != nil {
		b.deps.Logger.Error("a verified notice breaks a rule of the ledger; nothing was posted", zap.Error(err))
		return NoticeMalformed
	}
	return b.publish(result, msg)
}

// notice is what the ledger is told of t's bid.
func notice(t *Token, now time.Time) pacing.Notice {
	return pacing.Notice{
		At: now, Advertiser: t.Advertiser, Campaign: t.Campaign, LineItem: t.LineItem, Creative: t.Creative,
		Lease: t.Lease, Bid: t.Bid, Exchange: t.Exchange, Deal: t.Deal, Site: t.Site, App: t.App,
		ReservedMedia: t.Reserved.Media, ReservedCharge: t.Reserved.Charge,
		PriceCurrency: t.Currency, FXRate: t.FXRate, Day: t.Day,
	}
}

// clearingPrice reads an AUCTION_PRICE in units per mille. bad says why it is
// no price: missing, unreplaced or syntax.
func clearingPrice(text []byte) (p money.CPM, bad pacing.PriceBad) {
	switch {
	case len(text) == 0:
		return 0, pacing.PriceMissing
	case bytes.Contains(text, []byte("${")) || bytes.Contains(text, []byte("AUCTION_")):
		return 0, pacing.PriceUnreplaced
	}
	v, err := money.ParseMicros(text, money.RoundUp)
	if err != nil || v < 0 || v > int64(money.MaxCPM) {
		return 0, pacing.PriceSyntax
	}
	return money.CPM(v), ""
}

func lossReason(text []byte) int {
	n, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// publish makes msg durable; result stands where that succeeds.
func (b *Bidder) publish(result NoticeResult, msgs ...eventlog.Message) NoticeResult {
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	if err := b.deps.Events.Publish(ctx, msgs...); err != nil {
		b.deps.Logger.Error("a notice could not be made durable; its sender is asked to repeat it", zap.Error(err))
		return NoticeFailed
	}
	return result
}

// exposure is the message of a record of the exposures topic.
func (b *Bidder) exposure(kind string, t *Token, now time.Time) eventlog.Message {
	e := exposureRecord{
		V: 1, Type: kind, At: now, BidAt: t.BidAt, Bid: t.Bid, Exchange: t.Exchange, Advertiser: t.Advertiser,
		Campaign: t.Campaign, LineItem: t.LineItem, Creative: t.Creative, Deal: t.Deal, Site: t.Site, App: t.App,
	}
	key := t.Bid.AppendHex(nil)
	if t.User != 0 {
		e.User = t.User.String()
		key = []byte(e.User)
	}
	return eventlog.Message{Topic: eventlog.TopicExposures, Key: key, Value: marshal(&e)}
}

// marshal encodes one of this file's records; their types can't fail to.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("encode a record of our own: " + err.Error())
	}
	return b
}

func perClick(li *campaigns.LineItem) bool { return li.Pricing == campaigns.PricingCPC }
