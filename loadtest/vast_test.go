package loadtest

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
)

func TestVASTMillis(t *testing.T) {
	f := func(in string, want int, wantOK bool) {
		t.Helper()
		if got, ok := vastMillis(in); ok != wantOK || ok && got != want {
			t.Errorf("%q: %d %v: want %d %v", in, got, ok, want, wantOK)
		}
	}
	f("00:00:15", 15_000, true)
	f(" 01:02:03.450\n", 3_723_450, true)
	f("00:00:15.4", 0, false)
	f("00:00:15.", 0, false)
	f("00:60:00", 0, false)
	f("0:00:15", 0, false)
	f("00:15", 0, false)
	f("00:00:-5", 0, false)
	f("00:00:15.+12", 0, false)
	f("", 0, false)
}

func TestDurations(t *testing.T) {
	f := func(s streamFacts, seconds int, want bool) {
		t.Helper()
		if got := s.allows(seconds); got != want {
			t.Errorf("%+v: %d s: %v: want %v", s, seconds, got, want)
		}
	}
	f(streamFacts{}, 3600, true)
	f(streamFacts{minDur: 5, maxDur: 30}, 5, true)
	f(streamFacts{minDur: 5, maxDur: 30}, 4, false)
	f(streamFacts{minDur: 5, maxDur: 30}, 31, false)
	f(streamFacts{maxDur: 30, maxExtended: 10}, 40, true)
	f(streamFacts{maxDur: 30, maxExtended: 10}, 41, false)
	f(streamFacts{maxDur: 30, maxExtended: -1}, 300, true)
	f(streamFacts{rqdDurs: []int{15, 30}}, 30, true)
	f(streamFacts{rqdDurs: []int{15, 30}, maxExtended: -1}, 20, false)
}

func TestDurationFloors(t *testing.T) {
	f := func(d durationFloors, seconds int, want money.CPM, wantOK bool) {
		t.Helper()
		if got, ok := d.floor(seconds); got != want || ok != wantOK {
			t.Errorf("%+v: %d s: %d %v: want %d %v", d, seconds, got, ok, want, wantOK)
		}
	}
	ranges := []durationFloor{{0, 15, 100}, {16, 30, 200}, {60, 0, 900}}
	f(durationFloors{}, 15, 0, false)
	f(durationFloors{ranges: ranges}, 0, 0, false)
	f(durationFloors{ranges: ranges}, 15, 100, true)
	f(durationFloors{ranges: ranges}, 16, 200, true)
	f(durationFloors{ranges: ranges}, 31, 0, false)
	f(durationFloors{ranges: ranges}, 3600, 900, true)
	f(durationFloors{perSecond: 7, ranges: ranges}, 15, 105, true)
	f(durationFloors{perSecond: 1 << 62}, 15, 0, false)
}

func TestFormatOfAnImp(t *testing.T) {
	f := func(request string, want Format) {
		t.Helper()
		if got := readFacts([]byte(request)).imps[0].format; got != want {
			t.Errorf("%s: %s: want %s", request, got, want)
		}
	}
	f(`{"imp":[{"banner":{}}]}`, FormatBanner)
	f(`{"imp":[{}]}`, FormatBanner)
	f(`{"imp":[{"video":{}}]}`, FormatVideo)
	f(`{"imp":[{"video":{}}],"device":{"devicetype":7}}`, FormatCTV)
	f(`{"imp":[{"banner":{}}],"device":{"devicetype":3}}`, FormatBanner)
	f(`{"imp":[{"audio":{}}]}`, FormatAudio)
	f(`{"imp":[{"native":{}}]}`, FormatNative)
	f(`{"imp":[{"native":{},"banner":{}}]}`, FormatMulti)
	f(`{"imp":[{"video":{"podid":1}}],"device":{"devicetype":3}}`, FormatPod)
	f(`{"imp":[{"audio":{"poddur":60}}]}`, FormatPod)
	f(`{"imp":[{"video":{"podid":"1"}}],"dooh":{}}`, FormatDOOH)
}

func TestNativeFacts(t *testing.T) {
	f := func(native string, ok, wrapped bool, ver string, assets int) {
		t.Helper()
		n := readFacts([]byte(`{"imp":[{"native":` + native + `}]}`)).imps[0].native
		if n.ok != ok || n.wrapped != wrapped || n.ver != ver || len(n.assets) != assets {
			t.Errorf("%s: %+v", native, n)
		}
	}
	f(`{}`, false, false, "", 0)
	f(`{"request":"{"}`, false, false, "", 0)
	f(`{"request":"[]"}`, false, false, "", 0)
	f(`{"request":"{}","ver":"1.2"}`, true, false, "1.2", 0)
	f(`{"request":{"ver":1.1,"assets":[{"id":1}]},"ver":"1.2"}`, true, false, "1.1", 1)
	f(`{"request":"{\"native\":{\"assets\":{\"id\":\"7\"}}}"}`, true, true, "", 1)
}

// Consent strings are read here field by field (IAB Consent string v2.2).
func TestConsent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	purposes := map[uint64]int{}
	for range 200 {
		core, disclosed, ok := strings.Cut(consent(r), ".")
		b := readBits(t, core)
		if !ok || b.take(6) != 2 {
			t.Fatalf("%s: want version 2 and a segment", core)
		}
		created := time.UnixMilli(int64(b.take(36)) * 100)
		b.take(36 + 12 + 12 + 6)
		if lang := b.take(12); created.Year() != 2025 || lang != 4<<6|13 {
			t.Fatalf("created %s, language %x", created, lang)
		}
		b.take(12 + 6 + 1 + 1 + 12)
		agreed := b.take(24)
		purposes[agreed]++
		b.take(24 + 1 + 12)
		for range 2 {
			if n := b.takeVendors(); (n > 0) != (agreed > 0) {
				t.Fatalf("purposes %x, %d vendors", agreed, n)
			}
		}
		if b.take(12) != 0 || b.left() >= 8 {
			t.Fatalf("restrictions, or %d bits too many", b.left())
		}
		if d := readBits(t, disclosed); d.take(3) != 1 || d.takeVendors() != 1200 {
			t.Fatalf("disclosed vendors %s", disclosed)
		}
	}
	if purposes[1<<24-1] < 50 || purposes[0] == 0 || purposes[1<<23|1<<17] == 0 || len(purposes) != 3 {
		t.Errorf("purposes %v: want all, some and none", purposes)
	}
}

type bitReader struct {
	bytes []byte
	at    int
}

func readBits(t *testing.T, s string) *bitReader {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return &bitReader{bytes: b}
}

func (b *bitReader) take(width int) (v uint64) {
	for range width {
		v = v<<1 | uint64(b.bytes[b.at/8]>>(7-b.at%8)&1)
		b.at++
	}
	return v
}

func (b *bitReader) takeVendors() int {
	n := int(b.take(16))
	if b.take(1) == 0 {
		b.take(n)
		return n
	}
	if b.take(12) != 1 || b.take(1) != 1 || b.take(16) != 1 {
		return -1
	}
	return int(b.take(16))
}

func (b *bitReader) left() int { return len(b.bytes)*8 - b.at }

func FuzzReadVAST(f *testing.F) {
	f.Add(vastText)
	f.Add(wrapperText)
	f.Add(`<VAST version="3.0"><Ad/></VAST>`)
	f.Add(`<!DOCTYPE x [<!ENTITY a "b">]><VAST>&a;</VAST>`)
	request := readFacts([]byte(videoRequest))
	f.Fuzz(func(t *testing.T, text string) {
		for _, b := range []*bid{videoBid(), audioBid()} {
			b.AdM, b.Dur, b.Protocol = text, 0, 0
			e, broken := newJudge(true, true).bid(request, &answer{ID: "r", Cur: "USD"}, "", b)
			if broken != nil {
				continue
			}
			if e.vast == nil || e.seconds > 30 || first(e.vast.ad.Impressions) == "" {
				t.Fatalf("%q passed: %+v", text, e)
			}
			e.findTrackers(text, []string{"h"})
		}
	})
}

func FuzzReadNative(f *testing.F) {
	f.Add(nativeRequest12, nativeText12)
	f.Add(nativeRequest10, `{"native":{"assets":[{"id":1,"title":{"text":"t"}}],"link":{"url":"http://h/"}}}`)
	f.Add(`{"imp":[{"id":"1","native":{"request":{"assets":7}}}]}`, `{"assets":[{"id":0,"img":{}}],"link":{"clicktrackers":["http://h/"]}}`)
	f.Fuzz(func(t *testing.T, request, text string) {
		b := nativeBid()
		b.AdM = text
		e, broken := newJudge(true, true).bid(readFacts([]byte(request)), &answer{ID: "r", Cur: "USD"}, "", b)
		if broken == nil && (e.native == nil || e.imp.native.ok && e.native.Link == nil) {
			t.Fatalf("%q passed: %+v", text, e)
		}
		if broken == nil {
			e.findTrackers(text, []string{"h"})
		}
	})
}
