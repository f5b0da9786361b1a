package audit

import (
	"fmt"
	"strings"
	"testing"

	"bidhawk/internal/money"
)

// newTape opens an account with a daily budget and leases 300 of it at offset 5.
func newTape(t *testing.T, daily int) *tape {
	x := &tape{t: t, p: NewPartition(0)}
	x.must(`{"v":1,"type":"claim","owner":"x"}`)
	x.must(`{"v":1,"type":"budget","epoch":0,"advertiser":1,"level":"advertiser","daily_nanos":%d,"currency":"USD","platform_fee_ppm":100000}`, daily)
	x.must(`{"v":1,"type":"budget","epoch":0,"advertiser":1,"level":"campaign","campaign":1}`)
	x.must(`{"v":1,"type":"budget","epoch":0,"advertiser":1,"level":"line_item","campaign":1,"line_item":1,"pricing":"cpm","data_fee_nanos":5}`)
	x.must(`{"v":1,"type":"day","epoch":0,"advertiser":1,"day":"2026-11-21"}`)
	x.must(`{"v":1,"type":"grant","epoch":0,"nonce":1,"advertiser":1,"day":"2026-11-21","window_ms":1,"items":[{"line_item":1,"media_nanos":240,"charge_nanos":300}]}`)
	return x
}

const billOf = `{"v":1,"type":"bill","advertiser":1,"line_item":1,"lease":5,"bid":"%032x","exchange":"demo","reserved_media_nanos":80,"reserved_charge_nanos":100,"price_micros":60,"price_currency":"USD","fx_rate":1000000000,"day":"2026-11-21"}`

func TestAuditorAgreesWithHandMadeSums(t *testing.T) {
	x := newTape(t, 1000)
	e := x.must(billOf, 1)
	if want := (Entry{Outcome: "posted", Charge: 100, Media: 60, Payable: 60, DataFee: 5, PlatformFee: 10, Margin: 25}); e != want {
		t.Errorf("got %+v; want %+v", e, want)
	}
	x.must(billOf, 2)
	balances := map[string]money.Wide{}
	for name, n := range map[string]money.Nanos{
		"payable/demo/USD": 120, "line_item/1/data_fee": 10, "line_item/1/platform_fee": 20, "line_item/1/margin": 50,
		"line_item/1/media/posted": 120, "line_item/1/media/held": 80, "line_item/1/media/today/posted": 120, "line_item/1/media/today/held": 80,
	} {
		balances[name] = money.WideOf(n)
	}
	for _, s := range []string{"advertiser/1", "campaign/1", "line_item/1"} {
		for _, h := range []string{"", "/today"} {
			balances[s+"/charge"+h+"/posted"] = money.WideOf(200)
			balances[s+"/charge"+h+"/held"] = money.WideOf(100)
		}
	}
	res := x.p.Compare(balances)
	var text strings.Builder
	if _, err := res.WriteTo(&text); err != nil || !res.Clean() || res.Bills != 2 || !strings.Contains(text.String(), "agrees to the nano") {
		t.Errorf("%v\n%s", res.Violations, text.String())
	}
	// One nano more or less is found.
	for name := range balances {
		for _, off := range []money.Nanos{1, -1} {
			was := balances[name]
			balances[name] = was.Add(off)
			if res := x.p.Compare(balances); len(res.Violations) != 1 || !strings.Contains(res.Violations[0].What, name) {
				t.Errorf("%s off by %d: %v", name, off, res.Violations)
			}
			balances[name] = was
		}
	}
	balances["line_item/9/charge/posted"] = money.WideOf(1)
	if res := x.p.Compare(balances); res.Clean() {
		t.Error("an account that the log does not know was accepted")
	}
}

func TestAuditorFindsBreaches(t *testing.T) {
	t.Run("a lease used beyond its grant", func(t *testing.T) {
		x := newTape(t, 1000)
		for bid := 1; bid <= 3; bid++ {
			x.must(billOf, bid)
		}
		if _, err := x.add(billOf, 4); err == nil || !strings.Contains(err.Error(), "beyond its grant") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a bid billed under two leases", func(t *testing.T) {
		x := newTape(t, 1000)
		x.must(billOf, 1)
		x.must(`{"v":1,"type":"grant","epoch":0,"nonce":2,"advertiser":1,"day":"2026-11-21","window_ms":1,"items":[{"line_item":1,"media_nanos":240,"charge_nanos":300}]}`)
		if _, err := x.add(strings.Replace(billOf, `"lease":5`, fmt.Sprintf(`"lease":%d`, x.n-1), 1), 1); err == nil || !strings.Contains(err.Error(), "billed twice") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a bid billed again after its lease is past hard", func(t *testing.T) {
		f := func(bids int, found bool) {
			t.Helper()
			x := newTape(t, 1000)
			x.p.RememberBills(bids)
			x.must(billOf, 1)
			x.must(billOf, 2)
			x.must(`{"v":1,"type":"hard","epoch":0,"advertiser":1,"lease":5}`)
			x.must(`{"v":1,"type":"grant","epoch":0,"nonce":2,"advertiser":1,"day":"2026-11-21","window_ms":1,"items":[{"line_item":1,"media_nanos":240,"charge_nanos":300}]}`)
			if _, err := x.add(strings.Replace(billOf, `"lease":5`, fmt.Sprintf(`"lease":%d`, x.n-1), 1), 2); (err != nil) != found {
				t.Errorf("%d bids are remembered: got %v", bids, err)
			}
		}
		f(2, true)
		f(1, false)
		f(0, false)
	})
	t.Run("unreadable", func(t *testing.T) {
		x := newTape(t, 1000)
		for _, bad := range []string{`{"v":2,"type":"bill"}`, `{"v":1,"type":"gift"}`, `{`, `{"v":1,"type":"bill","bid":"12"}`, `{"v":1,"type":"day","day":"today"}`} {
			if _, err := x.add("%s", bad); err == nil {
				t.Errorf("%s was read", bad)
			}
		}
	})
	t.Run("over the limit", func(t *testing.T) {
		h := horizon{bound: 100, posted: 60, held: 41}
		if h.check() == nil {
			t.Error("101 of 100 was accepted")
		}
		h.cut(50) // 101 was committed when the limit was cut: it may fall, not grow
		if err := h.check(); err != nil {
			t.Error(err)
		}
		if h.held = 20; h.check() != nil {
			t.Error("falling is fine")
		}
		if h.held = 21; h.check() == nil {
			t.Error("it grew again")
		}
	})
}
