package identity

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

// matchMap is a match table; expired rows are left out by whoever fills it.
type matchMap map[ids.UserKey]ids.UserKey

func (m matchMap) Match(foreign ids.UserKey, _ time.Time) (ids.UserKey, bool) {
	u, ok := m[foreign]
	return u, ok
}

func newKeys(t testing.TB) *ids.Keyring {
	t.Helper()
	keys, err := ids.NewKeyring([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

const ownID = "AbCdEfGhIjKlMnOpQrStUg"

func testConfig() Config {
	return Config{Order: DefaultOrder(), EIDs: []EIDRule{
		{Source: "uidapi.com", ATypes: []int{0, 3}, Token: ScopeUID2},
		{Source: "euid.eu", Token: ScopeEUID},
		{Source: "pubcid.org", ATypes: []int{1}, MMs: []int{0, 1, 2}},
		{Source: "vendor.example"},
	}}
}

type world struct {
	*Resolver
	keys    *ids.Keyring
	matches matchMap
	optOuts *OptOuts
}

func newWorld(t testing.TB, cfg Config) *world {
	t.Helper()
	w := &world{keys: newKeys(t), matches: matchMap{}, optOuts: NewOptOuts()}
	r, err := NewResolver(cfg, Deps{Keys: w.keys, OptOuts: w.optOuts, Matches: w.matches, UID2: loaded(t, ScopeUID2, bidstream)})
	if err != nil {
		t.Fatal(err)
	}
	w.Resolver = r
	return w
}

// request has every identifier; tests take away what they don't want.
func request(change func(*openrtb.BidRequest)) *openrtb.BidRequest {
	r := &openrtb.BidRequest{
		Site: &openrtb.Site{Domain: []byte("www.example.com")},
		User: &openrtb.User{ID: []byte("exchange-user"), BuyerUID: []byte(ownID), EIDs: []openrtb.EID{
			eid("pubcid.org", 1, "a-public-common-id"), eid("uidapi.com", 3, newSpec(4).encode()),
		}},
		Device: &openrtb.Device{IFA: []byte("8CAA21F6-8E5A-4A9B-9F3F-1D2C3B4A5968")},
	}
	change(r)
	return r
}

func eid(source string, atype int, list ...string) openrtb.EID {
	e := openrtb.EID{Source: []byte(source)}
	for _, id := range list {
		e.UIDs = append(e.UIDs, openrtb.UID{ID: []byte(id), AType: atype})
	}
	return e
}

// only keeps the eids given, and no buyeruid.
func only(list ...openrtb.EID) *openrtb.BidRequest {
	return request(func(r *openrtb.BidRequest) { r.User.BuyerUID, r.User.EIDs = nil, list })
}

func TestResolveOrder(t *testing.T) {
	w := newWorld(t, testConfig())
	foreign := w.keys.User(ids.KindBuyerUID, "demo", []byte("exchange-user"))
	ifa := w.keys.User(ids.KindIFA, "", []byte("8caa21f6-8e5a-4a9b-9f3f-1d2c3b4a5968"))
	f := func(r *openrtb.BidRequest, want ids.UserKey, source Source) {
		t.Helper()
		before := w.Count(source)
		if got, s := w.Resolve(r, "demo", testNow); got != want || s != source {
			t.Errorf("got %v from %v; want %v from %v", got, s, want, source)
		}
		if w.Count(source) != before+1 {
			t.Errorf("%v: not counted", source)
		}
	}
	take := func(steps int) *openrtb.BidRequest {
		return request(func(r *openrtb.BidRequest) {
			if steps > 0 {
				r.User.BuyerUID = nil
			}
			if steps > 1 {
				r.User.EIDs = nil
			}
			if steps > 2 {
				r.Device.IFA = []byte("00000000-0000-0000-0000-000000000000")
			}
			if steps > 3 {
				r.User = nil
			}
		})
	}
	f(take(0), w.keys.User(ids.KindBuyerUID, "", []byte(ownID)), SourceBuyerUID)
	f(take(1), w.keys.User(ids.KindEID, "uidapi.com", []byte(exampleRaw)), SourceEID)
	f(take(2), ifa, SourceIFA)
	f(take(3), foreign, SourceUserID)
	w.matches[foreign] = 77
	f(take(3), 77, SourceMatch)
	f(take(4), 0, SourceNone)
	f(&openrtb.BidRequest{}, 0, SourceNone)
	f(request(func(r *openrtb.BidRequest) { r.DOOH = &openrtb.DOOH{} }), 0, SourceScreen)

	last := newWorld(t, Config{Order: []Source{SourceUserID, SourceBuyerUID}})
	if got, s := last.Resolve(take(0), "demo", testNow); got != foreign || s != SourceUserID {
		t.Errorf("another order: got %v from %v; want the exchange's id first", got, s)
	}
	none := newWorld(t, Config{Order: []Source{SourceEID}})
	if got, s := none.Resolve(take(0), "demo", testNow); got != 0 || s != SourceNone {
		t.Errorf("no source on the list: got %v from %v; want none", got, s)
	}
}

func TestBuyerUIDs(t *testing.T) {
	w := newWorld(t, Config{Order: []Source{SourceBuyerUID, SourceUserID}})
	f := func(id, exchange, space string) {
		t.Helper()
		r := &openrtb.BidRequest{User: &openrtb.User{BuyerUID: []byte(id)}}
		want := w.keys.User(ids.KindBuyerUID, space, []byte(id))
		if space == "-" {
			want = 0
		}
		if got, _ := w.Resolve(r, exchange, testNow); got != want {
			t.Errorf("%q from %s: got %v; want that of space %q", id, exchange, got, space)
		}
	}
	f(ownID, "a", "")
	f(ownID, "b", "") // the same user whichever exchange sends it
	f("their-own-form", "a", "a")
	f("their-own-form", "b", "b")
	f(ownID[:21]+"h", "a", "a") // the last character holds bits that ours never has
	f(ownID+"A", "a", "a")
	f(ownID[:21], "a", "a")
	f(ownID[:20]+"+g", "a", "a")
	f("0", "a", "-")
	f("NULL", "a", "-")
	f("None", "a", "-")
	f("unknown", "a", "-")
	f("undefined", "a", "-")
	f("", "a", "-")
	f(strings.Repeat("a", maxIDBytes), "a", "a")
	f(strings.Repeat("a", maxIDBytes+1), "a", "-")
	for range 100 {
		id, err := newOwnID(nil)
		if err != nil || !isOwnID(id) {
			t.Fatalf("made %q, %v; want the form of our own", id, err)
		}
		f(string(id), "a", "")
	}
}

func TestIFAs(t *testing.T) {
	f := func(ifa string, want bool) {
		t.Helper()
		if got := validIFA([]byte(ifa)); got != want {
			t.Errorf("%q: got %v; want %v", ifa, got, want)
		}
	}
	f("8CAA21F6-8E5A-4A9B-9F3F-1D2C3B4A5968", true)
	f("00000000-0000-0000-0000-000000000000", false)
	f("00000000000000000000000000000000", false)
	f("1234567", false)
	f(strings.Repeat("a", 64), true)
	f(strings.Repeat("a", 65), false)
	f("undefined", false)
}

func TestEIDs(t *testing.T) {
	w := newWorld(t, testConfig())
	key := func(source, id string) ids.UserKey { return w.keys.User(ids.KindEID, source, []byte(id)) }
	uid2 := key("uidapi.com", exampleRaw)
	fallback := w.keys.User(ids.KindIFA, "", []byte("8caa21f6-8e5a-4a9b-9f3f-1d2c3b4a5968"))
	f := func(want ids.UserKey, list ...openrtb.EID) {
		t.Helper()
		source := SourceEID
		switch want {
		case 0:
			source = SourceOptedOut
		case fallback:
			source = SourceIFA
		}
		if got, s := w.Resolve(only(list...), "demo", testNow); got != want || s != source {
			t.Errorf("got %v from %v; want %v from %v", got, s, want, source)
		}
	}
	with := func(change func(*spec)) string {
		s := newSpec(3)
		change(&s)
		return s.encode()
	}
	f(uid2, eid("uidapi.com", 3, exampleRaw))
	f(uid2, eid("UIDAPI.com", 0, newSpec(2).encode()))
	f(fallback, eid("uidapi.com", 1, exampleRaw)) // an agent type that is not permitted
	f(fallback, eid("stranger.example", 1, "an-id"))
	f(fallback, eid(strings.Repeat("x", 100), 1, "an-id"))
	f(fallback, eid("vendor.example", 1))
	f(key("vendor.example", "x1"), eid("vendor.example", 501, "0", "", "x1", "x2"))
	// The list's order counts, not the request's; what can't be used gives way.
	f(uid2, eid("vendor.example", 1, "x1"), eid("pubcid.org", 1, "p1"), eid("uidapi.com", 3, exampleRaw))
	expired := with(func(s *spec) { s.expires = testNow.Add(-time.Hour) })
	f(key("pubcid.org", "p1"), eid("vendor.example", 1, "x1"), eid("pubcid.org", 1, "p1"), eid("uidapi.com", 3, expired))
	f(uid2, eid("uidapi.com", 3, expired, "rubbish", exampleRaw))
	f(fallback, eid("uidapi.com", 3, expired, expired, expired, expired, exampleRaw)) // bounded
	f(key("pubcid.org", "p2"), eid("pubcid.org", 1, "p2"), eid("pubcid.org", 1, "p3"))
	// The framework of EUID has no keys here.
	f(fallback, eid("euid.eu", 3, newSpec(4).encode()))
	// Who opted out is nobody, whatever other ids say.
	f(0, eid("uidapi.com", 3, with(func(s *spec) { s.privacy = bitOptedOut })), eid("pubcid.org", 1, "p1"))
	f(0, eid("vendor.example", 1, "OptOut"))
	f(fallback, eid("stranger.example", 1, "optout"))

	observed := eid("pubcid.org", 1, "p1")
	observed.MM = 5
	f(fallback, observed)
	matched := eid("pubcid.org", 1, "p2")
	matched.MM = 2
	f(key("pubcid.org", "p2"), observed, matched)
	if n := w.deps.UID2.Count(TokenExpired); n != 6 {
		t.Errorf("%d expired tokens counted; want 6", n)
	}
}

func TestOptOuts(t *testing.T) {
	w := newWorld(t, testConfig())
	f := func(r *openrtb.BidRequest, want Source) {
		t.Helper()
		if got, s := w.Resolve(r, "demo", testNow); s != want || (got == 0) != (want == SourceOptedOut) {
			t.Errorf("got %v from %v; want %v", got, s, want)
		}
	}
	var file strings.Builder
	n, err := HashOptOuts(&file, strings.NewReader("# webhook\n\n"+strings.TrimRight(exampleRaw, "=")+"\n"), w.keys, testConfig().EIDs[0])
	if n != 1 || err != nil || strings.Contains(file.String(), exampleRaw[:8]) {
		t.Fatalf("got %d, %v, %q; want one hashed", n, err, file.String())
	}
	f(only(eid("uidapi.com", 3, newSpec(2).encode())), SourceEID)
	if err := w.optOuts.Load(strings.NewReader("# file\n" + file.String())); err != nil {
		t.Fatal(err)
	}
	f(only(eid("uidapi.com", 3, newSpec(2).encode())), SourceOptedOut)
	f(only(eid("pubcid.org", 1, "p1")), SourceEID)
	for _, bad := range []string{"12", "zzzzzzzzzzzzzzzz", strings.Repeat("0", 100_000)} {
		if err := w.optOuts.Load(strings.NewReader(bad)); err == nil {
			t.Errorf("%.20q: want an error", bad)
		}
	}
	f(only(eid("uidapi.com", 3, newSpec(2).encode())), SourceOptedOut) // the last good file stays
	if _, err := HashOptOuts(&file, strings.NewReader("rubbish\n"), w.keys, testConfig().EIDs[0]); err == nil {
		t.Error("no raw id: want an error")
	}
	if n, err := HashOptOuts(&file, strings.NewReader("any\n"), w.keys, testConfig().EIDs[2]); n != 1 || err != nil {
		t.Errorf("got %d, %v; want ids of other sources as they are", n, err)
	}

	f(request(func(*openrtb.BidRequest) {}), SourceBuyerUID)
	user := ownUserKey(w.keys, []byte(ownID))
	if err := errors.Join(w.optOuts.Add(user), w.optOuts.Add(user)); err != nil || w.optOuts.added.Load() != 1 {
		t.Fatalf("got %v, %d added; want one", err, w.optOuts.added.Load())
	}
	f(request(func(*openrtb.BidRequest) {}), SourceOptedOut)
	w.optOuts.added.Store(maxOptOutsAdded)
	if err := w.optOuts.Add(12345); !errors.Is(err, ErrOptOutsFull) {
		t.Errorf("got %v; want ErrOptOutsFull", err)
	}
}

func TestConfigRefuses(t *testing.T) {
	f := func(want string, change func(*Config)) {
		t.Helper()
		c := testConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
	f("identity.order[1]: got buyeruid; want each source once", func(c *Config) { c.Order = []Source{SourceBuyerUID, SourceBuyerUID} })
	f("identity.order[0]: got 0; want one of", func(c *Config) { c.Order = []Source{SourceNone} })
	f("identity.order[0]: got 7; want one of", func(c *Config) { c.Order = []Source{SourceOptedOut} })
	f("identity.eids: got 33 rules; want at most 32", func(c *Config) { c.EIDs = make([]EIDRule, 33) })
	f(`eids[0].source: got "UIDAPI.com"; want a domain in lower case`, func(c *Config) { c.EIDs[0].Source = "UIDAPI.com" })
	f(`eids[1].source: got "uidapi.com"; want each source once`, func(c *Config) { c.EIDs[1].Source = "uidapi.com" })
	f("eids[0].atypes: got [-1]", func(c *Config) { c.EIDs[0].ATypes = []int{-1} })
	f("eids[0].mms: got [-1]", func(c *Config) { c.EIDs[0].MMs = []int{-1} })
	f("eids[0].token: got 9", func(c *Config) { c.EIDs[0].Token = 9 })
	if _, err := NewResolver(testConfig(), Deps{}); err == nil {
		t.Error("no keys: want an error")
	}
	for s := SourceBuyerUID; s <= SourceUserID; s++ {
		if got, err := ParseSource(s.String()); got != s || err != nil {
			t.Errorf("%v comes back as %v, %v", s, got, err)
		}
	}
	for name, want := range map[string]Scope{"": ScopeNone, "uid2": ScopeUID2, "euid": ScopeEUID} {
		if got, err := ParseScope(name); got != want || err != nil {
			t.Errorf("scope %q: got %v, %v; want %v", name, got, err, want)
		}
	}
	if _, err := ParseScope("UID2"); err == nil {
		t.Error("scope in capitals: want an error")
	}
	for _, bad := range []string{"", "none", "opted_out", "screen"} {
		if _, err := ParseSource(bad); err == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
}

// TestTokensOfBrowsersAndApps: one that a browser or an app had made counts only
// on its site.
func TestTokensOfBrowsersAndApps(t *testing.T) {
	w := newWorld(t, testConfig())
	s := newSpec(4)
	s.privacy = bitClientSide
	f := func(want Source, change func(*openrtb.BidRequest)) {
		t.Helper()
		r := only(eid("uidapi.com", 3, s.encode()))
		change(r)
		if _, got := w.Resolve(r, "demo", testNow); got != want {
			t.Errorf("got %v; want %v", got, want)
		}
	}
	app := func(bundle string) func(*openrtb.BidRequest) {
		return func(r *openrtb.BidRequest) { r.Site, r.App = nil, &openrtb.App{Bundle: []byte(bundle)} }
	}
	f(SourceEID, func(*openrtb.BidRequest) {})
	f(SourceIFA, func(r *openrtb.BidRequest) { r.Site.Domain = []byte("example.org") })
	f(SourceIFA, func(r *openrtb.BidRequest) { r.Site = nil })
	f(SourceEID, app("com.example.app"))
	f(SourceIFA, app("com.example.other"))
	f(SourceIFA, app("www.example.com")) // a domain is no app
}

// naive is the specification of Resolve for plain eids: for each source of the
// list in turn, the first id that may be used.
func naive(w *world, r *openrtb.BidRequest) (ids.UserKey, Source) {
	for _, rule := range w.rules {
		for _, e := range r.User.EIDs {
			if !strings.EqualFold(string(e.Source), rule.Source) || !permits(rule.MMs, e.MM) {
				continue
			}
			for _, u := range e.UIDs {
				switch {
				case !permits(rule.ATypes, u.AType) || strings.Trim(string(u.ID), "0-") == "":
				case string(u.ID) == "optout":
					return 0, SourceOptedOut
				default:
					return w.keys.User(ids.KindEID, rule.Source, u.ID), SourceEID
				}
			}
			break // one object a source
		}
	}
	return 0, SourceNone
}

func TestResolveAgreesWithNaive(t *testing.T) {
	sources := []string{"a.example", "B.example", "c.example", "stranger.example"}
	w := newWorld(t, Config{Order: []Source{SourceEID}, EIDs: []EIDRule{
		{Source: "a.example", ATypes: []int{1, 3}}, {Source: "b.example", MMs: []int{0, 2}}, {Source: "c.example"},
	}})
	rapid.Check(t, func(t *rapid.T) {
		r := &openrtb.BidRequest{User: &openrtb.User{}}
		for range rapid.IntRange(0, 5).Draw(t, "eids") {
			e := eid(rapid.SampledFrom(sources).Draw(t, "source"), rapid.IntRange(0, 3).Draw(t, "atype"),
				rapid.SliceOfN(rapid.SampledFrom([]string{"", "0", "x", "y", "optout"}), 0, 3).Draw(t, "ids")...)
			e.MM = rapid.IntRange(0, 3).Draw(t, "mm")
			r.User.EIDs = append(r.User.EIDs, e)
		}
		got, source := w.Resolve(r, "demo", testNow)
		if want, wantSource := naive(w, r); got != want || source != wantSource {
			t.Fatalf("got %v from %v; want %v from %v", got, source, want, wantSource)
		}
	})
}

func FuzzOptOuts(f *testing.F) {
	f.Add("0123456789abcdef\n# x\n\n")
	f.Add("rubbish")
	f.Fuzz(func(t *testing.T, text string) {
		o := NewOptOuts()
		if err := o.Load(strings.NewReader(text)); err != nil && len(*o.file.Load()) != 0 {
			t.Fatal("a bad file changed the set")
		}
	})
}

func BenchmarkResolve(b *testing.B) {
	w := newWorld(b, testConfig())
	raw := base64.StdEncoding.EncodeToString([]byte("a raw id of thirty-two bytes...."))
	for _, c := range []struct {
		name string
		r    *openrtb.BidRequest
	}{
		{"buyeruid", request(func(*openrtb.BidRequest) {})},
		{"uid2-v2", only(eid("uidapi.com", 3, newSpec(2).encode()))},
		{"uid2-v4", only(eid("uidapi.com", 3, newSpec(4).encode()))},
		{"uid2-raw", only(eid("uidapi.com", 3, raw))},
		{"eid", only(eid("pubcid.org", 1, "p1"))},
		{"ifa", only()},
		{"user.id", request(func(r *openrtb.BidRequest) { r.User.BuyerUID, r.User.EIDs, r.Device = nil, nil, nil })},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Resolve(c.r, "demo", testNow)
			}
		})
	}
}
