package audit

import (
	"fmt"
	"testing"
)

func (x *tape) pay(id string, amount int) Entry {
	x.t.Helper()
	return x.must(`{"v":1,"type":"payment","advertiser":1,"id":"%s","amount_nanos":%d,"reference":"r","by":"b"}`, id, amount)
}

func TestFundedAdvertiser(t *testing.T) {
	refused := Entry{Outcome: "refused"}
	x := open(t, "cpm")
	x.advertiser(`"funded":true`)
	x.grant(240, 300)
	x.holds(0, 0) // nothing is paid: there is no money, not no limit
	x.says(x.pay("a", 200), Entry{Outcome: "posted", Payment: 200})
	x.says(x.pay("a", 200), Entry{Outcome: "duplicate"})
	x.advertiser(`"funded":true,"credit_nanos":50`)
	l := x.grant(240, 300)
	x.holds(0, 250)
	x.says(x.pay("b", -1), refused)
	x.notice("loss", l, 1)
	x.says(x.pay("b", -1), Entry{Outcome: "duplicate"}) // it was there before, refused as it was
	x.says(x.pay("c", -101), refused)
	x.says(x.pay("d", -100), Entry{Outcome: "posted", Payment: -100})
	x.has(map[string]int64{"advertiser/1/paid": 100, "advertiser/1/charge/held": 150})
	x.grant(240, 300)
	x.holds(0, 150)
	x.advertiser(`"funded":true,"credit_nanos":0`) // cut: what is committed may fall, not grow
	x.says(x.pay("e", 20), Entry{Outcome: "posted", Payment: 20})
	x.grant(240, 300)
	x.holds(0, 150)
	x.notice("bill", l, 2)
	x.holds(100, 50)
	x.advertiser(`"funded":true,"credit_nanos":1000,"lifetime_nanos":160`)
	x.grant(240, 300)
	x.holds(100, 60) // the lifetime budget is the lesser
	x.says(x.pay("f", 9_000_000_000_000_000_000), Entry{Outcome: "posted", Payment: 9_000_000_000_000_000_000})
	x.says(x.pay("g", 9_000_000_000_000_000_000), refused)
}

func TestPaymentsOfOthers(t *testing.T) {
	x := open(t, "cpm")
	x.says(x.pay("a", 70), Entry{Outcome: "posted", Payment: 70})
	x.grant(240, 300)
	x.holds(0, 300) // not funded: no limit
	x.says(x.pay("b", -71), Entry{Outcome: "refused"})
	x.says(x.pay("c", -70), Entry{Outcome: "posted", Payment: -70})
	x.has(map[string]int64{"advertiser/1/paid": 0})
	for range 2 { // of nobody that is known: the id is not remembered
		x.says(x.must(`{"v":1,"type":"payment","advertiser":7,"id":"a","amount_nanos":5}`), Entry{Outcome: "refused"})
	}
	x.wrong("of nothing", `{"v":1,"type":"payment","advertiser":1,"id":"z"}`)
	x.wrong("without an id", `{"v":1,"type":"payment","advertiser":1,"amount_nanos":5}`)
}

func (x *tape) adjust(id int, fields ...string) Entry {
	x.t.Helper()
	return x.must("%s", more(fmt.Sprintf(`{"v":1,"type":"adjust","advertiser":1,"line_item":1,"id":"%d","exchange":"demo","payable_currency":"USD","cause":"c","reason":"r","by":"b"}`, id), fields))
}

func TestAdjust(t *testing.T) {
	refused := Entry{Outcome: "refused"}
	x := open(t, "cpm", `"daily_nanos":300`)
	x.advertiser(`"agency":9`)
	l := x.grant(80, 100)
	x.notice("bill", l, 1)
	x.says(x.adjust(1, `"charge_nanos":-40,"media_nanos":-10,"payable_nanos":-10,"platform_fee_nanos":-4`),
		Entry{Outcome: "adjusted", Charge: -40, Media: -10, Payable: -10, PlatformFee: -4, Margin: -26})
	x.says(x.adjust(1, `"charge_nanos":-40`), Entry{Outcome: "duplicate"})
	after := map[string]int64{
		"line_item/1/charge/posted": 60, "line_item/1/charge/today/posted": 100, "advertiser/1/charge/posted": 60, "advertiser/1/charge/today/posted": 100,
		"line_item/1/media/posted": 50, "line_item/1/media/today/posted": 60, "payable/demo/USD": 50, "agency/9/charge/posted": 60,
		"line_item/1/platform_fee": 6, "line_item/1/margin": -1, "line_item/1/data_fee": 5,
	}
	x.has(after)
	x.says(x.adjust(2, `"charge_nanos":-61`), refused)
	x.says(x.adjust(3, `"media_nanos":-51,"payable_nanos":-51`), refused)
	x.says(x.adjust(4, `"charge_nanos":201`), refused) // 200 are left of the day
	x.says(x.adjust(5, `"charge_nanos":10`, `"line_item":7`), refused)
	x.says(x.adjust(6, `"charge_nanos":10`, `"advertiser":7`), refused)
	x.says(x.adjust(7, `"media_nanos":10,"payable_nanos":9`), refused) // debit would not be credit in USD
	x.has(after)
	x.says(x.adjust(8, `"charge_nanos":200,"house_unbilled_nanos":-5,"house_late_nanos":-1,"data_fee_nanos":3`),
		Entry{Outcome: "adjusted", Charge: 200, Unbilled: -5, Late: -1, DataFee: 3, Margin: 191})
	x.has(map[string]int64{"line_item/1/charge/posted": 260, "line_item/1/charge/today/posted": 300, "line_item/1/house_unbilled": -5, "line_item/1/house_late": -1})
	x.says(x.adjust(9, `"media_nanos":12,"payable_nanos":10,"payable_currency":"EUR"`), Entry{Outcome: "adjusted", Media: 12, Payable: 10, Margin: -12})
	x.has(map[string]int64{"fx/USD": -12, "fx/EUR": 10, "payable/demo/EUR": 10, "line_item/1/media/today/posted": 72})
}

func TestAdjustPostsOnTheLastFlights(t *testing.T) {
	x := open(t, "cpm", `"flights":[{"start":1000,"budget_nanos":150}]`)
	x.grant(80, 100, `"flight":1000`)
	x.day(22)
	x.says(x.adjust(1, `"charge_nanos":51`), Entry{Outcome: "refused"})
	x.says(x.adjust(2, `"charge_nanos":50`), Entry{Outcome: "adjusted", Charge: 50, Margin: 50})
	x.has(map[string]int64{"line_item/1/charge/flight/1000/posted": 50, "line_item/1/charge/today/posted": 50})
	x.says(x.adjust(3, `"charge_nanos":-50`), Entry{Outcome: "adjusted", Charge: -50, Margin: -50})
	x.has(map[string]int64{"line_item/1/charge/flight/1000/posted": 50, "line_item/1/charge/posted": 0})
}

func TestClosing(t *testing.T) {
	x := open(t, "cpc", `"late_share_ppm":1000000`)
	l := x.grant(240, 300)
	x.notice("bill", l, 1)
	x.notice("click", l, 1)
	const head = `{"v":1,"type":"closing","epoch":0,"advertiser":1,"day":"2026-11-21","accounts":[`
	const right = head + `{"level":"advertiser","id":1,"charge_nanos":45},{"level":"campaign","id":1,"charge_nanos":45},{"level":"line_item","id":1,"charge_nanos":45,"media_nanos":60}]}`
	x.wrong("the present day is", right)
	x.day(22)
	x.wrong("leases that are not past hard", right)
	x.phase("close", l)
	x.wrong("leases that are not past hard", right)
	x.phase("hard", l)
	x.wrong("the log says", head+`]}`)
	x.wrong("the log says", head+`{"level":"campaign","id":1,"charge_nanos":45},{"level":"advertiser","id":1,"charge_nanos":45},{"level":"line_item","id":1,"charge_nanos":45,"media_nanos":60}]}`)
	x.wrong("the log says", head+`{"level":"advertiser","id":1,"charge_nanos":45},{"level":"campaign","id":1,"charge_nanos":45},{"level":"line_item","id":1,"charge_nanos":45,"media_nanos":61}]}`)
	x.wrong("before its budget", `{"v":1,"type":"closing","epoch":0,"advertiser":7,"day":"2026-11-21"}`)
	x.must(right)
	line := x.p.book.lines[1]
	if len(line.charge.days)+len(line.media.days)+len(line.places) != 0 {
		t.Errorf("still there: %v %v %v", line.charge.days, line.media.days, line.places)
	}
	x.holds(45, 0)
	x.must(head + `]}`) // again: nothing is left of it
	x.must(`{"v":1,"type":"closing","epoch":7,"advertiser":1,"day":"2026-11-21","accounts":[{"level":"advertiser","id":1,"charge_nanos":1}]}`)
}

func TestDayOfAnUnknownAdvertiser(t *testing.T) {
	x := open(t, "cpm")
	x.wrong("before its budget", `{"v":1,"type":"day","epoch":0,"advertiser":7,"day":"2026-11-21"}`)
}
