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

func BenchmarkJudge(b *testing.B) {
	f := readFacts([]byte(`{"id":"00000000-q0000000000000000","imp":[{"id":"1","bidfloor":0.5,"banner":{"format":[{"w":300,"h":250}]}}]}`))
	body := cannedAnswer()
	b.ReportAllocs()
	for b.Loop() {
		a, err := readAnswer(body)
		if err != nil {
			b.Fatal(err)
		}
		j := judge{seen: &recentIDs{limit: 10}}
		if _, broken := j.bid(f, a, "floor", &a.SeatBid[0].Bid[0]); broken != nil {
			b.Fatal(broken)
		}
	}
}
