package supply

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares got to testdata/name, which -update rewrites.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func testFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseAdsTxtGolden(t *testing.T) {
	a, err := ParseAdsTxt(testFile(t, "news.ads.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range a.Records {
		fmt.Fprintf(&b, "%+v\n", r)
	}
	fmt.Fprintf(&b, "owner %s\nmanagers %+v\nsubdomains %v\npartners %v\ncontacts %q\nbad %d\n",
		a.Owner, a.Managers, a.Subdomains, a.Partners, a.Contacts, a.BadLines)
	golden(t, "news.ads.golden", b.String())
}

func TestParseAdsTxtLine(t *testing.T) {
	f := func(line string, want Record) {
		t.Helper()
		a, err := ParseAdsTxt([]byte(line))
		switch {
		case want == Record{}:
			if err == nil {
				t.Errorf("%q: got %+v; want none", line, a)
			}
		case err != nil:
			t.Errorf("%q: %v", line, err)
		case len(a.Records) != 1 || a.Records[0] != want || a.BadLines != 0:
			t.Errorf("%q: got %+v; want %+v", line, a, want)
		}
	}
	// The examples of ads.txt 4.1 to 4.3 and 4.9.
	f("greenadexchange.com, XF7342, DIRECT, 5jyxf8k54 ", Record{"greenadexchange.com", "XF7342", Direct, "5jyxf8k54"})
	f("redssp.com, 57013, RESELLER", Record{"redssp.com", "57013", Reseller, ""})
	f("placeholder.example.com, placeholder, DIRECT, placeholder", Record{"placeholder.example.com", "placeholder", Direct, "placeholder"})
	f("A.example., 1, dIrEcT ; x=1, y", Record{"a.example", "1", Direct, ""})
	f("a.example,1,DIRECT,c,d,e", Record{"a.example", "1", Direct, "c"})
	f("a.example, x=y, DIRECT", Record{"a.example", "x=y", Direct, ""})
	f("a.example, 100%, DIRECT", Record{"a.example", "100%", Direct, ""})
	f("a.example\t1\tDIRECT", Record{})
	f("a.example, 1, DIRECTLY", Record{})
	f("localhost, 1, DIRECT", Record{})
	f("a..example, 1, DIRECT", Record{})
	f("a.example, "+strings.Repeat("x", maxAccount+1)+", DIRECT", Record{})
	f("a.example, 1, DIRECT, "+strings.Repeat("x", maxTextLine), Record{})
}

func TestParseAdsTxtRefuses(t *testing.T) {
	f := func(body string, want error) {
		t.Helper()
		if _, err := ParseAdsTxt([]byte(body)); !errors.Is(err, want) {
			t.Errorf("%.40q: got %v; want %v", body, err, want)
		}
	}
	f("", errNoLine)
	f("# nothing but a comment\n", errNoLine)
	f("Not Found\n", errNoLine)
	f("error=404\n", errNoLine)
	f("\ufeff \n<!DOCTYPE html><p>ssp.example, 1, DIRECT", errHTML)
	f("ssp.example, 1, DIRECT\n\x00", errBinary)
	f("ssp.example, 1, DIRECT\n"+strings.Repeat("#\n", maxTextBytes/2), errTooLong)
	f("contact=x@site.example", nil)
	f("<!-- -->", errHTML)
}

func TestParseAdsTxtBounds(t *testing.T) {
	var b strings.Builder
	for i := range maxPointers + 7 {
		fmt.Fprintf(&b, "subdomain=s%d.site.example\ninventorypartnerdomain=p%d.example\n", i, i)
	}
	a, err := ParseAdsTxt([]byte(b.String()))
	if err != nil || len(a.Subdomains) != maxPointers || len(a.Partners) != maxPointers || a.BadLines != 14 {
		t.Errorf("got %d subdomains, %d partners, %d bad, %v; want 1000, 1000, 14",
			len(a.Subdomains), len(a.Partners), a.BadLines, err)
	}
}

// FuzzParseAdsTxt: no panic; what is kept is in its bounds; and a file written
// from what was read reads the same.
func FuzzParseAdsTxt(f *testing.F) {
	f.Add(testFile(f, "news.ads.txt"))
	f.Add([]byte("a.example,1,DIRECT\rb.example,2,RESELLER;\nmanagerdomain=a.example,de"))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := ParseAdsTxt(body)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, r := range a.Records {
			if d, ok := domainOf(r.AdSystem); !ok || d != r.AdSystem || r.Account == "" || len(r.Account) > maxAccount {
				t.Fatalf("%q: got record %+v", body, r)
			}
			if strings.ContainsAny(r.Account+r.CertID, "%,;#\r\n=") || trim(r.Account) != r.Account || !utf8.ValidString(r.Account+r.CertID) {
				return // written again it needs escapes
			}
			fmt.Fprintf(&b, "%s,%s,%s,%s\n", r.AdSystem, r.Account, map[Relationship]string{Direct: "direct", Reseller: "reseller"}[r.Relation], r.CertID)
		}
		if len(a.Records) == 0 {
			return
		}
		again, err := ParseAdsTxt([]byte(b.String()))
		if err != nil || !reflect.DeepEqual(again.Records, a.Records) || again.BadLines != 0 {
			t.Fatalf("%q: got %+v, %v; want %+v", b.String(), again, err, a.Records)
		}
	})
}
