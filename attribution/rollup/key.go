package rollup

import (
	"cmp"
	"strings"
)

// Column names a column of a row's key. What is summed has the columns after them.
type Column int

// The columns of a key.
const (
	Advertiser Column = iota
	Slot              // start of the quarter hour, Unix seconds; 0 in cubes of days
	Campaign
	LineItem
	Creative
	App // 1: Site is an app's bundle
	Exchange
	Deal
	Site
	Shown
	Event // of conversions: their type
	keyColumns

	firstText = Exchange
)

// isText says whether the column holds texts.
func (c Column) isText() bool { return c >= firstText && c < keyColumns }

// Key is what a row's sums are of, within a day.
type Key struct {
	Advertiser, Slot             int64
	Campaign, LineItem, Creative int64
	Exchange, Deal, Site         string
	App                          bool
	Shown                        string // format, size, device type, country and region, as the caller packs them
	Event                        string
}

// Row is a key and its sums, in the order of the caller's columns.
type Row struct {
	Key
	V []int64
}

// Cube is a set of columns that sums are kept by.
type Cube int

// The cubes, each with fewer rows than the one before.
const (
	Hours     Cube = iota // all columns
	Sites                 // whole days
	Days                  // without sites
	LineItems             // advertiser, campaign and line item
	// Late holds what came to a day after it was stated, by line item; Slot is the
	// hour in which it came.
	Late
	cubes
)

// derived are the cubes that Hours sums up to.
var derived = [...]Cube{Sites, Days, LineItems}

// has says whether rows of the cube have the column.
func (c Cube) has(col Column) bool {
	switch col {
	case Advertiser, Campaign, LineItem:
		return true
	case Slot:
		return c == Hours || c == Late
	case Site, App:
		return c == Hours || c == Sites
	default:
		return c == Hours || c == Sites || c == Days
	}
}

// Smallest is the cube with the fewest rows that has all of the columns.
func Smallest(columns ...Column) Cube {
	for _, c := range [...]Cube{LineItems, Days, Sites} {
		fits := true
		for _, col := range columns {
			fits = fits && c.has(col)
		}
		if fits {
			return c
		}
	}
	return Hours
}

// reduce clears the columns that the cube lacks.
func (c Cube) reduce(k Key) Key {
	if !c.has(Slot) {
		k.Slot = 0
	}
	if !c.has(Site) {
		k.Site, k.App = "", false
	}
	if !c.has(Creative) {
		k.Creative, k.Exchange, k.Deal, k.Shown, k.Event = 0, "", "", "", ""
	}
	return k
}

func (k *Key) integer(c Column) int64 {
	switch c {
	case Advertiser:
		return k.Advertiser
	case Slot:
		return k.Slot
	case Campaign:
		return k.Campaign
	case LineItem:
		return k.LineItem
	case Creative:
		return k.Creative
	}
	if k.App {
		return 1
	}
	return 0
}

func (k *Key) text(c Column) string {
	switch c {
	case Exchange:
		return k.Exchange
	case Deal:
		return k.Deal
	case Site:
		return k.Site
	case Shown:
		return k.Shown
	}
	return k.Event
}

func (k *Key) setInteger(c Column, v int64) {
	switch c {
	case Advertiser:
		k.Advertiser = v
	case Slot:
		k.Slot = v
	case Campaign:
		k.Campaign = v
	case LineItem:
		k.LineItem = v
	case Creative:
		k.Creative = v
	default:
		k.App = v != 0
	}
}

func (k *Key) setText(c Column, v string) {
	switch c {
	case Exchange:
		k.Exchange = v
	case Deal:
		k.Deal = v
	case Site:
		k.Site = v
	case Shown:
		k.Shown = v
	default:
		k.Event = v
	}
}

// compare orders rows within a part: neighbours share most of their columns.
func (k *Key) compare(o *Key) int {
	if c := cmp.Compare(k.Advertiser, o.Advertiser); c != 0 {
		return c
	}
	if c := cmp.Compare(k.LineItem, o.LineItem); c != 0 {
		return c
	}
	if c := cmp.Compare(k.Creative, o.Creative); c != 0 {
		return c
	}
	if c := strings.Compare(k.Exchange, o.Exchange); c != 0 {
		return c
	}
	if c := strings.Compare(k.Shown, o.Shown); c != 0 {
		return c
	}
	if c := cmp.Compare(k.Slot, o.Slot); c != 0 {
		return c
	}
	if c := strings.Compare(k.Site, o.Site); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(k.Deal, o.Deal), strings.Compare(k.Event, o.Event),
		cmp.Compare(k.Campaign, o.Campaign), cmp.Compare(k.integer(App), o.integer(App)))
}
