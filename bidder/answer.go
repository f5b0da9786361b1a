package bidder

import (
	"bytes"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/valyala/fasthttp"

	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/markup"
	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
	"bidhawk/pacing"
)

// answerBuffers is the reused memory of one answer. The bids of resp point into
// text, which grows: they are set once it is complete.
type answerBuffers struct {
	resp    openrtb.BidResponse
	text    []byte // markup, URLs and ids, one after the other
	spans   []bidSpans
	payload []byte
	scratch []byte
	click   []byte // the click URL as markup has it, and the same escaped, one after the other
	imp     []byte
	event   []byte
	ext     []byte
	out     []byte
	packed  bytes.Buffer
	gz      *gzip.Writer
}

// span is a part of answerBuffers.text.
type span struct{ from, to int }

type bidSpans struct{ id, adm, nurl, burl, lurl, ext span }

// answer writes the bids of a as the response, 200 with its JSON. Bids were
// only placed where they fit the exchange's bound (see bidBytes); where they pass
// it nevertheless, they are left out from the last on, and what they reserved
// comes back when their lease closes.
func (b *Bidder) answer(ctx *fasthttp.RequestCtx, a *auction) NoBid {
	if !b.write(a) {
		return NoBidAnswerTooLarge
	}
	b.counts.add(a)
	ctx.SetContentType("application/json")
	if a.exchange.Gzip && ctx.Request.Header.HasAcceptEncoding("gzip") {
		ctx.Response.Header.SetContentEncoding("gzip")
		ctx.SetBody(a.answer.gzip())
		return NoBidNone
	}
	ctx.SetBody(a.answer.out)
	return NoBidNone
}

// write builds the response in a.answer.out; false where not even one bid fits.
func (b *Bidder) write(a *auction) bool {
	w := &a.answer
	w.text, w.spans = w.text[:0], w.spans[:0]
	for i := range a.bids {
		w.spans = append(w.spans, b.writeTexts(a, &a.bids[i]))
	}
	a.fillResponse()
	w.resp.Ext = b.processingTime(a)
	w.out = openrtb.AppendBidResponse(w.out[:0], &w.resp)
	for limit := a.exchange.MaxAnswerBytes; limit > 0 && len(w.out) > limit; {
		a.bids = a.bids[:len(a.bids)-1]
		if len(a.bids) == 0 {
			return false
		}
		seat := &w.resp.SeatBid[0]
		seat.Bid = seat.Bid[:len(a.bids)]
		w.out = openrtb.AppendBidResponse(w.out[:0], &w.resp)
		b.metrics.trimmedBids.Add(1)
	}
	return true
}

// processingTime is the answer's ext for exchanges that want to know how long we
// took; nil for others.
func (b *Bidder) processingTime(a *auction) []byte {
	if !a.exchange.ProcessingTime {
		return nil
	}
	w := &a.answer
	w.ext = strconv.AppendInt(append(w.ext[:0], `{"processing_time_ms":`...), b.clock().Sub(a.now).Milliseconds(), 10)
	w.ext = append(w.ext, '}')
	return w.ext
}

// writeTexts appends what one bid needs in text: its id, notice URLs, markup and
// extension.
func (b *Bidder) writeTexts(a *auction, p *placed) (s bidSpans) {
	w, e := &a.answer, a.exchange
	ad := a.ad(&p.candidate)
	t := a.token(p)
	w.payload = b.deps.Tokens.AppendPayload(w.payload[:0], &t)
	s.id = w.mark(func(dst []byte) []byte { return p.bid.AppendHex(dst) })
	billing := e.billing[ad.medium]
	switch {
	case billing == exchanges.BillingNURL:
		s.nurl = w.mark(func(dst []byte) []byte {
			return p.appendShade(append(b.billingURL(dst, a, p, "/n/buy/"), "&m=${AUCTION_MIN_TO_WIN}"...))
		})
	case !e.omitNURL:
		s.nurl = w.mark(func(dst []byte) []byte {
			return p.appendShade(b.priced(b.signedURL(dst, w, "/n/win/", PurposeWin), e, "&m=${AUCTION_MIN_TO_WIN}"))
		})
	}
	if billing == exchanges.BillingBURL {
		s.burl = w.mark(func(dst []byte) []byte { return b.billingURL(dst, a, p, "/n/bill/") })
	}
	if !e.omitLURL {
		s.lurl = w.mark(func(dst []byte) []byte {
			return p.appendShade(append(b.signedURL(dst, w, "/n/loss/", PurposeLoss), "?r=${AUCTION_LOSS}&m=${AUCTION_MIN_TO_WIN}"...))
		})
	}
	if !e.RegisteredCreatives {
		s.adm = w.mark(func(dst []byte) []byte { return b.appendMarkup(dst, a, p, s.id) })
	}
	s.ext = w.mark(func(dst []byte) []byte { return b.appendBidExt(dst, a, p) })
	return s
}

// appendMarkup renders the ad of p. Its values are written to buffers of their
// own first: the markup goes into the text that they would move.
func (b *Bidder) appendMarkup(dst []byte, a *auction, p *placed, id span) []byte {
	w, ad := &a.answer, a.ad(&p.candidate)
	v := b.markupValues(a, p)
	v.Bid = dst[id.from:id.to]
	imp := &a.req.Imp[p.imp]
	if ad.medium == mediumBanner && !a.measures(imp, ad) {
		return ad.banner.Append(dst, &v)
	}
	w.event, w.scratch = b.deps.Tokens.Sign(w.event[:0], w.payload, PurposeEvent, w.scratch)
	v.Event = w.event
	switch ad.medium {
	case mediumBanner:
		return ad.measured.Append(dst, &v)
	case mediumNative:
		// The request of an earlier impression may have been decoded since.
		if a.native.Decode(imp.Native.Request) != nil {
			return dst
		}
		return ad.native.Append(dst, &a.native, &v)
	default:
		return ad.vast[p.version].Append(dst, &v)
	}
}

// markupValues are the addresses that p's markup calls.
func (b *Bidder) markupValues(a *auction, p *placed) markup.Values {
	w, e, ad := &a.answer, a.exchange, a.ad(&p.candidate)
	if e.billing[ad.medium] == exchanges.BillingImpression {
		w.imp = b.billingURL(w.imp[:0], a, p, "/t/bill/")
	} else {
		w.imp = b.signedURL(w.imp[:0], w, "/t/imp/", PurposeImpression)
	}
	w.click = b.signedURL(w.click[:0], w, "/t/click/", PurposeClick)
	plain := len(w.click)
	if ad.medium != mediumBanner {
		return markup.Values{Click: w.click, Impression: w.imp}
	}
	from, clicked := plain, span{0, plain}
	if e.ClickMacro != "" { // the exchange counts the click and leads it on to ours
		w.click = append(w.click, e.ClickMacro...)
		w.click = markup.AppendURLEscaped(w.click, w.click[:plain])
		clicked = span{from, len(w.click)}
	}
	if !ad.banner.EscapesClick() {
		return markup.Values{Click: w.click[clicked.from:clicked.to], Impression: w.imp}
	}
	from = len(w.click)
	if e.ClickMacroEscaped == "" {
		w.click = markup.AppendURLEscaped(w.click, w.click[:plain])
	} else { // twice: it is a parameter of the exchange's URL, which is one itself
		w.click = append(w.click, e.ClickMacroEscaped...)
		at := len(w.click)
		w.click = markup.AppendURLEscaped(w.click, w.click[:plain])
		w.scratch = append(w.scratch[:0], w.click[at:]...)
		w.click = markup.AppendURLEscaped(w.click[:at], w.scratch)
	}
	return markup.Values{Click: w.click[clicked.from:clicked.to], ClickEscaped: w.click[from:], Impression: w.imp}
}

// billingURL is the notice that makes us pay, with the price, and for a screen
// how many impressions the play was.
func (b *Bidder) billingURL(dst []byte, a *auction, p *placed, path string) []byte {
	rest := ""
	if multiplier(&a.req.Imp[p.imp]) != oneImpression {
		rest = "&q=${AUCTION_MULTIPLIER}"
	}
	return b.priced(b.signedURL(dst, &a.answer, path, PurposeBilling), a.exchange, rest)
}

func (b *Bidder) priced(dst []byte, e *exchange, rest string) []byte {
	dst = append(dst, "?p="...)
	dst = append(dst, e.PriceMacro...)
	return append(dst, rest...)
}

// maxBillingID is more than any billing id has; room for it is measured.
const maxBillingID = 22

// appendBidExt appends bid.ext; nothing where there is nothing to say.
func (b *Bidder) appendBidExt(dst []byte, a *auction, p *placed) []byte {
	from := len(dst)
	if a.exchange.BillingID == exchanges.BillingIDGoogle {
		if id := openrtb.FirstText(openrtb.Member(a.req.Imp[p.imp].Ext, "billing_id")); len(id) > 0 && len(id) <= maxBillingID {
			dst = append(append(append(dst, `"billing_id":"`...), id...), '"')
		}
	}
	if a.req.Regs != nil && a.req.Regs.DSARequired >= dsaRequired {
		if len(dst) > from {
			dst = append(dst, ',')
		}
		dst = b.appendDSA(dst, a, p)
	}
	if len(dst) == from {
		return dst
	}
	dst = append(dst, 0, '}')
	copy(dst[from+1:], dst[from:len(dst)-2])
	dst[from] = '{'
	dst[len(dst)-1] = '}'
	return dst
}

// token is what the notices of p will know of it; its texts are views.
func (a *auction) token(p *placed) Token {
	l := &a.book.lines[p.row]
	return Token{
		Bid: p.bid, BidAt: a.now, User: a.user, Exchange: a.exchange.Name,
		Advertiser: l.advertiser.ID, Campaign: l.campaign.ID, LineItem: l.item.ID, Creative: a.ad(&p.candidate).creative.ID,
		Lease: p.lease, Day: p.day, Reserved: p.amount, FXRate: p.fx, Currency: a.cur,
		Deal: bytesView(p.dealID(a)), Site: bytesView(a.site), App: a.app, Test: a.req.Test,
		Multiplier: multiplier(&a.req.Imp[p.imp]), Charges: l.item.Pricing.Charges(), Format: a.formatOf(&p.candidate),
		Placement: a.placementOf(p), Household: a.homeOf(l, p.ad),
		Shown: a.shown(a.ad(&p.candidate).creative),
	}
}

// shown is what reports tell impressions of c apart by; its texts are views.
func (a *auction) shown(c *campaigns.Creative) pacing.Shown {
	return pacing.Shown{
		W: c.W, H: c.H, DeviceType: max(a.facts.DeviceType, 0),
		Country: bytesView(place(a.facts.Country)), Region: bytesView(place(a.facts.Region)),
	}
}

// place is a country's or region's code; what is too long to be one is none.
func place(code []byte) []byte {
	if len(code) > pacing.MaxPlace {
		return nil
	}
	return code
}

// startRoom sets how much of the exchange's bound the bids may take.
func (a *auction) startRoom() {
	const frame = 32 + 40 // what an answer has around its id and seat; its ext
	a.room = unbounded
	if a.exchange.MaxAnswerBytes > 0 {
		a.room = a.exchange.MaxAnswerBytes - frame - 2*len(a.req.ID) - len(a.exchange.seat)
	}
}

const unbounded = 1 << 30

// bidBytes is what the bid c on impression i takes in the answer, at most a few
// bytes more: a bid that would be left out must not reserve money.
func (b *Bidder) bidBytes(a *auction, i int, c candidate) int {
	const path, queries, dsa = 9, 170, 120 // of one URL; of all notices together; of bid.ext but for names
	p := placed{candidate: c, imp: i, day: maxDay}
	t := a.token(&p)
	ad := a.ad(&c)
	token := textLen(&t)
	url := len(b.cfg.PublicURL) + path + token
	if limit := a.exchange.MaxNURLBytes; limit > 0 && url+queries/2 > limit {
		return unbounded + 1
	}
	n := ad.bytes + 3*url + queries + 2*(len(a.req.Imp[i].ID)+len(p.dealID(a)))
	if a.req.Regs != nil && a.req.Regs.DSARequired >= dsaRequired {
		n += dsa + len(a.book.lines[c.row].dsa) + len(b.host)
	}
	if a.exchange.RegisteredCreatives {
		return n
	}
	escapes := 0 // of the click within another URL
	if ad.medium == mediumBanner {
		escapes = 64 + len(a.exchange.ClickMacro) + len(a.exchange.ClickMacroEscaped)
	}
	l := markup.Lengths{Click: url + escapes, ClickEscaped: url + escapes, Impression: url + 64, Event: token, Bid: 32}
	switch ad.medium {
	case mediumBanner:
		return n + a.bannerMarkup(&a.req.Imp[i], ad).Size(l)
	case mediumNative:
		return n + ad.native.Size(&a.native, l)
	default:
		return n + ad.vast[c.version].Size(l)
	}
}

// maxDay takes as many bytes in a token as any day.
const maxDay pacing.Day = 99991231

// mark appends to the text by f and says where that stands.
func (w *answerBuffers) mark(f func([]byte) []byte) span {
	from := len(w.text)
	w.text = f(w.text)
	return span{from, len(w.text)}
}

func (w *answerBuffers) at(s span) []byte { return w.text[s.from:s.to] }

func (b *Bidder) signedURL(dst []byte, w *answerBuffers, path string, purpose Purpose) []byte {
	dst = append(dst, b.cfg.PublicURL...)
	dst = append(dst, path...)
	dst, w.scratch = b.deps.Tokens.Sign(dst, w.payload, purpose, w.scratch)
	return dst
}

// fillResponse points the response's bids into the finished text.
func (a *auction) fillResponse() {
	w := &a.answer
	r := &w.resp
	r.ID, r.Cur, r.HasNBR = a.req.ID, a.cur, false
	if cap(r.SeatBid) == 0 { // a no-bid's body leaves it empty, not gone
		r.SeatBid = make([]openrtb.SeatBid, 1)
	}
	r.SeatBid = r.SeatBid[:1]
	seat := &r.SeatBid[0]
	seat.Seat, seat.Bid = a.exchange.seat, seat.Bid[:0]
	for i := range a.bids {
		p, s := &a.bids[i], w.spans[i]
		ad := a.ad(&p.candidate)
		bid := openrtb.Bid{
			ID: w.at(s.id), ImpID: a.req.Imp[p.imp].ID, Price: p.price, AdM: w.at(s.adm),
			NURL: w.at(s.nurl), BURL: w.at(s.burl), LURL: w.at(s.lurl), Ext: w.at(s.ext),
			CID: a.book.lines[p.row].cid, DealID: p.dealID(a), Exp: p.wait(a.now),
		}
		ad.fill(&bid, a.exchange, p.version)
		seat.Bid = append(seat.Bid, bid)
	}
}

// fill sets what the ad alone says of a bid.
func (ad *ad) fill(bid *openrtb.Bid, e *exchange, v markup.Version) {
	bid.ADomain, bid.Bundle, bid.CrID, bid.Cat = ad.adomain, ad.bundle, ad.crid, ad.cat
	if len(ad.cat) > 0 {
		bid.CatTax = ad.catTax
	}
	bid.Attr, bid.APIs, bid.Language, bid.W, bid.H = ad.attr, ad.creative.API, ad.language, ad.creative.W, ad.creative.H
	bid.MType = [...]openrtb.MarkupType{openrtb.MarkupBanner, openrtb.MarkupVideo, openrtb.MarkupAudio, openrtb.MarkupNative}[ad.medium]
	if !e.omitIURL {
		bid.IURL = ad.iurl
	}
	if ad.duration > 0 && ad.medium != mediumNative {
		bid.Dur, bid.Protocol = ad.duration, markup.Protocol(v, ad.wrapper)
	}
	if e.RegisteredCreatives {
		bid.CrID = ad.registered[e.index].id
		bid.AdID = bid.CrID
	}
}

// wait is how many seconds the bid waits for its impression: as long as its
// lease takes notices that are not late.
func (p *placed) wait(now time.Time) int { return max(0, int(p.close.Sub(now)/time.Second)) }

// ad is the candidate's creative.
func (a *auction) ad(c *candidate) *ad { return a.book.lines[c.row].ads[c.ad] }

// appendNoBid is a no-bid's body for exchanges that want the reason.
func (b *Bidder) appendNoBid(a *auction, reason NoBid) []byte {
	w := &a.answer
	r := &w.resp
	r.ID, r.Cur, r.HasNBR, r.NBR = a.req.ID, money.Currency{}, true, reason.NBR()
	r.Ext = b.processingTime(a)
	if len(r.SeatBid) > 0 {
		r.SeatBid = r.SeatBid[:0]
	}
	w.out = openrtb.AppendBidResponse(w.out[:0], r)
	return w.out
}

func (w *answerBuffers) gzip() []byte {
	w.packed.Reset()
	if w.gz == nil {
		w.gz, _ = gzip.NewWriterLevel(&w.packed, gzip.BestSpeed) // the level is a valid constant
	} else {
		w.gz.Reset(&w.packed)
	}
	// Writes to memory do not fail.
	_, _ = w.gz.Write(w.out)
	_ = w.gz.Close()
	return w.packed.Bytes()
}
