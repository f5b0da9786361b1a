package traffic

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// listed compiles the built-in list with nothing excepted.
func listed(t testing.TB) *crawlers {
	t.Helper()
	patterns, err := readPatterns(builtInCrawlers)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCrawlers(patterns, &Config{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// naive is the specification of crawlers.match: every expression in turn.
type naive []*regexp.Regexp

func newNaive(t testing.TB) (n naive) {
	t.Helper()
	patterns, err := readPatterns(builtInCrawlers)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range patterns {
		n = append(n, regexp.MustCompile(p))
	}
	return n
}

func (n naive) match(ua []byte) bool {
	for _, re := range n {
		if re.Match(ua) {
			return true
		}
	}
	return false
}

func instances(t testing.TB) (all []string) {
	t.Helper()
	var list []struct{ Instances []string }
	if err := json.Unmarshal(builtInCrawlers, &list); err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		all = append(all, e.Instances...)
	}
	if len(all) < 2000 {
		t.Fatalf("the list has %d examples; they are not read right", len(all))
	}
	return all
}

func TestEveryListedCrawlerIsFound(t *testing.T) {
	c := listed(t)
	if len(c.patterns) < 1500 {
		t.Fatalf("got %d patterns; the list is not read right", len(c.patterns))
	}
	for _, ua := range instances(t) {
		if c.match([]byte(ua)) != crawlerBit|crawlerAppBit {
			t.Errorf("%q is not found", ua)
		}
	}
}

var browsers = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/521.0;FBSV/18.5]",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
	"Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.0 TV Safari/537.36",
	"Dalvik/2.1.0 (Linux; U; Android 13; SM-A536B Build/TP1A.220624.014)",
	"Roku/DVP-14.5 (14.5.4.5934-46)",
	"AppleCoreMedia/1.0.0.21K79 (Apple TV; U; CPU OS 17_1 like Mac OS X; en_us)",
}

// TestMatchIsTheListsMeaning compares with every expression tried in turn, on
// browsers and crawlers that were cut and put together at random.
func TestMatchIsTheListsMeaning(t *testing.T) {
	c, n := listed(t), newNaive(t)
	parts := append(instances(t), browsers...)
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		var ua []byte
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			p := rapid.SampledFrom(parts).Draw(t, "part")
			from := rapid.IntRange(0, len(p)).Draw(t, "from")
			ua = append(ua, p[from:rapid.IntRange(from, len(p)).Draw(t, "to")]...)
		}
		got, want := c.match(ua) != 0, n.match(ua)
		if got != want {
			t.Fatalf("%q: got %v; want %v", ua, got, want)
		}
		if got {
			hits++
		}
	})
	if hits == 0 {
		t.Error("no crawler was met")
	}
}

func TestPeopleAreNoCrawlers(t *testing.T) {
	cfg := DefaultConfig()
	patterns, err := readPatterns(builtInCrawlers)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCrawlers(patterns, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := func(ua string, want agentClass) {
		t.Helper()
		if got := c.match([]byte(ua)); got != want {
			t.Errorf("%q: got %b; want %b", ua, got, want)
		}
	}
	for _, ua := range browsers {
		f(ua, 0)
	}
	f("Mozilla/5.0 (Linux; Android 15; CPH2557 Build/AP3A.240617.008; wv) AppleWebKit/537.36 Version/4.0 Chrome/142.0 Mobile Safari/537.36", 0)
	f("Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 Version/4.0 Chrome/146.0 Mobile Safari/537.36 MetaIAB Facebook", 0)
	f("Mozilla/5.0 (Linux; Android 12) AppleWebKit/537.36 Chrome/99.0 Mobile Safari/537.36 SogouMobileBrowser/5.2", 0)
	f("Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)", crawlerBit|crawlerAppBit)
	f("Sogou Pic Spider/3.0( http://www.sogou.com/docs/help/webmasters.htm#07)", crawlerBit|crawlerAppBit)
	f("okhttp/4.12.0", crawlerBit)
	f("okhttp/4.12.0 Googlebot/2.1", crawlerBit|crawlerAppBit)
	for _, except := range append(cfg.CrawlersExcept, cfg.CrawlersExceptInApps...) {
		if !strings.Contains(strings.Join(patterns, "\n"), except) {
			t.Errorf("exception %q: the list has no such pattern", except)
		}
	}
}

func TestRequiredTexts(t *testing.T) {
	f := func(source, want string) {
		t.Helper()
		p := pattern{source: source}
		literals, err := p.compile()
		got := strings.Join(literals, "|")
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: got %s; want %s", source, got, want)
		}
	}
	f(`Googlebot\/`, "Googlebot/")
	f(`[wW]get`, "get")
	f(`^Silk\/`, "Silk/")
	f(`Ahrefs(Bot|SiteAudit)`, "Ahrefs")
	f(`[cC]laude[bB]ot`, "laude")
	f(`Automaton|Newsify Feed Fetcher`, "Automaton|Newsify Feed Fetcher")
	f(`Spider[\s\S]*spider\.com`, "spider.com")
	f(`(^| )PTST\/`, "PTST/")
	f(`(abc)+x?`, "abc")
	f(`ab`, "error")                     // too short
	f(`(?i)crawler`, "error")            // any case: no text is certain
	f(`abc|d`, "error")                  // one way has none
	f(`(abc)*`, "error")                 // may be absent
	f(`(`, "error")                      // no expression
	f(strings.Repeat("a", 513), "error") // too long
	f(`(a{1000}){1000}xyz`, "error")     // too large, says the parser
	f(`xyz\x{FFFD}`, "error")            // matches bytes that are no UTF-8
}

// TestAMissIsBounded: a text made of what the list looks for runs few expressions.
func TestAMissIsBounded(t *testing.T) {
	c := listed(t)
	if got := c.match([]byte(strings.Repeat("x", maxAgentBytes) + "Googlebot/2.1")); got != 0 {
		t.Errorf("got %b behind the bound; want 0", got)
	}
	worst := worstAgent(c)
	if got := c.match(worst); got != crawlerBit|crawlerAppBit {
		t.Errorf("%q: got %b; want a crawler's", worst, got)
	}
}

// worstAgent is full of literals whose expressions do not match.
func worstAgent(c *crawlers) []byte {
	var ua []byte
	for _, p := range c.patterns {
		if p.check == nil || len(ua) > 200 {
			continue
		}
		q := pattern{source: p.source}
		literals, err := q.compile()
		if err != nil || len(literals) != 1 {
			continue
		}
		if more := append(ua, literals[0]...); c.hitsNothing(more) {
			ua = more
		}
	}
	return ua
}

// hitsNothing says that no pattern matches ua, whatever the bound on checks.
func (c *crawlers) hitsNothing(ua []byte) bool {
	for _, p := range c.patterns {
		if p.check != nil && p.check.Match(ua) || p.check == nil && strings.Contains(string(ua), regexp.MustCompile(`\\(.)`).ReplaceAllString(p.source, "$1")) {
			return false
		}
	}
	return true
}

func TestListsThatAreRefused(t *testing.T) {
	f := func(list, want string) {
		t.Helper()
		patterns, err := readPatterns([]byte(list))
		if err == nil {
			_, err = newCrawlers(patterns, &Config{})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v; want %q", list, err, want)
		}
	}
	f(``, "list of crawlers")
	f(`{}`, "list of crawlers")
	f(`[]`, "at least one")
	f(`[{"pattern":"Googlebot"},{"pattern":"("}]`, `crawler pattern 1, "("`)
	f(`[{"url":"https://crawler.example"}]`, "3 bytes")
	f(strings.Repeat(" ", maxListBytes+1), "at most")
	f("["+strings.Repeat(`{"pattern":"same"},`, maxList)+`{"pattern":"same"}]`, "more than 4096")
}

func FuzzCrawlerList(f *testing.F) {
	f.Add([]byte(`[{"pattern":"Googlebot\\/"},{"pattern":"[wW]get|abc"},{"pattern":"(^| )sentry\\/"}]`), []byte("x Wget/1 sentry/"))
	f.Add([]byte(`[{"pattern":"aaa"},{"pattern":"aaaa"},{"pattern":"baaab"}]`), []byte("baaaab"))
	f.Add([]byte(`[{"pattern":"\\x00\\xff\\xffé"}]`), []byte("\x00é"))
	f.Fuzz(func(t *testing.T, list, ua []byte) {
		if len(list) > 2000 || len(ua) > maxAgentBytes {
			return
		}
		patterns, err := readPatterns(list)
		if err != nil {
			return
		}
		c, err := newCrawlers(patterns, &Config{})
		if err != nil || len(patterns) > maxChecks {
			return
		}
		want := false
		for _, p := range patterns {
			want = want || regexp.MustCompile(p).Match(ua)
		}
		if got := c.match(ua) != 0; got != want {
			t.Errorf("%q in %q: got %v; want %v", ua, patterns, got, want)
		}
	})
}
