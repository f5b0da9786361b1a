package identity

import (
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"bidhawk/internal/ids"
)

// SyncExchange is how ids are exchanged with one exchange. Both URLs come from
// configuration alone and are templates with the macros {buyeruid}, {uid},
// {gdpr}, {gdpr_consent}, {us_privacy}, {gpp} and {gpp_sid}.
type SyncExchange struct {
	Name string
	// MatchURL is where a browser that comes without an id of the exchange's is
	// sent on to, with our id: the exchange hosts the match. Empty: nowhere.
	MatchURL string
	// ReturnURL is where a browser that came with ?uid= is sent on to, once we
	// have stored the match. Empty: nowhere. It is a setting of its own, so that
	// two servers never send a browser to and fro.
	ReturnURL string
}

// SyncConfig bounds user sync.
type SyncConfig struct {
	Exchanges []SyncExchange
	// CookieMaxAge is the life of our cookie from its first day on. It is never
	// prolonged.
	CookieMaxAge time.Duration
	// MatchTTL is how long a match holds after the sync that told it.
	MatchTTL time.Duration
}

// DefaultSyncConfig has no exchanges. 390 days are the 13 months that the CNIL's
// guidance of 2013-12 gives a cookie, and below the 400 days that browsers cut a
// Max-Age to (RFC 6265bis draft 14, section 5.5).
func DefaultSyncConfig() SyncConfig {
	return SyncConfig{CookieMaxAge: 390 * day, MatchTTL: 90 * day}
}

const (
	day              = 24 * time.Hour
	maxCookieAge     = 400 * day
	maxSyncExchanges = 1024
)

var syncExchangeName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// pathOptOut is the path segment that no exchange may have as its name.
const pathOptOut = "optout"

// Validate names the first field that breaks its rule.
func (c SyncConfig) Validate() error {
	_, err := c.exchanges()
	return err
}

func (c SyncConfig) exchanges() (map[string]*syncExchange, error) {
	f := func(field string, value any, rule string) error {
		return fmt.Errorf("sync.%s: got %v; want %s", field, value, rule)
	}
	switch {
	case c.CookieMaxAge < time.Hour || c.CookieMaxAge > maxCookieAge:
		return nil, f("cookie_max_age", c.CookieMaxAge, "1h to 9600h, what browsers keep")
	case c.MatchTTL < time.Hour || c.MatchTTL > maxCookieAge:
		return nil, f("match_ttl", c.MatchTTL, "1h to 9600h")
	case len(c.Exchanges) > maxSyncExchanges:
		return nil, f("exchanges", len(c.Exchanges), fmt.Sprintf("at most %d", maxSyncExchanges))
	}
	all := make(map[string]*syncExchange)
	for i, e := range c.Exchanges {
		name := fmt.Sprintf("exchanges[%d].", i)
		if !syncExchangeName.MatchString(e.Name) || e.Name == pathOptOut {
			return nil, f(name+"name", fmt.Sprintf("%.40q", e.Name), "1 to 32 lower-case letters, digits and dashes, not optout")
		}
		if all[e.Name] != nil {
			return nil, f(name+"name", fmt.Sprintf("%q", e.Name), "each exchange once")
		}
		x := &syncExchange{name: e.Name}
		var err error
		if x.matchURL, err = optionalTemplate(e.MatchURL); err != nil {
			return nil, fmt.Errorf("sync.exchanges.%s.match_url: %w", e.Name, err)
		}
		if x.returnURL, err = optionalTemplate(e.ReturnURL); err != nil {
			return nil, fmt.Errorf("sync.exchanges.%s.return_url: %w", e.Name, err)
		}
		if x.matchURL != nil && (!x.matchURL.has(macroBuyerUID) || x.matchURL.has(macroUID)) {
			return nil, fmt.Errorf("sync.exchanges.%s.match_url: want {buyeruid}, and no {uid}, which is not known there", e.Name)
		}
		all[e.Name] = x
	}
	return all, nil
}

func optionalTemplate(s string) (template, error) {
	if s == "" {
		return nil, nil
	}
	return parseTemplate(s)
}

type syncExchange struct {
	name      string
	matchURL  template
	returnURL template
	counts    [syncResults]atomic.Uint64
}

// SyncResult says how a sync call ended.
type SyncResult uint8

const (
	SyncRedirected SyncResult = iota // sent on to the exchange, with our id
	SyncMatched                      // the match was stored; the browser sent back or shown the pixel
	SyncPixel                        // our cookie is set, and there was nothing else to do
	SyncNoConsent                    // no basis: nothing was read, set, stored or told
	SyncOptedOut                     // the browser has our opt-out: neither
	SyncBadUID                       // the exchange's id is none: neither
	SyncFailed                       // the store or the random source refused
	syncResults
)

var syncResultNames = [syncResults]string{
	SyncRedirected: "redirected", SyncMatched: "matched", SyncPixel: "pixel", SyncNoConsent: "no_consent",
	SyncOptedOut: "opted_out", SyncBadUID: "bad_uid", SyncFailed: "failed",
}

func (r SyncResult) String() string { return syncResultNames[r] }

// SyncStore keeps what syncs tell; profiles.Store is one.
type SyncStore interface {
	// PutMatch stores that the exchange's user foreign is our user until expires.
	PutMatch(foreign, user ids.UserKey, expires time.Time) error
	// EraseMatches removes every match of user.
	EraseMatches(user ids.UserKey) (erased int, err error)
	// PutOptOut remembers that user opted out until then.
	PutOptOut(user ids.UserKey, until time.Time) error
}

// SyncDeps is what a Syncer works with. All are required.
type SyncDeps struct {
	Keys    *ids.Keyring
	Store   SyncStore
	OptOuts *OptOuts
	Clock   func() time.Time
	// Allowed says whether the call's signals permit to match ids, and why not.
	// It must not keep ctx.
	Allowed func(ctx *fasthttp.RequestCtx) (ok bool, reason string)
	// Erase has the profile of a user erased who opted out.
	Erase func(user ids.UserKey) error
	// OnError is told of failures; no error has an id.
	OnError func(error)
}

// Syncer serves user sync. It is safe for concurrent use.
type Syncer struct {
	cfg       SyncConfig
	deps      SyncDeps
	exchanges map[string]*syncExchange
	stats     syncCounters
}

// NewSyncer checks the configuration.
func NewSyncer(cfg SyncConfig, deps SyncDeps) (*Syncer, error) {
	exchanges, err := cfg.exchanges()
	if err != nil {
		return nil, err
	}
	if deps.Keys == nil || deps.Store == nil || deps.OptOuts == nil || deps.Clock == nil || deps.Allowed == nil ||
		deps.Erase == nil || deps.OnError == nil {
		return nil, errors.New("sync: deps: want every field")
	}
	return &Syncer{cfg: cfg, deps: deps, exchanges: exchanges, stats: syncCounters{reasons: make(map[string]uint64)}}, nil
}

// Handle serves GET /sync/{exchange} and GET /sync/optout; rest is what follows
// "/sync/". Whatever happens a browser gets a pixel or is sent on: a page must
// not show a broken image. Only the counters tell.
func (s *Syncer) Handle(ctx *fasthttp.RequestCtx, rest []byte) {
	h := &ctx.Response.Header
	h.Set("Cache-Control", "no-store, private")
	h.Set("Referrer-Policy", "no-referrer") // where the user was is nobody's business here
	if !ctx.IsGet() {
		h.Set("Allow", "GET")
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
		return
	}
	if string(rest) == pathOptOut {
		s.optOut(ctx)
		return
	}
	e := s.exchanges[string(rest)]
	if e == nil {
		s.stats.unknown.Add(1)
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	r := s.sync(ctx, e)
	e.counts[r].Add(1)
	if ctx.Response.StatusCode() != fasthttp.StatusFound {
		answerPixel(ctx)
	}
}

// sync serves a call of e's. Nothing of the request is used before consent is
// clear, and nothing is set or told where it is not.
func (s *Syncer) sync(ctx *fasthttp.RequestCtx, e *syncExchange) SyncResult {
	if len(ctx.Request.Header.Cookie(cookieOptOut)) > 0 {
		return SyncOptedOut
	}
	if ok, reason := s.deps.Allowed(ctx); !ok {
		s.stats.refused(reason)
		return SyncNoConsent
	}
	uid := ctx.QueryArgs().Peek("uid")
	if ctx.QueryArgs().Has("uid") && !validUID(uid) {
		return SyncBadUID
	}
	var buf [ownIDLen]byte
	id, err := s.cookie(ctx, buf[:0])
	if err != nil {
		s.deps.OnError(err)
		return SyncFailed
	}
	user := ownUserKey(s.deps.Keys, id)
	if s.deps.OptOuts.Has(user) { // another window's opt-out took the cookie away
		return SyncOptedOut
	}
	if len(uid) == 0 {
		return s.redirect(ctx, e.matchURL, id, nil, SyncRedirected)
	}
	foreign := exchangeUserKey(s.deps.Keys, e.name, uid)
	if err := s.deps.Store.PutMatch(foreign, user, s.deps.Clock().Add(s.cfg.MatchTTL)); err != nil {
		s.deps.OnError(fmt.Errorf("sync with %s: %w", e.name, err))
		return SyncFailed
	}
	s.redirect(ctx, e.returnURL, id, uid, SyncMatched)
	return SyncMatched
}

// redirect sends the browser on, where there is somewhere to send it to.
func (s *Syncer) redirect(ctx *fasthttp.RequestCtx, t template, id, uid []byte, done SyncResult) SyncResult {
	if t == nil {
		return SyncPixel
	}
	values := [macroCount][]byte{macroBuyerUID: id, macroUID: uid}
	args := ctx.QueryArgs()
	for m := macroGDPR; m <= macroGPPSID; m++ {
		values[m] = consentValue(m, args.Peek(macroNames[m]))
	}
	ctx.Response.Header.SetBytesV("Location", t.append(nil, &values))
	ctx.SetStatusCode(fasthttp.StatusFound)
	return done
}

// optOut serves GET /sync/optout. It needs no consent: it only takes away. The
// opt-out cookie is set whatever happens; ours goes once its user is erased, so
// that a call that failed can be made again.
func (s *Syncer) optOut(ctx *fasthttp.RequestCtx) {
	s.setCookie(ctx, cookieOptOut, []byte("1"), s.cfg.CookieMaxAge)
	if id := ctx.Request.Header.Cookie(cookieUID); isOwnID(id) {
		if err := s.erase(ownUserKey(s.deps.Keys, id)); err != nil {
			s.stats.optOutsFailed.Add(1)
			s.deps.OnError(fmt.Errorf("opt out: %w", err))
			ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
			return
		}
	}
	s.setCookie(ctx, cookieUID, nil, 0)
	s.stats.optOuts.Add(1)
	answerPixel(ctx)
}

// erase makes user nobody: exchanges go on sending the id for as long as they
// remember it, so that we must remember not to use it.
func (s *Syncer) erase(user ids.UserKey) error {
	if err := s.deps.OptOuts.Add(user); err != nil {
		return err
	}
	if err := s.deps.Store.PutOptOut(user, s.deps.Clock().Add(maxCookieAge)); err != nil {
		return err
	}
	if _, err := s.deps.Store.EraseMatches(user); err != nil {
		return err
	}
	return s.deps.Erase(user)
}
