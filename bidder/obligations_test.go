package bidder

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// obligation is a line of testdata/obligations.tsv: one thing that a bidder must
// honour, and the tests that show that this one does.
type obligation struct {
	Row     string // of the specification's digest, which groups them
	ID      string // "banner/mimes"
	Text    string
	Section string   // of the document that asks for it
	Tests   []string // "banner-mimes.json" of testdata/golden, "TestX", or "package.TestX"
}

// obligationRows are the groups that must each have obligations, in their order.
var obligationRows = []string{
	"Transport", "Required", "Exclusive", "Defaults", "No-bid reasons (nbr)", "Auction", "Blocks", "Banner", "Video, audio",
	"Pods", "Native 1.2", "Deals", "Floors", "Imp", "DOOH", "User, device", "Supply", "Response", "Macros", "Notices",
	"Loss reasons", "ID sync",
	"Google Authorized Buyers", "Xandr", "Index, OpenX, PubMatic", "Unity, AppLovin, Smaato", "Every exchange",
}

// obligationTests is what a table of obligations is held against.
type obligationTests struct {
	rows   []string
	golden map[string][]string // the obligations that each golden file names
	tests  map[string]bool     // "TestX" of this package, "package.TestX" of others
}

const obligationsHead = "row\tid\tobligation\tsection\ttests"

func parseObligations(text string) (table []obligation, err error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != obligationsHead {
		return nil, fmt.Errorf("line 1: got %q; want %q", lines[0], obligationsHead)
	}
	for i, line := range lines[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 5 {
			return nil, fmt.Errorf("line %d: got %d fields; want 5", i+2, len(f))
		}
		table = append(table, obligation{f[0], f[1], f[2], f[3], strings.Fields(f[4])})
	}
	return table, nil
}

var obligationID = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9.-]+$`)

// check joins everything that is wrong with the table.
func (o *obligationTests) check(table []obligation) error {
	var errs []error
	f := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	rows, known := map[string]int{}, map[string]obligation{}
	for _, b := range table {
		switch {
		case !slices.Contains(o.rows, b.Row):
			f("%s: row %q is not one of the digest's", b.ID, b.Row)
		case !obligationID.MatchString(b.ID):
			f("id %q: want group/name", b.ID)
		case known[b.ID].ID != "":
			f("%s: got it twice; want it once", b.ID)
		case b.Text == "" || b.Section == "":
			f("%s: want a text and a section", b.ID)
		case len(b.Tests) == 0:
			f("%s: no test names it", b.ID)
		}
		rows[b.Row]++
		known[b.ID] = b
		for _, test := range b.Tests {
			if names, golden := o.golden[test]; golden {
				if !slices.Contains(names, b.ID) {
					f("%s: %s does not name it", b.ID, test)
				}
			} else if !o.tests[test] {
				f("%s: there is no test %s", b.ID, test)
			}
		}
	}
	for _, row := range o.rows {
		if rows[row] == 0 {
			f("row %q: no obligation", row)
		}
	}
	for file, names := range o.golden {
		if len(names) == 0 {
			f("%s: names no obligation", file)
		}
		for _, id := range names {
			if b, ok := known[id]; !ok {
				f("%s: names %q, which is no obligation", file, id)
			} else if !slices.Contains(b.Tests, file) {
				f("%s: names %s, whose line does not name it", file, id)
			}
		}
	}
	return errors.Join(errs...)
}

// testPackages are where tests of obligations are, by the name that stands before
// theirs.
var testPackages = map[string]string{
	"": ".", "consent": "consent", "exchanges": "exchanges", "identity": "identity", "markup": "markup", "offers": "offers",
	"rates": "rates", "supply": "supply", "traffic": "traffic", "openrtb": "../internal/openrtb", "campaigns": "../campaigns",
}

// foundTests reads which tests there are.
func foundTests(t *testing.T) *obligationTests {
	t.Helper()
	o := &obligationTests{rows: obligationRows, golden: map[string][]string{}, tests: map[string]bool{}}
	for _, path := range goldenFiles(t) {
		g := readGolden(t, path)
		o.golden[filepath.Base(path)] = g.Obligations
	}
	for name, dir := range testPackages {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: got no tests, %v", dir, err)
		}
		for _, file := range files {
			for _, test := range testsOf(t, file) {
				o.tests[strings.TrimPrefix(name+"."+test, ".")] = true
			}
		}
	}
	return o
}

func testsOf(t *testing.T, file string) (names []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// TestObligations holds the table against the tests that there are, and
// docs/openrtb.md against the table.
func TestObligations(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "obligations.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	table, err := parseObligations(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := foundTests(t).check(table); err != nil {
		t.Fatal(err)
	}
	rowsOfDigest(t)
	t.Log("\n" + countedObligations(table))
	page, path := obligationsPage(table), filepath.Join("..", "docs", "openrtb.md")
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if had, err := os.ReadFile(path); err != nil || string(had) != page {
		t.Fatalf("docs/openrtb.md is not what the table says (%v); go test ./bidder -run Obligations -update writes it", err)
	}
}

// rowsOfDigest compares the rows with those of the digest that they come from,
// where it lies beside the project.
func rowsOfDigest(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "shared", "OPENRTB.md"))
	if err != nil {
		t.Logf("the digest is not here: %v", err)
		return
	}
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || strings.HasPrefix(cells[1], "-") || slices.Contains([]string{"group", "exchange"}, strings.TrimSpace(cells[1])) {
			continue
		}
		if row := strings.TrimSpace(cells[1]); !slices.Contains(obligationRows, row) {
			t.Errorf("the digest has a row %q; want obligations of it", row)
		}
	}
}

func countedObligations(table []obligation) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "row\tobligations\tin golden auctions\ttests")
	sum, shown, all := 0, 0, map[string]bool{}
	for _, row := range obligationRows {
		n, golden, tests := 0, 0, map[string]bool{}
		for _, o := range table {
			if o.Row != row {
				continue
			}
			n++
			if slices.ContainsFunc(o.Tests, isGolden) {
				golden++
			}
			for _, test := range o.Tests {
				tests[test], all[test] = true, true
			}
		}
		sum, shown = sum+n, shown+golden
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", row, n, golden, len(tests))
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\n\n", sum, shown, len(all))
	for _, o := range table {
		fmt.Fprintf(w, "%s\t%s\t%s\n", o.ID, o.Section, strings.Join(o.Tests, " "))
	}
	_ = w.Flush() // of memory
	return b.String()
}

func isGolden(test string) bool { return strings.HasSuffix(test, ".json") }

// obligationsPage is docs/openrtb.md.
func obligationsPage(table []obligation) string {
	var b strings.Builder
	b.WriteString(`# OpenRTB: every obligation and its test

Generated from ` + "`bidder/testdata/obligations.tsv`" + ` by ` + "`go test ./bidder -run Obligations -update`" + `; a test fails where it
is stale, where an obligation has no test, or where a test that is named here is not there.

A name that ends in .json is a golden auction of ` + "`bidder/testdata/golden`" + `: request, campaigns, and the expected answer or
no-bid reason. Others are Go tests of ` + "`bidder`" + ` or, with a package before them, of ` + "`bidder/PACKAGE`, `internal/openrtb` and `campaigns`" + `.
Section numbers are of OpenRTB 2.6-202606 (github.com/InteractiveAdvertisingBureau/openrtb2.x, 2.6.md and implementation.md).

`)
	for _, row := range obligationRows {
		fmt.Fprintf(&b, "## %s\n\n| id | obligation | section | tests |\n|---|---|---|---|\n", row)
		for _, o := range table {
			if o.Row == row {
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", o.ID, strings.ReplaceAll(o.Text, "|", `\|`), o.Section, strings.Join(o.Tests, ", "))
			}
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// TestObligationsSeeBreaks: the check goes red for each thing that it is there
// for.
func TestObligationsSeeBreaks(t *testing.T) {
	const good = "Banner\tbanner/mimes\tmimes.\t3.2.6\tbanner-mimes.json TestX\nPods\tpods/dur\tdur.\t4.2.3\tmarkup.TestY"
	f := func(table, want string) {
		t.Helper()
		o := &obligationTests{
			rows:   []string{"Banner", "Pods"},
			golden: map[string][]string{"banner-mimes.json": {"banner/mimes"}},
			tests:  map[string]bool{"TestX": true, "markup.TestY": true},
		}
		parsed, err := parseObligations(obligationsHead + "\n" + table)
		if err == nil {
			err = o.check(parsed)
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
	edit := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	f(good, "")
	f(edit("banner-mimes.json TestX", ""), "banner/mimes: no test names it")
	f(edit(" TestX", " TestGone"), "banner/mimes: there is no test TestGone")
	f(edit("markup.TestY", "TestY"), "pods/dur: there is no test TestY")
	f(edit("banner-mimes.json", "gone.json"), "there is no test gone.json")
	f(edit("banner-mimes.json ", ""), "banner-mimes.json: names banner/mimes, whose line does not name it")
	f(edit("markup.TestY", "banner-mimes.json"), "pods/dur: banner-mimes.json does not name it")
	f(edit("banner/mimes", "banner/types"), `banner-mimes.json: names "banner/mimes", which is no obligation`)
	f(edit("\nPods\tpods/dur\tdur.\t4.2.3\tmarkup.TestY", ""), `row "Pods": no obligation`)
	f(edit("Pods\t", "Pod\t"), `row "Pod" is not one of the digest's`)
	f(edit("pods/dur\t", "banner/mimes\t"), "banner/mimes: got it twice")
	f(edit("4.2.3", ""), "pods/dur: want a text and a section")
	f(edit("pods/dur\t", "Pods Dur\t"), "want group/name")
	f(edit("\t4.2.3", ""), "line 3: got 4 fields; want 5")
}
