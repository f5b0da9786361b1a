package content

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// table is one taxonomy: trees of categories.
type table struct {
	edition    edition
	order      []string // ids as they stand in the file
	categories map[string]*category
}

// category has what it needs for itself: its name and its place.
type category struct {
	name     string
	parent   string // id; "" is tier 1
	children []string
}

func (t *table) has(id string) bool { return t.categories[id] != nil }

func (t *table) ancestors(id string) (up []string) {
	for c := t.categories[id]; c != nil && c.parent != ""; c = t.categories[c.parent] {
		up = append(up, c.parent)
	}
	return up
}

// vectors are the tier 1 of 2.2 that describe content otherwise than by its
// subject: its channel, type, media format, language, source and source's place.
func (t *table) isVector(id string) bool {
	if up := t.ancestors(id); len(up) > 0 {
		id = up[len(up)-1]
	}
	switch id {
	case "1000", "1010", "1022", "1030", "1215", "1219":
		return t.edition == v22
	}
	return false
}

// row is one line of a published file.
type row struct {
	id, parent, name string
	tiers            []string
}

func readTable(e edition) (*table, error) {
	name := "iab/content-taxonomy-" + e.String() + ".tsv"
	text, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	parse := parseTiered
	if e == v10 {
		parse = parseFirst
	}
	t, err := newTable(e, parse(string(text)))
	if err != nil {
		return nil, fmt.Errorf("content: %s: %w", name, err)
	}
	return t, nil
}

// parseFirst reads the file of 1.0: code, tier, category; a code's parent is
// what stands before its dash.
func parseFirst(text string) (rows []row) {
	for line := range lines(text, 1) {
		cells := split(line)
		if len(cells) < 3 || cells[0] == "" {
			continue
		}
		parent, _, child := strings.Cut(cells[0], "-")
		if !child {
			parent = ""
		}
		rows = append(rows, row{id: cells[0], parent: parent, name: cells[2]})
	}
	return rows
}

// parseTiered reads a file of 2.x or 3.x: id, parent, name and the names of the
// four tiers, below two header rows.
func parseTiered(text string) (rows []row) {
	for line := range lines(text, 2) {
		cells := split(line)
		if len(cells) < 7 || cells[0] == "" {
			continue
		}
		r := row{id: cells[0], parent: cells[1], name: cells[2]}
		for _, tier := range cells[3:7] {
			if tier != "" {
				r.tiers = append(r.tiers, tier)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func lines(text string, headers int) func(func(string) bool) {
	return func(yield func(string) bool) {
		n := 0
		for line := range strings.Lines(text) {
			if n++; n > headers && !yield(strings.TrimRight(line, "\r\n")) {
				return
			}
		}
	}
}

func split(line string) []string {
	cells := strings.Split(line, "\t")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

func newTable(e edition, rows []row) (*table, error) {
	t := &table{edition: e, categories: map[string]*category{}}
	byTiers := map[string]string{} // the names from tier 1 on
	for _, r := range rows {
		if t.has(r.id) {
			return nil, fmt.Errorf("category %q is there twice", r.id)
		}
		t.order = append(t.order, r.id)
		t.categories[r.id] = &category{name: r.name, parent: r.parent}
		if key := strings.Join(r.tiers, "\t"); byTiers[key] == "" {
			byTiers[key] = r.id
		}
	}
	for _, r := range rows {
		if len(r.tiers) > 1 {
			t.refine(r, byTiers[strings.Join(r.tiers[:len(r.tiers)-1], "\t")])
		}
	}
	return t, t.link()
}

// refine puts r under the category that its tiers name where that is itself a
// child of the parent that r names: "Horse Racing" names "Sports" as its parent,
// and stands under "Equine Sports".
func (t *table) refine(r row, byTiers string) {
	if c := t.categories[byTiers]; c != nil && byTiers != r.parent && byTiers != r.id && c.parent == r.parent {
		t.categories[r.id].parent = byTiers
	}
}

// link notes the children, and makes sure that there are only trees.
func (t *table) link() error {
	if len(t.order) == 0 {
		return errors.New("no category was found")
	}
	for _, id := range t.order {
		c := t.categories[id]
		if c.parent == "" {
			continue
		}
		p := t.categories[c.parent]
		if p == nil {
			return fmt.Errorf("category %q: its parent %q is not there", id, c.parent)
		}
		p.children = append(p.children, id)
		for at, steps := c, 0; at.parent != ""; at, steps = t.categories[at.parent], steps+1 {
			if steps > len(t.order) {
				return fmt.Errorf("category %q is its own ancestor", id)
			}
			if t.categories[at.parent] == nil {
				break // named when its own turn comes
			}
		}
	}
	return nil
}

// plain is a name without what spellings differ in: "Books & Literature" and
// "Books and Literature" are one.
func plain(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "'", "")
	name = strings.ReplaceAll(strings.ReplaceAll(name, "&", " and "), "/", " and ")
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), " ")
}
