package bidder

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// update rewrites the expectations of testdata/golden and docs/openrtb.md.
var update = flag.Bool("update", false, "rewrite the golden auctions' expectations and the generated table")

// golden is a file of testdata/golden: one auction, or a conversation of several
// with one house. What is random or signed is a placeholder in it.
type golden struct {
	About       string                  `json:"about"`
	Obligations []string                `json:"obligations"`
	House       houseSpec               `json:"house,omitzero"`
	Exchanges   map[string]exchangeSpec `json:"exchanges,omitempty"` // by name; the first is called where an auction names none
	Campaigns   campaignsSpec           `json:"campaigns,omitzero"`
	Request     json.RawMessage         `json:"request"`
	Auctions    []goldenAuction         `json:"auctions"`
}

// goldenAuction is one request and what comes of it.
type goldenAuction struct {
	About string `json:"about"`
	// Set changes fields of the file's request, by path ("imp.0.banner.w"); null
	// takes a field away. Body is sent instead of it, as it is.
	Set  map[string]json.RawMessage `json:"set,omitempty"`
	Body string                     `json:"body,omitempty"`
	// Creatives and LineItems stand in for the file's.
	Creatives []json.RawMessage `json:"creatives,omitempty"`
	LineItems []json.RawMessage `json:"line_items,omitempty"`
	// House and Exchange change settings for this auction alone.
	House    json.RawMessage            `json:"house,omitempty"`
	Exchange map[string]json.RawMessage `json:"exchange,omitempty"`

	To      string            `json:"to,omitempty"`      // an exchange's name
	Method  string            `json:"method,omitempty"`  // POST where not said
	Headers map[string]string `json:"headers,omitempty"` // of the request
	Gzip    bool              `json:"gzip,omitempty"`    // the request is packed
	// Keep sends it to the house of the auction before, After so much later.
	Keep  bool   `json:"keep,omitempty"`
	After string `json:"after,omitempty"`

	Expect goldenAnswer   `json:"expect"`
	Then   []goldenNotice `json:"then,omitempty"`
}

// goldenAnswer is what an auction ends with.
type goldenAnswer struct {
	Status  int               `json:"status"`
	NoBid   string            `json:"no_bid,omitempty"`  // a NoBid's name
	Rule    string            `json:"rule,omitempty"`    // of a 400: the field and the rule it breaks
	Headers map[string]string `json:"headers,omitempty"` // those that the protocol speaks of
	// Reserved is the money that the bids took, in the advertiser's nanos.
	Reserved []goldenAmounts `json:"reserved,omitempty"`
	Answer   json.RawMessage `json:"answer,omitempty"`
}

type goldenAmounts struct {
	Media  int64 `json:"media"`
	Charge int64 `json:"charge"`
}

// goldenNotice is a call of one of the answer's addresses.
type goldenNotice struct {
	About string `json:"about,omitempty"`
	// Call is "nurl", "burl" or "lurl"; "imp", "bill", "click" or "event/start" of
	// the markup; or an address of ours, from "/" on.
	Call string `json:"call"`
	Bid  int    `json:"bid,omitempty"` // whose
	// Macros are replaced as text: a name alone is ${NAME}, other texts stand for
	// themselves. A value may be "google:5000", encrypted, or "b64:1.25".
	Macros  map[string]string `json:"macros,omitempty"`
	Method  string            `json:"method,omitempty"` // GET where not said
	Form    string            `json:"form,omitempty"`   // of a POST
	Headers map[string]string `json:"headers,omitempty"`
	Cut     string            `json:"cut,omitempty"`    // cut out of the address before it is called
	After   string            `json:"after,omitempty"`  // so much later
	Broken  bool              `json:"broken,omitempty"` // the log is away

	Expect goldenNoticed `json:"expect"`
}

// goldenNoticed is what a notice leaves.
type goldenNoticed struct {
	Status   int      `json:"status"`
	Counted  []string `json:"counted,omitempty"` // notices by kind and result
	Location string   `json:"location,omitempty"`
	Pixel    bool     `json:"pixel,omitempty"`
	// Records are those that became durable, by topic.
	Records []json.RawMessage `json:"records,omitempty"`
}

func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata/golden: got %d files, %v; want golden auctions", len(files), err)
	}
	return files
}

func readGolden(t testing.TB, path string) golden {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(&g); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return g
}

// TestGolden plays every file and compares everything that can be seen from
// outside. With -update it writes what it saw; a reviewer reads the difference.
func TestGolden(t *testing.T) {
	for _, path := range goldenFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			g := readGolden(t, path)
			want := writtenGolden(t, &g)
			g.play(t)
			got := writtenGolden(t, &g)
			switch {
			case got == want:
			case *update:
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s is not what happens (-update writes what does):\n%s", path, difference(want, got))
			}
		})
	}
}

// play runs the auctions and puts what happens into g.
func (g *golden) play(t *testing.T) {
	var h *goldenHouse
	for i := range g.Auctions {
		a := &g.Auctions[i]
		if h == nil || !a.Keep {
			h = g.house(t, a)
		}
		h.after(t, a.After)
		a.Expect = h.auction(t, g, a)
		for k := range a.Then {
			n := &a.Then[k]
			h.after(t, n.After)
			n.Expect = h.notice(t, n)
		}
	}
}

func (h *goldenHouse) after(t *testing.T, wait string) {
	t.Helper()
	if wait == "" {
		return
	}
	d, err := time.ParseDuration(wait)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Set(h.clock.Now().Add(d))
}

// auction sends one request.
func (h *goldenHouse) auction(t *testing.T, g *golden, a *goldenAuction) goldenAnswer {
	t.Helper()
	to := a.To
	if to == "" {
		to = g.firstExchange()
	}
	body := a.Body
	if body == "" {
		body = string(changed(t, g.Request, a.Set))
	}
	headers := pairsOf(a.Headers)
	if a.Gzip {
		body, headers = packed(t, body), append(headers, "Content-Encoding", "gzip")
	}
	method := a.Method
	if method == "" {
		method = "POST"
	}
	h.wallet.reserved = nil
	before := h.noBids(to)
	r := h.call(method, "/openrtb2/"+to, body, headers...)
	got := goldenAnswer{Status: r.StatusCode(), NoBid: newReason(before, h.noBids(to)), Headers: spoken(r)}
	if refused := h.Refused(); r.StatusCode() == 400 && len(refused) > 0 {
		got.Rule = strings.TrimPrefix(refused[0].Field+": "+refused[0].Rule, ": ")
	}
	for _, m := range h.wallet.reserved {
		got.Reserved = append(got.Reserved, goldenAmounts{int64(m.Media), int64(m.Charge)})
	}
	answer := r.Body()
	if string(r.Header.ContentEncoding()) == "gzip" {
		var err error
		if answer, err = r.BodyGunzip(); err != nil {
			t.Fatal(err)
		}
	}
	if len(answer) > 0 {
		h.answered(t, answer)
		got.Answer = json.RawMessage(h.plain(string(answer)))
	}
	return got
}

// noBids are the counts of each reason at one exchange.
func (h *goldenHouse) noBids(exchange string) (counts [noBidCount]uint64) {
	if m := h.metrics.exchange(exchange); m != nil {
		for i := range counts {
			counts[i] = m.results[i].Load()
		}
	}
	return counts
}

func newReason(before, after [noBidCount]uint64) string {
	for i := range after {
		if after[i] != before[i] && NoBid(i) != NoBidNone {
			return NoBid(i).String()
		}
	}
	return ""
}

// spoken are the headers that OpenRTB and HTTP ask for.
func spoken(r *fasthttp.Response) map[string]string {
	out := map[string]string{}
	for _, name := range []string{headerVersion, "Content-Encoding", "Allow"} {
		if v := r.Header.Peek(name); len(v) > 0 {
			out[name] = string(v)
		}
	}
	if len(r.Body()) > 0 {
		out["Content-Type"] = string(r.Header.ContentType())
	}
	return out
}

// notice calls one address and says what it left.
func (h *goldenHouse) notice(t *testing.T, n *goldenNotice) goldenNoticed {
	t.Helper()
	address := h.address(t, n)
	for name, value := range n.Macros {
		if !strings.ContainsAny(name, "$%[") {
			name = "${" + name + "}"
		}
		if !strings.Contains(address, name) {
			t.Fatalf("%s: %s is not in %s", n.Call, name, address)
		}
		address = strings.ReplaceAll(address, name, h.macro(t, value))
	}
	method, headers := n.Method, pairsOf(n.Headers)
	if method == "" {
		method = "GET"
	}
	if n.Form != "" {
		headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
	}
	if n.Broken {
		h.events.err = os.ErrDeadlineExceeded
		defer func() { h.events.err = nil }()
	}
	before, from := h.noticeCounts(), len(h.events.msgs)
	r := h.call(method, address, n.Form, headers...)
	got := goldenNoticed{
		Status: r.StatusCode(), Counted: noticesSince(before, h.noticeCounts()), Pixel: bytes.Equal(r.Body(), pixel),
		Location: h.plain(string(r.Header.Peek("Location"))),
	}
	for _, m := range h.events.msgs[from:] {
		record := `{"` + m.Topic + `":` + h.plain(string(m.Value)) + `}`
		got.Records = append(got.Records, json.RawMessage(record))
	}
	return got
}

// macro is the text that an exchange puts in the place of a macro.
func (h *goldenHouse) macro(t *testing.T, value string) string {
	t.Helper()
	if micros, ok := strings.CutPrefix(value, "google:"); ok {
		n, err := strconv.ParseUint(micros, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return encryptPrice(t, n)
	}
	if plain, ok := strings.CutPrefix(value, "b64:"); ok {
		return base64.StdEncoding.EncodeToString([]byte(plain))
	}
	return value
}

func (h *goldenHouse) noticeCounts() map[string]uint64 {
	out := map[string]uint64{}
	for k := range noticeKinds {
		for r := range noticeResults {
			out[k.String()+" "+r.String()] = h.metrics.Notice(k, r)
		}
	}
	return out
}

func noticesSince(before, after map[string]uint64) (names []string) {
	for name, n := range after {
		for range n - before[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func pairsOf(headers map[string]string) (out []string) {
	for name, value := range headers {
		out = append(out, name, value)
	}
	return out
}
