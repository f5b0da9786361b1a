package scoring

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

func TestValue(t *testing.T) {
	f := func(li campaigns.LineItem, fee money.PPM, e Expected, want Worth) {
		t.Helper()
		got, err := Value(&li, fee, e)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("%s: got %+v; want %+v", li.Pricing, got, want)
		}
	}
	cpm := campaigns.LineItem{Pricing: campaigns.PricingCPM, Price: 3_000_000, MaxBid: 10_000_000, DataFee: 500_000}
	f(cpm, 0, Expected{}, Worth{Bid: 3_000_000, Charge: 3_500_000})
	f(cpm, 100_000, Expected{}, Worth{Bid: 2_650_000, Charge: 3_500_000}) // 10% of 3.5 is the platform's
	cpm.MaxBid = 1_000_000
	f(cpm, 0, Expected{}, Worth{Bid: 1_000_000, Charge: 3_500_000})

	at := func(m campaigns.PricingModel, price money.CPM) campaigns.LineItem {
		return campaigns.LineItem{Pricing: m, Price: price, MaxBid: 10_000_000}
	}
	// 0.50 a click at 1%: 0.005 an impression, 5,000,000 nanos, a CPM of 5.
	f(at(campaigns.PricingCPC, 500_000), 0, Expected{CTR: 10_000}, Worth{Bid: 5_000_000, Charge: 5_000_000})
	f(at(campaigns.PricingCPC, 500_000), 0, Expected{}, Worth{})
	// 8 per 1,000 viewable impressions, half of them viewable: a CPM of 4.
	f(at(campaigns.PricingVCPM, 8_000_000), 0, Expected{View: 500_000}, Worth{Bid: 4_000_000, Charge: 4_000_000})
	// 0.01 a completed view, 60% of them completed: a CPM of 6.
	f(at(campaigns.PricingCPCV, 10_000), 0, Expected{Completion: 600_000}, Worth{Bid: 6_000_000, Charge: 6_000_000})
	// 20 a conversion, of 1% clicks and 2% of those: 0.004 an impression.
	f(at(campaigns.PricingCPA, 20_000_000), 250_000, Expected{CTR: 10_000, CVR: 20_000}, Worth{Bid: 3_000_000, Charge: 4_000_000})
	// 5% of sales of 80, at the same rates: 0.0008.
	cps := at(campaigns.PricingCPS, 0)
	cps.SaleShare = 50_000
	f(cps, 0, Expected{CTR: 10_000, CVR: 20_000, Sale: 80 * money.Unit}, Worth{Bid: 800_000, Charge: 800_000})
	// What media costs, a fifth on top, and the data fee.
	dcpm := at(campaigns.PricingDCPM, 0)
	dcpm.Markup, dcpm.DataFee = 200_000, 500_000
	f(dcpm, 100_000, Expected{}, Worth{Bid: 10_000_000, Charge: 12_500_000})
	// By the day: nominal.
	f(at(campaigns.PricingCPD, 100_000_000), 0, Expected{}, Worth{Bid: 10_000_000, Charge: 10_000_000})
}

func TestValueRefusesWhatDoesNotFit(t *testing.T) {
	f := func(li campaigns.LineItem, fee money.PPM, e Expected) {
		t.Helper()
		if w, err := Value(&li, fee, e); !errors.Is(err, money.ErrOverflow) || w != (Worth{}) {
			t.Errorf("%s: got %+v, %v; want ErrOverflow", li.Pricing, w, err)
		}
	}
	f(campaigns.LineItem{Pricing: campaigns.PricingCPM, Price: math.MaxInt64, DataFee: 1}, 0, Expected{})
	f(campaigns.LineItem{Pricing: campaigns.PricingCPA, Price: math.MaxInt64}, 0, Expected{CTR: 1, CVR: 1})
	f(campaigns.LineItem{Pricing: campaigns.PricingCPC, Price: -1}, 0, Expected{CTR: 1})
	f(campaigns.LineItem{Pricing: campaigns.PricingCPC, Price: 1}, 0, Expected{CTR: 1_000_001})
	f(campaigns.LineItem{Pricing: campaigns.PricingVCPM, Price: 1}, 0, Expected{View: -1})
	f(campaigns.LineItem{Pricing: campaigns.PricingCPM, Price: 1, DataFee: math.MaxInt64}, 0, Expected{})
	f(campaigns.LineItem{Pricing: campaigns.PricingCPM, Price: 1}, -1, Expected{})
	f(campaigns.LineItem{Pricing: campaigns.PricingCPS, PricingTerms: campaigns.PricingTerms{SaleShare: 1}}, 0, Expected{CTR: 1, CVR: 1, Sale: -1})
	dcpm := campaigns.LineItem{Pricing: campaigns.PricingDCPM, MaxBid: math.MaxInt64 / 2}
	dcpm.Markup = 2_000_000
	f(dcpm, 0, Expected{})
	dcpm.Markup, dcpm.MaxBid, dcpm.DataFee = 0, math.MaxInt64, 1
	f(dcpm, 0, Expected{})
	f(campaigns.LineItem{Pricing: campaigns.PricingCPD, MaxBid: math.MaxInt64, DataFee: 1}, 0, Expected{})
	if _, err := Value(&campaigns.LineItem{Pricing: "cpx"}, 0, Expected{}); err == nil {
		t.Fatal("an unknown pricing must be an error")
	}
}

func models() []campaigns.PricingModel {
	return []campaigns.PricingModel{
		campaigns.PricingCPM, campaigns.PricingDCPM, campaigns.PricingVCPM, campaigns.PricingCPCV,
		campaigns.PricingCPC, campaigns.PricingCPA, campaigns.PricingCPS, campaigns.PricingCPD,
	}
}

// drawn is a line item and rates within the bounds that campaigns allows.
func drawn(r *rapid.T) (li campaigns.LineItem, fee money.PPM, e Expected) {
	ppm := func(label string) money.PPM { return money.PPM(rapid.Int64Range(0, 1_000_000).Draw(r, label)) }
	cpm := func(label string) money.CPM {
		return money.CPM(rapid.Int64Range(0, int64(money.MaxCPM)).Draw(r, label))
	}
	li = campaigns.LineItem{Pricing: rapid.SampledFrom(models()).Draw(r, "pricing"), Price: cpm("price"), MaxBid: cpm("max"), DataFee: cpm("data fee")}
	li.Markup = money.PPM(rapid.Int64Range(0, int64(campaigns.MaxMarkup)).Draw(r, "markup"))
	li.SaleShare = ppm("share")
	sale := money.Nanos(rapid.Int64Range(0, int64(campaigns.MaxBudget)).Draw(r, "sale"))
	return li, ppm("fee"), Expected{CTR: ppm("ctr"), View: ppm("view"), Completion: ppm("completion"), CVR: ppm("cvr"), Sale: sale}
}

// ceilDiv is a/b rounded up, b > 0.
func ceilDiv(a, b *big.Int) *big.Int {
	q, m := new(big.Int).DivMod(a, b, new(big.Int))
	if m.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

func product(factors ...int64) *big.Int {
	n := big.NewInt(1)
	for _, f := range factors {
		n.Mul(n, big.NewInt(f))
	}
	return n
}

// reference computes the charge that a rule expects of an impression of media, and
// its bid, from the words of docs/pricing.md.
func reference(li *campaigns.LineItem, fee money.PPM, e Expected) (bid, charge *big.Int) {
	const m = 1_000_000
	million, unit := big.NewInt(m), int64(1_000) // nanos of a micro
	price, data, most := int64(li.Price), big.NewInt(int64(li.DataFee)), big.NewInt(int64(li.MaxBid))
	var earned *big.Int
	switch li.Pricing {
	case "dcpm":
		charge = new(big.Int).Add(most, ceilDiv(product(int64(li.MaxBid), int64(li.Markup)), million))
		return most, charge.Add(charge, data)
	case "cpd":
		return most, new(big.Int).Add(most, data)
	case "cpm":
		earned = big.NewInt(price)
	case "vcpm":
		earned = ceilDiv(product(price, int64(e.View)), million)
	case "cpcv":
		earned = ceilDiv(product(price, unit, int64(e.Completion)), million)
	case "cpc":
		earned = ceilDiv(product(price, unit, int64(e.CTR)), million)
	case "cpa":
		earned = ceilDiv(product(price, unit, int64(e.CTR), int64(e.CVR)), product(m, m))
	case "cps":
		earned = ceilDiv(product(int64(e.Sale), int64(e.CTR), int64(e.CVR), int64(li.SaleShare)), product(m, m, m))
	}
	charge = new(big.Int).Add(earned, data)
	kept := new(big.Int).Div(new(big.Int).Mul(charge, big.NewInt(int64(fee))), million)
	bid = new(big.Int).Sub(earned, kept)
	if bid.Sign() < 0 {
		bid = new(big.Int)
	}
	if bid.Cmp(most) > 0 {
		bid = most
	}
	return bid, charge
}

func TestValueAgreesWithBigIntegers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		li, fee, e := drawn(r)
		bid, charge := reference(&li, fee, e)
		got, err := Value(&li, fee, e)
		if !charge.IsInt64() {
			if !errors.Is(err, money.ErrOverflow) {
				r.Fatalf("%s: got %v; want ErrOverflow for %v", li.Pricing, err, charge)
			}
			return
		}
		if err != nil || int64(got.Bid) != bid.Int64() || int64(got.Charge) != charge.Int64() {
			r.Fatalf("%s: got %+v, %v; want a bid of %v and a charge of %v", li.Pricing, got, err, bid, charge)
		}
	})
}

// TestReserveCoversTheBill: whatever the clearing price, what a bill charges by
// docs/money.md is within what was reserved, but for CPD's day.
func TestReserveCoversTheBill(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		li, fee, e := drawn(r)
		w, err := Value(&li, fee, e)
		if err != nil {
			r.Skip()
		}
		media := rapid.Int64Range(0, int64(w.Bid)).Draw(r, "media")
		held, err := Reserve(&li, money.Nanos(media), w)
		if err != nil {
			r.Fatal(err)
		}
		cleared := rapid.Int64Range(0, media).Draw(r, "cleared")
		charged := big.NewInt(int64(li.DataFee))
		switch li.Pricing {
		case "cpm":
			charged.Add(charged, big.NewInt(int64(li.Price)))
		case "dcpm":
			charged.Add(charged, big.NewInt(cleared))
			charged.Add(charged, ceilDiv(product(cleared, int64(li.Markup)), big.NewInt(1_000_000)))
		}
		if charged.Cmp(big.NewInt(int64(held))) > 0 {
			r.Fatalf("%s: reserved %d for media of %d; cleared at %d it charges %v", li.Pricing, held, media, cleared, charged)
		}
	})
}
