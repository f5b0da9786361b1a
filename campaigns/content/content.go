// Package content knows the IAB content taxonomies that categories of creatives
// and block lists are written in, and what a category of one means in another:
// a publisher blocks in one taxonomy, an advertiser declares in another.
//
// The taxonomies 1.0, 2.2 and 3.1 are the IAB Tech Lab's, embedded under CC BY
// 3.0 (see iab/README.md for the attribution). AdCOM ("List: Category
// Taxonomies") numbers them 1 for 1.0; 2, 5 and 6 for 2.0, 2.1 and 2.2; 7 and 9
// for 3.0 and 3.1. 2.2 has the ids of 2.0 and 2.1 and adds the sensitive topics;
// 3.1 is 3.0 with one genre more (700): each family is served by its newest table.
// 3, 4 and 8 are taxonomies of products and audiences, and unknown here. Sources
// and what was compared: docs/decisions/2026-11-25-content-taxonomies.md.
package content

import (
	"embed"
	"slices"
)

//go:embed iab/*.tsv links/*.tsv
var files embed.FS

// edition is one of the embedded tables.
type edition int

const (
	v10 edition = iota
	v22
	v31
	editions int = iota
)

func (e edition) String() string { return [editions]string{"1.0", "2.2", "3.1"}[e] }

// CatTaxes are the AdCOM numbers of the taxonomies that are known.
func CatTaxes() []int { return []int{1, 2, 5, 6, 7, 9} }

// editionOf returns the table that serves the AdCOM number cattax.
func editionOf(cattax int) (e edition, ok bool) {
	switch cattax {
	case 1:
		return v10, true
	case 2, 5, 6:
		return v22, true
	case 7, 9:
		return v31, true
	}
	return 0, false
}

// Taxonomies are the tables and what leads from one to another. It is immutable
// and safe for concurrent use.
type Taxonomies struct {
	tables [editions]*table
	// equivalents are those of every category, by table and by table to be reached.
	equivalents [editions][editions]map[string]equivalence
}

// Load reads the embedded tables: some milliseconds, once. An error is a defect
// of the tables.
func Load() (*Taxonomies, error) {
	t := &Taxonomies{}
	for e := v10; e <= v31; e++ {
		var err error
		if t.tables[e], err = readTable(e); err != nil {
			return nil, err
		}
	}
	oldest, err := readBridge(t.tables[v10], t.tables[v22])
	if err != nil {
		return nil, err
	}
	newest, err := readBridge(t.tables[v22], t.tables[v31])
	if err != nil {
		return nil, err
	}
	t.equivalents[v10][v22], t.equivalents[v22][v10] = oldest.forth(), oldest.back()
	t.equivalents[v22][v31], t.equivalents[v31][v22] = newest.forth(), newest.back()
	t.equivalents[v10][v31] = t.via(v10, v31)
	t.equivalents[v31][v10] = t.via(v31, v10)
	return t, nil
}

// Known says whether the taxonomy has the category. Ids are case-sensitive.
func (t *Taxonomies) Known(cattax int, id string) bool {
	e, ok := editionOf(cattax)
	return ok && t.tables[e].has(id)
}

// Ancestors are the categories above id, the nearest first; nil where there are
// none or id is not known.
func (t *Taxonomies) Ancestors(cattax int, id string) []string {
	e, ok := editionOf(cattax)
	if !ok {
		return nil
	}
	return t.tables[e].ancestors(id)
}

// Equivalents maps a category to another taxonomy. exact says that it has one
// namesake there and nothing is lost. Else ids are every category of the other
// taxonomy that it may belong to or comprises, its parents' where it has none of
// its own: more than it means rather than less. ids is nil where id is not known
// or says nothing of a subject: 1.0's "Uncategorized", and the languages, places
// and kinds of media of 2.2.
func (t *Taxonomies) Equivalents(from int, id string, to int) (ids []string, exact bool) {
	a, ok := editionOf(from)
	if !ok || !t.tables[a].has(id) {
		return nil, false
	}
	b, ok := editionOf(to)
	if !ok {
		return nil, false
	}
	if a == b {
		return []string{id}, true
	}
	q := t.equivalents[a][b][id]
	for _, l := range q.links {
		ids = append(ids, l.id)
	}
	slices.Sort(ids)
	return ids, q.exact
}
