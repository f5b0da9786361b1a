package taxonomy

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/campaigns/yamltree"
)

const small = `version: 1
tags:
  - tag: auto
    number: 100
    name: Automotive
    iab: 243
    tags:
      - tag: suv
        number: 110
        name: SUVs
        tags:
          - tag: compact
            number: 111
            name: Compact
            tags: [{tag: hybrid, number: 112, name: Hybrid}]
  - {tag: travel, number: 200, name: Travel}
`

func load(t testing.TB, s string) *Taxonomy {
	t.Helper()
	tx, err := Load(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestNumberAndPath(t *testing.T) {
	tx := load(t, small)
	f := func(path string, n campaigns.TagNumber) {
		t.Helper()
		if got, ok := tx.Number(path); got != n || !ok {
			t.Errorf("%s: got %d, %v; want %d", path, got, ok, n)
		}
		if got, ok := tx.Path(n); got != path || !ok {
			t.Errorf("%d: got %q, %v; want %q", n, got, ok, path)
		}
	}
	f("auto", 100)
	f("auto/suv/compact/hybrid", 112)
	for _, unknown := range []string{"", "suv", "auto/", "/auto", "Auto", "auto/van", "list/", "list/No", "list"} {
		if n, ok := tx.Number(unknown); ok || n != 0 {
			t.Errorf("%q: got %d; want none", unknown, n)
		}
	}
	if _, ok := tx.Path(101); ok {
		t.Error("101 is no tag")
	}
	if tag, ok := tx.Tag(111); !ok || tag != (Tag{"auto/suv/compact", "Compact", 111, 0, 3}) {
		t.Errorf("got %+v", tag)
	}
}

func TestLists(t *testing.T) {
	tx := load(t, small)
	n, ok := tx.Number("list/vip")
	if !ok || n != tx.ListNumber("vip") || !n.IsList() || n == tx.ListNumber("vip2") {
		t.Errorf("got %d, %v", n, ok)
	}
	// Stored profiles hold this number: it must never change.
	if n != 0xa6a8cec8 {
		t.Errorf("got %#x; the number of a list changed", n)
	}
	if _, ok := tx.Path(n); ok {
		t.Error("a list has no path")
	}
	if got := tx.AppendAncestors(nil, campaigns.NewTagKey(7, n)); len(got) != 0 {
		t.Errorf("a list has no ancestors: got %v", got)
	}
}

func TestAncestorsAndDescendants(t *testing.T) {
	tx := load(t, small)
	got := tx.AppendAncestors([]campaigns.TagKey{1}, campaigns.NewTagKey(7, 112))
	want := []campaigns.TagKey{1, campaigns.NewTagKey(7, 111), campaigns.NewTagKey(7, 110), campaigns.NewTagKey(7, 100)}
	if !slices.Equal(got, want) {
		t.Errorf("got %x; want %x", got, want)
	}
	for _, none := range []campaigns.TagNumber{0, 5, 100, 200, MaxNumber, 1<<32 - 1} {
		if got := tx.AppendAncestors(nil, campaigns.NewTagKey(1, none)); len(got) != 0 {
			t.Errorf("%d: got %v; want none", none, got)
		}
	}
	if got := tx.Descendants(100); !slices.Equal(got, []campaigns.TagNumber{110, 111, 112}) {
		t.Errorf("got %v", got)
	}
	if got := tx.Children(0); !slices.Equal(got, []campaigns.TagNumber{100, 200}) {
		t.Errorf("got %v", got)
	}
}

func TestBadFilesNameTheLine(t *testing.T) {
	f := func(name, yaml string, line int, path, rule string) {
		t.Helper()
		_, err := Load(strings.NewReader(yaml))
		var e *yamltree.Error
		if !errors.As(err, &e) || len(e.Problems) != 1 {
			t.Errorf("%s: got %v; want one problem", name, err)
			return
		}
		if p := e.Problems[0]; p.Line != line || p.Path != path || !strings.Contains(p.Rule, rule) {
			t.Errorf("%s: got %+v; want line %d, %s, %q", name, p, line, path, rule)
		}
	}
	head := "version: 1\ntags:\n- {tag: a, number: 1, name: A}\n"
	f("same number", head+"- {tag: b, number: 1, name: B}\n", 4, "tags[1].number", "a has it")
	f("same path", head+"- {tag: a, number: 2, name: B}\n", 4, "tags[1].tag", "unique")
	f("number 0", head+"- {tag: b, number: 0, name: B}\n", 4, "tags[1].number", "1 to")
	f("list bit", head+"- {tag: b, number: 2147483649, name: B}\n", 4, "tags[1].number", "1 to")
	f("no number", head+"- tag: b\n  name: B\n", 4, "tags[1].number", "1 to")
	f("bad segment", head+"- {tag: B/c, number: 2, name: B}\n", 4, "tags[1].tag", "a-z")
	f("long segment", head+"- {tag: "+strings.Repeat("a", 61)+", number: 2, name: B}\n", 4, "tags[1].tag", "at most 60")
	f("list", head+"- {tag: list, number: 2, name: B}\n", 4, "tags[1].tag", "lists")
	f("no name", head+"- {tag: b, number: 2}\n", 4, "tags[1].name", "1 to 200")
	f("bad iab", head+"- {tag: b, number: 2, name: B, iab: -1}\n", 4, "tags[1].iab", "IAB")
	f("unknown key", head+"- {tag: b, number: 2, name: B, nam: x}\n", 4, "tags[1].nam", "not a known key")
	f("version", "version: 2\ntags: [{tag: a, number: 1, name: A}]\n", 1, "version", "must be 1")
	f("empty", "version: 1\n", 1, "tags", "at least one")
	f("too deep", "version: 1\ntags:\n- tag: a\n  number: 1\n  name: A\n  tags:\n  - tag: b\n    number: 2\n    name: B\n    tags:\n    - tag: c\n      number: 3\n      name: C\n      tags:\n      - tag: d\n        number: 4\n        name: D\n        tags:\n        - {tag: e, number: 5, name: E}\n",
		19, "tags[0].tags[0].tags[0].tags[0].tags", "deeper than 4")
}

// TestAgainstPaths: whatever the tree, ancestors and descendants agree with the
// paths cut at their slashes.
func TestAgainstPaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		next := int64(0)
		var grow func(level int) []entry
		grow = func(level int) []entry {
			out := make([]entry, rapid.IntRange(0, 3).Draw(t, "n"))
			for i := range out {
				next += int64(rapid.IntRange(1, 50).Draw(t, "gap"))
				out[i] = entry{Tag: fmt.Sprintf("t%d", i), Number: next, Name: "x"}
				if level < Levels {
					out[i].Tags = grow(level + 1)
				}
			}
			return out
		}
		b := newBuilder(yamltree.Lines{})
		b.add(grow(1), 0, "", "tags", 1)
		if len(b.problems) > 0 {
			t.Fatal(b.problems)
		}
		for _, tag := range b.t.tags {
			var want []campaigns.TagKey
			for p := tag.Path; strings.Contains(p, "/"); {
				p = p[:strings.LastIndexByte(p, '/')]
				n, ok := b.t.Number(p)
				if !ok {
					t.Fatalf("%s: no parent %s", tag.Path, p)
				}
				want = append(want, campaigns.NewTagKey(9, n))
			}
			if got := b.t.AppendAncestors(nil, campaigns.NewTagKey(9, tag.Number)); !slices.Equal(got, want) {
				t.Fatalf("%s: got %v; want %v", tag.Path, got, want)
			}
			var below []campaigns.TagNumber
			for _, other := range b.t.tags {
				if strings.HasPrefix(other.Path, tag.Path+"/") {
					below = append(below, other.Number)
				}
			}
			got := b.t.Descendants(tag.Number)
			slices.Sort(got)
			slices.Sort(below)
			if !slices.Equal(got, below) {
				t.Fatalf("%s: got %v; want %v", tag.Path, got, below)
			}
		}
	})
}

func shipped(t testing.TB) *Taxonomy {
	t.Helper()
	f, err := os.Open("../../configs/taxonomy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tx, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestShippedTaxonomy(t *testing.T) {
	tx := shipped(t)
	perLevel := make([]int, Levels+1)
	for _, tag := range tx.Tags() {
		perLevel[tag.Level]++
	}
	if perLevel[1] < 18 || len(tx.Tags()) < 120 || perLevel[4] < 20 {
		t.Errorf("got %v tags per level; want at least 18 industries and 120 in all", perLevel[1:])
	}
	if n, ok := tx.Number("auto/suv"); !ok || n != 10500 {
		t.Errorf("auto/suv: got %d; the numbers of shipped tags are stable", n)
	}
}

// TestShippedIABIds compares the ids with the taxonomy as IAB Tech Lab publishes it.
func TestShippedIABIds(t *testing.T) {
	dir := os.Getenv("BIDHAWK_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	name := filepath.Join(dir, "iab", "audience-taxonomy-1.1.tsv")
	f, err := os.Open(name)
	if err != nil {
		t.Skipf("no %s: the ids of configs/taxonomy.yaml are not compared", name)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	known := map[int]string{}
	for _, row := range rows[1:] {
		if id, err := strconv.Atoi(row[1]); err == nil {
			known[id] = row[3]
		}
	}
	n := 0
	seen := map[int]string{}
	for _, tag := range shipped(t).Tags() {
		if tag.IAB == 0 {
			continue
		}
		n++
		if _, ok := known[tag.IAB]; !ok {
			t.Errorf("%s: IAB id %d does not exist", tag.Path, tag.IAB)
		}
		if other, taken := seen[tag.IAB]; taken {
			t.Errorf("%s and %s have the same IAB id %d", tag.Path, other, tag.IAB)
		}
		seen[tag.IAB] = tag.Path
	}
	if n < 100 {
		t.Errorf("only %d tags have an IAB id", n)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(small)
	f.Add("version: 1\ntags: [{tag: a, number: 1048575, name: A}]")
	f.Fuzz(func(t *testing.T, s string) {
		tx, err := Load(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, tag := range tx.tags {
			if n, ok := tx.Number(tag.Path); !ok || n != tag.Number {
				t.Fatalf("%s: got %d; want %d", tag.Path, n, tag.Number)
			}
		}
	})
}

func BenchmarkAppendAncestors(b *testing.B) {
	tx := shipped(b)
	keys := []campaigns.TagKey{}
	for _, tag := range tx.tags {
		keys = append(keys, campaigns.NewTagKey(3, tag.Number))
	}
	keys = keys[:100]
	dst := make([]campaigns.TagKey, 0, 400)
	b.ReportAllocs()
	for b.Loop() {
		dst = dst[:0]
		for _, k := range keys {
			dst = tx.AppendAncestors(dst, k)
		}
	}
}
