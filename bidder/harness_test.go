package bidder

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"go.uber.org/zap"

	"bidhawk/bidder/consent"
	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/identity"
	"bidhawk/bidder/rates"
	"bidhawk/campaigns"
	"bidhawk/campaigns/content"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/pacing"
	"bidhawk/pacing/frequency"
	"bidhawk/scoring"
)

// testNow is a Monday, 10:00 in UTC.
var testNow = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// house is a bidder with everything around it in memory.
type house struct {
	*Bidder
	clock   *fakeClock
	events  *memoryEvents
	wallet  *memoryWallet
	users   memoryProfiles
	keys    *ids.Keyring
	tokens  *Tokens
	ready   error
	catalog *campaigns.Catalog
}

type fakeClock struct {
	mu  sync.Mutex
	now time.Time
	// tick is added at each reading: a way to make a request slow.
	tick time.Duration
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(c.tick)
	return c.now
}

func (c *fakeClock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

type memoryEvents struct {
	mu   sync.Mutex
	err  error
	msgs []eventlog.Message
}

func (m *memoryEvents) Offer(msg eventlog.Message) bool {
	return m.Publish(context.Background(), msg) == nil
}

func (m *memoryEvents) Publish(_ context.Context, msgs ...eventlog.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.msgs = append(m.msgs, msgs...)
	}
	return m.err
}

func (m *memoryEvents) of(topic string) (values []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range m.msgs {
		if msg.Topic == topic {
			values = append(values, string(msg.Value))
		}
	}
	return values
}

type memoryWallet struct {
	mu       sync.Mutex
	left     map[campaigns.ID]pacing.Amounts // none: without bound
	reserved []pacing.Amounts

	classes    []string // by their numbers
	reservedIn []string // as reserved
	pace       money.PPM
	met        int
}

func (w *memoryWallet) Reserve(li campaigns.ID, _ time.Time, need pacing.Amounts, class uint16) (pacing.Reservation, pacing.Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if left, bounded := w.left[li]; bounded {
		if left.Media < need.Media || left.Charge < need.Charge {
			return pacing.Reservation{}, pacing.RefusedExhausted
		}
		w.left[li] = pacing.Amounts{Media: left.Media - need.Media, Charge: left.Charge - need.Charge}
	}
	w.reserved = append(w.reserved, need)
	w.reservedIn = append(w.reservedIn, w.classes[class])
	return pacing.Reservation{Lease: 77, Day: 20260302, Amounts: need, Close: testNow.Add(5 * time.Minute)}, pacing.RefusedNot
}

func (w *memoryWallet) ReserveGuaranteed(li campaigns.ID, now time.Time, need pacing.Amounts, class uint16) (pacing.Reservation, pacing.Refusal) {
	return w.Reserve(li, now, need, class)
}

func (w *memoryWallet) Class(name string) uint16 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.classes = append(w.classes, name)
	return uint16(len(w.classes) - 1)
}

func (w *memoryWallet) Meet(li campaigns.ID) money.PPM {
	m := w.Multiplier(li)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.met++
	return m
}

func (w *memoryWallet) Multiplier(campaigns.ID) money.PPM {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pace == 0 {
		return wholeValue
	}
	return w.pace
}

func (w *memoryWallet) Affords(li campaigns.ID, _ time.Time, need pacing.Amounts, _ bool) pacing.Refusal {
	w.mu.Lock()
	defer w.mu.Unlock()
	if left, bounded := w.left[li]; bounded && (left.Media < need.Media || left.Charge < need.Charge) {
		return pacing.RefusedExhausted
	}
	return pacing.RefusedNot
}

type memoryProfiles map[ids.UserKey][]campaigns.TagKey

func (p memoryProfiles) AppendTags(dst []campaigns.TagKey, u ids.UserKey, _ time.Time) ([]campaigns.TagKey, bool) {
	tags, ok := p[u]
	return append(dst, tags...), ok
}

// tagBook numbers tags; "auto/suv" lies below "auto".
type tagBook map[string]campaigns.TagNumber

func (b tagBook) Number(path string) (campaigns.TagNumber, bool) {
	n, ok := b[path]
	return n, ok
}

var testTags = tagBook{"auto": 1, "auto/suv": 2, "sports": 3, "list/vip": campaigns.ListNumber("vip")}

func testAncestors(dst []campaigns.TagKey, k campaigns.TagKey) []campaigns.TagKey {
	if k.Number() == 2 {
		dst = append(dst, campaigns.NewTagKey(k.Owner(), 1))
	}
	return dst
}

// testExchanges are a plain one and one that wants its no-bids in words.
func testExchanges() []exchanges.Exchange {
	demo, wordy := exchanges.Default("demo"), exchanges.Default("wordy")
	demo.Seat, wordy.Seat = "bh1", "bh1"
	wordy.NoBid = exchanges.NoBidBody
	return []exchanges.Exchange{demo, wordy}
}

// testContents are the content taxonomies, read once for all tests.
var testContents = sync.OnceValues(content.Load)

// testVendor is our id on the Global Vendor List.
const testVendor = 500

// newHouse builds a bidder; edit may change what it works with.
func newHouse(t testing.TB, cat *campaigns.Catalog, edit ...func(*Config, *Deps)) *house {
	t.Helper()
	keys, err := ids.NewKeyring([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := NewTokens(keys, []byte("fedcba9876543210"))
	if err != nil {
		t.Fatal(err)
	}
	bidIDs, err := ids.NewBidIDs()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{
		clock: &fakeClock{now: testNow}, events: &memoryEvents{}, wallet: &memoryWallet{left: map[campaigns.ID]pacing.Amounts{}},
		users: memoryProfiles{}, keys: keys, tokens: tokens, catalog: cat,
	}
	contents, err := testContents()
	if err != nil {
		t.Fatal(err)
	}
	users, err := identity.NewResolver(identity.Config{Order: identity.DefaultOrder(), HouseholdIP: true},
		identity.Deps{Keys: keys, OptOuts: identity.NewOptOuts()})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		MaxBodyBytes: 256 << 10, MaxCandidates: 1000, MaxTries: 4, PublicURL: "http://127.0.0.1:8080",
		Privacy: consent.DefaultPolicy(testVendor), ContextualWithoutBasis: true, CountsEvery: time.Second, MaxCountRows: 1000,
	}
	deps := Deps{
		Exchanges: testExchanges(),
		Profiles:  h.users, Ancestors: testAncestors, TagNumber: testTags, Wallet: h.wallet,
		Frequency: frequency.New(frequency.Config{MaxKeys: 100_000, HoldFor: 5 * time.Second}),
		Rates:     scoring.NewRates(1000),
		FX: rates.NewFixed(rates.Fixed(map[money.Currency]money.Rate{
			money.USD: money.One, {'E', 'U', 'R'}: 1_100_000_000, {'J', 'P', 'Y'}: 6_600_000,
		})),
		Contents: contents,
		Events:   h.events, Tokens: tokens, Users: users, BidIDs: bidIDs, Clock: h.clock.Now, Logger: zap.NewNop(),
		Ready: func() error { return h.ready },
	}
	for _, f := range edit {
		f(&cfg, &deps)
	}
	if h.Bidder, err = New(cfg, deps); err != nil {
		t.Fatal(err)
	}
	if err := h.SetCatalog(cat); err != nil {
		t.Fatal(err)
	}
	return h
}

// call sends one request through the handler, as a connection would.
func (h *house) call(method, uri, body string, headers ...string) *fasthttp.Response {
	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetMethod(method)
	ctx.Request.SetRequestURI(strings.Replace(uri, "http://127.0.0.1:8080", "", 1))
	ctx.Request.SetBodyString(body)
	for i := 0; i < len(headers); i += 2 {
		ctx.Request.Header.Set(headers[i], headers[i+1])
	}
	h.Handle(&ctx)
	var out fasthttp.Response
	ctx.Response.CopyTo(&out)
	return &out
}

func (h *house) bid(body string) *fasthttp.Response { return h.call("POST", "/openrtb2/demo", body) }

// newCatalog is one agency, one advertiser in dollars and New York's time, one
// campaign, and the line items and creatives given; a line item without
// creatives gets all of them.
func newCatalog(items []campaigns.LineItem, creatives []campaigns.Creative) *campaigns.Catalog {
	cat := &campaigns.Catalog{
		Generation: 1,
		Agencies:   map[campaigns.ID]*campaigns.Agency{1: {Meta: campaigns.Meta{ID: 1}, Status: campaigns.StatusActive}},
		Advertisers: map[campaigns.ID]*campaigns.Advertiser{2: {
			Meta: campaigns.Meta{ID: 2}, AgencyID: 1, Status: campaigns.StatusActive, Currency: money.USD,
			TimeZone: "America/New_York", Domain: "shop.example", RedirectHosts: []string{"shop.example"},
		}},
		Campaigns: map[campaigns.ID]*campaigns.Campaign{3: {
			Meta: campaigns.Meta{ID: 3}, AdvertiserID: 2, Status: campaigns.StatusActive,
			Start: testNow.Add(-time.Hour), End: testNow.Add(1000 * time.Hour),
		}},
		LineItems: map[campaigns.ID]*campaigns.LineItem{}, Creatives: map[campaigns.ID]*campaigns.Creative{},
		Kill: campaigns.KillState{LineItems: map[campaigns.ID]bool{}},
	}
	var all []campaigns.ID
	for i := range creatives {
		c := &creatives[i]
		if c.ID == 0 {
			c.ID = campaigns.ID(100 + i)
		}
		c.AdvertiserID, c.Status = 2, campaigns.StatusActive
		cat.Creatives[c.ID] = c
		all = append(all, c.ID)
	}
	for i := range items {
		li := &items[i]
		if li.ID == 0 {
			li.ID = campaigns.ID(10 + i)
		}
		li.CampaignID, li.Status = 3, campaigns.StatusActive
		if li.CreativeIDs == nil {
			li.CreativeIDs = all
		}
		cat.LineItems[li.ID] = li
	}
	return cat
}

// cpm is a line item that pays price a thousand and bids up to it.
func cpm(price money.CPM, t campaigns.Targeting) campaigns.LineItem {
	return campaigns.LineItem{Pricing: campaigns.PricingCPM, Price: price, MaxBid: price, Targeting: t}
}

// box is a 300x250 image.
func box() campaigns.Creative {
	return campaigns.Creative{Name: "box", W: 300, H: 250, ImageURL: "https://cdn.example/box.png", LandingURL: "https://shop.example/a?b=1"}
}
