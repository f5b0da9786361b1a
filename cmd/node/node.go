package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"bidhawk/attribution"
	"bidhawk/attribution/feed"
	"bidhawk/bidder"
	"bidhawk/bidder/files"
	"bidhawk/campaigns"
	"bidhawk/campaigns/api"
	"bidhawk/campaigns/sqlstore"
	"bidhawk/campaigns/taxonomy"
	"bidhawk/internal/blob"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/spill"
	"bidhawk/internal/ids"
	"bidhawk/pacing"
	"bidhawk/pacing/frequency"
	"bidhawk/pacing/service"
	"bidhawk/profiles"
	"bidhawk/scoring"
)

// Node is one process of Bidhawk, with what its roles need: the other fields are
// nil. New opens its state, Run serves until its context ends and then stops in
// order, and closes everything.
type Node struct {
	cfg    Config
	logger *zap.Logger

	keys      secrets
	taxonomy  *taxonomy.Taxonomy
	log       eventlog.Log
	spill     *spill.Queue
	publisher *eventlog.Publisher

	store *sqlstore.Store
	edits *api.API // of store
	relay *sqlstore.Relay
	feed  *campaigns.Feed
	fixed map[string]campaigns.KillSwitch // of the configuration, in force; of openBrakes and then followBrakesFile alone

	profileStore *profiles.Store
	profileFeed  *profiles.Feed
	builderStore *profiles.Store
	builder      *profiles.Builder

	pacer      *pacing.Pacer
	leases     *service.Client // of the pacers in other processes; nil: there are none
	wallet     *pacing.Wallet
	frequency  *frequency.Counter
	rates      *scoring.Rates
	exposures  *bidder.Exposures
	bidder     *bidder.Bidder
	bidIDs     *ids.BidIDs
	reports    *attribution.Service
	events     *feed.Feed // nil: none is configured
	sampler    *sampler
	inventory  inventory
	breakers   *breakers
	files      blob.Store // of uploaded creatives; nil: not of this node
	fileServer *files.Handler

	bids             *fasthttp.Server
	api, ops, grants *http.Server
	sockets          [4]net.Listener // as listeners() has them; nil: not of this node's roles

	// notReady is why, nil where the node is ready. Bids read it.
	notReady    atomic.Pointer[error]
	stopping    atomic.Bool
	reached     atomic.Bool // a pacer has answered once
	deadLetters atomic.Int64
	closers     []func() error // in the order of opening
	once        sync.Once
}

var errStarting = errors.New("starting")

// New opens the state of a node and its listeners, in the order in which things
// need each other. What was opened is closed again on an error.
func New(ctx context.Context, cfg Config, logger *zap.Logger) (n *Node, err error) {
	n = &Node{cfg: cfg, logger: logger, breakers: newBreakers(cfg.Breakers.config())}
	n.notReady.Store(&errStarting)
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if err := os.MkdirAll(cfg.DataDir, 0o755); err != nil {
		return n, wrong("data_dir", cfg.DataDir, "a directory that can be made: "+err.Error())
	}
	for _, open := range []struct {
		roles []string // whose it is; none: every node's
		open  func(context.Context) error
	}{
		{nil, n.listen}, {nil, n.lock}, {nil, n.openKeys}, {nil, n.openLog},
		{[]string{RoleAPI}, n.openCampaigns}, {[]string{RoleBidder, RolePacer, RoleAttributor, RoleAPI}, n.openFeed},
		{[]string{RoleBidder, RolePacer, RoleAttributor, RoleAPI}, n.openBrakes},
		{[]string{RoleBidder}, n.openProfiles}, {[]string{RoleProfiler}, n.openProfiler}, {[]string{RolePacer}, n.openLedger},
		{[]string{RoleBidder, RoleAPI}, n.openClient}, {[]string{RoleBidder}, n.openWallet}, {[]string{RoleAttributor}, n.openReports}, {[]string{RoleAttributor}, n.openEventFeed},
		{[]string{RoleBidder, RoleAPI}, n.openFiles}, {[]string{RoleBidder}, n.openInventory}, {[]string{RoleBidder}, n.openBidder}, {[]string{RolePacer, RoleAttributor}, n.openBreakers}, {nil, n.openServers},
	} {
		if len(open.roles) > 0 && !cfg.has(open.roles...) {
			continue
		}
		if err := open.open(ctx); err != nil {
			return n, err
		}
	}
	return n, nil
}

// onClose remembers what close must undo; the last opened is closed first.
func (n *Node) onClose(f func() error) { n.closers = append(n.closers, f) }

func (n *Node) close() (err error) {
	n.once.Do(func() {
		for i := len(n.closers) - 1; i >= 0; i-- {
			err = errors.Join(err, n.closers[i]())
		}
	})
	return err
}

// listen takes the addresses first: a port in use is the commonest mistake, and
// should not cost the opening of a large state.
func (n *Node) listen(context.Context) error {
	for i, l := range n.cfg.listeners() {
		if l.role != "" && !n.cfg.has(l.role) {
			continue
		}
		s, err := net.Listen("tcp", l.addr)
		if err != nil {
			return wrong(l.name, l.addr, "an address that is free: "+err.Error())
		}
		n.sockets[i] = s
		n.onClose(func() error { _ = s.Close(); return nil }) // its server may have closed it
	}
	return nil
}

// Addresses are where the node listens, also where its configuration left the
// ports open; empty where its roles do not listen.
func (n *Node) Addresses() Listen {
	return Listen{Bids: n.address(0), API: n.address(1), Operations: n.address(2)}
}

func (n *Node) address(i int) string {
	if n.sockets[i] == nil {
		return ""
	}
	return n.sockets[i].Addr().String()
}

// lock makes the data directory this process's own. Each store locks its files
// too, but would only say that some file is locked.
func (n *Node) lock(context.Context) error {
	l, err := vfs.Default.Lock(n.cfg.path("lock"))
	if err != nil {
		return wrong("data_dir", n.cfg.DataDir, "a directory that can be written and that no other process uses: "+err.Error())
	}
	n.onClose(l.Close)
	return nil
}

func (n *Node) openKeys(context.Context) (err error) {
	if n.cfg.has(RoleBidder, RoleAPI) {
		if n.keys, err = openSecrets(n.cfg); err != nil {
			return err
		}
	}
	if n.bidIDs, err = ids.NewBidIDs(); err != nil {
		return err
	}
	n.taxonomy, err = OpenTaxonomy(n.cfg)
	return err
}

func (n *Node) openLog(ctx context.Context) (err error) {
	if n.log, err = OpenLog(ctx, n.cfg); err != nil {
		return err
	}
	n.onClose(n.log.Close)
	if n.spill, err = spill.Open(spill.Config{Dir: n.cfg.path("spill"), MaxBytes: 1 << 30}); err != nil {
		return fmt.Errorf("open the spill: %w", err)
	}
	n.onClose(n.spill.Close)
	var topics []string
	for _, t := range eventlog.Topics(1) {
		topics = append(topics, t.Name)
	}
	if n.publisher, err = eventlog.NewPublisher(eventlog.PublisherConfig{Topics: topics}, n.log, n.spill); err != nil {
		return err
	}
	n.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), n.cfg.ShutdownTimeout/2)
		defer cancel()
		return n.publisher.Close(ctx)
	})
	return nil
}

func (n *Node) openCampaigns(ctx context.Context) (err error) {
	if n.store, err = OpenCampaigns(ctx, n.cfg); err != nil {
		return fmt.Errorf("open campaigns: %w", err)
	}
	n.onClose(n.store.Close)
	if err := EnsureOperatorKey(ctx, n.cfg, n.store); err != nil {
		return err
	}
	n.relay = sqlstore.NewRelay(sqlstore.RelayConfig{OnError: n.warn("campaign changes wait to be published")}, n.store, n.log)
	return nil
}

// openFeed follows the topic of campaigns: what the API edits, whoever has it.
func (n *Node) openFeed(context.Context) error {
	n.feed = campaigns.NewFeed(campaigns.FeedConfig{}, campaigns.FeedDeps{
		Log: n.log, OnError: n.warn("campaigns can't be read; trying again"),
		DeadLetter: func(r eventlog.Record, reason error) { n.deadLetter(r, reason.Error()) },
	})
	return nil
}

func (n *Node) openProfiles(context.Context) (err error) {
	cfg := profiles.DefaultStoreConfig(n.cfg.path("profiles"))
	cfg.CacheBytes = n.cfg.Profiles.CacheBytes
	if n.profileStore, err = profiles.OpenStore(cfg); err != nil {
		return fmt.Errorf("open profiles: %w", err)
	}
	n.onClose(n.profileStore.Close)
	n.profileFeed, err = profiles.NewFeed(profiles.Deps{Log: n.log, Store: n.profileStore, Numbers: n.taxonomy, DeadLetter: n.deadLetter})
	return err
}

func (n *Node) openProfiler(context.Context) (err error) {
	if n.builderStore, err = profiles.OpenStore(profiles.DefaultStoreConfig(n.cfg.path("profiler"))); err != nil {
		return fmt.Errorf("open the profiler's profiles: %w", err)
	}
	n.onClose(n.builderStore.Close)
	n.builder, err = profiles.NewBuilder(profiles.Deps{Log: n.log, Store: n.builderStore, Numbers: n.taxonomy, DeadLetter: n.deadLetter})
	return err
}

// readyCatalog is the newest catalogue, nil until the feed has caught up: the
// pacer must not take a half-read world for one where line items are gone.
func (n *Node) readyCatalog() *campaigns.Catalog {
	if !n.feed.Ready() {
		return nil
	}
	return n.feed.Catalog()
}

func (n *Node) openReports(ctx context.Context) (err error) {
	database, err := n.cfg.ReportsDatabase()
	if err != nil {
		return err
	}
	n.reports, err = attribution.Open(ctx, attribution.Config{Database: database, Settle: n.cfg.Reports.Settle, Skew: n.cfg.Reports.ClockSkew, ClearingsFor: n.cfg.Reports.ClearingsFor}, attribution.Deps{
		Log: n.log, Catalog: n.feed.Catalog, Now: Clock, DeadLetter: n.deadLetter,
		Gap: func(topic string, partition int32, from, to int64) {
			n.logger.Error("records were deleted before reports read them", zap.String("topic", topic),
				zap.Int32("partition", partition), zap.Int64("from", from), zap.Int64("to", to))
		},
		Counted: n.counted,
		Convert: n.convertSale,
		Failed:  n.warn("reports can't read the log; trying again"),
	})
	if err != nil {
		return fmt.Errorf("open reports: %w", err)
	}
	n.onClose(n.reports.Close)
	return nil
}

func (n *Node) openBidder(ctx context.Context) error {
	n.frequency = frequency.New(frequency.Config{MaxKeys: n.cfg.Frequency.MaxKeys, HoldFor: n.cfg.Frequency.HoldFor})
	n.rates = scoring.New(n.cfg.scoring())
	var err error
	n.exposures, err = bidder.OpenExposures(ctx, bidder.ExposuresConfig{
		Log: n.log, Dir: n.cfg.path("exposures"), Catalog: n.readyCatalog, Frequency: n.frequency, Rates: n.rates,
		Incarnation: n.bidIDs.Incarnation(), Clock: Clock, Logger: n.logger.Named("exposures"), DeadLetter: n.deadLetter,
	})
	if err != nil {
		return err
	}
	n.onClose(n.exposures.Close)
	cfg, err := n.cfg.bidder()
	if err != nil {
		return err
	}
	v := &n.inventory
	var served func(*fasthttp.RequestCtx, []byte)
	if n.fileServer != nil {
		served = n.fileServer.Handle
	}
	n.bidder, err = bidder.New(cfg, bidder.Deps{
		Files:     served,
		Exchanges: v.exchanges, Profiles: n.profileStore, Ancestors: n.taxonomy.AppendAncestors, TagNumber: n.taxonomy,
		Wallet: n.wallet, Frequency: n.frequency, Rates: n.rates, FX: v.fx, Contents: v.contents, Traffic: v.traffic,
		Sellers: v.sellers.Load, Offers: v.offers, Sync: v.syncer.Handle, Users: v.users,
		OverMax: n.breakers.tellOverMax, Events: n.publisher, Tokens: n.keys.tokens, BidIDs: n.bidIDs, Clock: Clock, Logger: n.logger.Named("bidder"), Ready: n.Ready,
	})
	if err != nil {
		return fmt.Errorf("setting %w", err)
	}
	n.sampler = newSampler(n.bidder.Metrics())
	return nil
}

// warn logs errors that something retries by itself.
func (n *Node) warn(what string) func(error) {
	return func(err error) { n.logger.Warn(what, zap.Error(err)) }
}

// deadLetter keeps a record that can't be read, where an operator finds it.
func (n *Node) deadLetter(r eventlog.Record, reason string) {
	n.deadLetters.Add(1)
	n.logger.Warn("a record went to dead-letters", zap.String("topic", r.Topic), zap.Int32("partition", r.Partition),
		zap.Int64("offset", r.Offset), zap.String("reason", reason))
	n.publisher.Offer(eventlog.Message{Topic: eventlog.TopicDeadLetters, Key: []byte(r.Topic), Value: deadLetterRecord(r, reason)})
}

// Ready says why the node can't bid, nil where it can. It is cheap: a loop keeps it.
func (n *Node) Ready() error {
	if e := n.notReady.Load(); e != nil {
		return *e
	}
	return nil
}

// Run serves until ctx ends or a part fails for good, then stops in order: not
// ready, no-bid, listeners, what bids caused, consumers, stores.
func (n *Node) Run(ctx context.Context) error {
	back, stopBack := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBack()
	front, stopFront := context.WithCancel(back)
	defer stopFront()
	consumers, consumersCtx := errgroup.WithContext(back)
	n.startConsumers(consumersCtx, consumers)
	bidding, biddingCtx := errgroup.WithContext(front)
	n.startBidding(biddingCtx, bidding)
	serving, servingCtx := errgroup.WithContext(back)
	n.startServers(serving)

	n.logger.Info("started", zap.Strings("roles", n.cfg.Roles), zap.String("bids", n.address(0)), zap.String("api", n.address(1)),
		zap.String("operations", n.address(2)), zap.String("pacing", n.address(3)), zap.String("event_log", n.cfg.EventLog.Backend))
	select {
	case <-ctx.Done():
	case <-consumersCtx.Done():
	case <-biddingCtx.Done():
	case <-servingCtx.Done():
	}
	began := Clock()
	n.stopping.Store(true)
	if n.bidder != nil {
		n.bidder.Drain()
	}
	n.setReady(errors.New("stopping"))
	n.logger.Info("stopping: every bid request gets a no-bid")
	err := n.stopServers()
	if n.edits != nil {
		n.edits.Close()
	}
	stopFront()
	err = errors.Join(err, bidding.Wait())
	stopBack()
	err = errors.Join(err, consumers.Wait(), serving.Wait(), n.close())
	n.logger.Info("stopped", zap.Duration("took", Clock().Sub(began)), zap.Error(err))
	return err
}

// startConsumers runs what follows the log and the stores.
func (n *Node) startConsumers(ctx context.Context, g *errgroup.Group) {
	run := func(name string, f func(context.Context) error) {
		g.Go(func() error {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				n.logger.Error("a part of the node failed for good", zap.String("part", name), zap.Error(err))
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	if n.relay != nil {
		run("campaign relay", func(ctx context.Context) error { n.relay.Run(ctx); return nil })
	}
	if n.feed != nil {
		run("campaign feed", n.feed.Run)
	}
	if n.builder != nil {
		run("profile builder", n.builder.Run)
	}
	if n.pacer != nil {
		run("pacer", n.pacer.Run)
	}
	if n.leases != nil {
		run("owners of leases", func(ctx context.Context) error { n.leases.Run(ctx); return nil })
	}
	if n.reports != nil {
		run("reports", n.runReports)
	}
	if n.events != nil {
		run("event feed", n.events.Run)
	}
	if n.bidder != nil {
		run("profile feed", n.profileFeed.Run)
		run("exposures", n.exposures.Run)
		run("index", n.followCatalog)
		run("brakes", n.followBrakes)
		run("files", n.followFiles)
	}
	if n.feed != nil {
		run("breakers", n.watchBreakers)
		run("brakes file", n.followBrakesFile)
	}
	if n.store != nil {
		run("trips", n.followTrips)
		if n.files != nil {
			run("sweep of uploads", n.sweepFiles)
		}
	}
}

// startBidding runs what bids cause: it stops once no bid comes any more, and
// before the consumers.
func (n *Node) startBidding(ctx context.Context, g *errgroup.Group) {
	g.Go(func() error { return n.watch(ctx) })
	if n.bidder == nil {
		return
	}
	g.Go(func() error {
		// What an earlier life left in the spill goes first: a bill must not come
		// after the leases that its budget could have gone into.
		if err := n.publisher.WaitDrained(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("drain the spill: %w", err)
		}
		n.wallet.Run(ctx)
		return nil
	})
	g.Go(func() error { return n.bidder.Run(ctx) })
}

// followCatalog compiles each new catalogue, and again when a flight may have
// ended; a stream of edits may take half a core at most.
func (n *Node) followCatalog(ctx context.Context) error {
	changed := n.feed.Subscribe()
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-rest.C:
		}
		began := Clock()
		if n.feed.Ready() {
			if err := n.bidder.SetCatalog(n.feed.Catalog()); err != nil {
				n.logger.Warn("some line items can't bid", zap.Error(err))
			}
		}
		rest.Reset(min(Clock().Sub(began), 250*time.Millisecond) + 5*time.Millisecond)
		if n.feed.Ready() {
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
			}
		}
	}
}

// runReports waits for the catalogue, which knows the advertisers' zones.
func (n *Node) runReports(ctx context.Context) error {
	for !n.feed.Ready() {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil
		}
	}
	return n.reports.Run(ctx)
}

// watch keeps readiness and samples the counters each second.
func (n *Node) watch(ctx context.Context) error {
	t := time.NewTicker(25 * time.Millisecond)
	defer t.Stop()
	ready, last := false, Clock()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		err := n.checkReady()
		n.setReady(err)
		if ready != (err == nil) {
			ready = err == nil
			n.logger.Info("readiness changed", zap.Bool("ready", ready), zap.NamedError("reason", err))
		}
		if now := Clock(); n.sampler != nil && now.Sub(last) >= time.Second {
			n.sampler.sample(now)
			last = now
		}
	}
}

func (n *Node) setReady(err error) {
	if err == nil {
		n.notReady.Store(nil)
		return
	}
	n.notReady.Store(&err)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
