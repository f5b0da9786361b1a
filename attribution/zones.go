package attribution

import (
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// zones loads time zones once; it belongs to one goroutine.
type zones map[string]*time.Location

// of is the location of the zone name, UTC where there is no such zone.
func (z zones) of(name string) *time.Location {
	if loc, ok := z[name]; ok {
		return loc
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		loc = time.UTC
	}
	z[name] = loc
	return loc
}

// advertiserView is what a batch needs to know of an advertiser.
type advertiserView struct {
	loc         *time.Location
	currency    money.Currency // zero: unknown
	click, view time.Duration
	statedDay   Day // whose time is statedAt
	statedAt    time.Time
}

// advertisers resolves views against one catalogue, once each.
type advertisers struct {
	catalog *campaigns.Catalog
	zones   zones
	views   map[int64]*advertiserView
	unknown int64 // how many were not in the catalogue
}

func newAdvertisers(c *campaigns.Catalog, z zones) *advertisers {
	return &advertisers{catalog: c, zones: z, views: make(map[int64]*advertiserView)}
}

// get never returns nil: an advertiser that the catalogue does not know has the
// defaults, and UTC for its zone.
func (a *advertisers) get(id int64) *advertiserView {
	if v := a.views[id]; v != nil {
		return v
	}
	adv := a.catalog.Advertisers[campaigns.ID(id)]
	v := &advertiserView{loc: time.UTC}
	v.click, v.view = windows(adv)
	if adv == nil {
		a.unknown++
	} else {
		v.loc, v.currency = a.zones.of(adv.TimeZone), adv.Currency
	}
	a.views[id] = v
	return v
}

// widest returns the longest windows of any advertiser.
func widest(c *campaigns.Catalog) (click, view time.Duration) {
	click, view = windows(nil)
	for _, a := range c.Advertisers {
		ac, av := windows(a)
		click, view = max(click, ac), max(view, av)
	}
	return click, view
}
