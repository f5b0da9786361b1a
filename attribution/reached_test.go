package attribution

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestReachUnitesDays: a user who comes on two days, and again after a crash, is one.
func TestReachUnitesDays(t *testing.T) {
	a := newAPITest(t)
	n := uint64(0)
	show := func(day int, line int64, user, home userKey) {
		n++
		at := t0.AddDate(0, 0, day)
		a.log.write(exposureRecord{V: 1, Type: "impression", Bid: bid(n), User: user, Household: home, BidAt: at, At: at, wirePlacement: place(1, line)}, at)
	}
	for u := range userKey(40) { // 40 users of 20 homes see line 100 on both days, half of them 101
		show(0, 0, u+1, u/2+1000)
		show(1, 0, u+1, u/2+1000)
		if u%2 == 0 {
			show(1, 1, u+1, 0)
		}
	}
	show(0, 0, 0, 0) // of nobody
	for p, recs := range a.log.logs {
		for len(recs) > 0 { // many small batches, so that parts merge
			k := min(3, len(recs))
			a.s.mu.positions[p] = position{next: recs[0].Offset}
			if err := a.s.apply(context.Background(), []fetch{{p, recs[:k]}}); err != nil {
				t.Fatal(err)
			}
			recs = recs[k:]
		}
	}
	f := func(query string, want ...string) {
		t.Helper()
		a.as = &advertiser1Key
		res := a.api.Get("/v1/reach?from=2026-11-20&to=2026-11-21&" + query)
		var body reachBody
		if err := json.Unmarshal(res.Body.Bytes(), &body); err != nil || res.Code != 200 {
			t.Fatal(res.Code, res.Body)
		}
		var got []string
		for _, r := range body.Rows {
			got = append(got, fmt.Sprintf("%s %d: %d %d", r.Day, r.LineItem, r.Users, r.Households))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q; want %q", query, got, want)
		}
	}
	for range 2 { // before and after parts were merged
		f("", " 0: 40 20")
		f("group_by=line_item", " 100: 40 20", " 101: 20 0")
		f("group_by=day,line_item", "2026-11-20 100: 40 20", "2026-11-21 100: 40 20", "2026-11-21 101: 20 0")
		f("line_item=101", " 0: 20 0")
		before := rowsOf(t, a.s, "reach")
		for range 5 {
			if err := a.s.prune(context.Background(), t0); err != nil {
				t.Fatal(err)
			}
		}
		if after := rowsOf(t, a.s, "reach"); after >= before && before > reachFanIn {
			t.Errorf("%d parts were merged into %d", before, after)
		}
	}
	users, sampled, err := a.s.Frequency(context.Background(), 1, 10, dayOf(t0, time.UTC), dayOf(t0, time.UTC)+1, 4)
	if err != nil || sampled != 40 || !slices.Equal(users, []int64{0, 20, 20, 0}) {
		t.Errorf("got %v of %d, %v; want 20 users with 2 impressions and 20 with 3", users, sampled, err)
	}
	a.as = &advertiser1Key
	if res := a.api.Get("/v1/campaigns/20/frequency?from=2026-11-20&to=2026-11-21"); res.Code != 404 {
		t.Errorf("another tenant's campaign: got %d", res.Code)
	}
	if res := a.api.Get("/v1/reach?from=2026-11-20&to=2026-11-21&group_by=site"); res.Code != 422 {
		t.Errorf("by site: got %d", res.Code)
	}
}
