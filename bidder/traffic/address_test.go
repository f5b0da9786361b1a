package traffic

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// data is a file of the shared corpus; the test skips without it.
func data(t testing.TB, parts ...string) string {
	t.Helper()
	root := os.Getenv("BIDHAWK_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no corpus: %v", err)
	}
	return path
}

func testDatabase(t testing.TB) string { return data(t, "geo", "GeoIP2-Anonymous-IP-Test.mmdb") }

func TestParseAddress(t *testing.T) {
	f := func(text, want string, bits int) {
		t.Helper()
		a, ok := parseAddress([]byte(text))
		got := ""
		if ok {
			got = a.String()
		}
		if got != want || ok && within(a) != bits {
			t.Errorf("%q: got %q of %d bits; want %q of %d", text, got, within(a), want, bits)
		}
	}
	f("8.8.8.8", "8.8.8.8", 32)
	f("8.8.8.0", "8.8.8.0", 24)
	f("2001:4860:4860::8888", "2001:4860:4860::8888", 128)
	f("2001:4860:4860:1::", "2001:4860:4860:1::", 64)
	f("2001:4860:4860::", "2001:4860:4860::", 48)
	f("::ffff:8.8.8.8", "8.8.8.8", 32)
	for _, none := range []string{"", "1", "8.8.8", "8.8.8.8 ", "fe80::1%eth0", "0.0.0.0", "::", "8.8.8.256", "1:2:3", "example.com"} {
		f(none, "", 0)
	}
}

func TestPlaces(t *testing.T) {
	f := func(text string, want Verdict) {
		t.Helper()
		if got := place(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %v; want %v", text, got, want)
		}
	}
	for _, a := range []string{
		"0.1.2.3", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "169.254.1.1", "172.16.0.1", "172.31.255.255",
		"192.0.0.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "4000::1",
	} {
		f(a, AddressReserved)
	}
	for _, a := range []string{"192.0.2.1", "198.51.100.255", "203.0.113.0", "2001:db8::1", "3fff::1", "3fff:fff::1"} {
		f(a, AddressDocumentation)
	}
	for _, a := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.1.1.1", "128.0.0.1", "172.15.255.255", "172.32.0.0",
		"192.0.1.1", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2001:4860::1", "2a00::1", "3fff:1000::1", "64:ff9b::808:808",
	} {
		f(a, OK)
	}
}

func TestTheDatabaseOfAddresses(t *testing.T) {
	raw, err := os.ReadFile(testDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	db, err := openDatabase(raw)
	if err != nil {
		t.Fatal(err)
	}
	f := func(address string, want Verdict) {
		t.Helper()
		for range 2 { // the second time by memory
			got, err := db.find(netip.MustParseAddr(address), within(netip.MustParseAddr(address)))
			if err != nil || got != want {
				t.Errorf("%s: got %v, %v; want %v", address, got, err, want)
			}
		}
	}
	f("1.2.3.4", AnonymousVPN)
	f("1.124.213.1", TorExit) // a VPN too: the most specific counts
	f("1.124.213.2", OK)
	f("6.1.0.2", DataCentre)
	f("6.1.0.3", PublicProxy)
	f("6.1.0.4", ResidentialProxy)
	f("71.160.223.7", DataCentre)
	f("71.160.223.0", DataCentre) // truncated, and the whole /24 is listed
	f("6.1.0.0", OK)              // truncated: what is said of 6.1.0.0/31 is not said of 6.1.0.0/24
	f("2001:480:3a::1", PublicProxy)
	f("2001:480:3a::", OK) // truncated to /48, and only a /64 is listed
	f("8.8.8.8", OK)
	if db.built().Year() < 2020 {
		t.Errorf("built at %v", db.built())
	}
	mutated := 0
	for n := range raw {
		if n%7 != 0 {
			continue
		}
		if _, err := openDatabase(raw[:n]); err == nil {
			mutated++
		}
	}
	if mutated != 0 {
		t.Errorf("%d truncated files were taken", mutated)
	}
}

func TestOtherKindsOfDatabaseAreRefused(t *testing.T) {
	raw, err := os.ReadFile(data(t, "geo", "GeoLite2-City-Test.mmdb"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openDatabase(raw); err == nil {
		t.Error("want an error: a database of cities says nothing of proxies")
	}
}

func TestCategoriesAreConfiguration(t *testing.T) {
	path := testDatabase(t)
	f := func(refuse []string, address string, want Verdict) {
		t.Helper()
		filter := newFilter(t, func(c *Config) { c.AddressesFile, c.Refuse = path, refuse })
		if got := filter.Judge(decode(t, onDevice+windows+`,"ip":"`+address+`"}`), 0, noon); got != want {
			t.Errorf("%s with %v: got %v; want %v", address, refuse, got, want)
		}
	}
	f(DefaultRefuse(), "6.1.0.2", DataCentre)
	f(DefaultRefuse(), "1.2.3.4", OK)
	f([]string{"anonymous_vpn"}, "1.2.3.4", AnonymousVPN)
	f([]string{"anonymous_vpn"}, "6.1.0.2", OK)
}

func TestReload(t *testing.T) {
	good, err := os.ReadFile(testDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "anonymous.mmdb")
	stamp := noon
	put := func(raw []byte) {
		t.Helper()
		stamp = stamp.Add(time.Second)
		if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path+".new", stamp, stamp); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	cfg := DefaultConfig()
	cfg.AddressesFile = path
	if _, err := New(cfg, 1); err == nil {
		t.Fatal("a missing file at the start: want an error")
	}
	put(good)
	filter := newFilter(t, func(c *Config) { c.AddressesFile = path })
	f := func(changed, broken bool) {
		t.Helper()
		got, err := filter.Reload()
		if got != changed || (err != nil) != broken {
			t.Errorf("got %v, %v; want %v and an error: %v", got, err, changed, broken)
		}
		if v := filter.Judge(decode(t, onDevice+windows+`,"ip":"6.1.0.2"}`), 0, noon); v != DataCentre {
			t.Errorf("got %v; want the last good database to be in use", v)
		}
	}
	f(false, false) // the same file
	put(good[:len(good)/2])
	f(false, true)
	f(false, true) // reported as long as it is so
	put(nil)
	f(false, true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	f(false, true)
	put(good)
	f(true, false)
	f(false, false)
}

func TestTheListOfCrawlersIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crawlers.json")
	write := func(list string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`[{"pattern":"MadeUpAgent"}]`)
	filter := newFilter(t, func(c *Config) { c.CrawlersFile, c.CrawlersExtra = path, []string{"OurOwn"} })
	f := func(ua string, want Verdict) {
		t.Helper()
		if got := filter.Judge(decode(t, onDevice+`"ua":"`+ua+`"}`), 0, noon); got != want {
			t.Errorf("%s: got %v; want %v", ua, got, want)
		}
	}
	f("MadeUpAgent/1", Crawler)
	f("OurOwn/1", Crawler)
	f("Googlebot/2.1", OK)
	write(`[{"pattern":"Googlebot/"}]`) // another size, so it is read
	if changed, err := filter.Reload(); !changed || err != nil {
		t.Fatalf("got %v, %v; want a change", changed, err)
	}
	f("MadeUpAgent/1", OK) // what was kept of the old list is not asked
	f("Googlebot/2.1", Crawler)
	if got := filter.Stats().Crawlers; got != 2 {
		t.Errorf("got %d patterns; want 2", got)
	}
}

// FuzzDatabase: what is verified never panics and never fails.
func FuzzDatabase(f *testing.F) {
	raw, err := os.ReadFile(testDatabase(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(100, byte(1), []byte{1, 124, 213, 1})
	f.Add(len(raw)-10, byte(0xff), []byte{6, 1, 0, 2})
	f.Fuzz(func(t *testing.T, at int, change byte, address []byte) {
		a, ok := netip.AddrFromSlice(address)
		if !ok || at < 0 || at >= len(raw) {
			return
		}
		mutated := append([]byte(nil), raw...)
		mutated[at] ^= change
		db, err := openDatabase(mutated)
		if err != nil {
			return
		}
		if v, err := db.find(a, within(a)); v >= verdictCount {
			t.Errorf("%v: got %d, %v", a, v, err)
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	f.Add([]byte("8.8.8.8"))
	f.Add([]byte("2001:db8::1"))
	f.Add([]byte("::ffff:1.2.3.4"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, ok := parseAddress(text)
		want, err := netip.ParseAddr(string(text))
		if ok && (err != nil || a != want.Unmap()) {
			t.Errorf("%q: got %v; want %v, %v", text, a, want, err)
		}
		if !ok && err == nil && want.Zone() == "" && !want.Unmap().IsUnspecified() {
			t.Errorf("%q: got none; want %v", text, want)
		}
	})
}
