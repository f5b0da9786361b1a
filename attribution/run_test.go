package attribution

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// seen writes a touch of user 5 with a line item of advertiser 1, so long after t0.
func (l *memLog) seen(typ string, n uint64, item int64, after time.Duration) {
	l.write(exposureRecord{V: 1, Type: typ, Bid: bid(n), User: 5, BidAt: t0, At: t0.Add(after), wirePlacement: place(1, item)}, t0.Add(after))
}

func (l *memLog) bought(order string, value money.Nanos, after time.Duration) {
	l.write(conversionRecord{V: 1, ID: "id-" + order, Order: order, Advertiser: 1, At: t0.Add(after), User: 5, Value: value, Type: "purchase"}, t0.Add(after))
}

// settleAll forgets as if the log had been read a day on.
func settleAll(t testing.TB, s *Service) {
	t.Helper()
	if err := s.prune(context.Background(), t0.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// definitions of advertiser 1: 7 as the advertiser's windows are, 8 of clicks alone
// that counts one each and takes a value of 3, 9 of advertiser 3.
func withDefinitions(c *campaigns.Catalog) *campaigns.Catalog {
	c.ConversionDefinitions = map[campaigns.ID]*campaigns.ConversionDefinition{
		7: {Meta: campaigns.Meta{ID: 7, Revision: 4}, AdvertiserID: 1, Type: "purchase", Model: campaigns.ModelLinear, Value: campaigns.ValueReported, Count: campaigns.CountEvery},
		8: {Meta: campaigns.Meta{ID: 8, Revision: 1}, AdvertiserID: 1, Type: "purchase", Model: campaigns.ModelLast, IgnoreViews: true,
			Value: campaigns.ValueFixed, FixedValue: 3, Count: campaigns.CountOne},
		9: {Meta: campaigns.Meta{ID: 9, Revision: 1}, AdvertiserID: 3, Type: "purchase", Model: campaigns.ModelLast, Value: campaigns.ValueReported, Count: campaigns.CountEvery},
	}
	return c
}

func (a *apiTest) run(as campaigns.Principal, body string) (*httptest.ResponseRecorder, Run) {
	a.t.Helper()
	a.as = &as
	res := a.api.Post("/v1/attribution-runs", strings.NewReader(body))
	var run Run
	if res.Code == 201 {
		if err := json.Unmarshal(res.Body.Bytes(), &run); err != nil {
			a.t.Fatal(err)
		}
	}
	return res, run
}

func newRunTest(t *testing.T) *apiTest {
	a := newAPITest(t)
	withDefinitions(a.s.deps.Catalog())
	a.log.seen("impression", 1, 0, 0)
	a.log.seen("click", 2, 1, 30*time.Minute)
	a.log.seen("impression", 3, 2, 90*time.Minute)
	a.log.bought("A", 100, 100*time.Minute) // views of 2 h, clicks of 48 h: all three
	a.log.bought("B", 50, 3*time.Hour)      // bid 1 is too old
	a.log.bought("C", 7, 10*time.Hour)      // the click alone
	readAll(t, a.s, a.log, topics[:]...)
	settleAll(t, a.s)
	return a
}

func (r Run) of(t *testing.T, channel string) RunRow {
	t.Helper()
	for _, row := range r.Rows {
		if row.Channel == channel {
			return row
		}
	}
	t.Errorf("%s by %s: no channel %q in %+v", r.Model, r.By, channel, r.Rows)
	return RunRow{}
}

func TestRunsShareByModel(t *testing.T) {
	a := newRunTest(t)
	const window = `"from":"2026-11-20","to":"2026-11-21"`
	f := func(more string, conversions int64, value, unattributed money.Nanos, want map[string]money.Nanos) Run {
		t.Helper()
		res, run := a.run(advertiser1Key, `{`+window+`,`+more+`}`)
		if res.Code != 201 {
			t.Fatalf("%s: got %d %s", more, res.Code, res.Body)
		}
		sum, n := run.UnattributedValue, run.Unattributed*1_000_000
		for _, row := range run.Rows {
			sum, n = sum+row.Value, n+row.Conversions
		}
		if run.Conversions != conversions || run.Value != value || sum != value || n != conversions*1_000_000 || run.UnattributedValue != unattributed {
			t.Errorf("%s: got %+v, which sums to %d and %d", more, run, n, sum)
		}
		for channel, v := range want {
			if got := run.of(t, channel).Value; got != v {
				t.Errorf("%s: %s got %d; want %d", more, channel, got, v)
			}
		}
		return run
	}
	// A is owed to 100, 101, 102; B to 101, 102; C to 101.
	first := f(`"definition_id":7`, 3, 157, 0, map[string]money.Nanos{"100": 34, "101": 33 + 25 + 7, "102": 33 + 25})
	f(`"definition_id":7,"model":"last"`, 3, 157, 0, map[string]money.Nanos{"101": 7, "102": 150})
	f(`"definition_id":7,"model":"first"`, 3, 157, 0, map[string]money.Nanos{"100": 100, "101": 57})
	f(`"definition_id":7,"model":"position"`, 3, 157, 0, map[string]money.Nanos{"100": 40, "101": 20 + 25 + 7, "102": 40 + 25})
	f(`"definition_id":7,"model":"shapley"`, 3, 157, 0, map[string]money.Nanos{"100": 34, "101": 33 + 25 + 7})
	f(`"definition_id":7,"model":"markov"`, 3, 157, 0, nil)
	f(`"definition_id":7,"model":"time_decay","half_life_hours":24`, 3, 157, 0, nil)
	f(`"definition_id":7,"by":"touch"`, 3, 157, 0, map[string]money.Nanos{"view": 67 + 25, "click": 33 + 25 + 7})
	f(`"definition_id":8`, 1, 3, 0, map[string]money.Nanos{"101": 3}) // one click, one conversion

	if first.DefinitionRevision != 4 || first.TimeZone != "Europe/Berlin" || first.Currency != "USD" || len(first.ID) != 32 {
		t.Errorf("got %+v", first)
	}
	if got := a.api.Get("/v1/attribution-runs/" + first.ID + "?advertiser_id=1"); got.Code != 200 || !strings.Contains(got.Body.String(), `"definition_revision":4`) {
		t.Errorf("read again: got %d %s", got.Code, got.Body)
	}
	if got := a.api.Get("/v1/attribution-runs?advertiser_id=1&limit=100"); got.Code != 200 || strings.Count(got.Body.String(), `"id"`) != 9 {
		t.Errorf("list: got %d %s", got.Code, got.Body)
	}
}

func TestRunRefusals(t *testing.T) {
	a := newRunTest(t)
	f := func(as campaigns.Principal, body, field string) {
		t.Helper()
		res, _ := a.run(as, body)
		if res.Code != 422 || !strings.Contains(res.Body.String(), field) {
			t.Errorf("%s: got %d %s; want 422 naming %s", body, res.Code, res.Body, field)
		}
	}
	const days = `"from":"2026-11-20","to":"2026-11-21"`
	f(advertiser1Key, `{"definition_id":99,`+days+`}`, "body.definition_id")
	f(advertiser1Key, `{"definition_id":9,`+days+`}`, "body.definition_id") // another's
	f(advertiser1Key, `{"definition_id":7,"from":"x","to":"2026-11-21"}`, "body.from")
	f(advertiser1Key, `{"definition_id":7,"from":"2026-11-20","to":"2026-11-19"}`, "body.to")
	f(advertiser1Key, `{"definition_id":7,"from":"2025-11-20","to":"2026-11-21"}`, "body.to")
	f(advertiser1Key, `{"definition_id":7,"model":"guess",`+days+`}`, "body.model")
	f(advertiser1Key, `{"definition_id":7,"half_life_hours":5,`+days+`}`, "body.half_life_hours")
	f(advertiser1Key, `{"definition_id":7,"model":"time_decay",`+days+`}`, "body.half_life_hours")
	f(advertiser1Key, `{"definition_id":7,"by":"moon",`+days+`}`, "body.by")
	a.as = &advertiser1Key
	if got := a.api.Get("/v1/attribution-runs/abc?advertiser_id=3").Code; got != 404 {
		t.Errorf("another's run: got %d; want 404", got)
	}
	if got := a.api.Get("/v1/attribution-runs/abc?advertiser_id=1").Code; got != 404 {
		t.Errorf("no such run: got %d; want 404", got)
	}
}

// TestRefundsTakeBack: in part, as a whole, repeated, before and after the conversion
// is read, before and after it settles: figures and journeys say the same.
func TestRefundsTakeBack(t *testing.T) {
	refund := func(id string, value money.Nanos) conversionRecord {
		return conversionRecord{V: 1, ID: id, Order: "A", Advertiser: 1, At: t0.Add(time.Hour), Value: value, Refund: true}
	}
	f := func(name string, wantN int64, wantValue money.Nanos, refunds ...conversionRecord) {
		t.Helper()
		for when := range 3 { // refunds first, after the conversion, after it settled
			l := newMemLog(1)
			deps := testDeps(l)
			s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, deps)
			back := func() {
				for _, r := range refunds {
					l.write(r, t0.Add(2*time.Hour))
				}
				readAll(t, s, l, topics[:]...)
			}
			if when == 0 {
				back()
			}
			l.seen("click", 1, 0, 0)
			l.bought("A", 100, time.Minute)
			readAll(t, s, l, eventlog.TopicExposures, eventlog.TopicConversions)
			if when == 1 {
				back()
			}
			settleAll(t, s)
			if when == 2 {
				back()
			}
			var n int64
			var value Amount
			for _, m := range figuresIn(t, s).days {
				n += m.n[nClickConversions]
				value = m.s[sValue]
			}
			var want Amount
			want.Add(wantValue)
			if n != wantN || (n > 0 && value != want) {
				t.Errorf("%s, %d: got %d of %v; want %d of %v", name, when, n, value, wantN, want)
			}
			list, err := s.journeys(context.Background(), 1, "purchase", t0, t0.Add(24*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if int64(len(list)) != wantN || wantN == 1 && list[0].value != wantValue {
				t.Errorf("%s, %d: journeys %+v; want %d of %d", name, when, list, wantN, wantValue)
			}
			s.Close()
		}
	}
	f("none", 1, 100)
	f("a part", 1, 70, refund("r1", 30))
	f("two parts", 1, 50, refund("r1", 30), refund("r2", 20))
	f("a part twice", 1, 70, refund("r1", 30), refund("r1", 30))
	f("more than all", 1, 0, refund("r1", 130))
	f("the whole", 0, 0, refund("r1", 0))
	f("a part and the whole", 0, 0, refund("r1", 30), refund("r2", 0))
}

// TestJourneysAreBounded: the newest touches stay, in order, once each.
func TestJourneysAreBounded(t *testing.T) {
	l := newMemLog(1)
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, testDeps(l))
	defer s.Close()
	for n := range uint64(120) {
		l.seen("click", n+1, 0, time.Duration(n)*time.Second)
	}
	l.write(conversionRecord{V: 1, ID: "c", Order: "A", Advertiser: 1, At: t0.Add(time.Hour), User: 5, ClickBid: bid(120), Type: "purchase"}, t0.Add(time.Hour))
	readAll(t, s, l, topics[:]...)
	settleAll(t, s)
	list, err := s.journeys(context.Background(), 1, "purchase", t0, t0.Add(24*time.Hour))
	if err != nil || len(list) != 1 || len(list[0].touches) != maxJourney {
		t.Fatalf("got %v, %v", list, err)
	}
	for i, touch := range list[0].touches {
		if want := bid(uint64(71 + i)).id.String(); touch.Bid != want {
			t.Fatalf("touch %d: got %s; want %s", i, touch.Bid, want)
		}
	}
	if got := fmt.Sprint(list[0].touches[0].Kind); got != "click" {
		t.Errorf("got %s", got)
	}
}
