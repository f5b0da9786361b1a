package identity

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

// Matches is the match table as bids read it.
type Matches interface {
	// Match returns our user for foreign, the key of an exchange's own user id
	// within that exchange, unless the match has expired at now.
	Match(foreign ids.UserKey, now time.Time) (user ids.UserKey, ok bool)
}

// Deps is what a Resolver works with.
type Deps struct {
	Keys    *ids.Keyring // required
	OptOuts *OptOuts     // required
	// Matches may be nil: then no user.id is known by a match.
	Matches Matches
	// UID2 and EUID may be nil: then no token of theirs is used.
	UID2 *Tokens
	EUID *Tokens
}

// Resolver finds the user of a bid request. It is safe for concurrent use.
type Resolver struct {
	order  []Source
	rules  []EIDRule
	ranks  map[string]int // a source's place in rules
	homes  []string       // as Config.HouseholdEIDs
	homeIP bool
	deps   Deps
	counts [sourceCount]atomic.Uint64
}

// NewResolver checks the configuration.
func NewResolver(cfg Config, deps Deps) (*Resolver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Keys == nil || deps.OptOuts == nil {
		return nil, errors.New("identity: deps: want Keys and OptOuts")
	}
	r := &Resolver{order: slices.Clone(cfg.Order), rules: slices.Clone(cfg.EIDs), ranks: make(map[string]int), deps: deps}
	r.homes, r.homeIP = slices.Clone(cfg.HouseholdEIDs), cfg.HouseholdIP
	for i, rule := range r.rules {
		r.ranks[rule.Source] = i
	}
	return r, nil
}

// Resolve returns the key of the request's user and where it came from; 0 where
// there is none. The caller asks only where there is a legal basis to know the
// user. The first usable identifier in the configured order decides; where its
// user opted out there is no user, whatever other identifiers say. It does not
// allocate, and r is not retained.
func (v *Resolver) Resolve(r *openrtb.BidRequest, exchange string, now time.Time) (ids.UserKey, Source) {
	user, source := v.resolve(r, exchange, now)
	if user != 0 && v.OptedOut(user) {
		user, source = 0, SourceOptedOut
	}
	v.counts[source].Add(1)
	return user, source
}

// OptedOut says whether user opted out: also after the bid that knew the user.
func (v *Resolver) OptedOut(user ids.UserKey) bool { return v.deps.OptOuts.Has(user) }

func (v *Resolver) resolve(r *openrtb.BidRequest, exchange string, now time.Time) (ids.UserKey, Source) {
	if r.DOOH != nil {
		return 0, SourceScreen
	}
	var foreign ids.UserKey // user.id as the exchange's own; 0: not derived yet
	for _, s := range v.order {
		var user ids.UserKey
		switch s {
		case SourceBuyerUID:
			user = v.buyerUID(r, exchange)
		case SourceEID:
			var source Source
			if user, source = v.eid(r, now); source == SourceOptedOut {
				return 0, source
			}
		case SourceIFA:
			user = v.ifa(r)
		case SourceMatch, SourceUserID:
			if foreign == 0 {
				foreign = v.userID(r, exchange)
			}
			user = foreign
			if s == SourceMatch {
				user = v.match(foreign, now)
			}
		}
		if user != 0 {
			return user, s
		}
	}
	return 0, SourceNone
}

func (v *Resolver) buyerUID(r *openrtb.BidRequest, exchange string) ids.UserKey {
	switch {
	case r.User == nil || !usable(r.User.BuyerUID):
		return 0
	case isOwnID(r.User.BuyerUID):
		return ownUserKey(v.deps.Keys, r.User.BuyerUID)
	default:
		return exchangeUserKey(v.deps.Keys, exchange, r.User.BuyerUID)
	}
}

func (v *Resolver) ifa(r *openrtb.BidRequest) ids.UserKey {
	if r.Device == nil || !validIFA(r.Device.IFA) {
		return 0
	}
	var low [maxIFABytes]byte
	return v.deps.Keys.User(ids.KindIFA, "", appendLower(low[:0], r.Device.IFA))
}

func (v *Resolver) userID(r *openrtb.BidRequest, exchange string) ids.UserKey {
	if r.User == nil || !usable(r.User.ID) {
		return 0
	}
	return exchangeUserKey(v.deps.Keys, exchange, r.User.ID)
}

func (v *Resolver) match(foreign ids.UserKey, now time.Time) ids.UserKey {
	if foreign == 0 || v.deps.Matches == nil {
		return 0
	}
	user, _ := v.deps.Matches.Match(foreign, now)
	return user
}

// Count is how many requests were resolved from s, or to none for its reason.
func (v *Resolver) Count(s Source) uint64 { return v.counts[s].Load() }

// WritePrometheus writes every counter in the Prometheus text format.
func (v *Resolver) WritePrometheus(w io.Writer) {
	for s := range v.counts {
		fmt.Fprintf(w, "bidhawk_users_total{source=%q} %d\n", Source(s), v.counts[s].Load())
	}
	for _, t := range []*Tokens{v.deps.UID2, v.deps.EUID} {
		if t == nil {
			continue
		}
		for r := range t.counts {
			fmt.Fprintf(w, "bidhawk_tokens_total{scope=%q,result=%q} %d\n", t.scope, TokenResult(r), t.counts[r].Load())
		}
	}
}
