package campaigns

import (
	"slices"

	"bidhawk/internal/money"
)

// pricingFields are the fields, by name, that a pricing model needs, and those that
// it takes. A term that is in neither list must be absent.
type pricingFields struct {
	needs, takes []string
}

// pricingRules are the models and their fields. data_fee_micros, max_bid_micros,
// expected_ctr_ppm and media_cap are open to all.
func pricingRules() map[PricingModel]pricingFields {
	learns := []string{"learning_budget_nanos"}
	converts := []string{"learning_budget_nanos", "conversion_delay_hours"}
	return map[PricingModel]pricingFields{
		PricingCPM:  {needs: []string{"price_micros"}},
		PricingDCPM: {needs: []string{"markup_ppm"}},
		PricingVCPM: {needs: []string{"price_micros", "expected_view_rate_ppm"}, takes: learns},
		PricingCPCV: {needs: []string{"price_micros", "expected_completion_rate_ppm"}, takes: learns},
		PricingCPC:  {needs: []string{"price_micros", "expected_ctr_ppm"}, takes: learns},
		PricingCPA:  {needs: []string{"price_micros", "expected_ctr_ppm", "expected_cvr_ppm"}, takes: converts},
		PricingCPS:  {needs: []string{"sale_share_ppm", "expected_ctr_ppm", "expected_cvr_ppm", "expected_sale_nanos"}, takes: converts},
		PricingCPD:  {needs: []string{"price_micros"}},
	}
}

func (l *LineItem) validatePrice(c *checker) {
	c.text("pricing", string(l.Pricing), pricingRule)
	rule, known := pricingRules()[l.Pricing]
	for _, f := range []struct {
		name      string
		value, hi int64
	}{
		{"price_micros", int64(l.Price), int64(money.MaxCPM)},
		{"markup_ppm", int64(l.Markup), int64(MaxMarkup)},
		{"sale_share_ppm", int64(l.SaleShare), int64(MaxPPM)},
		{"expected_ctr_ppm", int64(l.ExpectedCTR), int64(MaxPPM)},
		{"expected_view_rate_ppm", int64(l.ExpectedViewRate), int64(MaxPPM)},
		{"expected_completion_rate_ppm", int64(l.ExpectedCompletionRate), int64(MaxPPM)},
		{"expected_cvr_ppm", int64(l.ExpectedCVR), int64(MaxPPM)},
		{"expected_sale_nanos", int64(l.ExpectedSale), int64(MaxBudget)},
		{"learning_budget_nanos", int64(l.LearningBudget), int64(MaxBudget)},
		{"conversion_delay_hours", int64(l.ConversionDelayHours), MaxDelay},
	} {
		needed := slices.Contains(rule.needs, f.name)
		switch {
		case needed:
			span(c, f.name, f.value, 1, f.hi)
		case !known || f.name == "expected_ctr_ppm" || slices.Contains(rule.takes, f.name):
			span(c, f.name, f.value, 0, f.hi)
		default:
			c.check(f.value == 0, f.name, f.value, "must not be given where the pricing is "+string(l.Pricing))
		}
	}
	span(c, "max_bid_micros", l.MaxBid, 1, money.MaxCPM)
	span(c, "data_fee_micros", l.DataFee, 0, money.MaxCPM)
	span(c, "media_cap.daily_nanos", l.MediaCap.Daily, 0, MaxBudget)
	span(c, "media_cap.lifetime_nanos", l.MediaCap.Lifetime, 0, MaxBudget)
}

// validateEvents: an active line item has a creative that can have the event which
// is charged, or it would never bid. Creatives that are missing are named elsewhere.
func (l *LineItem) validateEvents(c *checker, r *Refs) {
	event, known := l.Pricing.Charges(), 0
	for _, id := range l.CreativeIDs {
		v := r.Creatives[id]
		if v == nil {
			continue
		}
		if v.Reports(event) {
			return
		}
		known++
	}
	if known > 0 && l.Status == StatusActive {
		what := "a creative that is seen, not audio alone,"
		if event == ChargeAtComplete {
			what = "a video or audio creative, which is played to its end,"
		}
		c.fail("creative_ids", l.CreativeIDs, "must name "+what+" where the pricing is "+string(l.Pricing))
	}
}

// Reports says whether an ad of the creative's format can have the event at all.
func (v *Creative) Reports(event ChargeEvent) bool {
	switch event {
	case ChargeAtView:
		return v.Format != FormatAudio
	case ChargeAtComplete:
		return v.Format == FormatVideo || v.Format == FormatAudio
	}
	return true
}
