package bidder

import "bidhawk/targeting"

// The working memory of an auction is reused: what the next request finds in it
// is empty, but for its room.

// release forgets everything that points into the request, and says whether what
// is left is worth keeping.
func (a *auction) release() (keep bool) {
	a.req.Reset()
	a.native.Reset()
	a.blocks.reset()
	a.facts = targeting.RequestFacts{Tags: a.facts.Tags[:0], Categories: forget(a.facts.Categories)}
	a.imp.Sizes, a.imp.Deals, a.dealIdx = a.imp.Sizes[:0], forget(a.imp.Deals), a.dealIdx[:0]
	clear(a.watched)
	a.watched, a.watching = a.watched[:0], nil
	a.bids, a.rows = a.bids[:0], a.rows[:0]
	a.deals.start(0)
	a.open.start(0)
	a.exchange, a.book, a.kill, a.fx, a.site = nil, nil, nil, nil, nil
	a.user, a.dry = 0, false
	a.unpack.src.Reset(nil)
	r := &a.answer.resp
	r.ID, r.Ext = nil, nil
	for i := range r.SeatBid {
		clear(r.SeatBid[i].Bid)
		r.SeatBid[i].Bid = r.SeatBid[i].Bid[:0]
	}
	return a.bytes() <= keepBytes
}

// forget empties a list of views.
func forget(list [][]byte) [][]byte {
	clear(list)
	return list[:0]
}

// keepBytes is what an auction keeps for the next request; the memory of a much
// larger one goes to the collector with it.
const keepBytes = 1 << 20

// bytes is the memory of what grows with a request or its answer, without the
// request itself, which bounds its own.
func (a *auction) bytes() int {
	w, s := &a.answer, &a.blocks
	return 512*cap(a.bids) + // and what is written of each
		a.unpack.buf.Cap() + w.packed.Cap() +
		cap(w.text) + cap(w.out) + cap(w.payload) + cap(w.scratch) + cap(w.click) + cap(w.imp) + cap(w.event) + cap(w.ext) +
		8*(cap(s.bcat.hashes)+cap(s.acat.hashes)+cap(s.badv.hashes)+cap(s.bapp.hashes))
}
