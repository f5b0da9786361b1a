package loadtest

import (
	"math"
	"net/url"
	"strings"
	"time"

	"bidhawk/internal/money"
)

// won sends the win notice now and, where the ad is shown, the billing notice,
// the impression and what people do with the ad when that happens.
func (x *exchange) won(c *cleared, o *offer, m *macros) {
	b := o.bid
	x.tally.wins.Add(1)
	x.tally.formats[c.format].wins.Add(1)
	x.tally.line(b.CID, b.CRID, func(l *LineResult) { l.Wins++ })
	if mbr, err := money.MulDiv(int64(m.price), 1_000_000, int64(o.exhibit.price)); err == nil {
		m.mbr = money.PPM(mbr)
	}
	now, p, seed := x.cfg.Now(), x.cfg.People, x.cfg.Seed
	x.send(c, errandWin, m.inURL(b.NURL), now)
	if !chance(draw(seed, forRender, c.key), p.RenderShare) {
		x.tally.notRendered.Add(1)
		return
	}
	delay := p.RenderDelay
	if c.format == FormatDOOH {
		delay = p.ScreenDelay
	}
	m.rendered = now.Add(some(delay, draw(seed, forRenderDelay, c.key)))
	t := o.exhibit.findTrackers(m.inMarkup(b.AdM), x.hosts(b))
	if o.exhibit.vast != nil && chance(draw(seed, forPlayerError, c.key), p.PlayerErrorShare) {
		x.tally.notRendered.Add(1)
		x.send(c, errandError, inPlayer(t.failed, mediaNotShown), m.rendered)
		return
	}
	x.tally.rendered.Add(1)
	if !c.vastBills {
		x.send(c, errandBill, m.inURL(b.BURL), m.rendered)
	}
	x.send(c, errandImpression, inPlayer(t.impression, ""), m.rendered)
	x.watched(c, &t, m.rendered)
	if c.format != FormatDOOH {
		x.clickPerhaps(c, &t, m.rendered)
	}
}

// mediaNotShown is a VAST error code: the media file could not be displayed.
const mediaNotShown = "405"

// watched sends the quartiles that somebody reached, and the viewable event. A
// second of the ad passes in few milliseconds here.
func (x *exchange) watched(c *cleared, t *trackers, rendered time.Time) {
	seed, p := x.cfg.Seed, x.cfg.People
	if chance(draw(seed, forViewable, c.key), p.ViewableShare) {
		x.send(c, errandViewable, inPlayer(t.viewable, ""), rendered)
	}
	for i, u := range t.events {
		// Four steps from the start to the end, of equal shares.
		if i > 0 && !chance(draw(seed, forQuartile, c.key+uint64(i)<<40), math.Sqrt(math.Sqrt(p.CompleteShare))) {
			return
		}
		x.send(c, errandStart+errandKind(i), inPlayer(u, ""), rendered.Add(time.Duration(i)*quartilePause))
	}
}

const quartilePause = 20 * time.Millisecond

func (x *exchange) clickPerhaps(c *cleared, t *trackers, rendered time.Time) {
	seed := x.cfg.Seed
	if !chance(draw(seed, forClick, c.key), x.clickRate(c)) {
		return
	}
	due := rendered.Add(some(x.cfg.People.ClickDelay, draw(seed, forClickDelay, c.key)))
	x.send(c, errandClickTracker, inPlayer(t.clicked, ""), due)
	if t.click != "" {
		x.submit(errand{kind: errandClick, url: inPlayer(t.click, ""), bid: c, due: due, redirects: t.redirects, landing: t.landing})
	}
}

// send submits an errand and, for a share of them, a copy on purpose: half at
// the same instant, half up to a second later. A missing URL sends nothing.
func (x *exchange) send(c *cleared, k errandKind, u string, due time.Time) {
	if u == "" {
		return
	}
	e := errand{kind: k, url: u, bid: c, due: due}
	e.post = k.notice() && chance(draw(x.cfg.Seed, forPost, e.key()), x.cfg.Notices.PostShare)
	x.submit(e)
}

// key is of the draws about an errand.
func (e *errand) key() uint64 { return e.bid.key ^ uint64(e.kind)<<56 }

func (x *exchange) submit(e errand) {
	key := e.key()
	again := e // before the courier has e: it writes to it at once
	x.courier.submit(&e)
	if !chance(draw(x.cfg.Seed, forRepeat, key), x.cfg.Notices.RepeatShare) {
		return
	}
	again.repeat = true
	if d := draw(x.cfg.Seed, forRepeatDelay, key); d&1 == 1 {
		again.due = again.due.Add(time.Duration(unit(d) * float64(time.Second)))
	}
	x.courier.submit(&again)
}

// clickRate is the hidden rate of this user and creative: log-normal factors
// of mean one around CTR.
func (x *exchange) clickRate(c *cleared) float64 {
	sigma := x.cfg.People.RateSigma
	creative := normal(draw(x.cfg.Seed, forCreativeCTR, hashString(c.crid)))
	person := normal(draw(x.cfg.Seed, forUserCTR, uint64(c.user)))
	return x.cfg.People.CTR * math.Exp(sigma*(creative+person)-sigma*sigma)
}

// some is an exponential delay with a mean, at most ten times as long.
func some(mean time.Duration, u uint64) time.Duration {
	return time.Duration(min(exponential(u), 10) * float64(mean))
}

// landed is told of the first acknowledgement of each kind for each bid.
func (x *exchange) landed(e *errand, location string) {
	c := e.bid
	if c.bills(e.kind) {
		x.tally.bill(c)
	}
	x.tally.events[e.kind].Add(1)
	switch e.kind {
	case errandImpression:
		x.tally.impressions.Add(1)
		x.tally.line(c.cid, c.crid, func(l *LineResult) { l.Impressions++ })
	case errandClick:
		x.tally.clicks.Add(1)
		x.tally.line(c.cid, c.crid, func(l *LineResult) { l.Clicks++ })
		if location == "" {
			location = e.landing
		}
		x.clicked(c, location)
	case errandConversion:
		x.tally.conversions.Add(1)
		x.tally.orderNanos.Add(int64(e.orderValue))
		x.tally.line(c.cid, c.crid, func(l *LineResult) { l.Conversions++; l.OrderNanos += e.orderValue })
	}
}

// clicked lets a share of people buy: the advertiser's page calls the pixel
// with the click's id.
func (x *exchange) clicked(c *cleared, landing string) {
	id := clickID(landing)
	if id == "" || !chance(draw(x.cfg.Seed, forConversion, c.key), x.cfg.People.CVR) {
		return
	}
	value := x.orderValue(c.key)
	order := orderID(x.pool.run, c)
	q := url.Values{
		"click": {id}, "order": {order}, "value": {value.String()},
		"cur": {x.cfg.Currency}, "type": {"purchase"},
	}
	x.submit(errand{
		kind: errandConversion, bid: c, order: order, orderValue: value,
		url: strings.TrimSuffix(x.cfg.Target, "/") + conversionPath + "?" + q.Encode(),
		due: x.cfg.Now().Add(some(x.cfg.People.ConversionDelay, draw(x.cfg.Seed, forConversionDelay, c.key))),
	})
}

// orderValue is log-normal, in whole cents.
func (x *exchange) orderValue(key uint64) money.Nanos {
	const cent = money.Unit / 100
	cents := float64(x.cfg.People.OrderMedian/cent) * math.Exp(0.6*normal(draw(x.cfg.Seed, forValue, key)))
	return money.Nanos(min(max(cents, 1), 1e8)) * cent
}
