package bidder

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

func withExperiment(cat *campaigns.Catalog, holdout money.PPM, items ...campaigns.ID) *campaigns.Catalog {
	cat.Experiments = map[campaigns.ID]*campaigns.Experiment{5: {
		Meta: campaigns.Meta{ID: 5}, CampaignID: 3, Status: campaigns.StatusActive, LineItemIDs: items, Holdout: holdout, Salt: "s",
		Start: testNow.Add(-time.Hour), End: testNow.Add(time.Hour),
	}}
	return cat
}

// ofUser is a request of the n-th user.
func ofUser(n int) string {
	return strings.Replace(plainRequest, `"buyeruid":"u7"`, fmt.Sprintf(`"buyeruid":"u-%d"`, n), 1)
}

// TestHoldoutKeepsUsersFromALineItem: held-out users get no bid of it, for good, and
// nothing is reserved; the others get one; of both it is noted once a day.
func TestHoldoutKeepsUsersFromALineItem(t *testing.T) {
	h := newHouse(t, withExperiment(newCatalog([]campaigns.LineItem{cpm(4_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}), 300_000))
	held := map[int]bool{}
	const users = 600
	for n := range users {
		held[n] = h.bid(ofUser(n)).StatusCode() == 204
		if again := h.bid(ofUser(n)).StatusCode() == 204; again != held[n] {
			t.Fatalf("user %d: held %v, then %v", n, held[n], again)
		}
	}
	count := 0
	for _, x := range held {
		if x {
			count++
		}
	}
	if sigma := math.Sqrt(users * 0.3 * 0.7); math.Abs(float64(count)-users*0.3) > 4*sigma {
		t.Errorf("held out %d of %d; want some 30%%", count, users)
	}
	if got := len(h.wallet.reserved); got != 2*(users-count) {
		t.Errorf("reserved %d times; want twice for each of the %d that are shown ads", got, users-count)
	}
	if got := h.metrics.exchange("demo").results[NoBidHoldout].Load(); got != uint64(2*count) {
		t.Errorf("counted %d no-bids; want %d", got, 2*count)
	}
	h.flushGhosts(context.Background())
	told := map[string]bool{}
	for _, text := range h.events.of(eventlog.TopicExposures) {
		var g ghostRecord
		if err := json.Unmarshal([]byte(text), &g); err != nil || g.Type != "ghost" || g.Experiment != 5 || g.LineItem != 10 || len(g.User) != 16 {
			t.Fatalf("got %s, %v", text, err)
		}
		if _, twice := told[g.User]; twice {
			t.Errorf("user %s was told twice", g.User)
		}
		told[g.User] = g.Held
	}
	heldTold := 0
	for _, x := range told {
		if x {
			heldTold++
		}
	}
	if len(told) != users || heldTold != count {
		t.Errorf("told %d users, %d held; want %d and %d", len(told), heldTold, users, count)
	}
}

// TestHoldoutIsOfItsLineItemsAlone: another line item takes the impression; users
// without an id, and times outside, are in no group.
func TestHoldoutIsOfItsLineItemsAlone(t *testing.T) {
	items := []campaigns.LineItem{cpm(4_000_000, campaigns.Targeting{}), cpm(2_000_000, campaigns.Targeting{})}
	cat := withExperiment(newCatalog(items, []campaigns.Creative{box()}), campaigns.MaxHoldout, 10)
	h := newHouse(t, cat)
	prices := map[float64]int{}
	for n := range 200 {
		_, bid := answered(t, h.bid(ofUser(n)))
		prices[bid.Price]++
	}
	if prices[4] < 4 || prices[4] > 50 || prices[2] != 200-prices[4] {
		t.Errorf("got prices %v; want some 20 at 4 and the others at 2", prices)
	}
	if _, bid := answered(t, h.bid(strings.Replace(plainRequest, `"user":{"buyeruid":"u7"}`, `"user":{}`, 1))); bid.Price != 4 {
		t.Error("a user without an id was held out")
	}
	h.clock.Set(testNow.Add(time.Hour)) // the end is not within
	for n := range 20 {
		if _, bid := answered(t, h.bid(ofUser(n))); bid.Price != 4 {
			t.Errorf("after the end user %d was held out", n)
		}
	}
}

// TestGroupsOfSaltsAreIndependent: who is held out by one salt says nothing of another.
func TestGroupsOfSaltsAreIndependent(t *testing.T) {
	a, b := campaigns.SaltOf("a"), campaigns.SaltOf("b")
	var n [2][2]float64
	const users = 100_000
	for u := range uint64(users) {
		key := u * 0x9e3779b97f4a7c15
		x, y := 0, 0
		if campaigns.HeldOut(a, key, 500_000) {
			x = 1
		}
		if campaigns.HeldOut(b, key, 500_000) {
			y = 1
		}
		n[x][y]++
	}
	chi := 0.0
	for _, row := range n {
		for _, got := range row {
			chi += (got - users/4) * (got - users/4) / (users / 4)
		}
	}
	if chi > 16.3 { // 99.9% of three degrees of freedom
		t.Errorf("got %v, chi squared %v", n, chi)
	}
}

func BenchmarkHoldOut(b *testing.B) {
	h := newHouse(b, withExperiment(newCatalog([]campaigns.LineItem{cpm(4_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}), 100_000))
	a := &auction{book: h.book.Load(), exchange: h.exchanges.Load().byName["demo"], now: testNow}
	l, c := &a.book.lines[0], &candidate{}
	b.ReportAllocs()
	for b.Loop() {
		a.user += 0x9e3779b97f4a7c15
		h.holdOut(a, l, c, h.deps.BidIDs.Next())
		select {
		case <-h.ghosts.in:
		default:
		}
	}
}
