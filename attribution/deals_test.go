package attribution

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// newDealTest has deal 7 of advertiser 1, 8 of agency 1 and 9 of advertiser 3, all of
// exchange demo's id d1.
func newDealTest(t *testing.T) *apiTest {
	a := newAPITest(t)
	deals := map[campaigns.ID]*campaigns.Deal{}
	for _, d := range []campaigns.Deal{{Meta: campaigns.Meta{ID: 7}, AdvertiserID: 1}, {Meta: campaigns.Meta{ID: 8}, AgencyID: 1}, {Meta: campaigns.Meta{ID: 9}, AdvertiserID: 3}} {
		d.Exchange, d.DealID, d.Type, d.Price, d.Currency = "demo", "d1", campaigns.DealGuaranteed, 2_000_000, money.USD
		d.CreatedAt, d.Start, d.End = t0.Add(-100*time.Hour), t0.Add(-100*time.Hour), t0.Add(100*time.Hour)
		deals[d.ID] = &d
	}
	a.s.deps.Catalog().Deals = deals
	return a
}

func (a *apiTest) health(as campaigns.Principal, path string) (int, dealHealthBody) {
	a.t.Helper()
	a.as = &as
	res := a.api.Get("/v1/deals/" + path)
	var out dealHealthBody
	if res.Code == 200 {
		if err := json.Unmarshal(res.Body.Bytes(), &out); err != nil {
			a.t.Fatal(err)
		}
	}
	return res.Code, out
}

func (b *dealHealthBody) codes() (codes []string) {
	for _, a := range b.Alerts {
		codes = append(codes, a.Code)
	}
	return codes
}

func TestDealHealthAddsUp(t *testing.T) {
	a := newDealTest(t)
	count := func(seq int64, at time.Time, d dealRow) {
		d.Hour, d.Deal, d.Seen, d.FloorCur = at, 7, at.Add(time.Minute), "USD"
		for range 2 { // once, and repeated
			a.log.write(auctionsRecord{V: 1, Type: "deals", Node: "n", Seq: seq, At: at, Deals: []dealRow{d}}, at)
		}
	}
	count(1, t0, dealRow{Requests: 10, Eligible: 8, Bids: 5, Guaranteed: 4, Floor: 1_000_000,
		Reasons: map[string]int64{"no_match": 2, "below_floor": 3}, Passbacks: map[string]int64{"below_floor": 1}})
	count(2, t0.Add(15*time.Minute), dealRow{Requests: 5, Eligible: 5, Guaranteed: 5, Floor: 3_000_000,
		Reasons: map[string]int64{"budget": 5}, Passbacks: map[string]int64{"budget": 5}, Losses: map[string]int64{"102": 2}})
	count(3, t0.Add(-30*time.Hour), dealRow{Requests: 1000, Reasons: map[string]int64{"no_match": 1000}})
	for range 2 {
		p := place(1, 0)
		p.Deal = "d1"
		a.log.write(exposureRecord{V: 1, Type: "win", Bid: bid(1), BidAt: t0, At: t0.Add(time.Second), wirePlacement: p}, t0)
		a.log.write(exposureRecord{V: 1, Type: "win", Bid: bid(2), BidAt: t0, At: t0.Add(time.Second), wirePlacement: place(1, 0)}, t0) // the open auction
	}
	readAll(t, a.s, a.log, topics[:]...)

	code, out := a.health(advertiser1Key, "7/health")
	if code != 200 || out.State != "live" || out.Requests != 15 || out.Eligible != 13 || out.Bids != 5 || out.Wins != 1 || out.Guaranteed != 9 || out.PassBacks != 6 {
		t.Fatalf("got %d, %+v", code, out)
	}
	if got := fmt.Sprint(out.NoBids, out.PassBacked, out.Losses); got != "[{budget 5} {below_floor 3} {no_match 2}] [{budget 5} {below_floor 1}] [{102 2}]" {
		t.Errorf("got %s", got)
	}
	if !out.LastSeen.Equal(t0.Add(16*time.Minute)) || !out.LastWon.Equal(t0.Add(time.Second)) || out.Floor != 3_000_000 {
		t.Errorf("got %v, %v, %v", out.LastSeen, out.LastWon, out.Floor)
	}
	if got := fmt.Sprint(out.codes()); got != "[pass_backs price]" || !strings.Contains(out.Alerts[0].Text, "6 of 9") || !strings.Contains(out.Alerts[0].Text, "budget") {
		t.Errorf("got %+v", out.Alerts)
	}
	if _, out = a.health(agency1Key, "8/health"); out.Wins != 1 || out.Requests != 0 {
		t.Errorf("the agency's deal: got %+v", out)
	}
	if _, out = a.health(operatorKey, "9/health"); out.Wins != 0 {
		t.Errorf("another advertiser's deal: got %+v", out)
	}
	if _, out = a.health(operatorKey, "7/health?hours=48"); out.Requests != 1015 {
		t.Errorf("two days: got %d requests", out.Requests)
	}
}

func TestDealsThatAreNotSeen(t *testing.T) {
	a := newDealTest(t)
	f := func(id, state, alerts string, edit func(*campaigns.Deal)) {
		t.Helper()
		edit(a.s.deps.Catalog().Deals[7])
		if code, out := a.health(operatorKey, id+"/health"); code != 200 || out.State != state || fmt.Sprint(out.codes()) != alerts || out.NoBids == nil {
			t.Errorf("got %d, %s, %v; want %s, %s", code, out.State, out.Alerts, state, alerts)
		}
	}
	f("7", "never_seen", "[never_seen]", func(*campaigns.Deal) {})
	f("7", "waiting", "[]", func(d *campaigns.Deal) { d.CreatedAt = t0 })
	a.log.write(auctionsRecord{V: 1, Type: "deals", Node: "n", Seq: 1, At: t0, Deals: []dealRow{{Hour: t0.Add(-50 * time.Hour), Deal: 7, Requests: 1, Seen: t0.Add(-50 * time.Hour)}}}, t0)
	readAll(t, a.s, a.log, topics[:]...)
	f("7", "silent", "[silent]", func(*campaigns.Deal) {})
	f("7", "ended", "[]", func(d *campaigns.Deal) { d.End = t0 })
}

func TestDealHealthOfOthersIsNotThere(t *testing.T) {
	a := newDealTest(t)
	f := func(as campaigns.Principal, path string, want int) {
		t.Helper()
		if got, _ := a.health(as, path); got != want {
			t.Errorf("%s: got %d; want %d", path, got, want)
		}
	}
	f(agency1Key, "9/health", 404)
	f(advertiser1Key, "8/health", 404) // the agency's
	f(operatorKey, "10/health", 404)
	f(operatorKey, "7/health?hours=0", 422)
	f(operatorKey, "7/health?days=1", 422)
	f(agency1Key, "7/health", 200)
}

func TestUnreadableDealRows(t *testing.T) {
	a := newDealTest(t)
	for i, d := range []dealRow{
		{Hour: t0}, {Hour: t0, Deal: 7, Requests: -1}, {Deal: 7}, {Hour: t0, Deal: 7, Reasons: map[string]int64{strings.Repeat("x", 200): 1}},
		{Hour: t0, Deal: 7, Losses: map[string]int64{"1": maxBids + 1}}, {Hour: t0, Deal: 7, FloorCur: "DOLLARS"},
	} {
		a.log.write(auctionsRecord{V: 1, Type: "deals", Node: "n", Seq: int64(i), At: t0, Deals: []dealRow{d}}, t0)
	}
	readAll(t, a.s, a.log, topics[:]...)
	if got := a.s.Stats().DeadLetters; got != 6 {
		t.Errorf("got %d dead letters; want 6", got)
	}
}

func TestDealHoursAreForgotten(t *testing.T) {
	a := newDealTest(t)
	a.log.write(auctionsRecord{V: 1, Type: "deals", Node: "n", Seq: 1, At: t0, Deals: []dealRow{{Hour: t0, Deal: 7, Requests: 1, Reasons: map[string]int64{"no_match": 1}}}}, t0)
	readAll(t, a.s, a.log, topics[:]...)
	for _, step := range []struct {
		at   time.Time
		want int64
	}{{t0.Add(dealsFor), 2}, {t0.Add(dealsFor + time.Second), 0}} {
		if err := a.s.prune(t.Context(), step.at); err != nil {
			t.Fatal(err)
		}
		var n int64
		if err := a.s.store.r.QueryRow(`SELECT (SELECT count(*) FROM deal_health) + (SELECT count(*) FROM deal_reasons)`).Scan(&n); err != nil || n != step.want {
			t.Errorf("at %v: got %d rows, %v; want %d", step.at, n, err, step.want)
		}
	}
}
