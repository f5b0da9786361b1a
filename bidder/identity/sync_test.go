package identity

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"bidhawk/internal/ids"
)

// syncStore remembers what it was told.
type syncStore struct {
	matches map[ids.UserKey]ids.UserKey
	expires time.Time
	optOuts []ids.UserKey
	erased  []ids.UserKey
	fail    error
}

func (s *syncStore) PutMatch(foreign, user ids.UserKey, expires time.Time) error {
	if s.fail == nil {
		s.matches[foreign], s.expires = user, expires
	}
	return s.fail
}

func (s *syncStore) EraseMatches(user ids.UserKey) (int, error) {
	if s.fail == nil {
		s.erased = append(s.erased, user)
	}
	return 1, s.fail
}

func (s *syncStore) PutOptOut(user ids.UserKey, _ time.Time) error {
	if s.fail == nil {
		s.optOuts = append(s.optOuts, user)
	}
	return s.fail
}

type syncWorld struct {
	*Syncer
	store    *syncStore
	keys     *ids.Keyring
	optOuts  *OptOuts
	profiles []ids.UserKey // erased
	allowed  bool
	asked    int
	errors   []error
}

const (
	matchTemplate  = "https://x.example/match/{buyeruid}?id={buyeruid}&gdpr={gdpr}&gdpr_consent={gdpr_consent}&us_privacy={us_privacy}&gpp={gpp}&gpp_sid={gpp_sid}"
	returnTemplate = "https://y.example/done?theirs={uid}&ours={buyeruid}"
)

func newSyncWorld(t testing.TB) *syncWorld {
	t.Helper()
	cfg := DefaultSyncConfig()
	cfg.Exchanges = []SyncExchange{
		{Name: "redirects", MatchURL: matchTemplate, ReturnURL: returnTemplate},
		{Name: "plain"},
	}
	w := &syncWorld{store: &syncStore{matches: make(map[ids.UserKey]ids.UserKey)}, keys: newKeys(t), optOuts: NewOptOuts(), allowed: true}
	s, err := NewSyncer(cfg, SyncDeps{
		Keys: w.keys, Store: w.store, OptOuts: w.optOuts, Clock: func() time.Time { return testNow },
		Allowed: func(*fasthttp.RequestCtx) (bool, string) { w.asked++; return w.allowed, "gdpr_purpose" },
		Erase:   func(u ids.UserKey) error { w.profiles = append(w.profiles, u); return nil },
		OnError: func(err error) { w.errors = append(w.errors, err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Syncer = s
	return w
}

// answer is what a browser gets of a call.
type answer struct {
	status   int
	location string
	cookies  map[string]string // name to the whole Set-Cookie
	body     []byte
}

func (w *syncWorld) get(uri string, cookies ...string) answer {
	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetMethod("GET")
	ctx.Request.SetRequestURI("/sync/" + uri)
	for _, c := range cookies {
		name, value, _ := strings.Cut(c, "=")
		ctx.Request.Header.SetCookie(name, value)
	}
	w.Handle(&ctx, bytes.TrimPrefix(ctx.Path(), []byte("/sync/")))
	return answerOf(&ctx)
}

func answerOf(ctx *fasthttp.RequestCtx) answer {
	a := answer{status: ctx.Response.StatusCode(), location: string(ctx.Response.Header.Peek("Location")), cookies: map[string]string{}}
	a.body = bytes.Clone(ctx.Response.Body())
	for name, v := range ctx.Response.Header.Cookies() {
		a.cookies[string(name)] = string(v)
	}
	return a
}

// cookieValue is what Set-Cookie gives.
func cookieValue(set string) string {
	_, v, _ := strings.Cut(set, "=")
	v, _, _ = strings.Cut(v, ";")
	return v
}

func (w *syncWorld) results(exchange string) map[SyncResult]uint64 {
	return w.Stats().Results[exchange]
}

func TestSyncRedirectsWithOurID(t *testing.T) {
	w := newSyncWorld(t)
	const consent = "?gdpr=1&gdpr_consent=CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA&us_privacy=1YNN&gpp=DBACNY~CPXx.YAAA~1YNN&gpp_sid=2,6"
	a := w.get("redirects" + consent)
	id := cookieValue(a.cookies[cookieUID])
	if a.status != 302 || !isOwnID([]byte(id)) {
		t.Fatalf("got %+v; want a redirect and a cookie of our form", a)
	}
	want := "https://x.example/match/" + id + "?id=" + id +
		"&gdpr=1&gdpr_consent=CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA&us_privacy=1YNN&gpp=DBACNY~CPXx.YAAA~1YNN&gpp_sid=2%2C6"
	if a.location != want {
		t.Errorf("got %s; want %s", a.location, want)
	}
	wantCookie := cookieUID + "=" + id + "; max-age=33696000; path=/; HttpOnly; secure; SameSite=None"
	if a.cookies[cookieUID] != wantCookie {
		t.Errorf("got cookie %q; want %q", a.cookies[cookieUID], wantCookie)
	}
	// The same browser again: the same id, and a cookie that is not prolonged.
	a = w.get("redirects", "bh_uid="+id)
	if a.status != 302 || len(a.cookies) != 0 || !strings.Contains(a.location, "?id="+id+"&gdpr=&gdpr_consent=&us_privacy=&gpp=&gpp_sid=") {
		t.Errorf("got %+v; want a redirect with %s and no cookie", a, id)
	}
	// A cookie that we did not make is no id.
	a = w.get("redirects", "bh_uid=somebody")
	if got := cookieValue(a.cookies[cookieUID]); got == "somebody" || !isOwnID([]byte(got)) || strings.Contains(a.location, "somebody") {
		t.Errorf("got %+v; want a new id", a)
	}
	if r := w.results("redirects"); r[SyncRedirected] != 3 || w.Stats().CookiesSet != 2 || len(w.store.matches) != 0 {
		t.Errorf("got %v, %+v, %d matches; want 3 redirects, 2 cookies and no match", r, w.Stats(), len(w.store.matches))
	}
}

// TestSyncPassesNothingElseOn: what is no signal is left out, and nobody but the
// configuration says where a browser goes.
func TestSyncPassesNothingElseOn(t *testing.T) {
	w := newSyncWorld(t)
	f := func(query, want string) {
		t.Helper()
		a := w.get("redirects?"+query, "bh_uid="+ownID)
		if a.status != 302 || !strings.HasSuffix(a.location, want) || strings.Contains(a.location, "evil") {
			t.Errorf("%s: got %d, %s; want it to end with %s", query, a.status, a.location, want)
		}
		if u, err := url.Parse(a.location); err != nil || u.Host != "x.example" {
			t.Errorf("%s: leads to %q", query, a.location)
		}
	}
	const none = "&gdpr=&gdpr_consent=&us_privacy=&gpp=&gpp_sid="
	f("redirect=https://evil.example&url=//evil.example&r=evil", none)
	f("gdpr=evil&gdpr_consent=https://evil.example/&gpp_sid=%0d%0aSet-Cookie:evil&us_privacy=%22evil%22", none)
	f("gdpr=2", none)
	f("gdpr_consent="+strings.Repeat("A", maxConsentBytes+1), none)
	f("gpp_sid=2_6", "&gpp_sid=2_6")
}

func TestSyncStoresMatches(t *testing.T) {
	w := newSyncWorld(t)
	a := w.get("plain?uid=their%20user%2F1")
	if a.status != 200 || !bytes.Equal(a.body, pixel) || len(w.store.matches) != 0 || w.results("plain")[SyncBadUID] != 1 {
		t.Errorf("a blank in an id: got %+v, %v; want the pixel and nothing stored", a, w.store.matches)
	}
	foreign := w.keys.User(ids.KindBuyerUID, "plain", []byte("their-user/1"))
	a = w.get("plain?uid=their-user%2F1")
	id := cookieValue(a.cookies[cookieUID])
	user := w.keys.User(ids.KindBuyerUID, "", []byte(id))
	if a.status != 200 || !bytes.Equal(a.body, pixel) || w.store.matches[foreign] != user || w.store.expires != testNow.Add(90*24*time.Hour) {
		t.Errorf("got %+v, %v until %v; want the pixel and a match to %v for 90 days", a, w.store.matches, w.store.expires, user)
	}
	a = w.get("redirects?uid=a%26b%3Dc", "bh_uid="+ownID)
	if a.status != 302 || a.location != "https://y.example/done?theirs=a%26b%3Dc&ours="+ownID {
		t.Errorf("got %+v; want the browser sent back with both ids", a)
	}
	if len(w.store.matches) != 2 || w.results("redirects")[SyncMatched] != 1 || w.results("plain")[SyncMatched] != 1 {
		t.Errorf("got %v, %+v; want a match of each exchange", w.store.matches, w.Stats())
	}
	for _, bad := range []string{"", "0", "${UID}", "{uid}", "[UID]", "$UID", strings.Repeat("a", maxUIDBytes+1), "%00", "%C3%A4"} {
		w.get("plain?uid="+bad, "bh_uid="+ownID)
	}
	if len(w.store.matches) != 2 || w.results("plain")[SyncBadUID] != 10 {
		t.Errorf("got %d matches, %v; want 2, and 10 ids refused", len(w.store.matches), w.results("plain"))
	}
	w.store.fail = errors.New("disk is full")
	if a = w.get("plain?uid=u", "bh_uid="+ownID); a.status != 200 || w.results("plain")[SyncFailed] != 1 || len(w.errors) != 1 {
		t.Errorf("a store that fails: got %+v, %v; want the pixel, one failure, told once", a, w.errors)
	}
	if a = w.get("plain"); a.status != 200 || !bytes.Equal(a.body, pixel) || w.results("plain")[SyncPixel] != 1 {
		t.Errorf("nothing to do: got %+v; want the pixel", a)
	}
}

// TestSyncWithoutConsent: nothing is read, set, stored or told.
func TestSyncWithoutConsent(t *testing.T) {
	w := newSyncWorld(t)
	w.allowed = false
	f := func(a answer) {
		t.Helper()
		if a.status != 200 || a.location != "" || len(a.cookies) != 0 || !bytes.Equal(a.body, pixel) || len(w.store.matches) != 0 {
			t.Errorf("got %+v, %v; want the pixel and nothing else", a, w.store.matches)
		}
	}
	f(w.get("redirects"))
	f(w.get("redirects", "bh_uid="+ownID))
	f(w.get("redirects?uid=u", "bh_uid="+ownID))
	f(w.get("plain?uid=u"))
	if st := w.Stats(); st.NoConsent["gdpr_purpose"] != 4 || st.Results["redirects"][SyncNoConsent] != 3 || st.CookiesSet != 0 {
		t.Errorf("got %+v", st)
	}
	w.allowed = true
	asked := w.asked
	f(w.get("redirects?uid=u", "bh_uid="+ownID, "bh_optout=1"))
	if w.asked != asked || w.results("redirects")[SyncOptedOut] != 1 {
		t.Errorf("an opt-out needs no other signal: got %v", w.results("redirects"))
	}
	if err := w.optOuts.Add(ownUserKey(w.keys, []byte(ownID))); err != nil {
		t.Fatal(err)
	}
	f(w.get("redirects?uid=u", "bh_uid="+ownID))
}

func TestSyncOptOut(t *testing.T) {
	w := newSyncWorld(t)
	user := ownUserKey(w.keys, []byte(ownID))
	w.store.fail = errors.New("disk is full")
	a := w.get("optout", "bh_uid="+ownID)
	if _, gone := a.cookies[cookieUID]; a.status != 503 || gone || cookieValue(a.cookies[cookieOptOut]) != "1" || len(w.errors) != 1 {
		t.Errorf("a store that fails: got %+v; want 503, the opt-out, and the id kept for another try", a)
	}
	w.store.fail = nil
	w.allowed = false // taking away needs no consent
	a = w.get("optout", "bh_uid="+ownID)
	if a.status != 200 || !bytes.Equal(a.body, pixel) || cookieValue(a.cookies[cookieUID]) != "" ||
		!strings.Contains(a.cookies[cookieUID], "expires=Tue, 10 Nov 2009") ||
		a.cookies[cookieOptOut] != "bh_optout=1; max-age=33696000; path=/; HttpOnly; secure; SameSite=None" {
		t.Errorf("got %+v; want the opt-out set and the id taken away", a)
	}
	one := func(list []ids.UserKey) bool { return len(list) == 1 && list[0] == user }
	if !one(w.store.optOuts) || !one(w.store.erased) || !one(w.profiles) || !w.optOuts.Has(user) {
		t.Errorf("got %+v, %v; want %v remembered, its matches and profile erased", w.store, w.profiles, user)
	}
	a = w.get("optout")
	if a.status != 200 || len(w.profiles) != 1 || w.Stats().OptOuts != 2 || w.Stats().OptOutsFailed != 1 {
		t.Errorf("a browser without an id: got %+v, %+v; want its opt-out, and nobody erased", a, w.Stats())
	}
}

func TestSyncRefusesOtherCalls(t *testing.T) {
	w := newSyncWorld(t)
	for _, path := range []string{"", "nobody", "redirects/", "REDIRECTS"} {
		if a := w.get(path); a.status != 404 || len(a.cookies) != 0 {
			t.Errorf("%q: got %+v; want 404", path, a)
		}
	}
	for _, method := range []string{"POST", "HEAD", "PUT"} {
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod(method)
		w.Handle(&ctx, []byte("plain"))
		if a := answerOf(&ctx); a.status != 405 || len(a.cookies) != 0 || string(ctx.Response.Header.Peek("Allow")) != "GET" {
			t.Errorf("%s: got %+v; want 405", method, a)
		}
	}
	if w.Stats().UnknownExchange != 4 {
		t.Errorf("got %+v; want 4 unknown", w.Stats())
	}
	for i := range 2 * maxReasons {
		w.stats.refused(strings.Repeat("r", i))
	}
	if n := w.Stats().NoConsent; len(n) != maxReasons+1 || n["(other)"] != maxReasons {
		t.Errorf("got %d reasons, %d others; want %d and the rest together", len(n), n["(other)"], maxReasons)
	}
}

func TestSyncConfigRefuses(t *testing.T) {
	f := func(want string, change func(*SyncConfig)) {
		t.Helper()
		c := DefaultSyncConfig()
		c.Exchanges = []SyncExchange{{Name: "a"}, {Name: "b"}}
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
	f("sync.cookie_max_age: got 9624h0m0s; want 1h to 9600h", func(c *SyncConfig) { c.CookieMaxAge = 401 * day })
	f("sync.match_ttl: got 0s", func(c *SyncConfig) { c.MatchTTL = 0 })
	f("exchanges[1].name: got \"a\"; want each exchange once", func(c *SyncConfig) { c.Exchanges[1].Name = "a" })
	f("not optout", func(c *SyncConfig) { c.Exchanges[1].Name = "optout" })
	f("exchanges: got 1025", func(c *SyncConfig) { c.Exchanges = make([]SyncExchange, 1025) })
	f("sync.exchanges.a.match_url: want {buyeruid}, and no {uid}", func(c *SyncConfig) { c.Exchanges[0].MatchURL = "https://x.example/?u={uid}" })
	f("sync.exchanges.a.match_url: want https://", func(c *SyncConfig) { c.Exchanges[0].MatchURL = "http://x.example/{buyeruid}" })
	f("sync.exchanges.a.return_url: want https://, a host without macros", func(c *SyncConfig) { c.Exchanges[0].ReturnURL = "https://{uid}/" })
	if _, err := NewSyncer(DefaultSyncConfig(), SyncDeps{}); err == nil {
		t.Error("no deps: want an error")
	}
}

func TestTemplates(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		parts, err := parseTemplate(text)
		values := [macroCount][]byte{macroBuyerUID: []byte("B"), macroUID: []byte("u/é"), macroGDPR: []byte("1")}
		got := ""
		if err == nil {
			got = string(parts.append(nil, &values))
		}
		if got != want {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
	f("https://x.example/", "https://x.example/")
	f("https://x.example/{buyeruid}/p?u={uid}&g={gdpr}&c={gdpr_consent}", "https://x.example/B/p?u=u%2F%C3%A9&g=1&c=")
	f("https://x.example:8443/?{buyeruid}{buyeruid}", "https://x.example:8443/?BB")
	for _, bad := range []string{
		"", "x.example/", "http://x.example/", "//x.example/", "https:///", "javascript:alert(1)", "https://x.example",
		"https://user@x.example/", "https://x.example/#f", "https://{buyeruid}/", "https://x.{buyeruid}/", "https://x.example:{buyeruid}/",
		"https://x.example/{uid}", "https://x.example/{gdpr}?x", "https://x.example/?{nothing}", "https://x.example/?{uid", "https://x.example/?uid}",
		"https://x.example?u={uid}", "https://x.example/ ?u=1", "https://x.example/\\?u=1", "https://x.example/?" + strings.Repeat("a", maxTemplateBytes),
	} {
		f(bad, "")
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(matchTemplate, "value")
	f.Add(returnTemplate, "a&b=c\r\n")
	f.Add("https://x.example/?{", "")
	f.Fuzz(func(t *testing.T, text, value string) {
		parts, err := parseTemplate(text)
		if err != nil {
			return
		}
		var values, empty [macroCount][]byte
		for m := range values {
			values[m] = []byte(value)
		}
		values[macroBuyerUID] = []byte(ownID)
		a, err1 := url.Parse(string(parts.append(nil, &values)))
		b, err2 := url.Parse(string(parts.append(nil, &empty)))
		if err1 != nil || err2 != nil || a.Scheme != "https" || a.Host != b.Host || a.User != nil || a.Fragment != "" {
			t.Fatalf("%q with %q leads to %v (%v), without it to %v (%v)", text, value, a, err1, b, err2)
		}
	})
}

func FuzzSync(f *testing.F) {
	f.Add("redirects?uid=u&gdpr=1", "bh_uid="+ownID)
	f.Add("plain?uid=%", "bh_optout=")
	f.Add("optout", "bh_uid="+ownID)
	f.Add("redirects?gdpr_consent=%0d%0a", "")
	f.Fuzz(func(t *testing.T, uri, cookie string) {
		w := newSyncWorld(t)
		a := w.get(uri, cookie)
		switch a.status {
		case fasthttp.StatusOK:
			if !bytes.Equal(a.body, pixel) || a.location != "" {
				t.Fatalf("got %+v; want the pixel", a)
			}
		case fasthttp.StatusFound:
			if u, err := url.Parse(a.location); err != nil || u.Host != "x.example" && u.Host != "y.example" || strings.ContainsAny(a.location, "\r\n") {
				t.Fatalf("leads to %q, %v", a.location, err)
			}
		case fasthttp.StatusNotFound:
		default:
			t.Fatalf("got %+v", a)
		}
	})
}
