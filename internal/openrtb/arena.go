package openrtb

import "bidhawk/internal/money"

// arena hands out elements of one slice. A list is a run of neighbours; where
// the slice must grow, runs handed out before stay on the old memory, valid.
type arena[T any] struct{ buf []T }

// next returns a zeroed element, valid for writing until the next call.
func (a *arena[T]) next() *T {
	n := len(a.buf)
	if n < cap(a.buf) {
		a.buf = a.buf[:n+1]
	} else {
		var zero T
		a.buf = append(a.buf, zero)
	}
	p := &a.buf[n]
	var zero T
	*p = zero
	return p
}

func (a *arena[T]) add(v T) { a.buf = append(a.buf, v) }

// since is the run that began when the arena had start elements; nil if empty.
func (a *arena[T]) since(start int) []T {
	if len(a.buf) == start {
		return nil
	}
	return a.buf[start:len(a.buf):len(a.buf)]
}

// reset forgets all elements; memory beyond keep elements is given back, so
// that one huge request does not stay in a pool.
func (a *arena[T]) reset(keep int) {
	if invariants {
		clear(a.buf)
	}
	if cap(a.buf) > keep {
		a.buf = nil
		return
	}
	a.buf = a.buf[:0]
}

// store is the memory behind one BidRequest.
type store struct {
	parser     parser
	scratch    []byte // unescaped strings
	views      arena[[]byte]
	ints       arena[int]
	currencies arena[money.Currency]
	imps       arena[Imp]
	banners    arena[Banner]
	formats    arena[Format]
	videos     arena[Video]
	audios     arena[Audio]
	natives    arena[Native]
	qtys       arena[Qty]
	pmps       arena[PMP]
	deals      arena[Deal]
	durFloors  arena[DurFloor]
	publishers arena[Publisher]
	contents   arena[Content]
	geos       arena[Geo]
	datas      arena[Data]
	segments   arena[Segment]
	eids       arena[EID]
	uids       arena[UID]
	agents     arena[UserAgent]
	brands     arena[BrandVersion]
	chains     arena[SChain]
	nodes      arena[SChainNode]

	site   Site
	app    App
	dooh   DOOH
	device Device
	user   User
	source Source
	regs   Regs
}

// poison overwrites memory that nobody may read any more.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
