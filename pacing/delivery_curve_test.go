package pacing

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/pacing/control"
)

// recordedWeek is a region's traffic by hour of the week, Monday first, from the
// shared data; it sums to one.
func recordedWeek(t *testing.T, region string) (week [control.Slots]float64) {
	t.Helper()
	root := os.Getenv("BIDHAWK_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	path := filepath.Join(root, "bidstream", "traffic_share.csv")
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("no test data: %s is absent (set BIDHAWK_DATA)", path)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, r := range rows[1:] {
		if r[0] != region {
			continue
		}
		dow, _ := strconv.Atoi(r[1])
		hour, _ := strconv.Atoi(r[2])
		share, err := strconv.ParseFloat(r[3], 64)
		if err != nil || dow < 1 || dow > 7 || hour < 0 || hour > 23 {
			t.Fatalf("row %v: %v", r, err)
		}
		week[(dow-1)*24+hour] = share
		sum += share
	}
	if sum < 0.99 {
		t.Fatalf("region %s: shares sum to %v", region, sum)
	}
	return week
}

// train tells the line item's forecast of weeks of traffic before now, drawn from
// week at so many auctions each.
func (w *world) train(id campaigns.ID, week *[control.Slots]float64, auctions float64, weeks int) *control.Forecast {
	w.t.Helper()
	copied := newForecast(time.UTC, nil)
	l, _ := w.catalog.Lineage(id)
	r := w.pacer.shards[eventlog.PartitionOf(MoneyKey(l.Advertiser.ID), 2)]
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.mu.shard.plan.pace(r.mu.shard.ledger.lines[id], time.UTC).traffic.forecast
	now := time.Now()
	for at := now.Add(-time.Duration(weeks) * 168 * time.Hour); at.Before(now); at = at.Add(time.Hour) {
		n := poisson(w.rng, week[slotOf(at)]*auctions)
		for _, x := range []*control.Forecast{f, copied} {
			if err := x.Observe(at, at.Add(time.Hour), n); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	return copied
}

func slotOf(t time.Time) int { return (int(t.Weekday())+6)%7*24 + t.Hour() }

// poisson draws by the normal's shape where the mean is large.
func poisson(rng *rand.Rand, mean float64) int64 {
	if mean > 50 {
		return max(0, int64(math.Round(mean+rng.NormFloat64()*math.Sqrt(mean))))
	}
	n := int64(-1)
	for p := 0.0; p < mean; n++ {
		p += rng.ExpFloat64()
	}
	return max(n, 0)
}

// TestSpendFollowsThePlan: a day's budget under real hourly curves, auctions drawn
// from them, clearing prices drawn evenly up to twice the value, notices 30 s late.
// The plan is the forecast's at midnight, learned from four weeks drawn alike.
func TestSpendFollowsThePlan(t *testing.T) {
	if raceEnabled {
		t.Skip("many auctions: without -race")
	}
	f := func(region string, pacing campaigns.Pacing, supply float64) {
		t.Helper()
		t.Run(fmt.Sprintf("region %s, %s, %v times the budget's wins", region, pacing, supply), func(t *testing.T) {
			week := recordedWeek(t, region)
			synctest.Test(t, func(t *testing.T) {
				const impressions = 10_000
				budget := int64(impressions * sceneNeed)
				day := 0.0
				for h := range 24 {
					day += week[slotOf(time.Now())+h]
				}
				// At the value half of the auctions are won.
				auctions := impressions * 2 * supply / day
				c := flightOf(time.Now().Add(-time.Hour), 240*time.Hour, 0, pacing)
				c.LineItems[1].Budget = campaigns.Budget{Daily: impressions * sceneNeed}
				c.Advertisers[1].Budget = campaigns.Budget{}
				cfg, wallet := dayConfigs()
				w := newWorldOf(t, c, 0, 30*time.Second, cfg, wallet)
				defer w.stop()
				w.market = func() float64 { return w.rng.Float64() * 2 }
				begin := time.Now()
				forecast := w.train(1, &week, auctions, 4)
				plan := control.Plan{From: begin, To: begin.Truncate(24 * time.Hour).Add(24 * time.Hour), Limit: impressions * sceneNeed, Pace: control.Even, Lead: control.DefaultLead}
				if pacing == campaigns.PacingAhead {
					plan.Pace = control.Ahead
				}
				var square, worst, steps, shading float64
				next := begin
				for now := begin; now.Before(plan.To); now = time.Now() {
					rate := week[slotOf(now)] * auctions / 3600
					time.Sleep(time.Duration(w.rng.ExpFloat64() / rate * 1e9))
					w.bid(1)
					for ; !next.After(time.Now()) && next.Before(plan.To); next = next.Add(time.Minute) {
						off := float64(w.spent(1)-plan.At(forecast, next)) / float64(budget)
						square, worst, steps = square+off*off, max(worst, math.Abs(off)), steps+1
						shading += float64(w.wallet.Multiplier(1)) / 1e6
					}
				}
				time.Sleep(10 * time.Minute)
				w.audit()
				out := w.pacer.Stats().Outcomes
				if late := out[OutcomeLate]; late*1000 > 3*out[OutcomePosted] {
					t.Errorf("%d bills are late, %d in time", late, out[OutcomePosted])
				}
				rmse := math.Sqrt(square / steps)
				t.Logf("RMSE %.2f%% (bar 0.5%%), largest deviation %.2f%% (bar 1%%) of the day's budget; delivered %.2f%%, mean multiplier %.2f, %d bids, refused %v",
					rmse*100, worst*100, float64(w.spent(1))/float64(budget)*100, shading/steps, w.bids, w.refused)
				if rmse > 0.005 || worst > 0.01 {
					t.Errorf("RMSE %.4f, largest deviation %.4f; want at most 0.005 and 0.01", rmse, worst)
				}
			})
		})
	}
	for _, region := range []string{"644490", "650130", "660710"} { // the flattest, the median and the steepest day
		f(region, campaigns.PacingEven, 2)
	}
	f("650130", campaigns.PacingEven, 8)
	f("650130", campaigns.PacingAhead, 2)
}
