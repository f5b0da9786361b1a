package attribution

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// newExperimentTest has experiment 6 of advertiser 1's line item 100, from an hour
// before t0 to ten hours after.
func newExperimentTest(t *testing.T) *apiTest {
	a := newAPITest(t)
	a.s.deps.Catalog().Experiments = map[campaigns.ID]*campaigns.Experiment{6: {
		Meta: campaigns.Meta{ID: 6}, CampaignID: 10, LineItemIDs: []campaigns.ID{100}, Holdout: 500_000, Salt: "s",
		Start: t0.Add(-time.Hour), End: t0.Add(10 * time.Hour), Status: campaigns.StatusActive,
	}}
	return a
}

func (l *memLog) ghost(user userKey, held bool, after time.Duration) {
	l.write(exposureRecord{V: 1, Type: "ghost", Bid: bid(uint64(user)), User: user, At: t0.Add(after), Experiment: 6, Held: held, wirePlacement: place(1, 0)}, t0.Add(after))
}

func (l *memLog) ordered(order string, user userKey, value money.Nanos, after time.Duration, identified bool) {
	l.write(conversionRecord{V: 1, ID: "id-" + order, Order: order, Advertiser: 1, At: t0.Add(after), User: user, Value: value, Type: "purchase", Identified: identified}, t0.Add(after))
}

func (a *apiTest) lift(as campaigns.Principal, path string) (int, liftBody) {
	a.t.Helper()
	a.as = &as
	res := a.api.Get("/v1/experiments/" + path)
	var out liftBody
	if res.Code == 200 {
		if err := json.Unmarshal(res.Body.Bytes(), &out); err != nil {
			a.t.Fatal(err)
		}
	}
	return res.Code, out
}

func TestExperimentComparesItsGroups(t *testing.T) {
	a := newExperimentTest(t)
	if code, out := a.lift(advertiser1Key, "6/lift"); code != 200 || out.Rate != nil || out.Treated.Users != 0 {
		t.Errorf("before anybody was assigned: got %d, %+v", code, out)
	}
	// 40 treated users, of whom 20 were shown an ad and 8 buy; 20 held out, of whom 2 buy.
	for u := userKey(1); u <= 60; u++ {
		a.log.ghost(u, u > 40, 0)
		a.log.ghost(u, u > 40, time.Hour) // another day, another node
	}
	for u := userKey(1); u <= 20; u++ {
		a.log.write(exposureRecord{V: 1, Type: "impression", Bid: bid(1000 + uint64(u)), User: u, BidAt: t0, At: t0, wirePlacement: place(1, 0)}, t0)
		a.log.write(exposureRecord{V: 1, Type: "impression", Bid: bid(2000 + uint64(u)), User: u + 20, BidAt: t0, At: t0, wirePlacement: place(1, 1)}, t0) // not of the experiment
	}
	for u := userKey(1); u <= 8; u++ {
		a.log.ordered(fmt.Sprint("t", u), u, 100, time.Hour, true)
	}
	a.log.ordered("t1 again", 1, 50, 2*time.Hour, true)
	a.log.ordered("h41", 41, 100, time.Hour, true)
	a.log.ordered("h42", 42, 100, time.Hour, true)
	a.log.ordered("before", 43, 100, -time.Minute, true)
	a.log.ordered("after the end", 44, 100, 10*time.Hour, true)
	a.log.ordered("by click alone", 45, 100, time.Hour, false)
	a.log.ordered("a stranger", 99, 100, time.Hour, true)
	a.log.ordered("returned", 46, 100, time.Hour, true)
	readAll(t, a.s, a.log, topics[:]...)
	a.log.write(conversionRecord{V: 1, ID: "r", Order: "returned", Advertiser: 1, At: t0.Add(2 * time.Hour), Refund: true}, t0.Add(2*time.Hour))
	a.log.write(conversionRecord{V: 1, ID: "r2", Order: "h42", Advertiser: 1, At: t0.Add(2 * time.Hour), Value: 30, Refund: true}, t0.Add(2*time.Hour))
	readAll(t, a.s, a.log, topics[:]...)

	code, out := a.lift(advertiser1Key, "6/lift?level_ppm=900000")
	if code != 200 {
		t.Fatalf("got %d", code)
	}
	if want := (ExperimentGroup{Users: 40, Exposed: 20, Converters: 8, Orders: 9, Value: 850}); out.Treated != want {
		t.Errorf("treated: got %+v; want %+v", out.Treated, want)
	}
	if want := (ExperimentGroup{Users: 20, Converters: 2, Orders: 2, Value: 170}); out.Held != want {
		t.Errorf("held: got %+v; want %+v", out.Held, want)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if d := got - want; d > 1e-9 || d < -1e-9 {
			t.Errorf("%s: got %v; want %v", what, got, want)
		}
	}
	near("rate", out.Rate.Estimate, 8.0/40-2.0/20)
	near("exposed", out.ExposedRate.Estimate, 0.2)
	near("lift", out.Lift.Estimate, 1)
	if out.Value.Estimate != 13 || out.Level != 900_000 || out.Currency != "USD" || out.Rate.Low >= out.Rate.Estimate || out.P == nil { // 21.25 - 8.5
		t.Errorf("got %+v, value %+v", out, out.Value)
	}
}

func TestExperimentsOfOthersAreNotThere(t *testing.T) {
	a := newExperimentTest(t)
	other := campaigns.Principal{Role: campaigns.RoleAdvertiser, Owner: campaigns.Owner{Agency: 2, Advertiser: 3}}
	f := func(as campaigns.Principal, path string, want int) {
		t.Helper()
		if got, _ := a.lift(as, path); got != want {
			t.Errorf("%s: got %d; want %d", path, got, want)
		}
	}
	f(other, "6/lift", 404)
	f(operatorKey, "7/lift", 404)
	f(operatorKey, "6/lift?level_ppm=1000000", 422)
	f(operatorKey, "6/lift?levels=1", 422)
	f(agency1Key, "6/lift", 200)
}

func TestExperimentsAreForgotten(t *testing.T) {
	a := newExperimentTest(t)
	a.log.ghost(1, true, 0)
	a.log.ordered("o", 1, 5, time.Hour, true)
	readAll(t, a.s, a.log, topics[:]...)
	users := func() (n int64) {
		if err := a.s.store.r.QueryRow(`SELECT (SELECT count(*) FROM experiment_users) + (SELECT count(*) FROM experiment_orders)`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	end := t0.Add(10 * time.Hour)
	for _, step := range []struct {
		at   time.Time
		want int64
	}{{end.Add(forgetExperimentsAfter - time.Second), 2}, {end.Add(forgetExperimentsAfter), 0}} {
		if err := a.s.prune(t.Context(), step.at); err != nil {
			t.Fatal(err)
		}
		if got := users(); got != step.want {
			t.Errorf("at %v: got %d rows; want %d", step.at, got, step.want)
		}
	}
}

func TestGhostsWithoutUserAreUnreadable(t *testing.T) {
	a := newExperimentTest(t)
	a.log.ghost(0, true, 0)
	readAll(t, a.s, a.log, topics[:]...)
	if got := a.s.Stats().DeadLetters; got != 1 {
		t.Errorf("got %d dead letters; want 1", got)
	}
}
