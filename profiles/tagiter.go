package profiles

import (
	"encoding/binary"
	"math"

	"bidhawk/campaigns"
)

// TagIter reads the tags of a record in ascending order of their keys, without
// allocating. It reads the record in place: the record must not change meanwhile.
type TagIter struct {
	l     layout
	keys  cursor
	i     int // tags read
	group int // tags left in the owner's group
	owner uint64
	base  uint64 // what the next owner is counted from
	next  uint64 // the smallest number that may come next
	bad   bool
}

// Tags returns an iterator that stands before the first tag.
func (r Record) Tags() TagIter {
	l, ok := r.layout()
	return TagIter{l: l, keys: cursor{b: l.keys, ok: true}, bad: !ok}
}

// Next moves to the next tag. It is false at the end and on malformed bytes.
func (it *TagIter) Next() bool {
	if it.bad {
		return false
	}
	if it.i == it.l.n {
		it.bad = len(it.keys.b) > 0
		return false
	}
	if it.group == 0 {
		it.owner = it.base + it.keys.uvarint(math.MaxUint32)
		it.group = int(it.keys.uvarint(MaxTags))
		it.base, it.next = it.owner+1, 0
		if it.group == 0 || it.group > it.l.n-it.i || it.owner > math.MaxUint32 {
			it.bad = true
			return false
		}
	}
	number := it.next + it.keys.uvarint(math.MaxUint32)
	if !it.keys.ok || number > math.MaxUint32 || it.expiry(it.i) > math.MaxUint32 ||
		it.weight(it.i) > math.MaxUint8 || it.seen(it.i) > maxSeen {
		it.bad = true
		return false
	}
	it.next = number + 1
	it.i++
	it.group--
	return true
}

// Tag is the tag Next moved to.
func (it *TagIter) Tag() Tag {
	i := it.i - 1
	return Tag{
		Key:     campaigns.TagKey(it.owner<<32 | (it.next - 1)),
		Weight:  uint8(it.weight(i)),
		Expires: Minute(it.expiry(i)),
		Seen:    int64(it.seen(i)),
	}
}

// Err is ErrMalformed once Next has met bytes that are no record.
func (it *TagIter) Err() error {
	if it.bad {
		return ErrMalformed
	}
	return nil
}

func (it *TagIter) expiry(i int) uint64 {
	code := unpack(it.l.expiries, i, it.l.expiryBits)
	if code == 0 {
		return 0
	}
	return it.l.expiryBase + code - 1
}

func (it *TagIter) weight(i int) uint64 {
	return it.l.weightBase + unpack(it.l.weights, i, it.l.weightBits)
}

func (it *TagIter) seen(i int) uint64 {
	return it.l.seenBase + unpack(it.l.seen, i, it.l.seenBits)
}

// cursor takes bytes from the front of b until they do not suffice or break a
// bound; from then on it returns zeros and ok is false.
type cursor struct {
	b  []byte
	ok bool
}

func (c *cursor) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 || v > limit {
		c.ok, c.b = false, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) byte(limit int) int {
	if len(c.b) == 0 || int(c.b[0]) > limit {
		c.ok, c.b = false, nil
		return 0
	}
	v := int(c.b[0])
	c.b = c.b[1:]
	return v
}
