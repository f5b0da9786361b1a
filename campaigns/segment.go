package campaigns

import "strings"

// KindSegment is that of Segment.
const KindSegment Kind = "segment"

// Segment is a named audience: what of tags a user must hold. A line item that
// targets segments reaches the users of all of them; an edit of the segment holds
// for each of its line items.
type Segment struct {
	Meta
	AdvertiserID ID      `json:"advertiser_id"`
	Name         string  `json:"name"`
	Status       Status  `json:"status"`
	Tags         TagRule `json:"tags"`
}

// MaxSegments bounds the segments of one line item.
const MaxSegments = 8

// Kind implements Entity.
func (*Segment) Kind() Kind { return KindSegment }

// Parent implements Entity.
func (s *Segment) Parent() (Kind, ID) { return KindAdvertiser, s.AdvertiserID }

// Label implements Entity.
func (s *Segment) Label() string { return s.Name }

// State implements Entity.
func (s *Segment) State() Status { return s.Status }

func (s *Segment) setState(st Status) { s.Status = st }

// Normalize implements Entity.
func (s *Segment) Normalize() {
	s.Name, s.Status = strings.TrimSpace(s.Name), orActive(s.Status)
	s.Tags.normalize()
}

// Validate implements Entity.
func (s *Segment) Validate(r *Refs) error {
	c := newChecker(KindSegment)
	c.entity(s, s.Name, r)
	c.parent("advertiser_id", s, r.Advertiser == nil, r)
	c.check(len(s.Tags.AnyOf)+len(s.Tags.AllOf)+len(s.Tags.NoneOf) > 0, "tags", "{}", "must ask something: an empty segment is everybody")
	s.Tags.validate(c, "tags", tagRule(r.Tags))
	return c.err()
}
