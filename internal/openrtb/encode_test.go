package openrtb

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"bidhawk/internal/money"

	"github.com/prebid/openrtb/v20/openrtb2"
	"pgregory.net/rapid"
)

func TestAppendBidResponse(t *testing.T) {
	f := func(r BidResponse, want string) {
		t.Helper()
		if got := string(AppendBidResponse([]byte("x"), &r)); got != "x"+want {
			t.Errorf("got  %s\nwant x%s", got, want)
		}
	}
	f(BidResponse{ID: []byte("1")}, `{"id":"1"}`)
	f(BidResponse{ID: []byte("1"), HasNBR: true}, `{"id":"1","nbr":0}`)
	f(BidResponse{ID: []byte("1"), HasNBR: true, NBR: NoBidIncompleteSChain, Ext: []byte(`{"processing_time_ms":3}`)},
		`{"id":"1","nbr":16,"ext":{"processing_time_ms":3}}`)
	f(BidResponse{
		ID: []byte("1"), BidID: []byte("b"), Cur: money.USD,
		SeatBid: []SeatBid{
			{Seat: []byte("s"), Bid: []Bid{{ID: []byte("a"), ImpID: []byte("1"), Price: 2_500_000}, {ID: []byte("b"), ImpID: []byte("2")}}},
			{},
		},
	}, `{"id":"1","bidid":"b","cur":"USD","seatbid":[{"bid":[{"id":"a","impid":"1","price":2.5},{"id":"b","impid":"2","price":0}],"seat":"s"},{"bid":[]}]}`)
}

// TestBidsRoundDown is part of the row "Response": at most four decimals.
func TestBidsRoundDown(t *testing.T) {
	f := func(p money.CPM, want string) {
		t.Helper()
		if got := string(appendPrice(nil, p)); got != want {
			t.Errorf("%d: got %s; want %s", p, got, want)
		}
	}
	f(1_234_567, "1.2345")
	f(1_234_599, "1.2345")
	f(1_200_000, "1.2")
	f(99, "0")
	f(100, "0.0001")
	f(3_000_000, "3")
	f(-1, "0")
	f(money.MaxCPM, "1000000")
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.Int64Range(0, int64(money.MaxCPM)).Draw(t, "micros")
		text := string(appendPrice(nil, money.CPM(p)))
		if _, decimals, _ := strings.Cut(text, "."); len(decimals) > 4 {
			t.Fatalf("%d: %s has more than four decimals", p, text)
		}
		got, ok := new(big.Rat).SetString(text)
		lost := new(big.Rat).Sub(big.NewRat(p, 1_000_000), got)
		if !ok || lost.Sign() < 0 || lost.Cmp(big.NewRat(1, 10_000)) >= 0 {
			t.Fatalf("%d: got %s", p, text)
		}
	})
}

func TestAppendString(t *testing.T) {
	f := func(v, want string) {
		t.Helper()
		if got := string(AppendString(nil, []byte(v))); got != want {
			t.Errorf("%q: got %s; want %s", v, got, want)
		}
	}
	f(``, `""`)
	f(`<a href="x">é</a>`, `"<a href=\"x\">é</a>"`)
	f("a\\b\n\r\t\x00\x1f\x7f", `"a\\b\n\r\t\u0000\u001f`+"\x7f\"")
	f("\u2028\u2029\u2027", `"\u2028\u2029`+"\u2027\"")
	f("a\xffb\xc3", `"a\ufffdb\ufffd"`)
	f("\ufffd😀", "\"\ufffd😀\"")
	f("${AUCTION_PRICE}", `"${AUCTION_PRICE}"`)
}

// TestResponsesReadBack: encoding/json reads what was written, into prebid's types.
func TestResponsesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawResponse(t)
		text := AppendBidResponse(nil, want)
		if !json.Valid(text) || !utf8.Valid(text) {
			t.Fatalf("not JSON in UTF-8: %q", text)
		}
		var got openrtb2.BidResponse
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diffs := responseDiff(want, &got); len(diffs) > 0 {
			t.Fatalf("%s:\n%q", text, diffs)
		}
	})
}

func drawResponse(t *rapid.T) *BidResponse {
	text := rapid.Custom(func(t *rapid.T) []byte {
		if rapid.Bool().Draw(t, "bytes") {
			return rapid.SliceOfN(rapid.Byte(), 0, 24).Draw(t, "any")
		}
		return []byte(rapid.String().Draw(t, "text"))
	})
	texts, small := rapid.SliceOfN(text, 0, 3), rapid.IntRange(0, 120)
	bid := rapid.Custom(func(t *rapid.T) Bid {
		return Bid{
			ID: text.Draw(t, "id"), ImpID: text.Draw(t, "impid"),
			Price: money.CPM(rapid.Int64Range(0, 1e9).Draw(t, "price")),
			AdID:  text.Draw(t, "adid"), AdM: text.Draw(t, "adm"), NURL: text.Draw(t, "nurl"), BURL: text.Draw(t, "burl"),
			LURL: text.Draw(t, "lurl"), IURL: text.Draw(t, "iurl"), ADomain: texts.Draw(t, "adomain"), Bundle: text.Draw(t, "bundle"),
			CID: text.Draw(t, "cid"), CrID: text.Draw(t, "crid"), Cat: texts.Draw(t, "cat"), CatTax: small.Draw(t, "cattax"),
			Attr: rapid.SliceOfN(small, 0, 3).Draw(t, "attr"), APIs: rapid.SliceOfN(small, 0, 3).Draw(t, "apis"),
			Protocol: small.Draw(t, "protocol"), MType: MarkupType(rapid.IntRange(0, 4).Draw(t, "mtype")),
			Language: text.Draw(t, "language"), DealID: text.Draw(t, "dealid"), W: small.Draw(t, "w"), H: small.Draw(t, "h"),
			Dur: small.Draw(t, "dur"), Exp: small.Draw(t, "exp"), SlotInPod: rapid.IntRange(-1, 2).Draw(t, "slot"),
		}
	})
	seat := rapid.Custom(func(t *rapid.T) SeatBid {
		return SeatBid{Seat: text.Draw(t, "seat"), Bid: rapid.SliceOfN(bid, 0, 3).Draw(t, "bids")}
	})
	return &BidResponse{
		ID: text.Draw(t, "id"), BidID: text.Draw(t, "bidid"),
		Cur:     rapid.SampledFrom([]money.Currency{{}, money.USD, {'E', 'U', 'R'}}).Draw(t, "cur"),
		SeatBid: rapid.SliceOfN(seat, 0, 2).Draw(t, "seatbid"),
		NBR:     NoBidReason(small.Draw(t, "nbr")), HasNBR: rapid.Bool().Draw(t, "hasnbr"),
	}
}

// responseDiff lists where prebid's reading q differs from r.
func responseDiff(r *BidResponse, q *openrtb2.BidResponse) []string {
	d := &differ{}
	// What is no UTF-8 was written as U+FFFD.
	text := func(name string, ours []byte, prebid string) { d.text(name, string([]rune(string(ours))), prebid) }
	texts := func(name string, ours [][]byte, prebid []string) {
		if d.length(name, len(ours), len(prebid)) {
			for i := range ours {
				text(name, ours[i], prebid[i])
			}
		}
	}
	text("id", r.ID, q.ID)
	text("bidid", r.BidID, q.BidID)
	d.text("cur", r.Cur, q.Cur)
	if d.both("nbr", r.HasNBR, q.NBR != nil) {
		d.text("nbr", int(r.NBR), q.NBR.Val())
	}
	if !d.length("seatbid", len(r.SeatBid), len(q.SeatBid)) {
		return d.diffs
	}
	for i, s := range r.SeatBid {
		text("seat", s.Seat, q.SeatBid[i].Seat)
		if !d.length("bid", len(s.Bid), len(q.SeatBid[i].Bid)) {
			continue
		}
		for j := range s.Bid {
			b, p := &s.Bid[j], &q.SeatBid[i].Bid[j]
			text("id", b.ID, p.ID)
			text("impid", b.ImpID, p.ImpID)
			d.text("price", float64(b.Price/100)/1e4, p.Price)
			text("adid", b.AdID, p.AdID)
			text("adm", b.AdM, p.AdM)
			text("nurl", b.NURL, p.NURL)
			text("burl", b.BURL, p.BURL)
			text("lurl", b.LURL, p.LURL)
			text("iurl", b.IURL, p.IURL)
			texts("adomain", b.ADomain, p.ADomain)
			text("bundle", b.Bundle, p.Bundle)
			text("cid", b.CID, p.CID)
			text("crid", b.CrID, p.CrID)
			texts("cat", b.Cat, p.Cat)
			d.text("cattax", b.CatTax, p.CatTax)
			d.ints("attr", b.Attr, p.Attr)
			d.ints("apis", b.APIs, p.APIs)
			d.text("protocol", b.Protocol, p.Protocol)
			d.text("mtype", int(b.MType), int(p.MType))
			text("language", b.Language, p.Language)
			text("dealid", b.DealID, p.DealID)
			d.text("w", b.W, p.W)
			d.text("h", b.H, p.H)
			d.text("dur", b.Dur, p.Dur)
			d.text("exp", b.Exp, p.Exp)
			d.text("slotinpod", b.SlotInPod, p.SlotInPod)
		}
	}
	return d.diffs
}
