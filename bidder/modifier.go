package bidder

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// modifier is one bid modifier of a line item, prepared for look-ups. It is immutable.
type modifier struct {
	dimension campaigns.ModifierDimension
	values    map[string]money.PPM
	numbers   map[int]money.PPM // of device types and hours
	other     money.PPM
}

// newModifiers are the active modifiers of each line item.
func newModifiers(cat *campaigns.Catalog) map[campaigns.ID][]modifier {
	out := map[campaigns.ID][]modifier{}
	for _, id := range slices.Sorted(maps.Keys(cat.BidModifiers)) {
		m := cat.BidModifiers[id]
		if m.Status != campaigns.StatusActive {
			continue
		}
		x := modifier{dimension: m.Dimension, other: m.Other}
		if x.other == 0 {
			x.other = wholeValue
		}
		numeric := m.Dimension == campaigns.ModifyDeviceType || m.Dimension == campaigns.ModifyHour
		if numeric {
			x.numbers = make(map[int]money.PPM, len(m.Values))
		} else {
			x.values = make(map[string]money.PPM, len(m.Values))
		}
		for _, v := range m.Values {
			if !numeric {
				x.values[v.Value] = v.Bid
			} else if n, err := strconv.Atoi(v.Value); err == nil {
				x.numbers[n] = v.Bid
			}
		}
		out[m.LineItemID] = append(out[m.LineItemID], x)
	}
	return out
}

// modified is the share of its value that the line bids on the request: the
// product of its modifiers, in the order of their ids, each step rounded down.
func (l *line) modified(a *auction) money.PPM {
	share := wholeValue
	for i := range l.modifiers {
		share = share * l.modifiers[i].of(a, l) / wholeValue // both at most 1e6: no overflow
	}
	return share
}

// of is the share by one modifier. It allocates nothing.
func (m *modifier) of(a *auction, l *line) money.PPM {
	f := &a.facts
	var buf [maxModifierValue]byte
	switch m.dimension {
	case campaigns.ModifyExchange:
		return m.value(m.values[f.Exchange])
	case campaigns.ModifyCountry:
		return m.value(m.values[string(folded(buf[:0], f.Country, upperASCII))])
	case campaigns.ModifyRegion:
		if len(f.Region) == 0 {
			return m.other
		}
		b := append(folded(buf[:0], f.Country, upperASCII), '-')
		return m.value(m.values[string(folded(b, f.Region, upperASCII))])
	case campaigns.ModifyDeviceType:
		return m.value(m.numbers[f.DeviceType])
	case campaigns.ModifyOS:
		return m.value(m.values[string(folded(buf[:0], f.OS, lowerASCII))])
	case campaigns.ModifyBundle:
		return m.value(m.values[string(f.Bundle)])
	case campaigns.ModifyHour:
		return m.value(m.numbers[hourOfWeek(a.now.In(l.zone))])
	case campaigns.ModifyDomain:
		return m.domain(folded(buf[:0], f.Domain, lowerASCII))
	}
	return wholeValue
}

// value is what was found, or else what all the others bid: no value has a share of 0.
func (m *modifier) value(found money.PPM) money.PPM {
	if found == 0 {
		return m.other
	}
	return found
}

// domain looks the domain up, then its parents.
func (m *modifier) domain(d []byte) money.PPM {
	for {
		if v := m.values[string(d)]; v != 0 {
			return v
		}
		dot := bytes.IndexByte(d, '.')
		if dot < 0 {
			return m.other
		}
		d = d[dot+1:]
	}
}

// maxModifierValue is the longest value that is looked up: a domain.
const maxModifierValue = 256

// folded appends s letter by letter; what is longer than any value is none.
func folded(dst, s []byte, f func(byte) byte) []byte {
	if len(dst)+len(s) >= maxModifierValue {
		return dst[:0]
	}
	for _, b := range s {
		dst = append(dst, f(b))
	}
	return dst
}

func lowerASCII(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}

func upperASCII(b byte) byte {
	if b >= 'a' && b <= 'z' {
		b -= 'a' - 'A'
	}
	return b
}

// hourOfWeek is 0 for Monday 00:00.
func hourOfWeek(t time.Time) int { return (int(t.Weekday())+6)%7*24 + t.Hour() }
