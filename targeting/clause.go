package targeting

// A program is the AND of clauses. A clause is a header and the bits it names:
// it holds when the request has one of them, or with the header's not-flag when
// it has none. A clause of no bits is never held.
//
// Where a dimension has many values in a clause, they are one bit instead, that
// of a list (see lists.go).

// dim is a dimension of targeting that programs test.
type dim uint8

// In a program, clauses stand in this order: those that refuse most go first.
const (
	dimCity dim = iota
	dimRegion
	dimInventory // the sites and apps included, in one clause: it has no values of its own
	dimDomain
	dimBundle
	dimTag
	dimCategory
	dimHour
	dimExchange
	dimCountry
	dimDevice
	dimOS
	dimSize
	dimDeal
	numDims
)

const (
	// inlineMax is how many values of a dimension a clause may name before they become a list.
	inlineMax = 8

	headerNot   = 1 << 31
	headerDim   = 8 // the dimension's place in the header
	headerCount = 1<<headerDim - 1
)

func header(d dim, not bool, count int) uint32 {
	h := uint32(d)<<headerDim | uint32(count)
	if not {
		h |= headerNot
	}
	return h
}

func headerOf(h uint32) (d dim, not bool, count int) {
	return dim(h >> headerDim), h&headerNot != 0, int(h & headerCount)
}

// A row's programs follow each other, and the next row's follow them.

func (ix *Index) requestProgram(n int32) []uint32 {
	return ix.program[ix.rows[n].program:ix.records[n].imp]
}

func (ix *Index) restProgram(n int32) []uint32 {
	return ix.program[ix.records[n].rest:ix.records[n].imp]
}

func (ix *Index) impProgram(n int32) []uint32 {
	return ix.program[ix.records[n].imp:ix.rows[n+1].program]
}

// holds runs a program.
func holds(program []uint32, bits []uint64) bool {
	for i := 0; i < len(program); {
		h := program[i]
		stop := i + 1 + int(h&headerCount)
		hit := false
		for _, bit := range program[i+1 : stop] {
			if bits[bit>>6]&(1<<(bit&63)) != 0 {
				hit = true
				break
			}
		}
		if hit == (h&headerNot != 0) {
			return false
		}
		i = stop
	}
	return true
}

// names says whether a clause of dimension d that must hold names the value.
func (ix *Index) names(program []uint32, d dim, value uint32) bool {
	for i := 0; i < len(program); {
		cd, not, count := headerOf(program[i])
		for _, bit := range program[i+1 : i+1+count] {
			if cd == d && !not && ix.makes(&ix.dims[d].values[value], bit) {
				return true
			}
		}
		i += 1 + count
	}
	return false
}
