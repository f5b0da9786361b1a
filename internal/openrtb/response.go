package openrtb

import "bidhawk/internal/money"

// NoBidReason is BidResponse.nbr (AdCOM list: No-Bid Reason Codes). Values from
// 500 are an exchange's own.
type NoBidReason int

// No-bid reasons.
const (
	NoBidUnknown          NoBidReason = 0
	NoBidTechnical        NoBidReason = 1
	NoBidInvalidRequest   NoBidReason = 2
	NoBidCrawler          NoBidReason = 3
	NoBidNonHuman         NoBidReason = 4
	NoBidProxy            NoBidReason = 5 // cloud, data centre or proxy address
	NoBidDevice           NoBidReason = 6
	NoBidBlockedPublisher NoBidReason = 7
	NoBidUnmatchedUser    NoBidReason = 8
	NoBidUserCap          NoBidReason = 9
	NoBidDomainCap        NoBidReason = 10
	NoBidAdsTxtMissing    NoBidReason = 11
	NoBidAdsTxtViolation  NoBidReason = 12
	NoBidAdsCertMissing   NoBidReason = 13
	NoBidAdsCertViolation NoBidReason = 14
	NoBidTime             NoBidReason = 15 // not enough of it
	NoBidIncompleteSChain NoBidReason = 16
	NoBidBlockedNode      NoBidReason = 17
)

// MarkupType is Bid.mtype.
type MarkupType int

// Markup types.
const (
	MarkupBanner MarkupType = 1
	MarkupVideo  MarkupType = 2
	MarkupAudio  MarkupType = 3
	MarkupNative MarkupType = 4
)

// BidResponse is an answer (2.6 section 4.2.1). Its strings are plain text; the
// encoder escapes them. What is empty or 0 is not written, unless noted.
type BidResponse struct {
	ID      []byte // the request's; always written
	BidID   []byte
	Cur     money.Currency
	SeatBid []SeatBid
	// NBR is written where HasNBR: 0 is a reason of its own.
	NBR    NoBidReason
	HasNBR bool
	Ext    []byte // raw JSON, written as it is: the caller vouches for it
}

// SeatBid holds the bids of one seat (section 4.2.2).
type SeatBid struct {
	Seat []byte
	Bid  []Bid
}

// Bid is one offer (section 4.2.3).
type Bid struct {
	ID    []byte // always written
	ImpID []byte // always written
	// Price is always written, rounded down to four decimals; a negative one as 0.
	Price    money.CPM
	AdID     []byte
	AdM      []byte
	NURL     []byte
	BURL     []byte
	LURL     []byte
	IURL     []byte
	ADomain  [][]byte
	Bundle   []byte
	CID      []byte
	CrID     []byte
	Cat      [][]byte
	CatTax   int // of Cat
	Attr     []int
	APIs     []int
	Protocol int
	MType    MarkupType
	Language []byte
	DealID   []byte
	W, H     int
	Dur      int // seconds
	Exp      int // seconds the bid waits for its impression
	// SlotInPod is the position in a pod; 0 is any.
	SlotInPod int
	Ext       []byte // raw JSON, as BidResponse.Ext
}
