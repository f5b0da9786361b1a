package campaigns

// TagKey is an audience tag as an owner holds it: the owner's advertiser id (0
// for the operator) in the upper 32 bits, the tag's number in the lower. A line
// item matches tags of the operator and of its own advertiser only.
type TagKey uint64

// TagNumber is a tag's number: from the taxonomy file, or for a list
// ("list/NAME") a hash with the top bit set.
type TagNumber uint32

// NewTagKey joins owner and tag.
func NewTagKey(owner ID, tag TagNumber) TagKey { return TagKey(uint64(owner)<<32 | uint64(tag)) }

// Owner is the advertiser that holds the tag; 0 is the operator.
func (k TagKey) Owner() ID { return ID(k >> 32) }

// Number is the tag's number.
func (k TagKey) Number() TagNumber { return TagNumber(k) }
