package campaigns

import "github.com/cespare/xxhash/v2"

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

// ListPrefix starts the name of a list as a tag: "list/vip".
const ListPrefix = "list/"

// listBit marks the numbers of lists; the taxonomy's have it clear.
const listBit TagNumber = 1 << 31

// ListNumber is the number of the list called name (without ListPrefix). It is
// a hash, stable for good: two lists of one advertiser collide with a
// probability of n²/2^32 for n lists.
func ListNumber(name string) TagNumber { return TagNumber(xxhash.Sum64String(name)) | listBit }

// IsList says whether n is the number of a list.
func (n TagNumber) IsList() bool { return n&listBit != 0 }

// ValidListName says whether name is 1 to 64 of a-z, 0-9, _ and -, beginning
// with a letter or digit.
func ValidListName(name string) bool {
	return len(name) >= 1 && len(name) <= MaxListNameBytes && isLowerOrDigit(name[0]) && all(name, isSlugByte)
}
