package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/kafka"
	"bidhawk/pacing"
	"bidhawk/pacing/service"
)

// This file wires the ledger, and who asks it for money: in one process, or by
// HTTP between several.

func (n *Node) openLedger(ctx context.Context) (err error) {
	cfg := pacing.DefaultConfig()
	cfg.Window, cfg.CloseAfter, cfg.HardAfter = n.cfg.Pacing.LeaseWindow, n.cfg.Pacing.CloseAfter, n.cfg.Pacing.HardAfter
	if cfg.Deadlines, err = n.cfg.deadlines(); err != nil {
		return err
	}
	cfg.Standby, cfg.Reclaim = n.cfg.Pacing.Standby, n.cfg.Pacing.SessionTimeout
	n.pacer, err = pacing.NewPacer(ctx, cfg, pacing.Deps{
		Log: n.log, Dir: n.cfg.LedgerDir(), Catalog: n.readyCatalog, Clock: Clock, Logger: n.logger.Named("pacer"), Ownership: n.ownership(),
	})
	if err != nil {
		return fmt.Errorf("open the ledger: %w; \"bidhawk ledger rebuild\" restores its directory from the log", err)
	}
	n.onClose(n.pacer.Close)
	return nil
}

// deadlines are the exchanges' own, by class (exchange/format): a bill posts until
// the exchange's billing deadline at least, and where it tells of wins in time,
// what has not won by then is free.
func (c *Config) deadlines() (func(class string) pacing.Deadlines, error) {
	list, err := c.exchanges(func(string, error) {})
	if err != nil {
		return nil, err
	}
	byName := make(map[string]pacing.Deadlines, len(list))
	for i := range list {
		e := &list[i]
		d := pacing.Deadlines{Hard: max(c.Pacing.HardAfter, e.BillingDeadline)}
		if e.HoldsByWin() {
			d.Win = e.WinDeadline
		}
		byName[e.Name] = d
	}
	return func(class string) pacing.Deadlines {
		name, _, _ := strings.Cut(class, "/")
		return byName[name]
	}, nil
}

// ownership is the group of pacers; nil where a process is alone with its log.
func (n *Node) ownership() pacing.Ownership {
	if log, ok := n.log.(*kafka.Log); ok {
		return pacerGroup{log, n.cfg.Pacing.SessionTimeout, n.cfg.Pacing.Standby, n.warnRarely("the group of pacers can't be asked; trying again")}
	}
	return nil
}

// pacerGroup is a consumer group of which only the proposals are used.
type pacerGroup struct {
	log     *kafka.Log
	session time.Duration
	standby bool
	onError func(error)
}

func (g pacerGroup) Run(ctx context.Context, held func() pacing.Holdings, own func([]int32)) error {
	return g.log.Share(ctx, kafka.ShareConfig{
		Group: "pacers", Topic: eventlog.TopicMoney, SessionTimeout: g.session, OnError: g.onError,
		Held: func() kafka.Held {
			h := held()
			return kafka.Held{Owned: h.Owned, Warm: h.Warm, Cold: !g.standby}
		},
	}, own)
}

// openClient is for nodes whose pacers are, or may be, elsewhere.
func (n *Node) openClient(ctx context.Context) error {
	if len(n.cfg.Pacing.Pacers) == 0 {
		return nil
	}
	token, err := n.cfg.pacingToken()
	if err != nil {
		return err
	}
	partitions, err := n.log.Partitions(ctx, eventlog.TopicMoney)
	if err != nil {
		return fmt.Errorf("partitions of %s: %w", eventlog.TopicMoney, err)
	}
	secure, err := n.callerTLS()
	if err != nil {
		return err
	}
	cfg := service.ClientConfig{Pacers: n.cfg.Pacing.Pacers, Partitions: partitions, Token: token, TLS: secure}
	n.leases, err = service.NewClient(cfg, service.ClientDeps{
		Clock: Clock, OnError: n.warnRarely("a pacer does not do what it was asked for; trying again"),
		Partition: func(li campaigns.ID) (int32, bool) {
			l, ok := n.feed.Catalog().Lineage(li)
			if !ok {
				return 0, false
			}
			return eventlog.PartitionOf(pacing.MoneyKey(l.Advertiser.ID), partitions), true
		},
	})
	if err != nil {
		return fmt.Errorf("setting pacing.pacers: %w", err)
	}
	return nil
}

func (n *Node) openWallet(context.Context) (err error) {
	var source pacing.LeaseSource = n.pacer
	if n.leases != nil { // our own pacer, where there is one, is among them
		source = n.leases
	}
	n.wallet, err = pacing.NewWallet(pacing.DefaultWalletConfig(), pacing.WalletDeps{
		Source: source, Publish: n.publisher.Offer, Clock: Clock, Incarnation: n.bidIDs.Incarnation(),
	})
	return err
}

// warnRarely is warn, of one error in five seconds: what is tried twice a second
// would fill the log while a pacer is away.
func (n *Node) warnRarely(what string) func(error) {
	var last atomic.Int64
	return func(err error) {
		now, before := Clock().UnixNano(), last.Load()
		if now-before >= int64(5*time.Second) && last.CompareAndSwap(before, now) {
			n.warn(what)(err)
		}
	}
}

// grantsHandler is the pacer's own API.
func (n *Node) grantsHandler() (http.Handler, error) {
	token, err := n.cfg.pacingToken()
	if err != nil {
		return nil, err
	}
	return service.New(service.Config{Token: token}, service.Deps{
		Ledger: n.pacer, Log: n.log, Now: Clock,
		OnError: func(r *http.Request, err error) {
			n.logger.Error("a request to the pacer failed", zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.Error(err))
		},
	})
}

// minToken is how long the pacers' secret is at least.
const minToken = 16

// pacingToken reads the secret that pacers and their callers share; empty where
// no file is configured.
func (c *Config) pacingToken() (string, error) {
	if c.Pacing.TokenFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(c.Pacing.TokenFile)
	if err != nil {
		return "", wrong("pacing.token_file", c.Pacing.TokenFile, "a file that can be read: "+err.Error())
	}
	token := strings.TrimSpace(string(b))
	if len(token) < minToken || strings.ContainsAny(token, "\r\n") {
		return "", wrong("pacing.token_file", c.Pacing.TokenFile, fmt.Sprintf("one line of at least %d characters in it", minToken))
	}
	return token, nil
}

// errNoLedger is for nodes that know no pacer.
var errNoLedger = errors.New("no pacer here, and pacing.pacers names none")

// figures are the ledger's, of all pacers where there are several.
func (n *Node) figures(ctx context.Context) (pacing.Figures, error) {
	switch {
	case n.leases != nil:
		return n.leases.Figures(ctx)
	case n.pacer != nil:
		return n.pacer.Figures(), nil
	}
	return pacing.Figures{}, errNoLedger
}

// checkReady asks everything that the node's roles need.
func (n *Node) checkReady() error {
	switch {
	case n.stopping.Load():
		return errors.New("stopping")
	case n.feed != nil && !n.feed.Ready():
		return errors.New("campaigns are loading")
	case n.bidder != nil && !n.bidder.Indexed():
		return errors.New("the targeting index is being built")
	case n.bidder != nil && !n.profileFeed.Ready():
		return errors.New("profiles are loading")
	}
	if n.pacer != nil {
		if err := n.pacer.Ready(); err != nil {
			return fmt.Errorf("pacer: %w", err)
		}
	}
	if n.bidder != nil && n.leases != nil && !n.reachedPacers() {
		return errors.New("no pacer has answered yet")
	}
	return nil
}

// reachedPacers says whether a pacer that owns anything has answered since the
// start. One that goes away later does not make a bidder unready: notices must
// find it, and where its leases have ended it says no-bid by itself.
func (n *Node) reachedPacers() bool {
	if !n.reached.Load() && n.leases.Owned() > 0 {
		n.reached.Store(true)
	}
	return n.reached.Load()
}
