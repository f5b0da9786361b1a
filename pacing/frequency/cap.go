// Package frequency caps how often one user, or one household, meets a creative, a
// line item, a campaign or an advertiser.
package frequency

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"bidhawk/campaigns"
)

// Level is the entity that a cap belongs to.
type Level uint8

// The levels, in the order in which caps are asked. LevelCount is how many there are.
const (
	LevelCreative Level = iota
	LevelLineItem
	LevelCampaign
	LevelAdvertiser
	LevelCount
)

func (l Level) String() string {
	return [...]string{"creative", "line_item", "campaign", "advertiser"}[l]
}

// SubjectKind says what a count is kept of.
type SubjectKind uint8

// The kinds of subjects.
const (
	Nobody SubjectKind = iota
	User
	Household
	Site // all users without an id of one site or app
	subjectKinds
)

// Subject is whose exposures are counted. The zero value is nobody's: caps don't bind it.
type Subject struct {
	Kind SubjectKind
	Key  uint64
}

// Who is the subject of the caps per user and of those per household.
type Who struct{ User, Household Subject }

// Window is a cap's window in one number: seconds of a rolling one, or a code.
type Window uint32

// The codes above every rolling window.
const (
	Lifetime Window = 1<<25 + iota
	Minute
	Hour
	Day
	Week
	Month
)

// rolling says whether w moves with the clock.
func (w Window) rolling() bool { return w < Lifetime }

func (w Window) String() string {
	if w.rolling() {
		return length(w)
	}
	return [...]string{"the lifetime", "a calendar minute", "a calendar hour", "a calendar day", "a calendar week", "a calendar month"}[w-Lifetime]
}

func length(w Window) string {
	for _, u := range []struct {
		seconds Window
		name    string
	}{{86_400, "d"}, {3_600, "h"}, {60, "m"}} {
		if w%u.seconds == 0 {
			return fmt.Sprintf("%d%s", w/u.seconds, u.name)
		}
	}
	return fmt.Sprintf("%ds", w)
}

// Cap is one cap of one entity, prepared. A recency is a rolling cap of 1.
type Cap struct {
	Level  Level
	Entity campaigns.ID
	Per    SubjectKind // User or Household
	Window Window
	Max    int
	Gap    bool   // it is a recency
	id     uint64 // hash of what a count is kept for: all but Max and Gap
}

func (c *Cap) String() string {
	per := "user"
	if c.Per == Household {
		per = "household"
	}
	if c.Gap {
		return fmt.Sprintf("%s %d: %v between two exposures of one %s", c.Level, c.Entity, c.Window, per)
	}
	return fmt.Sprintf("%s %d: %d for each %s in %v", c.Level, c.Entity, c.Max, per, c.Window)
}

// Caps are all that bind one bid: each must allow it. They are immutable.
type Caps struct{ User, Household []Cap }

// Some says whether there are any.
func (c *Caps) Some() bool { return len(c.User)+len(c.Household) > 0 }

// maxCaps bounds the caps of one bid per user, and those per household: of each
// entity each cap with its recency, and the line item's cap per day.
const maxCaps = int(LevelCount)*2*campaigns.MaxCaps + 1

// CapsOf are the caps that bind a bid of the line item with creative v, which may
// be nil: the line item's own, its parents' and the creative's.
func CapsOf(l campaigns.Lineage, v *campaigns.Creative) Caps {
	var b builder
	if v != nil {
		b.add(LevelCreative, v.ID, v.FrequencyCaps)
	}
	b.perDay(l.LineItem.ID, l.LineItem.FrequencyCap.PerDay)
	b.add(LevelLineItem, l.LineItem.ID, l.LineItem.FrequencyCaps)
	b.add(LevelCampaign, l.Campaign.ID, l.Campaign.FrequencyCaps)
	b.add(LevelAdvertiser, l.Advertiser.ID, l.Advertiser.FrequencyCaps)
	for _, list := range [][]Cap{b.caps.User, b.caps.Household} {
		slices.SortStableFunc(list, func(x, y Cap) int { return cmp.Compare(x.Level, y.Level) })
	}
	return b.caps
}

type builder struct{ caps Caps }

// perDay adds a line item's frequency_cap.
func (b *builder) perDay(id campaigns.ID, n int) {
	if n > 0 {
		b.put(Cap{Level: LevelLineItem, Entity: id, Per: User, Window: Day, Max: n})
	}
}

func (b *builder) add(level Level, id campaigns.ID, list []campaigns.Cap) {
	for i := range list[:min(len(list), campaigns.MaxCaps)] {
		v := &list[i]
		c := Cap{Level: level, Entity: id, Per: User, Max: v.Max}
		if v.Per == campaigns.PerHousehold {
			c.Per = Household
		}
		if w, ok := windowOf(v); ok && v.Max > 0 {
			c.Window = w
			b.put(c)
		}
		if gap := v.Gap(); gap > 0 && gap <= campaigns.MaxCapWindow {
			c.Window, c.Max, c.Gap = Window(gap/time.Second), 1, true
			b.put(c)
		}
	}
}

// windowOf reads a cap's window; ok is false of what no validation lets through.
func windowOf(v *campaigns.Cap) (w Window, ok bool) {
	if v.Kind == campaigns.CapCalendar {
		i := slices.Index(campaigns.CalendarWindows(), v.Window)
		return Minute + Window(i), i >= 0
	}
	if v.Window == campaigns.WindowLifetime {
		return Lifetime, true
	}
	d := v.Length()
	return Window(d / time.Second), d >= time.Second && d <= campaigns.MaxCapWindow
}

// put adds c; of two with one count the stricter stays.
func (b *builder) put(c Cap) {
	c.id = c.hash()
	list := &b.caps.User
	if c.Per == Household {
		list = &b.caps.Household
	}
	for i := range *list {
		if o := &(*list)[i]; o.id == c.id {
			if c.Max < o.Max {
				*o = c
			}
			return
		}
	}
	*list = append(*list, c)
}

func (c *Cap) hash() uint64 {
	return mix(mix(uint64(c.Level)<<8|uint64(c.Per), uint64(c.Entity)), uint64(c.Window))
}

// Live are the caps that a catalogue has, of entities that are not archived.
type Live map[uint64]struct{}

// Has says whether there is such a cap, of whatever max.
func (l Live) Has(c *Cap) bool {
	_, ok := l[c.id]
	return ok
}

// LiveOf lists the caps of a catalogue.
func LiveOf(cat *campaigns.Catalog) Live {
	l := Live{}
	add := func(level Level, id campaigns.ID, status campaigns.Status, list []campaigns.Cap, perDay int) {
		if status == campaigns.StatusArchived {
			return
		}
		var b builder
		b.perDay(id, perDay)
		b.add(level, id, list)
		for _, caps := range [][]Cap{b.caps.User, b.caps.Household} {
			for i := range caps {
				l[caps[i].id] = struct{}{}
			}
		}
	}
	for id, v := range cat.Creatives {
		add(LevelCreative, id, v.Status, v.FrequencyCaps, 0)
	}
	for id, v := range cat.LineItems {
		add(LevelLineItem, id, v.Status, v.FrequencyCaps, v.FrequencyCap.PerDay)
	}
	for id, v := range cat.Campaigns {
		add(LevelCampaign, id, v.Status, v.FrequencyCaps, 0)
	}
	for id, v := range cat.Advertisers {
		add(LevelAdvertiser, id, v.Status, v.FrequencyCaps, 0)
	}
	return l
}

// mix hashes two numbers into one (the finalizer of splitmix64); the order matters.
func mix(a, b uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 + b + 0x632be59bd9b4e019
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
