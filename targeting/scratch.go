package targeting

import "slices"

// Scratch is the working memory of one goroutine's matching. The zero value is
// ready; it adapts to whatever index it is used with, and reusing it is what
// makes matching free of allocations. It keeps the last index it saw alive.
type Scratch struct {
	ix *Index
	// bits holds what the request has: a bit for a value that clauses name, for
	// a list that holds one of its values, for an advertiser whose tags it has.
	bits []uint64
	// log undoes changes of bits, latest first.
	log     []change
	columns [numFilters][]uint64
	queue   [queueLen]int32 // rows that their records want
	rows    []int32         // those that want the request
	key     []byte          // a normalised value while it is looked up
	offsets []offset        // by zone
	// own are the request's tags that advertisers hold themselves: owner's bit
	// and value. They count for that advertiser's rows alone, which therefore
	// wait in deferred (owner's bit and row) until all others are done.
	own      []uint64
	deferred []uint64
}

type change struct {
	word uint32
	old  uint64
}

// bind forgets the last request and makes room for an index.
func (s *Scratch) bind(ix *Index) {
	s.rewind(0)
	s.rows, s.own, s.deferred = s.rows[:0], s.own[:0], s.deferred[:0]
	if s.ix == ix {
		return
	}
	s.ix = ix
	s.columns = [numFilters][]uint64{}
	s.bits = slices.Grow(s.bits[:0], ix.words)[:ix.words]
	s.offsets = slices.Grow(s.offsets[:0], len(ix.zones))[:len(ix.zones)]
	clear(s.offsets)
	if ix.words > 0 {
		s.bits[0] = 1 << bitAlways
	}
}

func (s *Scratch) set(bit uint32) { s.or(bit>>6, 1<<(bit&63)) }

func (s *Scratch) or(word uint32, mask uint64) {
	if old := s.bits[word]; old|mask != old {
		s.log = append(s.log, change{word, old})
		s.bits[word] = old | mask
	}
}

func (s *Scratch) has(bit uint32) bool { return s.bits[bit>>6]&(1<<(bit&63)) != 0 }

// rewind takes back every change of bits after the first n.
func (s *Scratch) rewind(n int) {
	for i := len(s.log) - 1; i >= n; i-- {
		s.bits[s.log[i].word] = s.log[i].old
	}
	s.log = s.log[:n]
}
