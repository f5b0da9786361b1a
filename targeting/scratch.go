package targeting

import (
	"math/bits"
	"slices"
)

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

// queueLen is how many rows are tried at a time. Their records fit the first-level
// cache, and the loop that gathers rows is so short that the processor fetches
// many records at once, which the loop after it finds there.
const queueLen = 256

// scan tries the rows in the AND of the filters.
func (ix *Index) scan(s *Scratch, now int64) {
	exchange := s.columns[filterExchange]
	country := s.columns[filterCountry][:len(exchange)]
	device := s.columns[filterDevice][:len(exchange)]
	os := s.columns[filterOS][:len(exchange)]
	queued := 0
	for w, word := range exchange {
		for word &= country[w] & device[w] & os[w]; word != 0; word &= word - 1 {
			n := int32(w<<6 | bits.TrailingZeros64(word))
			if owner := ix.records[n].owner; s.has(owner) {
				s.deferred = append(s.deferred, uint64(owner)<<32|uint64(n))
				continue
			}
			s.queue[queued] = n
			queued++
		}
		if queued > queueLen-64 {
			ix.admit(s, s.queue[:queued], now)
			queued = 0
		}
	}
	ix.admit(s, s.queue[:queued], now)
}

// admit appends to s.rows those of some rows that want the request. It overwrites rows.
func (ix *Index) admit(s *Scratch, rows []int32, now int64) {
	wanted := 0
	for _, n := range rows {
		rows[wanted] = n
		wanted += int(ix.records[n].wants(s.bits))
	}
	for _, n := range rows[:wanted] {
		if holds(ix.restProgram(n), s.bits) && ix.rows[n].start <= now && now < ix.rows[n].end {
			s.rows = append(s.rows, n)
		}
	}
}

// admitOwned runs the programs of the deferred rows, advertiser by advertiser,
// each with the advertiser's own tags of the user held as well.
func (ix *Index) admitOwned(s *Scratch, now int64) {
	slices.Sort(s.own)
	slices.Sort(s.deferred)
	before := len(s.log)
	for own, i := s.own, 0; i < len(s.deferred); i++ {
		owner := s.deferred[i] >> 32
		if i == 0 || owner != s.deferred[i-1]>>32 {
			s.rewind(before)
			own = ix.holdOwn(s, own, uint32(owner))
		}
		s.queue[0] = int32(s.deferred[i])
		ix.admit(s, s.queue[:1], now)
	}
	s.rewind(before)
	slices.Sort(s.rows)
}

// holdOwn holds the tags of one owner, given sorted tags of which all smaller
// owners' may be skipped; it returns the rest.
func (ix *Index) holdOwn(s *Scratch, own []uint64, owner uint32) []uint64 {
	for len(own) > 0 && uint32(own[0]>>32) <= owner {
		if uint32(own[0]>>32) == owner {
			ix.hold(s, dimTag, uint32(own[0]))
		}
		own = own[1:]
	}
	return own
}
