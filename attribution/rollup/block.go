package rollup

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/s2"
)

const (
	blockVersion = 1
	// blockRows bounds the rows of one block.
	blockRows = 1 << 14
	// sparseShare: a column of which fewer than one row in so many is not 0 is sparse.
	sparseShare = 6
	maxColumn   = 64 << 20 // bytes of one column, unpacked
)

// A block is a version, the number of rows and of columns, for each column its id, how
// it is written, its length unpacked and packed, and then the columns. What is 0 or
// empty in all rows has no column. Columns are packed one by one: a report unpacks only
// those that it reads.

// encoder writes blocks; it keeps its buffers.
type encoder struct {
	values []int64
	raw    []byte
	body   []byte
	head   []byte
}

// block appends rows, at most blockRows and at least one, to dst.
func (e *encoder) block(dst []byte, rows []Row) []byte {
	if cap(e.values) < len(rows) {
		e.values = make([]int64, blockRows)
	}
	values := e.values[:len(rows)]
	e.head, e.body = e.head[:0], e.body[:0]
	n := 0
	for c := range keyColumns {
		if c.isText() {
			e.raw = appendTexts(e.raw[:0], values, func(i int) string { return rows[i].text(c) })
			if len(e.raw) == 2+fixedHead && e.raw[1] == 0 {
				continue // one text, which is empty
			}
			n++
			e.column(int(c), encodedTexts)
			continue
		}
		for i := range rows {
			values[i] = rows[i].integer(c)
		}
		n += e.integers(int(c), values)
	}
	for m := range rows[0].V {
		for i := range rows {
			values[i] = rows[i].V[m]
		}
		n += e.integers(int(keyColumns)+m, values)
	}
	dst = append(dst, blockVersion)
	dst = binary.AppendUvarint(dst, uint64(len(rows)))
	dst = binary.AppendUvarint(dst, uint64(n))
	return append(append(dst, e.head...), e.body...)
}

// integers writes a column as is shortest; it answers how many that makes.
func (e *encoder) integers(id int, values []int64) int {
	set := 0
	for _, v := range values {
		if v != 0 {
			set++
		}
	}
	switch {
	case set == 0:
		return 0
	case set*sparseShare < len(values):
		e.raw = appendSparse(e.raw[:0], values)
		e.column(id, encodedSparse)
	default:
		e.raw = appendFixed(e.raw[:0], values)
		e.column(id, encodedFixed)
	}
	return 1
}

// column packs e.raw.
func (e *encoder) column(id, encoding int) {
	from := len(e.body)
	e.body = append(e.body, make([]byte, s2.MaxEncodedLen(len(e.raw)))...)
	packed := len(s2.Encode(e.body[from:], e.raw))
	if packed >= len(e.raw) {
		packed = copy(e.body[from:], e.raw)
	}
	e.body = e.body[:from+packed]
	for _, v := range [...]int{id, encoding, len(e.raw), packed} {
		e.head = binary.AppendUvarint(e.head, uint64(v))
	}
}

// column is where a block has a column.
type column struct {
	encoding, raw int
	data          []byte // nil: 0 or empty in all rows
}

// block reads one; it keeps its buffers.
type block struct {
	rows    int
	columns []column // by id
	scratch []byte
}

// open reads the head of data, which must stay as it is while the block is read. m is
// the number of columns that are summed.
func (b *block) open(data []byte, m int) error {
	if len(data) == 0 || data[0] != blockVersion {
		return fmt.Errorf("%w: version", errCorrupt)
	}
	data = data[1:]
	next := func() int {
		v, n := binary.Uvarint(data)
		if n <= 0 || v > maxColumn {
			data = nil
			return -1
		}
		data = data[n:]
		return int(v)
	}
	rows, n := next(), next()
	if rows < 1 || rows > blockRows || n < 0 || n > int(keyColumns)+m {
		return fmt.Errorf("%w: head", errCorrupt)
	}
	b.rows = rows
	b.columns = append(b.columns[:0], make([]column, int(keyColumns)+m)...)
	type place struct{ id, packed int }
	places := make([]place, 0, 64)
	for range n {
		id, encoding, raw, packed := next(), next(), next(), next()
		if id < 0 || id >= len(b.columns) || encoding < 0 || raw < 0 || packed < 0 || packed > raw {
			return fmt.Errorf("%w: columns", errCorrupt)
		}
		b.columns[id] = column{encoding: encoding, raw: raw}
		places = append(places, place{id, packed})
	}
	for _, p := range places {
		if p.packed > len(data) {
			return fmt.Errorf("%w: length", errCorrupt)
		}
		b.columns[p.id].data, data = data[:p.packed:p.packed], data[p.packed:]
	}
	if len(data) != 0 {
		return fmt.Errorf("%w: length", errCorrupt)
	}
	return nil
}

// raw unpacks a column; valid until the next call.
func (b *block) raw(c *column) ([]byte, error) {
	if len(c.data) == c.raw {
		return c.data, nil
	}
	if n, err := s2.DecodedLen(c.data); err != nil || n != c.raw {
		return nil, errCorrupt
	}
	if cap(b.scratch) < c.raw {
		b.scratch = make([]byte, c.raw)
	}
	out, err := s2.Decode(b.scratch[:cap(b.scratch)], c.data)
	if err != nil {
		return nil, errCorrupt
	}
	return out, nil
}

// integers fills dst, one value for each row.
func (b *block) integers(id int, dst []int64) error {
	c := &b.columns[id]
	if c.data == nil {
		clear(dst)
		return nil
	}
	raw, err := b.raw(c)
	if err != nil {
		return err
	}
	if c.encoding == encodedFixed {
		return readFixed(dst, raw)
	}
	if c.encoding != encodedSparse {
		return errCorrupt
	}
	clear(dst)
	return eachSparse(raw, len(dst), func(row int, v int64) { dst[row] = v })
}

// texts fills codes, one for each row, and returns what they stand for.
func (b *block) texts(id Column, list []string, codes []int64) ([]string, error) {
	c := &b.columns[id]
	if c.data == nil {
		clear(codes)
		return append(list[:0], ""), nil
	}
	raw, err := b.raw(c)
	if err != nil {
		return nil, err
	}
	if c.encoding != encodedTexts {
		return nil, errCorrupt
	}
	return readTexts(list, codes, raw)
}

// sum adds a column to sums, each row to that of its group. groups has -1 where the
// row is not asked for.
func (b *block) sum(id int, groups []int32, sums []int64, scratch []int64) error {
	c := &b.columns[id]
	raw, err := b.raw(c)
	if err != nil {
		return err
	}
	if c.encoding == encodedSparse {
		return eachSparse(raw, len(groups), func(row int, v int64) {
			if g := groups[row]; g >= 0 {
				sums[g] += v
			}
		})
	}
	if c.encoding != encodedFixed {
		return errCorrupt
	}
	if err := readFixed(scratch, raw); err != nil {
		return err
	}
	for i, g := range groups {
		if g >= 0 {
			sums[g] += scratch[i]
		}
	}
	return nil
}

// decode appends all rows of the block to dst; v is memory for their sums.
func (b *block) decode(dst []Row, m int) ([]Row, error) {
	values := make([]int64, b.rows)
	all := make([]int64, b.rows*m)
	from := len(dst)
	for i := range b.rows {
		dst = append(dst, Row{V: all[i*m : (i+1)*m : (i+1)*m]})
	}
	rows := dst[from:]
	var list []string
	for c := range keyColumns {
		if !c.isText() {
			if err := b.integers(int(c), values); err != nil {
				return nil, err
			}
			for i, v := range values {
				rows[i].setInteger(c, v)
			}
			continue
		}
		var err error
		if list, err = b.texts(c, list, values); err != nil {
			return nil, err
		}
		for i, v := range values {
			rows[i].setText(c, list[v])
		}
	}
	for j := range m {
		if b.columns[int(keyColumns)+j].data == nil {
			continue
		}
		if err := b.integers(int(keyColumns)+j, values); err != nil {
			return nil, err
		}
		for i, v := range values {
			rows[i].V[j] = v
		}
	}
	return dst, nil
}
