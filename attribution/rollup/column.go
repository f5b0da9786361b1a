package rollup

import (
	"encoding/binary"
	"errors"
	"math"
)

// How a column's values are written.
const (
	encodedFixed  = iota // base, then each value less the base in as few bytes as all need
	encodedSparse        // the rows that are not 0, and their values
	encodedTexts         // the distinct texts, then which one each row has, as fixed
)

// errCorrupt reports a block that this package did not write.
var errCorrupt = errors.New("roll-up block is corrupt")

// appendFixed appends values as encodedFixed.
func appendFixed(dst []byte, values []int64) []byte {
	lo, hi := values[0], values[0]
	for _, v := range values {
		lo, hi = min(lo, v), max(hi, v)
	}
	width := widthOf(uint64(hi) - uint64(lo))
	dst = binary.LittleEndian.AppendUint64(append(dst, byte(width)), uint64(lo))
	for _, v := range values {
		d := uint64(v) - uint64(lo)
		switch width {
		case 1:
			dst = append(dst, byte(d))
		case 2:
			dst = binary.LittleEndian.AppendUint16(dst, uint16(d))
		case 4:
			dst = binary.LittleEndian.AppendUint32(dst, uint32(d))
		case 8:
			dst = binary.LittleEndian.AppendUint64(dst, d)
		}
	}
	return dst
}

func widthOf(span uint64) int {
	switch {
	case span == 0:
		return 0
	case span <= math.MaxUint8:
		return 1
	case span <= math.MaxUint16:
		return 2
	case span <= math.MaxUint32:
		return 4
	}
	return 8
}

const fixedHead = 9

// readFixed fills dst, one value for each row.
func readFixed(dst []int64, b []byte) error {
	if len(b) < fixedHead {
		return errCorrupt
	}
	width, base := int(b[0]), binary.LittleEndian.Uint64(b[1:])
	if b = b[fixedHead:]; len(b) != width*len(dst) {
		return errCorrupt
	}
	switch width {
	case 0:
		for i := range dst {
			dst[i] = int64(base)
		}
	case 1:
		for i := range dst {
			dst[i] = int64(base + uint64(b[i]))
		}
	case 2:
		for i := range dst {
			dst[i] = int64(base + uint64(binary.LittleEndian.Uint16(b[2*i:])))
		}
	case 4:
		for i := range dst {
			dst[i] = int64(base + uint64(binary.LittleEndian.Uint32(b[4*i:])))
		}
	case 8:
		for i := range dst {
			dst[i] = int64(base + binary.LittleEndian.Uint64(b[8*i:]))
		}
	default:
		return errCorrupt
	}
	return nil
}

// appendSparse appends the values that are not 0 as encodedSparse.
func appendSparse(dst []byte, values []int64) []byte {
	last := -1
	for i, v := range values {
		if v != 0 {
			dst = binary.AppendVarint(binary.AppendUvarint(dst, uint64(i-last)), v)
			last = i
		}
	}
	return dst
}

// eachSparse calls f with each row, below rows, and its value.
func eachSparse(b []byte, rows int, f func(row int, v int64)) error {
	for at := -1; len(b) > 0; {
		step, n := binary.Uvarint(b)
		if n <= 0 || step == 0 || step > uint64(rows-1-at) {
			return errCorrupt
		}
		v, m := binary.Varint(b[n:])
		if m <= 0 {
			return errCorrupt
		}
		at, b = at+int(step), b[n+m:]
		f(at, v)
	}
	return nil
}

// appendTexts appends a text for each row as encodedTexts. codes is scratch of the
// rows' number.
func appendTexts(dst []byte, codes []int64, text func(row int) string) []byte {
	seen := make(map[string]int64)
	var list []string
	last := ""
	for i := range codes {
		s := text(i)
		if i > 0 && s == last {
			codes[i] = codes[i-1]
			continue
		}
		code, ok := seen[s]
		if !ok {
			code = int64(len(list))
			seen[s], list = code, append(list, s)
		}
		codes[i], last = code, s
	}
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, s := range list {
		dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	}
	return appendFixed(dst, codes)
}

// readTexts returns the distinct texts and fills codes, one for each row.
func readTexts(list []string, codes []int64, b []byte) ([]string, error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n == 0 || n > uint64(len(codes)) {
		return nil, errCorrupt
	}
	b, list = b[size:], list[:0]
	for range n {
		l, size := binary.Uvarint(b)
		if size <= 0 || l > uint64(len(b)-size) {
			return nil, errCorrupt
		}
		list, b = append(list, string(b[size:size+int(l)])), b[size+int(l):]
	}
	if err := readFixed(codes, b); err != nil {
		return nil, err
	}
	for _, c := range codes {
		if c < 0 || c >= int64(n) {
			return nil, errCorrupt
		}
	}
	return list, nil
}
