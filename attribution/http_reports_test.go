package attribution

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
)

// shownEvents are impressions of advertiser 1 on devices, in countries and on sites.
func shownEvents(a *apiTest) {
	n := uint64(100)
	for i, c := range []struct {
		country, format string
		device, count   int
	}{{"DEU", "banner", 2, 5}, {"DEU", "video", 4, 3}, {"USA", "banner", 4, 7}, {"USA", "video", 3, 1}} {
		for range c.count {
			n++
			p := place(1, int64(i%2))
			p.Format, p.Country, p.DeviceType, p.W, p.H = c.format, c.country, c.device, 300, 250
			p.Site = fmt.Sprintf("site-%d.example", n%6)
			e := exposureRecord{V: 1, Type: "impression", Bid: bid(n), BidAt: t0, At: t0, wirePlacement: p}
			a.log.write(e, t0)
			if c.format == "video" {
				for _, typ := range []string{"start", "firstQuartile", "midpoint", "complete", "complete"} { // the last comes twice
					e.Type = typ
					a.log.write(e, t0)
				}
			}
			a.log.write(postingRecord{V: 1, Type: "bill", MoneyOffset: int64(n), At: t0, Day: wireDay{dayOf(t0, time.UTC), true}, Outcome: "posted",
				Charge: 1_000_000, Media: 800_000, Margin: 200_000, wirePlacement: p}, t0)
		}
	}
	readAll(a.t, a.s, a.log, topics[:]...)
}

const shownDay = "from=2026-11-20&to=2026-11-20"

func cellsOf(rows []map[string]any, names ...string) (out []string) {
	for _, r := range rows {
		var cells []string
		for _, n := range names {
			cells = append(cells, fmt.Sprint(r[n]))
		}
		out = append(out, strings.Join(cells, " "))
	}
	return out
}

func TestReportsTellImpressionsApart(t *testing.T) {
	a := newAPITest(t)
	shownEvents(a)
	f := func(query string, want []string, names ...string) {
		t.Helper()
		if got := cellsOf(a.report(operatorKey, shownDay+"&advertiser=1&"+query).Rows, names...); !slices.Equal(got, want) {
			t.Errorf("%s: got %q; want %q", query, got, want)
		}
	}
	f("group_by=country", []string{"DEU 8", "USA 8"}, "country", "impressions")
	f("group_by=format,country&fields=impressions,starts,completes,completion_rate",
		[]string{"banner DEU 5 0 <nil>", "banner USA 7 0 <nil>", "video DEU 3 3 1", "video USA 1 1 1"}, "format", "country", "impressions", "completes", "completion_rate")
	f("group_by=device_type&sort=-impressions", []string{"4 10", "2 5", "3 1"}, "device_type", "impressions")
	f("group_by=device_type&sort=device_type", []string{"2 5", "3 1", "4 10"}, "device_type", "impressions")
	f("group_by=size&country=USA&ad_format=video", []string{"300x250 1"}, "size", "impressions")
	f("group_by=line_item&device_type=4", []string{"100 7", "101 3"}, "line_item", "impressions")
}

func TestTopAndRestAddUpToTheTotal(t *testing.T) {
	a := newAPITest(t)
	shownEvents(a)
	res := a.get(operatorKey, shownDay+"&advertiser=1&group_by=device_type&sort=-charge&top=1")
	var got struct {
		Rows, Rest, Totals []map[string]any
	}
	if err := json.Unmarshal(res.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for name, rows := range map[string][]map[string]any{"0.01 10": got.Rows, "0.006 6": got.Rest, "0.016 16": got.Totals} {
		if c := cellsOf(rows, "charge", "impressions"); !slices.Equal(c, []string{name}) {
			t.Errorf("got %q; want %q", c, name)
		}
	}
}

// TestPagesAreTheWholeReport walks over pages of every size.
func TestPagesAreTheWholeReport(t *testing.T) {
	a := newAPITest(t)
	shownEvents(a)
	const q = shownDay + "&group_by=site,device_type,country&sort=-charge&fields=impressions,charge"
	whole := cellsOf(a.report(operatorKey, q).Rows, "site", "device_type", "country", "impressions")
	for limit := 1; limit <= len(whole)+1; limit++ {
		var got []string
		for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
			res := a.get(operatorKey, fmt.Sprintf("%s&limit=%d&cursor=%s", q, limit, cursor))
			var body struct {
				Rows []map[string]any
				Next string
			}
			if err := json.Unmarshal(res.Body.Bytes(), &body); err != nil || res.Code != 200 {
				t.Fatal(res.Code, res.Body.String())
			}
			if len(body.Rows) > limit || body.Next != res.Header().Get("Report-Next") {
				t.Fatalf("%d rows of at most %d; next %q", len(body.Rows), limit, body.Next)
			}
			got, cursor = append(got, cellsOf(body.Rows, "site", "device_type", "country", "impressions")...), body.Next
		}
		if !slices.Equal(got, whole) {
			t.Fatalf("limit %d: got %q; want %q", limit, got, whole)
		}
	}
}

func TestBadPagesAreRefused(t *testing.T) {
	a := newAPITest(t)
	shownEvents(a)
	f := func(query, want string) {
		t.Helper()
		res := a.get(advertiser1Key, shownDay+"&"+query)
		if res.Code != http.StatusUnprocessableEntity || !strings.Contains(res.Body.String(), want) {
			t.Errorf("%s: got %d %s; want 422 with %s", query, res.Code, res.Body, want)
		}
	}
	f("fields=luck", "query.fields")
	f("fields=media_cost", "contract")
	f("sort=-luck", "query.sort")
	f("group_by=day&sort=site", "query.sort")
	f("top=0", "query.top")
	f("top=5&limit=5", "top or limit")
	f("limit=10001", "1 to 10000")
	f("cursor=AAAA&limit=5", "query.cursor")
	f("compare=2026-11-20", "before from")
	f("compare=soon", "query.compare")
	f("range=today", "not both")
	var page struct{ Next string }
	if err := json.Unmarshal(a.get(advertiser1Key, shownDay+"&group_by=site&limit=1").Body.Bytes(), &page); err != nil || page.Next == "" {
		t.Fatal(page, err)
	}
	f("group_by=site,country&limit=1&cursor="+page.Next, "query.cursor")
}

func TestRangesEndNow(t *testing.T) {
	a := newAPITest(t) // now is the 20th of November in Berlin
	f := func(name, from, to string) {
		t.Helper()
		if got := a.report(advertiser1Key, "range="+name); got.From != from || got.To != to {
			t.Errorf("%s: got %s to %s; want %s to %s", name, got.From, got.To, from, to)
		}
	}
	today := a.now.In(mustZone(t, "Europe/Berlin"))
	day := func(n int) string { return today.AddDate(0, 0, n).Format(time.DateOnly) }
	f("today", day(0), day(0))
	f("yesterday", day(-1), day(-1))
	f("last_7_days", day(-6), day(0))
	f("last_30_days", day(-29), day(0))
	f("this_month", today.Format("2006-01")+"-01", day(0))
	first := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, time.UTC)
	f("last_month", first.AddDate(0, -1, 0).Format(time.DateOnly), first.AddDate(0, 0, -1).Format(time.DateOnly))
	if res := a.get(advertiser1Key, "range=next_week"); res.Code != 422 || !strings.Contains(res.Body.String(), "query.range") {
		t.Errorf("got %d %s", res.Code, res.Body)
	}
}

func TestReportsCompareWithEarlierDays(t *testing.T) {
	a := newAPITest(t)
	for i, day := range []int{0, 0, 0, 1, 1} { // three on the 20th, two on the 21st
		at := t0.AddDate(0, 0, day)
		a.log.write(exposureRecord{V: 1, Type: "impression", Bid: bid(uint64(i)), BidAt: at, At: at, wirePlacement: place(1, 0)}, at)
	}
	readAll(t, a.s, a.log, topics[:]...)
	var got struct{ Rows, Totals []map[string]any }
	res := a.get(advertiser1Key, "from=2026-11-21&to=2026-11-21&group_by=day,line_item&compare=previous&fields=impressions,ctr")
	if err := json.Unmarshal(res.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, rows := range [][]map[string]any{got.Rows, got.Totals} {
		if c := cellsOf(rows, "impressions", "previous", "change"); !slices.Equal(c, []string{"2 map[ctr:0 impressions:3] map[ctr:<nil> impressions:-0.333333]"}) {
			t.Errorf("got %q", c)
		}
	}
	res = a.get(advertiser1Key, "from=2026-11-21&to=2026-11-21&group_by=line_item&compare=2026-11-20&fields=impressions&format=csv")
	if got := res.Body.String(); got != "line_item,currency,impressions,previous_impressions,change_impressions\r\n100,USD,2,3,-0.333333\r\n" {
		t.Errorf("got %q", got)
	}
	res = a.get(advertiser1Key, "from=2026-11-20&to=2026-11-21&group_by=day&fields=impressions&format=ndjson")
	if got := res.Body.String(); res.Header().Get("Content-Type") != "application/x-ndjson" ||
		got != "{\"day\":\"2026-11-20\",\"currency\":\"USD\",\"impressions\":3}\n{\"day\":\"2026-11-21\",\"currency\":\"USD\",\"impressions\":2}\n" {
		t.Errorf("got %q", got)
	}
}

// TestLateEventsRestateADay: what comes an hour after a day's end is told, with when
// and how much; a day is final once nothing can change it.
func TestLateEventsRestateADay(t *testing.T) {
	a := newAPITest(t)
	end := time.Date(2026, 11, 21, 0, 0, 0, 0, mustZone(t, "Europe/Berlin")) // of the 20th
	write := func(n int64, logged time.Time, charge money.Nanos) {
		a.log.write(postingRecord{V: 1, Type: "bill", MoneyOffset: n, At: t0, Day: wireDay{dayOf(t0, time.UTC), true}, Outcome: "posted",
			Charge: charge, Margin: charge, wirePlacement: place(1, 0)}, logged)
	}
	write(1, end.Add(59*time.Minute), 5) // before it was stated
	write(2, end.Add(61*time.Minute), 7)
	write(3, end.Add(30*time.Hour), 9)
	readAll(t, a.s, a.log, topics[:]...)
	var got struct {
		Status string
		Days   []struct {
			Day, Status string
			Restated    *struct {
				Since, Last time.Time
				By          []map[string]any
			}
		}
		Totals []map[string]any
	}
	ask := func(query string) {
		t.Helper()
		res := a.get(advertiser1Key, query)
		if err := json.Unmarshal(res.Body.Bytes(), &got); err != nil || res.Code != 200 {
			t.Fatal(res.Code, res.Body.String())
		}
	}
	a.now = end.Add(31 * time.Hour)
	ask("from=2026-11-19&to=2026-11-20")
	if len(got.Days) != 2 || got.Days[0].Restated != nil || got.Days[1].Status != "preliminary" || got.Status != "preliminary" {
		t.Fatalf("got %+v", got)
	}
	r := got.Days[1].Restated
	if r == nil || !r.Since.Equal(end.Add(time.Hour)) || !r.Last.Equal(end.Add(30*time.Hour)) || len(r.By) != 1 ||
		!maps.Equal(r.By[0], map[string]any{"currency": "USD", "charge": "0.000000016", "impressions": 0.0, "clicks": 0.0, "conversions": 0.0, "value": "0"}) {
		t.Errorf("got %+v; want 16 nanos between 1 and 30 hours after the day's end", r)
	}
	if got.Totals[0]["charge"] != "0.000000021" {
		t.Errorf("got %v; want all of it", got.Totals)
	}
	ask("from=2026-11-20&to=2026-11-20&line_item=101")
	if got.Days[0].Restated != nil {
		t.Errorf("another line item's change: got %+v", got.Days[0].Restated)
	}
	a.now = end.Add(a.s.cfg.FinalAfter)
	ask("from=2026-11-20&to=2026-11-21")
	if got.Days[0].Status != "final" || got.Days[1].Status != "preliminary" || got.Status != "preliminary" {
		t.Errorf("got %+v", got.Days)
	}
}

func TestContractsTellCosts(t *testing.T) {
	a := newAPITest(t)
	shownEvents(a)
	f := func(want bool, name string) {
		t.Helper()
		if _, ok := a.report(advertiser1Key, shownDay).Totals[0][name]; ok != want {
			t.Errorf("%s: got %v; want %v", name, ok, want)
		}
	}
	f(false, "media_cost")
	f(false, "margin")
	a.s.deps.Catalog().Advertisers[1].ShowCosts = true
	f(true, "media_cost")
	f(true, "margin")
	f(false, "house_late")
}
