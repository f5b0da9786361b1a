package reach

import (
	"encoding/binary"
	"maps"
	"math/big"
	"slices"
)

// SampleUsers is how many users a sample keeps: those of the smallest hashes, which is
// a sample of all that is the same whichever day they come on, so that samples merge
// (Cohen and Kaplan, Summarizing data using bottom-k sketches, 2007).
const SampleUsers = 4096

// Sample is users and how many impressions each has seen.
type Sample struct {
	counts map[uint64]int64
	// bound: of users with hashes below it all are there; 0: of all.
	bound uint64
}

// NewSample is an empty sample.
func NewSample() *Sample { return &Sample{counts: make(map[uint64]int64)} }

// Add counts impressions of a user.
func (s *Sample) Add(user uint64, impressions int64) { s.add(spread(user), impressions) }

func (s *Sample) add(hash uint64, impressions int64) {
	if s.bound != 0 && hash >= s.bound {
		return
	}
	s.counts[hash] += impressions
	if len(s.counts) > 2*SampleUsers { // seldom, so that adding is cheap
		s.shrink()
	}
}

// shrink keeps the smallest hashes.
func (s *Sample) shrink() {
	if len(s.counts) <= SampleUsers {
		return
	}
	hashes := slices.Sorted(maps.Keys(s.counts))
	s.cut(hashes[SampleUsers])
}

// cut drops the hashes from bound on.
func (s *Sample) cut(bound uint64) {
	if s.bound == 0 || bound < s.bound {
		s.bound = bound
	}
	maps.DeleteFunc(s.counts, func(h uint64, _ int64) bool { return h >= s.bound })
}

// Merge adds all that o has; o stays as it is.
func (s *Sample) Merge(o *Sample) {
	if o.bound != 0 {
		s.cut(o.bound)
	}
	for h, n := range o.counts {
		s.add(h, n)
	}
	s.shrink()
}

// Frequency is how many users have seen 1, 2, ... impressions; the last of the list is
// of all that have seen as many or more. Users is their estimated number.
func (s *Sample) Frequency(most int) (users []int64, sampled int) {
	s.shrink()
	users = make([]int64, most)
	for _, n := range s.counts {
		users[min(int(n), most)-1]++
	}
	if s.bound != 0 { // the sample is the share bound / 2^64 of all users
		for i, n := range users {
			users[i] = scale(n, s.bound)
		}
	}
	return users, len(s.counts)
}

// scale is n * 2^64 / bound, rounded down.
func scale(n int64, bound uint64) int64 {
	q := new(big.Int).Lsh(big.NewInt(n), 64)
	q.Quo(q, new(big.Int).SetUint64(bound))
	return q.Int64() // a bound of our own is never so small that this passes 63 bits
}

func (s *Sample) append(dst []byte) []byte {
	s.shrink()
	dst = binary.AppendUvarint(dst, s.bound)
	dst = binary.AppendUvarint(dst, uint64(len(s.counts)))
	last := uint64(0)
	for _, h := range slices.Sorted(maps.Keys(s.counts)) {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, h-last), uint64(s.counts[h]))
		last = h
	}
	return dst
}

func readSample(r *reader) *Sample {
	s := NewSample()
	s.bound = r.uvarint()
	n := r.uvarint()
	if n > 4*SampleUsers {
		r.bad = true
		return s
	}
	last := uint64(0)
	for ; n > 0 && !r.bad; n-- {
		last += r.uvarint()
		count := r.uvarint()
		if count == 0 || count > 1<<40 {
			r.bad = true
			return s
		}
		s.counts[last] = int64(count)
	}
	return s
}
