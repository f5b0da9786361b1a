package loadtest

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prebid/openrtb/v20/openrtb2"
	"pgregory.net/rapid"

	"bidhawk/internal/money"
)

func testPool(t *testing.T, seed uint64) *pool {
	t.Helper()
	cfg := Defaults()
	cfg.Seed, cfg.Generate.Templates, cfg.Exchange = seed, 600, "nova,lumen"
	p, err := newPool(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRequestsArePureFunctionsOfSeedAndNumber(t *testing.T) {
	a, b, other := testPool(t, 7), testPool(t, 7), testPool(t, 8)
	var x, y, z shot
	differ := 0
	for seq := range uint64(300) {
		a.load(&x, seq)
		b.load(&y, 299-seq) // another order, another buffer's past
		b.load(&y, seq)
		other.load(&z, seq)
		if !bytes.Equal(x.wire, y.wire) {
			t.Fatalf("request %d differs between two pools of one seed", seq)
		}
		if !bytes.Equal(x.body, z.body) {
			differ++
		}
	}
	if differ != 300 {
		t.Errorf("%d of 300 requests differ between two seeds", differ)
	}
}

func TestGeneratedRequestsAreLikeProductions(t *testing.T) {
	p := testPool(t, 1)
	sizes, ids := []int{}, map[string]bool{}
	count := map[string]int{}
	users := map[string]string{} // buyeruid -> country and system: a user stays who they are
	const n = 3000
	var s shot
	for seq := range uint64(n) {
		p.load(&s, seq)
		sizes = append(sizes, len(s.body))
		var r openrtb2.BidRequest
		if err := json.Unmarshal(s.body, &r); err != nil {
			t.Fatalf("request %d: %v\n%s", seq, err, s.body)
		}
		if ids[r.ID] || r.ID != p.id(&s) || r.Source.TID != r.ID || bytes.ContainsRune(s.body, 1) {
			t.Fatalf("request id %q: repeated, or marks left\n%s", r.ID, s.body)
		}
		ids[r.ID] = true
		if r.User.BuyerUID != UserName(s.user) || r.Device.IFA != "" && r.Device.IFA != UserIFA(s.user) {
			t.Fatalf("user %q, ifa %q: want those of %d", r.User.BuyerUID, r.Device.IFA, s.user)
		}
		home := r.Device.Geo.City + r.Device.OS
		if was, ok := users[r.User.BuyerUID]; ok && was != home {
			t.Fatalf("user %s was %s, is %s", r.User.BuyerUID, was, home)
		}
		users[r.User.BuyerUID] = home
		if (r.Site == nil) == (r.App == nil) || r.TMax < 100 || r.TMax > 300 || r.AT != 1 {
			t.Fatalf("site %v, app %v, tmax %d, at %d", r.Site, r.App, r.TMax, r.AT)
		}
		count["exchange "+s.exchange]++
		count[r.Device.Geo.Country]++
		for _, i := range r.Imp {
			if i.Banner != nil {
				count["banner"]++
			}
			if i.PMP != nil {
				count["deal"]++
			}
		}
		if len(r.Imp) > 1 {
			count["multi"]++
		}
		if r.App != nil {
			count["app"]++
		}
	}
	slices.Sort(sizes)
	if m := sizes[n/2]; m < 2100 || m > 2700 || sizes[0] < 900 || sizes[n-1] > 6400 {
		t.Errorf("bodies of %d to %d bytes, median %d: want 1 to 6 KB around 2400", sizes[0], sizes[n-1], m)
	}
	for what, low := range map[string]int{
		"USA": n * 4 / 10, "CAN": n / 50, "GBR": n / 50, "DEU": n / 50, "FRA": n / 50, "JPN": n / 50, "CHN": n / 100,
		"banner": n, "deal": n / 20, "multi": n / 10, "app": n / 5, "exchange nova": n / 3, "exchange lumen": n / 3,
	} {
		if count[what] < low {
			t.Errorf("%d of %s: want at least %d of %d requests", count[what], what, low, n)
		}
	}
	if len(users) < n/20 || len(users) > n*9/10 {
		t.Errorf("%d distinct users in %d requests: want some of them often", len(users), n)
	}
}

func TestNames(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q: want %q", got, want)
		}
	}
	f(UserName(17), "u0000017")
	f(SiteDomain(170), "news-017.example")
	f(SiteDomain(12), "auto-001.example")
	f(AppBundle(17), "com.example.app017")
	if ifa := UserIFA(3); len(ifa) != 36 || ifa == UserIFA(4) {
		t.Errorf("ifa %q: want 36 characters of its own", ifa)
	}
	var b [8]byte
	putUserName(b[:], 9_876_543)
	f(string(b[:]), UserName(9_876_543))
}

func TestWeightsAddUp(t *testing.T) {
	sum := 0
	for _, p := range places {
		sum += p.weight
	}
	if sum != totalPlaceShare {
		t.Errorf("weights of places: %d: want %d", sum, totalPlaceShare)
	}
	sum = 0
	for _, h := range handsets {
		sum += h.weight
	}
	if sum != totalDeviceShare {
		t.Errorf("weights of handsets: %d: want %d", sum, totalDeviceShare)
	}
}

func TestZipf(t *testing.T) {
	for _, s := range []float64{0, 0.9, 1, 1.3} {
		z := newZipf(1000, s)
		hits := make([]int, 1000)
		const n = 200_000
		for i := range uint64(n) {
			hits[z.rank(draw(1, forUser, i))]++
		}
		// Ranks 10 to 19 against 100 to 199 stand about as 10 * 10^-s.
		near, far := 0, 0
		for i := 10; i < 20; i++ {
			near += hits[i]
		}
		for i := 100; i < 200; i++ {
			far += hits[i]
		}
		want := math.Pow(10, s-1)
		if got := float64(near) / float64(far); got < want*0.85 || got > want*1.15 {
			t.Errorf("exponent %v: ratio %.3f: want %.3f", s, got, want)
		}
		if slices.Min(hits) < 0 || hits[0] == 0 || s < 1 && hits[999] == 0 {
			t.Errorf("exponent %v: ends %d and %d", s, hits[0], hits[999])
		}
	}
}

func TestSchedule(t *testing.T) {
	const n, rate = 100_000, 2500.0
	for _, poisson := range []bool{false, true} {
		a, b := schedule{seed: 5, rate: rate, poisson: poisson}, schedule{seed: 5, rate: rate, poisson: poisson}
		var last time.Duration
		var squares float64
		for i := range n {
			at := a.next()
			if at != b.next() || at < last {
				t.Fatalf("%s: instant %d: %s after %s", &a, i, at, last)
			}
			squares += math.Pow((at-last).Seconds()*rate, 2)
			last = at
		}
		if got := last.Seconds(); math.Abs(got-n/rate) > 0.01*n/rate {
			t.Errorf("%s: %d requests in %.2f s: want %.2f", &a, n, got, n/rate)
		}
		// The second moment of a gap, in units of 1/rate: 1 if uniform, 2 if exponential.
		want := 1.0
		if poisson {
			want = 2
		}
		if got := squares / n; math.Abs(got-want) > 0.05 {
			t.Errorf("%s: second moment of gaps %.3f: want %v", &a, got, want)
		}
	}
}

func TestAuctionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ours := money.CPM(rapid.Int64Range(1, 50_000_000).Draw(t, "ours"))
		floor := min(money.CPM(rapid.Int64Range(0, 50_000_000).Draw(t, "floor")), ours)
		rival := money.CPM(rapid.Int64Range(0, 50_000_000).Draw(t, "rival"))
		for _, second := range []bool{false, true} {
			o := auctioneer{second: second}.clear(ours, floor, rival)
			if o.won != (ours > rival) {
				t.Fatalf("won %v", o.won)
			}
			if o.won && (o.price > ours || o.price < min(floor, ours) || o.price <= 0) {
				t.Fatalf("price %d outside (%d, %d]", o.price, floor, ours)
			}
			if o.won && !second && o.price != ours {
				t.Fatalf("first price %d: want %d", o.price, ours)
			}
			if !o.won && (o.price != 0 || o.minToWin <= rival || o.minToWin < floor) {
				t.Fatalf("lost: price %d, to win %d against %d", o.price, o.minToWin, rival)
			}
		}
		if o := (auctioneer{}).clearDeal(ours, floor, 3, rival); floor > 0 && (!o.won || o.price != floor) {
			t.Fatalf("a deal at its agreed price %d: %+v", floor, o)
		}
	})
}

func TestRivalsAreLogNormalAndSeeded(t *testing.T) {
	cfg := Defaults()
	a := auctioneer{seed: 3, market: cfg.Market}
	var logs []float64
	alone := 0
	for seq := range uint64(20_000) {
		r := a.rival("news-001.example", seq, 0)
		if r != a.rival("news-001.example", seq, 0) || r%priceStep != 0 {
			t.Fatal("a rival is not a function of its auction, or too fine")
		}
		if r == 0 {
			alone++
			continue
		}
		logs = append(logs, math.Log(float64(r)))
	}
	mean, variance := 0.0, 0.0
	for _, l := range logs {
		mean += l / float64(len(logs))
	}
	for _, l := range logs {
		variance += (l - mean) * (l - mean) / float64(len(logs))
	}
	if s := math.Sqrt(variance); math.Abs(s-cfg.Market.RivalSigma) > 0.03 || alone < 800 || alone > 1200 {
		t.Errorf("spread %.3f: want %v; alone in %d of 20000", s, cfg.Market.RivalSigma, alone)
	}
}

func TestMacros(t *testing.T) {
	m := &macros{
		auctionID: "a&b", bidID: "r1", impID: "1", price: 1_250_000, minToWin: 900_100, mbr: 500_000,
		currency: "USD", loss: 102, rendered: time.UnixMilli(1700000000123),
	}
	f := func(in, url, markup string) {
		t.Helper()
		if got := m.inURL(in); got != url {
			t.Errorf("%q in a URL: %q: want %q", in, got, url)
		}
		if got := m.inMarkup(in); got != markup {
			t.Errorf("%q in markup: %q: want %q", in, got, markup)
		}
	}
	f("", "", "")
	f("p=${AUCTION_PRICE}", "p=1.25", "p=1.25")
	f("${AUCTION_ID}|${AUCTION_IMP_ID}", "a%26b|1", "a&b|1")
	f("${AUCTION_LOSS}${AUCTION_CURRENCY}${AUCTION_MULTIPLIER}", "102USD1", "102USD1")
	f("${AUCTION_MIN_TO_WIN},${AUCTION_MBR}", "0.9001,0.5", "0.9001,0.5")
	f("${AUCTION_IMP_TS}", "1700000000123", "1700000000123")
	f("${AUCTION_PRICE:B64}", "MS4yNQ%3D%3D", "MS4yNQ==")
	f("${AUCTION_SEAT_ID}${AUCTION_UNKNOWN}.", ".", ".")
	f("${x.y} ${} ${AUCTION_PRICE", "${x.y} ${} ${AUCTION_PRICE", "${x.y} ${} ${AUCTION_PRICE")
	f("$${AUCTION_LOSS}}", "$102}", "$102}")
	m.multiplier = 14_320_000
	f("${AUCTION_MULTIPLIER}", "14.32", "14.32")
}

func TestFindURLAndRequest(t *testing.T) {
	f := func(markup, want string) {
		t.Helper()
		if got := findURL(markup, clickPath); got != want {
			t.Errorf("%q: %q: want %q", markup, got, want)
		}
	}
	f(`<a href="http://h/t/click/x?a=1&amp;b=2">`, "http://h/t/click/x?a=1&b=2")
	f(`<img src='http://h/i.png'><a href='http://h/t/click/x'>`, "http://h/t/click/x")
	f(`location=("http://h/t/click/x")`, "http://h/t/click/x")
	f("http://h/t/click/x", "http://h/t/click/x")
	f(`<a href="/t/click/x">`, "")
	f(`no link`, "")
	f(`<a href="https://ads.example/r?u=http%3A%2F%2Fh%3A80%2Ft%2Fclick%2Fx%3Fa&z=1">`, "http://h:80/t/click/x?a")

	g := func(url, wantAddr, wantLine string, wantOK bool) {
		t.Helper()
		b, addr, ok := appendCall(nil, call{url: url})
		line, _, _ := strings.Cut(string(b), "\r\n")
		if addr != wantAddr || ok != wantOK || line != wantLine {
			t.Errorf("%q: %q %q %v", url, line, addr, ok)
		}
	}
	g("http://h:1/a?b#c", "h:1", "GET /a?b HTTP/1.1", true)
	g("http://h", "h:80", "GET / HTTP/1.1", true)
	g("http://[::1]/x", "[::1]:80", "GET /x HTTP/1.1", true)
	g("http://h?x=1", "h:80", "GET /?x=1 HTTP/1.1", true)
	g("https://h/", "", "", false)
	g("http://h/a b", "", "", false)
	g("http:///x", "", "", false)
	g("http://h/\r\nHost: evil", "", "", false)
	post, _, ok := appendCall(nil, call{url: "http://h/x", post: true, headers: "X-A: b\r\n"})
	if want := "POST /x HTTP/1.1\r\nHost: h\r\nUser-Agent: bidhawk-loadtest\r\nContent-Length: 0\r\nX-A: b\r\n\r\n"; !ok || string(post) != want {
		t.Errorf("%q: want %q", post, want)
	}
	if got := clickID("https://x.example/?bh_click=abc%2B&z=1"); got != "abc+" {
		t.Errorf("click id %q", got)
	}
}

func TestRecentIDsForgetOnlyTheOldest(t *testing.T) {
	r := &recentIDs{limit: 10}
	for i := range uint64(100) {
		if !r.add(i) || r.add(i) || i >= 10 && r.add(i-10) {
			t.Fatalf("id %d", i)
		}
	}
	if len(r.mu.young)+len(r.mu.old) > 20 {
		t.Error("more than two generations are kept")
	}
}

func TestFactsOfRealRequests(t *testing.T) {
	root := os.Getenv("BIDHAWK_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	valid := filepath.Join(root, "openrtb", "valid")
	if _, err := os.Stat(valid); err != nil {
		t.Skipf("%s is absent", valid)
	}
	made, err := readRequests(valid)
	if err != nil {
		t.Fatal(err)
	}
	for i := range made {
		if f := made[i].facts; !f.ok || f.id == "" || len(f.imps) == 0 {
			t.Errorf("body %d: facts %+v of %.200s", i, f, made[i].body)
		}
	}
	broken, err := readRequests(filepath.Join(root, "openrtb", "invalid"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d valid and %d invalid bodies", len(made), len(broken))
	j := newJudge(false, false)
	responses, err := filepath.Glob(filepath.Join(root, "openrtb", "responses", "*.json"))
	if err != nil || len(responses) == 0 {
		t.Fatalf("responses: %v", err)
	}
	for _, path := range responses {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		judgeAll(j, made[0].facts, b)
	}
}

// judgeAll holds any bytes to the rules: it must not panic.
func judgeAll(j *judge, f *facts, body []byte) {
	a, err := readAnswer(body)
	if err != nil {
		return
	}
	judged(j, f, a)
}

func FuzzJudge(f *testing.F) {
	f.Add([]byte(`{"id":"r","imp":[{"id":"1","banner":{"format":[{"w":300,"h":250}]}}]}`),
		[]byte(`{"id":"r","seatbid":[{"bid":[{"id":"b","impid":"1","price":1.5,"adm":"<a>"}]}]}`))
	f.Add([]byte(podRequest), []byte(`{"id":"r","seatbid":[{"bid":[{"id":"b","impid":"3","price":5,"dur":15,"cid":"1","crid":"1","burl":"b","mtype":2},
		{"id":"c","impid":"3","price":5,"dur":15,"cid":"1","crid":"1","burl":"b","mtype":2}]}]}`))
	f.Add([]byte(nativeRequest12), []byte(`{"id":"r","seatbid":[{"bid":[{"id":"b","impid":"1","price":1.5,"mtype":4,"adm":"{}"}]}]}`))
	f.Add([]byte(`{"imp":[{"banner":[],"pmp":{"deals":{}}}]}`), []byte(`{"seatbid":[{"bid":[{"price":"1"}]}]}`))
	f.Fuzz(func(t *testing.T, request, response []byte) {
		judgeAll(newJudge(true, false), readFacts(request), response)
	})
}

func FuzzMacros(f *testing.F) {
	f.Add("http://x/?p=${AUCTION_PRICE}&q=${AUCTION_ID:B64}")
	f.Add("${AUCTION_${AUCTION_PRICE}}")
	f.Fuzz(func(t *testing.T, s string) {
		m := &macros{price: 1, currency: "USD", auctionID: "id"}
		out := m.inMarkup(s)
		if !strings.Contains(s, "${") && out != s {
			t.Fatalf("%q became %q", s, out)
		}
		if strayMacro(s) == "" && len(out) > 40*len(s)+1 {
			t.Fatalf("%d bytes became %d", len(s), len(out))
		}
	})
}
