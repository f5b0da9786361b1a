package traffic

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// rates counts how often keys come, in fixed memory and without locks: a
// count-min sketch (Cormode and Muthukrishnan, "An improved data stream summary",
// J. Algorithms 55, 2005) of four rows, each cell of which holds the count of the
// window that runs and of the one before.
//
// A key's rate is that of the last window's length, taken as the running count
// and the part of the one before that still lies within it. It errs
//
//   - upwards, for keys that share cells: by at most 2.72 x R / cells with a
//     probability of 1 - e^-4 (98%) for a key, R being all requests of both windows;
//   - either way, where the window before was uneven: a key that never exceeds
//     half the limit within a window's bounds is not refused for it, one that
//     exceeds the limit within them always is, at the latest when it does.
//
// Never downwards otherwise, but for updates that lose eight races in a row.
type rates struct {
	cells  []atomic.Uint64 // rows of equal length one after another
	row    uint64          // cells of a row, a power of two
	window int64           // nanoseconds
	seed   uint64          // an attacker does not know which keys share cells
}

const rateRows = 4

// A cell is the number of its window in the high 24 bits, then two counts of 20
// bits: of that window, and of the one before. It ages as it is touched, so
// that nothing is ever swept.
const (
	countBits = 20
	countMask = 1<<countBits - 1
	epochMask = 1<<24 - 1
)

func newRates(row int, window time.Duration, seed uint64) *rates {
	return &rates{cells: make([]atomic.Uint64, rateRows*row), row: uint64(row), window: int64(window), seed: seed}
}

// add counts one request of key at now and returns the key's rate with it.
func (s *rates) add(key uint64, now time.Time) int {
	ns := uint64(now.UnixNano())
	epoch := ns / uint64(s.window) & epochMask
	left := uint64(s.window) - ns%uint64(s.window) // of the running window
	h, step := spread(key ^ s.seed)
	least := uint64(1) << 62
	for i := range uint64(rateRows) {
		cell := &s.cells[i*s.row+(h+i*step)&(s.row-1)]
		count, before := touch(cell, epoch)
		high, low := bits.Mul64(before, left)
		part, _ := bits.Div64(high, low, uint64(s.window)) // before <= countMask: high < window
		least = min(least, count+part)
	}
	return int(least)
}

// touch ages cell to epoch, adds one and returns both counts. A request that is
// a window late, as another goroutine was faster, counts for the newer one; a
// clock that was set back further starts anew.
func touch(cell *atomic.Uint64, epoch uint64) (count, before uint64) {
	for range 8 {
		old := cell.Load()
		at, e := old>>(2*countBits), epoch
		count, before = old>>countBits&countMask, old&countMask
		switch (epoch - at) & epochMask {
		case 0:
		case 1:
			count, before = 0, count
		case epochMask:
			e = at
		default:
			count, before = 0, 0
		}
		count = min(count+1, countMask)
		if cell.CompareAndSwap(old, e<<(2*countBits)|count<<countBits|before) {
			break
		}
	}
	return count, before
}

// spread makes two independent hashes of a key (a finalizer of splitmix64, on
// either half of the seed's space); step is odd, so that rows differ.
func spread(x uint64) (h, step uint64) {
	mix := func(x uint64) uint64 {
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		return x ^ x>>31
	}
	return mix(x + 0x9e3779b97f4a7c15), mix(x+0x3c6ef372fe94f82a) | 1
}
