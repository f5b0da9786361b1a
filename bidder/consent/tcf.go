package consent

import (
	"bytes"
	"encoding/binary"
)

// tcf is what a TC string says for one vendor ("Transparency and Consent String
// with Global Vendor & CMP List Formats", version 2.3 of April 2025).
type tcf struct {
	created             uint64 // tenths of a second since 1970; since TCF 2.2 the same day as updated
	updated             uint64
	cmp                 int
	cmpVersion          int
	vendorList          int // version of the Global Vendor List
	policy              int // TCF policy version
	serviceSpecific     bool
	specialFeatures     uint16 // bit 11 is special feature 1
	purposesConsent     PurposeSet
	purposesLI          PurposeSet // transparency given and no objection
	purposeOneTreatment bool       // purpose 1 was not disclosed at all
	publisherCC         [2]byte    // upper case

	vendorConsent bool
	vendorLI      bool

	// Publisher restrictions that name the vendor.
	notAllowed     PurposeSet
	requireConsent PurposeSet
	requireLI      PurposeSet

	// hasDisclosed: the string has a disclosedVendors segment; disclosed: the
	// vendor is in it.
	hasDisclosed bool
	disclosed    bool
}

const specialFeature1 = 1 << 11

// Segment types, three bits at a segment's start. The core has none: its version
// begins with three zeros.
const (
	segmentCore      = 0
	segmentDisclosed = 1
)

// decode reads s for the vendor (1 to 65535) into t, through r. Every character
// of every segment is checked, those of segments that we don't read too
// (allowedVendors, publisherTC).
func (t *tcf) decode(s []byte, vendor int, r *reader) fault {
	*t = tcf{}
	if len(s) > maxString {
		return faultTooLong
	}
	core, rest, more := bytes.Cut(s, dot)
	if f := r.load(core); f != faultNone {
		return f
	}
	if f := t.core(r); f != faultNone {
		return f
	}
	var f fault
	if t.vendorConsent, f = r.vendors(vendor); f != faultNone {
		return f
	}
	if t.vendorLI, f = r.vendors(vendor); f != faultNone {
		return f
	}
	if f = t.restrictions(vendor, r); f != faultNone {
		return f
	}
	for more {
		var segment []byte
		segment, rest, more = bytes.Cut(rest, dot)
		if f = t.segment(segment, vendor, r); f != faultNone {
			return f
		}
	}
	return faultNone
}

var dot = []byte{'.'}

// core reads the fields before the vendor lists.
func (t *tcf) core(r *reader) fault {
	if r.int(6) != 2 {
		return faultVersion
	}
	t.created, t.updated = r.uint(36), r.uint(36)
	t.cmp, t.cmpVersion = r.int(12), r.int(12)
	r.skip(6 + 12) // consentScreen, consentLanguage
	t.vendorList, t.policy = r.int(12), r.int(6)
	t.serviceSpecific = r.flag()
	r.skip(1) // useNonStandardTexts
	t.specialFeatures = uint16(r.uint(12))
	t.purposesConsent, t.purposesLI = purposesIn(r.uint(24)), purposesIn(r.uint(24))
	t.purposeOneTreatment = r.flag()
	for i := range t.publisherCC {
		letter := r.uint(6)
		if letter > 25 {
			return faultValue
		}
		t.publisherCC[i] = 'A' + byte(letter)
	}
	if r.short {
		return faultShort
	}
	return faultNone
}

// vendors reads a vendor section, bit field or ranges, and says whether id is in it.
func (r *reader) vendors(id int) (in bool, f fault) {
	top := r.int(16)
	if r.flag() {
		return r.ranges(id, top)
	}
	first := r.skip(top)
	if r.short {
		return false, faultShort
	}
	return id <= top && r.at(first+id-1), faultNone
}

// ranges reads a list of ids and inclusive ranges, none above top, and says whether
// id is in it. The list may be in any order; the string's length bounds it.
func (r *reader) ranges(id, top int) (in bool, f fault) {
	n := r.int(12)
	// The hot loop of long lists: one load per entry of up to 33 bits, and the
	// bounds gathered in the sign of bad.
	pos, end, bad := r.pos, r.bits, 0
	for ; n > 0 && pos <= end; n-- {
		entry := binary.BigEndian.Uint64(r.bytes[pos>>3:]) << (pos & 7)
		first := int(entry >> 47 & 0xFFFF)
		last := first
		pos += 17
		if entry>>63 == 1 {
			last = int(entry >> 31 & 0xFFFF)
			pos += 16
		}
		bad |= (first - 1) | (last - first) | (top - last)
		if first <= id && id <= last {
			in = true
		}
	}
	r.pos = pos
	switch {
	case r.short || pos > end:
		return false, faultShort
	case bad < 0:
		return false, faultRange
	}
	return in, faultNone
}

// restrictions reads the publisher's restrictions and keeps those of the vendor.
func (t *tcf) restrictions(vendor int, r *reader) fault {
	for n := r.int(12); n > 0; n-- {
		set, kind := purpose(r.int(6)), r.int(2)
		// No maximum here: a restriction may cover ids that the list doesn't have.
		in, f := r.ranges(vendor, 0xFFFF)
		if f != faultNone {
			return f
		}
		if !in {
			continue
		}
		switch kind {
		case 1:
			t.requireConsent |= set
		case 2:
			t.requireLI |= set
		default: // 3 is undefined; what can't be understood is not allowed
			t.notAllowed |= set
		}
	}
	if r.short {
		return faultShort
	}
	return faultNone
}

// segment reads one segment after the core.
func (t *tcf) segment(s []byte, vendor int, r *reader) (f fault) {
	if len(s) == 0 {
		return faultSegment
	}
	if f = r.load(s); f != faultNone {
		return f
	}
	switch r.int(3) {
	case segmentCore:
		return faultSegment
	case segmentDisclosed:
		if t.hasDisclosed {
			return faultSegment
		}
		t.hasDisclosed = true
		t.disclosed, f = r.vendors(vendor)
	}
	return f
}
