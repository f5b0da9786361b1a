package campaigns

// kindSpec is what the house knows of a kind. A new kind needs a row here, the
// methods of Entity, a line in api.register and, where bids or money depend on
// it, a place in the Catalog. Its storage, history and conventions come by themselves.
type kindSpec struct {
	kind Kind
	// parent is the kind that it belongs to; "" is none.
	parent Kind
	empty  func() Entity
	// apply puts a record into the catalogue; nil where nobody reads the kind there.
	apply func(d *draft, id ID, value []byte) error
}

// kindSpecs are the kinds, parents first.
func kindSpecs() []kindSpec {
	return []kindSpec{
		{KindAgency, "", func() Entity { return &Agency{} }, func(d *draft, id ID, v []byte) error {
			return applyEntity(d, &d.next.Agencies, id, v)
		}},
		{KindAdvertiser, KindAgency, func() Entity { return &Advertiser{} }, func(d *draft, id ID, v []byte) error {
			return applyEntity(d, &d.next.Advertisers, id, v)
		}},
		{KindCampaign, KindAdvertiser, func() Entity { return &Campaign{} }, func(d *draft, id ID, v []byte) error {
			return applyEntity(d, &d.next.Campaigns, id, v)
		}},
		{KindLineItem, KindCampaign, func() Entity { return &LineItem{} }, func(d *draft, id ID, v []byte) error {
			return applyEntity(d, &d.next.LineItems, id, v)
		}},
		{KindCreative, KindAdvertiser, func() Entity { return &Creative{} }, func(d *draft, id ID, v []byte) error {
			return applyEntity(d, &d.next.Creatives, id, v)
		}},
		{KindAsset, KindAdvertiser, func() Entity { return &Asset{} }, nil}, // a creative has what bids need of its files
		{KindConversionDefinition, KindAdvertiser, func() Entity { return &ConversionDefinition{} }, func(d *draft, id ID, v []byte) error {
			return applyEntity(d, &d.next.ConversionDefinitions, id, v)
		}},
		{KindSegment, KindAdvertiser, func() Entity { return &Segment{} }, func(d *draft, id ID, v []byte) error {
			return applyEntity(d, &d.next.Segments, id, v)
		}},
		{KindList, KindAdvertiser, func() Entity { return &SiteList{} }, func(d *draft, id ID, v []byte) error {
			return applyEntity(d, &d.next.Lists, id, v)
		}},
		{KindBidModifier, KindLineItem, func() Entity { return &BidModifier{} }, func(d *draft, id ID, v []byte) error {
			return applyEntity(d, &d.next.BidModifiers, id, v)
		}},
		{KindExperiment, KindCampaign, func() Entity { return &Experiment{} }, func(d *draft, id ID, v []byte) error {
			return applyEntity(d, &d.next.Experiments, id, v)
		}},
	}
}

func specOf(k Kind) (kindSpec, bool) {
	for _, s := range kindSpecs() {
		if s.kind == k {
			return s, true
		}
	}
	return kindSpec{}, false
}

// Kinds are the kinds of entities, parents first.
func Kinds() []Kind {
	var out []Kind
	for _, s := range kindSpecs() {
		out = append(out, s.kind)
	}
	return out
}

// NewEntity returns an empty entity of kind k; nil for a kind that is no entity.
func NewEntity(k Kind) Entity {
	s, ok := specOf(k)
	if !ok {
		return nil
	}
	return s.empty()
}

// ParentKind is the kind of what entities of kind k belong to; "" is none.
func ParentKind(k Kind) Kind {
	s, _ := specOf(k)
	return s.parent
}
