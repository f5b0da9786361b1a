package audit

import (
	"fmt"
	"strings"
	"testing"

	"bidhawk/internal/money"
)

// tape is a money log as text: records as docs/money.md and docs/topics.md show them.
type tape struct {
	t     *testing.T
	p     *Partition
	n     int64
	epoch int64
	nonce int
}

func (x *tape) add(format string, args ...any) (Entry, error) {
	x.t.Helper()
	e, err := x.p.Apply(x.n, []byte(fmt.Sprintf(format, args...)))
	x.n++
	return e, err
}

func (x *tape) must(format string, args ...any) Entry {
	x.t.Helper()
	e, err := x.add(format, args...)
	if err != nil {
		x.t.Fatal(err)
	}
	return e
}

func (x *tape) wrong(rule, format string, args ...any) {
	x.t.Helper()
	if _, err := x.add(format, args...); err == nil || !strings.Contains(err.Error(), rule) {
		x.t.Errorf("got %v; want an error about %q", err, rule)
	}
}

// more appends fields to an object.
func more(object string, fields []string) string {
	if len(fields) == 0 {
		return object
	}
	return object[:len(object)-1] + "," + strings.Join(fields, ",") + "}"
}

func (x *tape) owned(typ string, fields ...string) Entry {
	x.t.Helper()
	return x.must("%s", more(fmt.Sprintf(`{"v":1,"type":"%s","epoch":%d,"advertiser":1}`, typ, x.epoch), fields))
}

func (x *tape) advertiser(fields ...string) {
	x.t.Helper()
	x.owned("budget", append([]string{`"level":"advertiser","currency":"USD","platform_fee_ppm":100000`}, fields...)...)
}

func (x *tape) campaign(fields ...string) {
	x.t.Helper()
	x.owned("budget", append([]string{`"level":"campaign","campaign":1`}, fields...)...)
}

// line is line item 1, with a data fee of 5 and a price of 40.
func (x *tape) line(pricing string, fields ...string) {
	x.t.Helper()
	x.owned("budget", append([]string{`"level":"line_item","campaign":1,"line_item":1,"data_fee_nanos":5,"event_price_nanos":40`, `"pricing":"` + pricing + `"`}, fields...)...)
}

func (x *tape) day(day int) {
	x.t.Helper()
	x.owned("day", fmt.Sprintf(`"day":"2026-11-%02d"`, day))
}

// grant leases media and charge of line item 1 and answers the lease.
func (x *tape) grant(media, charge int, fields ...string) int64 {
	x.t.Helper()
	return x.grantOn(21, media, charge, fields...)
}

func (x *tape) grantOn(day, media, charge int, fields ...string) int64 {
	x.t.Helper()
	x.nonce++
	item := more(fmt.Sprintf(`{"line_item":1,"media_nanos":%d,"charge_nanos":%d}`, media, charge), fields)
	x.owned("grant", fmt.Sprintf(`"nonce":%d,"day":"2026-11-%02d","items":[%s]`, x.nonce, day, item))
	return x.n - 1
}

func (x *tape) phase(typ string, lease int64, fields ...string) {
	x.t.Helper()
	x.owned(typ, append([]string{fmt.Sprintf(`"lease":%d`, lease)}, fields...)...)
}

// noticeOf is a notice of line item 1 that reserved 80 of media and 100 of
// charge, in class demo/banner, of a price of 60. A field given again holds.
func noticeOf(typ string, lease int64, bid int, fields ...string) string {
	return more(fmt.Sprintf(`{"v":1,"type":"%s","advertiser":1,"campaign":1,"line_item":1,"lease":%d,"bid":"%032x","exchange":"demo","format":"banner",`+
		`"reserved_media_nanos":80,"reserved_charge_nanos":100,"price_micros":60,"price_currency":"USD","fx_rate":1000000000,"day":"2026-11-21"}`, typ, lease, bid), fields)
}

func (x *tape) notice(typ string, lease int64, bid int, fields ...string) Entry {
	x.t.Helper()
	return x.must("%s", noticeOf(typ, lease, bid, fields...))
}

// says holds a decision against what it should be.
func (x *tape) says(got, want Entry) {
	x.t.Helper()
	if got != want {
		x.t.Errorf("got %+v; want %+v", got, want)
	}
}

// has holds balances against what they should be; the recount must agree.
func (x *tape) has(want map[string]int64) {
	x.t.Helper()
	res := newResult()
	x.p.finish(res)
	for _, v := range res.Violations {
		x.t.Error(v)
	}
	if res.Over.Sign() != 0 {
		x.t.Errorf("charged over budget: %v", res.Over)
	}
	for name, n := range want {
		if got := res.Totals[name]; got != money.WideOf(money.Nanos(n)) {
			x.t.Errorf("%s: got %v; want %d", name, got, n)
		}
	}
}

// holds is what line item 1 is charged for good: posted and held.
func (x *tape) holds(posted, held int64) {
	x.t.Helper()
	x.has(map[string]int64{
		"line_item/1/charge/posted": posted, "line_item/1/charge/held": held,
		"campaign/1/charge/posted": posted, "campaign/1/charge/held": held,
		"advertiser/1/charge/posted": posted, "advertiser/1/charge/held": held,
	})
}

// open is an account without limits whose line item has a pricing rule, on
// 21 November.
func open(t *testing.T, pricing string, line ...string) *tape {
	t.Helper()
	x := &tape{t: t, p: NewPartition(0)}
	x.must(`{"v":1,"type":"claim","owner":"x"}`)
	x.advertiser()
	x.campaign()
	x.line(pricing, line...)
	x.day(21)
	return x
}
