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

	"bidhawk/bidder/exchanges"
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
	NoticeEvent
	noticeKinds
)

func (k NoticeKind) String() string {
	return [...]string{"win", "billing", "loss", "impression", "click", "conversion", "event"}[k]
}

// NoticeResult is how a notice ended at this node. Whether it is a repeat, or
// late, is decided by the ledger and the attributor.
type NoticeResult uint8

// The results.
const (
	NoticeAccepted       NoticeResult = iota // durable
	NoticeTest                               // of a test auction: recorded nowhere
	NoticeExpired                            // durable; beyond the token's validity: the late phases decide
	NoticeBadPrice                           // durable, without a price that counts
	NoticeForged                             // refused: the token does not verify
	NoticeMalformed                          // refused: not a token, or a parameter breaks its rule
	NoticeFailed                             // not durable: the sender must repeat it
	NoticeInvalidTraffic                     // recorded nowhere: no person is behind it
	noticeResults
)

func (r NoticeResult) String() string {
	return [...]string{"accepted", "test", "expired", "bad_price", "forged", "malformed", "failed", "invalid_traffic"}[r]
}

// publishTimeout bounds how long a notice waits to be durable.
const publishTimeout = 5 * time.Second

// handleNotice serves /n/{win|bill|buy|loss}/{token}; buy is the nurl of exchanges
// that bill by it. It answers 2xx only once the
// notice is durable, 4xx where repeating it can't help, 503 where it can.
func (b *Bidder) handleNotice(ctx *fasthttp.RequestCtx, rest []byte) {
	name, text, _ := bytes.Cut(rest, slash)
	var kind NoticeKind
	var purpose Purpose
	record := (*Bidder).record
	switch string(name) {
	case "win":
		kind, purpose = NoticeWin, PurposeWin
	case "bill":
		kind, purpose = NoticeBilling, PurposeBilling
	case "buy":
		kind, purpose, record = NoticeBilling, PurposeBilling, (*Bidder).recordBuy
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
		result = record(b, ctx, kind, &t)
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

// parse reads a token. A user who opted out since the bid is nobody's: what
// follows a bid by days must not bring them back.
func (b *Bidder) parse(text []byte, purpose Purpose) (Token, error) {
	t, err := b.deps.Tokens.Parse(text, purpose)
	if t.User != 0 && b.deps.Users.OptedOut(t.User) {
		t.User, t.Household = 0, 0
	}
	return t, err
}

// token parses text; the result is NoticeAccepted where it verifies.
func (b *Bidder) token(text []byte, purpose Purpose) (Token, NoticeResult) {
	t, err := b.parse(text, purpose)
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
	result := b.expired(t, now)
	n := notice(t, now)
	switch kind {
	case NoticeWin:
		return b.win(ctx, t, result, now)
	case NoticeBilling:
		if bad := b.priceBill(&n, t, ctx); bad {
			result = NoticeBadPrice
		}
		return b.publishMoney(result, pacing.BillMessage, &n)
	default:
		text := param(ctx, "r")
		n.Reason = lossReason(text)
		b.metrics.lossReasons[min(n.Reason, len(b.metrics.lossReasons)-1)].Add(1)
		if string(text) == bidWon {
			return b.win(ctx, t, result, now)
		}
		n.MinToWin, _ = b.clearingPrice(t, param(ctx, "m"))
		if lostByPrice(n.Reason) {
			b.learnPrice(t, param(ctx, "v"), n.MinToWin, false)
		}
		return b.publishMoney(result, pacing.LossMessage, &n)
	}
}

// bidWon is the loss reason of bids that did not lose (AdCOM 1.0, Loss Reason
// Codes): what such a bid reserved must wait for its bill. A reason that is not
// said, or whose macro was not replaced, is a loss.
const bidWon = "0"

// win records that the bid won, which is not yet money.
func (b *Bidder) win(ctx *fasthttp.RequestCtx, t *Token, result NoticeResult, now time.Time) NoticeResult {
	e := b.exposureOf("win", t, now)
	e.MinToWin, _ = b.clearingPrice(t, param(ctx, "m"))
	b.learnPrice(t, param(ctx, "v"), e.MinToWin, true)
	if !b.agreement(t).HoldsByWin() {
		return b.publish(result, e.message(t))
	}
	n := notice(t, now)
	won, err := pacing.WinMessage(&n)
	if err != nil {
		b.deps.Logger.Error("a verified win breaks a rule of the ledger; its money is not kept past the win deadline", zap.Error(err))
		return NoticeMalformed
	}
	return b.publish(result, e.message(t), won)
}

// recordBuy makes a win that is a bill durable as both.
func (b *Bidder) recordBuy(ctx *fasthttp.RequestCtx, _ NoticeKind, t *Token) NoticeResult {
	result := b.record(ctx, NoticeBilling, t)
	if result == NoticeFailed || result == NoticeMalformed {
		return result
	}
	won := b.record(ctx, NoticeWin, t)
	b.metrics.notices[NoticeWin][won].Add(1)
	if won == NoticeFailed {
		return won // both come again; a repeated bill posts once
	}
	return result
}

// expired says whether the token's time is over, which is the exchange's billing
// deadline: the ledger's late phases decide then.
func (b *Bidder) expired(t *Token, now time.Time) NoticeResult {
	if now.Sub(t.BidAt) > b.agreement(t).BillingDeadline {
		return NoticeExpired
	}
	return NoticeAccepted
}

// param is a notice's parameter, from its URL or, of a POST, its form.
func param(ctx *fasthttp.RequestCtx, name string) []byte {
	if v := ctx.QueryArgs().Peek(name); len(v) > 0 || !ctx.IsPost() {
		return v
	}
	return ctx.PostArgs().Peek(name)
}

// clearingPrice reads a price as the bid's exchange writes them.
func (b *Bidder) clearingPrice(t *Token, text []byte) (money.CPM, exchanges.PriceProblem) {
	return b.agreement(t).ClearingPrice(text)
}

// agreement is what was agreed with the bid's exchange; the usual where it was
// taken off the configuration since.
func (b *Bidder) agreement(t *Token) *exchanges.Exchange {
	if e := b.exchanges.Load().byName[t.Exchange]; e != nil {
		return &e.Exchange
	}
	e := exchanges.Default(t.Exchange)
	return &e
}

// priceBill sets the price of a bill: what one play costs, which for a screen is
// the clearing price times the people who saw it, at most as many as were
// reserved for. bad says that there is no price that counts; why is in n.
func (b *Bidder) priceBill(n *pacing.Notice, t *Token, ctx *fasthttp.RequestCtx) (bad bool) {
	price, problem := b.clearingPrice(t, param(ctx, "p"))
	if problem != exchanges.PriceOK {
		n.PriceBad = pacing.PriceBad(problem.String())
		b.metrics.badPrices[problem].Add(1)
		return true
	}
	seen := t.Multiplier
	if text := param(ctx, "q"); len(text) > 0 {
		if v, err := money.ParseMicros(text, money.RoundUp); err == nil && v > 0 {
			seen = min(seen, money.PPM(v))
		}
	}
	v, err := money.MulDivUp(int64(price), int64(seen), int64(oneImpression))
	if err != nil {
		v = int64(money.MaxCPM)
	}
	n.Price = money.CPM(v)
	return false
}

// publishMoney makes a record of the ledger durable.
func (b *Bidder) publishMoney(result NoticeResult, encode func(*pacing.Notice) (eventlog.Message, error), n *pacing.Notice) NoticeResult {
	msg, err := encode(n)
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
		Lease: t.Lease, Bid: t.Bid, BidAt: t.BidAt, Exchange: t.Exchange, Format: t.Format.String(), Deal: t.Deal, Site: t.Site, App: t.App, Shown: t.Shown,
		ReservedMedia: t.Reserved.Media, ReservedCharge: t.Reserved.Charge,
		PriceCurrency: t.Currency, FXRate: t.FXRate, Day: t.Day,
	}
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

// exposureOf is a record of the exposures topic.
func (b *Bidder) exposureOf(kind string, t *Token, now time.Time) exposureRecord {
	e := exposureRecord{
		V: 1, Type: kind, At: now, BidAt: t.BidAt, Bid: t.Bid, Exchange: t.Exchange, Advertiser: t.Advertiser,
		Campaign: t.Campaign, LineItem: t.LineItem, Creative: t.Creative, Deal: t.Deal, Site: t.Site, App: t.App,
		Format: t.Format.String(), Shown: t.Shown,
	}
	if t.User != 0 {
		e.User = t.User.String()
	}
	if t.Household != 0 {
		e.Household = t.Household.String()
	}
	e.Terms = t.terms()
	return e
}

// message is the record, keyed by its user or else by its bid.
func (e *exposureRecord) message(t *Token) eventlog.Message {
	key := []byte(e.User)
	if len(key) == 0 {
		key = t.Bid.AppendHex(nil)
	}
	return eventlog.Message{Topic: eventlog.TopicExposures, Key: key, Value: marshal(e)}
}

// exposure is the message of a record that says no more than its kind.
func (b *Bidder) exposure(kind string, t *Token, now time.Time) eventlog.Message {
	e := b.exposureOf(kind, t, now)
	return e.message(t)
}

// marshal encodes one of this file's records; their types can't fail to.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("encode a record of our own: " + err.Error())
	}
	return b
}
