package audit

import (
	"strings"
	"testing"
)

// everyField is a notice with every field that bidders write.
const everyField = `{"v":1,"type":"bill","at":"2026-11-21T20:01:48.879Z","advertiser":3,"campaign":4,"line_item":9,"creative":11,"lease":812,` +
	`"bid":"0000000000000007000000000000000b","exchange":"demo","format":"banner","deal":"","site":"news.example","app":false,"reserved_media_nanos":2500000,` +
	`"reserved_charge_nanos":3000000,"price_micros":2100000,"price_currency":"USD","price_bad":"audit","fx_rate":1000000000,"day":"2026-11-21","test":true,` +
	`"reason":102,"min_to_win_micros":7,"order":"A-17","value_nanos":12}`

func TestScanReadsWhatBiddersWrite(t *testing.T) {
	in := newInterned()
	for _, typ := range []string{"win", "loss", "bill", "click", "view", "complete", "conversion"} {
		value := []byte(strings.Replace(everyField, `"bill"`, `"`+typ+`"`, 1))
		var fast, slow record
		if !fast.scan(value, in) {
			t.Fatalf("%s was not read", value)
		}
		if err := slow.readJSON(value); err != nil || !fast.same(&slow) {
			t.Errorf("got %+v; want %+v, %v", fast, slow, err)
		}
	}
}

func TestScanLeavesTheRestToJSON(t *testing.T) {
	f := func(old, new string) {
		t.Helper()
		value := strings.Replace(everyField, old, new, 1)
		if value == everyField {
			t.Fatalf("%s is not there", old)
		}
		var r record
		if r.scan([]byte(value), newInterned()) {
			t.Errorf("%s was read", value)
		}
	}
	f(`"v":1`, `"v":2`)
	f(`"bill"`, `"grant"`)
	f(`"news.example"`, `"n\u0065ws"`)
	f(`"news.example"`, `"né"`)
	f(`"news.example"`, "\"\x7f\"")
	f(`"lease":812`, `"lease":0812`)
	f(`"lease":812`, `"lease":8.12`)
	f(`"lease":812`, `"lease":8e2`)
	f(`"lease":812`, `"lease": 812`)
	f(`"lease":812`, `"lease":null`)
	f(`"lease":812`, `"lease":-`)
	f(`"lease":812`, `"lease":9999999999999999999`)
	f(`"lease":812`, `"Lease":812`)
	f(`"lease":812`, `"other":[]`)
	f(`000b"`, `000"`)
	f(`000b"`, `000x"`)
	f(`"test":true`, `"test":1`)
	f(`"value_nanos":12}`, `"value_nanos":12`)
	f(`"value_nanos":12}`, `"value_nanos":12,}`)
	f(`"value_nanos":12}`, `"value_nanos":12} `)
}

// same says whether two records have the same fields of a notice.
func (r *record) same(o *record) bool {
	a, b := *r, *o
	a.slow, b.slow = slow{}, slow{}
	return notices(a) == notices(b)
}

type noticeFields struct {
	typ, exchange, format, currency, bad, order                  string
	bid                                                          bidKey
	advertiser, campaign, line, lease, media, charge, price, fxx int64
	value                                                        int64
	test                                                         bool
	v                                                            int
}

func notices(r record) noticeFields {
	return noticeFields{r.Type, r.Exchange, r.Format, r.Currency, r.PriceBad, r.Order, r.Bid,
		r.Advertiser, r.Campaign, r.LineItem, r.Lease, r.ReservedMedia, r.ReservedCharge, r.Price, r.Rate, r.Value, r.Test, r.V}
}

// What the scanner reads, encoding/json reads too, and reads the same.
func FuzzScan(f *testing.F) {
	f.Add([]byte(everyField))
	f.Add([]byte(strings.Replace(everyField, "812", "-0", 1)))
	f.Add([]byte(strings.Replace(everyField, `"lease":812`, `"lease":1,"lease":2`, 1)))
	f.Add([]byte(`{"v":1,"type":"win"}`))
	f.Add([]byte(`{"v":1,"type":"view","test":true,"bid":"0000000000000007000000000000000B"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		var fast, slow record
		if !fast.scan(value, newInterned()) {
			return
		}
		if err := slow.readJSON(value); err != nil {
			t.Fatalf("%q was read; encoding/json: %v", value, err)
		}
		if !fast.same(&slow) {
			t.Fatalf("%q: got %+v; want %+v", value, notices(fast), notices(slow))
		}
	})
}

// No record, however wrong, may panic.
func FuzzApply(f *testing.F) {
	f.Add([]byte(everyField))
	f.Add([]byte(noticeOf("bill", 5, 1)))
	f.Add([]byte(noticeOf("conversion", 7, 1, `"order":"A"`)))
	f.Add([]byte(`{"v":1,"type":"adjust","advertiser":1,"line_item":1,"id":"1","charge_nanos":5}`))
	f.Add([]byte(`{"v":1,"type":"payment","advertiser":1,"id":"1","amount_nanos":-5}`))
	f.Add([]byte(`{"v":1,"type":"closing","advertiser":1,"day":"2026-11-20"}`))
	f.Add([]byte(`{"v":1,"type":"grant","advertiser":1,"day":"2026-11-21","nonce":9,"items":[{"line_item":1,"media_nanos":1,"charge_nanos":1}]}`))
	f.Add([]byte(`{"v":1,"type":"unwon","advertiser":1,"lease":5}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		x := newTape(t, 1000)
		for range 2 {
			if _, err := x.p.Apply(x.n, value); err != nil {
				return
			}
			x.n++
		}
		if res := x.p.Compare(nil); res.Over.Sign() != 0 {
			t.Errorf("charged over budget: %v", res.Over)
		}
	})
}
