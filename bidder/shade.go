package bidder

import (
	"sync"

	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
	"bidhawk/pacing/control"
)

// Under first price the open auction's bids are shaded by what wins: a curve for
// each exchange and format, that learns from the least prices that notices of wins
// and losses tell (AUCTION_MIN_TO_WIN). Its prices are in US dollars.

// shading keeps the curves: they outlive changes of the agreements.
type shading struct {
	mu     sync.Mutex
	byName map[string]*[formats]*control.Shader // of exchanges
}

// maxShaded bounds the exchanges that are known: what comes after is not shaded.
const maxShaded = 200

// of is an exchange's curves.
func (s *shading) of(exchange string) [formats]*control.Shader {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.byName[exchange]; c != nil {
		return *c
	}
	if len(s.byName) == maxShaded {
		return [formats]*control.Shader{}
	}
	c := &[formats]*control.Shader{}
	for f := FormatBanner; f < formats; f++ {
		c[f] = &control.Shader{}
	}
	if s.byName == nil {
		s.byName = map[string]*[formats]*control.Shader{}
	}
	s.byName[exchange] = c
	return *c
}

// refit makes the curves that bids read from now on.
func (s *shading) refit() {
	s.mu.Lock()
	var all []*control.Shader
	for _, c := range s.byName {
		all = append(all, c[FormatBanner:]...)
	}
	s.mu.Unlock()
	for _, c := range all {
		c.Refit()
	}
}

// shader is the curve by which c is shaded; nil where it is not: under second price,
// under deals, which are no open auction, and of screens, whose plays are not priced
// by the impression.
func (a *auction) shader(c *candidate) *control.Shader {
	if a.req.AT != openrtb.AuctionFirstPrice || c.deal >= 0 || a.req.DOOH != nil {
		return nil
	}
	return a.exchange.shaders[a.formatOf(c)]
}

// shade is what of price, which is c's part of value, is bid. Value is in from's
// money, price in the answer's.
func (a *auction) shade(c *candidate, value, price money.CPM, from money.Currency) money.CPM {
	c.shade = 0
	s := a.shader(c)
	if s == nil || price <= 0 {
		return price
	}
	dollars, ok := a.fx.Convert(value, from, money.USD, money.RoundDown)
	if !ok {
		return price
	}
	if !a.dry && !a.req.Test {
		s.Sample(dollars, c.tie)
	}
	class, ok := s.Class(dollars)
	if !ok {
		return price
	}
	c.shade = uint8(class + 1)
	worth := c.paced(dollars)
	bid := s.Bid(dollars, worth)
	if bid >= worth {
		return price
	}
	v, err := money.MulDiv(int64(price), int64(bid), int64(worth))
	if err != nil {
		return price
	}
	return money.CPM(v)
}

// appendShade appends the class of a shaded bid to a notice's address. It is not
// signed: all that it says is which quarter of the curve learns.
func (p *placed) appendShade(dst []byte) []byte {
	if p.shade == 0 {
		return dst
	}
	return append(append(dst, "&v="...), '0'+p.shade-1)
}

// learnPrice tells the curve what became of t's bid. v is what appendShade wrote.
func (b *Bidder) learnPrice(t *Token, v []byte, least money.CPM, won bool) {
	if len(v) != 1 || v[0] < '0' || v[0] >= '0'+control.ShadeClasses || t.Deal != "" {
		return
	}
	e := b.exchanges.Load().byName[t.Exchange]
	if e == nil || e.shaders[t.Format] == nil {
		return
	}
	if least > 0 {
		var ok bool
		if least, ok = b.deps.FX.Current().Convert(least, t.Currency, money.USD, money.RoundUp); !ok {
			return
		}
	}
	e.shaders[t.Format].Outcome(int(v[0]-'0'), b.bidOf(t), least, won)
}

// lostByPrice says whether a loss tells of prices (AdCOM 1.0, Loss Reason Codes): a
// bid below the floor, and one that another outbid; where nothing is said, it is that.
func lostByPrice(reason int) bool { return reason == 0 || reason == 100 || reason == 102 }

// bidOf is the price that t's bid was made at, in US dollars; 0 where it is not known.
func (b *Bidder) bidOf(t *Token) money.CPM {
	if t.FXRate <= 0 || t.Multiplier != oneImpression {
		return 0
	}
	// Reserved is one impression's price, in the advertiser's money.
	v, err := money.MulDiv(int64(t.Reserved.Media), int64(money.One), int64(t.FXRate))
	if err != nil || v <= 0 || v > int64(money.MaxCPM) {
		return 0
	}
	bid, ok := b.deps.FX.Current().Convert(money.CPM(v), t.Currency, money.USD, money.RoundDown)
	if !ok {
		return 0
	}
	return bid
}
