// Package profiles knows the audience tags of each user: the compact record,
// the node's own store of records with a cache in front, the feed that keeps it
// up to date from the topic "profiles", the builder that makes profiles out of
// behaviour, and the import of lists.
package profiles

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"bidhawk/campaigns"
)

// MaxTags bounds the tags of one profile.
const MaxTags = 1000

// recordFormat is the first byte of a record.
const recordFormat = 1

// ErrMalformed reports bytes that are no record.
var ErrMalformed = errors.New("malformed profile record")

// Minute is a time in whole minutes since 1970 in UTC. As an expiry it is
// rounded down, so that a tag is never used after its time; 0 is "never".
type Minute uint32

// MinuteOf rounds t down. What lies before 1970 is minute 1 (long gone), what
// lies beyond the year 10136 the last minute there is.
func MinuteOf(t time.Time) Minute {
	if t.IsZero() {
		return 0
	}
	return Minute(min(max(t.Unix()/60, 1), math.MaxUint32))
}

// Time is the start of the minute; zero for 0.
func (m Minute) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.Unix(int64(m)*60, 0).UTC()
}

// Tag is one tag of a profile.
type Tag struct {
	Key     campaigns.TagKey
	Weight  uint8  // 1 to 255; 0 marks a removed tag in the builder's own records
	Expires Minute // 0: never
	// Seen is when the tag was last given or removed, in milliseconds since
	// 1970; only the builder's own records have it, 0 elsewhere.
	Seen int64
}

// live says whether the tag may still be used in minute now.
func (t Tag) live(now Minute) bool { return t.Weight > 0 && (t.Expires == 0 || t.Expires > now) }

// Record is a profile as it is stored: a byte slice read in place.
//
//	format(1) version updated n
//	  [expiryBase expiryWidth(1) weightBase(1) weightWidth(1) seenBase seenWidth(1)
//	   groups: owner count firstNumber (number-previous-1)...
//	   packed expiries, packed weights, packed times seen]
//
// Numbers without a size are unsigned varints. A packed column holds value-base
// in as many bits as the largest needs (none when all are equal); an expiry's
// code is 0 for never, else 1+expiry-base. Groups ascend by owner (after the
// first as the difference to the previous one, less 1), numbers within them. The
// columns' place follows from the record's end: a profile of which nothing has
// expired is read without touching them, one or two cache lines less. 50 tags of one owner that expire within 30 days take about 240 bytes.
//
// Methods never panic, whatever the bytes; Check says whether they are sound.
type Record []byte

// layout is the decoded head of a record and its columns.
type layout struct {
	version    uint64
	updated    int64 // milliseconds
	n          int
	expiryBase uint64
	weightBase uint64
	seenBase   uint64
	expiryBits int
	weightBits int
	seenBits   int
	expiries   []byte
	weights    []byte
	seen       []byte
	keys       []byte
}

// NormalizeTags sorts tags by key and drops repeats in place. Of repeats the
// later expiry wins (never is the latest), then the higher weight, then the
// later Seen: the result does not depend on the order they came in.
func NormalizeTags(tags []Tag) []Tag {
	slices.SortFunc(tags, func(a, b Tag) int {
		return cmp.Or(
			cmp.Compare(a.Key, b.Key),
			cmp.Compare(b.Expires-1, a.Expires-1), // 0 wraps to the largest
			cmp.Compare(b.Weight, a.Weight),
			cmp.Compare(b.Seen, a.Seen))
	})
	return slices.CompactFunc(tags, func(a, b Tag) bool { return a.Key == b.Key })
}

// AppendRecord appends the record of a profile to dst. The tags must ascend
// strictly by key (NormalizeTags makes them) and be at most MaxTags.
func AppendRecord(dst []byte, version uint64, updated time.Time, tags []Tag) ([]byte, error) {
	if len(tags) > MaxTags {
		return dst, fmt.Errorf("profile: got %d tags; want at most %d", len(tags), MaxTags)
	}
	for i := 1; i < len(tags); i++ {
		if tags[i].Key <= tags[i-1].Key {
			return dst, fmt.Errorf("profile: tag %d: key %d does not ascend", i, tags[i].Key)
		}
	}
	dst = append(dst, recordFormat)
	dst = binary.AppendUvarint(dst, version)
	dst = binary.AppendUvarint(dst, uint64(max(updated.UnixMilli(), 0)))
	dst = binary.AppendUvarint(dst, uint64(len(tags)))
	if len(tags) == 0 {
		return dst, nil
	}
	return appendBody(dst, tags), nil
}

func appendBody(dst []byte, tags []Tag) []byte {
	expLow, expHigh := uint64(math.MaxUint32), uint64(0)
	weightLow, weightHigh := uint8(math.MaxUint8), uint8(0)
	seenLow, seenHigh := int64(math.MaxInt64), int64(0)
	for _, t := range tags {
		if t.Expires != 0 {
			expLow, expHigh = min(expLow, uint64(t.Expires)), max(expHigh, uint64(t.Expires))
		}
		weightLow, weightHigh = min(weightLow, t.Weight), max(weightHigh, t.Weight)
		s := clampSeen(t.Seen)
		seenLow, seenHigh = min(seenLow, s), max(seenHigh, s)
	}
	expBits := 0
	if expHigh == 0 {
		expLow = 0
	} else {
		expBits = widthOf(1 + expHigh - expLow)
	}
	weightBits, seenBits := widthOf(uint64(weightHigh-weightLow)), widthOf(uint64(seenHigh-seenLow))
	dst = binary.AppendUvarint(dst, expLow)
	dst = append(dst, byte(expBits), weightLow, byte(weightBits))
	dst = binary.AppendUvarint(dst, uint64(seenLow))
	dst = append(dst, byte(seenBits))
	dst = appendKeys(dst, tags)

	p := packer{dst: dst}
	for _, t := range tags {
		code := uint64(0)
		if t.Expires != 0 {
			code = 1 + uint64(t.Expires) - expLow
		}
		p.put(code, expBits)
	}
	p.dst = p.flush()
	for _, t := range tags {
		p.put(uint64(t.Weight-weightLow), weightBits)
	}
	p.dst = p.flush()
	for _, t := range tags {
		p.put(uint64(clampSeen(t.Seen)-seenLow), seenBits)
	}
	return p.flush()
}

// maxSeen (the year 4199) keeps the packed width within what unpack reads.
const maxSeen = 1<<46 - 1

func clampSeen(ms int64) int64 { return min(max(ms, 0), maxSeen) }

func appendKeys(dst []byte, tags []Tag) []byte {
	for i, base := 0, uint64(0); i < len(tags); {
		owner := uint64(tags[i].Key) >> 32
		n := i
		for n < len(tags) && uint64(tags[n].Key)>>32 == owner {
			n++
		}
		dst = binary.AppendUvarint(dst, owner-base)
		dst = binary.AppendUvarint(dst, uint64(n-i))
		prev := uint64(0)
		for ; i < n; i++ {
			number := uint64(uint32(tags[i].Key))
			dst = binary.AppendUvarint(dst, number-prev)
			prev = number + 1
		}
		base = owner + 1
	}
	return dst
}

// layout decodes all but the keys. ok is false when the bytes are too few or
// out of range.
func (r Record) layout() (l layout, ok bool) {
	if len(r) == 0 || r[0] != recordFormat {
		return l, false
	}
	c := cursor{b: r[1:], ok: true}
	l.version = c.uvarint(math.MaxUint64)
	l.updated = int64(c.uvarint(math.MaxInt64))
	l.n = int(c.uvarint(MaxTags))
	if !c.ok || l.n == 0 {
		return l, c.ok && len(c.b) == 0
	}
	l.expiryBase = c.uvarint(math.MaxUint32)
	l.expiryBits = c.byte(33)
	l.weightBase = uint64(c.byte(math.MaxUint8))
	l.weightBits = c.byte(8)
	l.seenBase = c.uvarint(maxSeen)
	l.seenBits = c.byte(46)
	seenAt := len(c.b) - packedLen(l.n, l.seenBits)
	weightsAt := seenAt - packedLen(l.n, l.weightBits)
	expiriesAt := weightsAt - packedLen(l.n, l.expiryBits)
	if !c.ok || expiriesAt < 0 {
		return l, false
	}
	l.keys, l.expiries = c.b[:expiriesAt], c.b[expiriesAt:weightsAt]
	l.weights, l.seen = c.b[weightsAt:seenAt], c.b[seenAt:]
	return l, true
}

// Version is the profile's version; 0 when the record is malformed.
func (r Record) Version() uint64 {
	if len(r) == 0 || r[0] != recordFormat {
		return 0
	}
	c := cursor{b: r[1:], ok: true}
	return c.uvarint(math.MaxUint64)
}

// Updated is when the profile last changed, in milliseconds' precision.
func (r Record) Updated() time.Time {
	l, _ := r.layout()
	return time.UnixMilli(l.updated).UTC()
}

// Len is the number of tags, expired ones included.
func (r Record) Len() int {
	l, ok := r.layout()
	if !ok {
		return 0
	}
	return l.n
}

// Check returns ErrMalformed unless every tag can be read, the keys ascend and
// nothing follows.
func (r Record) Check() error {
	it := r.Tags()
	for it.Next() {
	}
	return it.Err()
}

// AppendLive appends the keys of the tags that have not expired at now, in
// ascending order. It allocates only when dst must grow. Of a malformed record
// it appends nothing.
func (r Record) AppendLive(dst []campaigns.TagKey, now time.Time) []campaigns.TagKey {
	l, ok := r.layout()
	if !ok || l.n == 0 {
		return dst
	}
	start := len(dst)
	dst = appendAllKeys(dst, l.keys, l.n)
	at := uint64(MinuteOf(now))
	// Fast path: the first to expire is still live, so that all are, and no
	// record of the bidder's has removed tags (weight 0).
	if len(dst) == start || (l.expiryBits == 0 || l.expiryBase > at) && l.weightBase > 0 {
		return dst
	}
	// Slow path: drop the dead.
	live := start
	for i := range l.n {
		code := unpack(l.expiries, i, l.expiryBits)
		if code != 0 && l.expiryBase+code-1 <= at || l.weightBase == 0 && unpack(l.weights, i, l.weightBits) == 0 {
			continue
		}
		dst[live] = dst[start+i]
		live++
	}
	return dst[:live]
}

// appendAllKeys decodes n keys, or appends nothing where there are not as many.
// Unlike TagIter it keeps its state in registers: it is most of a cache hit's
// time that is not spent waiting for memory.
func appendAllKeys(dst []campaigns.TagKey, b []byte, n int) []campaigns.TagKey {
	start := len(dst)
	dst = slices.Grow(dst, n)[:start+n]
	out := dst[start:]
	for base := uint64(0); len(out) > 0; {
		c := cursor{b: b, ok: true}
		owner := base + c.uvarint(math.MaxUint32)
		count := c.uvarint(MaxTags)
		if !c.ok || count == 0 || count > uint64(len(out)) || owner > math.MaxUint32 {
			return dst[:start]
		}
		rest, ok := decodeGroup(out[:count], c.b, owner<<32)
		if !ok {
			return dst[:start]
		}
		b, out, base = rest, out[count:], owner+1
	}
	if len(b) > 0 {
		return dst[:start]
	}
	return dst
}

// decodeGroup fills out with an owner's keys and returns the bytes after them.
func decodeGroup(out []campaigns.TagKey, b []byte, owner uint64) (rest []byte, ok bool) {
	next := uint64(0)
	for len(out) > 0 {
		// Fast path: eight differences of one byte each.
		if len(out) >= 8 && len(b) >= 8 {
			if w := binary.LittleEndian.Uint64(b); w&0x8080808080808080 == 0 {
				o := out[:8:8]
				for i := range o { // each number is one more than the last, plus the difference
					next += w & 0xff
					o[i] = campaigns.TagKey(owner | next)
					next++
					w >>= 8
				}
				if next > 1<<32 {
					return nil, false
				}
				out, b = out[8:], b[8:]
				continue
			}
		}
		// Slow path.
		d, k := binary.Uvarint(b)
		if next += d; k <= 0 || d > math.MaxUint32 || next > math.MaxUint32 {
			return nil, false
		}
		out[0] = campaigns.TagKey(owner | next)
		next++
		out, b = out[1:], b[k:]
	}
	return b, true
}
