package bidder

import (
	"bytes"

	"github.com/klauspost/compress/gzip"
	"github.com/valyala/fasthttp"

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
	click   []byte
	imp     []byte
	out     []byte
	packed  bytes.Buffer
	gz      *gzip.Writer
}

// span is a part of answerBuffers.text.
type span struct{ from, to int }

type bidSpans struct{ id, adm, nurl, burl, lurl span }

// answer writes the bids of a as the response, 200 with its JSON. Bids were
// only placed where they fit the exchange's bound (see bidBytes); where they pass
// it nevertheless, they are left out from the last on, and what they reserved
// comes back when their lease closes.
func (b *Bidder) answer(ctx *fasthttp.RequestCtx, a *auction) NoBid {
	w := &a.answer
	w.text, w.spans = w.text[:0], w.spans[:0]
	for i := range a.bids {
		w.spans = append(w.spans, b.writeMarkup(a, &a.bids[i]))
	}
	a.fillResponse()
	w.out = openrtb.AppendBidResponse(w.out[:0], &w.resp)
	for len(w.out) > a.exchange.MaxAnswerBytes {
		a.bids = a.bids[:len(a.bids)-1]
		if len(a.bids) == 0 {
			return NoBidAnswerTooLarge
		}
		seat := &w.resp.SeatBid[0]
		seat.Bid = seat.Bid[:len(a.bids)]
		w.out = openrtb.AppendBidResponse(w.out[:0], &w.resp)
		b.metrics.trimmedBids.Add(1)
	}
	b.counts.add(a)
	ctx.SetContentType("application/json")
	if a.exchange.Gzip && ctx.Request.Header.HasAcceptEncoding("gzip") {
		ctx.Response.Header.SetContentEncoding("gzip")
		ctx.SetBody(w.gzip())
		return NoBidNone
	}
	ctx.SetBody(w.out)
	return NoBidNone
}

// writeMarkup appends what one bid needs in text: its id, notice URLs and markup.
func (b *Bidder) writeMarkup(a *auction, p *placed) (s bidSpans) {
	w := &a.answer
	l := &a.book.lines[p.row]
	ad := &l.ads[p.ad]
	t := a.token(p)
	w.payload = b.deps.Tokens.AppendPayload(w.payload[:0], &t)
	s.id = w.mark(func(dst []byte) []byte { return p.bid.AppendHex(dst) })
	s.nurl = w.mark(func(dst []byte) []byte { return b.noticeURL(dst, w, "/n/win/", PurposeWin, "?p=${AUCTION_PRICE}") })
	s.burl = w.mark(func(dst []byte) []byte { return b.noticeURL(dst, w, "/n/bill/", PurposeBilling, "?p=${AUCTION_PRICE}") })
	s.lurl = w.mark(func(dst []byte) []byte {
		return b.noticeURL(dst, w, "/n/loss/", PurposeLoss, "?r=${AUCTION_LOSS}&m=${AUCTION_MIN_TO_WIN}")
	})
	w.click = b.noticeURL(w.click[:0], w, "/t/click/", PurposeClick, "")
	w.imp = b.noticeURL(w.imp[:0], w, "/t/imp/", PurposeImpression, "")
	s.adm = w.mark(func(dst []byte) []byte { return ad.markup.append(dst, w.click, w.imp) })
	return s
}

// token is what the notices of p will know of it; its texts are views.
func (a *auction) token(p *placed) Token {
	l := &a.book.lines[p.row]
	return Token{
		Bid: p.bid, BidAt: a.now, User: a.user, Exchange: a.exchange.Name,
		Advertiser: l.advertiser.ID, Campaign: l.campaign.ID, LineItem: l.item.ID, Creative: l.ads[p.ad].creative.ID,
		Lease: p.lease, Day: p.day, Reserved: p.amount, FXRate: p.fx, Currency: a.cur,
		Deal: bytesView(p.dealID(a)), Site: bytesView(a.site), App: a.app, Test: a.req.Test,
		PerClick: perClick(l.item),
	}
}

// startRoom sets how much of the exchange's bound the bids may take.
func (a *auction) startRoom() {
	const frame = 32 // what an answer has around its id and seat
	a.room = a.exchange.MaxAnswerBytes - frame - 2*len(a.req.ID) - len(a.exchange.seat)
}

// bidBytes is what the bid c on impression i takes in the answer, at most a few
// bytes more: a bid that would be left out must not reserve money.
func (b *Bidder) bidBytes(a *auction, i int, c candidate) int {
	const paths, queries = 9, 82 // of one URL; of the three notices together
	p := placed{candidate: c, imp: i, day: maxDay}
	t := a.token(&p)
	ad := &a.book.lines[c.row].ads[c.ad]
	return ad.bytes + (3+len(ad.markup.slots))*(len(b.cfg.PublicURL)+paths+textLen(&t)) + queries +
		2*(len(a.req.Imp[i].ID)+len(p.dealID(a)))
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

func (b *Bidder) noticeURL(dst []byte, w *answerBuffers, path string, purpose Purpose, query string) []byte {
	dst = append(dst, b.cfg.PublicURL...)
	dst = append(dst, path...)
	dst, w.scratch = b.deps.Tokens.Sign(dst, w.payload, purpose, w.scratch)
	return append(dst, query...)
}

// fillResponse points the response's bids into the finished text.
func (a *auction) fillResponse() {
	w := &a.answer
	r := &w.resp
	r.ID, r.Cur, r.HasNBR = a.req.ID, a.cur, false
	if len(r.SeatBid) == 0 {
		r.SeatBid = make([]openrtb.SeatBid, 1)
	}
	r.SeatBid = r.SeatBid[:1]
	seat := &r.SeatBid[0]
	seat.Seat, seat.Bid = a.exchange.seat, seat.Bid[:0]
	for i := range a.bids {
		p, s := &a.bids[i], w.spans[i]
		l := &a.book.lines[p.row]
		ad := &l.ads[p.ad]
		seat.Bid = append(seat.Bid, openrtb.Bid{
			ID: w.at(s.id), ImpID: a.req.Imp[p.imp].ID, Price: p.price, AdM: w.at(s.adm),
			NURL: w.at(s.nurl), BURL: w.at(s.burl), LURL: w.at(s.lurl), IURL: ad.iurl,
			ADomain: ad.adomain, CID: l.cid, CrID: ad.crid, Cat: ad.cat, CatTax: 1, Attr: ad.attr,
			MType: openrtb.MarkupBanner, Language: ad.language, DealID: p.dealID(a),
			W: ad.creative.W, H: ad.creative.H,
		})
	}
}

// appendNoBid is a no-bid's body for exchanges that want the reason.
func (a *auction) appendNoBid(reason NoBid) []byte {
	w := &a.answer
	r := &w.resp
	r.ID, r.Cur, r.HasNBR, r.NBR = a.req.ID, money.Currency{}, true, reason.NBR()
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

// release forgets everything that points into the request.
func (a *auction) release() {
	a.req.Reset()
	a.bids, a.best, a.rows = a.bids[:0], a.best[:0], a.rows[:0]
	a.exchange, a.book, a.site = nil, nil, nil
	a.user = 0
}
