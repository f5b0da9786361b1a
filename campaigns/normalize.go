package campaigns

import (
	"strings"
	"time"
)

// Normalize implements Entity.
func (a *Agency) Normalize() {
	a.Name = strings.TrimSpace(a.Name)
	a.Status = orActive(a.Status)
}

// Normalize implements Entity.
func (a *Advertiser) Normalize() {
	a.Name = strings.TrimSpace(a.Name)
	a.Status = orActive(a.Status)
	a.TimeZone = strings.TrimSpace(a.TimeZone)
	a.Domain = normalDomain(a.Domain)
	a.RedirectHosts = normalList(a.RedirectHosts, normalDomain)
	a.FrequencyCaps = normalCaps(a.FrequencyCaps)
	if a.ClickWindowHours == 0 {
		a.ClickWindowHours = defaultClickHours
	}
	if a.ViewWindowHours == 0 {
		a.ViewWindowHours = defaultViewHours
	}
}

// Normalize implements Entity.
func (c *Campaign) Normalize() {
	c.Name = strings.TrimSpace(c.Name)
	c.Status = orActive(c.Status)
	c.Start, c.End = normalTime(c.Start), normalTime(c.End)
	c.Flights = normalFlights(c.Flights)
	c.FrequencyCaps = normalCaps(c.FrequencyCaps)
}

// Normalize implements Entity.
func (l *LineItem) Normalize() {
	l.Name = strings.TrimSpace(l.Name)
	l.Status = orActive(l.Status)
	l.Start, l.End = normalTime(l.Start), normalTime(l.End)
	l.Flights = normalFlights(l.Flights)
	l.Pricing = PricingModel(lower(string(l.Pricing)))
	if l.Pacing = Pacing(lower(string(l.Pacing))); l.Pacing == "" {
		l.Pacing = PacingEven
	}
	l.FrequencyCaps = normalCaps(l.FrequencyCaps)
	l.UnknownUsers = UnknownUsers(lower(string(l.UnknownUsers)))
	l.CreativeIDs = unique(l.CreativeIDs)
	l.Targeting.normalize()
}

// normalize leaves an absent dimension nil, so that it stays absent in JSON.
func (t *Targeting) normalize() {
	t.Exchanges = someList(t.Exchanges, lower)
	t.Sizes = some(unique(t.Sizes))
	t.Countries.normalize(upper)
	t.Regions.normalize(upper)
	t.Cities.normalize(normalCity)
	t.DeviceTypes = some(unique(t.DeviceTypes))
	t.OS = someList(t.OS, lower)
	t.Domains.normalize(normalDomain)
	t.Bundles.normalize(strings.TrimSpace)
	t.Categories.normalize(upper)
	t.HoursOfWeek = some(unique(t.HoursOfWeek))
	t.Deals = someList(t.Deals, strings.TrimSpace)
	t.Tags.normalize()
	t.Segments = some(unique(t.Segments))
	t.Lists.Include, t.Lists.Exclude = some(unique(t.Lists.Include)), some(unique(t.Lists.Exclude))
}

func (r *TagRule) normalize() {
	for i, g := range r.AnyOf {
		r.AnyOf[i] = normalList(g, lower)
	}
	r.AnyOf = some(r.AnyOf)
	r.AllOf = someList(r.AllOf, lower)
	r.NoneOf = someList(r.NoneOf, lower)
}

func (s *Set) normalize(f func(string) string) {
	s.Include = someList(s.Include, f)
	s.Exclude = someList(s.Exclude, f)
}

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
func upper(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }

func orActive(s Status) Status {
	if s == "" {
		return StatusActive
	}
	return Status(lower(string(s)))
}

// normalDomain also drops the dot of a fully qualified name.
func normalDomain(s string) string {
	s = lower(s)
	if name, ok := strings.CutSuffix(s, "."); ok && name != "" && isDomainByte(name[len(name)-1]) {
		return name
	}
	return s
}

// normalCity writes the country in upper case; the name keeps its case for the reader.
func normalCity(s string) string {
	country, name, found := strings.Cut(strings.TrimSpace(s), "/")
	if !found {
		return country
	}
	return upper(country) + "/" + strings.TrimSpace(name)
}

// normalFlights keeps their order: flights out of it are the writer's mistake.
func normalFlights(list []Flight) []Flight {
	for i := range list {
		list[i].Start, list[i].End = normalTime(list[i].Start), normalTime(list[i].End)
	}
	return some(list)
}

func normalTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// normalList maps f over list and drops repeats, keeping the order. It never
// returns nil: the field is an empty list in JSON, not null.
func normalList(list []string, f func(string) string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = f(s)
	}
	return unique(out)
}

func someList(list []string, f func(string) string) []string { return some(normalList(list, f)) }

// some returns nil for an empty list.
func some[E any](list []E) []E {
	if len(list) == 0 {
		return nil
	}
	return list
}

// unique returns list without repeats, in order, never nil. It does not change list.
func unique[E comparable](list []E) []E {
	out := make([]E, 0, len(list))
	seen := make(map[E]bool, len(list))
	for _, v := range list {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
