package node

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bidhawk/attribution"
	"bidhawk/bidder"
	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/pacing/breaker"
)

// put sets a kill switch through the API.
func (r *running) put(name string, on bool) {
	r.t.Helper()
	k, err := campaigns.ParseKillSwitch(name)
	if err != nil {
		r.t.Fatal(err)
	}
	r.do("PUT", "/v1/kill-switches", fmt.Sprintf(`{"scope":%q,"target":%d,"exchange":%q,"on":%v,"reason":"a test"}`, k.Scope, k.Target, k.Exchange, on), nil)
}

// killed counts the requests that got no bid because of a kill switch.
func (r *running) killed() uint64 { return r.n.bidder.Metrics().Totals().NoBids["killed"] }

// explained is what the bidder says of a request to it.
func (r *running) explained(l line, user string) (x bidder.Explanation) {
	r.t.Helper()
	status, _, b := r.call(r.key, "POST", fmt.Sprintf("/v1/explain?exchange=demo&line_item=%d", l.id), string(bidRequest(l, user)))
	if status == http.StatusNotFound { // the bidder has not compiled it yet
		return x
	}
	if status != http.StatusOK {
		r.t.Fatalf("explain: %d %s", status, b)
	}
	if err := json.Unmarshal(b, &x); err != nil {
		r.t.Fatal(err)
	}
	return x
}

// Every kill switch acts on bids within a second of the API's answer, is counted
// as what it is, explained, listed with its release, and released within a second.
func TestEveryScopeStopsBidsWithinASecond(t *testing.T) {
	r := start(t, installation(t))
	ours := r.newLine(123, `{}`)
	var item struct {
		Campaign  int64   `json:"campaign_id"`
		Creatives []int64 `json:"creative_ids"`
	}
	r.do("GET", fmt.Sprintf("/v1/line-items/%d", ours.id), "", &item)
	acme := r.entity("/v1/advertisers", "Acme Motors")
	var advertiser struct {
		Agency int64 `json:"agency_id"`
	}
	r.do("GET", fmt.Sprintf("/v1/advertisers/%d", acme), "", &advertiser)
	r.bidding(ours, "u0000001")
	f := func(name string) {
		t.Helper()
		before := r.killed()
		r.put(name, true)
		stop := within(t, oneSecond, name+" stops bids", func() bool { return r.offer(ours, "u0000001") == nil })
		if n := r.killed() - before; n == 0 {
			t.Errorf("%s: no request is counted as killed: %v", name, r.n.bidder.Metrics().Totals().NoBids)
		}
		x := r.explained(ours, "u0000001")
		if x.NoBid != "killed" || len(x.Refused) == 0 && (len(x.Imps) != 1 || x.Imps[0].LineItems[0].First != "killed") {
			t.Errorf("%s: explained as %+v", name, x)
		}
		list := r.n.brakes()
		if len(list) != 1 || list[0].Switch != name || list[0].By != "bootstrap operator" || list[0].Reason != "a test" || list[0].At.IsZero() ||
			!strings.Contains(list[0].Release, "bidhawk release "+strings.Replace(name, "/", " ", 1)) {
			t.Errorf("%s is listed as %+v", name, list)
		}
		r.put(name, false)
		again := within(t, oneSecond, name+" lets bids go on", func() bool { return r.offer(ours, "u0000001") != nil })
		t.Logf("%s: no bid after %v, a bid after %v", name, stop.Round(time.Millisecond), again.Round(time.Millisecond))
	}
	f("all")
	f("exchange/demo")
	f(fmt.Sprintf("agency/%d", advertiser.Agency))
	f(fmt.Sprintf("advertiser/%d", acme))
	f(fmt.Sprintf("campaign/%d", item.Campaign))
	f(fmt.Sprintf("line_item/%d", ours.id))
	f(fmt.Sprintf("creative/%d", item.Creatives[0]))

	for body, field := range map[string]string{
		`{"scope":"exchange","exchange":"demmo","on":true,"reason":"a test"}`: "kill_switch.exchange",
		`{"scope":"exchange","target":3,"on":true,"reason":"a test"}`:         "kill_switch.exchange",
		`{"scope":"creative","target":99999,"on":true,"reason":"a test"}`:     "kill_switch.target",
		`{"scope":"planet","target":3,"on":true,"reason":"a test"}`:           "kill_switch.scope",
		`{"scope":"all","exchange":"demo","on":true,"reason":"a test"}`:       "kill_switch.exchange",
		`{"scope":"all","on":true,"reason":""}`:                               "kill_switch.reason",
	} {
		if status, _, b := r.call(r.key, "PUT", "/v1/kill-switches", body); status != http.StatusUnprocessableEntity || !strings.Contains(string(b), `"`+field+`"`) {
			t.Errorf("%s: %d %s; want a refusal that names %s", body, status, b, field)
		}
	}
	if r.offer(ours, "u0000001") == nil {
		t.Error("a refused switch stopped bids")
	}
	// An exchange that has gone can be released.
	r.do("PUT", "/v1/kill-switches", `{"scope":"exchange","exchange":"gone","on":false,"reason":"a test"}`, nil)
}

// The configuration's switches hold whatever the store says, from the first bid
// on; those of brakes.file follow the file.
func TestConfigurationStopsBids(t *testing.T) {
	c := installation(t)
	file := filepath.Join(t.TempDir(), "brakes.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("exchange/demo: bills twice\n")
	c.Brakes.File, c.Brakes.ReloadEvery = file, 100*time.Millisecond
	r := start(t, c)
	ours := r.newLine(123, `{}`)
	var x bidder.Explanation
	within(t, oneSecond, "the line item is known", func() bool { x = r.explained(ours, "u0000001"); return x.Exchange != "" })
	if x.NoBid != "killed" || r.offer(ours, "u0000001") != nil {
		t.Errorf("got %+v; want the file's switch in force", x)
	}
	r.put("exchange/demo", false) // the store's word does not count
	if r.offer(ours, "u0000001") != nil || len(r.n.brakes()) != 1 || r.n.brakes()[0].Release != "take exchange/demo out of the file of brakes.file on each node" {
		t.Errorf("the store released a switch of the configuration: %+v", r.n.brakes())
	}
	write("{}\n")
	within(t, oneSecond, "the file's release", func() bool { return len(r.n.brakes()) == 0 })
	r.bidding(ours, "u0000001")
	write("all: \"\"\n") // no reason: refused, and nothing changes
	time.Sleep(250 * time.Millisecond)
	if r.offer(ours, "u0000001") == nil {
		t.Error("a file that breaks a rule stopped bids")
	}
	write(fmt.Sprintf("line_item/%d: wrong landing page\n", ours.id))
	within(t, oneSecond, "the file's switch", func() bool { return r.offer(ours, "u0000001") == nil })
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	time.Sleep(250 * time.Millisecond)
	if r.offer(ours, "u0000001") != nil {
		t.Error("a file that has gone released its switches")
	}
}

func TestConfigurationErrorsNameTheSwitch(t *testing.T) {
	f := func(name, reason, want string) {
		t.Helper()
		c := valid()
		c.Brakes.Stop = map[string]string{name: reason}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %q", name, err, want)
		}
	}
	f("everything", "why", "setting brakes.stop: got \"everything\"")
	f("line_item/x", "why", "line_item/x")
	f("exchange", "why", "exchange/NAME")
	f("all", "", "setting brakes.stop.all")
	c := valid()
	c.Brakes.Stop = map[string]string{"all": "night", "exchange/demo": "ticket 1"}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	list, err := switches(c.Brakes.Stop, "brakes.stop", byConfiguration, time.Now())
	if err != nil || !slices.ContainsFunc(list, func(k campaigns.KillSwitch) bool { return k.Name() == "all" && k.On }) {
		t.Errorf("got %+v, %v", list, err)
	}
}

// A breaker that trips is in the log's topic, the metrics and the list with its
// figures, stops bids on every node through the campaigns, and leaves alone what
// a person has released.
func TestABreakerTripsAndDoesNotFightItsRelease(t *testing.T) {
	c := installation(t)
	r := start(t, c)
	ours := r.newLine(123, `{}`)
	r.bidding(ours, "u0000001")
	over := bidder.OverMax{LineItem: campaigns.ID(ours.id), Exchange: "demo", Bid: 9_000_000, Max: 1_500_000, Currency: money.USD}
	name := fmt.Sprintf("line_item/%d", ours.id)
	began := time.Now()
	for range 100 { // a fault that goes on; what has no room is dropped
		r.n.breakers.tellOverMax(over)
	}
	within(t, oneSecond, "the breaker's stop", func() bool { return r.offer(ours, "u0000001") == nil && len(r.n.brakes()) == 1 })
	t.Logf("stopped %v after the bid", time.Since(began).Round(time.Millisecond))
	b := r.n.brakes()[0]
	if b.Switch != name || b.By != "breaker/max_bid" || !strings.Contains(b.Reason, "9 USD") || !strings.Contains(b.Release, fmt.Sprintf("bidhawk release line_item %d", ours.id)) {
		t.Errorf("listed as %+v", b)
	}
	metrics := func() string {
		var out strings.Builder
		r.n.writeMetrics(&out)
		return out.String()
	}
	within(t, oneSecond, "the trips are counted", func() bool {
		return strings.Contains(metrics(), `bidhawk_kill_switches_on{scope="line_item",by="breaker/max_bid"} 1`)
	})
	if text := metrics(); !strings.Contains(text, `bidhawk_breaker_trips_total{breaker="max_bid"} 1`+"\n") {
		t.Error("the metrics lack one trip")
	}
	// A person releases it; the fault goes on; nobody fights.
	r.put(name, false)
	within(t, oneSecond, "the release", func() bool { return r.offer(ours, "u0000001") != nil })
	r.n.breakers.tellOverMax(over)
	within(t, oneSecond, "the trip that is held back", func() bool { return strings.Contains(metrics(), "bidhawk_breaker_held_total 1\n") })
	if r.offer(ours, "u0000001") == nil || len(r.n.brakes()) != 0 {
		t.Errorf("stopped again: %+v", r.n.brakes())
	}
	r.stop()
	// A restart reads the trip again, and does not repeat it.
	r = start(t, c)
	time.Sleep(200 * time.Millisecond)
	if len(r.n.brakes()) != 0 || r.n.deadLetters.Load() != 0 {
		t.Errorf("the trip was repeated after a restart: %+v", r.n.brakes())
	}
	r.bidding(ours, "u0000001")
}

// The breakers see the figures of a running node: its plans, and what reports count.
func TestBreakersSeeTheFigures(t *testing.T) {
	r := start(t, installation(t))
	ours := r.newLine(123, `{}`)
	bid := r.bidding(ours, "u0000001")
	for address, want := range map[string]int{bid.NURL: 204, bid.BURL: 204, shownTracker.FindString(bid.AdM): 200} {
		if s := r.notify(address, "0.9"); s != want {
			t.Errorf("%s: %d; want %d", address, s, want)
		}
	}
	within(t, 5*time.Second, "the pair is watched", func() bool {
		b := r.n.breakers
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.flow.Len() > 0
	})
	lines := map[campaigns.ID]breaker.Line{}
	for _, l := range r.n.spendLines() {
		if lines[l.LineItem] = l; l.Unit <= 0 || !l.Open && (l.USD <= 0 || l.Limit <= 0) {
			t.Errorf("a line item without a unit, rate or limit: %+v", l)
		}
	}
	for _, name := range []string{"Acme native", "Acme guaranteed video deal", "Acme, paid a share of sales", "Blue Fjord, paid by the day"} {
		if l, ok := lines[campaigns.ID(r.entity("/v1/line-items", name))]; !ok || !l.Open || (l.Fee > 0) != (name == "Blue Fjord, paid by the day") {
			t.Errorf("%s is watched as %+v, %v", name, l, ok)
		}
	}
	within(t, 5*time.Second, "the media cost and the traffic of ours", func() bool {
		i := slices.IndexFunc(r.n.spendLines(), func(l breaker.Line) bool {
			return l.LineItem == campaigns.ID(ours.id) && l.Posted == 900_000 && l.Planned >= l.Unit
		})
		return i >= 0
	})
	cat := r.n.feed.Catalog()
	creative := cat.Creatives[cat.LineItems[campaigns.ID(ours.id)].CreativeIDs[0]]
	if !r.n.tellsImpressions(creative, "demo") || r.n.tellsImpressions(creative, "gone") || r.n.tellsImpressions(nil, "demo") ||
		r.n.tellsImpressions(&campaigns.Creative{Format: campaigns.FormatVideo}, "demo") {
		t.Error("a banner's impression is told apart from its bill, and a film's, where the impression bills, is not")
	}
}

// The reports' counts reach the billing breaker, and its trip the bids.
func TestBillsWithoutImpressionsStopTheLineItem(t *testing.T) {
	r := start(t, installation(t))
	ours := r.newLine(123, `{}`)
	r.bidding(ours, "u0000001")
	cat := r.n.feed.Catalog()
	creative := cat.LineItems[campaigns.ID(ours.id)].CreativeIDs[0]
	r.n.counted([]attribution.Count{{LineItem: campaigns.ID(ours.id), Creative: creative, Exchange: "demo", Slot: Clock().Unix() / 900 * 900, Bids: 1000, Wins: 400, Billable: 400}})
	r.n.watchFlow(t.Context(), Clock().Add(5*time.Minute))
	within(t, oneSecond, "the breaker's stop", func() bool { return r.offer(ours, "u0000001") == nil })
	if b := r.n.brakes(); len(b) != 1 || b[0].By != "breaker/billing" || !strings.Contains(b[0].Reason, "demo billed 400 impressions of which 0 were rendered") {
		t.Errorf("got %+v", b)
	}
}

// Bids and win notices of real auctions trip the breaker of win rates, against a norm
// of the hours before; a release lets bids go on.
func TestWinsFarAboveTheNormStopTheLineItem(t *testing.T) {
	c := installation(t)
	c.Bidder.CountsEvery = 200 * time.Millisecond
	r := start(t, c)
	ours := r.newLine(123, `{}`)
	r.bidding(ours, "u0000001")
	// Three hours in which every tenth bid won: the only thing that is made up.
	b := r.n.breakers
	b.mu.Lock()
	b.flow = breaker.NewFlow(b.cfg)
	for at := Clock().Add(-3 * time.Hour); at.Before(Clock()); at = at.Add(time.Minute) {
		b.flow.Add(at, []breaker.Count{{LineItem: campaigns.ID(ours.id), Exchange: "demo", Quarter: at.Unix() / 900, Bids: 100, Wins: 10}})
	}
	if trips := b.flow.Trips(Clock()); trips != nil {
		t.Errorf("the norm itself trips: %+v", trips)
	}
	b.mu.Unlock()
	// The quarter of an hour at hand has bids of the norm, at most 1,500: so many wins pass it.
	wins := 0
	began := Clock()
	for wins < 700 {
		bid := r.offer(ours, "u0000001")
		if bid == nil {
			continue
		}
		if s := r.notify(bid.NURL, "1.2"); s != http.StatusNoContent {
			t.Fatalf("win notice: %d", s)
		}
		wins++
	}
	var trips []breaker.Trip
	within(t, 10*time.Second, "the breaker's trip", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		trips = b.flow.Trips(Clock().Add(2 * time.Minute)) // a quarter's first two minutes are not looked at
		return len(trips) > 0
	})
	r.n.trip(t.Context(), trips[0])
	within(t, oneSecond, "the breaker's stop", func() bool { return r.offer(ours, "u0000001") == nil })
	list := r.n.brakes()
	if len(list) != 1 || list[0].By != "breaker/win_rate" || !strings.Contains(list[0].Reason, "against a norm of 10.0% (limit: 300% of the norm)") {
		t.Fatalf("got %+v", list)
	}
	t.Logf("after %d wins in %v: %s", wins, Clock().Sub(began).Round(time.Millisecond), list[0].Reason)
	r.put(list[0].Switch, false)
	within(t, oneSecond, "the release", func() bool { return r.offer(ours, "u0000001") != nil })
}
