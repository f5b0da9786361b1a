package campaigns

// Catalog is an immutable view of every entity, as the feed delivered it. The
// bidder, the pacer and the attributor read it; nobody writes it.
type Catalog struct {
	Generation   int64 // grows with every change applied
	Agencies     map[ID]*Agency
	Advertisers  map[ID]*Advertiser
	Campaigns    map[ID]*Campaign
	LineItems    map[ID]*LineItem
	Creatives    map[ID]*Creative
	Segments     map[ID]*Segment
	Lists        map[ID]*SiteList
	BidModifiers map[ID]*BidModifier
	// What is measured: neither bids nor money need them.
	ConversionDefinitions map[ID]*ConversionDefinition
	Experiments           map[ID]*Experiment
	Kill                  KillState
	// Switches is every kill switch that was ever set, on or off, by its Name.
	Switches map[string]KillSwitch
}

// Lineage is a line item with its parents.
type Lineage struct {
	LineItem   *LineItem
	Campaign   *Campaign
	Advertiser *Advertiser
	Agency     *Agency
}

// Lineage resolves the parents of line item id; ok is false where one is missing.
func (c *Catalog) Lineage(id ID) (l Lineage, ok bool) {
	if l.LineItem = c.LineItems[id]; l.LineItem == nil {
		return l, false
	}
	if l.Campaign = c.Campaigns[l.LineItem.CampaignID]; l.Campaign == nil {
		return l, false
	}
	if l.Advertiser = c.Advertisers[l.Campaign.AdvertiserID]; l.Advertiser == nil {
		return l, false
	}
	l.Agency = c.Agencies[l.Advertiser.AgencyID]
	return l, l.Agency != nil
}

// Active says whether the line item and all its parents may bid, dates aside.
func (l Lineage) Active() bool {
	return l.LineItem.Status == StatusActive && l.Campaign.Status == StatusActive &&
		l.Advertiser.Status == StatusActive && l.Agency.Status == StatusActive
}
