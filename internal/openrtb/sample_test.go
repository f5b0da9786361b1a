package openrtb

import "bidhawk/internal/money"

// sampleResponse is an answer of about 740 bytes with one banner.
func sampleResponse() *BidResponse {
	return &BidResponse{
		ID:    []byte("7f3c9a52-1d0e-4b77-9c1e-5a2f8be0c614"),
		BidID: []byte("00112233445566778899aabbccddeeff"),
		Cur:   money.USD,
		SeatBid: []SeatBid{{Seat: []byte("bidhawk"), Bid: []Bid{{
			ID:      []byte("00112233445566778899aabbccddeeff"),
			ImpID:   []byte("1"),
			Price:   1_234_567,
			NURL:    []byte("https://bid.example/n/AAECAwQFBgcICQoLDA0ODw?p=${AUCTION_PRICE}"),
			BURL:    []byte("https://bid.example/b/AAECAwQFBgcICQoLDA0ODw?p=${AUCTION_PRICE}"),
			AdM:     []byte(`<a href="https://bid.example/c/AAECAwQFBgcICQoLDA0ODw" target="_blank"><img src="https://cdn.example/creatives/8841.png" width="300" height="250" alt=""></a><img src="https://bid.example/i/AAECAwQFBgcICQoLDA0ODw" width="1" height="1" alt="">`),
			ADomain: [][]byte{[]byte("shoes.example")},
			CID:     []byte("4711"), CrID: []byte("8841"), DealID: []byte("PM-1001"),
			Cat: [][]byte{[]byte("IAB18"), []byte("IAB18-4")}, CatTax: 1, Attr: []int{1},
			MType: MarkupBanner, W: 300, H: 250, Exp: 300,
		}}}},
	}
}
