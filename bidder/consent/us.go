package consent

import "bytes"

// choices are what one US section of a GPP string says.
type choices struct {
	saleOut      bool // opted out of the sale of personal data
	sharingOut   bool // of its sharing for cross-context advertising
	targetingOut bool // of its use for targeted advertising
	noNotice     bool // the publisher says that a notice was not given
	child        bool // of a known child or minor, with or without consent
	service      bool // MSPA service provider mode: for the publisher's own purposes alone
	gpc          bool // Global Privacy Control, from its sub-section
	geo          bool // precise place: consented, or not opted out of
	sensitive    int  // categories that are refused (1), the place included
}

// A layout is the core segment of a section after its version of six bits: one
// letter per field of two bits.
//
//	n  a notice: 2 not given
//	s  opt-out of sale, h of sharing, t of targeted advertising: 1 opted out
//	d  a category of sensitive data: 1 refused
//	g  the same, precise geolocation, where 2 is consent (or: did not opt out)
//	c  consents for a known child or minor: 0 no child is known
//	p  MSPA service provider mode: 1 on
//	x  MSPA mode: 2 is service provider mode
//	.  a field that decides nothing here
//
// 1 and 2 of a child's consent changed places between editions of the
// specifications, hence anything but 0 is a known child. So they did for the
// sensitive data of Virginia and Connecticut: their g is a d, no basis for a precise place.
type layout string

const sevenAndPlace = "dddddddg"

// layouts holds version 1 of each section: "GPP Extension: ... Privacy Technical
// Specification" of the IAB Tech Lab, editions of November 2022 (California to
// Connecticut), May 2024 (Florida to Texas), July 2024 (Delaware to Tennessee),
// August 2025 (Minnesota) and October 2025 (Maryland to Rhode Island, in public comment).
var layouts = [sectionUSTop + 1]layout{
	sectionUSNat: "nnnn..sht" + "dddddddgdddd" + "cc" + "." + "..p",
	8:            "nn.sh" + "ddgdddddd" + "cc" + "." + "..p", // California
	9:            "nnnst" + "dddddddd" + "c" + "..p",         // Virginia
	10:           "nnnst" + "ddddddd" + "c" + "..p",          // Colorado
	11:           "nnn.st" + sevenAndPlace + "c" + "..p",     // Utah
	12:           "nnnst" + "dddddddd" + "ccc" + "..p",       // Connecticut
	13:           "nnnst" + sevenAndPlace + "ccc" + "...p",   // Florida
	14:           "nnnst" + sevenAndPlace + "ccc" + "...p",   // Montana
	15:           "nnnst" + "ddddddddddg" + "ccc" + "...p",   // Oregon
	16:           "nnnst" + sevenAndPlace + "c" + "...p",     // Texas
	17:           "nnnst" + "ddddddddg" + "ccccc" + "...p",   // Delaware
	18:           "nnn.st" + sevenAndPlace + "c" + "..p",     // Iowa
	19:           "nnnst" + sevenAndPlace + "c" + "...p",     // Nebraska
	20:           "nnnst" + sevenAndPlace + "ccc" + "...p",   // New Hampshire
	21:           "nnnst" + "dddddddgdd" + "ccccc" + "...p",  // New Jersey
	22:           "nnnst" + sevenAndPlace + "c" + "...p",     // Tennessee
	23:           "nnnst" + sevenAndPlace + "c" + "...p",     // Minnesota
	24:           ".x" + "nnnst" + ".",                       // Maryland
	25:           ".x" + "nnnst" + "c.",                      // Indiana
	26:           ".x" + "nnnst" + "c.",                      // Kentucky
	27:           ".x" + "nnnst" + "c.",                      // Rhode Island
}

// usNat2 is version 2 of the national section (August 2024).
const usNat2 layout = "nnnn..sht" + "dddddddgdddddddd" + "ccc" + "." + "..p"

// Sections from Maryland on begin with a header of their own: their id, their
// version, their sub-sections. Their core begins with the MSPA's version.
const sectionHeadersFrom = 24

// decode reads the US section id, 7 to 27.
func (c *choices) decode(id int, s []byte, r *reader) fault {
	*c = choices{}
	core, rest, more := bytes.Cut(s, dot)
	if f := r.load(core); f != faultNone {
		return f
	}
	version := r.int(6)
	if id >= sectionHeadersFrom {
		// The IAB's own library (iabgpp-es 3.2.0) writes these sections without
		// their header; an MSPA version is not the id of such a section.
		if version == id {
			if r.int(6) != 1 || !more {
				return faultVersion
			}
			core, rest, more = bytes.Cut(rest, dot)
			if f := r.load(core); f != faultNone {
				return f
			}
			r.skip(6)
		}
		version = 1
	}
	fields := layouts[id]
	switch {
	case id == sectionUSNat && version == 2:
		fields = usNat2
	case version != 1:
		return faultVersion
	}
	if f := c.fields(fields, r); f != faultNone {
		return f
	}
	for more {
		var sub []byte
		sub, rest, more = bytes.Cut(rest, dot)
		if f := c.subSection(id, sub, r); f != faultNone {
			return f
		}
	}
	return faultNone
}

// fields reads as many fields as the layout has letters.
func (c *choices) fields(l layout, r *reader) fault {
	for i := range len(l) {
		v := r.uint(2)
		if l[i] == '.' {
			continue
		}
		if v == 3 {
			return faultValue
		}
		switch l[i] {
		case 'n':
			c.noNotice = c.noNotice || v == 2
		case 's':
			c.saleOut = v == 1
		case 'h':
			c.sharingOut = v == 1
		case 't':
			c.targetingOut = v == 1
		case 'g':
			c.geo = v == 2
			c.sensitive += int(v & 1)
		case 'd':
			c.sensitive += int(v & 1)
		case 'c':
			c.child = c.child || v != 0
		case 'p':
			c.service = v == 1
		case 'x':
			c.service = v == 2
		}
	}
	if r.short {
		return faultShort
	}
	return faultNone
}

// subSection reads what follows the core: GPC, or the sensitive data of Indiana,
// Kentucky and Rhode Island, which has no type of its own.
func (c *choices) subSection(id int, s []byte, r *reader) fault {
	if f := r.load(s); f != faultNone {
		return f
	}
	if id > sectionHeadersFrom {
		return c.fields(sevenAndPlace, r)
	}
	if kind := r.int(2); kind != 1 {
		return faultSegment
	}
	c.gpc = r.flag()
	if r.short {
		return faultShort
	}
	return faultNone
}
