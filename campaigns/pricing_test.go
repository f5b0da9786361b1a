package campaigns

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/internal/money"
)

// priced are valid line items of each pricing model.
func priced() map[PricingModel]func(*world) {
	return map[PricingModel]func(*world){
		PricingCPM:  func(w *world) {},
		PricingDCPM: func(w *world) { w.lineItem.Price, w.lineItem.Markup = 0, 200_000 },
		PricingVCPM: func(w *world) { w.lineItem.ExpectedViewRate = 500_000 },
		PricingCPCV: func(w *world) { w.video(); w.lineItem.ExpectedCompletionRate = 600_000 },
		PricingCPC:  func(w *world) { w.lineItem.ExpectedCTR = 2_000 },
		PricingCPA:  func(w *world) { w.lineItem.ExpectedCTR, w.lineItem.ExpectedCVR = 2_000, 30_000 },
		PricingCPS: func(w *world) {
			w.lineItem.Price, w.lineItem.SaleShare = 0, 50_000
			w.lineItem.ExpectedCTR, w.lineItem.ExpectedCVR, w.lineItem.ExpectedSale = 2_000, 30_000, 80*money.Unit
		},
		PricingCPD: func(w *world) {},
	}
}

func newPriced(m PricingModel) *world {
	w := newWorld()
	priced()[m](w)
	w.lineItem.Pricing = m
	return w
}

func TestEveryPricingModelIsValid(t *testing.T) {
	if got, want := len(priced()), len(pricingRules()); got != want {
		t.Fatalf("got %d models tested; want all %d", got, want)
	}
	for m := range priced() {
		w := newPriced(m)
		w.lineItem.MediaCap = Budget{Daily: money.Unit, Lifetime: 9 * money.Unit}
		w.lineItem.Normalize()
		if err := w.lineItem.Validate(&w.refs); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
}

// TestPricingFields: each model refuses to go without what it needs, and with what
// means nothing to it.
func TestPricingFields(t *testing.T) {
	set := map[string]func(*LineItem, int64){
		"price_micros":                 func(l *LineItem, v int64) { l.Price = money.CPM(v) },
		"markup_ppm":                   func(l *LineItem, v int64) { l.Markup = money.PPM(v) },
		"sale_share_ppm":               func(l *LineItem, v int64) { l.SaleShare = money.PPM(v) },
		"expected_ctr_ppm":             func(l *LineItem, v int64) { l.ExpectedCTR = money.PPM(v) },
		"expected_view_rate_ppm":       func(l *LineItem, v int64) { l.ExpectedViewRate = money.PPM(v) },
		"expected_completion_rate_ppm": func(l *LineItem, v int64) { l.ExpectedCompletionRate = money.PPM(v) },
		"expected_cvr_ppm":             func(l *LineItem, v int64) { l.ExpectedCVR = money.PPM(v) },
		"expected_sale_nanos":          func(l *LineItem, v int64) { l.ExpectedSale = money.Nanos(v) },
		"learning_budget_nanos":        func(l *LineItem, v int64) { l.LearningBudget = money.Nanos(v) },
		"conversion_delay_hours":       func(l *LineItem, v int64) { l.ConversionDelayHours = int(v) },
	}
	models := map[string]string{ // field -> models that need it, then those that take it
		"price_micros": "cpm vcpm cpcv cpc cpa cpd|", "markup_ppm": "dcpm|", "sale_share_ppm": "cps|",
		"expected_ctr_ppm": "cpc cpa cps|cpm dcpm vcpm cpcv cpd", "expected_view_rate_ppm": "vcpm|",
		"expected_completion_rate_ppm": "cpcv|", "expected_cvr_ppm": "cpa cps|", "expected_sale_nanos": "cps|",
		"learning_budget_nanos": "|vcpm cpcv cpc cpa cps", "conversion_delay_hours": "|cpa cps",
	}
	for m := range priced() {
		for field, put := range set {
			check := func(value int64, shown, rule string) {
				t.Helper()
				w := newPriced(m)
				put(w.lineItem, value)
				rejects(t, w.lineItem, &w.refs, "line_item."+field, shown, rule)
			}
			needs, takes := cut(models[field])
			switch {
			case contains(needs, string(m)):
				check(0, "0", "must be 1 to")
				check(-1, "-1", "must be 1 to")
				check(math.MaxInt64, "9223372036854775807", "must be 1 to")
			case contains(takes, string(m)):
				check(-1, "-1", "must be 0 to")
				check(math.MaxInt64, "9223372036854775807", "must be 0 to")
			default:
				check(1, "1", "must not be given where the pricing is "+string(m))
				check(-1, "-1", "must not be given where the pricing is "+string(m))
			}
		}
	}
}

func cut(models string) (needs, takes string) {
	for i := range models {
		if models[i] == '|' {
			return " " + models[:i] + " ", " " + models[i+1:] + " "
		}
	}
	return " " + models + " ", ""
}

func TestMediaCapIsAnAmount(t *testing.T) {
	w := newWorld()
	w.lineItem.MediaCap.Daily = -1
	rejects(t, w.lineItem, &w.refs, "line_item.media_cap.daily_nanos", "-1", "0 to")
	w = newWorld()
	w.lineItem.MediaCap.Lifetime = MaxBudget + 1
	rejects(t, w.lineItem, &w.refs, "line_item.media_cap.lifetime_nanos", "1000000000000000001", "0 to")
}

// TestCreativesMustHaveTheEvent: a line item that no creative could ever charge for
// is refused while it is active.
func TestCreativesMustHaveTheEvent(t *testing.T) {
	w := newPriced(PricingCPCV)
	w.native()
	rejects(t, w.lineItem, &w.refs, "line_item.creative_ids", "[4]", "video or audio")
	w = newPriced(PricingVCPM)
	w.audio()
	rejects(t, w.lineItem, &w.refs, "line_item.creative_ids", "[4]", "not audio alone")
	w.lineItem.Status = StatusPaused
	if err := w.lineItem.Validate(&w.refs); err != nil {
		t.Errorf("paused: %v", err)
	}
}

func TestEventPrice(t *testing.T) {
	f := func(m PricingModel, price money.CPM, want money.Nanos) {
		t.Helper()
		if got := (&LineItem{Pricing: m, Price: price}).EventPrice(); got != want {
			t.Errorf("%s at %v: got %d; want %d", m, price, got, want)
		}
	}
	f(PricingCPM, 3_000_000, 3_000_000) // 3 per mille is 0.003
	f(PricingVCPM, 3_000_000, 3_000_000)
	f(PricingCPC, 500_000, money.Unit/2)
	f(PricingCPCV, 20_000, money.Unit/50)
	f(PricingCPA, 12_000_000, 12*money.Unit)
	f(PricingCPD, 100_000_000, 100*money.Unit)
	f(PricingCPA, money.MaxCPM, 1_000_000*money.Unit)
	f(PricingDCPM, 0, 0)
	f(PricingCPS, 0, 0)
}

func TestShare(t *testing.T) {
	l := LineItem{Pricing: PricingDCPM, PricingTerms: PricingTerms{Markup: 7, SaleShare: 8}}
	for m, want := range map[PricingModel]money.PPM{PricingDCPM: 7, PricingCPS: 8, PricingCPA: 0} {
		if l.Pricing = m; l.Share() != want {
			t.Errorf("%s: got %d; want %d", m, l.Share(), want)
		}
	}
}

// TestPendingAgreesWithExp: to the part per million, rounded up.
func TestPendingAgreesWithExp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		mean := time.Duration(rapid.Int64Range(1, int64(MaxDelay*time.Hour)).Draw(r, "mean"))
		age := time.Duration(rapid.Int64Range(0, int64(MaxDelay*time.Hour)).Draw(r, "age"))
		want := 1e6 * math.Exp(-float64(age)/float64(mean))
		if got := float64(Pending(age, mean)); got < want-0.01 || got > want+1.01 {
			r.Fatalf("age %v of mean %v: got %v ppm; want %.3f rounded up", age, mean, got, want)
		}
	})
}

func TestPendingAtTheEdges(t *testing.T) {
	f := func(age, mean time.Duration, want money.PPM) {
		t.Helper()
		if got := Pending(age, mean); got != want {
			t.Errorf("age %v of mean %v: got %d; want %d", age, mean, got, want)
		}
	}
	f(0, time.Hour, MaxPPM)
	f(-time.Hour, time.Hour, MaxPPM)
	f(time.Hour, 0, 0)
	f(math.MaxInt64, 1, 0)
	f(math.MaxInt64, math.MaxInt64, 367_880) // 1/e
	f(1, math.MaxInt64, MaxPPM)
	f(time.Hour, -1, 0)
}

func TestLateShareIsOfTheEventThatCharges(t *testing.T) {
	f := func(m PricingModel, hours int, age time.Duration, want money.PPM) {
		t.Helper()
		l := LineItem{Pricing: m, PricingTerms: PricingTerms{ConversionDelayHours: hours}}
		if got := l.LateShare(age); got != want {
			t.Errorf("%s: got %d; want %d", m, got, want)
		}
	}
	f(PricingCPM, 0, 0, 0)
	f(PricingCPD, 0, 0, 0)
	f(PricingDCPM, 0, 0, 0)
	f(PricingCPA, 0, 24*time.Hour, 367_880)
	f(PricingCPS, 48, 24*time.Hour, 606_531)
	f(PricingCPC, 0, time.Minute, 135_336)
	f(PricingVCPM, 0, time.Minute, 2_479)
	f(PricingCPCV, 0, 45*time.Second, 367_880)
}

// TestPricingTermsStandBesideTheOtherFields: records and files name them flat.
func TestPricingTermsStandBesideTheOtherFields(t *testing.T) {
	var l LineItem
	if err := json.Unmarshal([]byte(`{"pricing":"cps","sale_share_ppm":5,"media_cap":{"daily_nanos":7}}`), &l); err != nil {
		t.Fatal(err)
	}
	if l.SaleShare != 5 || l.MediaCap.Daily != 7 {
		t.Fatalf("got %+v", l.PricingTerms)
	}
}
