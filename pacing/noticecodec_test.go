package pacing

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

func randomNotice(rng *rand.Rand) Notice {
	words := []string{"", "demo", "news.example", "a\"b", "\u00e9", "x<y", "\\", "\n", "video"}
	word := func() string {
		if rng.IntN(10) > 0 {
			return words[rng.IntN(3)]
		}
		return words[rng.IntN(len(words))]
	}
	some := func() int64 {
		if rng.IntN(4) == 0 {
			return 0
		}
		return rng.Int64N(1<<40) - 1<<20
	}
	at := func() time.Time { return simStart.Add(time.Duration(rng.Int64N(1 << 50))) }
	n := Notice{At: at(), Advertiser: campaigns.ID(some()), Campaign: campaigns.ID(some()), LineItem: campaigns.ID(some()), Creative: campaigns.ID(some()),
		Lease: some(), Bid: ids.BidID{Incarnation: rng.Uint64(), Counter: rng.Uint64()}, Exchange: word(), Format: word(), Deal: word(), Site: word(),
		App: rng.IntN(2) == 0, ReservedMedia: money.Nanos(some()), ReservedCharge: money.Nanos(some()), Price: money.CPM(some()), PriceCurrency: money.USD,
		PriceBad: PriceBad(word()), FXRate: money.Rate(some()), Day: DayOf(at()), Test: rng.IntN(2) == 0, Value: money.Nanos(some()), Order: word(),
		Shown:  Shown{W: int(some()), H: int(some()), DeviceType: rng.IntN(8), Country: word(), Region: word()},
		Reason: int(some()), MinToWin: money.CPM(some())}
	if rng.IntN(2) == 0 {
		n.BidAt = at().Truncate(time.Second)
	}
	return n
}

// The codec writes what encoding/json writes, and reads what it reads.
func TestNoticeCodecAgreesWithJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	fast := 0
	for range 20_000 {
		n := randomNotice(rng)
		body, err := json.Marshal(&n)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendNotice([]byte("{"), &n); !bytes.Equal(got, body) {
			t.Fatalf("got  %s\nwant %s", got, body)
		}
		var back, slow Notice
		if err := json.Unmarshal(body, &slow); err != nil {
			t.Fatal(err)
		}
		if !readNotice(body, &back) {
			continue // an escape, or the end of a month
		}
		if fast++; back != slow {
			t.Fatalf("%s\ngot  %+v\nwant %+v", body, back, slow)
		}
	}
	if fast < 1000 {
		t.Errorf("only %d of 20000 were read on the fast path", fast)
	}
}

func FuzzReadNotice(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		n := randomNotice(rng)
		f.Add(appendNotice([]byte(`{"v":1,"type":"bill",`), &n))
	}
	f.Add([]byte(`{"v":1,"lease":-0}`))
	f.Add([]byte(`{"v":1,"day":"2026-02-30"}`))
	f.Add([]byte(`{"lease":1,"lease":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var fast, slow Notice
		if !readNotice(b, &fast) {
			return
		}
		if err := json.Unmarshal(b, &slow); err != nil {
			t.Fatalf("%q is read, and is %v", b, err)
		}
		if fast != slow {
			t.Fatalf("%q\ngot  %+v\nwant %+v", b, fast, slow)
		}
	})
}
