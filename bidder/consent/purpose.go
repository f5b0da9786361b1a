package consent

import (
	"fmt"
	"math/bits"
	"strconv"
)

// PurposeSet is a set of TCF purposes: bit 0 is purpose 1, bit 23 purpose 24.
type PurposeSet uint32

// The TCF knows 11 purposes since 2.2 (Didomi, "IAB TCF v2.2: purposes and features
// summary", of the Policies in effect since 20 November 2023); a string has room for 24.
const (
	knownPurposes  = 11
	stringPurposes = 24
)

// consentOnly are the purposes that can't rest on legitimate interest: 1 by the
// Policies, 3 to 6 since TCF 2.2 ("Consent string and vendor list formats v2",
// "Why was support for legitimate interest for purposes 3 to 6 deprecated?").
const consentOnly PurposeSet = 1<<0 | 1<<2 | 1<<3 | 1<<4 | 1<<5

// PurposesOf is the set of ids, each 1 to 11.
func PurposesOf(ids ...int) (PurposeSet, error) {
	var set PurposeSet
	for _, id := range ids {
		if id < 1 || id > knownPurposes {
			return 0, fmt.Errorf("purpose: got %d; want 1 to %d", id, knownPurposes)
		}
		set |= purpose(id)
	}
	return set, nil
}

// purpose is the set of one id; empty outside of 1 to 24.
func purpose(id int) PurposeSet {
	if id < 1 || id > stringPurposes {
		return 0
	}
	return 1 << (id - 1)
}

// purposesIn turns a string's 24 bits, purpose 1 first, into a set.
func purposesIn(field uint64) PurposeSet { return PurposeSet(bits.Reverse32(uint32(field) << 8)) }

// String lists the ids, such as "1,3,4"; "none" for the empty set.
func (s PurposeSet) String() string {
	if s == 0 {
		return "none"
	}
	var b []byte
	for id := 1; s != 0; id, s = id+1, s>>1 {
		if s&1 == 0 {
			continue
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(id), 10)
	}
	return string(b)
}
