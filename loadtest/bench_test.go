package loadtest

import "testing"

func BenchmarkLoad(b *testing.B) {
	cfg := Defaults()
	p, err := newPool(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var s shot
	seq := uint64(0)
	for b.Loop() {
		p.load(&s, seq)
		seq++
	}
}

func BenchmarkReadAndJudge(b *testing.B) {
	f := readFacts([]byte(`{"id":"00000000-q0000000000000000","imp":[{"id":"1","bidfloor":0.5,"banner":{"format":[{"w":300,"h":250}]}}]}`))
	body := cannedAnswer()
	b.ReportAllocs()
	for b.Loop() {
		a, err := readAnswer(body)
		if err != nil {
			b.Fatal(err)
		}
		if broken := judged(&judge{seen: &recentIDs{limit: 10}}, f, a); broken != nil {
			b.Fatal(*broken[0])
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	for _, c := range []struct {
		name, request string
		bid           *bid
	}{{"banner", bannerRequest, bannerBid()}, {"vast", videoRequest, videoBid()}, {"native", nativeRequest12, nativeBid()}} {
		b.Run(c.name, func(b *testing.B) {
			f := readFacts([]byte(c.request))
			a := &answer{ID: "r", Cur: "USD", SeatBid: []seatBid{{Seat: "s1", Bid: []bid{*c.bid}}}}
			b.ReportAllocs()
			for b.Loop() {
				if broken := judged(&judge{seen: &recentIDs{limit: 10}}, f, a); broken != nil {
					b.Fatal(*broken[0])
				}
			}
		})
	}
}
