package traffic

import (
	"testing"
	"time"

	"bidhawk/internal/openrtb"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// newFilter refuses everything there is to refuse.
func newFilter(t testing.TB, change func(*Config)) *Filter {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Refuse = nil
	for _, v := range Verdicts() {
		cfg.Refuse = append(cfg.Refuse, v.String())
	}
	cfg.RateCells, cfg.CachedAgents = 1<<10, 1<<12
	if change != nil {
		change(&cfg)
	}
	f, err := New(cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// decode reads a request with what is given besides its id and imp.
func decode(t testing.TB, rest string) *openrtb.BidRequest {
	t.Helper()
	var r openrtb.BidRequest
	if err := r.Decode([]byte(`{"id":"1","imp":[{"id":"1","banner":{"w":300,"h":250}}],` + rest + `}`)); err != nil {
		t.Fatalf("%s: %v", rest, err)
	}
	return &r
}

const (
	windows  = `"ua":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"`
	android  = `"ua":"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"`
	iPhone   = `"ua":"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1"`
	mac      = `"ua":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"`
	linux    = `"ua":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"`
	tizen    = `"ua":"Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.0 TV Safari/537.36"`
	onDevice = `"site":{"id":"s"},"device":{`
)

func TestImpossibleDevices(t *testing.T) {
	filter := newFilter(t, nil)
	f := func(rest string, want Verdict) {
		t.Helper()
		if got := filter.Judge(decode(t, rest), 0, noon); got != want {
			t.Errorf("%s: got %v; want %v", rest, got, want)
		}
	}
	device := func(fields string, want Verdict) { t.Helper(); f(onDevice+fields+`}`, want) }
	app := func(app, fields string, want Verdict) {
		t.Helper()
		f(`"app":{`+app+`},"device":{`+fields+`}`, want)
	}

	f(`"site":{"id":"s"}`, DeviceUnknown)
	device(`"ip":"8.8.8.8"`, DeviceUnknown)
	device(`"os":"iOS"`, OK)
	device(`"devicetype":3`, OK)
	f(`"dooh":{"id":"d"},"device":{"ua":"Go-http-client/1.1","ip":"10.0.0.1"}`, OK)

	device(`"ua":"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"`, Crawler)
	device(windows+`,"sua":{"browsers":[{"brand":"HeadlessChrome"}]}`, Crawler)
	device(`"ua":"okhttp/4.12.0"`, Crawler)
	app(`"bundle":"com.game"`, `"ua":"okhttp/4.12.0"`, OK)
	app(`"bundle":"com.game"`, `"ua":"python-requests/2.9.2"`, Crawler)

	device(`"ua":"${UA}"`, UserAgentGarbage)
	device(windows, OK)

	device(windows+`,"sua":{"platform":{"brand":"Windows"}}`, OK)
	device(windows+`,"sua":{"platform":{"brand":"Android"}}`, SUAAgainstUA)
	device(linux+`,"sua":{"platform":{"brand":"Android"}}`, OK) // a desktop page on a phone
	device(mac+`,"sua":{"platform":{"brand":"iPadOS"}}`, OK)
	device(tizen+`,"sua":{"platform":{"brand":"Android"}}`, OK)

	device(iPhone+`,"os":"iOS"`, OK)
	device(iPhone+`,"os":"ANDROID"`, OSAgainstUA)
	device(iPhone+`,"os":"a name that is longer than twenty bytes"`, OK)
	device(mac+`,"os":"iOS"`, OK)
	device(`"os":"iOS","sua":{"platform":{"brand":"Windows"}}`, OSAgainstUA)
	device(windows+`,"os":"Windows Phone"`, OK)
	device(windows+`,"os":"5"`, OK)

	app(`"storeurl":"https://play.google.com/store/apps/details?id=com.game"`, windows, StoreAgainstUA)
	app(`"storeurl":"https://play.google.com/store/apps/details?id=com.game"`, android, OK)
	app(`"storeurl":"https://apps.apple.com/us/app/id123456789"`, android, StoreAgainstUA)
	app(`"storeurl":"https://apps.apple.com/us/app/id123456789"`, mac, OK)
	app(`"bundle":"1234567890"`, windows, StoreAgainstUA)
	app(`"bundle":"1234567890"`, iPhone, OK)
	app(`"bundle":"3201907018807"`, windows, OK) // a television's
	app(`"bundle":"com.desktop.game"`, windows, OK)

	device(iPhone+`,"devicetype":2`, DeviceTypeAgainstUA)
	device(iPhone+`,"devicetype":3`, DeviceTypeAgainstUA)
	device(iPhone+`,"devicetype":7`, DeviceTypeAgainstUA)
	device(iPhone+`,"devicetype":1`, OK)
	device(mac+`,"devicetype":3`, OK)
	device(windows+`,"devicetype":4`, DeviceTypeAgainstUA)
	device(windows+`,"devicetype":5`, OK)

	device(windows+`,"w":1920,"h":1080`, OK)
	device(windows+`,"w":-1,"h":1080`, ScreenSize)
	device(windows+`,"w":1,"h":1`, ScreenSize)
	device(windows+`,"w":0,"h":0`, OK)
	device(windows+`,"w":1920,"h":99999`, ScreenSize)

	for _, ok := range []string{"en", "en-US", "zh_Hant_TW", "en-US,en;q=0.9", "中文", "und", ""} {
		device(windows+`,"language":"`+ok+`"`, OK)
	}
	for _, bad := range []string{"1", "--", "{lang}", "<b>"} {
		device(windows+`,"language":"`+bad+`"`, Language)
	}

	for _, ok := range []string{"00000000-0000-0000-0000-000000000000", "3f1c2b6a-7d54-4e0b-9b39-6a5d4e3f2c1b", "", "ffff"} {
		device(windows+`,"ifa":"`+ok+`"`, OK)
	}
	for _, bad := range []string{"ffffffff-ffff-ffff-ffff-ffffffffffff", "${IFA}", "[IDFA]", "null", "12345678-1234-1234-1234-123456789012"} {
		device(windows+`,"ifa":"`+bad+`"`, IFAGarbage)
	}

	device(windows+`,"ip":"192.168.1.7"`, AddressReserved)
	device(windows+`,"ip":"8.8.8.8","ipv6":"fe80::1"`, OK) // one of them is of the internet
	device(windows+`,"ip":"10.0.0.1","ipv6":"fe80::1"`, AddressReserved)
	device(windows+`,"ip":"203.0.113.0"`, AddressDocumentation)
	device(windows+`,"ip":"8.8.8.8","ipv6":"2001:4860:4860::8888"`, OK)
	device(windows+`,"ip":"0.0.0.0"`, OK)
	device(windows+`,"ip":"not an address"`, OK)
}

// TestLookCountsNothing: an explanation sees what a bid would, and leaves no trace.
func TestLookCountsNothing(t *testing.T) {
	filter := newFilter(t, func(c *Config) { c.UserMax, c.AddressMax = 1, 1 })
	f := func(rest string, want Verdict) {
		t.Helper()
		r := decode(t, rest)
		for range 3 {
			if got := filter.Look(r); got != want {
				t.Errorf("%s: got %v; want %v", rest, got, want)
			}
		}
		if got := filter.Judge(r, 7, noon); got != want {
			t.Errorf("%s: judged %v; want %v", rest, got, want)
		}
	}
	f(onDevice+windows+`,"ip":"8.8.8.8"}`, OK)
	f(onDevice+`"ua":"Googlebot/2.1"}`, Crawler)
	f(`"site":{"id":"s"}`, DeviceUnknown)
	f(`"dooh":{"id":"d"}`, OK)
	got := filter.Stats().Counts
	if got[OK] != 2 || got[Crawler] != 1 || got[DeviceUnknown] != 1 {
		t.Errorf("got %v; want one of each that was judged", got)
	}
}

// TestEveryReasonHasAToggle: what is not named in the configuration passes.
func TestEveryReasonHasAToggle(t *testing.T) {
	filter := newFilter(t, func(c *Config) {
		c.Refuse = nil
		c.AddressesFile = testDatabase(t)
		c.UserMax, c.AddressMax, c.NetworkMax = 1, 1, 1
	})
	f := func(rest string) {
		t.Helper()
		for range 3 {
			if got := filter.Judge(decode(t, rest), 7, noon); got != OK {
				t.Errorf("%s: got %v; want ok", rest, got)
			}
		}
	}
	f(`"site":{"id":"s"}`)
	f(onDevice + `"ua":"Googlebot/2.1"}`)
	f(onDevice + `"ua":"${UA}"}`)
	f(onDevice + iPhone + `,"os":"android","devicetype":3,"w":1,"language":"1","ifa":"null","ip":"10.0.0.1","sua":{"platform":{"brand":"Windows"}}}`)
	f(`"app":{"bundle":"1234567890"},"device":{` + windows + `,"ip":"1.124.213.1"}`)
}

func TestVerdictsHaveNamesAndCodes(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range Verdicts() {
		name := v.String()
		if back, err := ParseVerdict(name); err != nil || back != v || seen[name] {
			t.Errorf("%q comes back as %v, %v", name, back, err)
		}
		seen[name] = true
		if v.NBR() < openrtb.NoBidCrawler || v.NBR() > openrtb.NoBidDevice {
			t.Errorf("%v has the code %d; want 3 to 6", v, v.NBR())
		}
	}
	for _, bad := range []string{"", "ok", "Crawler"} {
		if _, err := ParseVerdict(bad); err == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
	f := func(v Verdict, want openrtb.NoBidReason) {
		t.Helper()
		if got := v.NBR(); got != want {
			t.Errorf("%v: got %d; want %d", v, got, want)
		}
	}
	f(OK, 0)
	f(Crawler, 3)
	f(UserRate, 4)
	f(DataCentre, 5)
	f(DeviceUnknown, 6)
}
