package targeting

import (
	"slices"
	"strings"
	"time"

	"bidhawk/campaigns"
)

// The reference: campaigns.Targeting read word by word, with no index. What it
// says is right by definition.

// tagNumbers is a taxonomy in a map.
type tagNumbers map[string]campaigns.TagNumber

func (t tagNumbers) Number(path string) (campaigns.TagNumber, bool) { n, ok := t[path]; return n, ok }

// refusedBy are the reasons why a line item, active at build time, does not
// want the impression; sorted.
func refusedBy(l campaigns.Lineage, tags tagNumbers, req *RequestFacts, imp *ImpFacts) []Reason {
	t := &l.LineItem.Targeting
	var out []Reason
	demand := func(name Reason, ok bool) {
		if !ok && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	demand("flight", inFlight(l.LineItem.Start, l.LineItem.End, req.Now) && inFlight(l.Campaign.Start, l.Campaign.End, req.Now))
	demand("exchanges", wantsAny(t.Exchanges, func(v string) bool { return strings.EqualFold(v, req.Exchange) }))
	demand("device_types", len(t.DeviceTypes) == 0 || slices.Contains(t.DeviceTypes, req.DeviceType))
	demand("os", wantsAny(t.OS, func(v string) bool { return strings.EqualFold(v, string(req.OS)) }))
	demand("sizes", len(t.Sizes) == 0 || slices.ContainsFunc(t.Sizes, func(v campaigns.Size) bool { return slices.Contains(imp.Sizes, v) }))
	demand("deals", wantsAny(t.Deals, func(v string) bool { return has(imp.Deals, v) }))
	demand("deals", !imp.PrivateOnly || len(t.Deals) > 0)

	country := string(req.Country)
	demand("countries", wantsSet(t.Countries, func(v string) bool { return strings.EqualFold(v, country) }))
	demand("regions", wantsSet(t.Regions, func(v string) bool {
		return country != "" && len(req.Region) > 0 && strings.EqualFold(v, country+"-"+string(req.Region))
	}))
	demand("cities", wantsSet(t.Cities, func(v string) bool {
		c, city, ok := strings.Cut(v, "/")
		return ok && country != "" && len(req.City) > 0 && strings.EqualFold(c, country) && strings.EqualFold(city, string(req.City))
	}))
	domain := strings.TrimSuffix(string(req.Domain), ".")
	onDomain := func(v string) bool {
		start := len(domain) - len(v)
		return v != "" && domain != "" && start >= 0 && strings.EqualFold(domain[start:], v) && (start == 0 || domain[start-1] == '.')
	}
	inBundle := func(v string) bool { return v != "" && v == string(req.Bundle) }
	included := slices.ContainsFunc(t.Domains.Include, onDomain) || slices.ContainsFunc(t.Bundles.Include, inBundle)
	demand("domains", included || len(t.Domains.Include) == 0)
	demand("bundles", included || len(t.Bundles.Include) == 0)
	demand("domains", !slices.ContainsFunc(t.Domains.Exclude, onDomain))
	demand("bundles", !slices.ContainsFunc(t.Bundles.Exclude, inBundle))
	demand("categories", wantsSet(t.Categories, func(v string) bool {
		return slices.ContainsFunc(req.Categories, func(c []byte) bool {
			return strings.EqualFold(v, string(c)) || strings.HasPrefix(strings.ToUpper(string(c)), strings.ToUpper(v)+"-")
		})
	}))
	demand("hours_of_week", len(t.HoursOfWeek) == 0 || slices.Contains(t.HoursOfWeek, hourOfWeek(l.Advertiser.TimeZone, req.Now)))
	demand("tags", wantsTags(t.Tags, func(path string) bool {
		n, ok := tags[path]
		return ok && (slices.Contains(req.Tags, campaigns.NewTagKey(0, n)) ||
			slices.Contains(req.Tags, campaigns.NewTagKey(l.Advertiser.ID, n)))
	}))
	slices.Sort(out)
	return out
}

func inFlight(start, end, now time.Time) bool {
	return (start.IsZero() || !now.Before(start)) && (end.IsZero() || now.Before(end))
}

// wantsAny reads a list in which an empty value stands for nothing.
func wantsAny(list []string, is func(string) bool) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(v string) bool { return v != "" && is(v) })
}

func wantsSet(s campaigns.Set, is func(string) bool) bool {
	return wantsAny(s.Include, is) && !slices.ContainsFunc(s.Exclude, func(v string) bool { return v != "" && is(v) })
}

func wantsTags(r campaigns.TagRule, held func(string) bool) bool {
	for _, group := range r.AnyOf {
		if !slices.ContainsFunc(group, held) {
			return false
		}
	}
	for _, tag := range r.AllOf {
		if !held(tag) {
			return false
		}
	}
	return !slices.ContainsFunc(r.NoneOf, held)
}

func hourOfWeek(zone string, now time.Time) int {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err) // the generator names only zones that exist
	}
	local := now.In(loc)
	return (int(local.Weekday())+6)%7*24 + local.Hour()
}

func has(list [][]byte, v string) bool {
	return slices.ContainsFunc(list, func(b []byte) bool { return string(b) == v })
}
