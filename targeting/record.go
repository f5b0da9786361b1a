package targeting

// record is what matching reads of every row that the filters leave standing: a
// digest of the row's request program that refuses most rows within one cache
// line and without a branch to mispredict. A row that its record wants runs the
// rest of the program.
//
// Of the bits that a record has no use for, those of any and must are always
// set, those of none never.
type record struct {
	any  [anyMax]uint32  // a clause that needs one of these
	none [noneMax]uint32 // clauses that may have none of these
	must uint32          // a clause that needs this

	owner uint32 // the bit of the line item's advertiser
	// The row's programs: from rest to imp the clauses that the request decides
	// and the record doesn't; from imp those that take the imp.
	rest, imp uint32
}

const (
	anyMax  = inlineMax
	noneMax = 4
)

// Two bits that stand for no value.
const (
	bitAlways = iota
	bitNever
	bitFirst // of those that do
)

// wants is 1 if what the record knows of a row holds, else 0.
func (r *record) wants(bits []uint64) uint64 {
	held := test(bits, r.any[0]) | test(bits, r.any[1]) | test(bits, r.any[2]) | test(bits, r.any[3]) |
		test(bits, r.any[4]) | test(bits, r.any[5]) | test(bits, r.any[6]) | test(bits, r.any[7])
	barred := test(bits, r.none[0]) | test(bits, r.none[1]) | test(bits, r.none[2]) | test(bits, r.none[3])
	return held & test(bits, r.must) &^ barred & 1
}

// test is a bit, in the lowest of its result's; the others mean nothing.
func test(bits []uint64, bit uint32) uint64 { return bits[bit>>6] >> (bit & 63) }

// digest enters into a record what it can hold of a program, and moves those
// clauses to the front. It returns how many words of the program they take.
//
// Clauses come with those that refuse most first: the first that fits is the
// record's any, and the next of a single bit its must.
func (r *record) digest(program []uint32) (words int) {
	fill(r.any[:], nil, bitAlways)
	fill(r.none[:], nil, bitNever)
	r.must = bitAlways
	var taken, left []uint32
	asks, nones := false, 0
	for i := 0; i < len(program); {
		_, not, count := headerOf(program[i])
		bits := program[i+1 : i+1+count]
		take := true
		switch {
		case not && nones+count <= noneMax:
			nones += copy(r.none[nones:], bits)
		case !not && !asks && count == 0:
			asks = true
			fill(r.any[:], nil, bitNever)
		case !not && !asks && count <= anyMax:
			asks = true
			fill(r.any[:], bits, bits[0])
		case !not && asks && count == 1 && r.must == bitAlways:
			r.must = bits[0]
		default:
			take = false
		}
		if take {
			taken = append(taken, program[i:i+1+count]...)
		} else {
			left = append(left, program[i:i+1+count]...)
		}
		i += 1 + count
	}
	copy(program[copy(program, taken):], left)
	return len(taken)
}

// fill sets dst to bits and, behind them, to pad.
func fill(dst, bits []uint32, pad uint32) {
	for i := copy(dst, bits); i < len(dst); i++ {
		dst[i] = pad
	}
}
