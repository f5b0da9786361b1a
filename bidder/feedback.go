package bidder

import (
	"strconv"
	"sync/atomic"

	"bidhawk/internal/openrtb"
)

// Bid feedback: some exchanges tell in a request what became of earlier bids
// (Google, BidRequestExt.bid_feedback: a list of objects with
// creative_status_code, an AdCOM loss reason with values of Google's own).

// maxFeedback bounds what is read of one request.
const maxFeedback = 64

// feedback counts what became of earlier bids, by their status.
type feedback struct {
	statuses [256]atomic.Uint64 // the last one counts all from 255 on
}

// read counts the feedback of a request. It takes no part in the bid: what can't
// be read is passed over.
func (f *feedback) read(r *openrtb.BidRequest) {
	list := openrtb.Member(r.Ext, "bid_feedback")
	if list == nil {
		return
	}
	n := 0
	openrtb.Elements(list, func(entry []byte) bool {
		code, err := strconv.Atoi(string(openrtb.FirstText(openrtb.Member(entry, "creative_status_code"))))
		if err == nil && code >= 0 {
			f.statuses[min(code, len(f.statuses)-1)].Add(1)
		}
		n++
		return n < maxFeedback
	})
}
