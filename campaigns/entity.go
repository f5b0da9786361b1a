package campaigns

import "strconv"

// Entity is a pointer to one of the kinds (see kindSpecs). Only this package implements it.
type Entity interface {
	Kind() Kind
	Head() *Meta
	// Parent is the entity it belongs to; an agency has none (kind "" and 0).
	Parent() (Kind, ID)
	State() Status
	// Label is the name that people know it by.
	Label() string
	// Normalize brings every field to the one form that is stored: lower-case
	// domains, upper-case countries, defaults, no repeats. It is idempotent.
	Normalize()
	// Validate returns nil or a *ValidationError with every violation. The
	// entity must be normalised.
	Validate(r *Refs) error

	setState(Status)
}

// Refs is what the rules of one entity look at beside it. A nil parent does not exist.
type Refs struct {
	Before     Entity // the entity as stored before the edit; nil for a new one
	Agency     *Agency
	Advertiser *Advertiser
	Campaign   *Campaign
	LineItem   *LineItem
	Creatives  map[ID]*Creative // of those that a line item names, the ones that exist
	Segments   map[ID]*Segment  // as Creatives
	Lists      map[ID]*SiteList // as Creatives
	Assets     map[ID]*Asset    // of those that a creative names, likewise
	LineItems  map[ID]*LineItem // of those that an experiment names
	Tags       TagResolver      // nil: no taxonomy, only lists are known
	Categories Categories       // nil: none is known
	// SameExternalID is another entity of the kind and owner with the same external
	// id; 0 is none.
	SameExternalID ID
	// Unbounded is a line item that this edit of a parent would leave without
	// any budget; 0 is none.
	Unbounded ID
}

// TagResolver knows the audience tags: paths of the taxonomy ("auto/suv") and
// lists ("list/NAME"). It is safe for concurrent use.
type TagResolver interface {
	Number(tag string) (TagNumber, bool)
}

// Categories knows the content taxonomies by their AdCOM numbers. It is safe for
// concurrent use.
type Categories interface {
	Known(cattax int, id string) bool
}

// Head returns the entity's common fields.
func (m *Meta) Head() *Meta { return m }

// The kinds of the entities.
func (*Agency) Kind() Kind     { return KindAgency }
func (*Advertiser) Kind() Kind { return KindAdvertiser }
func (*Campaign) Kind() Kind   { return KindCampaign }
func (*LineItem) Kind() Kind   { return KindLineItem }
func (*Creative) Kind() Kind   { return KindCreative }
func (*Asset) Kind() Kind      { return KindAsset }

// The parents of the entities.
func (*Agency) Parent() (Kind, ID)       { return "", 0 }
func (a *Advertiser) Parent() (Kind, ID) { return KindAgency, a.AgencyID }
func (c *Campaign) Parent() (Kind, ID)   { return KindAdvertiser, c.AdvertiserID }
func (l *LineItem) Parent() (Kind, ID)   { return KindCampaign, l.CampaignID }
func (c *Creative) Parent() (Kind, ID)   { return KindAdvertiser, c.AdvertiserID }
func (a *Asset) Parent() (Kind, ID)      { return KindAdvertiser, a.AdvertiserID }

// The names of the entities.
func (a *Agency) Label() string     { return a.Name }
func (a *Advertiser) Label() string { return a.Name }
func (c *Campaign) Label() string   { return c.Name }
func (l *LineItem) Label() string   { return l.Name }
func (c *Creative) Label() string   { return c.Name }
func (a *Asset) Label() string      { return a.Name }

// The statuses of the entities.
func (a *Agency) State() Status     { return a.Status }
func (a *Advertiser) State() Status { return a.Status }
func (c *Campaign) State() Status   { return c.Status }
func (l *LineItem) State() Status   { return l.Status }
func (c *Creative) State() Status   { return c.Status }
func (a *Asset) State() Status      { return a.Status }

func (a *Agency) setState(s Status)     { a.Status = s }
func (a *Advertiser) setState(s Status) { a.Status = s }
func (c *Campaign) setState(s Status)   { c.Status = s }
func (l *LineItem) setState(s Status)   { l.Status = s }
func (c *Creative) setState(s Status)   { c.Status = s }
func (a *Asset) setState(s Status)      { a.Status = s }

// TopicKey is the key of an entity's records on the campaigns topic: "line_item/12".
func TopicKey(k Kind, id ID) string { return string(k) + "/" + strconv.FormatInt(int64(id), 10) }

// Bounded says whether b limits spending at all.
func (b Budget) Bounded() bool { return b.Daily > 0 || b.Lifetime > 0 }

// Bounded says whether p's own budget or flights limit spending.
func (p *Campaign) Bounded() bool { return p.Budget.Bounded() || len(p.Flights) > 0 }

// Bounded says whether l's own budget or flights limit spending.
func (l *LineItem) Bounded() bool { return l.Budget.Bounded() || len(l.Flights) > 0 }
