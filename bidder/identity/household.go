package identity

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"
	"unsafe"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

// Household returns the key of the home that the request comes from; 0 where that
// is not known. The caller asks only where there is a legal basis to know the user.
// It does not allocate, and r is not retained.
//
// A home is told by an id of the configured sources, or else by the network address:
// all of an IPv4 address, which a home shares, or the first 64 bits of an IPv6
// address, the least that a home has (RFC 6177). Its key is of one UTC day alone, so
// that no home can be followed from one day to the next: a window that holds midnight
// of UTC may show up to max on each side of it. Behind one address of a carrier or an
// office all are one home, and a home whose address changes is a new one.
func (v *Resolver) Household(r *openrtb.BidRequest, now time.Time) ids.UserKey {
	if r.DOOH != nil {
		return 0
	}
	if len(v.homes) > 0 && r.User != nil {
		if key, known := v.homeEID(r.User.EIDs); known {
			return key
		}
	}
	if !v.homeIP || r.Device == nil {
		return 0
	}
	var raw [4 + 8]byte
	day := binary.BigEndian.AppendUint32(raw[:0], uint32(now.Unix()/86_400))
	for _, text := range [...][]byte{r.Device.IP, r.Device.IPv6} {
		if net, ok := appendNetwork(day, text); ok {
			return v.deps.Keys.User(ids.KindHousehold, "ip", net)
		}
	}
	return 0
}

// homeEID is the key of the preferred id of a home; known, and 0, where it says that
// the home opted out.
func (v *Resolver) homeEID(list []openrtb.EID) (key ids.UserKey, known bool) {
	for _, source := range v.homes {
		for i := range list {
			if !equalFold(list[i].Source, source) {
				continue
			}
			for k := range list[i].UIDs {
				id := list[i].UIDs[k].ID
				switch {
				case bytes.EqualFold(id, optOutID):
					return 0, true
				case usable(id):
					return v.deps.Keys.User(ids.KindHousehold, source, id), true
				}
			}
		}
	}
	return 0, false
}

// equalFold compares s with a domain in lower case.
func equalFold(s []byte, domain string) bool {
	if len(s) != len(domain) {
		return false
	}
	for i, c := range s {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != domain[i] {
			return false
		}
	}
	return true
}

// appendNetwork appends the part of an address that is one home's. ok is false of
// none, of what is no public address, and of what was cut short on its way: many homes
// have that in common.
func appendNetwork(dst, text []byte) (net []byte, ok bool) {
	const longest = 45 // an IPv4 address within an IPv6 one
	if len(text) == 0 || len(text) > longest {
		return dst, false
	}
	a, err := netip.ParseAddr(unsafe.String(&text[0], len(text))) // not kept: an error is dropped here
	if err != nil {
		return dst, false
	}
	if a = a.Unmap(); !a.IsGlobalUnicast() || a.IsPrivate() {
		return dst, false
	}
	if a.Is4() {
		b := a.As4()
		return append(dst, b[:]...), b[3] != 0
	}
	b := a.As16()
	return append(dst, b[:8]...), b[6]|b[7] != 0
}
