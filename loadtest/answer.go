package loadtest

import (
	"encoding/json"
	"fmt"

	gojson "github.com/goccy/go-json"

	"bidhawk/internal/money"
)

// answer is a BidResponse: the fields that an exchange reads.
type answer struct {
	ID      string    `json:"id"`
	BidID   string    `json:"bidid"`
	Cur     string    `json:"cur"`
	SeatBid []seatBid `json:"seatbid"`
}

type seatBid struct {
	Seat string `json:"seat"`
	Bid  []bid  `json:"bid"`
}

type bid struct {
	ID      string          `json:"id"`
	ImpID   string          `json:"impid"`
	Price   json.RawMessage `json:"price"` // its digits count, so it is kept as text
	AdID    string          `json:"adid"`
	NURL    string          `json:"nurl"`
	BURL    string          `json:"burl"`
	LURL    string          `json:"lurl"`
	AdM     string          `json:"adm"`
	ADomain []string        `json:"adomain"`
	Bundle  string          `json:"bundle"`
	IURL    string          `json:"iurl"`
	CID     string          `json:"cid"`
	CRID    string          `json:"crid"`
	Cat     []string        `json:"cat"`
	CatTax  int             `json:"cattax"`
	Attr    []int           `json:"attr"`
	API     int             `json:"api"` // deprecated by APIs
	APIs    []int           `json:"apis"`
	// Protocol is the VAST version (AdCOM list: Creative Subtypes).
	Protocol int    `json:"protocol"`
	Language string `json:"language"`
	LangB    string `json:"langb"`
	Dur      int    `json:"dur"` // seconds
	// SlotInPod is 0 for any position; only in dynamic portions of pods.
	SlotInPod int    `json:"slotinpod"`
	DealID    string `json:"dealid"`
	W         int    `json:"w"`
	H         int    `json:"h"`
	MType     int    `json:"mtype"`
}

// readAnswer decodes a body. cur defaults to USD, as the specification says.
func readAnswer(body []byte) (*answer, error) {
	a := &answer{}
	if err := gojson.Unmarshal(body, a); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	if a.Cur == "" {
		a.Cur = "USD"
	}
	return a, nil
}

// bids counts the bids of all seats.
func (a *answer) bids() (n int) {
	for i := range a.SeatBid {
		n += len(a.SeatBid[i].Bid)
	}
	return n
}

// cpm reads the price: a JSON number, not a string.
func (b *bid) cpm() (money.CPM, error) {
	micros, err := money.ParseMicros(b.Price, money.RoundUp)
	if err != nil {
		return 0, fmt.Errorf("price %.40q: %w", b.Price, err)
	}
	return money.CPM(micros), nil
}

// tooFine reports more than the four decimals that exchanges accept.
func (b *bid) tooFine() bool {
	nanos, err := money.ParseNanos(b.Price, money.RoundUp)
	return err != nil || nanos%100_000 != 0
}
