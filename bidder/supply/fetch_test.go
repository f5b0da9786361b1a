package supply

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// internet is a web server on loopback that stands for all hosts. Pages are by
// URL; hosts that no page of a scheme names refuse connections of that scheme.
type internet struct {
	t     *testing.T
	pages map[string]http.HandlerFunc
	dir   string
	now   time.Time
	cfg   FetchConfig

	mu   sync.Mutex
	seen []string // what was asked for, in order
}

func newInternet(t *testing.T) *internet {
	n := &internet{t: t, pages: map[string]http.HandlerFunc{}, dir: t.TempDir(), now: testNow}
	serve := func(scheme string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			url := scheme + "://" + hostOf(r.Host) + r.URL.Path
			n.mu.Lock()
			n.seen = append(n.seen, url)
			n.mu.Unlock()
			if page := n.pages[url]; page != nil {
				page(w, r)
				return
			}
			http.NotFound(w, r)
		}
	}
	plain, secure := httptest.NewServer(serve("http")), httptest.NewTLSServer(serve("https"))
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, _ := net.SplitHostPort(address)
			scheme, server := "http", plain
			if port == "443" {
				scheme, server = "https", secure
			}
			for url := range n.pages {
				if strings.HasPrefix(url, scheme+"://"+host+"/") {
					var d net.Dialer
					return d.DialContext(ctx, network, server.Listener.Addr().String())
				}
			}
			return nil, errors.New("connection refused")
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	n.cfg = FetchConfig{Dir: n.dir, Client: &http.Client{Transport: transport}, UserAgent: "test/1 (+https://dsp.example/bot)",
		Clock: func() time.Time { return n.now }, Concurrency: 2, Timeout: 10 * time.Second, MaxTextBytes: 64 << 10}
	return n
}

// text serves a body as text/plain.
func text(body string) http.HandlerFunc { return typed("text/plain; charset=utf-8", body) }

func typed(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, body)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusMovedPermanently)
	}
}

func (n *internet) fetch(want Wanted) FetchReport {
	n.t.Helper()
	r, err := Fetch(context.Background(), n.cfg, want)
	if err != nil {
		n.t.Fatal(err)
	}
	if temps, _ := filepath.Glob(filepath.Join(n.dir, "*", tempPrefix+"*")); len(temps) > 0 {
		n.t.Errorf("%v was left behind", temps)
	}
	return r
}

// fetchSite fetches the ads.txt of site.example and wants one outcome.
func (n *internet) fetchSite(want Outcome, why string) {
	n.t.Helper()
	r := n.fetch(Wanted{Sites: []string{"site.example"}})
	var files [outcomeCount]int
	files[want] = 1
	problems := fmt.Sprint(r.Problems)
	if r.Files != files || (why == "") != (len(r.Problems) == 0) || !strings.Contains(problems, why) {
		n.t.Errorf("got %v, problems %s; want one %v, problem %q", r, problems, want, why)
	}
}

// standing of account 1 of ssp.example on site.example, as the cache has it.
func (n *internet) standing() standing {
	n.t.Helper()
	s, err := Load(n.dir, n.now)
	if err != nil {
		n.t.Fatal(err)
	}
	return sellsOn(s, "site.example")
}

func TestFetchAnswers(t *testing.T) {
	f := func(page http.HandlerFunc, want Outcome, why string, known standing) {
		t.Helper()
		n := newInternet(t)
		n.pages["https://site.example/ads.txt"] = page
		n.fetchSite(want, why)
		if got := n.standing(); got != known {
			t.Errorf("%s: got %v; want %v", why, got, known)
		}
	}
	f(text(sells), Fetched, "", authorised)
	f(text(sellsNot), Fetched, "", unauthorised)
	f(typed("TEXT/PLAIN", sells), Fetched, "", authorised)
	f(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, sells)
	}, Fetched, "", authorised)
	f(typed("text/html", sells), Failed, "want text/plain", unknown)
	f(text("<!doctype html>"), Failed, "markup", unknown)
	f(text(""), Failed, "want at least one (ads.txt 3.2.1)", unknown)
	f(text(strings.Repeat("# 345678\n", 8_000)), Failed, "got more than 65536 bytes", unknown)
	f(status(404), Absent, "", unknown)
	f(status(410), Failed, "status 410", unknown)
	f(status(401), Failed, "status 401", unknown)
	f(status(500), Failed, "status 500", unknown)
	f(status(304), Failed, "status 304", unknown) // we did not ask whether it changed
	f(status(303), Failed, "status 303", unknown)
	f(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, sells)
	}, Failed, "unexpected EOF", unknown)
	f(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		io.WriteString(w, sells)
	}, Failed, `content encoding "br"`, unknown)
	f(gzipped(sells), Fetched, "", authorised)
	f(gzipped(sells+strings.Repeat("#       \n", 1<<20)), Failed, "got more than 65536 bytes", unknown) // 9 MB in 9 KB
	f(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, "no gzip")
	}, Failed, "gzip", unknown)
}

func gzipped(body string) http.HandlerFunc {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, body)
	z.Close()
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(b.Bytes())
	}
}

// TestFetchKeepsLastGood has the rules of ads.txt 3.1: a 404 takes the
// declarations back, and any other failure leaves them.
func TestFetchKeepsLastGood(t *testing.T) {
	f := func(page http.HandlerFunc, want Outcome, why string, known standing) {
		t.Helper()
		n := newInternet(t)
		n.pages["https://site.example/ads.txt"] = text(sells)
		n.fetchSite(Fetched, "")
		n.now = n.now.Add(8 * 24 * time.Hour)
		n.pages["https://site.example/ads.txt"] = page
		n.fetchSite(want, why)
		if got := n.standing(); got != known {
			t.Errorf("%s: got %v; want %v", why, got, known)
		}
	}
	f(text(sellsNot), Fetched, "", unauthorised)
	f(status(404), Absent, "", unknown)
	f(status(503), Failed, "status 503", authorised)
	f(typed("text/html", "x"), Failed, "want text/plain", authorised)
	f(text("oops"), Failed, "want at least one", authorised)
	f(gzipped(strings.Repeat("#       \n", 1<<17)), Failed, "got more than", authorised)
	f(redirect("https://[::1]/ads.txt"), Failed, "redirect", authorised)
}

func TestFetchFailureIsRecorded(t *testing.T) {
	n := newInternet(t)
	page := "https://site.example/ads.txt"
	n.pages[page] = text(sells)
	n.fetchSite(Fetched, "")
	n.now = n.now.Add(8 * 24 * time.Hour)
	n.pages[page] = status(500)
	n.fetchSite(Failed, "status 500")
	c, err := openCache(filepath.Join(n.dir, "ads.txt", "site.example"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !c.Checked.Equal(testNow) || !c.Failed.Equal(n.now) || !strings.Contains(c.Why, "500") || c.URL != page {
		t.Errorf("got %+v; want what was, and why it failed", c.state)
	}
	n.now = n.now.Add(59 * time.Minute)
	n.fetchSite(Fresh, "") // not yet
	n.now = n.now.Add(2 * time.Minute)
	n.pages[page] = text(sells)
	n.fetchSite(Fetched, "")
	n.now = n.now.Add(30 * 24 * time.Hour)
	if got := n.standing(); got != unknown {
		t.Errorf("after 30 days: got %v; want it stale", got)
	}
}

func TestFetchConditional(t *testing.T) {
	n := newInternet(t)
	n.pages["https://site.example/ads.txt"] = func(w http.ResponseWriter, r *http.Request) {
		if ua := r.Header.Get("User-Agent"); ua != n.cfg.UserAgent {
			t.Errorf("got user agent %q", ua)
		}
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Wed, 25 Nov 2026 10:00:00 GMT")
		w.Header().Set("Cache-Control", "public, max-age=86400")
		if r.Header.Get("If-None-Match") == `"v1"` && r.Header.Get("If-Modified-Since") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		text(sells)(w, r)
	}
	n.fetchSite(Fetched, "")
	n.now = n.now.Add(23 * time.Hour)
	n.fetchSite(Fresh, "")
	n.now = n.now.Add(2 * time.Hour)
	n.fetchSite(NotModified, "")
	n.fetchSite(Fresh, "")
	n.now = n.now.Add(27 * 24 * time.Hour) // of the confirmation, not of the body
	if got := n.standing(); got != authorised {
		t.Errorf("got %v; want it in force since it was confirmed", got)
	}
	if len(n.seen) != 2 {
		t.Errorf("got requests %v; want two", n.seen)
	}
}

// TestFetchHostileText: what servers choose for a file's first line can't keep
// it from being written.
func TestFetchHostileText(t *testing.T) {
	n := newInternet(t)
	n.pages["https://site.example/ads.txt"] = redirect("/a?" + strings.Repeat("&", 2000))
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", strings.Repeat("<", maxValidator))
		w.Header().Set("Last-Modified", strings.Repeat("\xff", maxValidator))
		text(sells)(w, nil)
	}
	n.pages["https://site.example/a"] = page
	n.fetchSite(Fetched, "")
	n.now = n.now.Add(8 * 24 * time.Hour)
	n.pages["https://site.example/a"] = typed(strings.Repeat("<", 900), "")
	n.fetchSite(Failed, "want text/plain")
	n.now = n.now.Add(2 * time.Hour)
	n.pages["https://site.example/ads.txt"] = redirect("https://[::1]/" + strings.Repeat("&", 900))
	n.fetchSite(Failed, "redirect")
	if got := n.standing(); got != authorised {
		t.Errorf("got %v; want the last good file", got)
	}
}

func TestFreshFor(t *testing.T) {
	f := func(control, expires string, want time.Duration) {
		t.Helper()
		h := http.Header{}
		h.Set("Cache-Control", control)
		h.Set("Expires", expires)
		if got := freshFor(h, testNow); got != want {
			t.Errorf("%q, %q: got %v; want %v", control, expires, got, want)
		}
	}
	f("", "", 7*24*time.Hour)
	f("public", "", 7*24*time.Hour)
	f("max-age=172800", "", 48*time.Hour)
	f(`private, MAX-AGE="172800"`, "", 48*time.Hour)
	f("max-age=1", "", leastFresh)
	f("max-age=99999999", "", mostFresh)
	f("max-age=-1", "", mostFresh)
	f("no-cache", "", leastFresh)
	f("no-store", "Fri, 27 Nov 2026 12:00:00 GMT", leastFresh)
	f("", "Fri, 27 Nov 2026 12:00:00 GMT", 48*time.Hour)
	f("", "Fri, 27 Nov 2020 12:00:00 GMT", leastFresh)
	f("", "0", mostFresh)
}

// TestFetchRedirects has the rules of ads.txt 3.1.
func TestFetchRedirects(t *testing.T) {
	f := func(pages map[string]http.HandlerFunc, want Outcome, why string) {
		t.Helper()
		for _, list := range []string{"", testSuffixes} {
			n := newInternet(t)
			if list != "" {
				writeTest(t, n.dir, "public_suffix_list.dat", state{}, list)
			}
			n.pages = pages
			n.fetchSite(want, why)
		}
	}
	type pages = map[string]http.HandlerFunc
	start := "https://site.example/ads.txt"
	f(pages{start: redirect("/other.txt"), "https://site.example/other.txt": text(sells)}, Fetched, "")
	f(pages{start: redirect("https://www.site.example/ads.txt"), "https://www.site.example/ads.txt": redirect("http://files.site.example:80/a"),
		"http://files.site.example/a": text(sells)}, Fetched, "")
	f(pages{start: redirect("https://sales.example/site/ads.txt"), "https://sales.example/site/ads.txt": text(sells)}, Fetched, "")
	f(pages{start: redirect("https://www.site.example/"), "https://www.site.example/": redirect("https://sales.example/a"),
		"https://sales.example/a": text(sells)}, Fetched, "")
	f(pages{start: redirect("https://sales.example/a"), "https://sales.example/a": redirect("/b"), "https://sales.example/b": text(sells)},
		Failed, "one out of site.example")
	f(pages{start: redirect("https://sales.example/a"), "https://sales.example/a": redirect("https://site.example/b"),
		"https://site.example/b": text(sells)}, Failed, "one out of site.example")
	f(pages{start: redirect("https://notsite.example/a"), "https://notsite.example/a": redirect("/b"), "https://notsite.example/b": text(sells)},
		Failed, "one out of site.example")
	f(pages{start: redirect(start)}, Failed, "got more than 5")
	f(pages{start: redirect("https://sales.example/a"), "https://sales.example/a": status(404)}, Absent, "")
	for _, bad := range []string{"ftp://site.example/a", "https://127.0.0.1/a", "https://[::1]/a", "https://localhost/a", "https://site.example:8443/a",
		"https://user:pw@site.example/a", "file:///etc/passwd", "http://site.example:443/a", ""} {
		f(pages{start: redirect(bad)}, Failed, "redirect")
	}
	for _, code := range []int{302, 307, 308} {
		f(pages{start: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/b"); w.WriteHeader(code) },
			"https://site.example/b": text(sells)}, Fetched, "")
	}
}

func TestFetchSchemes(t *testing.T) {
	f := func(https, http http.HandlerFunc, want Outcome, why string) {
		t.Helper()
		n := newInternet(t)
		if https != nil {
			n.pages["https://site.example/ads.txt"] = https
		}
		if http != nil {
			n.pages["http://site.example/ads.txt"] = http
		}
		n.fetchSite(want, why)
	}
	f(nil, text(sells), Fetched, "")
	f(text(sells), text("<html>"), Fetched, "")
	f(status(404), text(sells), Absent, "") // where there is HTTPS, it is what holds
	f(status(500), text(sells), Failed, "status 500")
	f(nil, nil, Failed, "connection refused")
}

func TestFetchPointers(t *testing.T) {
	for _, list := range []string{"", testSuffixes} {
		n := newInternet(t)
		if list != "" {
			writeTest(t, n.dir, "public_suffix_list.dat", state{}, list)
		}
		writeTest(t, n.dir, "bundles.tsv", state{}, "com.game\thttps://www.dev.example/about\n")
		n.pages["https://site.example/ads.txt"] = text(sells + "subdomain=own.site.example\nsubdomain=elsewhere.example\nsubdomain=site.example\n" +
			"inventorypartnerdomain=partner.example\n")
		n.pages["https://own.site.example/ads.txt"] = text(sellsNot + "subdomain=deep.own.site.example\n")
		n.pages["https://partner.example/ads.txt"] = text(sells + "inventorypartnerdomain=second.example\nsubdomain=x.partner.example\n")
		n.pages["https://dev.example/app-ads.txt"] = text(sells + "subdomain=x.dev.example\ninventorypartnerdomain=partner2.example\n")
		n.pages["https://partner2.example/ads.txt"] = text(sells)
		n.pages["https://ssp.example/sellers.json"] = typed("application/json", sellersJSON("1 PUBLISHER"))
		want := Wanted{Sites: []string{"https://www.site.example/page", "site.example", "not a domain"}, AdSystems: []string{"ssp.example"}}
		r := n.fetch(want)
		slices.Sort(n.seen)
		if got := strings.Join(n.seen, " "); got != "https://dev.example/app-ads.txt https://own.site.example/ads.txt "+
			"https://partner.example/ads.txt https://partner2.example/ads.txt https://site.example/ads.txt https://ssp.example/sellers.json" {
			t.Errorf("got %s", got)
		}
		if r.Files != [outcomeCount]int{Fetched: 6} || r.Refused != 2 || len(r.Problems) != 2 {
			t.Errorf("got %v, %v; want 6 fetched and 2 refused", r, r.Problems)
		}
		s := mustLoad(t, n.dir)
		if a, b := sellsOn(s, "site.example"), sellsOn(s, "own.site.example"); a != authorised || b != unauthorised {
			t.Errorf("got %v, %v; want the subdomain's own file", a, b)
		}
		// Again: what is fresh is not asked for, and what it points to is found all the same.
		n.seen = nil
		os.Remove(filepath.Join(n.dir, "ads.txt", "own.site.example"))
		if r := n.fetch(want); r.Files != [outcomeCount]int{Fetched: 1, Fresh: 5} || len(n.seen) != 1 {
			t.Errorf("again: got %v, requests %v; want one", r, n.seen)
		}
	}
}

// TestFetchDeveloperFallback: the parent's app-ads.txt holds where the
// subdomain has none, with what it points to.
func TestFetchDeveloperFallback(t *testing.T) {
	n := newInternet(t)
	writeTest(t, n.dir, "public_suffix_list.dat", state{}, testSuffixes)
	n.pages["https://games.dev.example/app-ads.txt"] = status(404)
	n.pages["https://dev.example/app-ads.txt"] = text(sells + "inventorypartnerdomain=partner.example\n")
	n.pages["https://partner.example/ads.txt"] = text(sells)
	r := n.fetch(Wanted{Developers: []string{"https://a.games.dev.example/x"}})
	if r.Files != [outcomeCount]int{Fetched: 2, Absent: 1} {
		t.Errorf("got %v, %v", r, n.seen)
	}
	o := &Offer{AdSystem: "ssp.example", Seller: []byte("1"), App: true, Domain: []byte("games.dev.example")}
	judged(t, mustLoad(t, n.dir), &Rules{AdsTxt: Require, TrustAppDomain: true}, o, OK)
}

func TestFetchSellersJSON(t *testing.T) {
	n := newInternet(t)
	page := "https://ssp.example/sellers.json"
	f := func(p http.HandlerFunc, want Outcome, sellers int) {
		t.Helper()
		n.pages[page] = p
		r := n.fetch(Wanted{AdSystems: []string{"ssp.example"}})
		if r.Files[want] != 1 {
			t.Errorf("got %v; want one %v", r, want)
		}
		s, err := Load(n.dir, n.now)
		if err != nil || s.Report().Sellers != sellers {
			t.Errorf("got %d sellers, %v; want %d", s.Report().Sellers, err, sellers)
		}
		n.now = n.now.Add(mostFresh + time.Hour)
	}
	f(typed("text/html", "<html>"), Failed, 0)
	f(typed("text/html", sellersJSON("1 PUBLISHER", "2 BOTH")), Fetched, 2) // its type is no condition
	f(status(404), Failed, 2)                                               // unlike an ads.txt, the last good one holds
	f(typed("application/json", `{"sellers":[{"seller_id":"3"},`), Failed, 2)
	f(typed("application/json", sellersJSON("3 PUBLISHER")), Fetched, 1)
}

func TestFetchSlowServer(t *testing.T) {
	n := newInternet(t)
	n.cfg.Timeout = 100 * time.Millisecond
	n.pages["https://site.example/ads.txt"] = func(w http.ResponseWriter, r *http.Request) {
		text(sells)(w, r)
		for r.Context().Err() == nil { // drips for as long as it is listened to
			io.WriteString(w, "#\n")
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}
	n.fetchSite(Failed, "deadline exceeded")
}

func TestFetchStops(t *testing.T) {
	n := newInternet(t)
	ctx, cancel := context.WithCancel(context.Background())
	n.pages["https://site.example/ads.txt"] = func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}
	if _, err := Fetch(ctx, n.cfg, Wanted{Sites: []string{"site.example", "b.example"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want canceled", err)
	}
	if _, err := os.Stat(filepath.Join(n.dir, "ads.txt", "site.example")); err == nil {
		t.Error("a fetch that was stopped was taken for a failure of the server")
	}
	again := newInternet(t) // requests of the first may linger
	again.dir, again.cfg.Dir = n.dir, n.dir
	again.pages["https://site.example/ads.txt"] = text(sells)
	again.fetchSite(Fetched, "")
}

func TestFetchDirectory(t *testing.T) {
	n := newInternet(t)
	temp := filepath.Join(n.dir, "ads.txt", tempPrefix+"old")
	writeTest(t, n.dir, "ads.txt/broken.example", state{}, "")
	for path, body := range map[string]string{temp: "half", filepath.Join(n.dir, "ads.txt", "site.example"): "#bidhawk {broken\n" + sells} {
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(temp, testNow, testNow.Add(-25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	n.pages["https://site.example/ads.txt"] = text(sells)
	n.fetchSite(Fetched, "") // over a file that can't be read
	if got := n.standing(); got != authorised {
		t.Errorf("got %v", got)
	}
	n.cfg.Dir = filepath.Join(temp+"x", "file")
	if err := os.WriteFile(temp+"x", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Fetch(context.Background(), n.cfg, Wanted{}); err == nil {
		t.Error("a directory that can't be made: got no error")
	}
}

// TestFetchPublicAddressesOnly: without a client of the caller's, nobody can
// make us ask our own network.
func TestFetchPublicAddressesOnly(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "127.0.0.1": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "::": false, "224.0.0.1": false,
		"255.255.255.255": false, "fe80::1": false, "fc00::1": false, "::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false,
		"2002:7f00:1::": false, "198.18.0.1": false, "240.0.0.1": false, "192.0.0.8": false,
		"::7f00:1": false, "fec0::1": false, "192.88.99.1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %v; want %v", text, got, want)
		}
	}
	server := httptest.NewServer(text(sells))
	defer server.Close()
	if resp, err := newClient(nil).Get(server.URL); err == nil || !strings.Contains(err.Error(), "want a public one") {
		t.Errorf("got %v, %v; want no connection to loopback", resp, err)
	}
}

func TestFetchConcurrency(t *testing.T) {
	n := newInternet(t)
	var want Wanted
	var now, most atomic.Int32
	for i := range 12 {
		site := fmt.Sprintf("s%d.example", i)
		want.Sites = append(want.Sites, site)
		n.pages["https://"+site+"/ads.txt"] = func(w http.ResponseWriter, r *http.Request) {
			in := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); in > m && !most.CompareAndSwap(m, in); m = most.Load() {
			}
			time.Sleep(5 * time.Millisecond)
			text(sells)(w, r)
		}
	}
	if r := n.fetch(want); r.Files[Fetched] != 12 || most.Load() > int32(n.cfg.Concurrency) {
		t.Errorf("got %v, %d at a time; want 12 fetched, at most %d at a time", r, most.Load(), n.cfg.Concurrency)
	}
}

func TestFetchProgress(t *testing.T) {
	n := newInternet(t)
	var out bytes.Buffer
	n.cfg.Progress = &out
	n.pages["https://a.example/ads.txt"] = text(sells)
	n.pages["https://b.example/ads.txt"] = status(500)
	r := n.fetch(Wanted{Sites: []string{"a.example", "b.example"}})
	want := "ads.txt/b.example: got HTTP status 500; want 200\nfetched 1, not_modified 0, fresh 0, absent 0, failed 1, refused 0\n"
	if out.String() != want || !strings.HasPrefix(want, r.Problems[0].String()) {
		t.Errorf("got %q, %v; want %q", out.String(), r.Problems, want)
	}
}

func TestFetchConfigValidate(t *testing.T) {
	good := FetchConfig{Dir: "x", UserAgent: "x", Clock: time.Now}
	f := func(change func(*FetchConfig), want string) {
		t.Helper()
		c := good
		change(&c)
		err := c.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), "supply.fetch."+want+": got ")) {
			t.Errorf("got %v; want %q", err, want)
		}
		if want == "" {
			return
		}
		if _, err := Fetch(context.Background(), c, Wanted{}); err == nil {
			t.Errorf("%s: Fetch took it", want)
		}
	}
	f(func(*FetchConfig) {}, "")
	f(func(c *FetchConfig) { c.Dir = "" }, "dir")
	f(func(c *FetchConfig) { c.UserAgent = "" }, "user_agent")
	f(func(c *FetchConfig) { c.UserAgent = "a\r\nb" }, "user_agent")
	f(func(c *FetchConfig) { c.Clock = nil }, "clock")
	f(func(c *FetchConfig) { c.Concurrency = 257 }, "concurrency")
	f(func(c *FetchConfig) { c.Concurrency = -1 }, "concurrency")
	f(func(c *FetchConfig) { c.Timeout = time.Hour }, "timeout")
	f(func(c *FetchConfig) { c.SellersTimeout = -1 }, "sellers_timeout")
	f(func(c *FetchConfig) { c.MaxTextBytes = 17 << 20 }, "max_text_bytes")
	f(func(c *FetchConfig) { c.MaxSellersBytes = 3 << 30 }, "max_sellers_bytes")
}
