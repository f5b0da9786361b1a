package profiles

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"bidhawk/internal/ids"
)

// filter answers "certainly unknown" for most users without a profile, from one
// cache line of memory. Pebble's own bloom filters do not do it: its Get skips
// them on the last level, where nearly all profiles lie, and would read a block
// for each stranger.
//
// It is a blocked bloom filter: a user falls on one 64-byte block and sets
// filterProbes of its 512 bits. Erased users stay in it until the next start.
// When it is full another layer of twice the size takes what comes, so the
// false positives stay within a few per mille. Reads take no lock.
type filter struct {
	layers atomic.Pointer[[]*filterLayer] // the last takes what comes
	ready  atomic.Bool                    // false while the start's scan runs: nobody is unknown

	mu sync.Mutex // serializes add
}

type filterLayer struct {
	blocks   []filterBlock
	capacity int
	added    int // guarded by filter.mu
}

type filterBlock [8]atomic.Uint64

const (
	filterBitsPerUser = 12
	filterProbes      = 7
)

func newFilter(expected int) *filter {
	f := &filter{}
	f.layers.Store(&[]*filterLayer{newFilterLayer(expected)})
	return f
}

func newFilterLayer(capacity int) *filterLayer {
	n := (capacity*filterBitsPerUser + 511) / 512
	return &filterLayer{blocks: make([]filterBlock, n), capacity: capacity}
}

// mayHold is false only for users that were never added.
func (f *filter) mayHold(user ids.UserKey) bool {
	if !f.ready.Load() {
		return true
	}
	for _, l := range *f.layers.Load() {
		if l.has(user) {
			return true
		}
	}
	return false
}

// add makes mayHold(user) true for good.
func (f *filter) add(user ids.UserKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	layers := *f.layers.Load()
	for _, l := range layers {
		if l.has(user) {
			return
		}
	}
	last := layers[len(layers)-1]
	if last.added >= last.capacity {
		last = newFilterLayer(2 * last.capacity)
		grown := append(layers[:len(layers):len(layers)], last)
		f.layers.Store(&grown)
	}
	last.added++
	last.set(user)
}

// users is about how many users were added.
func (f *filter) users() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, l := range *f.layers.Load() {
		n += l.added
	}
	return n
}

// block picks the block by the key's high product bits, probe the bits by its
// low ones: user keys are uniform, but a multiplication costs nothing and keeps
// tests with small keys honest.
func (l *filterLayer) block(user ids.UserKey) (*filterBlock, uint64) {
	h := uint64(user) * 0x9e3779b97f4a7c15
	hi, _ := bits.Mul64(h, uint64(len(l.blocks)))
	return &l.blocks[hi], bits.RotateLeft64(h*0xd6e8feb86659fd93, 32)
}

func (l *filterLayer) has(user ids.UserKey) bool {
	b, h := l.block(user)
	for range filterProbes {
		if b[h>>6&7].Load()&(1<<(h&63)) == 0 {
			return false
		}
		h >>= 9
	}
	return true
}

func (l *filterLayer) set(user ids.UserKey) {
	b, h := l.block(user)
	for range filterProbes {
		b[h>>6&7].Or(1 << (h & 63))
		h >>= 9
	}
}
