package identity

import (
	"testing"
	"time"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

func homeConfig() Config {
	c := testConfig()
	c.HouseholdEIDs, c.HouseholdIP = []string{"home.example", "other.example"}, true
	return c
}

func TestHouseholds(t *testing.T) {
	w := newWorld(t, homeConfig())
	at := func(ip, ipv6 string, now time.Time, eids ...openrtb.EID) ids.UserKey {
		return w.Household(&openrtb.BidRequest{
			User:   &openrtb.User{EIDs: eids},
			Device: &openrtb.Device{IP: []byte(ip), IPv6: []byte(ipv6)},
		}, now)
	}
	same := func(a, b ids.UserKey) {
		t.Helper()
		if a == 0 || a != b {
			t.Errorf("got %v and %v; want one home", a, b)
		}
	}
	differ := func(a, b ids.UserKey) {
		t.Helper()
		if a == b || a == 0 || b == 0 {
			t.Errorf("got %v and %v; want two homes", a, b)
		}
	}
	home := at("198.51.100.7", "", testNow)
	same(home, at("198.51.100.7", "2001:db8:1:2::1", testNow))
	same(home, at("::ffff:198.51.100.7", "", testNow))
	same(home, at("", "::ffff:198.51.100.7", testNow))
	differ(home, at("198.51.100.8", "", testNow))
	differ(home, at("198.51.100.7", "", testNow.Add(24*time.Hour))) // nobody is followed from day to day
	six := at("", "2001:db8:1:2:aaaa::1", testNow)
	same(six, at("", "2001:DB8:1:2::2", testNow))
	differ(six, at("", "2001:db8:1:3::2", testNow))

	for _, none := range []string{"", "198.51.100.0", "10.0.0.7", "192.168.1.4", "127.0.0.1", "0.0.0.0", "2001:db8:1::", "2001:db8:1:0:5::1",
		"fe80::1%eth0", "fd00::1", "news.example", "198.51.100.7.5", "198.51.100.300", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555"} {
		if k := at(none, "", testNow); k != 0 {
			t.Errorf("%q: got a home; want none", none)
		}
	}

	// An id of a home comes first, on whatever day and at whatever address.
	id := at("198.51.100.7", "", testNow, eid("HOME.example", 0, "h1"))
	differ(id, home)
	same(id, at("198.51.100.9", "", testNow.Add(48*time.Hour), eid("other.example", 0, "h2"), eid("home.example", 0, "h1")))
	differ(id, at("", "", testNow, eid("other.example", 0, "h1")))
	same(home, at("198.51.100.7", "", testNow, eid("pubcid.org", 1, "h1"), eid("home.example", 0, "000")))
	if k := at("198.51.100.7", "", testNow, eid("home.example", 0, "OptOut")); k != 0 {
		t.Error("a home that opted out is none")
	}
	if k := w.Household(&openrtb.BidRequest{DOOH: &openrtb.DOOH{}, Device: &openrtb.Device{IP: []byte("198.51.100.7")}}, testNow); k != 0 {
		t.Error("a screen is nobody's home")
	}

	off := homeConfig()
	off.HouseholdIP = false
	w = newWorld(t, off)
	if k := at("198.51.100.7", "", testNow); k != 0 {
		t.Error("addresses are not to be used")
	}
	same(id, at("198.51.100.7", "", testNow, eid("home.example", 0, "h1")))
}

func TestHouseholdConfig(t *testing.T) {
	for _, bad := range [][]string{{"Home.example"}, {""}, {"home.example", "home.example"}, make([]string, maxListed+1)} {
		c := testConfig()
		c.HouseholdEIDs = bad
		if c.Validate() == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
}

func FuzzNetwork(f *testing.F) {
	f.Add([]byte("198.51.100.7"))
	f.Add([]byte("2001:db8::1%x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if net, ok := appendNetwork(nil, b); ok && len(net) != 4 && len(net) != 8 {
			t.Errorf("%q: %d bytes", b, len(net))
		}
	})
}
