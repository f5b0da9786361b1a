package campaigns

import (
	"testing"

	"bidhawk/internal/money"
)

func TestConversionDefinitionRules(t *testing.T) {
	valid := func() (*ConversionDefinition, *Refs) {
		w := newWorld()
		d := &ConversionDefinition{Meta: Meta{ID: 6}, AdvertiserID: 2, Name: "Purchases", Type: "purchase"}
		d.Normalize()
		return d, &w.refs
	}
	d, refs := valid()
	if err := d.Validate(refs); err != nil {
		t.Fatal(err)
	}
	if d.Model != ModelLast || d.Value != ValueReported || d.Count != CountEvery || d.Status != StatusActive {
		t.Errorf("defaults: got %+v", d)
	}
	f := func(field, value, rule string, edit func(*ConversionDefinition, *Refs)) {
		t.Helper()
		d, refs := valid()
		edit(d, refs)
		rejects(t, d, refs, "conversion_definition."+field, value, rule)
	}
	f("type", "", "a-z", func(d *ConversionDefinition, _ *Refs) { d.Type = "" })
	f("type", "a b", "a-z", func(d *ConversionDefinition, _ *Refs) { d.Type = "a b" })
	f("advertiser_id", "2", "existing advertiser", func(_ *ConversionDefinition, r *Refs) { r.Advertiser = nil })
	f("click_window_hours", "721", "advertiser's", func(d *ConversionDefinition, _ *Refs) { d.ClickWindowHours = 721 })
	f("view_window_hours", "25", "advertiser's", func(d *ConversionDefinition, _ *Refs) { d.ViewWindowHours = 25 })
	f("view_window_hours", "3", "absent", func(d *ConversionDefinition, _ *Refs) { d.ViewWindowHours, d.IgnoreViews = 3, true })
	f("model", "guess", "last, first", func(d *ConversionDefinition, _ *Refs) { d.Model = "guess" })
	f("half_life_hours", "5", "time_decay", func(d *ConversionDefinition, _ *Refs) { d.HalfLifeHours = 5 })
	f("half_life_hours", "0", "1 to 2160", func(d *ConversionDefinition, _ *Refs) { d.Model = ModelTimeDecay })
	f("value", "much", "reported", func(d *ConversionDefinition, _ *Refs) { d.Value = "much" })
	f("fixed_value_nanos", "0", "1 to", func(d *ConversionDefinition, _ *Refs) { d.Value = ValueFixed })
	f("fixed_value_nanos", "0.000000005", "only value fixed", func(d *ConversionDefinition, _ *Refs) { d.FixedValue = 5 })
	f("count", "two", "every or one", func(d *ConversionDefinition, _ *Refs) { d.Count = "two" })
}

func TestExperimentRules(t *testing.T) {
	valid := func() (*Experiment, *Refs) {
		w := newWorld()
		w.refs.LineItems = map[ID]*LineItem{5: w.lineItem, 9: {Meta: Meta{ID: 9}, CampaignID: 8}}
		x := &Experiment{Meta: Meta{ID: 7}, CampaignID: 3, Name: "Proof", LineItemIDs: []ID{5}, Holdout: 100_000, Salt: "proof-1", Start: day(1), End: day(30)}
		x.Normalize()
		return x, &w.refs
	}
	x, refs := valid()
	if err := x.Validate(refs); err != nil {
		t.Fatal(err)
	}
	if li := refs.LineItems[5]; !x.Holds(li) || x.Holds(refs.LineItems[9]) || x.Holds(&LineItem{Meta: Meta{ID: 6}, CampaignID: 3}) {
		t.Error("it holds back other line items than its own")
	}
	x.LineItemIDs = nil
	if !x.Holds(&LineItem{Meta: Meta{ID: 6}, CampaignID: 3}) {
		t.Error("without a list it holds back the campaign's every line item")
	}
	f := func(field, value, rule string, edit func(*Experiment, *Refs)) {
		t.Helper()
		x, refs := valid()
		edit(x, refs)
		rejects(t, x, refs, "experiment."+field, value, rule)
	}
	f("campaign_id", "3", "existing campaign", func(_ *Experiment, r *Refs) { r.Campaign = nil })
	f("holdout_ppm", "0", "1 to 900000", func(x *Experiment, _ *Refs) { x.Holdout = 0 })
	f("holdout_ppm", "900001", "1 to 900000", func(x *Experiment, _ *Refs) { x.Holdout = money.PPM(900_001) })
	f("salt", "", "visible", func(x *Experiment, _ *Refs) { x.Salt = "" })
	f("salt", "a b", "visible", func(x *Experiment, _ *Refs) { x.Salt = "a b" })
	f("line_item_ids[1]", "9", "of the campaign", func(x *Experiment, _ *Refs) { x.LineItemIDs = []ID{5, 9} })
	f("line_item_ids[0]", "77", "of the campaign", func(x *Experiment, _ *Refs) { x.LineItemIDs = []ID{77} })
	f("end", "2026-11-01", "after the start", func(x *Experiment, _ *Refs) { x.End = x.Start })
	f("salt", "proof-1", "must not change", func(x *Experiment, r *Refs) { r.Before = &Experiment{CampaignID: 3, Salt: "other", Holdout: 100_000} })
	f("holdout_ppm", "100000", "must not change", func(x *Experiment, r *Refs) {
		r.Before = &Experiment{CampaignID: 3, Salt: "proof-1", Holdout: 50_000}
	})
}
