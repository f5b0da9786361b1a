package campaigns

import (
	"fmt"
	"time"
)

// Flight is when the line item may bid: its own dates within its campaign's.
// A zero date of its own is the campaign's. The result is empty (end not after
// start) where they do not meet.
func (l *LineItem) Flight(c *Campaign) (start, end time.Time) {
	start, end = c.Start, c.End
	if l.Start.After(start) {
		start = l.Start
	}
	if !l.End.IsZero() && l.End.Before(end) {
		end = l.End
	}
	return start, end
}

func (l *LineItem) validateFlight(c *checker, r *Refs) {
	for _, d := range []struct {
		field string
		t     time.Time
	}{{"start", l.Start}, {"end", l.End}} {
		if !d.t.IsZero() {
			rule := timeRule(d.t)
			c.check(rule == "", d.field, d.t.Format(time.RFC3339), rule)
		}
	}
	if !l.Start.IsZero() && !l.End.IsZero() && !l.Start.Before(l.End) {
		c.fail("end", l.End.Format(time.RFC3339), "must be after the start")
		return
	}
	if r.Campaign == nil {
		return
	}
	if start, end := l.Flight(r.Campaign); !start.Before(end) {
		c.fail("end", l.End.Format(time.RFC3339), fmt.Sprintf("dates must meet the campaign's, %s to %s",
			r.Campaign.Start.Format(time.RFC3339), r.Campaign.End.Format(time.RFC3339)))
	} else {
		c.flights(l.Flights, start, end)
	}
}

// validateGuarantee: a guarantee is of a deal, at the price that was agreed.
func (l *LineItem) validateGuarantee(c *checker) {
	if !l.Guaranteed {
		return
	}
	c.check(len(l.Targeting.Deals) > 0, "targeting.deals", "[]", "must name at least one deal where the line item is guaranteed")
	c.check(l.Pricing == PricingCPM, "pricing", l.Pricing, "must be cpm where the line item is guaranteed")
}

// validateBound makes sure that something limits what the line item may charge.
func (l *LineItem) validateBound(c *checker, r *Refs) {
	if r.Campaign == nil || r.Advertiser == nil || l.Bounded() {
		return
	}
	c.check(r.Campaign.Bounded() || r.Advertiser.Budget.Bounded(), "budget", 0,
		"must be positive, daily or lifetime, at the line item, its campaign or its advertiser")
}

func (l *LineItem) validateCreatives(c *checker, r *Refs) {
	c.length("creative_ids", len(l.CreativeIDs), MaxCreatives)
	c.check(len(l.CreativeIDs) > 0 || l.Status != StatusActive, "creative_ids", "[]",
		"must name at least one creative while the line item is active")
	if r.Campaign == nil {
		return
	}
	for i, id := range l.CreativeIDs[:min(len(l.CreativeIDs), MaxCreatives)] {
		// A creative of another advertiser reads like one that does not exist.
		switch v := r.Creatives[id]; {
		case v == nil || v.AdvertiserID != r.Campaign.AdvertiserID:
			c.fail(index("creative_ids", i), id, "must be an existing creative of the line item's advertiser")
		case v.Status == StatusArchived && l.Status == StatusActive:
			c.fail(index("creative_ids", i), id, "must not be archived")
		}
	}
}

// validateShared checks the segments and lists that it targets.
func (l *LineItem) validateShared(c *checker, r *Refs) {
	if r.Campaign == nil {
		return
	}
	owner := r.Campaign.AdvertiserID
	shared := func(field string, ids []ID, bound int, kind Kind, of func(ID) (advertiser ID, s Status)) {
		c.length(field, len(ids), bound)
		for i, id := range ids[:min(len(ids), bound)] {
			// Another advertiser's reads like one that does not exist.
			if advertiser, s := of(id); advertiser == 0 || advertiser != owner {
				c.fail(index(field, i), id, "must be an existing "+string(kind)+" of the line item's advertiser")
			} else if s == StatusArchived && l.Status == StatusActive {
				c.fail(index(field, i), id, "must not be archived")
			}
		}
	}
	shared("targeting.segments", l.Targeting.Segments, MaxSegments, KindSegment, func(id ID) (ID, Status) {
		if s := r.Segments[id]; s != nil {
			return s.AdvertiserID, s.Status
		}
		return 0, ""
	})
	list := func(id ID) (ID, Status) {
		if x := r.Lists[id]; x != nil {
			return x.AdvertiserID, x.Status
		}
		return 0, ""
	}
	shared("targeting.lists.include", l.Targeting.Lists.Include, MaxLists, KindList, list)
	shared("targeting.lists.exclude", l.Targeting.Lists.Exclude, MaxLists, KindList, list)
}

func (t *Targeting) validate(c *checker, tags TagResolver) {
	const p = "targeting."
	c.texts(p+"exchanges", t.Exchanges, MaxExchanges, exchangeRule)
	c.length(p+"sizes", len(t.Sizes), MaxSizes)
	for i, s := range t.Sizes[:min(len(t.Sizes), MaxSizes)] {
		c.check(s.W >= 1 && s.W <= MaxPixels && s.H >= 1 && s.H <= MaxPixels, index(p+"sizes", i),
			fmt.Sprintf("%dx%d", s.W, s.H), fmt.Sprintf("must have a width and a height of 1 to %d", MaxPixels))
	}
	t.Countries.validate(c, p+"countries", MaxCountries, countryRule)
	t.Regions.validate(c, p+"regions", MaxRegions, regionRule)
	t.Cities.validate(c, p+"cities", MaxCities, cityRule)
	numbers(c, p+"device_types", t.DeviceTypes, 1, 8, "an AdCOM device type")
	c.texts(p+"os", t.OS, MaxOS, osRule)
	t.Domains.validate(c, p+"domains", MaxDomains, domainRule)
	t.Bundles.validate(c, p+"bundles", MaxBundles, bundleRule)
	t.Categories.validate(c, p+"categories", MaxCategories, categoryRule)
	numbers(c, p+"hours_of_week", t.HoursOfWeek, 0, hoursOfWeek-1, "an hour of the week, 0 is Monday 00:00")
	c.texts(p+"deals", t.Deals, MaxDeals, dealRule)
	t.Tags.validate(c, p+"tags", tagRule(tags))
}

func (s *Set) validate(c *checker, field string, bound int, rule func(string) string) {
	c.texts(field+".include", s.Include, bound, rule)
	c.texts(field+".exclude", s.Exclude, bound, rule)
}

func (t *TagRule) validate(c *checker, field string, rule func(string) string) {
	c.length(field+".any_of", len(t.AnyOf), MaxTagGroups)
	for i, group := range t.AnyOf[:min(len(t.AnyOf), MaxTagGroups)] {
		f := index(field+".any_of", i)
		c.check(len(group) > 0, f, "[]", "must name at least one tag: an empty group matches nobody")
		c.texts(f, group, MaxGroupTags, rule)
	}
	c.texts(field+".all_of", t.AllOf, MaxAllOfTags, rule)
	c.texts(field+".none_of", t.NoneOf, MaxNoneOfTags, rule)
}

// numbers checks a list of distinct numbers of lo to hi.
func numbers(c *checker, field string, values []int, lo, hi int, what string) {
	bound := hi - lo + 1
	c.length(field, len(values), bound)
	for i, v := range values[:min(len(values), bound)] {
		c.check(v >= lo && v <= hi, index(field, i), v, fmt.Sprintf("must be %s: %d to %d", what, lo, hi))
	}
}

func index(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }
