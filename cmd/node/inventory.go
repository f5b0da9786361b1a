package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"go.uber.org/zap"

	"bidhawk/bidder/consent"
	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/identity"
	"bidhawk/bidder/offers"
	"bidhawk/bidder/rates"
	"bidhawk/bidder/supply"
	"bidhawk/bidder/traffic"
	"bidhawk/campaigns/content"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// inventory is what the bidder knows of exchanges, sellers, traffic and users
// beside the campaigns.
type inventory struct {
	exchanges []exchanges.Exchange
	fx        *rates.Source
	contents  *content.Taxonomies
	traffic   *traffic.Filter
	sellers   atomic.Pointer[supply.Snapshot]
	users     *identity.Resolver
	syncer    *identity.Syncer
	offers    *offers.Table
	uid2      *identity.Tokens // nil: no keys
	euid      *identity.Tokens
	optOuts   *identity.OptOuts
}

func (n *Node) openInventory(context.Context) (err error) {
	v := &n.inventory
	v.exchanges, err = n.cfg.exchanges(func(name string, why error) {
		n.logger.Warn("an exchange is not ready to bid on and is left out", zap.String("exchange", name), zap.Error(why))
	})
	if err != nil {
		return err
	}
	for _, e := range v.exchanges {
		if e.KeepAlive > n.cfg.Bidder.IdleTimeout {
			return wrong("bidder.idle_timeout", n.cfg.Bidder.IdleTimeout, "at least the keep_alive of exchange "+e.Name+", "+shortDuration(e.KeepAlive))
		}
	}
	if v.fx, err = n.cfg.rates(); err != nil {
		return err
	}
	if v.contents, err = content.Load(); err != nil {
		return fmt.Errorf("read the content taxonomies: %w", err)
	}
	var seed [8]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return fmt.Errorf("seed the traffic filter: %w", err)
	}
	if v.traffic, err = traffic.New(n.cfg.traffic(), binary.NativeEndian.Uint64(seed[:])); err != nil {
		return fmt.Errorf("setting %w", err)
	}
	if err := n.loadSellers(); err != nil {
		return err
	}
	o := n.cfg.Offers
	if v.offers, err = offers.New(offers.Config{Entries: o.Entries, PlacementFor: o.Window, TransactionFor: o.TIDWindow}); err != nil {
		return fmt.Errorf("setting %w", err)
	}
	return n.openUsers()
}

// reloadExchanges puts the exchanges' files in force where they have changed. A
// file that breaks a rule leaves all as they were. Where users are matched, and
// new listeners' limits, are read at the start alone.
func (n *Node) reloadExchanges() error {
	list, err := n.cfg.exchanges(func(string, error) {}) // told at the start
	if err != nil || reflect.DeepEqual(list, n.inventory.exchanges) {
		return err
	}
	if err := n.bidder.SetExchanges(list); err != nil {
		return err
	}
	n.inventory.exchanges = list
	n.logger.Info("the exchanges' files have changed and are in force", zap.Int("exchanges", len(list)))
	return nil
}

// openUsers opens what tells users apart, and what lets them leave.
func (n *Node) openUsers() (err error) {
	v := &n.inventory
	v.optOuts = identity.NewOptOuts()
	var forgotten int
	var full error
	if err := n.profileStore.OptOuts(Clock(), func(u ids.UserKey) {
		if err := v.optOuts.Add(u); err != nil {
			forgotten, full = forgotten+1, err
		}
	}); err != nil {
		return fmt.Errorf("read opt-outs: %w", err)
	}
	if full != nil {
		// A node that forgets who left would serve them; better that it does not start.
		return fmt.Errorf("read opt-outs: %d have no room: %w", forgotten, full)
	}
	for _, k := range []struct {
		path  string
		scope identity.Scope
		to    **identity.Tokens
	}{{n.cfg.Identity.UID2KeysFile, identity.ScopeUID2, &v.uid2}, {n.cfg.Identity.EUIDKeysFile, identity.ScopeEUID, &v.euid}} {
		if k.path != "" {
			*k.to = identity.NewTokens(k.scope)
		}
	}
	if err := n.reloadUsers(); err != nil {
		return err
	}
	rules, err := n.cfg.eidRules()
	if err != nil {
		return err
	}
	v.users, err = identity.NewResolver(n.cfg.identity(rules), identity.Deps{
		Keys: n.keys.users, OptOuts: v.optOuts, Matches: n.profileStore, UID2: v.uid2, EUID: v.euid,
	})
	if err != nil {
		return fmt.Errorf("setting %w", err)
	}
	policy, err := n.cfg.policy()
	if err != nil {
		return err
	}
	v.syncer, err = identity.NewSyncer(n.cfg.sync(v.exchanges), identity.SyncDeps{
		Keys: n.keys.users, Store: n.profileStore, OptOuts: v.optOuts, Clock: Clock,
		Allowed: func(ctx *fasthttp.RequestCtx) (bool, string) { return mayMatch(&policy, ctx) },
		Erase:   n.eraseProfile, OnError: n.warn("a user sync failed"),
	})
	if err != nil {
		return fmt.Errorf("setting %w", err)
	}
	return nil
}

// mayMatch is the decision on a sync call: its signals come as parameters, GPC as
// the browser's header.
func mayMatch(policy *consent.Policy, ctx *fasthttp.RequestCtx) (bool, string) {
	args := ctx.QueryArgs()
	s := consent.Signals{
		GDPR: consent.ParseFlag(args.Peek("gdpr")), Consent: args.Peek("gdpr_consent"), USPrivacy: args.Peek("us_privacy"),
		GPP: args.Peek("gpp"), GPPSID: consent.AppendSIDs(nil, args.Peek("gpp_sid")),
		GPC: consent.ParseFlag(ctx.Request.Header.Peek("Sec-GPC")), DNT: consent.ParseFlag(ctx.Request.Header.Peek("DNT")),
	}
	d := policy.Decide(&s)
	return d.Sync, d.Reason.String()
}

// eraseProfile has every node forget the user.
func (n *Node) eraseProfile(user ids.UserKey) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return n.publisher.Publish(ctx, eventlog.Message{Topic: eventlog.TopicProfiles, Key: []byte(user.String())})
}

// loadSellers reads the cache of ads.txt and its kin anew. A broken file keeps
// the others; the report says which.
func (n *Node) loadSellers() error {
	dir := n.cfg.Supply.CacheDir
	if dir == "" {
		n.inventory.sellers.Store(&supply.Snapshot{})
		return nil
	}
	s, err := supply.Load(dir, Clock())
	if err != nil {
		return wrong("supply.cache_dir", dir, "a directory that \"bidhawk supply fetch\" filled: "+err.Error())
	}
	n.inventory.sellers.Store(s)
	if r := s.Report(); len(r.Problems) > 0 {
		n.logger.Warn("some files on who may sell can't be used", zap.Stringer("first", r.Problems[0]), zap.Int("listed", len(r.Problems)))
	}
	return nil
}

// reloadUsers reads keys and opt-outs anew; what can't be read stays as it was.
func (n *Node) reloadUsers() error {
	v, c := &n.inventory, n.cfg.Identity
	for _, f := range []struct {
		setting, path string
		load          func(*os.File) error
	}{
		{"identity.uid2_keys_file", c.UID2KeysFile, func(r *os.File) error { return v.uid2.LoadKeys(r) }},
		{"identity.euid_keys_file", c.EUIDKeysFile, func(r *os.File) error { return v.euid.LoadKeys(r) }},
		{"identity.opt_outs_file", c.OptOutsFile, func(r *os.File) error { return v.optOuts.Load(r) }},
	} {
		if f.path == "" {
			continue
		}
		r, err := os.Open(f.path)
		if err != nil {
			return wrong(f.setting, f.path, "a file that can be read: "+err.Error())
		}
		err = f.load(r)
		_ = r.Close() // it was only read
		if err != nil {
			return fmt.Errorf("setting %s: %s: %w", f.setting, f.path, err)
		}
	}
	return nil
}

// followFiles reloads what operators replace while the node runs, each in its own
// time; a file that is broken leaves the last good one in use.
func (n *Node) followFiles(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	every := func(d time.Duration, what string, reload func() error) {
		wg.Go(func() {
			t := time.NewTicker(d)
			defer t.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-t.C:
					if err := reload(); err != nil {
						n.logger.Error("a file can't be used; the last good one stays in use", zap.String("of", what), zap.Error(err))
					}
				}
			}
		})
	}
	v := &n.inventory
	if n.cfg.ExchangesDir != "" {
		every(n.cfg.ExchangesReloadEvery, "exchanges", n.reloadExchanges)
	}
	every(n.cfg.Supply.ReloadEvery, "sellers", n.loadSellers)
	every(n.cfg.Traffic.ReloadEvery, "traffic", func() error { _, err := v.traffic.Reload(); return err })
	every(n.cfg.Identity.ReloadEvery, "users", n.reloadUsers)
	every(time.Minute, "matches", func() error { _, err := n.profileStore.SweepMatches(Clock(), 10_000); return err })
	v.fx.Watch(ctx, n.cfg.Currency.ReloadEvery, func(err error) {
		if err != nil {
			n.logger.Error("the currency table is not as it should be", zap.Error(err))
			return
		}
		n.logger.Info("the currency table is fresh")
	})
	return nil
}

// convertSale is a sale's value in another currency, by the rates in force; nothing
// where this process keeps none.
func (n *Node) convertSale(amount money.Nanos, from, to money.Currency) (money.Nanos, bool) {
	if n.inventory.fx == nil {
		return 0, false
	}
	rate, ok := n.inventory.fx.Current().Between(from, to)
	if !ok {
		return 0, false
	}
	v, err := money.MulDiv(int64(amount), int64(rate), int64(money.One))
	return money.Nanos(v), err == nil
}
