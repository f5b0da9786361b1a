package campaigns

import (
	"fmt"
	"testing"
)

func TestRedirectHosts(t *testing.T) {
	f := func(address, hosts string, secure bool) {
		t.Helper()
		got, ok := RedirectHosts(address)
		if fmt.Sprint(got) != hosts || ok != secure {
			t.Errorf("%s: got %v, %v; want %s, %v", address, got, ok, hosts, secure)
		}
	}
	f("https://shop.example/a?b=c", "[shop.example]", true)
	f("https://Ads.example/clk;1?https://Shop.example/x", "[ads.example shop.example]", true)
	f("https://ads.example/?u=https%3A%2F%2Fshop.example%2F%3Fv%3Dhttps%253A%252F%252Fthird.example", "[ads.example shop.example third.example]", true)
	f("https://ads.example/?u=http%3A%2F%2Fshop.example%2F", "[ads.example shop.example]", false)
	f("https://ads.example/?u=https://shop.example@evil.example/", "[ads.example shop.example]", false)
	f("https://ads.example/?u=https://shop.example:x@evil.example/", "[ads.example shop.example]", false)
	f("https://ads.example/?app=myapp://open", "[ads.example]", true)
}

func TestALandingPageLeadsToRegisteredHostsAlone(t *testing.T) {
	a := &Advertiser{RedirectHosts: []string{"ads.example", "shop.example"}}
	f := func(address string, want bool) {
		t.Helper()
		if got := a.MayRedirect(address); got != want {
			t.Errorf("%s: got %v; want %v", address, got, want)
		}
	}
	f("https://ads.example/?https://shop.example/", true)
	f("https://ads.example/?https://evil.example/", false)
	f("https://ads.example/?u=https%253A%252F%252Fevil.example", false)
	f("https://evil.example/", false)
	f("http://shop.example/", false)
	f("", false)
}
