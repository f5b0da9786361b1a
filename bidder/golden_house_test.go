package bidder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/identity"
	"bidhawk/bidder/offers"
	"bidhawk/bidder/rates"
	"bidhawk/bidder/supply"
	"bidhawk/bidder/traffic"
	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

// houseSpec is what a golden auction changes of the house around the bidder.
type houseSpec struct {
	PublicURL  string `json:"public_url,omitempty"`  // https://dsp.example where not said
	PrivacyURL string `json:"privacy_url,omitempty"` // for ads that link to one
	// NeedsBasis answers requests without a legal basis with a no-bid.
	NeedsBasis bool `json:"needs_basis,omitempty"`
	// Tags are the profiles of users, by their buyeruid at the exchange "demo".
	Tags map[string][]string `json:"tags,omitempty"`
	// EIDs are the sources of user.eids that are used.
	EIDs []identity.EIDRule `json:"eids,omitempty"`
	// Left is the money of line items, by id, in nanos; others have no bound.
	Left     map[campaigns.ID]goldenAmounts `json:"left,omitempty"`
	Traffic  bool                           `json:"traffic,omitempty"`   // the filter of traffic judges
	Refuse   []string                       `json:"refuse,omitempty"`    // verdicts that it refuses beside the default ones
	Offers   bool                           `json:"offers,omitempty"`    // a line item bids on one path
	Sellers  map[string]string              `json:"sellers,omitempty"`   // the files of the cache, by path
	RatesDay string                         `json:"rates_day,omitempty"` // the table's, which ages
	NotReady bool                           `json:"not_ready,omitempty"`
	Draining bool                           `json:"draining,omitempty"`
	Killed   bool                           `json:"killed,omitempty"`
	Tick     string                         `json:"tick,omitempty"` // at each reading of the clock
}

// exchangeSpec is a file of configs/exchanges ("file": "google"), or Default, with
// settings laid over it by their names in such files.
type exchangeSpec map[string]json.RawMessage

// campaignsSpec is the catalogue, as newCatalog makes it. A line item may say
// {"cpm": "2.50"}, a creative {"use": "box"}, of testdata/creatives.json.
type campaignsSpec struct {
	Advertiser json.RawMessage   `json:"advertiser,omitempty"`
	LineItems  []json.RawMessage `json:"line_items,omitempty"`
	Creatives  []json.RawMessage `json:"creatives,omitempty"`
}

// goldenHouse is a house, and the answer that its next notices are about.
type goldenHouse struct {
	*house
	public string
	bids   []goldenBid
	named  map[string]string // placeholders of the ids seen
}

type goldenBid struct{ ID, NURL, BURL, LURL, AdM string }

func (g *golden) firstExchange() string {
	if len(g.Exchanges) == 0 {
		return "demo"
	}
	return slices.Min(slices.Collect(maps.Keys(g.Exchanges)))
}

// house builds what one auction asks for.
func (g *golden) house(t *testing.T, a *goldenAuction) *goldenHouse {
	t.Helper()
	spec := g.House
	if a.House != nil {
		decode(t, a.House, &spec)
	}
	if spec.PublicURL == "" {
		spec.PublicURL = "https://dsp.example"
	}
	configured := g.exchanges(t, a)
	h := newHouse(t, g.catalog(t, a, spec.Killed), func(c *Config, d *Deps) {
		c.PublicURL, c.PrivacyURL, c.ContextualWithoutBasis = spec.PublicURL, spec.PrivacyURL, !spec.NeedsBasis
		d.Exchanges = configured
		spec.deps(t, d)
	})
	for user, tags := range spec.Tags {
		key := h.keys.User('b', "demo", []byte(user))
		h.users[key] = nil
		for _, tag := range tags {
			h.users[key] = append(h.users[key], campaigns.NewTagKey(0, testTags[tag]))
		}
	}
	for id, left := range spec.Left {
		h.wallet.left[id] = pacing.Amounts{Media: money.Nanos(left.Media), Charge: money.Nanos(left.Charge)}
	}
	if spec.NotReady {
		h.ready = fmt.Errorf("profiles are loading")
	}
	if spec.Draining {
		h.Drain()
	}
	if spec.Tick != "" {
		var err error
		if h.clock.tick, err = time.ParseDuration(spec.Tick); err != nil {
			t.Fatal(err)
		}
	}
	return &goldenHouse{house: h, public: spec.PublicURL, named: map[string]string{}}
}

// deps sets what the spec asks for beside the bidder.
func (s *houseSpec) deps(t *testing.T, d *Deps) {
	t.Helper()
	var err error
	if s.Traffic {
		cfg := traffic.DefaultConfig()
		cfg.Refuse = append(cfg.Refuse, s.Refuse...)
		if d.Traffic, err = traffic.New(cfg, 1); err != nil {
			t.Fatal(err)
		}
	}
	if s.Offers {
		if d.Offers, err = offers.New(offers.Config{Entries: 512, TransactionFor: 10 * time.Second, PlacementFor: 2 * time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	if s.Sellers != nil {
		snapshot := snapshotOf(t, s.Sellers)
		d.Sellers = func() *supply.Snapshot { return snapshot }
	}
	if s.EIDs != nil {
		d.Users, err = identity.NewResolver(identity.Config{Order: identity.DefaultOrder(), HouseholdIP: true, EIDs: s.EIDs},
			identity.Deps{Keys: d.Tokens.keys, OptOuts: identity.NewOptOuts()})
		if err != nil {
			t.Fatal(err)
		}
	}
	if s.RatesDay != "" {
		path := filepath.Join(t.TempDir(), "rates.yaml")
		table := "date: " + s.RatesDay + "\nbase: USD\nrates: {EUR: 1.1, JPY: 0.0066}\n"
		if err := os.WriteFile(path, []byte(table), 0o600); err != nil {
			t.Fatal(err)
		}
		if d.FX, err = rates.New(path, rates.DefaultLimits(), d.Clock); err != nil {
			t.Fatal(err)
		}
	}
}

// snapshotOf loads a cache of ads.txt and sellers.json files.
func snapshotOf(t *testing.T, files map[string]string) *supply.Snapshot {
	t.Helper()
	dir := t.TempDir()
	for path, text := range files {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(full, testNow, testNow); err != nil {
			t.Fatal(err)
		}
	}
	s, err := supply.Load(dir, testNow)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exchanges loads each through the loader of configs/exchanges.
func (g *golden) exchanges(t *testing.T, a *goldenAuction) (out []exchanges.Exchange) {
	t.Helper()
	specs := maps.Clone(g.Exchanges)
	if len(specs) == 0 {
		specs = map[string]exchangeSpec{"demo": {}}
	}
	if len(a.Exchange) > 0 {
		name := a.To
		if name == "" {
			name = g.firstExchange()
		}
		specs[name] = maps.Clone(specs[name])
		maps.Copy(specs[name], a.Exchange)
	}
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		out = append(out, loadExchange(t, name, specs[name]))
	}
	return out
}

func loadExchange(t *testing.T, name string, spec exchangeSpec) exchanges.Exchange {
	t.Helper()
	settings := map[string]any{"seat": assumed("bh1")}
	if file, ok := spec["file"]; ok {
		var from string
		decode(t, file, &from)
		data, err := os.ReadFile(filepath.Join("..", "configs", "exchanges", from+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(data, &settings); err != nil {
			t.Fatal(err)
		}
		settings["seat"] = assumed("bh1")
	}
	for field, value := range spec {
		if field == "file" {
			continue
		}
		var v any
		decode(t, value, &v)
		section := settings
		if rest, ok := strings.CutPrefix(field, "supply."); ok {
			if settings["supply"] == nil {
				settings["supply"] = map[string]any{}
			}
			section, field = settings["supply"].(map[string]any), rest
		}
		if field == "price_keys_file" {
			path, err := filepath.Abs(v.(string))
			if err != nil {
				t.Fatal(err)
			}
			v = path
		}
		section[field] = assumed(v)
	}
	data, err := yaml.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".yaml")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := exchanges.LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func assumed(v any) map[string]any { return map[string]any{"value": v, "source": "assumed"} }

// catalog is the file's, with what the auction changes of it.
func (g *golden) catalog(t *testing.T, a *goldenAuction, killed bool) *campaigns.Catalog {
	t.Helper()
	lines, creatives := g.Campaigns.LineItems, g.Campaigns.Creatives
	if a.LineItems != nil {
		lines = a.LineItems
	}
	if a.Creatives != nil {
		creatives = a.Creatives
	}
	if lines == nil {
		lines = []json.RawMessage{json.RawMessage(`{"cpm":"2"}`)}
	}
	if creatives == nil {
		creatives = []json.RawMessage{json.RawMessage(`{"use":"box"}`)}
	}
	var items []campaigns.LineItem
	for _, raw := range lines {
		items = append(items, lineItemOf(t, raw))
	}
	library := creativeLibrary(t)
	var ads []campaigns.Creative
	for _, raw := range creatives {
		ads = append(ads, creativeOf(t, library, raw))
	}
	cat := newCatalog(items, ads)
	if g.Campaigns.Advertiser != nil {
		decode(t, g.Campaigns.Advertiser, cat.Advertisers[2])
	}
	cat.Kill.All = killed
	return cat
}

func lineItemOf(t *testing.T, raw json.RawMessage) campaigns.LineItem {
	t.Helper()
	var short struct {
		CPM string `json:"cpm"`
	}
	var li campaigns.LineItem
	if err := json.Unmarshal(raw, &short); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if short.CPM != "" {
		price, err := money.ParseMicros([]byte(short.CPM), money.RoundDown)
		if err != nil {
			t.Fatal(err)
		}
		li = cpm(money.CPM(price), campaigns.Targeting{})
		raw = without(t, raw, "cpm")
	}
	decode(t, raw, &li)
	return li
}

func creativeOf(t *testing.T, library map[string]json.RawMessage, raw json.RawMessage) campaigns.Creative {
	t.Helper()
	var short struct {
		Use string `json:"use"`
	}
	var c campaigns.Creative
	if err := json.Unmarshal(raw, &short); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if short.Use != "" {
		if library[short.Use] == nil {
			t.Fatalf("testdata/creatives.json has no %q", short.Use)
		}
		decode(t, library[short.Use], &c)
		raw = without(t, raw, "use")
	}
	decode(t, raw, &c)
	if c.LandingURL == "" {
		c.LandingURL = "https://shop.example/a?b=1"
	}
	c.Normalize()
	return c
}

func creativeLibrary(t testing.TB) (library map[string]json.RawMessage) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "creatives.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &library); err != nil {
		t.Fatal(err)
	}
	return library
}

func without(t *testing.T, raw json.RawMessage, field string) json.RawMessage {
	t.Helper()
	return changed(t, raw, map[string]json.RawMessage{field: json.RawMessage("null")})
}

// decode reads raw over to, and knows every field of it.
func decode(t testing.TB, raw json.RawMessage, to any) {
	t.Helper()
	in := json.NewDecoder(bytes.NewReader(raw))
	in.DisallowUnknownFields()
	if err := in.Decode(to); err != nil {
		t.Fatalf("%.200s: %v", raw, err)
	}
}

// answered keeps the addresses of an answer for the notices that follow.
func (h *goldenHouse) answered(t *testing.T, body []byte) {
	t.Helper()
	var answer struct {
		SeatBid []struct{ Bid []goldenBid }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, body)
	}
	h.bids = nil
	for _, s := range answer.SeatBid {
		h.bids = append(h.bids, s.Bid...)
	}
	for _, b := range h.bids {
		name := "{bid}"
		if n := len(h.named); n > 0 {
			name = fmt.Sprintf("{bid %d}", n+1)
		}
		h.named[b.ID] = name
	}
}

// address finds the one that n calls.
func (h *goldenHouse) address(t *testing.T, n *goldenNotice) string {
	t.Helper()
	if strings.HasPrefix(n.Call, "/") {
		return n.Call
	}
	if n.Bid >= len(h.bids) {
		t.Fatalf("%s of bid %d: the answer has %d bids", n.Call, n.Bid, len(h.bids))
	}
	b := h.bids[n.Bid]
	address := map[string]string{"nurl": b.NURL, "burl": b.BURL, "lurl": b.LURL}[n.Call]
	if address == "" {
		markup := html.UnescapeString(strings.ReplaceAll(b.AdM, `\u0026`, "&"))
		address = regexp.MustCompile(regexp.QuoteMeta(h.public+"/t/"+n.Call) + `/[^"<\\ ]+`).FindString(markup)
		address, _, _ = strings.Cut(address, "]]>")
	}
	if address == "" {
		t.Fatalf("%s: not in the answer", n.Call)
	}
	if n.Cut != "" && !strings.Contains(address, n.Cut) {
		t.Fatalf("%s: %q is not in %s", n.Call, n.Cut, address)
	}
	return strings.Replace(strings.TrimPrefix(address, h.public), n.Cut, "", 1)
}

var (
	hexID    = regexp.MustCompile(`[0-9a-f]{32}`)
	userID   = regexp.MustCompile(`"user":"[0-9a-f]{16}"`)
	longText = regexp.MustCompile(`(%(?:25)?2F)?[A-Za-z0-9_-]{90,}`)
)

// plain puts placeholders in the place of what is random or signed.
func (h *goldenHouse) plain(text string) string {
	text = longText.ReplaceAllString(text, "$1{token}")
	text = userID.ReplaceAllString(text, `"user":"{user}"`)
	return hexID.ReplaceAllStringFunc(text, func(id string) string {
		if name := h.named[id]; name != "" {
			return name
		}
		return id
	})
}
