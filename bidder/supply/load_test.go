package supply

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// sellsOn is the standing of account 1 of ssp.example on domain.
func sellsOn(s *Snapshot, domain string) standing {
	return s.listed(s.authority(&Rules{}, &Offer{Domain: []byte(domain)}), identify(s, "ssp.example", "1"))
}

const (
	sells    = "ssp.example, 1, DIRECT\n"
	sellsNot = "ssp.example, 2, DIRECT\n"
)

func TestLoadSubdomains(t *testing.T) {
	f := func(w world, domain string, want standing) {
		t.Helper()
		if got := sellsOn(mustLoad(t, w.write(t)), domain); got != want {
			t.Errorf("%s: got %v; want %v", domain, got, want)
		}
	}
	root := world{"ads.txt/site.example": sells}
	f(root, "site.example", authorised)
	f(root, "WWW.Site.example.", authorised)
	f(root, "a.b.site.example", authorised)
	f(root, "notsite.example", unknown)
	f(root, "example", unknown)
	f(root, "", unknown)

	declared := world{"ads.txt/site.example": sells + "subdomain=own.site.example\n", "ads.txt/own.site.example": sellsNot}
	f(declared, "own.site.example", unauthorised)
	f(declared, "deep.own.site.example", unauthorised)
	f(declared, "other.site.example", authorised)

	f(world{"ads.txt/site.example": sells, "ads.txt/own.site.example": sellsNot}, "own.site.example", authorised)
	// Named, and nobody asked for it yet.
	f(world{"ads.txt/site.example": sells + "subdomain=own.site.example\n"}, "own.site.example", unknown)
	// A subdomain can't name others, nor somebody else's.
	f(world{"ads.txt/site.example": sells + "subdomain=own.site.example\n",
		"ads.txt/own.site.example": sellsNot + "subdomain=x.own.site.example\nsubdomain=b.example\n",
		"ads.txt/b.example":        sells}, "b.example", authorised)
	f(world{"ads.txt/site.example": sells + "subdomain=own.site.example\n",
		"ads.txt/own.site.example":   sells + "subdomain=x.own.site.example\n",
		"ads.txt/x.own.site.example": sellsNot}, "x.own.site.example", authorised)

	// With the public suffix list.
	list := world{"public_suffix_list.dat": testSuffixes, "ads.txt/host.example": sellsNot, "ads.txt/me.host.example": sells,
		"ads.txt/news.site.example": sellsNot, "ads.txt/shop.com": sells, "ads.txt/a.shop.com": sellsNot}
	f(list, "host.example", unauthorised)
	f(list, "me.host.example", authorised)
	f(list, "you.host.example", unknown)
	f(list, "news.site.example", unknown) // its root domain has no file that names it
	f(list, "a.shop.com", authorised)
}

func TestLoadStates(t *testing.T) {
	f := func(s state, body string, want standing, problem string) {
		t.Helper()
		dir := world{"ads.txt/site.example": sells + "subdomain=own.site.example"}.write(t)
		writeTest(t, dir, "ads.txt/own.site.example", s, body)
		snap := mustLoad(t, dir)
		if got := sellsOn(snap, "own.site.example"); got != want {
			t.Errorf("%+v: got %v; want %v", s, got, want)
		}
		if got := sellsOn(snap, "site.example"); got != authorised {
			t.Errorf("%+v: the other file: got %v; want it to hold", s, got)
		}
		r := snap.Report()
		if problem == "" && len(r.Problems) > 0 || problem != "" && (len(r.Problems) != 1 || !strings.Contains(r.Problems[0].String(), problem)) {
			t.Errorf("%+v: got problems %v; want %q", s, r.Problems, problem)
		}
	}
	day := 24 * time.Hour
	f(state{Checked: testNow.Add(-27 * day)}, sellsNot, unauthorised, "")
	f(state{Checked: testNow.Add(-29 * day)}, sellsNot, unknown, "own.site.example: last confirmed 696h0m0s ago")
	f(state{Checked: testNow.Add(time.Hour)}, sellsNot, unauthorised, "")
	f(state{Checked: testNow, Failed: testNow, Why: "got HTTP status 500"}, sellsNot, unauthorised, "")
	f(state{Failed: testNow, Why: "got HTTP status 500"}, "", unknown, "status 500")
	f(state{Checked: testNow, Absent: true}, "", authorised, "") // it has none: the root's holds
	f(state{Checked: testNow.Add(-29 * day), Absent: true}, "", unknown, "last confirmed")
	f(state{Checked: testNow}, "<html>", unknown, errHTML.Error())
	f(state{Checked: testNow}, "", unknown, errNoLine.Error())
}

// TestLoadRootLost: whether a lost root's file named the subdomain is not known,
// and the subdomain's own file holds.
func TestLoadRootLost(t *testing.T) {
	dir := world{"public_suffix_list.dat": testSuffixes, "ads.txt/own.site.example": sells}.write(t)
	writeTest(t, dir, "ads.txt/site.example", state{Failed: testNow, Why: "got HTTP status 500"}, "")
	s := mustLoad(t, dir)
	if a, b := sellsOn(s, "own.site.example"), sellsOn(s, "site.example"); a != authorised || b != unknown {
		t.Errorf("got %v, %v; want the subdomain's file to hold, and the root unknown", a, b)
	}
}

func TestLoadForeignFiles(t *testing.T) {
	dir := world{"ads.txt/site.example": sells}.write(t)
	other := filepath.Join(dir, "ads.txt", "plain.example") // of another crawler
	for path, body := range map[string]string{
		other: sells,
		filepath.Join(dir, "ads.txt", "UP.example"):  sells,
		filepath.Join(dir, "ads.txt", "README"):      "x",
		filepath.Join(dir, "ads.txt", ".tmp-123"):    "half",
		filepath.Join(dir, "ads.txt", "bad.example"): "#bidhawk {\n" + sells,
		filepath.Join(dir, "ads.txt", "cut.example"): "#bidhawk {}",
	} {
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(other, testNow, testNow.Add(-27*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	s := mustLoad(t, dir)
	if got := sellsOn(s, "plain.example"); got != authorised {
		t.Errorf("a plain file: got %v; want it in force", got)
	}
	var files []string
	for _, p := range s.Report().Problems {
		files = append(files, p.File)
	}
	slices.Sort(files)
	want := []string{"ads.txt/README", "ads.txt/UP.example", "ads.txt/bad.example", "ads.txt/cut.example"}
	if !slices.Equal(files, want) || s.Report().Broken != 4 {
		t.Errorf("got problems %v, %d broken; want %v", files, s.Report().Broken, want)
	}
	if err := os.Chtimes(other, testNow, testNow.Add(-29*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s := mustLoad(t, dir); sellsOn(s, "plain.example") != unknown || s.Report().Stale != 1 {
		t.Error("a plain file of 29 days holds; want it stale")
	}
}

func TestLoadReport(t *testing.T) {
	s := mustLoad(t, world{
		"ads.txt/a.example":        sells + sellsNot + "broken\ninventorypartnerdomain=p.example\n",
		"ads.txt/b.example":        sells + sellsNot + "broken\ninventorypartnerdomain=p.example\n", // the same text
		"app-ads.txt/dev.example":  sells,
		"sellers.json/ssp.example": sellersJSON("1 PUBLISHER a.example", "2 BOTH", "1 INTERMEDIARY twice.example"),
		"sellers.json/bad.example": `{"sellers":[{"seller_id":"1"},`,
		"bundles.tsv":              "com.example.game\thttps://www.dev.example/about\n# comment\nbroken\n",
	}.write(t))
	r := s.Report()
	r.At, r.Bytes, r.Problems = time.Time{}, 0, nil
	want := Report{Sites: 2, Developers: 1, Systems: 1, Bundles: 1, Listings: 3, Sellers: 2, BadLines: 2, Broken: 1}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v; want %+v", r, want)
	}
	if i, ok := s.sellers.find(identify(s, "ssp.example", "1").key); !ok || s.facts[i].kind() != SellerPublisher {
		t.Error("a seller that is listed twice: want the first entry")
	}
}

func TestLoadRefuses(t *testing.T) {
	f := func(w world, want string) {
		t.Helper()
		if s, err := Load(w.write(t), testNow); err == nil || s != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, %v; want %q", s, err, want)
		}
	}
	f(world{"public_suffix_list.dat": "// empty\n"}, "got no rule")
	f(world{"bundles.tsv": strings.Repeat("x", 70_000)}, "bundles.tsv: ")
	f(world{"ads.txt": "not a folder"}, "ads.txt")
	if _, err := Load(filepath.Join(t.TempDir(), "none"), testNow); err == nil {
		t.Error("a directory that is not there: got no error")
	}
	if _, err := LoadMaxAge(t.TempDir(), testNow, 0); err == nil {
		t.Error("max age 0: got no error")
	}
	if s := mustLoad(t, t.TempDir()); s.Report().Sites != 0 {
		t.Error("an empty directory: want an empty snapshot")
	}
}

// FuzzReadState: no panic on the head of any cache file; the body is what comes
// after it; and what was read is read again when it is written.
func FuzzReadState(f *testing.F) {
	f.Add([]byte("#bidhawk {\"checked\":\"2026-11-25T12:00:00Z\"}\nssp.example, 1, DIRECT\n"))
	f.Add([]byte("#bidhawk \n"))
	f.Add([]byte("plain"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(b), maxStateLine)
		s, told, err := readState(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r)
		if err != nil || !bytes.HasSuffix(b, body) || !told && len(body) != len(b) {
			t.Fatalf("got body %q, %v of %q", body, err, b)
		}
		line, err := s.line()
		if err != nil {
			return // a time that JSON can't hold, or text that grows by its escapes
		}
		again, told, err := readState(bufio.NewReaderSize(bytes.NewReader(append(line, body...)), maxStateLine))
		if err != nil || !told || !again.Checked.Equal(s.Checked) || again.ETag != s.ETag || again.Absent != s.Absent || again.Why != s.Why {
			t.Fatalf("got %+v, %v, %v; want %+v", again, told, err, s)
		}
	})
}

func FuzzParseBundles(f *testing.F) {
	f.Add("com.example.game\thttps://dev.example/x\nplay.google.com:a\tdev.example\r\n#\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows := 0
		bad, _ := parseBundles(strings.NewReader(text), func(app, host string) {
			rows++
			if d, ok := domainOf(host); !ok || d != host || app == "" || len(app) > maxBundle {
				t.Fatalf("%q: got %q, %q", text, app, host)
			}
		})
		if rows+bad > strings.Count(text, "\n")+1 {
			t.Fatalf("%q: got %d rows, %d bad", text, rows, bad)
		}
	})
}
