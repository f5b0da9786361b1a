package offers

import (
	"bytes"

	"github.com/cespare/xxhash/v2"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

// Key names one impression, whichever exchange offers it. It holds no memory of
// the request. Its zero value is that of an impression that can't be told from
// others.
type Key struct {
	transaction uint64 // 0: no transaction id
	placement   uint64 // 0: no user, or no place
	request     uint16 // tells requests of one exchange apart
}

// Unknown says that the impression can't be told from others.
func (k Key) Unknown() bool { return k.transaction == 0 && k.placement == 0 }

// KeyOf names imp, an element of r.Imp, in two ways; offers are one where
// either agrees, as header bidders may give each exchange an id of its own.
//
//   - Its transaction: imp.ext.tid, which is the impression's own; or else
//     source.tid (OpenRTB 2.6, section 3.2.2), which all impressions of a page
//     share, with the slot.
//   - The user with the site's domain or app's bundle and the slot, where user,
//     which is 0 where it is not known or may not be, is not 0.
//
// The slot is imp.ext.gpid (OpenRTB community extension: Global Placement ID);
// else what every exchange says alike of an impression: its formats, banner
// sizes, and whether it is an interstitial or rewarded. tagid is each exchange's own.
// Slots that are the same in these are numbered within the request.
func KeyOf(r *openrtb.BidRequest, imp *openrtb.Imp, user ids.UserKey) Key {
	k := Key{request: uint16(mix(xxhash.Sum64(r.ID), xxhash.Sum64(imp.ID))) &^ shared}
	gpid, tid := placementIDs(imp.Ext)
	slot := slotOf(imp, gpid)
	same := ordinal(r, imp, slot, gpid)
	switch {
	case len(tid) > 0:
		k.transaction = key('i', textHash(tid), same)
	case r.Source != nil && len(r.Source.TID) > 0:
		k.transaction = key('s', mix(xxhash.Sum64(r.Source.TID), slot), same)
	}
	if place := placeOf(r); place != 0 && user != 0 {
		k.placement = key('p', mix(mix(place, uint64(user)), slot), same)
	}
	return k
}

// key is never 0.
func key(kind byte, h, ordinal uint64) uint64 { return max(mix(mix(h, uint64(kind)), ordinal), 1) }

// placeOf hashes what is the same of a site or app at every exchange; 0: nothing is.
func placeOf(r *openrtb.BidRequest) uint64 {
	switch {
	case r.Site != nil && len(r.Site.Domain) > 0:
		return foldedHash('d', r.Site.Domain)
	case r.Site != nil:
		if host := hostOf(r.Site.Page); len(host) > 0 {
			return foldedHash('d', host)
		}
	case r.App != nil && len(r.App.Bundle) > 0:
		return foldedHash('a', r.App.Bundle)
	}
	return 0
}

// hostOf is the host of a URL with its port.
func hostOf(url []byte) []byte {
	_, rest, ok := bytes.Cut(url, []byte("://"))
	if !ok {
		return nil
	}
	if end := bytes.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// foldedHash takes letters of either case for one, and a site with or without www.
func foldedHash(kind byte, s []byte) uint64 {
	var buf [256]byte
	n := copy(buf[:], s)
	for i, c := range buf[:n] {
		if c >= 'A' && c <= 'Z' {
			buf[i] = c + 'a' - 'A'
		}
	}
	return mix(xxhash.Sum64(bytes.TrimPrefix(buf[:n], []byte("www."))), uint64(kind))
}

// maxNumbered bounds the impressions of a request that are compared to number
// those alike; in a longer one each has its place in the list.
const maxNumbered = 16

// ordinal counts the impressions before imp that have its slot.
func ordinal(r *openrtb.BidRequest, imp *openrtb.Imp, slot uint64, gpid []byte) (n uint64) {
	for i := range r.Imp {
		other := &r.Imp[i]
		if other == imp {
			break
		}
		if len(r.Imp) > maxNumbered {
			n++
			continue
		}
		id, _ := placementIDs(other.Ext)
		if (len(id) > 0) == (len(gpid) > 0) && slotOf(other, id) == slot {
			n++
		}
	}
	return n
}

func slotOf(imp *openrtb.Imp, gpid []byte) uint64 {
	if len(gpid) > 0 {
		return mix(textHash(gpid), 'g')
	}
	h := uint64(0)
	flag := func(set bool, bit uint) {
		if set {
			h |= 1 << bit
		}
	}
	flag(imp.Video != nil, 0)
	flag(imp.Audio != nil, 1)
	flag(imp.Native != nil, 2)
	flag(imp.Instl, 3)
	flag(imp.Rwdd, 4)
	if b := imp.Banner; b != nil {
		flag(true, 5)
		sizes := uint64(0) // a sum: exchanges sort them in ways of their own
		for i := range b.Format {
			sizes += mix(uint64(b.Format[i].W), uint64(b.Format[i].H))
		}
		if len(b.Format) == 0 {
			sizes = mix(uint64(b.W), uint64(b.H))
		}
		h = mix(h, sizes)
	}
	return h
}

// mix hashes two numbers into one (the finalizer of splitmix64); the order matters.
func mix(a, b uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 + b + 0x632be59bd9b4e019
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
