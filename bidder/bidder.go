// Package bidder answers OpenRTB bid requests and takes the notices that
// follow: it decodes a request, knows the user, finds the line items that want
// the impression, prices them, checks that they can be afforded, and answers.
// Nothing on that way waits for another machine.
package bidder

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"go.uber.org/zap"

	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/identity"
	"bidhawk/bidder/markup"
	"bidhawk/bidder/offers"
	"bidhawk/bidder/rates"
	"bidhawk/bidder/supply"
	"bidhawk/bidder/traffic"
	"bidhawk/bidder/viewability"
	"bidhawk/campaigns"
	"bidhawk/campaigns/content"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/pacing"
	"bidhawk/pacing/frequency"
	"bidhawk/scoring"
	"bidhawk/targeting"
)

// Profiles knows users by their tags.
type Profiles interface {
	// AppendTags appends the user's live tags; known is false without a profile.
	AppendTags(dst []campaigns.TagKey, user ids.UserKey, now time.Time) (tags []campaigns.TagKey, known bool)
}

// Wallet holds the leases that bids are paid from.
type Wallet interface {
	Reserve(li campaigns.ID, now time.Time, need pacing.Amounts, class uint16) (pacing.Reservation, pacing.Refusal)
	// ReserveGuaranteed does not wait for the even release of a budget.
	ReserveGuaranteed(li campaigns.ID, now time.Time, need pacing.Amounts, class uint16) (pacing.Reservation, pacing.Refusal)
	// Affords looks and takes nothing.
	Affords(li campaigns.ID, now time.Time, need pacing.Amounts, guaranteed bool) pacing.Refusal
	// Meet counts an auction that a line item could bid in, and is its Multiplier:
	// what to bid of the impression's value, at most 1,000,000.
	Meet(li campaigns.ID) money.PPM
	Multiplier(li campaigns.ID) money.PPM
	// Class numbers the bids of one exchange and format.
	Class(name string) uint16
}

// Events takes what bids and notices cause.
type Events interface {
	// Offer never blocks; it drops where the buffer is full.
	Offer(eventlog.Message) bool
	// Publish returns nil once the messages are durable.
	Publish(ctx context.Context, msgs ...eventlog.Message) error
}

// Deps is what a Bidder works with. All are required, but for those that say
// otherwise.
type Deps struct {
	Exchanges []exchanges.Exchange
	Profiles  Profiles
	// Ancestors appends the ancestors of a tag under its owner.
	Ancestors func(dst []campaigns.TagKey, k campaigns.TagKey) []campaigns.TagKey
	TagNumber targeting.TagNumbers
	Wallet    Wallet
	Frequency *frequency.Counter
	Rates     scoring.Predictor
	FX        *rates.Source
	Contents  *content.Taxonomies
	// Traffic tells requests that no person is behind; nil: all are taken.
	Traffic *traffic.Filter
	// Sellers is what is known of who may sell; nil: nothing is asked.
	Sellers func() *supply.Snapshot
	// Offers remembers which exchange offered an impression first; nil: line items
	// bid on every path.
	Offers *offers.Table
	// Sync serves /sync/; nil: nothing is there.
	Sync func(ctx *fasthttp.RequestCtx, rest []byte)
	// Files serves /c/, uploaded creatives; nil: nothing is there.
	Files func(ctx *fasthttp.RequestCtx, key []byte)
	// OverMax is told of a bid above its line item's maximum; nil: nobody is. It must
	// not block.
	OverMax func(OverMax)
	Events  Events
	Tokens  *Tokens
	Users   *identity.Resolver
	BidIDs  *ids.BidIDs
	Clock   func() time.Time
	Logger  *zap.Logger
	// Ready says whether everything a bid needs is loaded; until then requests
	// get a no-bid.
	Ready func() error
}

// Bidder is the exchange-facing server. It is safe for concurrent use.
type Bidder struct {
	cfg   Config
	deps  Deps
	clock func() time.Time
	// exchanges are the agreements in force. A book keeps those that it was compiled
	// for: a request is served by one book and its exchanges.
	exchanges atomic.Pointer[roster]
	change    sync.Mutex // held while exchanges or the book are replaced
	secureURL bool       // PublicURL may be used on secure pages
	host      string     // of PublicURL
	book      atomic.Pointer[book]
	// brakes is the newest catalogue whose kill switches are in force: they don't
	// wait until a book is compiled.
	brakes     atomic.Pointer[campaigns.Catalog]
	refused    refusedLog
	pool       sync.Pool
	metrics    *Metrics
	counts     *counts
	dealCounts *dealCounts
	shading    shading
	view       *viewability.Script
	ghosts     *ghosts
	draining   atomic.Bool
	// explaining is held while an explanation is made.
	explaining sync.Mutex
}

// New checks the configuration. The bidder bids once SetCatalog was called.
func New(cfg Config, deps Deps) (*Bidder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	u, err := url.Parse(cfg.PublicURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || (u.Path != "" && u.Path != "/") {
		return nil, fmt.Errorf("bidder.public_url: got %q; want scheme and host, such as https://dsp.example", cfg.PublicURL)
	}
	cfg.PublicURL = u.Scheme + "://" + u.Host
	if cfg.FilesURL == "" {
		cfg.FilesURL = cfg.PublicURL + "/c"
	}
	b := &Bidder{
		cfg: cfg, deps: deps, clock: deps.Clock,
		secureURL: u.Scheme == "https" || loopback(u.Hostname()), host: u.Hostname(),
		counts: newCounts(deps.BidIDs.Incarnation(), cfg.MaxCountRows), dealCounts: newDealCounts(maxDealRows),
	}
	if b.view, err = viewability.Load(); err != nil {
		return nil, err
	}
	b.metrics = newMetrics()
	b.ghosts = newGhosts(&b.metrics.ghostsLost)
	r, err := newRoster(deps.Exchanges, b.metrics, deps.Wallet, &b.shading)
	if err != nil {
		return nil, err
	}
	b.exchanges.Store(r)
	b.pool.New = func() any { return &auction{} }
	return b, nil
}

// loopback hosts are secure contexts to a browser (W3C Secure Contexts 3.1).
func loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// SetCatalog compiles a catalogue and puts it in force for the bids that start
// from now on. The error joins what is wrong with line items that can't bid; the
// others do.
func (b *Bidder) SetCatalog(cat *campaigns.Catalog) error {
	b.SetBrakes(cat)
	b.change.Lock()
	defer b.change.Unlock()
	return b.compile(cat)
}

// SetBrakes puts the kill switches of a catalogue in force at once; its line
// items wait for SetCatalog. An older catalogue than the one in force is passed over.
func (b *Bidder) SetBrakes(cat *campaigns.Catalog) {
	for {
		held := b.brakes.Load()
		if held != nil && held.Generation > cat.Generation || b.brakes.CompareAndSwap(held, cat) {
			return
		}
	}
}

// killed is the kill switches in force; nil before the first catalogue.
func (b *Bidder) killed() *campaigns.KillState {
	if c := b.brakes.Load(); c != nil {
		return &c.Kill
	}
	return nil
}

// SetExchanges puts other agreements in force. Where one breaks a rule, the error
// names it, and those in force stay.
func (b *Bidder) SetExchanges(list []exchanges.Exchange) error {
	r, err := newRoster(list, b.metrics, b.deps.Wallet, &b.shading)
	if err != nil {
		return err
	}
	b.change.Lock()
	defer b.change.Unlock()
	b.exchanges.Store(r)
	if old := b.book.Load(); old != nil {
		return b.compile(old.catalog)
	}
	return nil
}

// compile makes the next book; change is held.
func (b *Bidder) compile(cat *campaigns.Catalog) error {
	k := compiler{
		exchanges: b.exchanges.Load(), contents: b.deps.Contents, before: b.book.Load(),
		markup: markup.Options{PublicURL: b.cfg.PublicURL, FilesURL: b.cfg.FilesURL, PrivacyURL: b.cfg.PrivacyURL},
	}
	next, err := k.newBook(cat, targeting.Params{Tags: b.deps.TagNumber, Now: b.clock(), Rank: b.rank})
	b.book.Store(next)
	return err
}

// rank orders line items by the most that they can bid, in US dollars.
func (b *Bidder) rank(l campaigns.Lineage) int64 {
	most := l.LineItem.MaxBid
	if l.LineItem.Pricing == campaigns.PricingCPM { // what others bid moves with their rates, or is that
		if w, err := scoring.Value(l.LineItem, l.Agency.PlatformFee, scoring.Expected{}); err == nil {
			most = w.Bid
		}
	}
	v, ok := b.deps.FX.Current().Convert(most, l.Advertiser.Currency, money.USD, money.RoundUp)
	if !ok {
		return 0
	}
	return int64(v)
}

// Agreement is what is agreed with the exchange of that name.
func (b *Bidder) Agreement(exchange string) (exchanges.Exchange, bool) {
	e := b.exchanges.Load().byName[exchange]
	if e == nil {
		return exchanges.Exchange{}, false
	}
	return e.Exchange, true
}

// Knows says whether an exchange of that name is in force.
func (b *Bidder) Knows(exchange string) bool { return b.exchanges.Load().byName[exchange] != nil }

// Generation is that of the catalogue in force, 0 before the first.
func (b *Bidder) Generation() int64 {
	if k := b.book.Load(); k != nil {
		return k.catalog.Generation
	}
	return 0
}

// Indexed says whether a catalogue is in force, if only an empty one.
func (b *Bidder) Indexed() bool { return b.book.Load() != nil }

// Drain answers every request with a no-bid from now on. Notices go on.
func (b *Bidder) Drain() { b.draining.Store(true) }

// Metrics returns the counters.
func (b *Bidder) Metrics() *Metrics { return b.metrics }

// refitEvery is how often what was learned of prices goes into bids.
const refitEvery = 10 * time.Second

// Run flushes bid counts, and fits the curves that shade, until ctx ends, and once more then.
func (b *Bidder) Run(ctx context.Context) error {
	t, refit := time.NewTicker(b.cfg.CountsEvery), time.NewTicker(refitEvery)
	defer t.Stop()
	defer refit.Stop()
	for {
		select {
		case <-ctx.Done():
			b.flushGhosts(context.WithoutCancel(ctx))
			return b.flushCounts(context.WithoutCancel(ctx))
		case <-refit.C:
			b.shading.refit()
		case <-t.C:
			b.flushGhosts(ctx)
			if err := b.flushCounts(ctx); err != nil && ctx.Err() == nil {
				b.deps.Logger.Warn("bid counts were not written", zap.Error(err))
			}
		}
	}
}
