package loadtest

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strings"
	"time"

	"bidhawk/internal/money"
)

// Config says what to send where, and how the exchange and its users behave.
// Defaults fills what most runs leave alone.
type Config struct {
	Target      string        // base URL of the server's bid listener, http only: "http://127.0.0.1:8080"
	Exchange    string        // the {exchange} of the path; several by comma, drawn per request
	Rate        float64       // requests/s of the open loop; 0 is a closed loop
	Arrivals    string        // "poisson" or "uniform": how the open loop spreads its requests
	Connections int           // keep-alive connections: the bound on bid requests in flight
	Duration    time.Duration // how long requests are sent; 0 only with Count
	Count       uint64        // stop after so many requests; 0 is no such bound
	Timeout     time.Duration // when a connection gives a bid request up
	Requests    string        // a directory of .json, a .json or a .jsonl file; "" generates
	Auction     string        // "first" or "second" price
	Billing     string        // BillingNotice or BillingVAST: what bills video and audio
	Currency    string        // what BilledNanos counts
	Seed        uint64
	JSON        string // file that receives the Result; "" writes none
	BidsOnly    bool   // send bid requests alone: no auction, no notices, no people

	// StrictSecure also wants https of loopback URLs in answers to secure=1.
	StrictSecure bool

	Users     int // distinct users, UserName(0) to UserName(Users-1), Zipf by index
	Generate  Generate
	Market    Market
	People    People
	Notices   Notices
	Floor     bool // measure the bare server too, instead of a plain run
	FloorWith FloorConfig

	// Now is the clock. It must be monotonic, as time.Now is.
	Now func() time.Time
	// OnProgress, where set, is called by one goroutine every ProgressEvery.
	OnProgress    func(Snapshot)
	ProgressEvery time.Duration
}

// Generate shapes the requests that are generated.
type Generate struct {
	Sites, Apps  int           // distinct site domains and app bundles, Zipf by index
	Templates    int           // distinct bodies made beforehand; id and user differ per request
	MedianBytes  int           // median size of a body; sizes are log-normal within 1 to 6 KB
	ZipfExponent float64       // of users, sites and apps
	TMax         time.Duration // of every request; 0 draws 100, 150, ... 300 ms
	// BlockedDomains appear in badv of a few percent of requests each, so that
	// advertiser blocks are met in practice.
	BlockedDomains []string
	// Deals are offered in some requests; DealShare is the share of imps with any.
	Deals     []string
	DealShare float64
	TestShare float64 // share of requests with test=1: answered, never cleared
	// Mix draws requests of every format; its zero value is the plain workload.
	Mix Mix
	// Seat is the bidder's seat here, which wseat then names; "" sends no wseat.
	Seat string
	// Domains are advertisers', which wadomain of some deals then names.
	Domains []string
}

// What bills a video or audio ad.
const (
	BillingNotice = "burl"
	BillingVAST   = "vast" // the Impression of its VAST; burl is not called
)

// Market is who else bids. Rivals are log-normal around a median that itself
// varies by site or app.
type Market struct {
	RivalMedian money.CPM // of an average site
	RivalSigma  float64   // spread of the logarithm within a site
	SiteSigma   float64   // spread of the logarithm of medians between sites
	AloneShare  float64   // share of auctions without a rival
	// RivalDealShare is the share of auctions that somebody's deal takes.
	RivalDealShare float64
}

// People say how often winners are seen, clicked and lead to a sale.
type People struct {
	RenderShare float64       // of wins; only these are billed
	RenderDelay time.Duration // mean, from win to render
	ScreenDelay time.Duration // the same on screens in public: hours, here seconds
	// Of video and audio: shares that fail instead of being shown, that play to
	// the end, and (of native too) that are viewable.
	PlayerErrorShare, CompleteShare, ViewableShare float64
	CTR                                            float64       // mean click rate of rendered ads
	RateSigma                                      float64       // spread of the logarithm of hidden rates by creative and by user
	ClickDelay                                     time.Duration // mean, from render to click
	CVR                                            float64       // mean conversion rate of clicks
	ConversionDelay                                time.Duration // mean, from click to order
	OrderMedian                                    money.Nanos   // median order value, in Currency
}

// Notices say how notices and page events are delivered.
type Notices struct {
	Workers     int           // concurrent deliveries
	MaxPending  int           // won or lost bids with something left to deliver
	RetryFor    time.Duration // how long one notice is tried until its 2xx
	Timeout     time.Duration // of one attempt
	DrainFor    time.Duration // how long the end of the run waits for the queue
	RepeatShare float64       // share of notices sent once more on purpose
	PostShare   float64       // share of notices sent as POST instead of GET
}

// Defaults are those of `bidhawk loadtest`.
func Defaults() Config {
	return Config{
		Target: "http://127.0.0.1:8080", Exchange: "demo", Arrivals: "poisson",
		Connections: 32, Duration: 30 * time.Second, Timeout: 2 * time.Second,
		Auction: "first", Billing: BillingNotice, Currency: "USD", Seed: 1, Users: 100_000,
		Generate: Generate{
			Sites: 400, Apps: 200, Templates: 4096, MedianBytes: 2400, ZipfExponent: 0.9,
			Deals: defaultDeals(), DealShare: 0.12,
		},
		Market: Market{RivalMedian: 1_200_000, RivalSigma: 0.6, SiteSigma: 0.4, AloneShare: 0.05, RivalDealShare: 0.01},
		People: People{
			RenderShare: 0.97, RenderDelay: 100 * time.Millisecond,
			ScreenDelay: 3 * time.Second, PlayerErrorShare: 0.01, CompleteShare: 0.65, ViewableShare: 0.7,
			CTR: 0.01, RateSigma: 0.5, ClickDelay: 500 * time.Millisecond,
			CVR: 0.08, ConversionDelay: time.Second, OrderMedian: 35 * money.Unit,
		},
		Notices: Notices{
			Workers: 64, MaxPending: 50_000, RetryFor: time.Minute, Timeout: 5 * time.Second,
			DrainFor: 90 * time.Second, RepeatShare: 0.02, PostShare: 0.1,
		},
		FloorWith:     FloorConfig{Pairs: 7},
		Now:           nil,
		ProgressEvery: time.Second,
	}
}

func defaultDeals() []string {
	deals := make([]string, 20)
	for i := range deals {
		deals[i] = fmt.Sprintf("deal-%03d", i+1)
	}
	return deals
}

var exchangeName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Validate names every field that is out of its range.
func (c Config) Validate() error {
	var errs []error
	bad := func(ok bool, field string, value any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("loadtest: %s: %v: want %s", field, value, want))
		}
	}
	u, err := url.Parse(c.Target)
	bad(err == nil && u.Scheme == "http" && u.Host != "" && (u.Path == "" || u.Path == "/"),
		"target", c.Target, "http://HOST:PORT")
	for _, name := range c.exchanges() {
		bad(exchangeName.MatchString(name), "exchange", name, "letters, digits, dots and dashes")
	}
	bad(c.Rate >= 0 && c.Rate <= 1e6, "rate", c.Rate, "0 (closed loop) to 1000000 requests/s")
	bad(c.Arrivals == "poisson" || c.Arrivals == "uniform", "arrivals", c.Arrivals, "poisson or uniform")
	bad(c.Connections >= 1 && c.Connections <= 4096, "connections", c.Connections, "1 to 4096")
	bad(c.Duration > 0 || c.Duration == 0 && c.Count > 0 && !c.Floor, "duration", c.Duration, "more than 0")
	bad(c.Timeout > 0, "timeout", c.Timeout, "more than 0")
	bad(c.Auction == "first" || c.Auction == "second", "auction", c.Auction, "first or second")
	bad(c.Billing == BillingNotice || c.Billing == BillingVAST, "billing", c.Billing, "burl or vast")
	_, err = money.ParseCurrency(c.Currency)
	bad(err == nil, "currency", c.Currency, "three letters of ISO 4217")
	bad(c.Users >= 1 && c.Users <= maxUsers, "users", c.Users, fmt.Sprintf("1 to %d", maxUsers))
	bad(c.Now != nil, "now", "nil", "a clock")
	bad(c.OnProgress == nil || c.ProgressEvery > 0, "progress-every", c.ProgressEvery, "more than 0")
	errs = append(errs, c.Generate.validate(), c.Market.validate(), c.People.validate(), c.Notices.validate())
	if c.Floor {
		errs = append(errs, c.FloorWith.validate())
	}
	return errors.Join(errs...)
}

func (g Generate) validate() error {
	return errors.Join(
		between("sites", float64(g.Sites), 1, 1e6), between("apps", float64(g.Apps), 1, 1e6),
		between("templates", float64(g.Templates), 1, 1e5),
		between("median-bytes", float64(g.MedianBytes), minBodyBytes, maxBodyBytes),
		between("zipf-exponent", g.ZipfExponent, 0, 5),
		between("tmax", float64(g.TMax.Milliseconds()), 0, 3_600_000),
		share("deal-share", g.DealShare), share("test-share", g.TestShare), g.Mix.validate())
}

func (m Market) validate() error {
	return errors.Join(
		between("rival-median", float64(m.RivalMedian), 100, float64(money.MaxCPM)),
		between("rival-sigma", m.RivalSigma, 0, 5), between("site-sigma", m.SiteSigma, 0, 5),
		share("alone-share", m.AloneShare), share("rival-deal-share", m.RivalDealShare))
}

func (p People) validate() error {
	return errors.Join(
		share("render-share", p.RenderShare), share("ctr", p.CTR), share("cvr", p.CVR),
		between("rate-sigma", p.RateSigma, 0, 5),
		share("player-error-share", p.PlayerErrorShare), share("complete-share", p.CompleteShare),
		share("viewable-share", p.ViewableShare),
		between("render-delay", p.RenderDelay.Seconds(), 0, 3600),
		between("screen-delay", p.ScreenDelay.Seconds(), 0, 86_400),
		between("click-delay", p.ClickDelay.Seconds(), 0, 3600),
		between("conversion-delay", p.ConversionDelay.Seconds(), 0, 3600),
		between("order-median", float64(p.OrderMedian), 1, 1e6*float64(money.Unit)))
}

func (n Notices) validate() error {
	return errors.Join(
		between("notice-workers", float64(n.Workers), 1, 1024),
		between("notice-max-pending", float64(n.MaxPending), 1, 10_000_000),
		between("notice-retry-for", n.RetryFor.Seconds(), 0, 86_400),
		between("notice-timeout", n.Timeout.Seconds(), 0.001, 3600),
		between("notice-drain-for", n.DrainFor.Seconds(), 0, 86_400),
		share("repeat-share", n.RepeatShare), share("post-share", n.PostShare))
}

func share(field string, v float64) error { return between(field, v, 0, 1) }

func between(field string, v, low, high float64) error {
	if v >= low && v <= high && !math.IsNaN(v) {
		return nil
	}
	return fmt.Errorf("loadtest: %s: %v: want %v to %v", field, v, low, high)
}

func (c Config) exchanges() []string {
	names := strings.Split(c.Exchange, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// address is host:port of a base URL.
func address(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	if u.Port() == "" {
		return u.Host + ":80"
	}
	return u.Host
}
