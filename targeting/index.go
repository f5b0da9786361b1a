package targeting

import (
	"time"

	"bidhawk/campaigns"
)

// Index is every line item's targeting, compiled. It is immutable: any number
// of goroutines may match against it, each with its own Scratch.
//
// A row is a line item, and row numbers follow rank. Four dimensions in which a
// request has one of few values (exchange, country, device type, OS) are row
// bitmaps, ANDed word by word; a row that survives them is tried on its record
// (see record.go) and then runs what is left of its program, the AND of its other
// clauses (see clause.go). The zero Index has no rows.
type Index struct {
	generation int64
	lines      []Line
	records    []record
	rows       []row // and one behind the last
	ids        map[campaigns.ID]int32
	leftOut    map[campaigns.ID]Reason

	filters [numFilters]filter
	dims    [numDims]dictionary // that of tags has no ids: see tags
	tags    tagTable
	lists   lists
	program []uint32
	zones   []*time.Location // hour h in zone z is value z*weekHours+h of dimHour
	// owners finds the bit that stands for an advertiser.
	owners map[campaigns.ID]uint32
	words  int // of a Scratch's bitset
}

// row is what matching reads of a line item that its request's program wants.
type row struct {
	start, end int64  // the flight in Unix milliseconds: [start, end)
	program    uint32 // where its programs begin
	deals      bool   // it bids under deals only
}

// Generation is that of the catalog the index was built from.
func (ix *Index) Generation() int64 { return ix.generation }

// Len is the number of rows.
func (ix *Index) Len() int { return len(ix.lines) }

// Line is the line item of a row that Match answered. The caller must not write it.
func (ix *Index) Line(row int32) *Line { return &ix.lines[row] }

// Row finds a line item's row; ok is false where the index left it out.
func (ix *Index) Row(id campaigns.ID) (row int32, ok bool) {
	row, ok = ix.ids[id]
	return row, ok
}

// Match appends to dst the rows that want the impression, best rank first. It
// is Begin and MatchImp for a request of one imp.
func (ix *Index) Match(dst []int32, s *Scratch, req *RequestFacts, imp *ImpFacts) []int32 {
	ix.Begin(s, req)
	return ix.MatchImp(dst, s, imp)
}

// Begin does what a request costs once, however many imps it has: it finds the
// rows that want the request. It allocates only while s grows to the index's
// size, and retains nothing of req.
func (ix *Index) Begin(s *Scratch, req *RequestFacts) {
	s.bind(ix)
	ix.holdRequest(s, req)
	now := req.Now.UnixMilli()
	ix.scan(s, now)
	if len(s.deferred) > 0 {
		ix.admitOwned(s, now)
	}
}

// MatchImp appends to dst the rows that want an imp of the request that Begin
// was called with, best rank first. It allocates only when dst must grow; imp
// is not retained. With a Scratch that began on another index it appends nothing.
func (ix *Index) MatchImp(dst []int32, s *Scratch, imp *ImpFacts) []int32 {
	if s.ix != ix {
		return dst
	}
	before := len(s.log)
	ix.holdImp(s, imp)
	for _, n := range s.rows {
		if (ix.rows[n].deals || !imp.PrivateOnly) && holds(ix.impProgram(n), s.bits) {
			dst = append(dst, n)
		}
	}
	s.rewind(before)
	return dst
}

// TargetsDeal says whether the row asks for the deal.
func (ix *Index) TargetsDeal(row int32, deal []byte) bool {
	if !ix.rows[row].deals {
		return false
	}
	v, ok := ix.dims[dimDeal].find(deal)
	return ok && ix.names(ix.impProgram(row), dimDeal, v)
}
