package audit

import "testing"

// An event that comes before its bill waits for it, and is charged in its entry.
func TestEventBeforeItsBill(t *testing.T) {
	x := open(t, "cpc")
	l := x.grant(240, 300)
	x.says(x.notice("click", l, 1), Entry{})
	x.holds(0, 300) // 95 of it in the pool
	// The data fee of 5 and the click of 40; 60 + 5 + (0 + 4) - 24.
	x.says(x.notice("bill", l, 1), Entry{Outcome: "posted", Charge: 45, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 4, Margin: -24})
	x.holds(45, 200+55)
	x.phase("close", l)
	x.holds(45, 0)
}

func TestEventsOfABidThatIsNeverBilledChargeNothing(t *testing.T) {
	x := open(t, "cpa")
	l := x.grant(240, 300)
	x.notice("conversion", l, 1, `"order":"A"`)
	x.notice("conversion", l, 1, `"order":"B"`)
	x.says(x.notice("loss", l, 1), Entry{Outcome: "duplicate"})
	x.phase("hard", l)
	x.holds(0, 0)
	x.says(x.notice("conversion", l, 1, `"order":"A"`), Entry{Outcome: "duplicate"})
}

func TestSeveralConversionsWait(t *testing.T) {
	x := open(t, "cpa", `"daily_nanos":100`)
	l := x.grant(80, 100)
	for _, order := range []string{"A", "B", "C"} {
		x.says(x.notice("conversion", l, 1, `"order":"`+order+`"`), Entry{})
	}
	// Fee 5, then 120 of which the pool has 95; platform 0 + 9.
	x.says(x.notice("bill", l, 1), Entry{Outcome: "posted", Charge: 100, Unbilled: 25, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 9, Margin: 51})
	x.holds(100, 0)
}

// What was brought early is freed once, whatever becomes of the data fee.
func TestBroughtEarlyOnce(t *testing.T) {
	x := open(t, "cpc")
	l := x.grant(240, 300)
	x.notice("click", l, 1)
	x.line("cpc", `"data_fee_nanos":50`)
	x.says(x.notice("bill", l, 1), Entry{Outcome: "posted", Charge: 90, Media: 60, Payable: 60, DataFee: 50, PlatformFee: 9, Margin: -29})
	x.holds(90, 200+55)
}

func TestRuleChangedBetweenEventAndBill(t *testing.T) {
	x := open(t, "cpc")
	l := x.grant(240, 300)
	x.notice("click", l, 1)
	x.line("cpm")
	// 5 are left of its own; there is room for the rest. The click is not charged on top.
	x.says(x.notice("bill", l, 1), Entry{Outcome: "posted", Charge: 100, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 10, Margin: 25})
	x.line("cpc")
	x.notice("bill", l, 2)
	x.line("cpm")
	x.says(x.notice("click", l, 2), Entry{})
	x.line("vcpm")
	x.says(x.notice("view", l, 1), Entry{}) // billed as fixed
	x.says(x.notice("view", l, 2), Entry{Outcome: "posted", Charge: 40, PlatformFee: 4, Margin: 36})
}

func TestVoidBidBillsAllTheSame(t *testing.T) {
	x := open(t, "cpc", `"daily_nanos":300`)
	l := x.grant(240, 300)
	x.says(x.notice("loss", l, 1), Entry{Outcome: "void"})
	x.says(x.notice("loss", l, 1), Entry{Outcome: "duplicate"}) // lurl twice
	x.holds(0, 200)
	x.says(x.notice("click", l, 1), Entry{}) // it waits, and brings nothing
	x.holds(0, 200)
	x.says(x.notice("bill", l, 1), Entry{Outcome: "posted", Charge: 45, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 4, Margin: -24})
	x.holds(45, 200)
}

func TestEventsChargeWhatFits(t *testing.T) {
	x := open(t, "cpc", `"daily_nanos":100`, `"event_price_nanos":120`)
	l := x.grant(80, 100)
	x.notice("bill", l, 1)
	x.says(x.notice("click", l, 1), Entry{Outcome: "unbilled", Charge: 95, Unbilled: 25, PlatformFee: 9, Margin: 111})
	x.holds(100, 0)
}

func TestLateEvent(t *testing.T) {
	x := open(t, "vcpm")
	l := x.grant(80, 100)
	x.notice("bill", l, 1)
	x.phase("close", l)
	x.says(x.notice("view", l, 1), Entry{Outcome: "late", Charge: 40, PlatformFee: 4, Margin: 36})
	y := open(t, "vcpm")
	l = y.grant(240, 300)
	y.notice("bill", l, 1)
	y.phase("close", l, banner)
	y.says(y.notice("view", l, 1), Entry{Outcome: "late", Charge: 40, PlatformFee: 4, Margin: 36})
	y.says(y.notice("view", l, 2), Entry{}) // late: it brings nothing
	y.holds(45, 200+55)
}

// An order counts once per advertiser, for good: also after hard, and for
// whichever bid.
func TestOrdersCountOnce(t *testing.T) {
	x := open(t, "cpa")
	l := x.grant(240, 300)
	x.notice("bill", l, 1)
	x.notice("bill", l, 2)
	charged := Entry{Outcome: "posted", Charge: 40, PlatformFee: 4, Margin: 36}
	x.says(x.notice("conversion", l, 1, `"order":"A","test":true`), Entry{Outcome: "test"})
	x.says(x.notice("conversion", l, 1, `"order":"A"`), charged)
	x.says(x.notice("conversion", l, 2, `"order":"A"`), Entry{Outcome: "duplicate"})
	x.says(x.notice("conversion", l, 1, `"order":"B"`), charged)
	x.phase("hard", l)
	x.says(x.notice("conversion", l, 1, `"order":"B"`), Entry{Outcome: "duplicate"})
	x.says(x.notice("conversion", l, 9, `"order":"C"`), charged)
	x.says(x.notice("conversion", l, 9, `"order":"C"`), Entry{Outcome: "duplicate"})
	x.holds(10+120, 0)
}

func TestConversionPastHard(t *testing.T) {
	x := open(t, "cps", `"share_ppm":100000`, `"flights":[{"start":1000,"budget_nanos":300}]`)
	l := x.grant(240, 300, `"flight":1000`)
	x.phase("hard", l)
	x.day(22)
	x.line("cps", `"share_ppm":100000`, `"flights":[{"start":1000,"budget_nanos":70}]`)
	x.says(x.notice("conversion", l, 1, `"order":"A","value_nanos":500`), Entry{Outcome: "posted", Charge: 50, PlatformFee: 5, Margin: 45})
	// On the present day, and the flight of the last granted item: 20 are left.
	x.has(map[string]int64{"line_item/1/charge/today/posted": 50, "line_item/1/charge/flight/1000/posted": 50})
	x.says(x.notice("conversion", l, 1, `"order":"B","value_nanos":500`), Entry{Outcome: "unbilled", Charge: 20, Unbilled: 30, PlatformFee: 2, Margin: 48})
	x.says(x.notice("conversion", l, 1, `"order":"C","line_item":7`), Entry{Outcome: "past_hard"})
	x.says(x.notice("conversion", l, 1, `"order":"C","advertiser":7`), Entry{Outcome: "past_hard"})
	x.line("cpc")
	x.says(x.notice("conversion", l, 1, `"order":"D"`), Entry{Outcome: "past_hard"}) // and D is not remembered
	x.line("cpa")
	x.says(x.notice("conversion", l, 1, `"order":"D"`), Entry{Outcome: "unbilled", Unbilled: 40, Margin: 40}) // the flight is not named any more
	x.holds(70, 0)
}

func TestTestNoticesMoveNoMoney(t *testing.T) {
	test := `"test":true`
	x := open(t, "cpc")
	l := x.grant(240, 300)
	x.says(x.notice("bill", l, 1, test), Entry{Outcome: "test"})
	x.says(x.notice("bill", l, 1, test), Entry{Outcome: "duplicate"})
	x.holds(0, 200)
	x.says(x.notice("click", l, 1, test), Entry{Outcome: "test"})
	x.says(x.notice("click", l, 1, test), Entry{Outcome: "duplicate"})
	x.holds(0, 200)
	x.says(x.notice("click", l, 2, test), Entry{Outcome: "test"})
	x.holds(0, 100)
	x.has(map[string]int64{"line_item/1/media/held": 80})
}

func TestBadPrices(t *testing.T) {
	bad := `"price_bad":"unreplaced","price_micros":0`
	x := open(t, "cpm")
	l := x.grant(240, 300)
	x.says(x.notice("bill", l, 1, bad), Entry{Outcome: "bad_price"})
	x.says(x.notice("bill", l, 1, bad), Entry{Outcome: "duplicate"})
	x.holds(0, 300)
	x.says(x.notice("bill", l, 1), Entry{Outcome: "posted", Charge: 100, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 10, Margin: 25})
	x.says(x.notice("bill", l, 1, bad), Entry{Outcome: "duplicate"})
}

// A price of 0 comes first from a browser: the real one raises the media, once.
func TestRepeatedBills(t *testing.T) {
	x := open(t, "cpm")
	l := x.grant(240, 300)
	x.says(x.notice("bill", l, 1, `"price_micros":0`), Entry{Outcome: "posted", Charge: 100, DataFee: 5, PlatformFee: 10, Margin: 85})
	x.says(x.notice("bill", l, 1), Entry{Outcome: "adjusted", Media: 60, Payable: 60, Margin: -60})
	x.says(x.notice("bill", l, 1, `"price_micros":70`), Entry{Outcome: "duplicate"})
	x.has(map[string]int64{"payable/demo/USD": 60, "line_item/1/margin": 25, "line_item/1/media/posted": 60})
}

func TestClearingInAnotherCurrency(t *testing.T) {
	euro := `"price_currency":"EUR","fx_rate":1200000000`
	f := func(price string, want Entry) {
		t.Helper()
		x := open(t, "cpm")
		x.says(x.notice("bill", x.grant(240, 300), 1, euro, price), want)
		x.has(map[string]int64{"fx/USD": -want.Media, "fx/EUR": want.Payable, "payable/demo/EUR": want.Payable, "payable/demo/USD": 0})
	}
	f(`"price_micros":50`, Entry{Outcome: "posted", Charge: 100, Media: 60, Payable: 50, DataFee: 5, PlatformFee: 10, Margin: 25})
	f(`"price_micros":51`, Entry{Outcome: "posted", Charge: 100, Media: 62, Payable: 51, DataFee: 5, PlatformFee: 10, Margin: 23}) // 61.2 rounded up
	// 84 is above the 80 reserved: 80, of which 66.7 in euros.
	f(`"price_micros":70`, Entry{Outcome: "dispute", Charge: 100, Media: 80, Payable: 66, DataFee: 5, PlatformFee: 10, Margin: 5})
	// Overflow.
	f(`"price_micros":9000000000000000000`, Entry{Outcome: "dispute", Charge: 100, Media: 80, Payable: 66, DataFee: 5, PlatformFee: 10, Margin: 5})

	x := open(t, "cpm")
	l := x.grant(240, 300)
	x.notice("bill", l, 1, euro, `"price_micros":50`)
	x.says(x.notice("bill", l, 1, euro, `"price_micros":55`), Entry{Outcome: "adjusted", Media: 6, Payable: 5, Margin: -6})
	x.has(map[string]int64{"fx/USD": -66, "fx/EUR": 55, "payable/demo/EUR": 55})
}

func TestOneCurrencyMustBalance(t *testing.T) {
	x := open(t, "cpm")
	x.wrong("the exchange is owed", "%s", noticeOf("bill", x.grant(240, 300), 1, `"fx_rate":900000000`))
}

func TestWhoseLeaseItIs(t *testing.T) {
	x := open(t, "cpm")
	x.owned("budget", `"level":"line_item","campaign":1,"line_item":2,"pricing":"cpa"`)
	l := x.grant(240, 300)
	past := Entry{Outcome: "past_hard"}
	x.says(x.notice("bill", l+99, 1), past)
	x.says(x.notice("bill", l, 1, `"advertiser":2`), past)
	x.says(x.notice("bill", l, 1, `"line_item":2`), past)
	x.says(x.notice("bill", l, 1, `"line_item":3`), past)
	x.says(x.notice("conversion", l, 1, `"line_item":2,"order":"A"`), past)
	x.holds(0, 300)
}

func TestLateMediaIsOwedInFull(t *testing.T) {
	x := open(t, "cpm", `"media_daily_nanos":100`)
	a := x.grant(80, 100)
	x.phase("close", a)
	b := x.grant(80, 100)
	x.notice("bill", a, 1)
	x.notice("bill", b, 2, `"price_micros":80`)
	x.has(map[string]int64{"line_item/1/media/posted": 140, "line_item/1/media/held": 0, "line_item/1/charge/posted": 200})
}

func TestAgencies(t *testing.T) {
	x := open(t, "cpm")
	l := x.grant(240, 300)
	x.notice("bill", l, 1)
	x.advertiser(`"agency":9`)
	x.notice("bill", l, 2)
	x.advertiser(`"agency":8`)
	x.notice("bill", l, 3)
	x.has(map[string]int64{"agency/9/charge/posted": 100, "agency/8/charge/posted": 100, "agency/0/charge/posted": 0})
}
