package supply

import (
	"strings"
	"testing"
)

func TestDomainOf(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, ok := domainOf(in)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%q: got %q; want %q", in, got, want)
		}
	}
	f("Example.COM", "example.com")
	f("example.com.", "example.com")
	f("a_b.x-y.example", "a_b.x-y.example")
	f("xn--bcher-kva.example", "xn--bcher-kva.example")
	f(strings.Repeat("a", 63)+".example", strings.Repeat("a", 63)+".example")
	f("a.b.c.d.e.f.g.h.i.example", "a.b.c.d.e.f.g.h.i.example")
	for _, bad := range []string{
		"", ".", "com", "example.com..", ".example.com", "a..b", "10.0.0.1", "[::1]", "a b.example", "bücher.example",
		"https://example.com", "example.com/", "example.com:80", "../example.com", "example.com\x00",
		strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 10) + "example", strings.Repeat("abcdefgh.", 30) + "example",
	} {
		f(bad, "")
	}
}

func TestHostOf(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := hostOf(in); got != want {
			t.Errorf("%q: got %q; want %q", in, got, want)
		}
	}
	f("https://play.google.com/store/apps/details?id=x", "play.google.com")
	f("dev.example", "dev.example")
	f("dev.example/about", "dev.example")
	f("http://dev.example:8080", "dev.example")
	f("//dev.example", "")
	f("", "")
}

// testSuffixes is a little public suffix list, in that list's format.
const testSuffixes = `// comment
com
uk
co.uk
example
// a private suffix
host.example
*.ck
!www.ck
`

func suffixList(t testing.TB) *suffixes {
	t.Helper()
	s, err := parseSuffixes(strings.NewReader(testSuffixes))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRoot(t *testing.T) {
	s := suffixList(t)
	f := func(name, want string) {
		t.Helper()
		got, ok := s.root(name)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%q: got %q; want %q", name, got, want)
		}
	}
	f("example.com", "example.com")
	f("a.b.example.com", "example.com")
	f("a.example.co.uk", "example.co.uk")
	f("a.example.uk", "example.uk")
	f("co.uk", "")
	f("host.example", "")
	f("me.host.example", "me.host.example")
	f("x.me.host.example", "me.host.example")
	f("b.c.ck", "b.c.ck")
	f("a.b.c.ck", "b.c.ck")
	f("c.ck", "")
	f("www.ck", "www.ck")
	f("a.www.ck", "www.ck")
	f("a.b.unlisted", "b.unlisted") // the default rule
	s = nil
	f("a.b.example.com", "a.b.example.com")
	f("www.example.com", "example.com")
	f("www.com", "www.com")
}

// TestDeveloper has the cases of app-ads.txt, appendix A.
func TestDeveloper(t *testing.T) {
	s := suffixList(t)
	f := func(host, want, fallback string) {
		t.Helper()
		if got, next := s.developer(host); got != want || next != fallback {
			t.Errorf("%q: got %q, then %q; want %q, then %q", host, got, next, want, fallback)
		}
	}
	for _, root := range []string{"example.com", "example.co.uk", "example.uk"} {
		f("www."+root, root, "")
		f("m."+root, root, "")
		f(root, root, "")
		f("subdomain."+root, "subdomain."+root, root)
		f("another.subdomain."+root, "subdomain."+root, root)
		f("subdomain.www."+root, root, "")
	}
	s = nil
	f("www.example.com", "example.com", "")
	f("m.example.com", "example.com", "")
	f("a.b.example.com", "a.b.example.com", "")
}

func FuzzSuffixes(f *testing.F) {
	f.Add(testSuffixes, "a.b.example.co.uk")
	f.Add("*.a\n!b.a\n", "x.b.a")
	f.Fuzz(func(t *testing.T, list, name string) {
		s, err := parseSuffixes(strings.NewReader(list))
		d, ok := domainOf(name)
		if err != nil || !ok {
			return
		}
		root, ok := s.root(d)
		if !ok {
			return
		}
		if !under(d, root) {
			t.Fatalf("%q: got root %q", d, root)
		}
		if again, ok := s.root(root); !ok || again != root {
			t.Fatalf("%q: root %q has root %q", d, root, again)
		}
		if dev, next := s.developer(d); !under(dev, root) || next != "" && next != root {
			t.Fatalf("%q: got %q, %q of root %q", d, dev, next, root)
		}
	})
}
