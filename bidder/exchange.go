package bidder

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/supply"
	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// exchange is what is agreed with one exchange, prepared for bidding.
type exchange struct {
	exchanges.Exchange
	index    int    // among the configured ones, by name
	hash     uint64 // of its name
	seat     []byte // Seat, for answers
	sellers  supply.Rules
	screens  supply.Rules // of DOOH, which has no ads.txt
	metrics  *exchangeMetrics
	quota    quota
	step     money.CPM // prices are multiples of it
	billing  [mediumCount]exchanges.BillingEvent
	shaders  [formats]*control.Shader // nil: not shaded
	classes  [formats]uint16          // of reservations: what notices of an exchange and a format have in common
	omitNURL bool
	omitLURL bool
	omitIURL bool
}

// roster is the agreements that are in force together. It is immutable.
type roster struct {
	list   []*exchange
	byName map[string]*exchange
}

func newRoster(list []exchanges.Exchange, m *Metrics, w Wallet, s *shading) (*roster, error) {
	r := &roster{byName: make(map[string]*exchange)}
	for i := range list {
		e, err := newExchange(list[i], i)
		if err != nil {
			return nil, err
		}
		if r.byName[e.Name] != nil {
			return nil, fmt.Errorf("exchanges: name %q: got it twice; want it once", e.Name)
		}
		r.byName[e.Name] = e
		r.list = append(r.list, e)
	}
	if len(r.list) == 0 {
		return nil, errors.New("exchanges: got none; want at least one")
	}
	for _, e := range r.list { // none was wrong: nothing is counted for what is refused
		e.metrics, e.shaders = m.exchange(e.Name), s.of(e.Name)
		for f := FormatBanner; f < formats; f++ {
			e.classes[f] = w.Class(e.Name + "/" + f.String())
		}
	}
	return r, nil
}

func newExchange(e exchanges.Exchange, index int) (*exchange, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	x := &exchange{
		Exchange: e, index: index, hash: foldHash([]byte(e.Name)), seat: []byte(e.Seat), quota: quota{perSecond: int64(e.MaxQPS)},
		billing: [mediumCount]exchanges.BillingEvent{
			mediumBanner: e.BillingBanner, mediumVideo: e.BillingVideo, mediumAudio: e.BillingAudio, mediumNative: e.BillingNative,
		},
		omitNURL: e.Omits(exchanges.FieldNURL), omitLURL: e.Omits(exchanges.FieldLURL), omitIURL: e.Omits(exchanges.FieldIURL),
	}
	x.step = priceStep
	if e.PriceUnit == exchanges.PriceImpressionMicros {
		x.step = impressionStep
	}
	var err error
	if x.sellers, err = sellerRules(&e); err != nil {
		return nil, fmt.Errorf("exchanges.%s.supply: %w", e.Name, err)
	}
	x.screens = x.sellers
	x.screens.AdsTxt = supply.Allow
	return x, nil
}

// quota counts the requests of the second at hand. It is safe for concurrent use.
type quota struct {
	perSecond int64        // 0: without bound
	state     atomic.Int64 // the second, 32 bits, and its count, 31 bits
}

// take counts one request and says whether it is within the bound.
func (q *quota) take(now time.Time) bool {
	if q.perSecond == 0 {
		return true
	}
	second := now.Unix() & (1<<32 - 1)
	for {
		old := q.state.Load()
		next := old + 1
		if old>>31 != second {
			next = second<<31 + 1
		} else if old&(1<<31-1) >= q.perSecond {
			return false
		}
		if q.state.CompareAndSwap(old, next) {
			return true
		}
	}
}
