package audit

import (
	"fmt"
	"testing"
)

func TestGrantGivesWhatFits(t *testing.T) {
	f := func(adv, camp, line string, media, charge int64) {
		t.Helper()
		x := open(t, "cpm")
		x.advertiser(adv)
		x.campaign(camp)
		x.line("cpm", line)
		x.grant(240, 300)
		x.has(map[string]int64{"line_item/1/charge/held": charge, "line_item/1/charge/today/held": charge, "line_item/1/media/held": media,
			"campaign/1/charge/today/held": charge, "advertiser/1/charge/held": charge})
	}
	none := `"daily_nanos":0`
	f(none, none, none, 240, 300)
	f(`"daily_nanos":120`, none, none, 240, 120)
	f(none, `"lifetime_nanos":110`, none, 240, 110)
	f(none, none, `"daily_nanos":130,"lifetime_nanos":90`, 240, 90)
	f(none, none, `"media_daily_nanos":70`, 70, 300)
	f(none, none, `"media_lifetime_nanos":60,"media_daily_nanos":70`, 60, 300)
}

func TestGrantGivesNothing(t *testing.T) {
	f := func(name string, prepare func(x *tape), item string) {
		t.Helper()
		x := open(t, "cpm")
		x.owned("budget", `"advertiser":2,"level":"advertiser","currency":"USD"`)
		x.owned("budget", `"advertiser":2,"level":"campaign","campaign":2`)
		x.owned("budget", `"advertiser":2,"level":"line_item","campaign":2,"line_item":2,"pricing":"cpm"`)
		prepare(x)
		x.grant(240, 300, item)
		res := x.p.Compare(nil)
		for _, name := range []string{"line_item/1/charge/held", "line_item/2/charge/held", "line_item/1/media/held"} {
			if n := res.Totals[name]; n.Sign() != 0 {
				t.Errorf("%s: %s holds %v", name, name, n)
			}
		}
	}
	nothing := func(*tape) {}
	f("no charge", nothing, `"charge_nanos":0`)
	f("no media", nothing, `"media_nanos":0`)
	f("another advertiser's", nothing, `"line_item":2`)
	f("unknown", nothing, `"line_item":3`)
	f("a flight that is not there", nothing, `"flight":1000`)
	f("a media limit that is used up", func(x *tape) {
		x.line("cpm", `"media_daily_nanos":80`)
		x.notice("bill", x.grant(80, 100), 1, `"price_micros":80`)
	}, `"charge_nanos":0`)
	f("yesterday", func(x *tape) { x.day(22) }, `"flight":0`)
	f("a nonce that was there", func(x *tape) { x.nonce = -1 }, `"flight":0`)
	f("an old epoch: a paused pacer wakes and grants", func(x *tape) { x.must(`{"v":1,"type":"claim"}`) }, `"flight":0`)
}

func TestNoncesBeginAnewWithAClaim(t *testing.T) {
	x := open(t, "cpm")
	x.grant(1, 10)
	x.must(`{"v":1,"type":"claim"}`)
	x.epoch, x.nonce = x.n-1, 0
	x.grant(1, 10)
	x.holds(0, 20)
	x.nonce = 0
	x.grant(1, 10) // the same record again
	x.holds(0, 20)
}

func TestFlights(t *testing.T) {
	x := open(t, "cpm", `"flights":[{"start":"1970-01-01T00:16:40Z","budget_nanos":250},{"start":2000,"budget_nanos":0}]`)
	x.campaign(`"flights":[{"start":500,"budget_nanos":180}]`)
	for _, wrong := range []string{`"flight":0,"campaign_flight":500`, `"flight":1000`, `"flight":1001,"campaign_flight":500`, `"flight":1000,"campaign_flight":501`} {
		x.grant(240, 300, wrong)
	}
	x.holds(0, 0)
	l := x.grant(240, 300, `"flight":1000,"campaign_flight":500`)
	x.says(x.notice("bill", l, 1), Entry{Outcome: "posted", Charge: 100, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 10, Margin: 25})
	flights := map[string]int64{
		"line_item/1/charge/flight/1000/posted": 100, "line_item/1/charge/flight/1000/held": 80,
		"campaign/1/charge/flight/500/posted": 100, "campaign/1/charge/flight/500/held": 80,
	}
	x.has(flights)
	x.line("cpm", `"flights":[{"start":2000,"budget_nanos":0}]`) // the first flight is closed: what is held stays
	x.has(flights)
	x.grant(240, 300, `"flight":1000,"campaign_flight":500`)
	x.has(flights)
	less := `"reserved_charge_nanos":80`
	x.notice("loss", l, 2, less)
	x.says(x.notice("bill", l, 2, less), Entry{Outcome: "unbilled", Unbilled: 80, Media: 60, Payable: 60, DataFee: 5, Margin: 15}) // no room
	x.campaign(`"flights":[{"start":500,"budget_nanos":0}]`)
	x.grant(240, 300, `"flight":2000,"campaign_flight":500`) // named without a budget: no limit
	x.has(map[string]int64{"line_item/1/charge/flight/2000/held": 300, "line_item/1/charge/flight/1000/held": 0, "line_item/1/charge/flight/1000/posted": 100})
}

func (x *tape) giveBack(lease int64, item string) {
	x.t.Helper()
	x.must(`{"v":1,"type":"return","advertiser":1,"lease":%d,"items":[%s]}`, lease, item)
}

func TestReturnOnce(t *testing.T) {
	x := open(t, "cpm")
	l := x.grant(240, 300)
	x.notice("loss", l, 1)
	x.holds(0, 200)
	x.must(`{"v":1,"type":"return","advertiser":2,"lease":%d,"items":[{"line_item":1,"media_nanos":9,"charge_nanos":9}]}`, l)
	x.giveBack(l, `{"line_item":1,"media_nanos":80,"charge_nanos":90}`)
	x.holds(0, 110)
	x.giveBack(l, `{"line_item":1,"media_nanos":80,"charge_nanos":90}`)
	x.holds(0, 110)
	x.wrong("returns more than it has left", `{"v":1,"type":"return","advertiser":1,"lease":%d,"items":[{"line_item":1,"media_nanos":0,"charge_nanos":301}]}`, x.grant(240, 300))
	closed := x.grant(240, 300)
	x.phase("close", closed)
	x.giveBack(closed, `{"line_item":1,"media_nanos":80,"charge_nanos":90}`)
	x.holds(0, 110)
}

// classes is a lease of 300 whose bidder returned nothing: 200 are reserved by
// demo/banner and 100 by demo/video.
func classes(t *testing.T) (*tape, int64) {
	x := open(t, "cpm", `"daily_nanos":1000`)
	l := x.grant(240, 300)
	x.giveBack(l, `{"line_item":1,"media_nanos":0,"charge_nanos":0,"holds":[{"class":"demo/banner","media_nanos":160,"charge_nanos":200},
		{"class":"demo/video","media_nanos":80,"charge_nanos":100},{"class":"demo/video","media_nanos":7,"charge_nanos":7}]}`)
	return x, l
}

const banner = `"class":"demo/banner"`

func TestUnwonFreesWhatHasNotWon(t *testing.T) {
	x, l := classes(t)
	x.says(x.notice("win", l, 2), Entry{})
	x.says(x.notice("win", l, 2), Entry{})
	x.phase("unwon", l, banner)
	x.holds(0, 200)
	x.has(map[string]int64{"line_item/1/media/held": 160})
	x.says(x.notice("win", l, 1), Entry{}) // too late: it does not count
	x.says(x.notice("loss", l, 1), Entry{Outcome: "void"})
	x.holds(0, 200)
	x.says(x.notice("bill", l, 1), Entry{Outcome: "late", Charge: 100, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 10, Margin: 25})
	x.holds(100, 200) // what others hold is not touched
	x.phase("close", l, banner)
	x.holds(100, 100) // the one that won
	x.says(x.notice("bill", l, 2), Entry{Outcome: "late", Charge: 100, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 10, Margin: 25})
	x.holds(200, 100)
	x.says(x.notice("bill", l, 3, `"format":"video"`), Entry{Outcome: "posted", Charge: 100, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 10, Margin: 25})
	x.holds(300, 0)
}

func TestWonBidsAreInTimeUntilTheirClassCloses(t *testing.T) {
	x, l := classes(t)
	x.notice("win", l, 1)
	x.notice("win", l, 2)
	x.phase("unwon", l, banner)
	x.holds(0, 300)
	x.says(x.notice("loss", l, 1), Entry{Outcome: "void"})
	x.holds(0, 200)
	if e := x.notice("bill", l, 2); e.Outcome != "posted" {
		t.Errorf("got %+v", e)
	}
	x.phase("unwon", l, banner)
	x.phase("close", l, banner)
	x.holds(100, 100) // the video's stays
	x.says(x.notice("loss", l, 3, `"format":"video"`), Entry{Outcome: "void"})
	x.holds(100, 0)
}

func TestFreedBeforeTheReturnCountsForTheClass(t *testing.T) {
	x := open(t, "cpm")
	l := x.grant(240, 300)
	x.notice("loss", l, 1) // 100 of demo/banner are freed before the return tells of 200
	x.giveBack(l, `{"line_item":1,"media_nanos":0,"charge_nanos":0,"holds":[{"class":"demo/banner","media_nanos":160,"charge_nanos":200}]}`)
	x.phase("close", l, banner)
	x.holds(0, 100)
	x.phase("close", l, banner)
	x.holds(0, 100)
}

func TestClassWithoutFormat(t *testing.T) {
	x := open(t, "cpm")
	l := x.grant(240, 300)
	x.phase("close", l, `"class":"demo/"`)
	if e := x.must(billOf, 1); e.Outcome != "late" { // it has no format
		t.Errorf("got %+v", e)
	}
	if e := x.notice("bill", l, 2); e.Outcome != "posted" {
		t.Errorf("got %+v", e)
	}
}

func TestLateBillChargesWhatFits(t *testing.T) {
	x := open(t, "cpm", `"daily_nanos":300`)
	l := x.grant(240, 300)
	x.phase("close", l)
	x.holds(0, 0)
	x.grant(240, 270)
	x.says(x.notice("bill", l, 1), Entry{Outcome: "late", Charge: 30, Late: 70, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 3, Margin: 32})
	x.holds(30, 270)
	x.has(map[string]int64{"line_item/1/house_late": 70, "line_item/1/media/posted": 60, "payable/demo/USD": 60})
	x.says(x.notice("bill", l, 1), Entry{Outcome: "duplicate"}) // a late duplicate is not a late win
	x.phase("hard", l)
	x.says(x.notice("bill", l, 3), Entry{Outcome: "past_hard"})
	x.holds(30, 270)
}

func TestWhatStaysOfThePoolAtTheClose(t *testing.T) {
	x := open(t, "cpc", `"late_share_ppm":300000`, `"daily_nanos":300`)
	l := x.grant(240, 300)
	x.notice("bill", l, 1)
	x.holds(5, 295)
	x.phase("close", l)
	x.holds(5, 28) // 30% of 95, rounded down
	x.grant(240, 300)
	x.holds(5, 295) // 267 fit
	x.says(x.notice("click", l, 1), Entry{Outcome: "late", Charge: 28, Unbilled: 12, PlatformFee: 2, Margin: 38})
	x.holds(33, 267)
	x.phase("hard", l)
	x.holds(33, 267)
}

func TestThePoolsRestLeavesAtHard(t *testing.T) {
	x := open(t, "cpc", `"late_share_ppm":300000`)
	l := x.grant(240, 300)
	x.notice("bill", l, 1)
	x.phase("hard", l)
	x.holds(5, 0)
	x.says(x.notice("click", l, 1), Entry{Outcome: "past_hard"})
}

func TestEventsTakeTheOldestOfThePoolFirst(t *testing.T) {
	x := open(t, "cpc")
	a, b := x.grant(80, 100), x.grant(80, 100)
	x.notice("bill", a, 1)
	x.notice("bill", b, 2)
	x.holds(10, 190)
	x.notice("click", b, 2)
	x.notice("click", a, 1)
	x.holds(90, 110)
	x.line("cpc")
	x.phase("close", a) // 95 less may be open: 95 are; 15 of the 110 go
	x.holds(90, 95)
	x.phase("close", b)
	x.holds(90, 0)
}

func TestLimitCutBelowWhatIsCommitted(t *testing.T) {
	x := open(t, "cpm")
	l := x.grant(240, 300)
	x.line("cpm", `"daily_nanos":50`)
	x.grant(240, 300)
	x.holds(0, 300)
	x.says(x.notice("loss", l, 1), Entry{Outcome: "void"})
	x.says(x.notice("bill", l, 1), Entry{Outcome: "unbilled", Unbilled: 100, Media: 60, Payable: 60, DataFee: 5, Margin: 35}) // post beats void, but nothing fits
	x.says(x.notice("bill", l, 2), Entry{Outcome: "posted", Charge: 100, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 10, Margin: 25})
	x.holds(100, 100)
	x.phase("close", l)
	x.holds(100, 0)
}

func TestBilledAfterMidnight(t *testing.T) {
	x := open(t, "cpm", `"daily_nanos":100`)
	l := x.grant(80, 100)
	x.day(22)
	x.day(21) // days never go back
	x.grantOn(22, 80, 100)
	x.holds(0, 200)
	x.notice("bill", l, 1)
	x.has(map[string]int64{"line_item/1/charge/posted": 100, "line_item/1/charge/today/posted": 0, "line_item/1/charge/today/held": 100})
}

func TestLevelsOfOneTree(t *testing.T) {
	x := open(t, "cpm")
	budget := fmt.Sprintf(`{"v":1,"type":"budget","epoch":%d,"advertiser":1,`, x.epoch)
	x.wrong("before its parent", "%s", budget+`"level":"line_item","campaign":7,"line_item":8}`)
	x.wrong("before its parent", `{"v":1,"type":"budget","epoch":%d,"advertiser":5,"level":"campaign","campaign":7}`, x.epoch)
	x.must("%s", budget+`"level":"campaign","campaign":2}`)
	x.wrong("moves to another parent", "%s", budget+`"level":"line_item","campaign":2,"line_item":1}`)
	x.wrong("currency changes", "%s", budget+`"level":"advertiser","currency":"EUR"}`)
	x.wrong("no currency", "%s", budget+`"level":"advertiser"}`)
	x.wrong("below zero", "%s", budget+`"level":"campaign","campaign":1,"daily_nanos":-1}`)
	x.wrong("below zero", "%s", budget+`"level":"campaign","campaign":1,"flights":[{"start":1,"budget_nanos":-1}]}`)
	x.must(`{"v":1,"type":"budget","epoch":77,"advertiser":1,"level":"advertiser","currency":"EUR"}`) // void
}
