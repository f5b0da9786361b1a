package profiles

import (
	"bytes"
	"fmt"
	"math"
	"time"
	"unsafe"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// decoder reads the values of "profiles" and "behaviour". It is not safe for
// concurrent use; what it returns is valid until its next call.
type decoder struct {
	numbers TagNumbers
	// learn, if set, is told each number's path: whoever publishes records
	// again needs it. path is valid during the call only.
	learn func(number campaigns.TagNumber, path []byte) error

	s    scanner
	tags []Tag
	seen fieldSet
}

// fieldSet says which required fields a record had.
type fieldSet uint8

const (
	hasVersionOfSchema fieldSet = 1 << iota
	hasUser
	hasVersion
	hasAt
	hasTags
	hasID
	hasType
	hasTag
)

var fieldNames = [...]string{"v", "user", "version", "at", "tags", "id", "type", "tag"}

// decoded is a profile read from the log. Its tags are normalized.
type decoded struct {
	user    ids.UserKey
	version uint64
	at      time.Time
	tags    []Tag
	unknown int // tags whose path has no number, left out
}

// profile reads a value of "profiles" whose user must be the record's key.
func (d *decoder) profile(r *eventlog.Record) (decoded, error) {
	s := &d.s
	s.reset(r.Value)
	d.seen, d.tags = 0, d.tags[:0]
	var p decoded
	var v uint64
	s.object(func(key []byte) {
		switch string(key) {
		case "v":
			v = d.schema()
		case "user":
			p.user = d.user(r.Key)
		case "version":
			s.field, d.seen = "version", d.seen|hasVersion
			p.version = s.uint(1, math.MaxUint64)
		case "at":
			s.field, d.seen = "at", d.seen|hasAt
			p.at = s.time()
		case "tags":
			d.seen |= hasTags
			p.unknown = d.profileTags()
		default:
			s.field = "unknown field"
			s.skip()
		}
	})
	s.end()
	if err := d.verdict(v, hasVersionOfSchema|hasUser|hasVersion|hasAt|hasTags); err != nil {
		return decoded{}, err
	}
	p.tags = NormalizeTags(d.tags)
	return p, nil
}

// profileTags reads the array of tags and returns how many it left out.
func (d *decoder) profileTags() (unknown int) {
	s := &d.s
	d.tags = d.tags[:0]
	s.field = "tags"
	s.array(func(i int) {
		if i >= MaxTags {
			s.fail("more than %d", MaxTags)
			return
		}
		s.path, s.index = "tags", i
		t := tagFields{}
		s.object(func(key []byte) { d.tagField(key, &t) })
		known := d.finishTag(&t)
		s.path, s.index, s.field = "", -1, "tags"
		if !known {
			unknown++
			return
		}
		d.tags = append(d.tags, Tag{Key: campaigns.NewTagKey(t.owner, t.number), Weight: t.weight, Expires: t.expires})
	})
	return unknown
}

// tagFields is one tag while it is being read.
type tagFields struct {
	owner   campaigns.ID
	number  campaigns.TagNumber
	weight  uint8
	expires Minute
	known   bool // the path has a number
	hasPath bool
}

// tagField reads a member that tags in profiles and in events share.
func (d *decoder) tagField(key []byte, t *tagFields) {
	s := &d.s
	switch string(key) {
	case "owner":
		s.field = "owner"
		t.owner = campaigns.ID(s.uint(0, math.MaxUint32))
	case "tag":
		s.field = "tag"
		t.hasPath = true
		t.number, t.known = d.number(s.text(maxPathBytes))
	case "weight":
		s.field = "weight"
		t.weight = uint8(s.uint(1, math.MaxUint8))
	case "expires":
		s.field, t.expires = "expires", 0
		if !s.literal("null") {
			t.expires = MinuteOf(s.time())
		}
	default:
		s.field = "unknown field"
		s.skip()
	}
}

// finishTag checks that a tag is whole and says whether it is known.
func (d *decoder) finishTag(t *tagFields) bool {
	switch {
	case d.s.err != nil:
		return false
	case !t.hasPath:
		d.s.field = "tag"
		d.s.fail("missing")
	case t.weight == 0:
		d.s.field = "weight"
		d.s.fail("missing")
	}
	return t.known
}

func (d *decoder) number(path []byte) (campaigns.TagNumber, bool) {
	if d.s.err != nil {
		return 0, false
	}
	n, ok := d.numbers.Number(viewString(path))
	if ok && d.learn != nil {
		if err := d.learn(n, path); err != nil {
			d.s.fail("%v", err)
		}
	}
	return n, ok
}

// event is a tag event read from "behaviour".
type event struct {
	user   ids.UserKey
	tag    Tag // Weight 0: removed
	known  bool
	ignore bool // of a type that this package does not handle
}

// event reads a value of "behaviour" whose user must be the record's key.
func (d *decoder) event(r *eventlog.Record) (event, error) {
	s := &d.s
	s.reset(r.Value)
	d.seen = 0
	var e event
	var t tagFields
	var v uint64
	var at time.Time
	remove := false
	s.object(func(key []byte) {
		switch string(key) {
		case "v":
			v = d.schema()
		case "id":
			s.field, d.seen = "id", d.seen|hasID
			s.text(maxEventIDBytes)
		case "user":
			e.user = d.user(r.Key)
		case "type":
			s.field, d.seen = "type", d.seen|hasType
			e.ignore = string(s.text(maxPathBytes)) != "tag"
		case "at":
			s.field, d.seen = "at", d.seen|hasAt
			at = s.time()
		case "remove":
			s.field = "remove"
			remove = s.boolean()
		default:
			d.tagField(key, &t)
		}
	})
	s.end()
	if err := d.verdict(v, hasVersionOfSchema|hasUser|hasAt|hasID|hasType); err != nil || e.ignore {
		return event{ignore: e.ignore && err == nil}, err
	}
	if remove {
		t.weight = max(t.weight, 1) // a removal need not say one
	}
	if e.known = d.finishTag(&t); s.err != nil {
		return event{}, s.err
	}
	e.tag = Tag{Key: campaigns.NewTagKey(t.owner, t.number), Weight: t.weight, Expires: t.expires, Seen: clampSeen(at.UnixMilli())}
	if remove {
		e.tag.Weight, e.tag.Expires = 0, 0
	}
	return e, nil
}

func (d *decoder) schema() uint64 {
	d.s.field, d.seen = "v", d.seen|hasVersionOfSchema
	return d.s.uint(0, math.MaxUint64)
}

// user reads the user, which must be the record's key: else a compacted topic
// would keep the wrong record.
func (d *decoder) user(key []byte) ids.UserKey {
	d.s.field, d.seen = "user", d.seen|hasUser
	text := d.s.str()
	k, ok := parseUser(text)
	switch {
	case d.s.err != nil:
	case !ok:
		d.s.fail("want 16 hex digits, not all 0")
	case !bytes.EqualFold(text, key):
		d.s.fail("differs from the record's key")
	}
	return k
}

// verdict is the record's first fault. An unknown schema version explains any
// other fault, so it comes first.
func (d *decoder) verdict(v uint64, required fieldSet) error {
	if d.seen&hasVersionOfSchema != 0 && v != wireVersion && d.s.field != "v" {
		return fmt.Errorf("v: got %d; want %d", v, wireVersion)
	}
	if d.s.err != nil {
		return d.s.err
	}
	if v != wireVersion && d.seen&hasVersionOfSchema != 0 {
		return fmt.Errorf("v: got %d; want %d", v, wireVersion)
	}
	for i, name := range fieldNames {
		if bit := fieldSet(1) << i; required&bit != 0 && d.seen&bit == 0 {
			return fmt.Errorf("%s: missing", name)
		}
	}
	return nil
}

// time reads an RFC 3339 time.
func (s *scanner) time() (t time.Time) {
	b := s.str()
	if s.err != nil {
		return t
	}
	if err := t.UnmarshalText(b); err != nil {
		s.fail("got %.40q; want an RFC 3339 time", b)
	}
	return t
}

// viewString is b as a string without a copy; it must not outlive b.
func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
