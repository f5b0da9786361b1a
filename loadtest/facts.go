package loadtest

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"bidhawk/internal/money"
)

// facts are what an answer is judged by: the parts of a request that bind the
// bidder. They are read tolerantly, once per body, because exchanges' real
// requests deviate; a body that is no JSON object has ok false.
type facts struct {
	ok            bool
	id            string
	test          bool
	tmax          time.Duration // 0: none stated
	cur           []string      // nil: USD
	bcat          []string      // of catTax, as acat
	acat          []string
	catTax        int
	badv          []string
	bapp          []string
	wseat         []string
	bseat         []string
	wlang, wlangb []string
	imps          []impFacts
	inventory     string // the site's domain, the app's bundle or the screen's id
	dooh          bool
	deviceType    int
	deviceHeaders string // X-Device lines with which a server calls trackers
	guaranteed    int    // imps with a guaranteed deal
}

// impFacts are the facts of one imp. What it does not offer is nil.
type impFacts struct {
	id           string
	format       Format
	banner       *bannerFacts
	video, audio *streamFacts
	native       *nativeFacts
	floor        money.CPM
	floorCur     string
	secure       bool
	private      bool // private_auction: deals only
	deals        []dealFacts
	multiplier   money.PPM // people before the screen; one elsewhere
	serverCalls  bool      // ssai=3: a server plays the ads and calls the trackers
}

// bannerFacts are the facts of imp.banner.
type bannerFacts struct {
	formats      []format // nil: any size
	battr, btype []int
	api          []int
	expdir       []int    // nil: nothing is said
	mimes        []string // nil: any
}

// format is an allowed size, or a ratio with a least width.
type format struct{ w, h, wRatio, hRatio, wMin int }

func (f format) allows(w, h int) bool {
	if f.wRatio > 0 && f.hRatio > 0 {
		return w >= f.wMin && w*f.hRatio == h*f.wRatio
	}
	return f.w == w && f.h == h
}

// dealFacts are the facts of one deal. It does not inherit the imp's floor.
type dealFacts struct {
	id       string
	floor    money.CPM
	floorCur string
	at       int
	wseat    []string
	wadomain []string
	guar     bool // the bidder must bid
	duration durationFloors
}

func readFacts(body []byte) *facts {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var root map[string]any
	if dec.Decode(&root) != nil || root == nil {
		return &facts{}
	}
	if _, err := dec.Token(); err != io.EOF {
		return &facts{} // something follows the object
	}
	f := &facts{
		ok: true, id: text(root["id"]), test: number(root["test"]) == 1,
		tmax: time.Duration(number(root["tmax"])) * time.Millisecond,
		cur:  texts(root["cur"]), bcat: texts(root["bcat"]), acat: texts(root["acat"]),
		catTax: max(number(root["cattax"]), 1), badv: texts(root["badv"]), bapp: texts(root["bapp"]),
		wseat: texts(root["wseat"]), bseat: texts(root["bseat"]),
		wlang: texts(root["wlang"]), wlangb: texts(root["wlangb"]),
		deviceType: number(object(root["device"])["devicetype"]),
	}
	f.deviceHeaders = deviceHeaders(object(root["device"]))
	f.inventory = text(object(root["site"])["domain"])
	if app := object(root["app"]); app != nil {
		f.inventory = text(app["bundle"])
	}
	if screen := object(root["dooh"]); screen != nil {
		f.dooh, f.inventory = true, text(screen["id"])
	}
	for _, v := range list(root["imp"]) {
		if m := object(v); m != nil {
			i := readImp(m)
			i.format = i.formatIn(f)
			if slices.ContainsFunc(i.deals, func(d dealFacts) bool { return d.guar }) {
				f.guaranteed++
			}
			f.imps = append(f.imps, i)
		}
	}
	return f
}

// deviceHeaders are those with which a server that plays ads says for whom it
// calls (IAB VAST 4.3, section 1.1.3). A value that would break a line is left out.
func deviceHeaders(device map[string]any) (lines string) {
	for _, h := range [...]struct{ name, value string }{{"X-Device-IP", text(device["ip"])}, {"X-Device-User-Agent", text(device["ua"])}} {
		if h.value != "" && len(h.value) < 1000 && !strings.ContainsFunc(h.value, func(r rune) bool { return r < ' ' || r > '~' }) {
			lines += h.name + ": " + h.value + "\r\n"
		}
	}
	return lines
}

// onePerson is the multiplier of everything but screens.
const onePerson money.PPM = 1_000_000

func readImp(m map[string]any) impFacts {
	i := impFacts{
		id: text(m["id"]), banner: readBanner(object(m["banner"])),
		video: readStream(object(m["video"])), audio: readStream(object(m["audio"])),
		native: readNative(object(m["native"])),
		floor:  price(m["bidfloor"]), floorCur: currency(m["bidfloorcur"]),
		secure: number(m["secure"]) == 1, multiplier: onePerson,
		serverCalls: number(m["ssai"]) == 3,
	}
	if n := price(object(m["qty"])["multiplier"]); n > 0 && n <= money.MaxCPM {
		i.multiplier = money.PPM(n)
	}
	market := object(m["pmp"])
	i.private = number(market["private_auction"]) == 1
	for _, v := range list(market["deals"]) {
		d := object(v)
		i.deals = append(i.deals, dealFacts{
			id: text(d["id"]), floor: price(d["bidfloor"]), floorCur: currency(d["bidfloorcur"]),
			at: number(d["at"]), wseat: texts(d["wseat"]), wadomain: texts(d["wadomain"]),
			guar: number(d["guar"]) == 1, duration: readDurationFloors(d),
		})
	}
	return i
}

func readBanner(b map[string]any) *bannerFacts {
	if b == nil {
		return nil
	}
	out := &bannerFacts{
		battr: numbers(b["battr"]), btype: numbers(b["btype"]), api: numbers(b["api"]),
		expdir: numbers(b["expdir"]), mimes: texts(b["mimes"]),
	}
	for _, f := range list(b["format"]) {
		o := object(f)
		out.formats = append(out.formats, format{
			number(o["w"]), number(o["h"]), number(o["wratio"]), number(o["hratio"]), number(o["wmin"]),
		})
	}
	if w, h := number(b["w"]), number(b["h"]); w > 0 && h > 0 && len(out.formats) == 0 {
		out.formats = append(out.formats, format{w: w, h: h})
	}
	return out
}

func (f *facts) imp(id string) *impFacts {
	for i := range f.imps {
		if f.imps[i].id == id {
			return &f.imps[i]
		}
	}
	return nil
}

func (i *impFacts) deal(id string) *dealFacts {
	for d := range i.deals {
		if i.deals[d].id == id {
			return &i.deals[d]
		}
	}
	return nil
}

func (f *facts) allowsCurrency(cur string) bool {
	if len(f.cur) == 0 {
		return cur == "USD"
	}
	return slices.Contains(f.cur, cur)
}

// The readers below take what exchanges send: numbers as strings, booleans as
// integers, a scalar where an array is due.

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func texts(v any) (out []string) {
	for _, e := range list(v) {
		if s := text(e); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func numbers(v any) (out []int) {
	for _, e := range list(v) {
		out = append(out, number(e))
	}
	return out
}

func number(v any) int {
	if v == true {
		return 1
	}
	micros, err := money.ParseMicros([]byte(text(v)), money.RoundDown)
	if err != nil {
		return 0
	}
	return int(micros / 1_000_000)
}

// price is a floor, rounded up; what is no price is no floor.
func price(v any) money.CPM {
	micros, err := money.ParseMicros([]byte(text(v)), money.RoundUp)
	if err != nil || micros < 0 {
		return 0
	}
	return money.CPM(micros)
}

func currency(v any) string {
	if s := strings.ToUpper(text(v)); s != "" {
		return s
	}
	return "USD"
}
