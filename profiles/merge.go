package profiles

import (
	"cmp"
	"slices"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
)

// forgetAfter is how long the builder remembers a tag that was removed or has
// expired: as long as the topic "behaviour" could still deliver an older event.
const forgetAfter = 30 * 24 * time.Hour

// profile is a user's state in the builder: a fold of its events.
//
// Each tag is a register that the latest event wins, by Seen (the event's "at")
// and, at the same millisecond, by outranks. So an event applied twice, or in
// another order, changes nothing: that is what dedupes them, for any repeat
// within forgetAfter. A removed tag stays as a tag of weight 0 for that time.
type profile struct {
	user    ids.UserKey
	version uint64 // grows by one with each event that changed what bidders see
	updated int64  // milliseconds: the latest of those events
	tags    []Tag  // ascending by key
	dirty   bool   // something changed, seen by bidders or not
}

// load takes rec over; nil is a new user.
func (p *profile) load(user ids.UserKey, rec Record) error {
	*p = profile{user: user, tags: p.tags[:0]}
	if rec == nil {
		return nil
	}
	p.version, p.updated = rec.Version(), rec.Updated().UnixMilli()
	it := rec.Tags()
	for it.Next() {
		p.tags = append(p.tags, it.Tag())
	}
	return it.Err()
}

// apply folds one event in. evicted says that another tag had to go for it.
func (p *profile) apply(t Tag) (evicted bool) {
	i, found := slices.BinarySearchFunc(p.tags, t.Key, func(a Tag, k campaigns.TagKey) int { return cmp.Compare(a.Key, k) })
	if found && !outranks(t, p.tags[i]) {
		return false
	}
	p.dirty = true
	visible := t.Weight > 0
	if found {
		old := p.tags[i]
		visible = old.Weight != t.Weight || old.Expires != t.Expires
		p.tags[i] = t
	} else {
		p.tags = slices.Insert(p.tags, i, t)
	}
	if visible {
		p.version++
		p.updated = max(p.updated, t.Seen)
	}
	p.forget()
	return p.evict()
}

// outranks says whether a is the later of two events for a tag. At the same
// millisecond a removal wins, then the later expiry, then the higher weight.
func outranks(a, b Tag) bool {
	return cmp.Or(
		cmp.Compare(a.Seen, b.Seen),
		cmp.Compare(min(b.Weight, 1), min(a.Weight, 1)),
		cmp.Compare(a.Expires-1, b.Expires-1), // 0, never, wraps to the largest
		cmp.Compare(a.Weight, b.Weight)) > 0
}

// forget drops tags that have been dead for long. The events' own times drive
// it, so that a replay does the same.
func (p *profile) forget() {
	before := p.updated - forgetAfter.Milliseconds()
	now := Minute(max(p.updated/60_000, 1))
	p.tags = slices.DeleteFunc(p.tags, func(t Tag) bool { return !t.live(now) && t.Seen < before })
}

// evict makes room: the dead go first, then what was given longest ago.
func (p *profile) evict() bool {
	if len(p.tags) <= MaxTags {
		return false
	}
	now := Minute(max(p.updated/60_000, 1))
	rank := func(t Tag) int {
		if t.live(now) {
			return 1
		}
		return 0
	}
	worst := 0
	for i, t := range p.tags {
		w := p.tags[worst]
		if cmp.Or(cmp.Compare(rank(t), rank(w)), cmp.Compare(t.Seen, w.Seen)) < 0 {
			worst = i
		}
	}
	if rank(p.tags[worst]) == 1 {
		p.version++ // bidders see it
	}
	p.tags = slices.Delete(p.tags, worst, worst+1)
	return true
}

// visible appends the tags that bidders get.
func (p *profile) visible(dst []Tag) []Tag {
	now := Minute(max(p.updated/60_000, 1))
	for _, t := range p.tags {
		if t.live(now) {
			t.Seen = 0
			dst = append(dst, t)
		}
	}
	return dst
}

func (p *profile) appendRecord(dst []byte) ([]byte, error) {
	return AppendRecord(dst, p.version, time.UnixMilli(p.updated), p.tags)
}
