package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"bidhawk/attribution"
	"bidhawk/bidder"
	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/rates"
	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/pacing"
	"bidhawk/pacing/breaker"
)

// Breakers is what stops bidding by itself; a percentage of 0 switches its breaker off.
type Breakers struct {
	Every           time.Duration `yaml:"every"` // how often the ledger is looked at
	Window          time.Duration `yaml:"window"`
	SpendPercent    int           `yaml:"spend_percent"`
	SpendEvents     int           `yaml:"spend_events"`
	TotalEvents     int           `yaml:"total_events"`
	WinRatePercent  int           `yaml:"win_rate_percent"`
	WinRateWins     int           `yaml:"win_rate_wins"`
	NormWins        int           `yaml:"norm_wins"`
	NormAfter       time.Duration `yaml:"norm_after"`
	RenderedPercent int           `yaml:"rendered_percent"`
	BilledMin       int           `yaml:"billed_min"`
	RenderDelay     time.Duration `yaml:"render_delay"`
	CoolDown        time.Duration `yaml:"cool_down"`
}

func defaultBreakers() Breakers {
	d := breaker.DefaultConfig()
	return Breakers{
		Every: 30 * time.Second, Window: d.Window, SpendPercent: d.SpendPercent, SpendEvents: d.SpendEvents, TotalEvents: d.TotalEvents,
		WinRatePercent: d.WinRatePercent, WinRateWins: d.WinRateWins, NormWins: d.NormWins, NormAfter: d.NormAfter,
		RenderedPercent: d.RenderedPercent, BilledMin: d.BilledMin, RenderDelay: d.RenderDelay, CoolDown: d.CoolDown,
	}
}

func (b *Breakers) config() breaker.Config {
	c := breaker.DefaultConfig()
	c.Window, c.SpendPercent, c.SpendEvents, c.TotalEvents = b.Window, b.SpendPercent, b.SpendEvents, b.TotalEvents
	c.WinRatePercent, c.WinRateWins, c.NormWins, c.NormAfter = b.WinRatePercent, b.WinRateWins, b.NormWins, b.NormAfter
	c.RenderedPercent, c.BilledMin, c.RenderDelay, c.CoolDown = b.RenderedPercent, b.BilledMin, b.RenderDelay, b.CoolDown
	return c
}

func (c *Config) checkBreakers() error {
	b := c.Breakers.config()
	err := b.Validate()
	if rule, ok := errors.AsType[*breaker.RuleError](err); ok {
		return wrong("breakers."+rule.Field, rule.Value, rule.Rule)
	}
	return err
}

// breakers watches this node's figures. A trip is a record on the topic brakes;
// the node that has the campaign store sets its kill switch, which reaches all.
type breakers struct {
	cfg   breaker.Config
	spend *breaker.Spend // of watchSpend alone
	mu    sync.Mutex
	flow  *breaker.Flow // mu
	trips map[breaker.Name]*atomic.Int64
	// Of a node without a bidder, which has them in its inventory.
	exchanges map[string]exchanges.Exchange
	fx        *rates.Source
	held      atomic.Int64 // trips that a release held back
	over      chan bidder.OverMax
	// told is when each switch was last asked for: until it is on, the figures go on
	// to be wrong. mu.
	told map[string]time.Time
}

func newBreakers(cfg breaker.Config) *breakers {
	b := &breakers{cfg: cfg, spend: breaker.NewSpend(cfg), flow: breaker.NewFlow(cfg), over: make(chan bidder.OverMax, 64),
		told: map[string]time.Time{}, trips: map[breaker.Name]*atomic.Int64{}}
	for _, name := range breaker.Names() {
		b.trips[name] = new(atomic.Int64)
	}
	return b
}

// tellOverMax is called on the way of a bid: it drops what has no room, since the
// bid is not sent anyway and the next one tells again.
func (b *breakers) tellOverMax(o bidder.OverMax) {
	select {
	case b.over <- o:
	default:
	}
}

const (
	tellAgain = time.Minute
	flowEvery = time.Minute
	fresh     = time.Minute // reports that are older make the flow blind
)

// watchBreakers looks at the figures until ctx ends.
func (n *Node) watchBreakers(ctx context.Context) error {
	spend, flow := time.NewTicker(n.cfg.Breakers.Every), time.NewTicker(flowEvery)
	defer spend.Stop()
	defer flow.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case o := <-n.breakers.over:
			n.trip(ctx, breaker.MaxBid(o.LineItem, o.Exchange, o.Bid, o.Max, o.Currency, Clock()))
		case <-spend.C:
			n.watchSpend(ctx, Clock())
		case <-flow.C:
			n.watchFlow(ctx, Clock())
		}
	}
}

// watchSpend shows the breaker the ledger's line items: those of the partitions
// that this node's pacer has.
func (n *Node) watchSpend(ctx context.Context, now time.Time) {
	if n.pacer == nil {
		return
	}
	if n.pacer.Ready() != nil || !n.feed.Ready() {
		n.breakers.spend.Forget()
		return
	}
	for _, t := range n.breakers.spend.Observe(now, n.spendLines()) {
		n.trip(ctx, t)
	}
}

// spendLines are the line items of the pacer's own partitions: what it only reads
// along is another's to watch. Some have no plan that can be passed: ASAP has none,
// guaranteed deals go past it, sales (CPS) and flat days (CPD) are not charged as bids
// are made. Of these it is media cost that is watched, against their traffic.
func (n *Node) spendLines() []breaker.Line {
	cat, fx := n.feed.Catalog(), n.fx().Current()
	lines := make(map[campaigns.ID]*breaker.Line)
	figures := n.pacer.Figures()
	for i := range figures.Plans {
		p := &figures.Plans[i]
		l, ok := cat.Lineage(p.LineItem)
		if !ok {
			continue
		}
		line := breaker.Line{LineItem: p.LineItem, Currency: l.Advertiser.Currency, Stopped: cat.Kill.Stops(l)}
		if p.Pacing == campaigns.PacingASAP || l.LineItem.Guaranteed || unitOf(l.LineItem) == 0 {
			ok = openLine(&line, l.LineItem, p)
		} else {
			line.Planned, line.Spent, line.Limit, line.Unit = p.Planned, p.Spent, p.Limit, unitOf(l.LineItem)
			line.USD, _ = fx.Between(l.Advertiser.Currency, money.USD)
			ok = p.Limit > 0
		}
		if ok {
			lines[p.LineItem] = &line
		}
	}
	for i := range figures.Accounts {
		a := &figures.Accounts[i]
		l := lines[a.LineItem]
		if l == nil || a.Level != pacing.LevelLineItem {
			continue
		}
		l.Posted, l.Held = a.Lifetime.Posted, a.Lifetime.Held
		if l.Open {
			l.Posted, l.Held, l.Today = a.Media.Posted, a.Media.Held, a.MediaToday.Posted
		}
	}
	out := make([]breaker.Line, 0, len(lines))
	for _, id := range slices.Sorted(maps.Keys(lines)) {
		out = append(out, *lines[id])
	}
	return out
}

// openLine bounds what traffic could have cost: each auction met at the dearest, or
// what bidders say they have reserved, where a play has many viewers.
func openLine(line *breaker.Line, l *campaigns.LineItem, p *pacing.PlanView) bool {
	dearest := l.MaxBid
	if dearest == 0 {
		dearest = l.Price // of CPM alone, where it is the most
	}
	line.Open, line.Unit = true, dearest.PerImpression()
	most, err := money.MulDiv(p.Met, int64(line.Unit), 1)
	if err != nil || line.Unit <= 0 {
		return false
	}
	line.Planned = max(money.Nanos(most), p.Reserved)
	if l.Pricing == campaigns.PricingCPD {
		line.Fee, err = perEvent(l)
	}
	return err == nil
}

// perEvent is the price of rules that name it per event or day, in micros.
func perEvent(l *campaigns.LineItem) (money.Nanos, error) {
	n, err := money.MulDiv(int64(l.Price), 1000, 1)
	return money.Nanos(n), err
}

// unitOf is the most that one event of a line item charges; 0 where charges don't
// follow bids.
func unitOf(l *campaigns.LineItem) money.Nanos {
	switch l.Pricing {
	case campaigns.PricingCPM, campaigns.PricingVCPM, campaigns.PricingDCPM:
		return max(l.Price, l.MaxBid).PerImpression()
	case campaigns.PricingCPC, campaigns.PricingCPCV, campaigns.PricingCPA:
		unit, err := perEvent(l)
		if err != nil {
			return 0
		}
		return unit
	}
	return 0
}

// counted shows the breaker what the reports have counted, of all nodes.
func (n *Node) counted(counts []attribution.Count) {
	cat := n.feed.Catalog()
	list := make([]breaker.Count, 0, len(counts))
	for _, c := range counts {
		b := breaker.Count{LineItem: c.LineItem, Exchange: c.Exchange, Quarter: c.Slot / 900, Bids: c.Bids, Wins: c.Wins}
		if n.tellsImpressions(cat.Creatives[c.Creative], c.Exchange) {
			b.Trackable, b.Shown = c.Billable, c.Impressions
		}
		list = append(list, b)
	}
	b := n.breakers
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flow.Add(Clock(), list)
}

// tellsImpressions says whether an impression of c on the exchange is told apart
// from its bill: by markup of ours that is not what bills.
func (n *Node) tellsImpressions(c *campaigns.Creative, exchange string) bool {
	if c == nil {
		return false
	}
	e, ok := n.agreement(exchange)
	if !ok || e.RegisteredCreatives {
		return false
	}
	event := e.BillingBanner
	switch c.Format {
	case campaigns.FormatVideo:
		event = e.BillingVideo
	case campaigns.FormatAudio:
		event = e.BillingAudio
	case campaigns.FormatNative:
		event = e.BillingNative
	}
	return event != exchanges.BillingImpression
}

// openBreakers reads what a node without a bidder needs of exchanges and rates, as
// they are at its start.
func (n *Node) openBreakers(context.Context) error {
	list, err := n.cfg.exchanges(func(string, error) {}) // bidders tell of it
	if err != nil {
		return err
	}
	n.breakers.exchanges = make(map[string]exchanges.Exchange)
	for _, e := range list {
		n.breakers.exchanges[e.Name] = e
	}
	n.breakers.fx, err = n.cfg.rates()
	return err
}

// agreement is what is agreed with the exchange of that name.
func (n *Node) agreement(exchange string) (e exchanges.Exchange, ok bool) {
	if n.bidder != nil {
		return n.bidder.Agreement(exchange)
	}
	e, ok = n.breakers.exchanges[exchange]
	return e, ok
}

func (n *Node) fx() *rates.Source {
	if n.inventory.fx != nil {
		return n.inventory.fx
	}
	return n.breakers.fx
}

// watchFlow looks at rates, unless the reports are behind: then wins, bids, bills
// and impressions come out of step.
func (n *Node) watchFlow(ctx context.Context, now time.Time) {
	if n.reports == nil {
		n.breakers.forgetTold(now)
		return
	}
	f, err := n.reports.Freshness(ctx)
	b := n.breakers
	b.mu.Lock()
	var trips []breaker.Trip
	if err != nil || f.LagRecords > 0 && now.Sub(f.AsOf) > fresh {
		b.flow.Forget(now)
	} else {
		trips = b.flow.Trips(now)
	}
	b.mu.Unlock()
	b.forgetTold(now)
	for _, t := range trips {
		n.trip(ctx, t)
	}
}

func (b *breakers) forgetTold(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.told, func(_ string, at time.Time) bool { return now.Sub(at) > tellAgain })
}

// trip tells of a breaker: in the log, the metrics and on the topic, from where it
// becomes a kill switch. What a person released lately is left alone.
func (n *Node) trip(ctx context.Context, t breaker.Trip) {
	b := n.breakers
	held, known := n.feed.Catalog().Switches[t.Switch]
	if why := b.cfg.Holds(&t, held, known); why != "" {
		if !held.On {
			b.held.Add(1)
			n.logger.Warn("a breaker would trip, and leaves alone what was released", zap.String("switch", t.Switch), zap.String("why", why), zap.String("reason", t.Reason))
		}
		return
	}
	b.mu.Lock()
	last, told := b.told[t.Switch]
	if told = told && t.At.Sub(last) < tellAgain; !told {
		b.told[t.Switch] = t.At
	}
	b.mu.Unlock()
	if told {
		return
	}
	b.trips[t.Breaker].Add(1)
	n.logger.Error("a breaker has tripped: bidding stops", zap.String("breaker", string(t.Breaker)), zap.String("switch", t.Switch), zap.String("reason", t.Reason))
	value, err := json.Marshal(t)
	if err == nil {
		err = n.publisher.Publish(ctx, eventlog.Message{Topic: eventlog.TopicBrakes, Key: []byte(t.Switch), Value: value})
	}
	if err != nil {
		n.logger.Error("a breaker's trip was not written; it trips again", zap.String("switch", t.Switch), zap.Error(err))
	}
}

// followTrips turns the trips of every node into kill switches, in the store. It
// reads the topic from its beginning each time: a trip that has been dealt with,
// by its switch or by a person since, changes nothing.
func (n *Node) followTrips(ctx context.Context) error {
	editor := campaigns.NewEditor(n.store, n.taxonomy, nil, Clock) // it sets switches alone: categories are not asked for
	next := eventlog.FirstOffset
	for {
		err := n.readTrips(ctx, editor, &next)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, eventlog.ErrOffsetOutOfRange) {
			next = eventlog.FirstOffset
		}
		n.logger.Warn("trips of breakers can't be set; trying again", zap.Error(err))
		if pause(ctx, time.Second) != nil {
			return nil
		}
	}
}

func (n *Node) readTrips(ctx context.Context, editor *campaigns.Editor, next *int64) error {
	r, err := n.log.Read(ctx, eventlog.TopicBrakes, 0, *next)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		recs, err := r.Fetch(ctx, 100)
		if err != nil {
			return err
		}
		for i := range recs {
			if err := n.applyTrip(ctx, editor, &recs[i]); err != nil {
				return err
			}
			*next = recs[i].Offset + 1
		}
	}
}

// staleTrip is how old a trip may be that sets a switch: what goes on trips again,
// and a store that was begun anew does not know what was released long ago.
const staleTrip = time.Hour

func (n *Node) applyTrip(ctx context.Context, editor *campaigns.Editor, r *eventlog.Record) error {
	var t breaker.Trip
	if err := json.Unmarshal(r.Value, &t); err != nil {
		n.deadLetter(*r, "not a trip: "+err.Error())
		return nil
	}
	k, err := t.KillSwitch()
	if err != nil {
		n.deadLetter(*r, err.Error())
		return nil
	}
	if Clock().Sub(t.At) > staleTrip {
		return nil
	}
	set, err := n.store.KillSwitches(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(set, func(s campaigns.KillSwitch) bool { return s.Name() == t.Switch })
	if i >= 0 && n.breakers.cfg.Holds(&t, set[i], true) != "" {
		return nil
	}
	var refused *campaigns.ValidationError
	if err := editor.SetKillSwitch(ctx, &k); errors.As(err, &refused) {
		n.deadLetter(*r, fmt.Sprintf("kill switch %s: %v", t.Switch, refused))
		return nil
	} else if err != nil {
		return err
	}
	return nil
}

func (n *Node) writeBreakerMetrics(w io.Writer) {
	b := n.breakers
	for _, name := range breaker.Names() {
		fmt.Fprintf(w, "bidhawk_breaker_trips_total{breaker=%q} %d\n", name, b.trips[name].Load())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(w, "bidhawk_breaker_held_total %d\n", b.held.Load())
	fmt.Fprintf(w, "bidhawk_breaker_pairs %d\n", b.flow.Len())
	fmt.Fprintf(w, "bidhawk_breaker_pairs_passed_total %d\n", b.flow.Passed())
}
