package audit

import "testing"

func TestFixedRules(t *testing.T) {
	f := func(pricing, line, bill string, want Entry) {
		t.Helper()
		x := open(t, pricing, `"share_ppm":200000`, line)
		e := x.notice("bill", x.grant(240, 300), 1, bill)
		x.says(e, want)
		x.holds(want.Charge, 200)
	}
	same := `"test":false`
	f("cpm", same, same, Entry{Outcome: "posted", Charge: 100, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 10, Margin: 25})
	f("barter", same, same, Entry{Outcome: "posted", Charge: 100, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 10, Margin: 25})
	f("cpm", `"data_fee_nanos":500`, same, Entry{Outcome: "posted", Charge: 100, Media: 60, Payable: 60, DataFee: 100, PlatformFee: 10, Margin: -70})
	// 5 + 60 + 20% of 60.
	f("dcpm", same, same, Entry{Outcome: "posted", Charge: 77, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 7, Margin: 5})
	// 5 + 61 + 12.2 rounded up.
	f("dcpm", same, `"price_micros":61`, Entry{Outcome: "posted", Charge: 79, Media: 61, Payable: 61, DataFee: 5, PlatformFee: 7, Margin: 6})
	// 5 + 80 + 16 is above what was reserved.
	f("dcpm", same, `"price_micros":80`, Entry{Outcome: "posted", Charge: 100, Media: 80, Payable: 80, DataFee: 5, PlatformFee: 10, Margin: 5})
}

// A bill under an event rule charges the data fee, and what is left of its
// charge waits in the pool for the event, which takes its price from there.
func TestEventRules(t *testing.T) {
	f := func(pricing, event, extra string, price Entry, pool int64) {
		t.Helper()
		x := open(t, pricing, `"share_ppm":100000`)
		l := x.grant(240, 300)
		x.says(x.notice("bill", l, 1), Entry{Outcome: "posted", Charge: 5, Media: 60, Payable: 60, DataFee: 5, Margin: -60})
		x.holds(5, 200+95)
		for _, other := range []string{"click", "view", "complete", "conversion"} {
			if other != event {
				x.says(x.notice(other, l, 1, `"order":"other"`), Entry{})
			}
		}
		x.says(x.notice(event, l, 1, extra), price)
		x.holds(5+price.Charge, 200+pool)
		x.says(x.notice(event, l, 1, extra), Entry{Outcome: "duplicate"})
		x.says(x.notice("loss", l, 1), Entry{Outcome: "duplicate"})
	}
	forty := Entry{Outcome: "posted", Charge: 40, PlatformFee: 4, Margin: 36}
	f("cpc", "click", `"test":false`, forty, 55)
	f("vcpm", "view", `"test":false`, forty, 55)
	f("cpcv", "complete", `"test":false`, forty, 55)
	f("cpa", "conversion", `"order":"A","value_nanos":399`, forty, 55)
	// A tenth of 399, rounded down; the pool has less than 3,990.
	f("cps", "conversion", `"order":"A","value_nanos":399`, Entry{Outcome: "posted", Charge: 39, PlatformFee: 3, Margin: 36}, 56)
	f("cps", "conversion", `"order":"A","value_nanos":3990`, Entry{Outcome: "posted", Charge: 399, PlatformFee: 39, Margin: 360}, 0)
}

func TestOlderLogsNameTheClickPrice(t *testing.T) {
	x := open(t, "cpc", `"event_price_nanos":0,"click_price_nanos":30`)
	l := x.grant(240, 300)
	x.notice("bill", l, 1)
	x.says(x.notice("click", l, 1), Entry{Outcome: "posted", Charge: 30, PlatformFee: 3, Margin: 27})
}

func TestFlatPerDay(t *testing.T) {
	x := open(t, "cpd", `"event_price_nanos":200`, `"daily_nanos":250`)
	a := x.grant(240, 300)
	x.holds(0, 200)
	b := x.grant(240, 300) // the price is held already
	x.holds(0, 200)
	x.says(x.notice("loss", b, 9), Entry{Outcome: "void"})
	x.holds(0, 200)
	// The data fee, and the day's price once, whichever lease brings the bill.
	x.says(x.notice("bill", b, 1), Entry{Outcome: "posted", Charge: 205, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 20, Margin: 120})
	x.holds(205, 0)
	x.says(x.notice("bill", a, 2), Entry{Outcome: "posted", Charge: 5, Media: 60, Payable: 60, DataFee: 5, Margin: -60})
	x.grant(240, 300) // charged: nothing to hold
	x.holds(210, 0)
	x.day(22)
	x.grantOn(22, 240, 300)
	x.has(map[string]int64{"line_item/1/charge/held": 200, "line_item/1/charge/today/held": 200, "line_item/1/charge/today/posted": 0})
}

func TestFlatMustFitWhole(t *testing.T) {
	x := open(t, "cpd", `"event_price_nanos":200`, `"daily_nanos":199`)
	l := x.grant(240, 300)
	x.holds(0, 0)
	x.says(x.notice("bill", l, 1), Entry{Outcome: "past_hard"})
}

func TestFlatIsFreedByItsLeasesClose(t *testing.T) {
	x := open(t, "cpd", `"event_price_nanos":200`, `"daily_nanos":250`)
	a, b := x.grant(80, 300), x.grant(80, 300)
	x.phase("close", b)
	x.holds(0, 200)
	x.phase("close", a)
	x.holds(0, 0)
	x.line("cpm", `"daily_nanos":250`)
	x.grant(80, 180)
	x.line("cpd", `"event_price_nanos":200`, `"daily_nanos":250`)
	// Late, nothing held: 70 of 205 fit, and the day's price is used up.
	x.says(x.notice("bill", a, 1), Entry{Outcome: "late", Charge: 70, Late: 135, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 7, Margin: 133})
	x.says(x.notice("bill", b, 2), Entry{Outcome: "late", Late: 5, Media: 60, Payable: 60, DataFee: 5, Margin: -60})
	x.holds(70, 180)
}

// What is held of a day's price for one flight must not charge another one over its budget.
func TestFlatOfAnotherFlight(t *testing.T) {
	x := open(t, "cpd", `"event_price_nanos":200`, `"flights":[{"start":1000,"budget_nanos":500},{"start":2000,"budget_nanos":30}]`)
	x.grant(80, 300, `"flight":1000`)
	b := x.grant(80, 300, `"flight":2000`)
	x.has(map[string]int64{"line_item/1/charge/flight/1000/held": 200, "line_item/1/charge/flight/2000/held": 0})
	x.says(x.notice("bill", b, 1), Entry{Outcome: "unbilled", Charge: 30, Unbilled: 175, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 3, Margin: 137})
	x.has(map[string]int64{"line_item/1/charge/flight/1000/held": 0, "line_item/1/charge/flight/2000/posted": 30, "line_item/1/charge/posted": 30})
}
