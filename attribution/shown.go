package attribution

import (
	"strconv"
	"strings"
)

// shown is what an impression was, besides whose and where: format, size, device type,
// country and region, packed into one text, which the roll-ups keep as one column.
const shownSep = "/"

const (
	shownFormat = iota
	shownSize
	shownDevice
	shownCountry
	shownRegion
	shownParts
)

// shownKey is a shown before it is packed.
type shownKey struct {
	format          string
	w, h, device    int
	country, region string
}

// shownTexts packs each shown once.
type shownTexts map[shownKey]string

// of packs k; what names no format, size, device or place is "".
func (t shownTexts) of(k shownKey) string {
	if k == (shownKey{}) {
		return ""
	}
	s, ok := t[k]
	if !ok {
		if len(t) >= maxTexts {
			clear(t)
		}
		s = k.pack()
		t[k] = s
	}
	return s
}

func (k shownKey) pack() string {
	var parts [shownParts]string
	parts[shownFormat] = code(k.format, 16)
	if k.w > 0 && k.h > 0 {
		parts[shownSize] = strconv.Itoa(k.w) + "x" + strconv.Itoa(k.h)
	}
	if k.device > 0 && k.device < 100 {
		parts[shownDevice] = strconv.Itoa(k.device)
	}
	parts[shownCountry], parts[shownRegion] = code(k.country, 8), code(k.region, 8)
	if parts == ([shownParts]string{}) {
		return ""
	}
	return strings.Join(parts[:], shownSep)
}

// code is s where it is one: letters and digits, not many.
func code(s string, most int) string {
	if len(s) > most {
		return ""
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return ""
		}
	}
	return s
}

// shownPart is one of what shown was packed of.
func shownPart(shown string, part int) string {
	for ; part > 0; part-- {
		_, rest, ok := strings.Cut(shown, shownSep)
		if !ok {
			return ""
		}
		shown = rest
	}
	s, _, _ := strings.Cut(shown, shownSep)
	return s
}
