package traffic

import (
	"sync"
	"testing"

	"bidhawk/internal/openrtb"
)

func TestFamilies(t *testing.T) {
	f := func(ua string, want family) {
		t.Helper()
		if got := read([]byte(ua)).family(); got != want {
			t.Errorf("%q: got %d; want %d", ua, got, want)
		}
	}
	for i, want := range []family{
		familyWindows, familyAndroid, familyIOS, familyIOS, familyMac, familyLinux, familyUnknown, familyAndroid, familyUnknown, familyIOS,
	} {
		f(browsers[i], want)
	}
	f("", familyUnknown)
	f("Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 Edge/15.15254", familyUnknown)
	f("Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 Edge/44.18363.8131", familyUnknown)
	f("Mozilla/5.0 (X11; U; Linux x86_64; en-us) AppleWebKit/534.35 Chrome/11.0 Safari/534.35 Puffin/3.11IT", familyUnknown)
	f("Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_6_3) AppleWebKit/533.16 Safari/533.16 Silk/1.0 Silk-Accelerated=true", familyAndroid)
	f("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", familyLinux)
	f("Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 Chrome/94.0 Safari/537.36", familyUnknown)
	f("Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15", familyIOS)
}

func TestContradictions(t *testing.T) {
	all := []family{familyUnknown, familyWindows, familyMac, familyIOS, familyAndroid, familyLinux}
	agree := map[[2]family]bool{{familyMac, familyIOS}: true, {familyAndroid, familyLinux}: true}
	for _, a := range all {
		for _, b := range all {
			want := a != b && a != 0 && b != 0 && !agree[[2]family{a, b}] && !agree[[2]family{b, a}]
			if got := a.contradicts(b); got != want {
				t.Errorf("%d and %d: got %v; want %v", a, b, got, want)
			}
		}
	}
}

func TestGarbage(t *testing.T) {
	f := func(ua string, want bool) {
		t.Helper()
		if got := garbage([]byte(ua)); got != want {
			t.Errorf("%q: got %v; want %v", ua, got, want)
		}
	}
	for _, ua := range browsers {
		f(ua, false)
	}
	for _, ua := range []string{"${UA}", "{ua}", "{{user_agent}}", "%%USER_AGENT%%", "__UA__", "[UA]", "Mozilla\x00/5.0", "x\n", "<script>alert(1)</script>"} {
		f(ua, true)
	}
	f("[FBAN/FBIOS;FBAV/521.0]", false)
	f("", false)
	f("unknown", false)
	f("%%%%", false) // too short to name anything
}

// TestTheCacheIsNoMemoryOfOthers: a slot that several texts share answers each
// as if it were alone.
func TestTheCacheIsNoMemoryOfOthers(t *testing.T) {
	a := newAgents(listed(t), 1<<4) // far fewer slots than texts
	texts := append(instances(t)[:300], browsers...)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				for _, text := range texts {
					want := a.crawlers.match([]byte(text)) | read([]byte(text)) | knownBit
					for range 2 {
						if got := a.classify([]byte(text)); got != want {
							t.Errorf("%q: got %b; want %b", text, got, want)
							return
						}
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestStructuredUserAgentsNameCrawlers(t *testing.T) {
	a := newAgents(listed(t), 1<<12)
	f := func(want bool, brands ...string) {
		t.Helper()
		var sua openrtb.UserAgent
		for _, b := range brands {
			sua.Browsers = append(sua.Browsers, openrtb.BrandVersion{Brand: []byte(b)})
		}
		if got := a.namesCrawler(&sua, crawlerBit); got != want {
			t.Errorf("%v: got %v; want %v", brands, got, want)
		}
	}
	f(false)
	f(false, "Not(A:Brand", "Chromium", "Google Chrome")
	f(false, "Microsoft Edge", "Opera", "Brave", "Samsung Internet", "Android WebView")
	f(true, "Not(A:Brand", "Chromium", "HeadlessChrome")
}

// FuzzClassify: the cache never changes what is said, and nothing panics.
func FuzzClassify(f *testing.F) {
	a := newAgents(listed(f), 1<<4)
	for _, ua := range browsers {
		f.Add([]byte(ua))
	}
	f.Add([]byte("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"))
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, ua []byte) {
		first := a.classify(ua)
		if again := a.classify(ua); again != first || first&knownBit == 0 {
			t.Errorf("%q: got %b, then %b", ua, first, again)
		}
	})
}
