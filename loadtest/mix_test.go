package loadtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/prebid/openrtb/v20/openrtb2"

	"bidhawk/internal/openrtb"
)

func mixedPool(t *testing.T, templates int, names ...string) *pool {
	t.Helper()
	cfg := Defaults()
	var err error
	if cfg.Generate.Mix, err = ParseMix(names); err != nil {
		t.Fatal(err)
	}
	cfg.Generate.Templates, cfg.Generate.DealShare = templates, 0.3
	cfg.Generate.Seat, cfg.Generate.Domains = "our-seat", []string{"shop.example"}
	p, err := newPool(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseMix(t *testing.T) {
	f := func(in string, want Mix, wantErr string) {
		t.Helper()
		m, err := ParseMix(strings.Split(in, ","))
		if wantErr == "" && (err != nil || m != want) {
			t.Errorf("%s: %v, %v: want %v", in, m, err, want)
		}
		if wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)) {
			t.Errorf("%s: %v: want %q", in, err, wantErr)
		}
	}
	f("all", usualMix(), "")
	f("video,native:2.5", Mix{FormatVideo: 1, FormatNative: 2.5}, "")
	f("video,video", Mix{FormatVideo: 2}, "")
	f("pod, dooh", Mix{FormatPod: 1, FormatDOOH: 1}, "")
	f("film", Mix{}, `"film"`)
	f("video:x", Mix{}, "video:x")
	if err := (Mix{FormatPod: -1}).validate(); err == nil || !strings.Contains(err.Error(), "mix.pod: -1") {
		t.Errorf("a negative weight: %v", err)
	}
	if m, err := ParseMix(nil); err != nil || !m.plain() {
		t.Errorf("no name: %v %v: want the plain workload", m, err)
	}
}

func TestMixDrawsByWeight(t *testing.T) {
	m := Mix{FormatVideo: 3, FormatDOOH: 1}
	n := map[Format]int{}
	for i := range uint64(40_000) {
		n[m.draw(unit(draw(1, forTemplate, i)))]++
	}
	if len(n) != 2 || n[FormatVideo] < 29_500 || n[FormatVideo] > 30_500 {
		t.Errorf("drawn %v: want 3 videos to 1 screen", n)
	}
}

// Every request of the mix is one that a strict reader takes and that breaks
// no MUST, and each thing that requests may hold is in some of them.
func TestMixedRequests(t *testing.T) {
	p := mixedPool(t, 2000, "all")
	seen := map[string]int{}
	var sizes []int
	var s shot
	const n = 4000
	var req openrtb.BidRequest
	for seq := range uint64(n) {
		p.load(&s, seq)
		sizes = append(sizes, len(s.body))
		if err := req.Decode(s.body); err != nil {
			t.Fatalf("request %d: %v\n%s", seq, err, s.body)
		}
		if err := req.Validate(); err != nil {
			t.Fatalf("request %d: %v\n%s", seq, err, s.body)
		}
		var r openrtb2.BidRequest
		strict := json.NewDecoder(strings.NewReader(string(s.body)))
		if err := strict.Decode(&r); err != nil && !deviates(s.body) {
			t.Fatalf("request %d: %v\n%s", seq, err, s.body)
		}
		if !s.facts.ok || len(s.facts.imps) != len(req.Imp) {
			t.Fatalf("request %d: facts %+v", seq, s.facts)
		}
		notice(seen, string(s.body))
		for i := range s.facts.imps {
			noticeImp(t, seen, &s.facts.imps[i])
		}
	}
	slices.Sort(sizes)
	if m := sizes[n/2]; m < 1800 || m > 3000 || sizes[0] < 700 || sizes[n-1] > 9000 {
		t.Errorf("bodies of %d to %d bytes, median %d, p99 %d: want about 1 to 6 KB", sizes[0], sizes[n-1], m, sizes[n*99/100])
	}
	t.Logf("bodies of %d to %d bytes, median %d, p99 %d", sizes[0], sizes[n-1], sizes[n/2], sizes[n*99/100])
	for _, what := range append(slices.Clone(wantedText), wantedFacts...) {
		if seen[what] < 3 {
			t.Errorf("%d of %d requests hold %s: want some", seen[what], n, what)
		}
	}
}

// deviates: the request is one of those that are not of the types of the
// specification, which prebid's types demand.
func deviates(body []byte) bool {
	return strings.Contains(string(body), `"request":{`) || strings.Contains(string(body), `"secure":true`) ||
		strings.Contains(string(body), `"h":250.0`) || strings.Contains(string(body), `"cur":"USD"`)
}

var wantedText = strings.Fields(`"gdpr":1 "us_privacy" "gpp" "coppa":1 "gpc":1 "lmt":1 "dnt":1 "eids" "schain" "ext":{"schain" "complete":0
	"cattax":6 "cattax":7 "bcat" "acat" "badv" "bapp" "wlang" "wseat":["another-seat" "cur":["EUR"] "cur":["USD","EUR"]
	"bidfloorcur":"GBP" "private_auction":1 "guar":1 "at":3 "wadomain" "wseat":["our-seat" "durfloors" "mincpmpersec"
	"wratio" "instl":1 "rwdd":1 "btype" "expdir" "mimes" "rqddurs" "maxextended":-1 "linearity":1 "skip":0 "skip":1 "startdelay":0 "startdelay":-2
	"companionad" "companiontype" "delivery" "maxbitrate" "stitched" "plcmt":3 "ssai":3 "qty" "venuetype" "podseq":-1 "slotinpod":2
	"request":"{ "request":{"ver" "request":{"native" \"native\" \"eventtrackers\" "ext":{"gdpr":1 "ext":{"consent" "secure":true "h":250.0 "cur":"USD" "unheard_of" "secure":0 "secure":1 "exp"`)

func notice(seen map[string]int, body string) {
	for _, text := range wantedText {
		if strings.Contains(body, text) {
			seen[text]++
		}
	}
}

var wantedFacts = strings.Fields(`banner video ctv audio native multi pod dooh structured dynamic audio-pod api mraid native-1.0 multiplied`)

func noticeImp(t *testing.T, seen map[string]int, i *impFacts) {
	t.Helper()
	seen[i.format.String()]++
	for _, s := range []*streamFacts{i.video, i.audio} {
		if s == nil {
			continue
		}
		if s.dynamic() {
			seen["dynamic"]++
		} else if s.inPod() {
			seen["structured"]++
		}
		if s.inPod() && s == i.audio {
			seen["audio-pod"]++
		}
		if len(s.rqdDurs) > 0 && s.minDur+s.maxDur > 0 {
			t.Fatalf("imp %s: rqddurs and bounds", i.id)
		}
		if len(s.api) > 0 {
			seen["api"]++
		}
	}
	if i.banner != nil && slices.Contains(i.banner.api, 5) {
		seen["mraid"]++
	}
	if i.native != nil && i.native.wrapped && i.native.before11() {
		seen["native-1.0"]++
	}
	if i.native != nil && (!i.native.ok || len(i.native.assets) == 0) {
		t.Fatalf("imp %s: its native request is not read", i.id)
	}
	if i.multiplier != onePerson {
		seen["multiplied"]++
	}
}

// Each name alone gives its format, and beside it only what shares the page.
func TestEachFormatAlone(t *testing.T) {
	for f := range Format(formats) {
		p := mixedPool(t, 300, f.String())
		var s shot
		for seq := range uint64(300) {
			p.load(&s, seq)
			if got := s.facts.imps[0].format; got != f && f != FormatMulti {
				t.Fatalf("%s: imp 1 is counted as %s\n%s", f, got, s.body)
			}
		}
	}
}
