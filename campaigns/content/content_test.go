package content

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func load(t testing.TB) *Taxonomies {
	t.Helper()
	x, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestKnown(t *testing.T) {
	x := load(t)
	f := func(cattax int, id string, want bool) {
		t.Helper()
		if got := x.Known(cattax, id); got != want {
			t.Errorf("Known(%d, %q) = %v; want %v", cattax, id, got, want)
		}
	}
	f(1, "IAB1", true)
	f(1, "IAB26-4", true)
	f(1, "iab1", false)
	f(1, "IAB27", false)
	f(1, "IAB1-8", false)
	f(1, "IAB Code", false)
	f(1, "", false)
	for _, cattax := range []int{2, 5, 6} {
		f(cattax, "379", true) // News and Politics
		f(cattax, "1480", true)
		f(cattax, "JLBCU7", false) // Entertainment, of 3.0 on
	}
	for _, cattax := range []int{7, 9} {
		f(cattax, "379", false)
		f(cattax, "JLBCU7", true)
		f(cattax, "jlbcu7", false)
	}
	f(6, "Unique ID", false)
	for _, cattax := range []int{-1, 0, 3, 4, 8, 10, 500} { // products, audiences, an exchange's own
		f(cattax, "1", false)
	}
}

// TestTheWholeFilesAreRead: as many categories as the published files have.
func TestTheWholeFilesAreRead(t *testing.T) {
	x := load(t)
	for e, want := range map[edition]int{v10: 392, v22: 1196, v31: 704} {
		if got := len(x.tables[e].order); got != want {
			t.Errorf("%s: got %d categories; want %d", e, got, want)
		}
	}
}

func TestAncestors(t *testing.T) {
	x := load(t)
	f := func(cattax int, id, want string) {
		t.Helper()
		if got := strings.Join(x.Ancestors(cattax, id), " "); got != want {
			t.Errorf("Ancestors(%d, %q) = %s; want %s", cattax, id, got, want)
		}
	}
	f(1, "IAB7-39", "IAB7")
	f(1, "IAB7", "")
	f(6, "565", "561 560 552")
	f(6, "497", "496 483") // Horse Racing: as its tiers say, below Equine Sports
	f(6, "Rm3SiT", "v9i3On")
	f(9, "376", "371 SPSHQ5") // Public Radio: below Talk Radio
	f(9, "MQ2XML", "685 680")
	f(9, "nothing", "")
	f(3, "1", "")
}

func TestEquivalents(t *testing.T) {
	x := load(t)
	f := func(from int, id string, to int, want string, wantExact bool) {
		t.Helper()
		ids, exact := x.Equivalents(from, id, to)
		if got := strings.Join(ids, " "); got != want || exact != wantExact {
			t.Errorf("Equivalents(%d, %q, %d) = %s, %v; want %s, %v", from, id, to, got, exact, want, wantExact)
		}
	}
	f(1, "IAB2", 6, "1", true) // by name
	f(6, "1", 1, "IAB2", true)
	f(1, "IAB2", 9, "1", true)
	f(1, "IAB2-15", 6, "27", true) // "Mororcycles", by hand
	f(1, "IAB1-5", 9, "324", true)
	f(1, "IAB8-4", 6, "214", false) // Chinese Cuisine is a part of World Cuisines
	f(6, "214", 1, "IAB8-1 IAB8-11 IAB8-13 IAB8-14 IAB8-15 IAB8-3 IAB8-4 IAB8-7", false)
	f(1, "IAB8-18", 6, "211 pg0WhF", false) // Wine: alcohol is a sensitive topic too
	f(1, "IAB25-3", 6, "Rm3SiT", false)
	f(1, "IAB25-3", 9, "Rm3SiT", false)
	f(1, "IAB7", 6, "223 286", false)
	f(6, "319", 1, "IAB7", false)                // Medical Tests: of its parent
	f(6, "31", 1, "IAB13-6 IAB2", false)         // Auto Insurance is Insurance and Automotive
	f(6, "379", 9, "380 381 383 386 390", false) // News and Politics fell apart
	f(6, "382", 9, "380 381 383 386 390", false)
	f(9, "380", 6, "380", true)
	f(9, "386", 6, "386", true)
	f(6, "174", 9, "386 8VZQHL", false) // Political Events are gone
	f(9, "JLBCU7", 6, "1014", false)    // Entertainment
	f(9, "JLBCU7", 1, "IAB1", false)
	f(1, "IAB13-3", 6, "391", false) // Financial News: of its parent
	f(9, "WQC6HR", 6, "602", false)  // Maps & Navigation is new
	f(6, "45", 9, "42 645", false)   // Children's Literature is gone
	f(6, "6", 6, "6", true)
	f(6, "6", 2, "6", true)
	f(1, "IAB24", 6, "", false) // Uncategorized says nothing
	f(6, "1068", 1, "", false)  // English says nothing of a subject
	f(6, "1068", 9, "", false)
	f(1, "IAB99", 6, "", false)
	f(1, "IAB1", 3, "", false)
	f(3, "1", 1, "", false)
	f(3, "1", 3, "", false)
}

func TestClaims(t *testing.T) {
	x := load(t)
	blocks := func(cattax int, cats string, listTax int, list string, want bool) {
		t.Helper()
		claims := x.Claims(cattax, strings.Fields(cats))[listTax]
		got := false
		for _, id := range strings.Fields(list) {
			_, found := slices.BinarySearch(claims, id)
			got = got || found
		}
		if got != want {
			t.Errorf("a list %s of %d against %s of %d: got %v; want %v (claims %v)", list, listTax, cats, cattax, got, want, claims)
		}
	}
	// Within one taxonomy: a category and its parents.
	blocks(1, "IAB7-39", 1, "IAB7", true)
	blocks(1, "IAB7-39", 1, "IAB7-39", true)
	blocks(1, "IAB7", 1, "IAB7-39", false)
	blocks(1, "IAB7-39", 1, "IAB7-3 IAB8", false)
	blocks(9, "MQ2XML", 7, "680", true)
	// The same subject in another.
	blocks(1, "IAB7-39", 6, "307", true)
	blocks(1, "IAB7-39", 6, "286", true)
	blocks(1, "IAB7-39", 2, "287", true)
	blocks(1, "IAB7-39", 6, "223 301 483", false)
	blocks(6, "307", 1, "IAB7-39", true)
	blocks(6, "307", 1, "IAB7", true)
	blocks(6, "308", 1, "IAB7-39", true) // Sexual Conditions: by its parent
	blocks(6, "565", 1, "IAB18-6", true) // Women's Jewelry is part of Accessories
	blocks(6, "565", 9, "552", true)
	blocks(6, "44", 9, "42", true) // Biographies are books in 2.2, a genre in 3.1
	blocks(9, "MQ2XML", 6, "Rm3SiT", true)
	blocks(9, "ZJG29S", 1, "IAB9-7", true)
	blocks(1, "IAB2-10", 9, "22", true)
	blocks(1, "IAB9-9", 9, "pg0WhF", true)
	// What is wider there, or beside it, is not meant.
	blocks(6, "1", 1, "IAB2-10", false)
	blocks(6, "3", 1, "IAB20", false)
	blocks(6, "398", 1, "IAB13-3", false)
	blocks(1, "IAB1-5", 6, "338", false)
	blocks(9, "483", 1, "IAB1", false) // Sports, though Sporting Events were entertainment
	blocks(6, "176", 9, "483", true)
	blocks(6, "602", 1, "IAB3", false)
	blocks(1, "IAB3-4", 6, "602", true)
	// Several categories: any of them.
	blocks(1, "IAB2 IAB20", 6, "653", true)
	blocks(6, "1 1068", 1, "IAB2", true)
	blocks(6, "1 1068", 1, "IAB20", false)
}

func TestClaimsHaveAListForEachKnownTaxonomy(t *testing.T) {
	x := load(t)
	got := x.Claims(1, []string{"IAB2-20", "IAB2-7"})
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, CatTaxes()) {
		t.Errorf("got lists of %v; want %v", keys, CatTaxes())
	}
	if want := []string{"IAB2", "IAB2-20", "IAB2-7"}; !slices.Equal(got[1], want) {
		t.Errorf("got %v; want %v", got[1], want)
	}
	if want := []string{"1", "2", "4", "9"}; !slices.Equal(got[6], want) || !slices.Equal(got[9], want) {
		t.Errorf("got %v and %v; want %v", got[6], got[9], want)
	}
	// Nothing can be told of these in another taxonomy.
	if got := x.Claims(1, []string{"IAB24"}); len(got[6]) != 0 || len(got[9]) != 0 || !slices.Equal(got[1], []string{"IAB24"}) {
		t.Errorf("got %v", got)
	}
	// A category that the table does not have still blocks itself.
	if got := x.Claims(1, []string{"IAB99"}); !slices.Equal(got[1], []string{"IAB99"}) {
		t.Errorf("got %v", got)
	}
	if got := x.Claims(8, []string{"1002", "1001", "1002"}); len(got) != 1 || !slices.Equal(got[8], []string{"1001", "1002"}) {
		t.Errorf("got %v", got)
	}
}

func TestBrokenTables(t *testing.T) {
	f := func(rows []row, want string) {
		t.Helper()
		if _, err := newTable(v22, rows); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v; want an error with %q", rows, err, want)
		}
	}
	f(nil, "no category")
	f([]row{{id: "1"}, {id: "1"}}, "twice")
	f([]row{{id: "1", parent: "2"}}, `"2" is not there`)
	f([]row{{id: "1", parent: "2"}, {id: "2", parent: "1"}}, "own ancestor")
	f([]row{{id: "1", parent: "1"}}, "own ancestor")

	x := load(t)
	g := func(line, want string) {
		t.Helper()
		b := &bridge{older: x.tables[v10], newer: x.tables[v22]}
		if err := b.parse("# a comment\n" + line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v; want an error with %q", line, err, want)
		}
	}
	g("IAB1\tsame", "line 2: got 2 columns")
	g("IAB1\talike\t42", `line 2: relation "alike"`)
	g("IAB0\tsame\t42", `line 2: "IAB0": must be a category of 1.0`)
	g("IAB1\tsame\t42 x", `line 2: "x": must be a category of 2.2`)
}

func TestPlainNames(t *testing.T) {
	f := func(a, b string, want bool) {
		t.Helper()
		if got := plain(a) == plain(b); got != want {
			t.Errorf("%q (%s) and %q (%s): got %v", a, plain(a), b, plain(b), got)
		}
	}
	f("Books & Literature", "Books and Literature", true)
	f("Scuba Diving", " scuba-diving", true)
	f("Men's Health", "Mens Health", true)
	f("Resume Writing/Advice", "Resume Writing and Advice", true)
	f("Business", "Business and Finance", false)
}

// subjects are the categories that say what something is about.
func subjects(t *table) (ids []string) {
	for _, id := range t.order {
		if !t.isVector(id) && (t.edition != v10 || id != "IAB24") {
			ids = append(ids, id)
		}
	}
	return ids
}

// cattaxOf is the AdCOM number of a table, the newest.
func cattaxOf(e edition) int { return [editions]int{1, 6, 9}[e] }

func TestEverySubjectMaps(t *testing.T) {
	x := load(t)
	forEachPair(func(from, to edition) {
		for _, id := range subjects(x.tables[from]) {
			if ids, _ := x.Equivalents(cattaxOf(from), id, cattaxOf(to)); len(ids) == 0 {
				t.Errorf("%s %s (%s): nothing in %s", from, id, x.tables[from].categories[id].name, to)
			}
		}
	})
}

// TestThereAndBack: what comes back, or what is above it, holds the category or
// an ancestor of it.
func TestThereAndBack(t *testing.T) {
	x := load(t)
	forEachPair(func(from, to edition) {
		a, b := cattaxOf(from), cattaxOf(to)
		for _, id := range subjects(x.tables[from]) {
			there, exact := x.Equivalents(a, id, b)
			var back []string
			for _, other := range there {
				ids, _ := x.Equivalents(b, other, a)
				for _, i := range ids {
					back = append(append(back, i), x.Ancestors(a, i)...)
				}
			}
			wanted := append([]string{id}, x.Ancestors(a, id)...)
			if !slices.ContainsFunc(back, func(i string) bool { return slices.Contains(wanted, i) }) {
				t.Errorf("%s %s (%s) -> %s %v -> %v", from, id, x.tables[from].categories[id].name, to, there, back)
			}
			if exact && !slices.Contains(back, id) {
				t.Errorf("%s %s -> %s %v is exact, and does not lead back", from, id, to, there)
			}
		}
	})
}

// TestClaimsNeverNarrow: what blocks a category blocks what is below it, in
// every taxonomy; and a category claims what is above whatever it claims.
func TestClaimsNeverNarrow(t *testing.T) {
	x := load(t)
	forEachPair(func(from, to edition) {
		for _, id := range subjects(x.tables[from]) {
			claims := x.claims(from, id, to)
			for _, a := range x.tables[from].ancestors(id) {
				for _, l := range x.equivalents[from][to][a].links {
					if l.covers && !slices.Contains(claims, l.id) {
						t.Errorf("%s %s: a list of %s with %s blocks its parent %s alone", from, id, to, l.id, a)
					}
				}
			}
			for _, c := range claims {
				for _, a := range x.tables[to].ancestors(c) {
					if !slices.Contains(claims, a) {
						t.Errorf("%s %s: claims %s of %s without its parent %s", from, id, c, to, a)
					}
				}
			}
		}
	})
}

func forEachPair(f func(from, to edition)) {
	for from := v10; from <= v31; from++ {
		for to := v10; to <= v31; to++ {
			if from != to {
				f(from, to)
			}
		}
	}
}

// TestCoverage says how much of the mapping is exact; docs/decisions has the figures.
func TestCoverage(t *testing.T) {
	x := load(t)
	covered := map[[2]edition][4]int{
		{v10, v22}: {225, 164, 2, 1}, {v10, v31}: {221, 160, 10, 1},
		{v22, v10}: {207, 516, 0, 473}, {v22, v31}: {659, 52, 5, 480},
		{v31, v10}: {204, 499, 1, 0}, {v31, v22}: {656, 47, 1, 0},
	}
	forEachPair(func(from, to edition) {
		exact, holds, parts, nothing := 0, 0, 0, 0
		for _, id := range x.tables[from].order {
			ids, isExact := x.Equivalents(cattaxOf(from), id, cattaxOf(to))
			links := x.equivalents[from][to][id].links
			switch {
			case len(ids) == 0:
				nothing++
			case isExact:
				exact++
			case slices.ContainsFunc(links, func(l link) bool { return l.covers }):
				holds++
			default:
				parts++
			}
		}
		t.Logf("%s -> %s: %d exact, %d to one that holds it, %d to parts, %d to nothing", from, to, exact, holds, parts, nothing)
		if want := covered[[2]edition{from, to}]; want != [4]int{exact, holds, parts, nothing} {
			t.Errorf("%s -> %s: want %v; is it in the decision?", from, to, want)
		}
	})
}

// FuzzTables: whatever a file holds, there is a table of trees or an error.
func FuzzTables(f *testing.F) {
	for e := v10; e <= v31; e++ {
		text, err := files.ReadFile("iab/content-taxonomy-" + e.String() + ".tsv")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text[:2000]))
	}
	f.Add("\n\n1\t2\ta\ta\tb\t\t\n2\t1\tb\tb\ta\t\t\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, rows := range [][]row{parseFirst(text), parseTiered(text)} {
			x, err := newTable(v22, rows)
			if err != nil {
				continue
			}
			for _, id := range x.order {
				if slices.Contains(x.ancestors(id), id) {
					t.Fatalf("%q is its own ancestor", id)
				}
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClaims(b *testing.B) {
	x := load(b)
	cats := []string{"565", "31"}
	b.ReportAllocs()
	for b.Loop() {
		x.Claims(6, cats)
	}
}
