package targeting

import (
	"math/bits"
	"slices"
)

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
