package profiles

import (
	"encoding/binary"
	"math/bits"
)

// widthOf is the number of bits that hold any value up to largest.
func widthOf(largest uint64) int { return bits.Len64(largest) }

// packedLen is the number of bytes of n values of width bits each.
func packedLen(n, width int) int { return (n*width + 7) / 8 }

// packer writes values of at most 56 bits one after another, lowest bit first.
type packer struct {
	dst    []byte
	acc    uint64
	filled int
}

func (p *packer) put(v uint64, width int) {
	p.acc |= v << p.filled
	p.filled += width
	for p.filled >= 8 {
		p.dst = append(p.dst, byte(p.acc))
		p.acc >>= 8
		p.filled -= 8
	}
}

// flush completes the last byte and returns what was written.
func (p *packer) flush() []byte {
	if p.filled > 0 {
		p.dst = append(p.dst, byte(p.acc))
	}
	p.acc, p.filled = 0, 0
	return p.dst
}

// unpack reads value i of width bits: at most 56, so that one unaligned load of
// 8 bytes covers it. The caller has checked that b holds it.
func unpack(b []byte, i, width int) uint64 {
	bit := i * width
	at := bit >> 3
	var w uint64
	if at+8 <= len(b) { // Fast path: all but the last bytes.
		w = binary.LittleEndian.Uint64(b[at:])
	} else { // Slow path: the tail.
		for j := len(b) - 1; j >= at; j-- {
			w = w<<8 | uint64(b[j])
		}
	}
	return w >> (bit & 7) & (1<<width - 1)
}
