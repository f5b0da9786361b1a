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
	"bidhawk/bidder"
	"bidhawk/campaigns"
	"bidhawk/campaigns/sqlite"
	"bidhawk/campaigns/taxonomy"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/spill"
	"bidhawk/internal/ids"
	"bidhawk/pacing"
	"bidhawk/pacing/frequency"
	"bidhawk/profiles"
	"bidhawk/scoring"
)

// Node is one process of Bidhawk. New opens its state, Run serves until its
// context ends and then stops in order, and closes everything.
type Node struct {
	cfg    Config
	logger *zap.Logger

	keys      secrets
	taxonomy  *taxonomy.Taxonomy
	log       eventlog.Log
	spill     *spill.Queue
	publisher *eventlog.Publisher

	store *sqlite.Store
	relay *sqlite.Relay
	feed  *campaigns.Feed
	fixed map[string]campaigns.KillSwitch // of the configuration, in force; of openBrakes and then followFiles alone

	profileStore *profiles.Store
	profileFeed  *profiles.Feed
	builderStore *profiles.Store
	builder      *profiles.Builder

	pacer     *pacing.Pacer
	wallet    *pacing.Wallet
	frequency *frequency.Counter
	rates     *scoring.Rates
	exposures *bidder.Exposures
	bidder    *bidder.Bidder
	bidIDs    *ids.BidIDs
	reports   *attribution.Service
	sampler   *sampler
	inventory inventory

	bids     *fasthttp.Server
	api, ops *http.Server
	sockets  [3]net.Listener

	// notReady is why, nil where the node is ready. Bids read it.
	notReady    atomic.Pointer[error]
	stopping    atomic.Bool
	deadLetters atomic.Int64
	closers     []func() error // in the order of opening
	once        sync.Once
}

var errStarting = errors.New("starting")

// New opens the state of a node and its listeners, in the order in which things
// need each other. What was opened is closed again on an error.
func New(ctx context.Context, cfg Config, logger *zap.Logger) (n *Node, err error) {
	n = &Node{cfg: cfg, logger: logger}
	n.notReady.Store(&errStarting)
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if err := os.MkdirAll(cfg.DataDir, 0o755); err != nil {
		return n, wrong("data_dir", cfg.DataDir, "a directory that can be made: "+err.Error())
	}
	for _, open := range []func(context.Context) error{
		n.listen, n.lock, n.openKeys, n.openLog, n.openCampaigns, n.openBrakes, n.openProfiles, n.openMoney, n.openReports, n.openInventory, n.openBidder, n.openServers,
	} {
		if err := open(ctx); err != nil {
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

// listen takes the three addresses first: a port in use is the commonest
// mistake, and should not cost the opening of a large state.
func (n *Node) listen(context.Context) error {
	for i, l := range []struct{ setting, addr string }{
		{"listen.bids", n.cfg.Listen.Bids}, {"listen.api", n.cfg.Listen.API}, {"listen.operations", n.cfg.Listen.Operations},
	} {
		s, err := net.Listen("tcp", l.addr)
		if err != nil {
			return wrong(l.setting, l.addr, "an address that is free: "+err.Error())
		}
		n.sockets[i] = s
		n.onClose(func() error { _ = s.Close(); return nil }) // its server may have closed it
	}
	return nil
}

// Addresses are where the node listens, also where its configuration left the
// ports open.
func (n *Node) Addresses() Listen {
	return Listen{Bids: n.sockets[0].Addr().String(), API: n.sockets[1].Addr().String(), Operations: n.sockets[2].Addr().String()}
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
	if n.keys, err = openSecrets(n.cfg); err != nil {
		return err
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
	if n.store, err = sqlite.Open(ctx, n.cfg.CampaignsFile(), Clock); err != nil {
		return fmt.Errorf("open campaigns: %w", err)
	}
	n.onClose(n.store.Close)
	if err := EnsureOperatorKey(ctx, n.cfg, n.store); err != nil {
		return err
	}
	n.relay = sqlite.NewRelay(sqlite.RelayConfig{OnError: n.warn("campaign changes wait to be published")}, n.store, n.log)
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
	if n.builderStore, err = profiles.OpenStore(profiles.DefaultStoreConfig(n.cfg.path("profiler"))); err != nil {
		return fmt.Errorf("open the profiler's profiles: %w", err)
	}
	n.onClose(n.builderStore.Close)
	n.profileFeed, err = profiles.NewFeed(profiles.Deps{Log: n.log, Store: n.profileStore, Numbers: n.taxonomy, DeadLetter: n.deadLetter})
	if err != nil {
		return err
	}
	n.builder, err = profiles.NewBuilder(profiles.Deps{Log: n.log, Store: n.builderStore, Numbers: n.taxonomy, DeadLetter: n.deadLetter})
	return err
}

func (n *Node) openMoney(ctx context.Context) (err error) {
	cfg := pacing.DefaultConfig()
	cfg.Window, cfg.CloseAfter, cfg.HardAfter = n.cfg.Pacing.LeaseWindow, n.cfg.Pacing.CloseAfter, n.cfg.Pacing.HardAfter
	n.pacer, err = pacing.NewPacer(ctx, cfg, pacing.Deps{
		Log: n.log, Dir: n.cfg.LedgerDir(), Catalog: n.readyCatalog, Clock: Clock, Logger: n.logger.Named("pacer"),
	})
	if err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	n.onClose(n.pacer.Close)
	n.wallet, err = pacing.NewWallet(pacing.DefaultWalletConfig(), pacing.WalletDeps{
		Source: n.pacer, Publish: n.publisher.Offer, Clock: Clock, Incarnation: n.bidIDs.Incarnation(),
	})
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
	n.reports, err = attribution.Open(ctx, attribution.Config{Path: n.cfg.path("reports.db")}, attribution.Deps{
		Log: n.log, Catalog: n.feed.Catalog, Now: Clock, DeadLetter: n.deadLetter,
		Gap: func(topic string, partition int32, from, to int64) {
			n.logger.Error("records were deleted before reports read them", zap.String("topic", topic),
				zap.Int32("partition", partition), zap.Int64("from", from), zap.Int64("to", to))
		},
		Failed: n.warn("reports can't read the log; trying again"),
	})
	if err != nil {
		return fmt.Errorf("open reports: %w", err)
	}
	n.onClose(n.reports.Close)
	return nil
}

func (n *Node) openBidder(ctx context.Context) error {
	n.frequency = frequency.New(frequency.Config{MaxKeys: n.cfg.Frequency.MaxKeys, HoldFor: n.cfg.Frequency.HoldFor})
	n.rates = scoring.NewRates(n.cfg.Scoring.PriorImpressions)
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
	n.bidder, err = bidder.New(cfg, bidder.Deps{
		Exchanges: v.exchanges, Profiles: n.profileStore, Ancestors: n.taxonomy.AppendAncestors, TagNumber: n.taxonomy,
		Wallet: n.wallet, Frequency: n.frequency, Rates: n.rates, FX: v.fx, Contents: v.contents, Traffic: v.traffic,
		Sellers: v.sellers.Load, Offers: v.offers, Sync: v.syncer.Handle, Users: v.users,
		Events: n.publisher, Tokens: n.keys.tokens, BidIDs: n.bidIDs, Clock: Clock, Logger: n.logger.Named("bidder"), Ready: n.Ready,
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

// checkReady asks everything that a bid needs.
func (n *Node) checkReady() error {
	switch {
	case n.stopping.Load():
		return errors.New("stopping")
	case !n.feed.Ready():
		return errors.New("campaigns are loading")
	case n.bidder.Generation() == 0:
		return errors.New("the targeting index is being built")
	case !n.profileFeed.Ready():
		return errors.New("profiles are loading")
	}
	if err := n.pacer.Ready(); err != nil {
		return fmt.Errorf("pacer: %w", err)
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

	n.logger.Info("started", zap.Stringer("bids", n.sockets[0].Addr()), zap.Stringer("api", n.sockets[1].Addr()),
		zap.Stringer("operations", n.sockets[2].Addr()), zap.String("event_log", n.cfg.EventLog.Backend))
	select {
	case <-ctx.Done():
	case <-consumersCtx.Done():
	case <-biddingCtx.Done():
	case <-servingCtx.Done():
	}
	began := Clock()
	n.stopping.Store(true)
	n.bidder.Drain()
	n.setReady(errors.New("stopping"))
	n.logger.Info("stopping: every bid request gets a no-bid")
	err := n.stopServers()
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
	run("campaign relay", func(ctx context.Context) error { n.relay.Run(ctx); return nil })
	run("campaign feed", n.feed.Run)
	run("profile feed", n.profileFeed.Run)
	run("profile builder", n.builder.Run)
	run("pacer", n.pacer.Run)
	run("exposures", n.exposures.Run)
	run("reports", n.runReports)
	run("index", n.followCatalog)
	run("brakes", n.followBrakes)
	run("files", n.followFiles)
}

// startBidding runs what bids cause: it stops once no bid comes any more, and
// before the consumers.
func (n *Node) startBidding(ctx context.Context, g *errgroup.Group) {
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
	g.Go(func() error { return n.watch(ctx) })
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
		if now := Clock(); now.Sub(last) >= time.Second {
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
